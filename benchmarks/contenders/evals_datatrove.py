"""datatrove's decontamination by n-grams, with its defaults, on texts in memory.

Its index is made of the same items, each as an answer, before the work begins.
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.decont import NGramsDecontFilter, NGramsDecontIndexer

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _texts(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def indexed(file: Path, folder: Path) -> NGramsDecontFilter:
    """Return the filter, its index made of a file of items."""
    one = NGramsDecontFilter(str(folder))
    # The indexer itself asks for lighteval; the filter has all that its hashes are made with.
    hashes = {n for text in _texts(file) for n in NGramsDecontIndexer.compute_hashes(one, text)}
    folder.mkdir(parents=True, exist_ok=True)
    np.array(sorted(hashes), "<u8").tofile(folder / "items.index.hashes")
    one.load_index_hashes()
    return one


def prepare(given: Path, folder: Path) -> Callable[[], int]:
    """Read texts and index items; the work is the filter alone."""
    one = indexed(given.with_name("items.jsonl"), folder.parent / "index")
    return partial(_filtered, _texts(given), one)


def _filtered(texts: list[str], one: NGramsDecontFilter) -> int:
    for text in texts:
        one.filter(Document(text=text, id="bench"))
    return len(texts)


if __name__ == "__main__":
    contend(prepare)
