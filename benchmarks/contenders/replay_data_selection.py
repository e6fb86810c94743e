"""data-selection (DSIR): documents drawn for a target; both are files of JSON strings, one a line.

The last argument: the target's file. All of it is measured: features, weights and the draw.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from data_selection import HashedNgramDSIR

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHARE = 20
"""A part in so many is drawn."""


def lines(file: str) -> Iterator[str]:
    """Texts of a file."""
    with open(file, encoding="utf-8") as given:  # noqa: PTH123  (as its own loader does)
        yield from map(json.loads, given)


def prepare(given: Path, folder: Path, *, target: str) -> Callable[[], int]:
    """Prepare nothing."""
    return partial(_drawn, given, folder, target)


def _drawn(given: Path, folder: Path, target: str) -> int:
    folder.mkdir(parents=True)
    rows = sum(1 for _ in lines(str(given)))
    own = HashedNgramDSIR(
        [str(given)],
        [target],
        str(folder / "cache"),
        raw_load_dataset_fn=lines,
        raw_parse_example_fn=str,
        target_load_dataset_fn=lines,
        target_parse_example_fn=str,
        num_proc=1,
        min_example_length=1,
    )
    own.fit_importance_estimator()
    own.compute_importance_weights()
    own.resample(
        out_dir=str(folder / "drawn"),
        num_to_sample=max(1, rows // SHARE),
        cache_dir=str(folder / "draws"),
    )
    return rows


if __name__ == "__main__":
    sys.stdout.flush()
    # What it prints of its progress goes where notes go.
    said, out = os.dup(1), sys.stdout
    os.dup2(2, 1)
    sys.stdout = os.fdopen(said, "w")
    contend(partial(prepare, target=sys.argv[4]))
    sys.stdout.flush()
