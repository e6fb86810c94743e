"""Cross-entropy of each token, and what a model is given so that it looks at the right ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.mixture import NO_LOSS
from tasks.training import extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.training.batches import Batch


def each(logits: Any, labels: Any) -> Any:  # noqa: ANN401  (tensors)
    """Return nats of each token from the second on, ``(rows, length - 1)``; 0 where not learned.

    ``logits`` (rows, length, ids) of any precision; the logarithm is taken in float32.
    """
    torch, _ = extra.needed("losses")
    # As one list of tokens: of rows there is no deterministic form on GPUs.
    flat, wanted = logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten()
    found = torch.nn.functional.cross_entropy(flat, wanted, ignore_index=NO_LOSS, reduction="none")
    return found.view(labels.shape[0], -1)


def given(batch: Batch, device: str, *, isolate: bool) -> dict[str, Any]:
    """Return a model's arguments. ``isolate``: tokens see those of their own document only.

    Else a packed row is one text: a document sees those before it in the row, as is usual.
    """
    torch, _ = extra.needed("training")
    found = {"input_ids": torch.from_numpy(np.ascontiguousarray(batch.ids)).to(device)}
    if not isolate:
        attention = torch.from_numpy(np.ascontiguousarray(batch.attention))
        return {**found, "attention_mask": attention.to(device)}
    apart = torch.from_numpy(hidden(batch.pieces))
    mask = torch.zeros(apart.shape).masked_fill(apart, torch.finfo(torch.float32).min)
    positions = torch.from_numpy(places(batch.pieces))
    return {**found, "attention_mask": mask[:, None].to(device),
            "position_ids": positions.to(device)}  # fmt: skip


def hidden(pieces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tokens (last axis) a token does not see: those behind it, those of other documents."""
    same = pieces[:, :, None] == pieces[:, None, :]
    found: NDArray[np.bool_] = ~(same & np.tri(pieces.shape[1], dtype=np.bool_))
    return found


def places(pieces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each token in its document, from 0."""
    at = np.broadcast_to(np.arange(pieces.shape[1]), pieces.shape)
    begins = np.where(np.diff(pieces, axis=1, prepend=-2) != 0, at, 0)
    return at - np.maximum.accumulate(begins, axis=1)
