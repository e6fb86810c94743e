"""The alarm of a stage that would drop most of a source: which rule, and what it fell on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.errors import SourceError
from tasks import ledger, rules, storage
from tasks.hashing import seeded
from tasks.ingest.items import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import SelectConfig
    from schemas.manifest import StageManifest
    from tasks.rules import Rule

EXAMPLES: Final = 5
SHOWN: Final = 80
"""Characters of an example's text, personal data masked."""
FEWEST: Final = {c.RECIPE_SOURCE: 10, c.SOURCE: 100}
"""Documents from which on a source is watched: of the recipe, and that only records name."""


class Loss(NamedTuple):
    """A source that would lose too much: ``rows`` of all its documents, first reason, share."""

    source: str
    documents: int
    dropped: int
    reason: str
    by_reason: int
    rows: list[int]


def check_drops(
    frame: pl.DataFrame,
    decisions: pl.DataFrame,
    config: SelectConfig,
    *,
    documents: StageManifest,
    out: str,
) -> None:
    """Raise :class:`SourceError` where more than ``max_drop_share`` of a source would be dropped.

    Watched are sources of at least :data:`FEWEST` documents. ``frame`` and ``decisions`` are row by
    row in the order of ``documents``' shards.
    """
    loss = worst(frame, decisions, most=config.max_drop_share)
    if loss is None:
        return
    rule = _rule(loss, frame, config)
    values = frame[c.LANG if rule is None or rule.column is None else rule.column]
    examples = [f"\n  {one}" for one in _examples(loss, values, decisions, documents, out)]
    raise SourceError(
        f"source {loss.source!r}",
        got=f"{loss.dropped:,} of {loss.documents:,} documents dropped, {loss.by_reason:,} of them "
        f"for {loss.reason}{_limit(rule)}",
        wanted=f"at most {config.max_drop_share:g} of them (select.max_drop_share)",
        way_out="If that is meant, raise select.max_drop_share; else change the rule, or name the "
        f"source in select.exempt or [[select.overrides]]. For example:{''.join(examples)}",
    )


def worst(frame: pl.DataFrame, decisions: pl.DataFrame, *, most: float) -> Loss | None:
    """Return the source that loses the largest share above ``most``, and its commonest reason."""
    joined = frame.select(c.SOURCE, c.RECIPE_SOURCE).hstack(
        decisions.select(c.KEEP, c.DROP_REASON, c.DOC_ID)
    )
    joined = joined.with_row_index("row")
    losses = [loss for loss in _losses(joined) if loss.dropped > most * loss.documents]
    if not losses:
        return None
    return max(losses, key=lambda loss: (loss.dropped / loss.documents, loss.documents))


def _losses(joined: pl.DataFrame) -> Iterator[Loss]:
    for column, fewest in FEWEST.items():
        for (source,), part in sorted(joined.partition_by(column, as_dict=True).items()):
            dropped = part.filter(~pl.col(c.KEEP))
            if part.height < fewest or not dropped.height:
                continue
            counts = dropped[c.DROP_REASON].value_counts().sort("count", c.DROP_REASON)
            reason, by_reason = counts.row(-1)
            rows = dropped.filter(pl.col(c.DROP_REASON) == reason)
            order = seeded(rows[c.DOC_ID], seed=0, stage="examples").argsort()[:EXAMPLES]
            yield Loss(
                source=str(source),
                documents=part.height,
                dropped=dropped.height,
                reason=reason,
                by_reason=by_reason,
                rows=rows["row"].gather(order).to_list(),
            )


def _rule(loss: Loss, frame: pl.DataFrame, config: SelectConfig) -> Rule | None:
    """Return the rule that the examples broke, by the limits that hold for the first of them."""
    lang, *sources = (frame[name][loss.rows[0]] for name in (c.LANG, c.SOURCE, c.RECIPE_SOURCE))
    overrides = rules.matching(config, lang=lang, sources=sources)
    named = (rule for rule in rules.rules(config, overrides) if rule.name == loss.reason)
    return next(named, None)


def _limit(rule: Rule | None) -> str:
    if rule is None:
        return ""
    if rule.expression is not None:
        return f" ({rule.expression})"
    limits = (("at least", rule.least, rule.least_key), ("at most", rule.most, rule.most_key))
    said = [f"{words} {limit:g}, {key}" for words, limit, key in limits if limit is not None]
    return f" ({'; '.join(said)})"


def _examples(
    loss: Loss, values: pl.Series, decisions: pl.DataFrame, documents: StageManifest, out: str
) -> Iterator[str]:
    """Say of some documents what was measured, where they lie and how they begin."""
    for row in loss.rows:
        value = values[row]
        measured = f", {values.name} = {value:g}" if isinstance(value, int | float) else ""
        start = 0
        for shard in documents.shards:
            if row < start + shard.rows:
                at = storage.join(ledger.folder(out, "ingest"), shard.file)
                names = [c.LOCATION, c.POSITION, c.TEXT]
                own = storage.read_row(at, row - start, names)
                text = excerpt(" ".join(own[c.TEXT][: 8 * SHOWN].split()))[:SHOWN]
                place = f"{own[c.LOCATION]}, position {own[c.POSITION]}"
                yield f"{decisions[c.DOC_ID][row]} ({place}{measured}): {text!r}"
                break
            start += shard.rows
