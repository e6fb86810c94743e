"""datatrove's filters of Gopher, C4 and FineWeb, with their defaults, on texts in memory.

Every filter sees every text, whatever the others said of it: so it is with openmoat's signals.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILTERS = (GopherRepetitionFilter, GopherQualityFilter, C4QualityFilter, FineWebQualityFilter)
"""In the order in which FineWeb was made."""


def prepare(given: Path, _: Path) -> Callable[[], int]:
    """Read the texts; what is left is to ask the filters."""
    with given.open(encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    return partial(_filtered, texts)


def _filtered(texts: list[str]) -> int:
    filters = [kind() for kind in FILTERS]
    for text in texts:
        for one in filters:  # C4's writes into the document
            one.filter(Document(text=text, id="bench"))
    return len(texts)


if __name__ == "__main__":
    contend(prepare)
