"""Token ids that counting laid by, so that a kept document is encoded once.

``tokens/ids/<key>-<shard>/`` holds parts, one for each round of counting, which are never written
again: a record batch for each batch of documents, with its digest. What is not there, or is not as
it was written, is encoded anew by whoever asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ManifestError
from tasks import kept, ledger, storage
from tasks.encoding import Encoded
from tasks.ragged import Lists, lists
from tasks.tokens import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from schemas.config import MaskingConfig
    from tasks.encoding import Encoder

    Write = Callable[[pa.RecordBatch], None]

IDS, LEARNED = "ids", "learned"
FOLDER: Final = "ids"
KEY: Final = b"key"
SCHEMA = pa.schema(
    [
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
        pa.field(c.KIND, pa.string(), nullable=False),
        pa.field(IDS, pa.large_list(pa.int32()), nullable=False),
        pa.field(LEARNED, pa.large_list(pa.uint8())),
    ]
)
"""Of a passage, ``start`` and ``end``: one that is cut by another limit may begin where it does.
``learned`` is null where all tokens are, as in plain texts."""
OF_DOCUMENT: Final = (c.ROW, c.START, c.END)
PLACE: Final = ("part", "batch", "at")
Span = tuple[int | None, int | None]


class _Read(NamedTuple):
    """A batch that was read: which one, its ids, and what of them is learned."""

    number: int
    ids: Lists
    learned: Lists
    masked: NDArray[np.bool_]


def _folder(out: str, shard: str, key: str) -> str:
    return storage.join(out, ledger.TOKENS, FOLDER, f"{key[:16]}-{shard}")


def laying(out: str, shard: str, key: str) -> AbstractContextManager[Write]:
    """Open a new part of a shard's ids."""
    folder = _folder(out, shard, key)
    there = storage.list_names(folder)
    number = 1 + max((int(name.partition(".")[0]) for name in there), default=-1)
    return storage.laying(storage.join(folder, f"{number:05d}.arrow"), _schema(key))


def _schema(key: str) -> pa.Schema:
    return SCHEMA.with_metadata({KEY: key.encode()})


def batch(rows: list[int], encoded: Encoded, spans: Sequence[Span] | None = None) -> pa.RecordBatch:
    """Return what is laid by of documents, or of passages (``start`` and ``end`` of each).

    What is refused is left out.
    """
    starts, ends = zip(*spans, strict=True) if spans else ([None] * len(rows),) * 2
    columns = [
        pa.array(rows, pa.int64()),
        pa.array(starts, pa.int64()),
        pa.array(ends, pa.int64()),
        pa.array(encoded.kinds, pa.string()),
        pa.LargeListArray.from_arrays(encoded.ids.offsets, encoded.ids.values),
        _masks(encoded),
    ]
    found = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    good = [why is None for why in encoded.refused]
    return found if all(good) else found.filter(pa.array(good, pa.bool_()))


def _masks(encoded: Encoded) -> pa.Array:
    whole = encoded.supervised == encoded.tokens
    if whole.all():  # of most sources, and then nothing is copied
        return pa.nulls(len(whole), SCHEMA.field(LEARNED).type)
    learned = encoded.learned.values.view(np.uint8)
    masks = pa.LargeListArray.from_arrays(encoded.learned.offsets, learned)
    return masks.take(pa.array(np.arange(len(whole)), mask=whole))


class Ids:
    """The ids of a shard's documents: those that are laid by, and others made when asked for."""

    def __init__(self, parts: list[str], index: pl.DataFrame, encoder: Encoder) -> None:
        """``index``: ``row, start, kind`` and where a place's ids stand."""
        self._parts, self._index, self._encoder = parts, index, encoder
        self._read: dict[int, _Read] = {}

    @classmethod
    def of(
        cls, out: str, shard: str, encoder: Encoder, *, masking: MaskingConfig | None = None
    ) -> Self:
        """Look what is there of a shard; a part that is not as it was written is removed."""
        key = kept.counted_by(out, shard, encoder.digest, masking)
        folder = _folder(out, shard, key)
        parts: list[str] = []
        index = [_NOTHING]
        for name in storage.list_names(folder):
            at = storage.join(folder, name)
            own = _looked_at(at, key, len(parts))
            if own is None:
                storage.remove(at)
            else:
                parts.append(at)
                index.append(own)
        return cls(parts, pl.concat(index).unique(OF_DOCUMENT, keep="last"), encoder)

    def encoded(self, places: pl.DataFrame, documents: pa.Table, source: str) -> Encoded:
        """Return the ids of some places of a recipe's source.

        ``places``: ``row``, ``start`` and ``end`` (null of whole documents), as
        :func:`tasks.written.rows` gives them. ``documents``: beside each its document, with
        ``text`` (and ``messages``) as written; what is laid by is not looked at.
        """
        asked = places.select(OF_DOCUMENT).join(
            self._index, on=OF_DOCUMENT, how="left", nulls_equal=True, maintain_order="left"
        )
        missing = np.flatnonzero(asked["part"].is_null().to_numpy())
        made = self._made(places[missing], documents.take(pa.array(missing, pa.int64())), source)
        if len(missing) == places.height:
            return made
        return self._joined(asked, missing, made)

    def _made(self, places: pl.DataFrame, documents: pa.Table, source: str) -> Encoded:
        return self._encoder.encode(plain_passages(documents, places), source)

    def _joined(self, asked: pl.DataFrame, missing: NDArray[np.int64], made: Encoded) -> Encoded:
        ids: list[Any] = [None] * asked.height
        learned: list[Any] = [None] * asked.height
        kinds, refused = asked[c.KIND].to_list(), list[str | None]([None] * asked.height)
        for place, number in enumerate(missing.tolist()):
            ids[number], learned[number] = _one(made.ids, place), _one(made.learned, place)
            kinds[number], refused[number] = made.kinds[place], made.refused[place]
        there = asked.with_row_index("number").drop_nulls("part").select("number", *PLACE)
        for number, part, batch_number, at in there.iter_rows():
            read = self._batch(part, batch_number)
            ids[number] = _one(read.ids, at)
            learned[number] = _one(read.learned, at) if read.masked[at] else _all(ids[number])
        return Encoded(joined(ids, np.int32), joined(learned, np.bool_), kinds, refused, None)

    def _batch(self, part: int, number: int) -> _Read:
        """Read a batch, if it is not the one that was read last of its part."""
        known = self._read.get(part)
        if known is None or known.number != number:
            found = storage.read_laid(self._parts[part], number)
            masks = found.column(LEARNED)
            known = _Read(
                number,
                lists(found.column(IDS)),
                _filled(masks),
                masks.is_valid().to_numpy(zero_copy_only=False),
            )
            self._read[part] = known
        return known


def plain_passages(documents: pa.Table, places: pl.DataFrame) -> pa.Table:
    """Take the turns of conversations away where only a passage of their text is meant."""
    if c.MESSAGES not in documents.column_names or c.START not in places.columns:
        return documents
    passage = places[c.START].is_not_null().to_numpy()
    if not passage.any():
        return documents
    kept_rows = pa.array(np.arange(len(passage)), mask=passage)
    where = documents.schema.get_field_index(c.MESSAGES)
    turns = documents.column(c.MESSAGES).combine_chunks().take(kept_rows)
    return documents.set_column(where, documents.schema.field(where), turns)


def _looked_at(at: str, key: str, part: int) -> pl.DataFrame | None:
    """Return what stands where in a part; None where it is another's, or not as it was written."""
    found = [_NOTHING]
    try:
        if not storage.laid_schema(at).equals(_schema(key), check_metadata=True):
            return None
        for number, own in enumerate(storage.laid(at)):
            frame = pl.DataFrame(own.select([*OF_DOCUMENT, c.KIND]))
            place = (pl.lit(part), pl.lit(number), pl.int_range(pl.len()))
            named = [one.cast(pl.Int64).alias(n) for n, one in zip(PLACE, place, strict=True)]
            found.append(frame.with_columns(named))
    except ManifestError:
        return None
    return pl.concat(found)


def _filled(masks: pa.LargeListArray) -> Lists:
    """Return masks as lists, empty where there is none."""
    lengths = masks.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Lists(masks.flatten().to_numpy().view(np.bool_), offsets)


def _one(some: Lists, place: int) -> NDArray[Any]:
    return some.values[some.offsets[place] : some.offsets[place + 1]]


def _all(ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.ones(len(ids), np.bool_)


_NOTHING = pl.DataFrame(
    schema=dict.fromkeys(OF_DOCUMENT, pl.Int64)
    | {c.KIND: pl.String}
    | dict.fromkeys(PLACE, pl.Int64)
)
