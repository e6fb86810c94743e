"""dolma's tagger of Gopher's rules (gopher_v2) on texts in memory."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from dolma.core.data_types import Document
from dolma.taggers.gopher import GopherTaggerV2

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(given: Path, _: Path) -> Callable[[], int]:
    """Read the texts; what is left is to tag them."""
    with given.open(encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    return partial(_tagged, texts)


def _tagged(texts: list[str]) -> int:
    tagger = GopherTaggerV2()
    for text in texts:
        tagger.predict(Document(source="bench", id="bench", text=text))
    return len(texts)


if __name__ == "__main__":
    contend(prepare)
