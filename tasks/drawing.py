"""Some of the documents of files that are read once, by seed, in bounded memory.

What is kept are the first documents in an order by seed and id, until they have so many characters;
records of one id are one document. Which these are does not depend on the order of files and
records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from tasks import hashing

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORDER, CHARS, OWN = "order", "chars", "own"
SCHEMA: Final = pa.schema(
    [
        pa.field(c.TEXT, pa.large_string()),
        pa.field(c.SOURCE, pa.large_string()),
        pa.field(OWN, pa.large_string()),
        pa.field(ORDER, pa.uint64()),
        pa.field(CHARS, pa.int64()),
    ]
)
"""What is kept of a document, or of a part of it: ``own`` is its id."""
SLACK: Final = 2
"""As many times the characters wanted are held before some are let go."""


def candidates(documents: pa.Table, hashes: list[str], *, seed: int, stage: str) -> pa.Table:
    """Return documents of a batch with the number that is drawn for each: ``SCHEMA``."""
    own = [
        record or text
        for record, text in zip(documents.column(c.RECORD_ID).to_pylist(), hashes, strict=True)
    ]
    texts = documents.column(c.TEXT)
    columns = [
        texts,
        documents.column(c.SOURCE).cast(pa.large_string()),
        pa.array(own, pa.large_string()),
        pa.array(hashing.seeded(own, seed=seed, stage=stage)),
        pc.utf8_length(texts).cast(pa.int64()),
    ]
    return pa.table(columns, schema=SCHEMA)


class Draw:
    """The first documents of many, as many as have so many characters, and ``least`` at least."""

    def __init__(self, characters: float, *, least: int = 0) -> None:
        self.characters, self._least = characters, least
        self._parts: list[pa.Table] = []
        self._held = 0
        self._rows = 0
        self._limit: int | None = None

    def add(self, some: pa.Table) -> None:
        """Look at more candidates."""
        if self._limit is not None:
            some = some.filter(
                pc.less_equal(some.column(ORDER), pa.scalar(self._limit, pa.uint64()))
            )
        if not some.num_rows:
            return
        self._parts.append(some)
        self._held += pc.sum(some.column(CHARS)).as_py()
        self._rows += some.num_rows
        if self._held > SLACK * self.characters and self._rows > SLACK * self._least:
            self._settle()

    def table(self) -> pa.Table:
        """Return the documents, in their order."""
        self._settle()
        return self._parts[0]

    def _settle(self) -> None:
        every = pa.concat_tables([SCHEMA.empty_table(), *self._parts])
        every = every.sort_by([(ORDER, "ascending"), (OWN, "ascending"), (c.TEXT, "ascending")])
        order: NDArray[Any] = every.column(ORDER).to_numpy()
        sizes: NDArray[Any] = every.column(CHARS).to_numpy()
        before = np.cumsum(sizes) - sizes
        firsts = np.searchsorted(order, order, side="left")  # parts of one document stay together
        taken = (before[firsts] < self.characters) | (firsts < self._least)
        # A table that shared the memory of what is let go would keep it.
        self._parts = [pa.table(every.filter(pa.array(taken)).combine_chunks())]
        kept = int(taken.sum())
        self._held, self._rows = int(sizes[:kept].sum()), kept
        self._limit = int(order[kept - 1]) if kept < len(order) else self._limit
