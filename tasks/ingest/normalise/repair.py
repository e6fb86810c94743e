"""Text that was decoded by the wrong charset ("mojibake")."""

from __future__ import annotations

from collections import Counter
from typing import Final

MAX_CHARS: Final = 100_000
"""So much of a line is looked at in one piece; what is cut apart at its end stays as it was."""


def repaired(text: str) -> tuple[str, int]:
    """Undo it line by line; also how many characters are no longer there.

    Line by line because one sound word in another script keeps ftfy from mending all of a text.
    Only the wrong decoding is undone: quotes, ligatures and widths stay.
    """
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    if text.isascii() or not is_bad(text):
        return text, 0
    # Not `splitlines`: its other line ends, such as U+0085, are what mojibake is made of.
    whole = "\n".join(
        "".join(
            part if part.isascii() else fix_encoding(part)
            for part in (line[i : i + MAX_CHARS] for i in range(0, len(line), MAX_CHARS))
        )
        for line in text.split("\n")
    )
    return whole, lost(text, whole)


def lost(before: str, after: str) -> int:
    """How many characters of ``before`` are not in ``after``, wherever they stand; 1 at least."""
    return 0 if before == after else max(1, (Counter(before) - Counter(after)).total())
