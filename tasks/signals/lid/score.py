"""Languages of a column of texts, straight from its buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tasks import characters, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.signals.lid.model import Model

    Booleans = NDArray[np.bool_]

KERNEL: Final = "tasks.signals.lid.kernel"
PROSE: Final = "tasks.signals.lid.prose"
WHOLE: Final = 2**62


def languages(
    column: pa.Array | pa.ChunkedArray,
    model: Model,
    *,
    first_bytes: int | None = None,
    wanted: Booleans | None = None,
    asked: str | None = None,
) -> tuple[pa.Array, pa.Array]:
    """Return the likeliest label of each text and its probability (0 to 1), or ``asked`` and its.

    Each text is read up to ``first_bytes`` bytes, or to the character that ends before; None reads
    all of it. Both are null where the text is null or not wanted, or the model knows no part of it.
    """
    wanted = np.ones(len(column), np.bool_) if wanted is None else wanted
    score = compiled.load(KERNEL).score

    label = -1 if asked is None else model.labels.index(asked)
    path = _path(model, label)
    labels = np.full(len(column), -1, np.int32)
    probabilities = np.zeros(len(column), np.float64)
    at = 0
    for texts in compiled.chunks(column):
        end = at + len(texts)
        data, offsets = compiled.buffers(texts)
        limit = _limit(first_bytes)
        longest = int(np.diff(offsets).max(initial=0))
        marked = np.empty(min(longest, limit) + 2, np.uint8)
        out = labels[at:end], probabilities[at:end]
        some = wanted[at:end]
        texts_of_it = data, offsets, some, limit
        score(model.arrays, model.memory.kept, marked, *texts_of_it, label, path, *out)
        if texts.null_count:
            labels[at:end][texts.is_null().to_numpy(zero_copy_only=False)] = -1
        at = end
    unknown = labels < 0
    codes = pa.array(model.labels, pa.string()).take(pa.array(labels, mask=unknown))
    return codes, pa.array(probabilities, mask=unknown)


def _path(model: Model, label: int) -> NDArray[np.int64]:
    """Return the way from the root of the tree to a label: inner node, and side that is taken."""
    tree = model.arrays.tree
    parents = {
        int(child): (i, side) for i in range(len(tree)) for side, child in enumerate(tree[i])
    }
    way, node = [], label
    while node in parents:
        way.append(parents[node])
        node = parents[node][0] + len(tree) + 1
    return np.array(way[::-1], np.int64).reshape(-1, 2)


def readable(
    column: pa.Array | pa.ChunkedArray,
    *,
    letters: int,
    prose: float = 0.0,
    first_bytes: int | None = None,
) -> Booleans:
    """Tell which texts have so many letters in their first bytes, and such a share in prose.

    In prose are the letters outside ASCII, and those of three or more **plain words** in a row of
    one line. A plain word consists of letters, with ``'`` and ``-`` among them. Before them may
    stand any of ``"'(-``, behind them any of ``"').,;!?-``: no colon, which marks code and data.
    Every character outside ASCII passes for a letter. A plain word of one letter, or of none,
    neither counts nor ends the row: variables and dashes. A null is not readable.
    """
    enough = compiled.load(PROSE).enough

    starts, content = characters.blocks()
    found = np.zeros(len(column), np.bool_)
    at = 0
    for texts in compiled.chunks(column):
        end = at + len(texts)
        data, offsets = compiled.buffers(texts)
        limit, classes = _limit(first_bytes), (content, starts)
        enough(data, offsets, limit, letters, float(prose), classes, found[at:end])
        if texts.null_count:
            found[at:end][texts.is_null().to_numpy(zero_copy_only=False)] = False
        at = end
    return found


def _limit(first_bytes: int | None) -> int:
    return WHOLE if first_bytes is None else first_bytes
