"""Arrow schemas of every table that crosses a boundary, and the one function that enforces them."""

from __future__ import annotations

import pyarrow as pa

from schemas import columns as c
from schemas import signals
from schemas.errors import SchemaError

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.large_string())])

DOCUMENTS = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.RECORD_ID, pa.string()),
        pa.field(c.URL, pa.string()),
        pa.field(c.TEXT, pa.large_string(), nullable=False),
        pa.field(c.MESSAGES, pa.list_(MESSAGE)),
        pa.field(c.LICENSE, pa.string()),
        pa.field(c.OPT_OUT, pa.bool_(), nullable=False),
        pa.field(c.LOCATION, pa.string(), nullable=False),
        pa.field(c.POSITION, pa.int64(), nullable=False),
        pa.field(c.METADATA, pa.large_string()),
        pa.field(c.CHANGES, pa.string()),
        pa.field(c.ATTRIBUTES, pa.large_string()),
    ]
)

SIGNALS = pa.schema([pa.field(s.name, s.type, nullable=s.nullable) for s in signals.ALL])
"""What each column is: :mod:`schemas.signals`."""

REMOVED = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64(), nullable=False),
        pa.field(c.END, pa.int64(), nullable=False),
        pa.field(c.LEVEL, pa.string(), nullable=False),
        pa.field(c.MATCHED_ID, pa.string()),
        pa.field(c.ITEM, pa.int32()),
    ]
)
"""Bytes of a kept document's text that go, from ``start`` up to but without ``end``, and for what.

``row`` is the document's place in its shard; ``level`` is ``line``, ``paragraph`` or ``substring``,
which the kept document ``matched_id`` has too, or ``eval_item``: a paragraph that holds the item of
this number (a row of ``EVAL_ITEMS``).
"""

EVAL_GRAMS = pa.schema(
    [
        pa.field(c.HASH, pa.uint64(), nullable=False),
        pa.field(c.N_WORDS, pa.uint8(), nullable=False),
        pa.field(c.ITEM, pa.int32(), nullable=False),
        pa.field(c.WORD, pa.int32(), nullable=False),
    ]
)
"""Rows of words of eval items, by hash: of which item, and from which word on.

A gram's number, in signals, is its place among the different hashes in order.
"""

EVAL_ITEMS = pa.schema(
    [
        pa.field(c.EVAL_SET, pa.string(), nullable=False),
        pa.field(c.ITEM_ID, pa.string(), nullable=False),
        pa.field(c.FIELD, pa.string(), nullable=False),
        pa.field(c.N_WORDS, pa.int64(), nullable=False),
        pa.field(c.EXCERPT, pa.string(), nullable=False),
    ]
)
"""Eval items; an item's number is its row."""

EVAL_HITS = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.RECIPE_SOURCE, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.ITEM, pa.int32(), nullable=False),
        pa.field(c.EVAL_SET, pa.string(), nullable=False),
        pa.field(c.ITEM_ID, pa.string(), nullable=False),
        pa.field(c.FIELD, pa.string(), nullable=False),
        pa.field(c.N_WORDS, pa.int64(), nullable=False),
        pa.field(c.COVERED, pa.int64(), nullable=False),
        pa.field(c.RUN, pa.int64(), nullable=False),
        pa.field(c.COMMON, pa.bool_(), nullable=False),
    ]
)
"""Documents that have items: words of the item that are covered, and of the longest run.

``row`` counts through all shards of ``documents``. ``common``: not without the rows of words that
are common in the document's source.
"""

DECISIONS = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.KEEP, pa.bool_(), nullable=False),
        pa.field(c.DROP_REASON, pa.string()),
        pa.field(c.DROP_REASONS, pa.list_(pa.string()), nullable=False),
        pa.field(c.MATCHED_ID, pa.string()),
        pa.field(c.LEVEL, pa.string()),
        pa.field(c.SIMILARITY, pa.float64()),
        pa.field(c.CLUSTER_ID, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.WEIGHT, pa.float64(), nullable=False),
        pa.field(c.TOKENS_EST, pa.int64()),
    ]
)

PAIRS = pa.schema(
    [
        pa.field(c.LEFT_SET, pa.string(), nullable=False),
        pa.field(c.LEFT_ID, pa.string(), nullable=False),
        pa.field(c.RIGHT_SET, pa.string(), nullable=False),
        pa.field(c.RIGHT_ID, pa.string(), nullable=False),
        pa.field(c.LEVEL, pa.string(), nullable=False),
        pa.field(c.SIMILARITY, pa.float64(), nullable=False),
    ]
)
"""Documents of two sets that are the same or nearly so; ``similarity`` is Jaccard's, 0 to 1."""

REJECTS = pa.schema(
    [
        pa.field(c.LOCATION, pa.string(), nullable=False),
        pa.field(c.POSITION, pa.int64(), nullable=False),
        pa.field(c.REASON, pa.string(), nullable=False),
        pa.field(c.EXCERPT, pa.string(), nullable=False),
    ]
)

DRAWN = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
        pa.field(c.SHARD, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
    ]
)
"""Which rows of ``documents`` a draw chose: the shard's file name, the row in it, exact tokens.

Of a passage, ``start`` and ``end`` are its code points in the document's text as it is written, up
to but without ``end``; both are null of a whole document. So they are in what follows.
"""

CORPUS = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.URL, pa.string()),
        pa.field(c.TEXT, pa.large_string(), nullable=False),
        pa.field(c.LICENSE, pa.string()),
        pa.field(c.LANG, pa.string(), nullable=False),
        pa.field(c.CLUSTER_ID, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.WEIGHT, pa.float64(), nullable=False),
        pa.field(c.METADATA, pa.large_string()),
    ]
)

REPLAY = pa.schema(
    [
        pa.field(c.TEXT, pa.large_string(), nullable=False),
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.LICENSE, pa.string()),
        pa.field(c.URL, pa.string()),
        pa.field(c.TOKENS, pa.int64(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.START, pa.int64()),
        pa.field(c.END, pa.int64()),
    ]
)

GENERATIONS = pa.schema(
    [
        pa.field(c.TEXT, pa.large_string(), nullable=False),
        pa.field(c.N_TOKENS, pa.int64(), nullable=False),
        pa.field(c.SEED, pa.int64(), nullable=False),
        pa.field(c.FINISHED, pa.bool_(), nullable=False),
        pa.field(c.MESSAGES, pa.list_(MESSAGE)),
    ]
)
"""What a model wrote: the tokens that were drawn for it, the row's own seed, whether it ended there
by itself; the turns of a conversation, null where it is none."""


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return ``table`` with exactly the columns of ``schema``, in its order and types.

    A column the schema allows to be null may be missing; anything else that does not fit raises
    :class:`SchemaError`. Columns that the schema does not name raise too: nothing is lost silently.
    """
    if len(set(table.column_names)) < table.num_columns:
        raise _mismatch(f"a column twice in {table.column_names}", schema)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    unknown = sorted(columns.keys() - set(schema.names))
    missing = [f.name for f in schema if not f.nullable and f.name not in columns]
    if unknown or missing:
        raise _mismatch(f"unknown columns {unknown}, missing columns {missing}", schema)
    empty = pa.chunked_array([pa.nulls(table.num_rows)])
    arrays = [_column(columns.get(field.name, empty), field, schema) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _column(column: pa.ChunkedArray, field: pa.Field, schema: pa.Schema) -> pa.ChunkedArray:
    if not field.nullable and column.null_count:
        raise _mismatch(f"{column.null_count} nulls in {field.name!r}", schema)
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _mismatch(f"{field.name!r} of type {column.type} ({error})", schema) from error


def _mismatch(got: str, schema: pa.Schema) -> SchemaError:
    return SchemaError(
        "table",
        got=got,
        wanted=f"the columns {schema.names}",
        way_out="This is a defect of the stage that made the table: please report it.",
    )
