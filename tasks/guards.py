"""The alarm of a stage that would drop most of a source: which rule, and what it fell on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.errors import SourceError
from tasks import ledger, rules, storage
from tasks.hashing import seeded
from tasks.ingest.items import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.config import SelectConfig
    from schemas.manifest import Shard, StageManifest
    from tasks.rules import Rule

    Row = dict[str, Any]

EXAMPLES: Final = 5
SHOWN: Final = 80
"""Characters of an example's text, personal data masked."""
FEWEST: Final = {c.RECIPE_SOURCE: 10, c.SOURCE: 100}
"""Documents from which on a source is watched: of the recipe, and that only records name."""


class Loss(NamedTuple):
    """A source that would lose too much: documents, dropped ones, those of the commonest reason.

    ``rows``: some of these, as examples.
    """

    source: str
    documents: int
    dropped: int
    reason: str
    by_reason: int
    column: str
    rows: tuple[int, ...] = ()


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
    column = None if rule is None else rule.column
    values = _values(loss.rows, column, frame, out)
    examples = [f"\n  {one}" for one in _examples(loss, values, documents, out)]
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
    joined = frame.select(c.SOURCE, c.RECIPE_SOURCE).hstack(decisions.select(c.DROP_REASON))
    losses = [loss for loss in _losses(joined) if loss.dropped > most * loss.documents]
    if not losses:
        return None
    found = max(losses, key=lambda loss: (loss.dropped / loss.documents, loss.documents))
    own = (pl.col(found.column) == found.source) & (pl.col(c.DROP_REASON) == found.reason)
    rows = joined.select(pl.arg_where(own)).to_series()
    order = seeded(decisions[c.DOC_ID].gather(rows), seed=0, stage="examples").argsort()[:EXAMPLES]
    return found._replace(rows=tuple(rows.gather(order).to_list()))


def _losses(joined: pl.DataFrame) -> Iterator[Loss]:
    """Count by source and reason (null for what is kept), so that no rows are copied."""
    for column, fewest in FEWEST.items():
        counts = joined.group_by(column, c.DROP_REASON).agg(n=pl.len())
        for (source,), part in sorted(counts.partition_by(column, as_dict=True).items()):
            dropped = part.drop_nulls(c.DROP_REASON).sort("n", c.DROP_REASON)
            documents = int(part["n"].sum())
            if documents < fewest or not dropped.height:
                continue
            reason, by_reason = dropped.select(c.DROP_REASON, "n").row(-1)
            yield Loss(
                source=str(source),
                documents=documents,
                dropped=int(dropped["n"].sum()),
                reason=reason,
                by_reason=by_reason,
                column=column,
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


def _values(rows: Sequence[int], column: str | None, frame: pl.DataFrame, out: str) -> list[str]:
    """Say what was measured of some documents, nothing where it is no number."""
    if column is None:
        return [""] * len(rows)
    if column in frame.columns:
        found = [frame[column][row] for row in rows]
    else:
        shards = ledger.read(out, "signals").shards
        found = [_at(row, "signals", shards, [column], out)[column] for row in rows]
    return [f", {column} = {v:g}" if isinstance(v, int | float) else "" for v in found]


def _examples(loss: Loss, values: list[str], documents: StageManifest, out: str) -> Iterator[str]:
    """Say of some documents what was measured, where they lie and how they begin."""
    names = [c.DOC_ID, c.LOCATION, c.POSITION, c.TEXT]
    for row, value in zip(loss.rows, values, strict=True):
        own = _at(row, "ingest", documents.shards, names, out)
        text = excerpt(" ".join(own[c.TEXT][: 8 * SHOWN].split()))[:SHOWN]
        place = f"{own[c.LOCATION]}, position {own[c.POSITION]}"
        yield f"{own[c.DOC_ID]} ({place}{value}): {text!r}"


def _at(row: int, stage: str, shards: Sequence[Shard], names: list[str], out: str) -> Row:
    """Return some columns of a row, which counts through all shards of a stage."""
    for shard in shards:
        if row < shard.rows:
            return storage.read_row(storage.join(ledger.folder(out, stage), shard.file), row, names)
        row -= shard.rows
    raise IndexError
