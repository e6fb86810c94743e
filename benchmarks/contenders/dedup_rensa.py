"""rensa, from a file to the list of what is to be removed; of documents alike the first stays.

The last arguments: ``deduplicator`` (its class for that, as its page shows it) or ``lsh`` (its
index, with openmoat's bands: a document goes if one that stayed shares a band with it and their
sketches are alike); and the file for the list.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rensa import RMinHash, RMinHashDeduplicator, RMinHashLSH

from benchmarks.contenders.dedup_peers import BANDS, ROWS, SEED, shingled
from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

THRESHOLD = 0.8
SCHEMA = pa.schema([("doc_id", pa.string()), ("twin_id", pa.string())])


def documents(given: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Ids and texts, some at a time."""
    with pq.ParquetFile(given) as file:
        for batch in file.iter_batches():
            yield batch["doc_id"].to_pylist(), batch["text"].to_pylist()


def deduplicator() -> Callable[[list[str], list[str]], list[str]]:
    """Return what gives the ids of those that go, of some texts; it does not name their twins."""
    own = RMinHashDeduplicator(
        threshold=THRESHOLD, num_perm=BANDS * ROWS, use_lsh=True, num_bands=BANDS, seed=SEED
    )

    def judged(ids: list[str], texts: list[str]) -> list[str]:
        stays = own.add_pairs(zip(ids, map(shingled, texts), strict=True))
        return [doc_id for doc_id, one in zip(ids, stays, strict=True) if not one]

    return judged


def lsh() -> Callable[[list[str], list[str]], list[str]]:
    """Return the same by the index."""
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROWS, num_bands=BANDS)
    kept: list[Any] = []

    def goes(sketch: Any) -> bool:  # noqa: ANN401  (it has no types)
        if any(sketch.jaccard(kept[other]) >= THRESHOLD for other in index.query(sketch)):
            return True
        index.insert(len(kept), sketch)
        kept.append(sketch)
        return False

    def judged(ids: list[str], texts: list[str]) -> list[str]:
        found = RMinHash.from_token_sets(map(shingled, texts), num_perm=BANDS * ROWS, seed=SEED)
        return [doc_id for doc_id, one in zip(ids, found, strict=True) if goes(one)]

    return judged


def prepare(given: Path, _: Path, *, way: str, removed: str) -> Callable[[], int]:
    """Prepare nothing: all of it is measured."""
    return partial(_removed, given, way, removed)


def _removed(given: Path, way: str, removed: str) -> int:
    judged = {"deduplicator": deduplicator, "lsh": lsh}[way]()
    rows, gone = 0, []
    for ids, texts in documents(given):
        gone += judged(ids, texts)
        rows += len(ids)
    pq.write_table(pa.table([gone, [None] * len(gone)], schema=SCHEMA), removed)
    return rows


if __name__ == "__main__":
    contend(partial(prepare, way=sys.argv[4], removed=sys.argv[5]))
