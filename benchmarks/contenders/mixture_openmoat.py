"""openmoat's reader over a mixture: rows, or batches, of the first epoch or of a later one.

The last arguments: ``rows`` or ``batches``, and the epoch.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import contend
from schemas.errors import OpenmoatError
from tasks.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(given: Path, _: Path, *, by: str, epoch: int) -> Callable[[], int]:
    """Nothing: opening the mixture is part of the work."""
    return partial(_rows if by == "rows" else _batches, given, epoch)


def _rows(given: Path, epoch: int) -> int:
    return sum(1 for row in Reader(given, epoch=epoch) if len(row["input_ids"]))


def _batches(given: Path, epoch: int) -> int:
    return sum(len(batch["input_ids"]) for batch in Reader(given, epoch=epoch).arrays())


if __name__ == "__main__":
    try:
        contend(partial(prepare, by=sys.argv[4], epoch=int(sys.argv[5])))
    except OpenmoatError as error:
        sys.exit(str(error))
