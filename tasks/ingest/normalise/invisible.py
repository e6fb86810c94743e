"""Characters without width that carry no meaning where they stand."""

from __future__ import annotations

import re
from typing import Final

# Scripts written without spaces, where a zero-width space parts words or shows where a line may
# break: Thai, Lao, Tibetan; Myanmar; Khmer; Tai Le to Tai Tham; Balinese; Javanese to Tai Viet.
_UNSPACED: Final = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\u1b00-\u1b7f\ua980-\ua9ff\uaa60-\uaadf"
)
CHARACTERS: Final = "\u00ad\u200b\u2060\ufeff"
_BROKEN_WORD: Final = r"(?<=\w)\u00ad+\n[ \t]*(?=\w)"
"""A soft hyphen at the end of a line: the word goes on in the next one."""
ZERO_WIDTH: Final = re.compile(
    f"{_BROKEN_WORD}|[\u00ad\u2060\ufeff]|(?<![{_UNSPACED}])\u200b(?![{_UNSPACED}])"
)


def without_zero_width(text: str) -> tuple[str, int]:
    """Remove them; also how many characters that were."""
    # Four quick looks spare most texts the slow one.
    if text.isascii() or not any(map(text.__contains__, CHARACTERS)):
        return text, 0
    plain = ZERO_WIDTH.sub("", text)
    return plain, len(text) - len(plain)
