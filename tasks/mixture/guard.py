"""Which documents give way where replay, new data and evaluation items are the same. Pure.

Sets have an order: what stands in one gives way to what stands in those before it. Evaluation items
come first, then new data, then replay; in each of these, training comes before what is held out.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas import columns as c
from schemas.guard import IN_NEW, IN_TRAINING
from schemas.levels import EVAL_ITEM, EXACT, LEVELS

EVALS: Final = "evals"
ORDER: Final = (EVALS, "new train", "new valid", "replay train", "replay valid")
"""Sets, from those that nothing drives out on: origin and split of their documents."""
LOSES: Final[dict[str, pl.DataType]] = {
    c.DOC_ID: pl.String(),
    c.REASON: pl.String(),
    "matched_set": pl.String(),
    c.MATCHED_ID: pl.String(),
    c.LEVEL: pl.String(),
    c.SIMILARITY: pl.Float64(),
}


def resolved(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return who gives way (:data:`LOSES`), once, for the likest of those that stay.

    ``pairs`` (``PAIRS``) are of the sets in :data:`ORDER`, any way round; ids tell documents of
    all sets. A document that is itself left out drives nobody out.
    """
    ordered = _from_the_loser(pairs)
    found = pl.DataFrame(schema=LOSES)
    for name in ORDER[1:]:
        own = ordered.filter(pl.col("set") == name)
        gone = found.select(c.DOC_ID)
        own = own.join(gone, left_on=c.MATCHED_ID, right_on=c.DOC_ID, how="anti")
        best = own.sort(
            c.DOC_ID, "wins", pl.col(c.LEVEL) != LEVELS[EXACT], -pl.col(c.SIMILARITY), c.MATCHED_ID
        ).unique(c.DOC_ID, keep="first", maintain_order=True)
        found = pl.concat([found, best.with_columns(_reason()).select(*LOSES)])
    return found


def _from_the_loser(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return pairs as ``set, doc_id, wins, matched_set, matched_id``: who gives way comes first."""
    place = {name: i for i, name in enumerate(ORDER)}
    left, right = (
        pl.col(n).replace_strict(place, return_dtype=pl.Int64) for n in (c.LEFT_SET, c.RIGHT_SET)
    )
    loses = left > right

    def either(one: str, other: str) -> pl.Expr:
        return pl.when(loses).then(pl.col(one)).otherwise(pl.col(other))

    return pairs.select(
        either(c.LEFT_SET, c.RIGHT_SET).alias("set"),
        either(c.LEFT_ID, c.RIGHT_ID).alias(c.DOC_ID),
        pl.min_horizontal(left, right).alias("wins"),
        either(c.RIGHT_SET, c.LEFT_SET).alias("matched_set"),
        either(c.RIGHT_ID, c.LEFT_ID).alias(c.MATCHED_ID),
        c.LEVEL,
        c.SIMILARITY,
    )


def _reason() -> pl.Expr:
    won_by, own = pl.col("matched_set"), pl.col("set")
    crossed = won_by.str.starts_with("new") & own.str.starts_with("replay")
    reason = pl.when(won_by == EVALS).then(pl.lit(EVAL_ITEM)).when(crossed).then(pl.lit(IN_NEW))
    return reason.otherwise(pl.lit(IN_TRAINING)).alias(c.REASON)


def is_open(pairs: pl.DataFrame, found: pl.DataFrame, *, listed: int) -> bool:
    """Return whether somebody who stays may have more matches than the ``listed`` likest.

    That is so where of another set so many are listed, and some of them are left out (``found``):
    one that is not listed may be as near, and stay.
    """
    ordered = _from_the_loser(pairs)
    gone = found.select(pl.col(c.DOC_ID).alias("gone"), left_out=True)
    told = ordered.join(gone.rename({"gone": c.DOC_ID}), on=c.DOC_ID, how="anti")
    told = told.join(gone.rename({"gone": c.MATCHED_ID}), on=c.MATCHED_ID, how="left")
    matches = told.group_by(c.DOC_ID, "matched_set").agg(pl.len(), pl.col("left_out").sum())
    return not matches.filter((pl.col("len") >= listed) & (pl.col("left_out") > 0)).is_empty()
