"""Words of a text and word n-gram shingles: what near-duplicates and overlaps are counted in.

**Word**: the text is lower-cased code point by code point, whatever its neighbours
(:func:`tasks.characters.lowered`). Then a word is

- one code point of a script written without spaces (:data:`UNSPACED`: Han, kana, Thai, Lao,
  Burmese, Khmer), because a run of those would be a whole clause, or
- a maximal run of all other code points that are no separators (:data:`SEPARATORS_UNICODE_14`:
  white space, control and format characters, punctuation and symbols, the underscore among them).
  Letters, digits and combining marks are thus word characters, and so is whatever Unicode assigns
  later: the table is written out so that every Python and every compiled kernel splits alike.

**Shingle**: the UTF-8 bytes of ``n`` neighbouring words with one space between two words. A text
with fewer words than ``n`` has one shingle of all of them; a text without words has none. Texts are
taken as NFC, which ingest has made them. A shingle of characters is of ``n`` neighbouring ones of
the words with one space between two.

**Hash of a shingle**: a token (word or character) is read eight bytes at a time, the first of them
lowest, the last eight filled up with zeros: ``t = h(... h(h(bytes_1) ^ bytes_2) ...)``, where
``h(x) = xF ^ (xF >> 32)`` and F is :data:`FACTOR`. The shingle's is
``m(t_1 F^(n-1) + t_2 F^(n-2) + ... + t_n)``, where *m* is MurmurHash3's finaliser of 64 bits; the
next one follows from it by adding a token and taking one away. MinHash takes the lower half.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks import characters
from tasks.characters.ranges import UNSPACED, parse_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    CodePoints = np.ndarray[Any, np.dtype[np.uint32]]
    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

# General categories Cc, Cf, Zs, Zl, Zp, P* and S* of Unicode 14.0 (UnicodeData.txt) as hexadecimal
# ranges. Code points unassigned there fall to whichever side makes fewer ranges.
SEPARATORS_UNICODE_14 = """
    0-2F 3A-40 5B-60 7B-A9 AB-B1 B4 B6-B8 BB BF D7 F7 2C2-2C5 2D2-2DF 2E5-2EB 2ED 2EF-2FF 375 37E
    384-385 387 3F6 482 55A-55F 589-58F 5BE 5C0 5C3 5C6 5F3-60F 61B-61F 66A-66D 6D4 6DD-6DE 6E9
    6FD-6FE 700-70F 7F6-7F9 7FE-7FF 830-83E 85E 888 890-891 8E2 964-965 970 9F2-9F3 9FA-9FB 9FD A76
    AF0-AF1 B70 BF3-BFA C77 C7F C84 D4F D79 DF4 E3F E4F E5A-E5B F01-F17 F1A-F1F F34 F36 F38 F3A-F3D
    F85 FBE-FC5 FC7-FDA 104A-104F 109E-109F 10FB 1360-1368 1390-1399 1400 166D-166E 1680 169B-169C
    16EB-16ED 1735-1736 17D4-17D6 17D8-17DB 1800-180A 180E 1940-1945 19DE-19FF 1A1E-1A1F 1AA0-1AA6
    1AA8-1AAD 1B5A-1B6A 1B74-1B7E 1BFC-1BFF 1C3B-1C3F 1C7E-1C7F 1CC0-1CC7 1CD3 1FBD 1FBF-1FC1
    1FCD-1FCF 1FDD-1FDF 1FED-1FEF 1FFD-206F 207A-207E 208A-208E 20A0-20C0 2100-2101 2103-2106
    2108-2109 2114 2116-2118 211E-2123 2125 2127 2129 212E 213A-213B 2140-2144 214A-214D 214F
    218A-244A 249C-24E9 2500-2775 2794-2BFF 2CE5-2CEA 2CF9-2CFC 2CFE-2CFF 2D70 2E00-2E2E 2E30-3004
    3008-3020 3030 3036-3037 303D-303F 309B-309C 30A0 30FB 3190-3191 3196-319F 31C0-31E3 3200-321E
    322A-3247 3250 3260-327F 328A-32B0 32C0-33FF 4DC0-4DFF A490-A4C6 A4FE-A4FF A60D-A60F A673 A67E
    A6F2-A716 A720-A721 A789-A78A A828-A82B A836-A839 A874-A877 A8CE-A8CF A8F8-A8FA A8FC A92E-A92F
    A95F A9C1-A9CD A9DE-A9DF AA5C-AA5F AA77-AA79 AADE-AADF AAF0-AAF1 AB5B AB6A-AB6B ABEB FB29
    FBB2-FBC2 FD3E-FD4F FDCF FDFC-FDFF FE10-FE19 FE30-FE6B FEFF-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF65
    FFE0-FFFD 10100-10102 10137-1013F 10179-10189 1018C-101FC 1039F 103D0 1056F 10857 10877-10878
    1091F 1093F 10A50-10A58 10A7F 10AC8 10AF0-10AF6 10B39-10B3F 10B99-10B9C 10EAD 10F55-10F59
    10F86-10F89 11047-1104D 110BB-110C1 110CD 11140-11143 11174-11175 111C5-111C8 111CD 111DB
    111DD-111DF 11238-1123D 112A9 1144B-1144F 1145A-1145D 114C6 115C1-115D7 11641-11643 11660-1166C
    116B9 1173C-1173F 1183B 11944-11946 119E2 11A3F-11A46 11A9A-11A9C 11A9E-11AA2 11C41-11C45
    11C70-11C71 11EF7-11EF8 11FD5-11FFF 12470-12474 12FF1-12FF2 13430-13438 16A6E-16A6F 16AF5
    16B37-16B3F 16B44-16B45 16E97-16E9A 16FE2 1BC9C 1BC9F-1BCA3 1CF50-1D164 1D16A-1D16C 1D173-1D17A
    1D183-1D184 1D18C-1D1A9 1D1AE-1D241 1D245 1D300-1D356 1D6C1 1D6DB 1D6FB 1D715 1D735 1D74F 1D76F
    1D789 1D7A9 1D7C3 1D800-1D9FF 1DA37-1DA3A 1DA6D-1DA74 1DA76-1DA83 1DA85-1DA8B 1E14F 1E2FF
    1E95E-1E95F 1ECAC 1ECB0 1ED2E 1EEF0-1F0F5 1F10D-1FBCA E0001-E007F
"""


CODE_POINT = np.dtype("<u4")
SPACE = 0x20
SEPARATOR, ALONE = 1, 2
FACTOR = 0x9E3779B185EBCA87
"""Of the sum of powers that a shingle's hash is made of (xxHash's first prime of 64 bits)."""
MIX = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
"""Of MurmurHash3's finaliser of 64 bits (github.com/aappleby/smhasher)."""
LOW_64 = (1 << 64) - 1


def words(text: str) -> list[bytes]:
    """Return the words of ``text`` in order, as UTF-8, by the definition on top of this module."""
    if text.isascii():
        return text.lower().encode().translate(_ascii_separators_to_space()).split()
    code_points = np.frombuffer(text.encode("utf-32-le"), dtype=CODE_POINT)
    spaced = _separate(characters.lowered()[code_points])
    return spaced.tobytes().decode("utf-32-le").encode().split()


def shingles(text: str, n: int) -> Iterator[bytes]:
    """Give the word ``n``-gram shingles of ``text`` in order, repeated ones too, as bytes."""
    tokens = words(text)
    if len(tokens) <= n:
        return iter((b" ".join(tokens),) if tokens else ())
    return map(b" ".join, zip(*(islice(tokens, k, None) for k in range(n)), strict=False))


def characters_of(text: str) -> list[bytes]:
    """Return the characters of the words of ``text``, in order, and of one space between two."""
    return [character.encode() for character in b" ".join(words(text)).decode()]


def hashes(tokens: list[bytes], n: int) -> list[int]:
    """Return the hash, of 32 bits, of each shingle of ``n`` neighbouring tokens, in order."""
    values = list(map(token_hash, tokens))
    width = min(n, len(values))
    return [
        shingle_hash(values[i : i + width]) & 0xFFFFFFFF
        for i in range(len(values) - width + 1)
        if width
    ]


def shingle_hash(values: Sequence[int]) -> int:
    """Return the hash, of 64 bits, of the shingle of tokens with these hashes."""
    last = len(values) - 1
    return mixed(sum(v * FACTOR ** (last - k) for k, v in enumerate(values)))


def mixed(value: int) -> int:
    """Return MurmurHash3's finaliser of 64 bits (github.com/aappleby/smhasher)."""
    value &= LOW_64
    for factor in MIX:
        value = ((value ^ (value >> 33)) * factor) & LOW_64
    return value ^ (value >> 33)


def all_mixed(values: Hashes) -> Hashes:
    """Return :func:`mixed` of each of some numbers (uint64)."""
    for factor in MIX:
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    return values ^ (values >> np.uint64(33))


def token_hash(token: bytes) -> int:
    """Return the hash, of 64 bits, of a word or a character."""
    value = 0
    for at in range(0, len(token), 8):
        value = (value ^ int.from_bytes(token[at : at + 8], "little")) * FACTOR & LOW_64
        value ^= value >> 32
    return value


def _separate(code_points: CodePoints) -> CodePoints:
    """Turn separators into spaces and put spaces around each code point that is a word of its own.

    A look-up for each code point: ten times faster than a regular expression of that many ranges.
    """
    kind = kinds()[code_points]
    spaced = np.where(kind == SEPARATOR, CODE_POINT.type(SPACE), code_points)
    if not (alone := kind == ALONE).any():
        return spaced
    width = np.where(alone, 3, 1)
    wider = np.full(int(width.sum()), SPACE, dtype=CODE_POINT)
    wider[np.cumsum(width) - np.where(alone, 2, 1)] = spaced
    return wider


@cache
def kinds() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Kind of every code point: 0 word character, 1 separator, 2 word of its own."""
    found = np.zeros(0x110000, dtype=np.uint8)
    for ranges, kind in ((UNSPACED, ALONE), (SEPARATORS_UNICODE_14, SEPARATOR)):
        for first, last in parse_ranges(ranges):
            found[first : last + 1] = kind
    return found


@cache
def _ascii_separators_to_space() -> bytes:
    return bytes(SPACE if kinds()[i] == SEPARATOR else i for i in range(128)) + bytes(128)
