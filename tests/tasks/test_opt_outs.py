"""Opt-out lists: what counts as the same address, whom an entry meets, and lines that are wrong."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import ConfigError
from tasks.opt_outs import Lists, host_of, normal_url, opted_out, read
from tests.real_data import real_data

SAME = [
    ("http://www.Example.org:80/a/#top", "https://example.org/a"),
    ("example.org", "https://EXAMPLE.org./"),
    ("//example.org/?", "http://user:word@example.org:443"),
    ("https://xn--strae-oqa.de/", "http://Straße.de"),
    ("https://example.org/%7euser/%c3%a4", "https://example.org/~user/ä"),
    ("https://example.org/a/?q=%2f", "https://example.org/a?q=%2F"),
]
OTHER = [
    ("https://example.org/a", "https://example.org/A"),
    ("https://example.org/a", "https://example.org/a?b"),
    ("https://example.org:8080/", "https://example.org/"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://straße.de", "https://strasse.de"),
    ("https://www.com", "https://com"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_spellings_of_one_address(left: str, right: str) -> None:
    assert normal_url(left) == normal_url(right)


@pytest.mark.parametrize(("left", "right"), OTHER)
def test_other_addresses(left: str, right: str) -> None:
    assert normal_url(left) != normal_url(right)


LABELS = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True) | st.sampled_from(
    ["www", "straße", "xn--strae-oqa", "हिन्दी", "ÄÖ"]
)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="@:/?#"))


@given(
    st.sampled_from(["", "http://", "HTTPS://", "//", "ftp://"]),
    HOSTS,
    st.sampled_from(["", ":80", ":8443"]),
    st.lists(PATHS, max_size=3),
    st.sampled_from(["", "#a", "?x=1", "?x=%e4%BC"]),
)
def test_a_normal_address_stays_so(
    scheme: str, host: str, port: str, path: list[str], end: str
) -> None:
    url = scheme + "/".join([host + port, *path]) + end
    normal = normal_url(url)
    assert normal_url(normal) == normal == normal_url(f" {url}\n")
    assert host_of(normal) == host_of(url)
    assert read(url.encode(), kind="urls", where="list") == {normal}


@given(st.text())
def test_any_text_in_a_records_address_is_taken(url: str) -> None:
    lists = Lists(urls=frozenset({"a"}), domains=frozenset({"a"}))
    frame = documents({c.URL: url})
    assert opted_out(frame, lists).to_list() == [normal_url(url) == "a" or "a" in parents(url)]


def parents(url: str) -> set[str]:
    labels = host_of(url).split(".")
    return {".".join(labels[i:]) for i in range(len(labels))}


def documents(*rows: dict[str, Any]) -> pl.DataFrame:
    plain = {c.DOC_ID: "0", c.RECORD_ID: None, c.URL: None, c.OPT_OUT: False}
    kinds = {c.DOC_ID: pl.String, c.RECORD_ID: pl.String, c.URL: pl.String, c.OPT_OUT: pl.Boolean}
    return pl.DataFrame([plain | row for row in rows], schema=kinds)


def lists(**lines: str) -> Lists:
    return Lists(**{k: read(v.encode(), kind=k, where=k) for k, v in lines.items()})


def test_whom_each_list_meets() -> None:
    given = lists(
        ids="# asked by mail\nabc\r\n\n  record-7  \n",
        urls="http://example.org/mine/\n",
        domains="*.gone.example\nwww.shop.example\n.internal\nहिन्दी.भारत\n",
    )
    frame = documents(
        {c.DOC_ID: "abc"},
        {c.RECORD_ID: "record-7"},
        {c.RECORD_ID: "record-70", c.URL: "https://example.org/mine/too"},
        {c.URL: "https://www.example.org/mine#x"},
        {c.URL: "https://a.b.gone.example:8080/x"},
        {c.URL: "https://gone.example"},
        {c.URL: "https://notgone.example"},
        {c.URL: "https://shop.example/x"},
        {c.URL: "http://host.internal/"},
        {c.URL: "https://xn--j2bd4cyah0f.xn--h2brj9c/x"},
        {c.OPT_OUT: True},
        {},
    )
    met = [True, True, False, True, True, True, False, True, True, True, True, False]
    assert opted_out(frame, given).to_list() == met
    assert opted_out(frame, Lists()).to_list() == [False] * 10 + [True, False]


def test_only_the_columns_that_are_needed_are_asked_for() -> None:
    assert Lists().needed() == []
    assert lists(ids="a").needed() == [c.RECORD_ID]
    assert lists(domains="a.org", urls="a.org").needed() == [c.URL]


def test_order_and_spelling_of_a_list_do_not_count() -> None:
    one = lists(urls="https://a.org/\nb.org/x\n", ids="1\n2")
    other = lists(urls="# b\nhttp://www.b.org/x/\na.org\na.org", ids="2\n1\n")
    assert one == other
    assert one.digests() == other.digests()
    assert one.digests()["urls"]["entries"] == 2
    assert one.digests() != lists(urls="https://a.org/\nb.org/y\n", ids="1\n2").digests()


@pytest.mark.parametrize(
    ("kind", "line", "got"),
    [
        ("domains", b"https://example.org/", "'https://example.org/'"),
        ("domains", b"example.org # asked", "'example.org # asked'"),
        ("domains", b"org", "'org'"),
        ("domains", b"two words.org", "'two words.org'"),
        ("domains", b"me@example.org", "'me@example.org'"),
        ("domains", b"a..org", "'a..org'"),
        ("urls", b"https://example.org/a b", "'https://example.org/a b'"),
        ("urls", b"/only/a/path", "'/only/a/path'"),
        ("urls", b"https://", "'https://'"),
        ("ids", b"caf\xe9", r"b'caf\xe9'"),
    ],
)
def test_a_wrong_line_is_named(kind: str, line: bytes, got: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(b"\xef\xbb\xbf# list\n\n" + line + b"\nnext.org\n", kind=kind, where="list.txt")
    assert caught.value.where == "list.txt, line 3"
    assert caught.value.got == got


@pytest.mark.parametrize("kind", ["ids", "urls", "domains"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"# nobody\n"])
def test_a_list_without_entries_is_refused(kind: str, content: bytes) -> None:
    with pytest.raises(ConfigError, match="a list without an entry"):
        read(content, kind=kind, where="list.txt")


def test_real_addresses() -> None:
    (file, *_) = sorted((real_data() / "dolma" / "documents" / "wiki").glob("*.jsonl.gz"))
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in islice(stream, 50)]
    urls = [row.get("url") or row.get("metadata", {}).get("url") for row in rows]
    frame = documents(*({c.URL: url} for url in urls))
    stated = [url for url in urls if url]
    assert stated
    assert opted_out(frame, lists(urls=stated[0])).sum() == urls.count(stated[0])
    host = host_of(stated[0])
    whole = opted_out(frame, lists(domains=host.partition(".")[2])).sum()
    assert whole == sum(host_of(url).endswith(host.partition(".")[2]) for url in stated)
