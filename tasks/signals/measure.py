"""All signals of one batch of documents: what the first pass over the text calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.tables import SIGNALS, conform
from tasks import hashing
from tasks.signals.changes import changes
from tasks.signals.gopher import gopher
from tasks.signals.language import language
from tasks.signals.minhash import minhash

if TYPE_CHECKING:
    from schemas.config import SignalsConfig


def measure(documents: pa.Table, config: SignalsConfig) -> pa.Table:
    """Return ``SIGNALS`` for ``documents`` (``DOCUMENTS``), row for row in the same order.

    ``document_digest`` is over the whole row but ``location`` and ``position``, so that it is the
    same wherever the record lay; ``text_hash`` over the text alone; ``n_bytes`` is the text's
    length in UTF-8. Each row depends on its own document only. Raises :class:`ConfigError` where
    the language model cannot be had.
    """
    texts = documents.column(c.TEXT)
    digests = hashing.row_digests(documents, leave_out=(c.LOCATION, c.POSITION))
    text = pl.Series(c.TEXT, texts, dtype=pl.String)
    table = pa.table(
        {
            c.DOC_ID: documents.column(c.DOC_ID),
            c.DOCUMENT_DIGEST: pa.array([digest.hex() for digest in digests], pa.string()),
            c.TEXT_HASH: pa.array([hashing.text_hash(t.as_py()) for t in texts], pa.string()),
            c.N_BYTES: pc.binary_length(texts),
        }
    )
    changed = changes(documents.column(c.CHANGES))
    for signals in (language(texts, config), gopher(text), changed, minhash(text, config)):
        for name, column in signals.to_dict().items():
            table = table.append_column(name, column.to_arrow())
    table = table.append_column(c.ATTRIBUTES, documents.column(c.ATTRIBUTES))
    return conform(table, SIGNALS)
