"""The kernel of personal data and secrets against a reference in plain Python."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.signals import pii
from tests.tasks.signals.kernels import bounds_checked, imports_numba
from tests.tasks.signals.pii_reference import Find, reference
from tests.tasks.signals.texts import ANY_TEXT, real_documents

if TYPE_CHECKING:
    from pathlib import Path

# Keys are put together here, so that no scanner takes this file for a leak.
KEY = "Xa8fJ39dkq02Lmz7Bv4Tn6Rw1Ys5Ch0PgE"
RANDOM = "q7Zt2Lw9Xc4Vb8Nm1Ks6"
PEM = "-----{} RSA PRIVATE KEY-----"
BASE64 = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfnygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB"
PRIVATE_KEY = f"{PEM.format('BEGIN')}\n{BASE64}\n{BASE64[:20]}=\n{PEM.format('END')}"
WEB_TOKEN = f"eyJ{'hbGciOiJIUzI1'}.eyJ{'zdWIiOiIxMjM0'}.{'SflKxwRJSMeKKF2QT4'}"

PARTS = (
    *(
        "joe@mail.org",
        "o'brien@x.co.uk",
        "müller@münchen.de",
        "a.b+c@d-e.com",
        "@",
        "@@",
        "git@x.io",
    ),
    *(
        "x@example.com",
        "a@b",
        "..",
        "'",
        "\\",
        "\\-",
        "\\fI",
        "(",
        "_",
        "-based",
        ".Next",
        "xn--p1ai",
    ),
    *(
        "+1 212 555 1234",
        "+49 (0)30 227-0",
        "+33 1 23 45 67 89",
        "+4917012345678",
        "+7 495 1234567",
    ),
    *(
        "(212) 555-1234",
        "1-800-621-3362",
        "212.555.0134",
        "01 23 45 67 89",
        "02.04.40.60.80",
        "Tel.: ",
    ),
    *(
        "fax",
        "tél. ",
        "电话\uff1a",
        "☎",
        " nr. ",
        "030/1234567",
        "0171 - 12",
        "555-1234",
        "2001-2002",
        "+",
    ),
    *(
        "91.50.44.33",
        "2.6.32.60",
        "10.0.0.1",
        "8.8.8.8",
        "version ",
        "1.2.3.4",
        "156.33.0.0",
        "256.1",
    ),
    *(
        "2606:2800:220:1::1946",
        "2001:db8::1",
        "2a01:",
        "::",
        ":",
        "fe80::1",
        "3fff:1::2",
        "200e:1:2:3:",
    ),
    *(
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "DE89 ",
    ),
    *(
        "MT84MALT011000012345MTLCAST001S",
        "NO9386011117947",
        "4539 1488 0343 6467",
        "4539148803436467",
    ),
    *(
        "3714-496353-98431",
        "371449635398431",
        "30569309025904",
        "visa ",
        "6221 2600 1234 5678 905",
        "4000 ",
    ),
    *(
        "AKIA" + "QX3ZL7PN5WV2MD4R",
        "ASIA",
        "ghp_" + KEY + "12",
        "sk-" + KEY,
        "sk_live_",
        "xoxb-",
        "AIza",
    ),
    *(
        "AIza" + KEY[1:] + "-1",
        PRIVATE_KEY,
        PRIVATE_KEY[:-12],
        PEM.format("BEGIN"),
        "-----",
        WEB_TOKEN,
        "eyJ",
    ),
    *(
        "password = ",
        '"api_key": "',
        RANDOM,
        RANDOM + "=",
        "token=",
        '"',
        "=",
        "=>",
        "secret: '",
        "xxxx",
    ),
    *(
        "a",
        "Z",
        "7",
        "0",
        "12",
        "1234",
        " ",
        "\n",
        ".",
        ",",
        "-",
        "/",
        "é",
        "漢",
        "\u00a0",
        "\u2011",
        "x",
    ),
)
PIECES = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
CLOSE = st.text(st.sampled_from("0123456789 .-()+@a:/x'\u00a0"), max_size=60)
TEXTS = PIECES | CLOSE | ANY_TEXT | st.text()


def found(*texts: str) -> list[list[Find]]:
    """Find what there is in some texts in one batch."""
    spans = pii.spans(pa.array(texts, pa.large_string())).to_pylist()
    return [[(s["start"], s["end"], s["kind"]) for s in of_text] for of_text in spans]


def shown(text: str) -> list[tuple[str, str]]:
    """Return what is found, and its kind."""
    return [(text[start:end], kind) for start, end, kind in found(text)[0]]


@settings(max_examples=500)
@given(st.lists(TEXTS, max_size=6))
def test_equals_the_reference_on_any_text(texts: list[str]) -> None:
    assert found(*texts) == [reference(text) for text in texts]


@settings(max_examples=300)
@given(st.sampled_from(PARTS), st.sampled_from(PARTS), st.text(max_size=3), st.text(max_size=3))
def test_equals_the_reference_beside_any_character(a: str, b: str, left: str, right: str) -> None:
    text = f"{left}{a}{right}{b}"
    assert found(text) == [reference(text)]


def test_equals_the_reference_on_real_documents() -> None:
    documents = [text[:20_000] for text in real_documents()]  # the reference is slow
    for spans, text in zip(found(*documents), documents, strict=True):
        assert spans == reference(text), text[:80]


@pytest.mark.slow
def test_stays_within_its_arrays(tmp_path: Path) -> None:
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__)


def test_numba_is_imported_by_the_first_search_only() -> None:
    assert not imports_numba("tasks.signals.pii")


@given(st.lists(PIECES, max_size=9), st.data())
def test_chunks_and_slices_change_nothing(texts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(texts)))
    column = pa.array(["before a@b.de", *texts, "after"], pa.large_string())[1:-1]
    chunks = pa.chunked_array([column[:at], column[at:]])
    assert pii.spans(chunks).to_pylist() == pii.spans(column).to_pylist()


def test_bytes_that_are_no_utf8_do_no_harm() -> None:
    whole = [part.encode() for part in PARTS]
    data = [cut[:n] + b"\xf0" for cut in whole for n in (0, 1, len(cut))]
    data += [b"\xff" + cut + b"\xe2\x80" for cut in whole] + [bytes(range(256)), b"\x80@\x80.\xc3"]
    column = pa.array(data, pa.large_binary()).view(pa.large_string())
    assert len(pii.spans(column)) == len(data)


def test_threads_find_the_same() -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: found(*PARTS), range(8)))
    assert all(one == results[0] for one in results)


def test_type_holds_for_no_texts_at_all() -> None:
    for column in (pa.chunked_array([], pa.large_string()), pa.array([], pa.large_string())):
        spans = pii.spans(column)
        assert (len(spans), spans.type) == (0, pii.SPANS)


def test_spans_of_long_texts_stand_where_they_are() -> None:
    text = "漢é" * 100_000 + " joe@mail.org " + "x" * 1_000 + " ann@mail.org"
    assert shown(text) == [("joe@mail.org", "email"), ("ann@mail.org", "email")]


def test_many_finds_in_one_text() -> None:
    text = "joe@mail.org, " * 5_000
    assert len(found(text, "a", text)[2]) == 5_000


FOUND = {
    "email": (
        *("joe@mail.org", "o'brien@mail.ie", "joe.public+news@sub.mail.co.uk", "j_d%x@mail.museum"),
        *(
            "josé@müller.de",
            "JOE@MAIL.ORG",
            "a@xn--bcher-kva.xn--p1ai",
            "1@qq.com",
            "bug\\-tar@gnu.org",
        ),
    ),
    "phone": (
        *(
            "+1 212 555 2345",
            "+1 (212) 555-2345",
            "+1.2125552345",
            "+44 20 7946 0958",
            "+4917012345678",
        ),
        *(
            "+49 (0)30 227-0",
            "+33 1 23 45 67 89",
            "+7 495 123-45-67",
            "+86 10 6552 9988",
            "+353-1-6790000",
        ),
        *("(212) 555-2345", "212-555-2345", "212.555.2345", "1-800-621-3362", "1 (212) 555-2345"),
        *("01 23 45 67 89", "01.23.45.67.89", "+49\u00a030\u00a01234567", "212\u2011555\u20112345"),
    ),
    "ip": (
        *("91.50.44.33", "213.8.77.1", "2a01:238:43ed:c300:10c3:bcf3:3266:da74", "2606:2800::1946"),
        "2001:888:118e:18e2:21e:8fff:fe36:b64a",
    ),
    "iban": (
        *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"),
        *("NO9386011117947", "FR1420041010050500013M02606", "MT84MALT011000012345MTLCAST001S"),
    ),
    "card": (
        *("4539 1488 0343 6467", "4539-1488-0343-6467", "3714 496353 98431", "5425 2334 3010 9903"),
        *("3056 930902 5904", "6250 9470 0000 0014", "2223 0031 2200 3222"),
    ),
    "secret": (
        *(
            "AKIA" + "QX3ZL7PN5WV2MD4R",
            "ghp_" + KEY + "12",
            "github_pat_" + KEY * 2 + KEY[:12] + "_9",
        ),
        *(
            "glpat-" + KEY[:20],
            "xoxb-" + "1234567890-" + KEY,
            "AIza" + KEY[1:] + "-1",
            "sk_live_" + KEY[:24],
        ),
        *("sk-" + KEY + "9", "sk-proj-" + KEY + KEY, "hf_" + KEY + "a1", "npm_" + KEY + "a1"),
        *(
            WEB_TOKEN,
            PRIVATE_KEY,
            PRIVATE_KEY.replace("\n", "\\n"),
            f"{PEM.format('BEGIN')}\n{BASE64}",
        ),
    ),
}
FRAMES = ("{}", "See {}.", "({})", '"{}"', "<{}>", "a, {}; b", "请看 {} 。", "Ответ: {}!", "« {} »")


@pytest.mark.parametrize(("kind", "what"), [(k, w) for k, some in FOUND.items() for w in some])
def test_is_found(kind: str, what: str) -> None:
    for frame in FRAMES:
        text = frame.format(what)
        assert shown(text) == reference_shown(text) == [(what, kind)], text


def reference_shown(text: str) -> list[tuple[str, str]]:
    return [(text[start:end], kind) for start, end, kind in reference(text)]


@pytest.mark.parametrize(
    ("text", "what", "kind"),
    [
        ("mailto:joe@mail.org?subject=x", "joe@mail.org", "email"),
        ("Schreiben Sie an joe@mail.de.Danke", "joe@mail.de", "email"),
        ("die joe@mail.de-Adresse", "joe@mail.de", "email"),
        ("'joe@mail.de'", "joe@mail.de", "email"),
        ("f'joe@mail.de'", "joe@mail.de", "email"),
        ("Name.......joe@mail.de", "joe@mail.de", "email"),
        ("邮箱joe@mail.cn。", "joe@mail.cn", "email"),
        ("joe@mail.kr으로", "joe@mail.kr", "email"),
        ("\\fIjoe@mail.org\\fP", "joe@mail.org", "email"),
        ("Tel. 030 1234567", "030 1234567", "phone"),
        ("Tel.-Nr.: (030) 1234567-0", "(030) 1234567-0", "phone"),
        ("Fax: 0228/207-1550.", "0228/207-1550", "phone"),
        ("phone number: 212 555 2345", "212 555 2345", "phone"),
        ("Tlf. 912 345 678", "912 345 678", "phone"),
        ("电话\uff1a010-65529988", "010-65529988", "phone"),
        ("전화번호: 02-312-3456", "02-312-3456", "phone"),
        ("тел. 8 495 123-45-67", "8 495 123-45-67", "phone"),
        ("☎ 0800 789321", "0800 789321", "phone"),
        ('{"phone": "2125552345"}', "2125552345", "phone"),
        ("212-555-2345 ext. 12", "212-555-2345", "phone"),
        ("Call +1 650 967-4675 2001", "+1 650 967-4675", "phone"),
        ("http://91.50.44.33:8080/x", "91.50.44.33", "ip"),
        ("joe@91.50.44.33", "91.50.44.33", "ip"),
        ("http://[2606:2800::1946]:80/", "2606:2800::1946", "ip"),
        ("visa: 4539148803436467", "4539148803436467", "card"),
        ("Kreditkarte 371449635398431", "371449635398431", "card"),
        (f'password = "{RANDOM}"', RANDOM, "secret"),
        (f'{{"api_key": "{RANDOM}"}}', RANDOM, "secret"),
        (f"export AWS_SECRET_ACCESS_KEY={RANDOM}/x9+Kq==", f"{RANDOM}/x9+Kq==", "secret"),
        (f"clientSecret: '{RANDOM}',", RANDOM, "secret"),
        (f":token => '{RANDOM}'", RANDOM, "secret"),
        (f"url?access_token={RANDOM}&x=1", RANDOM, "secret"),
    ],
)
def test_is_found_there(text: str, what: str, kind: str) -> None:
    assert shown(text) == reference_shown(text) == [(what, kind)]


@pytest.mark.parametrize(
    "text",
    [
        # No addresses: for documentation, services, code, files.
        *("joe@example.com", "x@mail.example.org", "git@github.com:owner/name", "icon@2x.png"),
        *(
            "aes256-gcm@openssh.com",
            "@joe@mastodon.social",
            "@app.route",
            "a @ b.com",
            "joe@localhost",
        ),
        *(
            "x = A@B.mean(axis=0)",
            "self.w@self.x.call()",
            "package@1.2.3",
            "joe@mail.notatld",
            "joe@.de",
        ),
        *(
            "%s@%s.com",
            "joe@-mail.de",
            "joe.@mail.de",
            "j" * 65 + "@mail.de",
            "joe@" + "a" * 64 + ".de",
        ),
        # No telephone numbers: dates, ranges, sums, book numbers, versions, fiction.
        *(
            "2001-02-03",
            "03.04.2001 12:34",
            "1999-2001",
            "ISBN 978-0-306-40615-7",
            "ISBN 0-306-40615-2",
        ),
        *(
            "ISSN 0378-5955",
            "x + 1234567890",
            "a+1234567890",
            "+1234",
            "+0200",
            "2001-01-01T00:00:00+01:00",
        ),
        *("+20 000 000", "+33 000 000 000", "+49.1234567", "3.14159265358979", "1,234,567,890"),
        *(
            "123-456-7890",
            "212-555-0134",
            "+1 212 555 0134",
            "211-555-2345",
            "#212-555-2345",
            "$212.555.2345",
        ),
        *(
            "01 02 03 04 05",
            "02.01.01.01.02",
            "00 01 23 45 67 89 ab",
            "tel 2001-2002",
            "tel 12",
            "hôtel 0123456",
        ),
        *(
            "DFARS 252.227-7013",
            "0171 1234567",
            "533d00c1-0925-4737-88",
            "1-2-3-4-5-6-7-8-9",
            "+999 1234567",
        ),
        # No internet addresses: private, documentation, networks, versions, sections.
        *(
            "127.0.0.1",
            "10.1.50.60",
            "192.168.100.200",
            "172.20.50.60",
            "192.0.2.44",
            "203.0.113.77",
        ),
        *(
            "255.255.255.0",
            "156.33.44.0",
            "0.0.44.33",
            "8.8.8.8",
            "1.2.3.4",
            "2.3.2.1",
            "256.50.44.33",
        ),
        *(
            "version 91.50.44.33",
            "v91.50.44.33",
            "Firefox/91.50.44.33",
            "x==91.50.44.33",
            "x-91.50.44.33",
        ),
        *(
            "91.50.44.33.5",
            "91.50.44.33-beta",
            "091.50.44.33",
            "linux 2.6.32.60",
            "name-91.50.44.33.tgz",
        ),
        *(
            "::1",
            "fe80::1:2:3",
            "2001:db8::1:2",
            "fd00:1:2:3::4",
            "ff02::1:2:3",
            "x[2000::2]",
            "std::vector",
        ),
        *(
            "2023:04:12 10:11:12",
            "00:1A:2B:3C:4D:5E",
            "2606:2800:220::",
            "2001:1:2::3",
            "3fff:1::2:3",
            "12:34:56",
        ),
        # No accounts and cards: a wrong check digit, length, form or issuer.
        *(
            "DE89370400440532013001",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "DE89 37040044 0532013000",
        ),
        *("ADE89370400440532013000", "GB82WEST1234569876543A", "de89370400440532013000"),
        *("4539 1488 0343 6468", "4539 1488 0343", "9539 1488 0343 6466", "4111 1111 1111 1111"),
        *(
            "4539148803436467",
            "0.4539148803436467",
            "1990 1991 1992 1993",
            "4539 1488 0343 6467 1234",
        ),
        *("visa 4503599627370496", "x4539 1488 0343 6467", "1 4539 1488 0343 6467"),
        # No secrets: examples, placeholders, names, code, words.
        *(
            "AKIA" + "IOSFODNN7EXAMPLE",
            "ghp_" + "x" * 36,
            "sk-fading-circle-container-of-css-classes-1",
        ),
        *(
            'password = "hunter2"',
            'password = "YOUR_API_KEY_GOES_HERE"',
            "password = get_password(user1234567)",
        ),
        *(
            'api_key = "abcdefgh12345678"',
            f"name = '{RANDOM}'",
            "token = request.GET['token123456789']",
        ),
        *(
            "secret: /run/secrets/db2-2019/abc123",
            f"password: {RANDOM}.value",
            "'-----BEGIN PRIVATE KEY-----'",
        ),
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        f"{PEM.format('BEGIN').replace('PRIVATE', 'PUBLIC')}\n{BASE64}",
        *("eyJhbGciOiJIUzI1", "eyJhbGciOiJIUzI1.eyJzdWIiOiIx.", "ADJUST_live_", "risk-" + KEY),
    ],
)
def test_is_not_found(text: str) -> None:
    for frame in FRAMES:
        framed = frame.format(text)
        assert shown(framed) == reference_shown(framed) == [], framed


def test_any_wrong_check_digit_is_refused() -> None:
    for good in (*FOUND["iban"], *FOUND["card"]):
        last = max(k for k, character in enumerate(good) if character.isdigit())
        for digit in set("0123456789") - {good[last]}:
            assert shown(f"{good[:last]}{digit}{good[last + 1 :]}") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+49 170 1234567.joe@mail.de", [("+49 170 1234567.joe@mail.de", "email")]),
        ("212-555-2345@mail.de", [("212-555-2345@mail.de", "email")]),
        ("password=" + "ghp_" + KEY + "12", [("ghp_" + KEY + "12", "secret")]),
        ("joe@mail.de/91.50.44.33", [("joe@mail.de", "email")]),
        (f"{PRIVATE_KEY} joe@mail.de", [(PRIVATE_KEY, "secret"), ("joe@mail.de", "email")]),
        ("joe@mail.de,ann@mail.de", [("joe@mail.de", "email"), ("ann@mail.de", "email")]),
    ],
)
def test_finds_that_overlap_are_one(text: str, expected: list[tuple[str, str]]) -> None:
    assert shown(text) == reference_shown(text) == expected
