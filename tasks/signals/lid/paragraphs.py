"""Paragraphs of a column of texts, without a copy of them, and what shares of a text they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks import characters, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

LEAST_SHARE: Final = 0.01
"""A language with less of a text is not listed."""

SHARES: Final = pl.List(pl.Struct({"lang": pl.String, "share": pl.Float64}))


class Paragraphs(NamedTuple):
    """Paragraphs of all texts, in order: neighbouring lines that hold a word (as in the rules).

    ``column`` has them with the white space behind them, over the bytes of the texts themselves.
    ``texts`` are the numbers of the texts that they stand in, ``sizes`` their bytes from their
    first word to their last.
    """

    column: pa.ChunkedArray
    texts: Integers
    sizes: Integers


def paragraphs(column: pa.Array | pa.ChunkedArray) -> Paragraphs:
    """Find the paragraphs of texts; a null has none."""
    find = compiled.load("tasks.signals.lid.prose").paragraphs

    starts, content = characters.blocks()
    parts, numbers, sizes, row = [], [], [], 0
    for chunk in compiled.chunks(column):
        texts = chunk.fill_null("") if chunk.null_count else chunk
        data, offsets = compiled.buffers(texts)
        none = np.empty(0, np.int64)
        count = find(data, offsets, (content, starts), none, none, none)
        begins, ends, owners = (np.empty(count, np.int64) for _ in range(3))
        find(data, offsets, (content, starts), begins, ends, owners)
        # A paragraph goes on to the next one: what lies between is white space.
        limits = pa.py_buffer(np.append(begins, offsets[-1]))
        parts.append(pa.LargeStringArray.from_buffers(count, limits, texts.buffers()[2]))
        numbers.append(owners + row)
        sizes.append(ends - begins)
        row += len(texts)
    found = pa.chunked_array(parts, pa.large_string())
    empty = [np.empty(0, np.int64)]
    return Paragraphs(found, np.concatenate(numbers + empty), np.concatenate(sizes + empty))


def shares(found: Paragraphs, languages: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """Sum up the languages of paragraphs: a row for each text, whose own language is in ``texts``.

    - ``lang_share``: share of the paragraphs' bytes that are in the text's language;
    - ``lang_paragraphs``: each language and its share, the greatest first, then by name; those with
      less than :data:`LEAST_SHARE` are left out.

    A text without words has 0 and none.
    """
    each = pl.DataFrame(
        {"text": found.texts, "lang": languages, "size": found.sizes},
        schema={"text": pl.Int64, "lang": pl.String, "size": pl.Int64},
    )
    share = (pl.col("size") / pl.col("size").sum().over("text")).alias("share")
    each = each.group_by("text", "lang").agg(pl.col("size").sum()).with_columns(share)
    each = each.sort("text", "share", "lang", descending=[False, True, False])
    listed = each.filter(pl.col("share") >= LEAST_SHARE)
    lists = listed.group_by("text", maintain_order=True).agg(
        pl.struct("lang", "share").alias(c.LANG_PARAGRAPHS)
    )
    own = pl.DataFrame({"lang": texts}).with_row_index("text").cast({"text": pl.Int64})
    joined = own.join(each, on=["text", "lang"], how="left", maintain_order="left")
    joined = joined.join(lists, on="text", how="left", maintain_order="left")
    return joined.select(
        pl.col("share").fill_null(0.0).alias(c.LANG_SHARE),
        pl.col(c.LANG_PARAGRAPHS).fill_null(pl.lit([], dtype=SHARES)).cast(SHARES),
    )
