"""Long runs of combining marks, which keep Python's normalisation busy for hours."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONG: Final = 100
"""More marks on one letter than any language has; Unicode's own limit for streams is 30."""


def with_marks_in_order(text: str) -> str:
    """Put long runs of marks into the order that normal forms have; NFC of the text is the same.

    Python does it by comparing neighbours, so a megabyte of marks would take it hours.
    """
    marks = "".join(ch for ch in set(text) if unicodedata.combining(ch))
    return re.sub(f"[{re.escape(marks)}]{{{LONG},}}", _ordered, text) if marks else text


def _ordered(run: re.Match[str]) -> str:
    decomposed = "".join(unicodedata.normalize("NFD", mark) for mark in run[0])
    return "".join(sorted(decomposed, key=unicodedata.combining))
