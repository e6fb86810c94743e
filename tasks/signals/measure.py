"""All signals of one batch of documents: what the first pass over the text calls."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.tables import DOCUMENTS, SIGNALS, conform
from tasks import hashing
from tasks.signals.changes import changes
from tasks.signals.compression import compression_ratio
from tasks.signals.evals import evals
from tasks.signals.language import language
from tasks.signals.minhash import minhash
from tasks.signals.pieces import pieces
from tasks.signals.pii import spans
from tasks.signals.rules import rules
from tasks.signals.scores import scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.config import SignalsConfig
    from tasks.evals.index import Index
    from tasks.signals.scores import Scorer

WARM: Final = "A sentence that is long enough for its language to be told, and then one more word."


def measure(
    documents: pa.Table,
    config: SignalsConfig,
    items: Index | None = None,
    scorers: Sequence[Scorer] = (),
) -> pa.Table:
    """Return ``SIGNALS`` for ``documents`` (``DOCUMENTS``), row for row in the same order.

    ``document_digest`` is over the whole row but ``location`` and ``position``, so that it is the
    same wherever the record lay. Each row depends on its own document only. Raises
    :class:`ConfigError` where the language model cannot be had. ``items`` are those of eval sets,
    ``scorers`` the models.
    """
    texts = documents.column(c.TEXT)
    digests = hashing.row_digests(documents, leave_out=(c.LOCATION, c.POSITION))
    found = {
        c.DOC_ID: documents.column(c.DOC_ID),
        c.DOCUMENT_DIGEST: pa.array([digest.hex() for digest in digests], pa.string()),
        c.TEXT_HASH: pa.array(hashing.text_hashes(texts), pa.string()),
        c.N_BYTES: pc.binary_length(texts),
        c.COMPRESSION_RATIO: compression_ratio(texts).to_arrow(),
        c.SPANS: spans(texts),
        c.ATTRIBUTES: documents.column(c.ATTRIBUTES),
    }
    told = language(texts, config)
    frames = [told, rules(texts, told[c.LANG]), changes(documents.column(c.CHANGES))]
    if config.minhash:
        frames.append(minhash(texts, config))
    found[c.PIECES] = pieces(documents, config)
    found[c.EVALS] = evals(texts, items)
    found[c.SCORES] = scores(documents, told[c.LANG], scorers)
    for frame in frames:
        found |= {column.name: column.to_arrow() for column in frame}
    return conform(pa.table(found), SIGNALS)


def warm(config: SignalsConfig) -> None:
    """Begin to load what measuring needs, beside whatever else a run begins with.

    Importing Numba and reading machine code takes seconds, once a process.
    """
    Thread(target=_measure_one, args=(config,), daemon=True, name="warm").start()


def _measure_one(config: SignalsConfig) -> None:
    row = {
        c.DOC_ID: "",
        c.SOURCE: "",
        c.TEXT: WARM,
        c.OPT_OUT: False,
        c.LOCATION: "",
        c.POSITION: 1,
    }
    with suppress(Exception):  # what is wrong is said where a document is measured
        measure(conform(pa.Table.from_pylist([row]), DOCUMENTS), config)
