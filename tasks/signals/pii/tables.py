"""What the kernel looks things up in, as arrays, which are compiled into it.

Loaded with the kernel only. :mod:`tasks.signals.pii.names` says what they hold.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks.signals.pii import names, tlds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FLAG: Any = np.uint32
ANCHOR: Any = np.uint8

# What a byte may be: bits of `MARKS`.
# They and the like are NumPy's, because of plain numbers Numba compiles a version for each.
DIGIT, UPPER, LOWER, HEX, LOCAL, DOMAIN, BASE64, VALUE, TOKEN = (FLAG(1 << n) for n in range(9))
NUMBER_BEFORE, CARD_BEFORE, PLUS_BEFORE, NOISE, VALUE_AFTER, LABEL = (
    FLAG(1 << n) for n in range(9, 15)
)
FIRST_CHARSET: Final = 15
ALNUM: Final = DIGIT | UPPER | LOWER

# What may begin, or be found from, a byte: bits of `ANCHORS`.
AT, PLUS, RUN, COLON, ASSIGN, DASHES, KEY, WEB_TOKEN = (ANCHOR(1 << n) for n in range(8))

SETS: Final = {
    DIGIT: "0-9",
    UPPER: "A-Z",
    LOWER: "a-z",
    HEX: "0-9A-Fa-f",
    LOCAL: "A-Za-z0-9._%+'-",
    DOMAIN: "A-Za-z0-9.-",
    BASE64: "A-Za-z0-9+/",
    VALUE: names.VALUE,
    TOKEN: names.TOKEN,
    NUMBER_BEFORE: r"A-Za-z0-9_.+/=#@$%&~^\\-",
    CARD_BEFORE: r"A-Za-z0-9_.,/+=$~^\\-",
    PLUS_BEFORE: r"A-Za-z0-9_+.)\]}^\\$%",
    NOISE: r" .:()\t\"'|*/=-",
    VALUE_AFTER: r" \t\n\r\f\v,;)}\]<&\"'`",
    LABEL: "A-Z0-9 ",
}
LOOKED_FROM: Final = {
    AT: "@",
    PLUS: "+",
    RUN: "0-9",
    COLON: ":",
    ASSIGN: ":=",
    DASHES: "-",
    WEB_TOKEN: "J",
}


def _marks(sets: Mapping[Any, str]) -> NDArray[np.uint32]:
    """Bits for each of the 256 bytes, from what stands between brackets in a pattern."""
    marks = np.zeros(256, np.uint32)
    for flag, characters in sets.items():
        for byte in range(128):
            if re.match(f"[{characters}]", chr(byte)):
                marks[byte] |= flag
    return marks


def _words(words: Iterable[str]) -> NDArray[np.uint8]:
    """A word a row: its length in bytes, and the bytes."""
    found = [word.encode() for word in words]
    rows = np.zeros((len(found), 1 + max(map(len, found))), np.uint8)
    for row, word in zip(rows, found, strict=True):
        row[0] = len(word)
        row[1 : 1 + len(word)] = np.frombuffer(word, np.uint8)
    return rows


def _networks(networks: Sequence[str], bits: int) -> NDArray[np.int64]:
    """The first 32 bits of each network, and their mask."""
    found = []
    for network in map(ipaddress.ip_network, networks):
        shift = bits - 32
        found.append((int(network.network_address) >> shift, int(network.netmask) >> shift))
    return np.array(found, np.int64)


def _ibans() -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """For two letters the row of their country, or -1; there the marks of each character."""
    kinds = {"n": DIGIT, "a": UPPER, "c": DIGIT | UPPER}
    iban_of = np.full(26 * 26, -1, np.int64)
    shapes = np.zeros((len(names.IBANS), 36), np.uint32)
    for row, (country, shape) in enumerate(sorted(names.IBANS.items())):
        first, second = (ord(letter) - ord("A") for letter in country)
        iban_of[first * 26 + second] = row
        marks = [UPPER] * 2 + [DIGIT] * 2
        for n, kind in re.findall("([0-9]+)([nac])", shape):
            marks += [kinds[kind]] * int(n)
        shapes[row, : len(marks)] = marks
    return iban_of, shapes


def _cards() -> NDArray[np.int64]:
    """First and last prefix, its digits, and one length, a row."""
    rows = [
        (int(low), int(high), len(low), length)
        for low, high, lengths in names.CARDS
        for length in lengths
    ]
    return np.array(rows, np.int64)


def _padded(shapes: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """The sizes of groups, and zeros after them."""
    found = np.zeros((len(shapes), max(map(len, shapes)) + 1), np.int64)
    for row, shape in zip(found, shapes, strict=True):
        row[: len(shape)] = shape
    return found


def _calling_codes() -> NDArray[np.bool_]:
    """Whether a number of up to three digits is a country's code."""
    found = np.zeros(1_000, np.bool_)
    found[[int(code) for code in names.CALLING_CODES]] = True
    return found


def _keys(charsets: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Chains from a byte to the rules that it is the anchor of, and what each rule demands.

    ``chains[byte]`` is the first rule, ``chains[256 + rule]`` the next one, -1 none.
    """
    chains = np.full(256 + len(names.TOKENS), -1, np.int64)
    rules = []
    for rule, (prefix, anchor, characters, least, most, digits) in enumerate(names.TOKENS):
        chains[256 + rule] = chains[ord(anchor)]
        chains[ord(anchor)] = rule
        flag = 1 << (FIRST_CHARSET + charsets.index(characters))
        rules.append((prefix.rindex(anchor), flag, least, most, digits))
    return chains, np.array(rules, np.int64)


def _anchors() -> NDArray[np.uint8]:
    anchors = _marks(LOOKED_FROM).astype(np.uint8)
    anchors[CHAINS[:256] >= 0] |= KEY
    return anchors


_charsets = sorted({characters for _, _, characters, *_ in names.TOKENS})
MARKS: Final = _marks(SETS | {FLAG(1 << (FIRST_CHARSET + n)): s for n, s in enumerate(_charsets)})
TLDS: Final = _words(sorted(tlds.TLDS))
NOBODYS: Final = _words(names.NOBODYS_DOMAINS)
SERVICES: Final = _words(names.SERVICE_LOCALS)
CUES: Final = _words(names.CUES)
HOPS: Final = _words(names.HOPS)
VERSION_WORDS: Final = _words(names.VERSION_WORDS)
KEYS: Final = _words(names.KEYS)
CARD_CUES: Final = _words(names.CARD_CUES)
PREFIXES: Final = _words(prefix for prefix, *_ in names.TOKENS)
IPV4: Final = _networks(names.IPV4_SPECIAL, 32)
IPV6: Final = _networks(names.IPV6_SPECIAL, 128)
IBAN_OF, IBAN_SHAPES = _ibans()
CARDS: Final = _cards()
CARD_SHAPES: Final = _padded(names.CARD_SHAPES)
CALLING_CODES: Final = _calling_codes()
CHAINS, KEY_RULES = _keys(_charsets)
ANCHORS: Final = _anchors()
