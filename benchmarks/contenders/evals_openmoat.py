"""openmoat: what texts that are in memory have of eval items, as the first pass finds it.

The items lie beside the texts, in ``items.jsonl``; they are indexed before the work begins.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.contenders.signals_openmoat import texts_of
from benchmarks.measuring import contend
from schemas.config import SignalsConfig
from tasks.evals import index as mechanism
from tasks.signals.evals import evals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.evals.index import Index


@cache
def indexed(file: Path) -> Index:
    """Return the index of a file of items."""
    items = pa.concat_arrays(texts_of(file).chunks)
    return mechanism.made(mechanism.grams(items, SignalsConfig().eval_least_words))


def prepare(given: Path, _folder: Path) -> Callable[[], int]:
    """Read texts and index items; the work is the signal alone."""
    texts, index = texts_of(given), indexed(given.with_name("items.jsonl"))

    def work() -> int:
        return len(evals(texts, index))

    return work


if __name__ == "__main__":
    contend(prepare)
