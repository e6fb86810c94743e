"""Rows of tokens as trainers with formats of their own want them: one run of ids. Pure.

Padding is left out: these trainers cut the run into sequences themselves.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.mixture import LEARNED, NO_LOSS
from tasks.ragged import lists

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import DTypeLike, NDArray

    Numbers = NDArray[np.int64]

UINT16: Final = 1 << 16
MEGATRON_MAGIC: Final = b"MMIDIDX\x00\x00"
MEGATRON_VERSION: Final = 1
MEGATRON_CODES: Final = {np.dtype("<u2"): 8, np.dtype("<i4"): 4}
"""Numbers by which an index names types (megatron-core, ``IndexedDataset``)."""
MEGATRON_SMALL: Final = 65_500
"""From so many ids on, megatron-core itself takes int32."""


class Flat(NamedTuple):
    """Tokens of rows one after the other, whether each is learned, and how many a row has."""

    ids: NDArray[np.int32]
    learned: NDArray[np.bool_]
    lengths: Numbers


def flat(table: pa.Table) -> Flat:
    """Return the tokens of a table of ``input_ids``, ``attention_mask`` and ``labels``."""
    ids, attends, labels = (lists(table.column(name)) for name in LEARNED)
    is_token = attends.values != 0
    before = np.concatenate([[0], np.cumsum(is_token)])[attends.offsets]
    lengths = np.diff(before).astype(np.int64)
    if is_token.all():
        return Flat(ids.values, labels.values != NO_LOSS, lengths)
    return Flat(ids.values[is_token], labels.values[is_token] != NO_LOSS, lengths)


def olmo_type(size: int) -> np.dtype[Any]:
    """Type of ids below ``size``: 16 bits where they fit, else 32, unsigned."""
    return np.dtype("<u2") if size <= UINT16 else np.dtype("<u4")


def megatron_type(size: int) -> np.dtype[Any]:
    """Type of ids below ``size``, as megatron-core would choose."""
    return np.dtype("<u2") if size < MEGATRON_SMALL else np.dtype("<i4")


def megatron_index(lengths: Numbers, kind: DTypeLike) -> bytes:
    """Return an ``.idx`` file for rows of these lengths, each a document of one sequence.

    Nine bytes of magic; version (uint64), type (uint8), sequences and document limits (uint64);
    lengths (int32) and first bytes (int64) of the sequences; limits of the documents (int64). All
    little-endian.
    """
    own = np.dtype(kind)
    pointers = (np.cumsum(lengths) - lengths) * own.itemsize
    limits = np.arange(len(lengths) + 1)
    head = struct.pack("<QBQQ", MEGATRON_VERSION, MEGATRON_CODES[own], len(lengths), len(limits))
    parts = lengths.astype("<i4"), pointers.astype("<i8"), limits.astype("<i8")
    return MEGATRON_MAGIC + head + b"".join(part.tobytes() for part in parts)
