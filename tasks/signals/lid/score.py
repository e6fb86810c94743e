"""Languages of a column of texts, straight from its buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from tasks.signals.lid.model import Model

WHOLE: Final = 2**62


def languages(
    column: pa.Array | pa.ChunkedArray, model: Model, *, first_bytes: int | None = None
) -> tuple[pa.Array, pa.Array]:
    """Return the likeliest label of each text and its probability (0 to 1).

    Each text is read up to ``first_bytes`` bytes, or to the character that ends before; None reads
    all of it. Both are null where the text is null or the model knows no part of it.
    """
    from tasks.signals.lid.kernel import score

    limit = WHOLE if first_bytes is None else first_bytes
    labels = np.full(len(column), -1, np.int32)
    probabilities = np.zeros(len(column), np.float64)
    at = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        texts = chunk.cast(pa.large_string())
        data, offsets = _buffers(texts)
        end = at + len(texts)
        score(model.arrays, data, offsets, limit, labels[at:end], probabilities[at:end])
        if texts.null_count:
            labels[at:end][texts.is_null().to_numpy(zero_copy_only=False)] = -1
        at = end
    unknown = labels < 0
    codes = pa.array(model.labels, pa.string()).take(pa.array(labels, mask=unknown))
    return codes, pa.array(probabilities, mask=unknown)


def _buffers(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes and the offsets of texts; read-only both, for one compiled kernel."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None or not data.size:
        empty = np.frombuffer(bytes(8 * (len(texts) + 1)), np.int64)
        return np.frombuffer(b"\0", np.uint8), empty
    limits = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset)
    return np.frombuffer(data, np.uint8), limits
