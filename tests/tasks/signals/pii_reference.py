"""Personal data and secrets in plain Python: this is what defines ``tasks.signals.pii``.

Each kind is a function that yields every find, also overlapping ones; :func:`reference` settles
which of them stand. A find is (start, end) in code points.
"""

from __future__ import annotations

import ipaddress
import re
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from schemas.masking import KINDS, Kind
from tasks.signals.pii import names
from tasks.signals.pii.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Span = tuple[int, int]
Find = tuple[int, int, Kind]

SEPARATORS = str.maketrans(
    dict.fromkeys("\u00a0\u202f\u2009", " ")
    | dict.fromkeys("\u2010\u2011\u2012\u2013", "-")
    | {"\uff1a": ":"}
)
"""Spaces, hyphens and a colon that stand for the plain ones in numbers; lengths stay."""
ASCII_LOWER = str.maketrans({chr(i): chr(i + 32) for i in range(ord("A"), ord("Z") + 1)})
LATIN = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036f\u1e00-\u1eff"
"""Latin letters that are not ASCII, and the marks that are put on letters."""
LETTER = re.compile(f"[A-Za-z{LATIN}]")


def overlapping(pattern: str, text: str) -> Iterator[re.Match[str]]:
    """Matches of a pattern at every place where one begins."""
    return re.finditer(f"(?=({pattern}))", text)


def lower(text: str) -> str:
    return text.translate(ASCII_LOWER)


# --- e-mail addresses ----------------------------------------------------------------------------


def emails(text: str) -> Iterator[Span]:
    for at in (m.start() for m in re.finditer("@", text)):
        domain = domain_after(text, at + 1)
        if domain is None:
            continue
        end = at + 1 + len(domain)
        if re.match(r"[(@]|_[A-Za-z0-9]", text[end : end + 2]):
            continue
        local = local_before(text, at, quoted=text[end : end + 1] == "'")
        start = at - len(local)
        if not 0 < len(local) <= names.MAX_LOCAL or local.endswith("."):
            continue
        if text[max(0, start - 1) : start] != "@" and lower(local) not in names.SERVICE_LOCALS:
            yield start, end


def local_before(text: str, at: int, *, quoted: bool) -> str:
    window = text[max(0, at - names.MAX_LOCAL - 2) : at]
    # Where typesetting (roff) writes a hyphen as \-, its backslash is part of the address.
    run = re.findall(rf"(?:[A-Za-z0-9._%+'{LATIN}-]|\\(?=-))*\Z", window)[0].rsplit("..", 1)[-1]
    for k in reversed(range(len(run))):
        inside = 0 < k < len(run) - 1 and LETTER.match(run[k - 1]) and LETTER.match(run[k + 1])
        if run[k] == "'" and (quoted or not inside):
            run = run[k + 1 :]
            break
    if text[: at - len(run)].endswith("\\"):
        run = re.sub(r"\Af[A-Z]", "", run)  # roff's change of font: \fIname@host
    return re.sub(r"\A(?:[.+-]|\\-)+", "", run)


def domain_after(text: str, start: int) -> str | None:
    window = text[start : start + names.MAX_DOMAIN + 2]
    run = re.findall(rf"\A[A-Za-z0-9.{LATIN}-]*", window)[0].split("..", 1)[0]
    if len(run) > names.MAX_DOMAIN:
        return None
    labels = run.rstrip(".-").split(".")
    last = top_level(labels[-1])
    if last not in TLDS and not last.startswith("xn--") and len(labels) > 2:
        if not re.match("[A-Z]", labels[-1]):  # a sentence that begins without a space
            return None
        labels.pop()
        last = top_level(labels[-1])
    labels[-1] = labels[-1][: len(last)]
    if len(labels) < 2 or (last not in TLDS and not last.startswith("xn--")):
        return None
    if not all(0 < len(x) <= names.MAX_LABEL and x.strip("-") == x for x in labels):
        return None
    if lower(".".join(labels[-2:])) in names.NOBODYS_DOMAINS:
        return None
    return ".".join(labels)


def top_level(label: str) -> str:
    """The label in small letters, up to a hyphen: ``com-based`` ends with ``com``."""
    label = lower(label)
    return label if label.startswith("xn--") else label.split("-", 1)[0]


# --- telephone numbers ---------------------------------------------------------------------------

UNIT = r"(?: ?\([0-9]{1,5}\)[ -]?|[ ./-])[0-9]+"
"""A separator, which may hold digits in brackets, and digits."""
NOT_AFTER = r"(?<![A-Za-z0-9_.+/=#@$%&~^\\-])"
NOT_BEFORE = r"(?![A-WYZa-wyz0-9_@%]|[Xx](?![0-9])|[./-][0-9]|,[0-9])"
"""An extension may follow: ``x123``."""
NXX = "[2-9](?!11)[0-9]{2}"


def phones(text: str) -> Iterator[Span]:
    text = text.translate(SEPARATORS)
    yield from international(text)
    yield from american(text)
    yield from french(text)
    yield from cued(text)


def digits_of(text: str) -> str:
    return re.sub("[^0-9]", "", text)


def groups(text: str, start: int, most: int) -> int | None:
    """The end of the groups of digits from ``start`` that are at most so many digits in all.

    What goes beyond is another number if a space parts it, else this is no telephone number.
    """
    first = re.compile(r"\([0-9]{1,5}\)[ -]?[0-9]+|[0-9]+").match(text, start)
    if first is None or len(digits_of(first[0])) > most:
        return None
    end, total, number = first.end(), len(digits_of(first[0])), 1
    while unit := re.compile(UNIT).match(text, end):
        more = len(digits_of(unit[0]))
        lonely = number > 1 and re.search(r"(?<![0-9])[0-9]\Z", unit[0])
        extension = unit[0][0] == "-" and not re.compile(UNIT).match(text, unit.end())
        if total + more > most or (lonely and not extension):
            return end if unit[0].startswith(" ") else None
        end, total, number = unit.end(), total + more, number + 1
    return end


def is_american(digits: str) -> bool:
    """North American Numbering Plan, without the numbers of fiction (555-0100 to 555-0199)."""
    return bool(re.fullmatch(f"{NXX}{NXX}[0-9]{{4}}", digits)) and digits[3:8] != "55501"


def international(text: str) -> Iterator[Span]:
    for match in re.finditer(r"(?<![A-Za-z0-9_+.)\]}^\\$%])\+(?=[1-9])", text):
        start = match.start()
        most = {"1": 11, "7": 11}.get(text[start + 1], names.MOST_DIGITS)
        end = groups(text, start + 1, most)
        if end is None or not re.compile(NOT_BEFORE).match(text, end):
            continue
        digits, written = digits_of(text[start:end]), text[start + 1 : end]
        if not any(digits[:n] in names.CALLING_CODES for n in (1, 2, 3)):
            continue
        if digits[0] == "1":
            if is_american(digits[1:]):
                yield start, end
        elif not is_a_sum(written, digits) and (digits[0] != "7" or len(digits) == 11):
            yield start, end


def is_a_sum(written: str, digits: str) -> bool:
    """Tell a number from a telephone number: short, a decimal, or round thousands."""
    if written == digits:
        return len(digits) < names.LEAST_UNBROKEN or digits.endswith("0000")
    decimal = re.fullmatch(r"[0-9]+\.[0-9]+", written)
    thousands = re.fullmatch(r"[0-9]+(?:[ .][0-9]{3})+", written) and digits.endswith("000")
    return bool(len(digits) < names.LEAST_DIGITS or decimal or thousands)


def american(text: str) -> Iterator[Span]:
    forms = (rf"\({NXX}\) ?{NXX}[-. ][0-9]{{4}}", rf"{NXX}([-.]){NXX}\2[0-9]{{4}}")
    for form in forms:
        for match in overlapping(rf"{NOT_AFTER}(?:1[-. ])?{form}{NOT_BEFORE}", text):
            if is_american(digits_of(match[1])[-10:]):
                yield match.span(1)


def french(text: str) -> Iterator[Span]:
    pattern = rf"{NOT_AFTER}(?<![0-9][0-9] )0[1-9]([ .-])[0-9]{{2}}(?:\2[0-9]{{2}}){{3}}"
    for match in overlapping(rf"{pattern}{NOT_BEFORE}(?!\2[0-9A-Fa-f]{{2}})", text):
        pairs = [int(pair) for pair in re.findall("[0-9]{2}", match[1])]
        if max(pairs[1:]) > 31 and {b - a for a, b in pairwise(pairs)} not in ({0}, {1}):
            yield match.span(1)


def cued(text: str) -> Iterator[Span]:
    for match in (*re.finditer(r"(?<![0-9])[0-9]", text), *re.finditer(r"\((?=[0-9])", text)):
        start = match.start()
        end = groups(text, start, names.MOST_NATIONAL)
        if end is None or not re.compile(NOT_BEFORE).match(text, end):
            continue
        if is_national(text[start:end]) and follows_cue(text, start):
            yield start, end


def is_national(written: str) -> bool:
    digits = digits_of(written)
    if len(digits) in {10, 11} and digits[-7:-2] == "55501":
        return False
    if digits.startswith("0"):
        return len(digits) >= 7
    if len(digits) == 7:
        return bool(re.fullmatch("[2-9][0-9]{2}[-.][0-9]{4}", written))
    if len(digits) == 8:
        years = "(?:1[89]|20)[0-9]{2}"
        grouped = re.fullmatch("[2-9][0-9]{3}[ -][0-9]{4}", written)
        return bool(grouped) and not re.fullmatch(f"{years}.{years}", written)
    return len(digits) >= 9


def follows_cue(text: str, start: int) -> bool:
    """Whether a cue stands before, a word such as "number" between them at most."""
    before = without_noise(text[max(0, start - 80) : start])
    for word in names.HOPS:
        if ends_with_word(before, word):
            shorter = without_noise(before[: -len(word)])
            return any(ends_with_word(shorter, cue) for cue in names.CUES)
    return any(ends_with_word(before, cue) for cue in names.CUES)


def without_noise(text: str) -> str:
    """The text without up to four characters that may stand between a word and a number."""
    noise = re.findall(r"[ .:()\t\"'|*/=-]{0,4}\Z", text[-4:])[0]
    return text[: len(text) - len(noise)]


def ends_with_word(text: str, word: str) -> bool:
    tail = lower(text[-len(word) :])
    before = text[: -len(word)][-1:]
    whole = not LETTER.match(before) and not re.match("[0-9_]", before)
    return tail == word and (whole or not re.match("[a-z]", word))


# --- numbers with a check digit ------------------------------------------------------------------


def luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(d), 10)) for d in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_card(digits: str) -> bool:
    issued = any(
        int(low) <= int(digits[: len(low)]) <= int(high) and len(digits) in lengths
        for low, high, lengths in names.CARDS
    )
    return issued and luhn(digits) and len(set(digits)) >= names.CARD_LEAST_DIFFERENT


def cards(text: str) -> Iterator[Span]:
    text = text.translate(SEPARATORS)
    before = r"(?<![A-Za-z0-9_.,/+=$~^\\-])"
    after = r"(?![A-Za-z0-9_]|[.,/-][0-9])"
    for match in re.finditer(f"{before}[0-9]{{13,19}}{after}", text):
        near = lower(text[max(0, match.start() - names.CARD_CUE_WINDOW) : match.start()])
        if is_card(match[0]) and any(cue in near for cue in names.CARD_CUES):
            yield match.span()
    for shape in names.CARD_SHAPES:
        first, *rest = (f"[0-9]{{{n}}}" for n in shape)
        pattern = first + "([ -])" + r"\2".join(rest)
        alone = rf"{before}(?<![0-9] ){pattern}{after}(?![ -][0-9]{{4}}(?![0-9]))"
        for match in overlapping(alone, text):
            if is_card(digits_of(match[1])):
                yield match.span(1)


def ibans(text: str) -> Iterator[Span]:
    text = text.translate(SEPARATORS)
    for match in re.finditer(r"(?<![A-Za-z0-9_])([A-Z]{2})[0-9]{2}", text):
        if match[1] not in names.IBANS:
            continue
        parts = re.findall("([0-9]+)([nac])", names.IBANS[match[1]])
        kinds = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
        shape = "".join(f"{kinds[kind]}{{{n}}}" for n, kind in parts)
        length = 4 + sum(int(n) for n, _ in parts)
        for group in (length, 4):
            run = " ".join([f".{{{group}}}"] * (length // group) + [f".{{{length % group}}}"])
            run = run.removesuffix(" .{0}")
            found = re.compile(f"{run}(?![A-Za-z0-9_])", re.DOTALL).match(text, match.start())
            if found is None:
                continue
            number = found[0].replace(" ", "") if group == 4 else found[0]
            if re.fullmatch(f"[A-Z]{{2}}[0-9]{{2}}{shape}", number) and mod_97(number):
                yield found.span()


def mod_97(number: str) -> bool:
    digits = "".join(str(int(c, 36)) for c in number[4:] + number[:4])
    return int(digits) % 97 == 1 and 2 <= int(number[2:4]) <= 98


# --- internet addresses --------------------------------------------------------------------------

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


def ips(text: str) -> Iterator[Span]:
    before = r"(?<![A-Za-z0-9_.])(?<![A-Za-z][-/])(?<![=<>~!^]=)"
    after = r"(?![A-Za-z0-9_]|\.[A-Za-z0-9]|-[A-Za-z])"
    for match in re.finditer(before + r"\.".join([OCTET] * 4) + after, text):
        octets = [int(o) for o in match[0].split(".")]
        large = sum(o >= names.SMALL_OCTET for o in octets)
        address = ipaddress.IPv4Address(match[0])
        special = any(address in ipaddress.IPv4Network(n) for n in names.IPV4_SPECIAL)
        special = special or octets[3] in {0, 255}  # a network's, or all of its hosts'
        if large >= names.LARGE_OCTETS and not special and not is_version(text, match.start()):
            yield match.span()
    for match in re.finditer(r"(?<![A-Za-z0-9_:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*", text):
        run = match[0]
        if len(run) > 40 or re.match(r"[A-Za-z_]|\.[0-9]", text[match.end() : match.end() + 2]):
            continue
        run = run if run.endswith("::") else run.removesuffix(":")
        if is_ipv6(run):
            yield match.start(), match.start() + len(run)


def is_version(text: str, start: int) -> bool:
    before = without_noise(text[max(0, start - 40) : start].translate(SEPARATORS))
    return any(ends_with_word(before, word) for word in names.VERSION_WORDS)


def is_ipv6(run: str) -> bool:
    try:
        address = ipaddress.IPv6Address(run)
    except ValueError:
        return False
    stated = [group for group in run.split(":") if group]
    special = any(address in ipaddress.IPv6Network(n) for n in names.IPV6_SPECIAL)
    special = special or run.endswith("::")  # a network's
    return not special and ("::" not in run or len(stated) >= names.IPV6_LEAST_GROUPS)


# --- secrets -------------------------------------------------------------------------------------


def secrets(text: str) -> Iterator[Span]:
    yield from tokens(text)
    yield from web_tokens(text)
    yield from assigned(text)
    yield from private_keys(text)


def is_placeholder(body: str) -> bool:
    longest = max((sum(1 for _ in run) for _, run in groupby(body)), default=0)
    return longest > names.LONGEST_REPEAT or names.PLACEHOLDER in lower(body)


def tokens(text: str) -> Iterator[Span]:
    for prefix, _, characters, least, most, n_digits in names.TOKENS:
        pattern = rf"(?<![A-Za-z0-9_-]){prefix}([{characters}]{{{least},}})(?![A-Za-z0-9_])"
        for match in re.finditer(pattern.replace(",}", ",}+"), text):
            body = match[1]
            enough = len(set(body)) >= names.TOKEN_LEAST_DIFFERENT
            enough &= len(digits_of(body)) >= n_digits and len(body) <= most
            if enough and not is_placeholder(body):
                yield match.span()


def web_tokens(text: str) -> Iterator[Span]:
    header, payload, signature = (f"[A-Za-z0-9_-]{{{n},}}" for n in names.JWT_LEAST)
    pattern = rf"(?<![A-Za-z0-9_-])eyJ{header}\.eyJ{payload}\.{signature}"
    for match in overlapping(pattern, text):
        yield match.span(1)


def assigned(text: str) -> Iterator[Span]:
    pattern = rf"[:=]>?[ \t]{{0,2}}([\"'`]?)([{names.VALUE}]+={{0,2}})"
    for match in overlapping(pattern, text):
        quote, value = match[2], match[3]
        after = text[match.end(1) : match.end(1) + 1]
        closed = after == quote if quote else re.fullmatch(r"[\s,;)}\]<&\"'`]?", after, re.ASCII)
        if closed and is_random(value) and is_secret_name(text[: match.start()]):
            yield match.span(3)


def is_secret_name(before: str) -> bool:
    """Whether the text ends with the name of a secret; a quote and spaces may follow it."""
    before = before[-80:]
    before = re.sub(r"[\"']?[ \t]{0,2}:?\Z", "", before, count=1)
    name = re.findall(r"[A-Za-z0-9_-]*\Z", before)[0]
    return len(name) <= names.LONGEST_NAME and lower(name).endswith(names.KEYS)


def is_random(value: str) -> bool:
    if not names.VALUE_LEAST <= len(value) <= names.VALUE_MOST or is_placeholder(value):
        return False
    near = sum(abs(ord(a) - ord(b)) <= 1 for a, b in pairwise(value))
    letters = re.sub("[^A-Za-z]", "", value)
    return (
        len(digits_of(value)) >= names.VALUE_DIGITS
        and len(letters) >= names.VALUE_LETTERS
        and len(set(value)) >= names.VALUE_DIFFERENT
        and 2 * near <= len(value)
        and not value.startswith(("/", "-", "~"))
    )


def private_keys(text: str) -> Iterator[Span]:
    header = r"(?<!-)-----BEGIN ([A-Z0-9 ]{0,40}?PRIVATE KEY(?: BLOCK)?)-----"
    gap, base64 = r"(?:[ \t\r\n]|\\[nr]){1,4}", "[A-Za-z0-9+/]"
    cut = re.compile(
        f"{gap}{base64}{{{names.PEM_LEAST_RUN},}}={{0,2}}"
        f"(?:{gap}{base64}{{{names.PEM_LEAST_LINE},}}={{0,2}})*"
    )
    for match in re.finditer(header, text):
        dashes = text.find("-----", match.end())
        end = f"-----END {match[1]}-----"
        body = text[match.end() : dashes]
        if (
            text.startswith(end, dashes)
            and len(body.encode()) <= names.PEM_MOST_BYTES
            and re.search(f"{base64}{{{names.PEM_LEAST_RUN}}}", body)
        ):
            yield match.start(), dashes + len(end)
        elif tail := cut.match(text, match.end()):
            yield match.start(), tail.end()


# --- together ------------------------------------------------------------------------------------

FINDERS: dict[Kind, Callable[[str], Iterator[Span]]] = {
    "secret": secrets,
    "iban": ibans,
    "card": cards,
    "ip": ips,
    "email": emails,
    "phone": phones,
}


def reference(text: str) -> list[Find]:
    """All finds in order. Those that overlap are one, of the kind of the longest of them.

    Of equally long ones, the kind decides that stands first in ``schemas.masking.KINDS``.
    """
    found = [(*span, kind) for kind in KINDS for span in FINDERS[kind](text)]
    return [together(some) for some in overlaps(sorted(found))]


def overlaps(found: Sequence[Find]) -> Iterator[list[Find]]:
    cluster: list[Find] = []
    for find in found:
        if cluster and find[0] >= max(end for _, end, _ in cluster):
            yield cluster
            cluster = []
        cluster.append(find)
    if cluster:
        yield cluster


def together(cluster: Sequence[Find]) -> Find:
    kind = min(cluster, key=lambda f: (f[0] - f[1], KINDS.index(f[2])))[2]
    return cluster[0][0], max(end for _, end, _ in cluster), kind
