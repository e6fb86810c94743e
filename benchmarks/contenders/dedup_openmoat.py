"""openmoat: MinHash of texts in memory, or from a file to the list of what is to be removed.

The last arguments: ``signatures``; or ``whole`` and the file for that list. Candidates are compared
exactly, for which their text is read a second time. The folder gets the
index, ``doc_id, minhash_bands, minhash_sketch`` of every document. Of documents that are alike the
first stays.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import contend
from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import OpenmoatError
from schemas.tables import SIGNALS
from tasks import comparing, dedup, storage
from tasks.signals.minhash import minhash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

CONFIG = SignalsConfig()
AS_PEERS = SignalsConfig(minhash_bands=14, minhash_rows=8)
"""Signatures are as long as those of the others."""
THRESHOLD = 0.8
MEMORY_BYTES = 1_000_000_000
AT_ONCE = 8_192
"""Documents that are read and sketched together."""
INDEX = pa.schema(
    [(c.DOC_ID, pa.string()), SIGNALS.field(c.MINHASH_BANDS), SIGNALS.field(c.MINHASH_SKETCH)]
)


def signatures(given: Path, _: Path) -> Callable[[], int]:
    """Read the texts; what is left is to sketch them."""
    texts = pq.read_table(given)[c.TEXT]
    return lambda: minhash(texts, AS_PEERS).height


def whole(given: Path, folder: Path, *, removed: str) -> Callable[[], int]:
    """Load what is compiled: the few documents of the warm-up may hold no twins to compare."""
    pair = pl.DataFrame({c.ROW: [1], c.TWIN_ROW: [0], c.SIMILARITY: [1.0]})
    comparing.exactly(pair, lambda _: [pa.array(["one"] * 2, pa.large_string())], CONFIG)
    twins = minhash(pa.array(["one"] * 2, pa.large_string()), CONFIG).with_row_index(c.ROW)
    (span,) = dedup.spans(2, CONFIG, MEMORY_BYTES)
    found = dedup.pairs(twins.lazy(), np.arange(2), span, config=CONFIG, threshold=THRESHOLD)
    dedup.settle(lambda: [found], np.arange(2))
    return partial(_removed, given, folder / "index.parquet", removed)


def _removed(given: Path, index: Path, removed: str) -> int:
    rows = _indexed(given, index)
    ranks = np.arange(rows)
    signals = pl.scan_parquet(index, row_index_name=c.ROW)
    candidates = [
        dedup.pairs(signals, ranks, span, config=CONFIG, threshold=THRESHOLD - comparing.MARGIN)
        for span in dedup.spans(rows, CONFIG, MEMORY_BYTES)
    ]
    similar = comparing.exactly(pl.concat(candidates), partial(_texts, given=given), CONFIG)
    similar = similar.filter(pl.col(c.SIMILARITY) >= THRESHOLD)
    found = dedup.settle(lambda: [similar], ranks)
    ids = pl.read_parquet(index, columns=[c.DOC_ID])[c.DOC_ID]
    twins = {c.DOC_ID: ids.gather(found[c.ROW]), "twin_id": ids.gather(found[c.TWIN_ROW])}
    pl.DataFrame(twins).write_parquet(removed)
    return rows


def _texts(rows: NDArray[np.int64], *, given: Path) -> Iterator[pa.Array]:
    """Read the texts of some rows of the file once more."""
    start = 0
    for batch in storage.read_batches(str(given), [c.TEXT], rows=AT_ONCE):
        inside = rows[(rows >= start) & (rows < start + len(batch))] - start
        start += len(batch)
        yield batch[c.TEXT].combine_chunks().take(pa.array(inside))


def _indexed(given: Path, index: Path) -> int:
    """Sketch the documents of a file, some at a time; return how many there are."""
    index.parent.mkdir(parents=True)
    rows = 0
    with storage.writing(str(index), INDEX) as out:
        for batch in storage.read_batches(str(given), [c.DOC_ID, c.TEXT], rows=AT_ONCE):
            found = minhash(batch[c.TEXT], CONFIG).to_arrow()
            out.write(found.add_column(0, c.DOC_ID, batch[c.DOC_ID]).cast(INDEX))
            rows += len(batch)
    return rows


if __name__ == "__main__":
    whole_ = partial(whole, removed=sys.argv[-1])
    try:
        contend(signatures if sys.argv[4] == "signatures" else whole_)
    except OpenmoatError as error:
        sys.exit(str(error))
