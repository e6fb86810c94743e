"""Write ``unicode_16.py``: ``python -m tasks.characters.generate > unicode_16.py``.

The properties come from the tables of Polars' regular expressions, which are newer than those of
the Pythons in use and can be asked for their version.
"""

from __future__ import annotations

import sys
import textwrap
from typing import Final

import polars as pl

VERSION: Final = "16.0"
PROPERTIES: Final = {
    "WHITE_SPACE": "White_Space",
    "LETTERS": "L",
    "DIGITS": "Nd",
    "MARKS": "M",
    "PUNCTUATION": "P",
    "UPPER_CASE": "Lu",
    "SENTENCE_TERMINALS": "Sentence_Terminal",
    "QUOTATION_MARKS": "Quotation_Mark",
}
SURROGATES: Final = range(0xD800, 0xE000)
HEAD: Final = f'''"""Properties of Unicode {VERSION}: hexadecimal ranges, ``/2``: every second.

``LOWER_CASE``: ranges and, behind a colon, how far from there the one in lower case is.

Written by ``python -m tasks.characters.generate``; not to be edited by hand.
"""
'''


def module() -> str:
    """Return the text of the module."""
    scalars = [i for i in range(0x110000) if i not in SURROGATES]
    characters = pl.Series(map(chr, scalars))
    numbers = pl.Series(scalars)
    parts = [HEAD]
    for name, query in PROPERTIES.items():
        # What a later version assigned is left out, whatever version Polars knows.
        rule = rf"^[\p{{{query}}}&&\p{{Age={VERSION}}}]$"
        found = numbers.filter(characters.str.contains(rule)).to_list()
        parts.append(_constant(name, _ranges(found)))
    known = characters.str.contains(rf"^\p{{Age={VERSION}}}$")
    parts.append(_constant("LOWER_CASE", _shifts(characters.filter(known))))
    return "\n".join(parts)


def _constant(name: str, ranges: list[str]) -> str:
    body = textwrap.indent(textwrap.fill(" ".join(ranges), 96), "    ")
    return f'{name} = """\n{body}\n"""\n'


def _shifts(characters: pl.Series) -> list[str]:
    """Return ranges of what has one other character in lower case, by the distance to that."""
    by_distance: dict[int, list[int]] = {}
    for upper, lower in zip(characters, characters.str.to_lowercase(), strict=True):
        if lower != upper and len(lower) == 1:
            by_distance.setdefault(ord(lower) - ord(upper), []).append(ord(upper))
    return [
        f"{numbers}:{distance:X}"
        for distance, found in sorted(by_distance.items())
        for numbers in _ranges(found)
    ]


def _ranges(numbers: list[int]) -> list[str]:
    """Greedy runs with a step of 1 or 2; two members make no run of step 2."""
    found, start = [], 0
    while start < len(numbers):
        best, step = start, 1
        for width in (1, 2):
            end = start
            while end + 1 < len(numbers) and numbers[end + 1] - numbers[end] == width:
                end += 1
            if end - start > best - start + (width - 1):
                best, step = end, width
        first, last = numbers[start], numbers[best]
        found.append(f"{first:X}" if best == start else f"{first:X}-{last:X}")
        found[-1] += "/2" if step > 1 else ""
        start = best + 1
    return found


if __name__ == "__main__":
    sys.stdout.write(module())
