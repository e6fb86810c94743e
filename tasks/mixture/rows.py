"""Rows of a mixture as they are written, made of pieces of documents. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.mixture import CHAT_ROW, NO_LOSS, PACKED, TEXT, TOKENS, table_schema
from schemas.tables import MESSAGE, conform
from tasks.mixture.order import PIECE
from tasks.ragged import Lists, lists, sums, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from schemas.budgets import Condition, RowFormat

    Numbers = NDArray[np.int64]

LEARNED: Final = "learned"
"""Column of pieces: of each token 1 where it is learned, else 0."""
PIECES: Final = pa.schema(
    [
        *TEXT,
        pa.field(c.MESSAGES, pa.list_(MESSAGE)),
        pa.field(PIECE, pa.int64(), nullable=False),
        pa.field(c.TOKEN_START, pa.int64(), nullable=False),
        pa.field(c.ENDS, pa.bool_(), nullable=False),
        pa.field(c.INPUT_IDS, pa.list_(pa.int32())),
        pa.field(LEARNED, pa.list_(pa.uint8())),
    ]
)
"""What rows are made of: of a document, or of a piece of one. Tokens only where rows have some."""


SAID: Final = (
    c.ORIGIN, c.EPOCH, c.POSITION, c.KIND, c.TOKENS, c.SUPERVISED, c.START, c.END, PIECE,
    c.TOKEN_START, c.ENDS,
)  # fmt: skip
"""Columns of pieces that the plan says."""


class Found(NamedTuple):
    """What stands at some places of a shard: documents, and ids and what is learned of each."""

    documents: pa.Table
    ids: Lists | None = None
    learned: Lists | None = None


class Form(NamedTuple):
    """What rows are to be: ``size`` tokens where they are packed; ids of end and padding."""

    format: RowFormat
    size: int | None = None
    end: int = 0
    padding: int = 0


def pieces(chosen: pl.DataFrame, at: Numbers, found: Found, condition: Condition) -> pa.Table:
    """Return the pieces that a plan has of some documents: row ``i`` is of the document ``at[i]``.

    ``condition``: of the recipe's source that they are of. Documents without columns of text or
    turns, which packed rows have not, give empty texts.
    """
    documents = found.documents.take(pa.array(at, pa.int64()))
    columns: dict[str, Any] = {name: chosen[name].to_arrow() for name in SAID}
    size = chosen.height
    columns[c.TEXT] = pa.array([""] * size, pa.large_string())
    for name in (c.TEXT, c.URL, c.LICENSE, c.SOURCE, c.DOC_ID, c.MESSAGES):
        if name in documents.column_names:
            columns[name] = documents.column(name)
    columns |= {
        c.WEIGHT: pa.array(np.ones(size)),
        c.SOURCE_CLASS: pa.array([condition.source_class] * size, pa.string()),
        c.CONDITION_PREFIX: pa.array([condition.condition_prefix] * size, pa.string()),
        c.LOSS_WEIGHT: pa.array(np.full(size, condition.loss_weight)),
    }
    if found.ids is not None and found.learned is not None:
        firsts = chosen[c.TOKEN_START].to_numpy()
        lengths = chosen[c.TOKENS].to_numpy()
        columns[c.INPUT_IDS] = _cut(found.ids, at, firsts, lengths)
        learned = Lists(found.learned.values.view(np.uint8), found.learned.offsets)
        columns[LEARNED] = _cut(learned, at, firsts, lengths)
    return conform(pa.table(columns), PIECES)


def _cut(tokens: Lists, at: Numbers, firsts: Numbers, lengths: Numbers) -> pa.ListArray:
    """Tokens of documents, each from one on and as many as are told."""
    before = np.cumsum(lengths) - lengths
    places = np.repeat(tokens.offsets[at] + firsts - before, lengths) + np.arange(lengths.sum())
    offsets = _offsets(np.append(before, lengths.sum()))
    return pa.ListArray.from_arrays(offsets, pa.array(tokens.values[places]))


def in_order(pieces: pa.Table, order: Numbers) -> pa.Table:
    """Return pieces in another order."""
    columns = []
    for name in pieces.column_names:
        column = pieces.column(name)
        if name in (c.INPUT_IDS, LEARNED) and not column.null_count:
            own = taken(lists(column), order)
            columns.append(pa.ListArray.from_arrays(_offsets(own.offsets), pa.array(own.values)))
        else:
            columns.append(column.take(pa.array(order, pa.int64())))
    return pa.Table.from_arrays(columns, schema=pieces.schema)


def made(pieces: pa.Table, form: Form) -> pa.Table:
    """Return the rows of some pieces, which are :data:`PIECES` in the order of rows and pieces."""
    schema = table_schema(form.format, packed=form.size is not None)
    if form.format == "text":
        return conform(pieces.select(TEXT.names), schema)
    if form.size is not None:
        return _packed(pieces, form)
    chat = pl.col(c.KIND) == CHAT_ROW
    frame = pl.DataFrame(pieces.select([c.KIND, c.TEXT, c.MESSAGES]))
    frame = frame.with_columns(
        pl.when(~chat).then(c.TEXT).alias(c.TEXT), pl.when(chat).then(c.MESSAGES).alias(c.MESSAGES)
    )
    content = pieces
    for name in (c.TEXT, c.MESSAGES):
        column = frame[name].to_arrow().cast(PIECES.field(name).type)
        content = content.set_column(content.schema.get_field_index(name), name, column)
    if form.format == "messages":
        return conform(content.select(schema.names), schema)
    return _whole(content, form)


def _whole(pieces: pa.Table, form: Form) -> pa.Table:
    lengths = pieces.column(c.TOKENS).to_numpy() + pieces.column(c.ENDS).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    columns = _columns(_laid_out(pieces, offsets[:-1], int(offsets[-1]), form), offsets)
    for name in TOKENS.names[len(columns) :]:
        columns[name] = pieces.column(name)
    return conform(pa.table(columns), TOKENS)


def _packed(pieces: pa.Table, form: Form) -> pa.Table:
    size, position = form.size or 0, pieces.column(c.POSITION).to_numpy()
    firsts = np.flatnonzero(np.append(True, position[1:] != position[:-1])[: len(position)])
    bounds = np.append(firsts, len(position))
    lengths = pieces.column(c.TOKENS).to_numpy() + pieces.column(c.ENDS).to_numpy()
    row = np.repeat(np.arange(len(firsts)), np.diff(bounds))
    before = np.cumsum(lengths) - lengths
    starts = row * size + before - before[firsts][row]
    offsets = np.arange(len(firsts) + 1) * size
    columns = _columns(_laid_out(pieces, starts, len(firsts) * size, form), offsets)
    own = _supervised(pieces)
    for field in PACKED:
        if field.name in columns:
            continue
        column = own if field.name == c.SUPERVISED else pieces.column(field.name).combine_chunks()
        if pa.types.is_list(field.type):
            columns[field.name] = pa.ListArray.from_arrays(
                pa.array(bounds, pa.int32()), column.cast(field.type.value_type)
            )
        else:
            columns[field.name] = column.take(pa.array(firsts))
    return conform(pa.table(columns), PACKED)


def _supervised(pieces: pa.Table) -> pa.Array:
    """How many tokens of each piece are learned."""
    return pa.array(sums(lists(pieces.column(LEARNED))), pa.int64())


def _laid_out(
    pieces: pa.Table, starts: Numbers, total: int, form: Form
) -> tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int32]]:
    """Ids, attention and labels of all rows, one after the other.

    ``starts``: where each piece's tokens go.
    """
    ids, learned = lists(pieces.column(c.INPUT_IDS)), lists(pieces.column(LEARNED))
    sizes = np.diff(ids.offsets)
    # Pieces stand in the order of their places: filling a mask is quicker than counting places.
    within = np.zeros(total + 1, np.int8)
    np.add.at(within, starts, 1)
    np.add.at(within, starts + sizes, -1)
    places = np.cumsum(within[:-1], dtype=np.int8).view(np.bool_)
    own = np.full(total, form.padding, np.int32)
    own[places] = ids.values
    labels = np.full(total, NO_LOSS, np.int32)
    labels[places] = np.where(learned.values.view(np.bool_), ids.values, NO_LOSS)
    closed = pieces.column(c.ENDS).to_numpy()
    for values, end in ((own, form.end), (places, True), (labels, form.end)):
        values[(starts + sizes)[closed]] = end
    return own, places.view(np.int8), labels


def _columns(laid_out: tuple[NDArray[Any], ...], offsets: Numbers) -> dict[str, Any]:
    at = _offsets(offsets)
    parts = zip((c.INPUT_IDS, c.ATTENTION_MASK, c.LABELS), laid_out, strict=True)
    return {name: pa.ListArray.from_arrays(at, pa.array(own)) for name, own in parts}


def _offsets(offsets: Numbers) -> pa.Array:
    return pa.array(offsets, pa.int32())


def row_groups(table: pa.Table, *, max_bytes: float) -> Iterator[pa.Table]:
    """Cut a table into runs of rows of at most ``max_bytes`` of content (but one row at least).

    Content is text, or ids where rows have no text, four bytes each.
    """
    sizes = content_bytes(table)
    start, held = 0, 0
    for i, size in enumerate(sizes):
        if i > start and held + size > max_bytes:
            yield table.slice(start, i - start)
            start, held = i, 0
        held += size
    if start < table.num_rows:
        yield table.slice(start)


def content_bytes(table: pa.Table) -> list[int]:
    """Bytes of the content of each row: text and turns, and of ids four each."""
    frame = pl.DataFrame(pl.from_arrow(table.select(
        [n for n in (c.TEXT, c.MESSAGES, c.INPUT_IDS) if n in table.column_names]
    )))  # fmt: skip
    size = pl.lit(0, pl.UInt32)
    if c.TEXT in frame.columns:
        size += pl.col(c.TEXT).str.len_bytes().fill_null(0)
    if c.MESSAGES in frame.columns:
        turns = pl.col(c.MESSAGES).list.eval(pl.element().struct.field("content").str.len_bytes())
        size += turns.list.sum().fill_null(0)
    if c.INPUT_IDS in frame.columns:
        size += 4 * pl.col(c.INPUT_IDS).list.len()
    return frame.select(size.alias("size"))["size"].to_list() if frame.width else []
