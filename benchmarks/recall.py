"""How much of what is alike was removed, and whether what was removed is like what it is said to.

``python -m benchmarks.recall FOLDER NAME...`` reads what :mod:`benchmarks.copies` wrote there and
``NAME.parquet``, lists of removed documents: ``doc_id``, and ``twin_id``, the document for which
each was removed, or null where the program does not say. It prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks import truth
from benchmarks.copies import PERCENTS

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Kinds = dict[str, NDArray[np.bool_]]


def kinds_of(pairs: NDArray[np.int64], copies: pa.Table, known: truth.Truth) -> Kinds:
    """Which pairs are of which kind, by name. ``pairs``: rows, shape (pairs, 2).

    - ``planted``: a copy and its original; ``1 %`` and so on: those with so many words edited.
    - ``natural``: all others, also those of a copy and something else that its original is like.
    """
    ends = np.stack([known.rows(copies[name].to_pylist()) for name in ("doc_id", "twin_id")], 1)
    scale = np.array([len(known.ids), 1])  # a pair as one number
    named, one = np.sort(ends, axis=1) @ scale, pairs @ scale
    percent = copies["percent"].to_numpy()
    kinds = {"planted": np.isin(one, named)}
    kinds["natural"] = ~kinds["planted"]
    return kinds | {f"{n} %": np.isin(one, named[percent == n]) for n in PERCENTS}


def judged(
    removed: pa.Table, pairs: NDArray[np.int64], kinds: Kinds, known: truth.Truth
) -> dict[str, Any]:
    """Recall of all pairs and of each kind, and what is known of the removed documents.

    - ``recall``: share of the pairs of which one document was removed, or both; null of none.
    - ``alike``: share of the removed documents that are like any other.
    - ``precision``: share of the removed documents that are like their named twin; null where the
      program names none.
    """
    rows = known.rows(removed["doc_id"].to_pylist())
    found = np.isin(pairs[:, 0], rows) | np.isin(pairs[:, 1], rows)
    precision = None
    if len(removed) and not removed["twin_id"].null_count:
        likeness = known.jaccard(*(removed[name].to_pylist() for name in ("doc_id", "twin_id")))
        precision = _share(likeness >= truth.OVER / truth.UNDER)
    return {
        "removed": len(removed),
        "recall": {"all": _share(found)} | {name: _share(found[k]) for name, k in kinds.items()},
        "alike": _share(np.isin(rows, pairs)),
        "precision": precision,
    }


def _share(which: NDArray[np.bool_]) -> float | None:
    return round(float(which.mean()), 5) if len(which) else None


def main(folder: Path, names: list[str]) -> dict[str, Any]:
    """Find the truth, then judge each list by it."""
    began = time.perf_counter()
    rows = pq.read_table(folder / "documents.parquet")
    known = truth.of(rows["doc_id"].to_pylist(), rows["text"].to_pylist())
    pairs = known.pairs()
    seconds = round(time.perf_counter() - began, 1)
    kinds = kinds_of(pairs, pq.read_table(folder / "planted.parquet"), known)
    lists = {name: pq.read_table(folder / f"{name}.parquet") for name in names}
    return {
        "pairs": {"all": len(pairs)} | {name: int(kind.sum()) for name, kind in kinds.items()},
        "seconds": seconds,
        "lists": {name: judged(one, pairs, kinds, known) for name, one in lists.items()},
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
