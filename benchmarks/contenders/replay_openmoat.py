"""openmoat: documents drawn for a target; both are files of JSON strings, one a line.

The last arguments: the target's file, and the arm, ``dsir`` or ``surrogate``. Reading, cutting,
counts, strata and selection are measured; what is fitted once, on some thousand passages of each
side, is made ready before (``surrogate`` has directions, centres and weights).
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.measuring import contend
from schemas.errors import OpenmoatError
from tasks.replay import matched, packed, passages, selection
from tasks.replay.selection import DSIR, Given, Settings
from tasks.replay.sides import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.replay.matched import Likeness

SHARE = 20
"""A part in so many of the tokens is drawn."""
CHARS_PER_TOKEN = 4


def side(file: Path) -> tuple[Side, int]:
    """Return the passages of a file, and how many documents they are of."""
    with file.open(encoding="utf-8") as given:
        texts = [json.loads(line) for line in given]
    cut = passages.cut(pa.array(texts, pa.large_string()))
    keys = passages.keys([str(i) for i in range(len(texts))], cut)
    tokens = (cut.ends - cut.starts + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN
    return Side(packed.of(cut.texts), keys, cut.documents, tokens), len(texts)


def prepare(given: Path, _: Path, *, target: str, arm: str) -> Callable[[], int]:
    """Fit what is fitted once."""
    if arm == DSIR:
        return partial(_drawn, given, Path(target), None)
    own, pool = side(Path(target))[0], side(given)[0]
    return partial(_drawn, given, Path(target), matched.fit(own, pool, seed=0))


def _drawn(given: Path, target: Path, found: Likeness | None) -> int:
    (pool, rows), own = side(given), side(target)[0]
    budget = max(1, int(pool.tokens.sum()) // SHARE)
    if found is None:
        selection.select(DSIR, pool, Given(own), budget=budget)
        return rows
    strata = matched.divided(found, own, pool, budget=budget, seed=0)
    settings = Settings(clamp=matched.CLAMP)
    selection.select("surrogate", pool, Given(own, strata), budget=budget, settings=settings)
    return rows


if __name__ == "__main__":
    try:
        contend(partial(prepare, target=sys.argv[4], arm=sys.argv[5]))
    except OpenmoatError as error:
        sys.exit(str(error))
