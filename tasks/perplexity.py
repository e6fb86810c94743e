"""Head, middle and tail of each language by perplexity, as CCNet parts the web.

Wenzek et al., arXiv 1911.00359. Their paper has three even parts; the files that came with their
code have the 30 % of the lowest perplexity, the next 30 %, and the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas import quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.limits import PerplexityRule

REASON: Final = "perplexity:"
PARTS: Final = ("head", "middle", "tail")


class Cut(NamedTuple):
    """The highest perplexity of a language's head, and of its head and middle together."""

    head: float
    middle: float


Cuts = Mapping[str, Mapping[str, Cut]]
"""By the name of the model, and by language; one that is not there is not parted."""


def cuts(frame: pl.DataFrame, rules: Sequence[PerplexityRule]) -> dict[str, dict[str, Cut]]:
    """Return where each language of ``frame`` (``lang``, ``score_<name>``) is cut by each rule.

    A part has the share that the rule gives it, rounded up to a whole document; equal values stand
    in the same part, the lower one. Of head and middle that are empty nothing is as low.
    """
    return {rule.name: dict(_cut(frame, rule)) for rule in rules}


def _cut(frame: pl.DataFrame, rule: PerplexityRule) -> list[tuple[str, Cut]]:
    own = frame.select(c.LANG, pl.col(quality.score(rule.name)).alias("value")).drop_nulls()
    return [
        (str(lang), Cut(*(_at(values, share) for share in (rule.head, rule.head + rule.middle))))
        for (lang,), part in sorted(own.partition_by(c.LANG, as_dict=True).items())
        if len(values := part["value"].sort()) >= rule.least_documents
    ]


def _at(values: pl.Series, share: float) -> float:
    """Return the highest of the lowest values that make up a share."""
    # What is a share of n in decimals may be a little more in binary: 0.3 + 0.3 of ten are six.
    rank = math.ceil(round(share * len(values), 9))
    return float(values[rank - 1]) if rank else -math.inf


def plain(some: Cuts) -> dict[str, dict[str, list[float | None]]]:
    """Return cuts as a manifest has them, nothing in the place of one that is below all."""
    return {
        name: {lang: [at if math.isfinite(at) else None for at in cut] for lang, cut in own.items()}
        for name, own in some.items()
    }


def part(name: str, own: Mapping[str, Cut]) -> pl.Expr:
    """Return the part of each row by the model of that name; null where there is none."""
    value = pl.col(quality.score(name))
    languages = list(own)
    head, middle = (
        pl.col(c.LANG).replace_strict(
            languages, [cut[i] for cut in own.values()], default=None, return_dtype=pl.Float64
        )
        for i in range(2)
    )
    found = pl.when(value <= head).then(pl.lit("head")).when(value <= middle)
    return found.then(pl.lit("middle")).when(value > middle).then(pl.lit("tail"))


def broken(rule: PerplexityRule, own: Mapping[str, Cut]) -> pl.Expr:
    """Tell of each row whether it lies in a part that the rule does not keep; never null."""
    if not own:
        return pl.lit(value=False)
    return part(rule.name, own).is_in(list(rule.keep)).not_().fill_null(value=False)
