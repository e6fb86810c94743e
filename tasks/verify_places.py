"""Where a mixture's rows and pieces stand: laid out once more from the documents; their padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.mixture import LEARNED, NO_LOSS
from tasks import distances, mixture, storage
from tasks.mixture.order import PIECE
from tasks.ragged import lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from schemas.mixture import Layout
    from tasks.verify_frames import Frames

ORDER: Final = "mixture: every piece stands where the recipe and its seed put it"
PADDING: Final = "mixture: padding is told by the attention mask, and nothing is learned of it"
DOCUMENT: Final = (c.DOC_ID, c.START, c.END)
STANDS: Final = (
    c.SPLIT, c.POSITION, PIECE, c.DOC_ID, c.START, c.END, c.ORIGIN, c.EPOCH, c.TOKEN_START,
    c.TOKENS,
)  # fmt: skip
"""What tells a piece and its place."""


def order(frames: Frames) -> Iterator[Finding]:
    """Lay the documents that are there out anew, replay as it was drawn, and compare.

    An extra read of their text where the most dissimilar come first.
    """
    nth = pl.int_range(pl.len()).over(c.SPLIT, c.POSITION).alias(PIECE)
    found = frames.rows.with_columns(nth).select(STANDS)
    wanted = _plan(frames).select(STANDS)
    foreign = found.join(wanted, on=STANDS, how="anti", nulls_equal=True).height
    ok = not foreign and found.height == wanted.height
    yield Finding(ORDER, ok, f"{found.height:,} rows or pieces, {foreign:,} stand elsewhere")


def _plan(frames: Frames) -> pl.DataFrame:
    settings = frames.mixture
    new, old = (_documents(frames.rows, origin) for origin in ("new", "replay"))
    where = frames.kept.select(c.DOC_ID, c.SHARD, c.ROW)
    new, old = (side.join(where, on=c.DOC_ID, maintain_order="left") for side in (new, old))
    if "replay" in frames.manifests:
        drawn = frames.drawn.select(*DOCUMENT).with_row_index("drawn")
        old = old.join(drawn, on=DOCUMENT, nulls_equal=True).sort("drawn").drop("drawn")
    if settings.order == "dissimilar_first":
        new = distances.measured(new, old, frames.out, masking=frames.config.masking)
    return mixture.plan(old, new, settings, seed=frames.layout.seed)


def _documents(rows: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Whole documents and passages of one origin, as the first epoch has them."""
    own = rows.filter((pl.col(c.ORIGIN) == origin) & (pl.col(c.EPOCH) == 0))
    return own.group_by(*DOCUMENT, c.SOURCE, c.SPLIT, maintain_order=True).agg(
        pl.col(c.TOKENS).sum(), pl.lit(0, pl.Int64).alias(c.N_BYTES)
    )


def padding(frames: Frames) -> Iterator[Finding]:
    """Behind the pieces of a row stands padding, up to its length; all else is attended to."""
    layout, wrong, rows = frames.layout, 0, 0
    for shard in frames.manifests["mixture"].shards:
        at = frames.at("mixture", shard.file)
        names = [c.TOKENS, *[c.ENDS] * (layout.row_tokens is not None), *LEARNED]
        for table in storage.read_batches(at, names):
            wrong += int(_misfilled(table, layout).sum())
            rows += table.num_rows
    yield Finding(PADDING, wrong == 0, f"{rows:,} rows, {wrong:,} are not so")


def _misfilled(table: pa.Table, layout: Layout) -> NDArray[np.bool_]:
    """Of each row, whether it is too short or long, or what stands behind its pieces is wrong."""
    ids, mask, labels = (lists(table.column(name)) for name in LEARNED)
    filled = _filled(table)
    sizes = np.full(len(filled), layout.row_tokens) if layout.row_tokens else filled
    wrong = np.zeros(len(filled), bool)
    for own in (ids, mask, labels):
        wrong |= np.diff(own.offsets) != sizes
    if wrong.any():  # places are not the same of all three
        return wrong
    row = np.repeat(np.arange(len(sizes)), sizes)
    empty = np.arange(len(row)) - ids.offsets[:-1][row] >= filled[row]
    odd = (mask.values != 0) == empty
    odd |= empty & ((labels.values != NO_LOSS) | (ids.values != layout.tokenizer.filler))
    wrong[row[odd]] = True
    return wrong


def _filled(table: pa.Table) -> NDArray[np.int64]:
    """Tokens of each row, those that end documents with them."""
    if c.ENDS not in table.column_names:
        whole: NDArray[np.int64] = np.asarray(table.column(c.TOKENS)) + 1
        return whole
    pieces = pl.DataFrame(table.select([c.TOKENS, c.ENDS]))
    sums = pieces.select(pl.col(c.TOKENS).list.sum() + pl.col(c.ENDS).list.sum())
    found: NDArray[np.int64] = sums.to_series().to_numpy()
    return found
