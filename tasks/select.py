"""Signals and thresholds to reasons, and clusters to train or validation."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.levels import (
    EXACT,
    INDEXED,
    LEVELS,
    NEAR,
    REPEATED_ID,
    REPEATED_TEXT,
    REPEATED_URL,
    SEMANTIC,
)
from tasks import perplexity, rules
from tasks.hashing import seeded
from tasks.licenses import Policy
from tasks.opt_outs import opted_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import DedupConfig, SelectConfig
    from schemas.selection import Override
    from tasks.opt_outs import Lists

OPT_OUT, LICENSE = "opt_out", "license"
LEGAL = (OPT_OUT, LICENSE)
EMPTY = "empty"
TRAIN, VALID = "train", "valid"
LATER = (SEMANTIC, REPEATED_TEXT)
"""What is found of documents that all else has left, so that their own twins lose theirs."""


def legal(frame: pl.DataFrame, config: SelectConfig, lists: Lists) -> pl.Series:
    """Return for each row why it must not be used, as list<string> (empty: it may).

    Reads ``opt_out``, ``license``, and what ``lists`` are compared with. Judges all sources alike:
    neither ``apply_to`` nor ``exempt`` can make lawful what is not.
    """
    named = [pl.when(opted_out(frame, lists)).then(pl.lit(OPT_OUT))]
    if config.licenses is not None:
        policy = Policy(config.licenses)
        refused = [name for name in frame[c.LICENSE].unique() if policy.refuses(name)]
        names = pl.Series(refused, dtype=pl.String).implode()
        among = pl.col(c.LICENSE).is_in(names, nulls_equal=True)
        named.append(pl.when(among).then(pl.lit(LICENSE)))
    return frame.select(reasons=pl.concat_list(named).list.drop_nulls())["reasons"]


def judged(config: SelectConfig) -> pl.Expr:
    """Tell which documents the rules judge, by ``source``, ``recipe_source`` and ``origin``."""
    exempt = list(config.exempt)
    found = ~(pl.col(c.SOURCE).is_in(exempt) | pl.col(c.RECIPE_SOURCE).is_in(exempt))
    return found & (pl.col(c.ORIGIN) == "replay") if config.apply_to == "replay" else found


def reasons(
    frame: pl.DataFrame, config: SelectConfig, cuts: perplexity.Cuts = MappingProxyType({})
) -> pl.Series:
    """Return for each row the names of all rules it breaks, as list<string> (empty: none).

    Reads ``source``, ``recipe_source`` (``exempt`` and overrides may name either), ``origin``, the
    signals, a column of numbers for each attribute that a rule is about
    (:func:`tasks.rules.attribute_column`), and ``score_<name>`` of models. An empty text (no word
    in it) breaks the rule ``empty`` whoever brought it; the other rules judge what ``apply_to`` and
    ``exempt`` leave to them. ``cuts``: where languages are parted by perplexity.
    """
    own = judged(config)
    named = [(EMPTY, pl.col(c.GOPHER_WORD_COUNT).eq_missing(0))]
    if config.languages:
        known = pl.col(c.LANG).is_in(list(config.languages))
        likely = (pl.col(c.LANG_PROB) >= config.min_lang_prob) | (pl.col(c.LANG) == "und")
        wanted = known & likely
        named.append((rules.LANGUAGE, own & ~wanted))
    named += [(name, own & broken) for name, broken in _rules(frame, config).items()]
    for rule in config.perplexity:
        broken = perplexity.broken(rule, cuts.get(rule.name, {}))
        named.append((f"{perplexity.REASON}{rule.name}", own & broken))
    found = [pl.when(broken).then(pl.lit(name)) for name, broken in named]
    return frame.select(reasons=pl.concat_list(found).list.drop_nulls())["reasons"]


def _rules(frame: pl.DataFrame, config: SelectConfig) -> dict[str, pl.Expr]:
    """Return of each rule which rows break it, by the thresholds that hold for their kind.

    In one order, whatever kinds there are: a run's documents are judged some at a time.
    """
    found: dict[str, pl.Expr] = {}
    for overrides, rows in _kinds(frame, config):
        for rule in rules.rules(config, overrides):
            broken = rule.broken() if rows is None else rows & rule.broken()
            found[rule.name] = found[rule.name] | broken if rule.name in found else broken
    return {name: found[name] for name in rules.names(config) if name in found}


def _kinds(
    frame: pl.DataFrame, config: SelectConfig
) -> Iterator[tuple[tuple[Override, ...], pl.Expr | None]]:
    """Part rows by the overrides that speak of them: those, and which rows (None: all)."""
    if not config.overrides:
        yield (), None
        return
    by = [c.LANG, c.SOURCE, c.RECIPE_SOURCE]
    kinds: dict[tuple[Override, ...], list[tuple[str, ...]]] = {}
    for lang, *sources in sorted(frame.select(by).unique().iter_rows()):
        kinds.setdefault(rules.matching(config, lang=lang, sources=sources), []).append(
            (lang, *sources)
        )
    for overrides, rows in kinds.items():
        among = pl.DataFrame(rows, schema=by, orient="row").to_struct().implode()
        yield overrides, pl.struct(by).is_in(among)


def decide(
    frame: pl.DataFrame, *, select: SelectConfig, dedup: DedupConfig, seed: int
) -> pl.DataFrame:
    """Return the decision table, one row for each row of ``frame`` and in its order.

    Reads ``doc_id``, ``source``, ``broken_rules`` and what dedup found (``twin_kind, twin_row,
    cluster_row, stands_row, similarity, indexed_id``). Opt-out and licence are named first (who
    opted out finds that said and counted), then duplicates, then broken rules. ``matched_id``,
    ``level`` (of :data:`schemas.levels.LEVELS`) and ``similarity`` tell of a twin where there is
    one, also where ``dedup`` says that such twins stay. Of the level ``index`` it is no document of
    the run. It is never one that is itself dropped as a duplicate: where the twin is,
    ``matched_id`` is what that one went for, ``level`` how, and there is no similarity.
    """
    dropped = [INDEXED, REPEATED_ID, REPEATED_URL] + [EXACT] * dedup.exact + [NEAR] * dedup.near
    dropped += LATER
    # A copy counts as a copy, also where the twin that is kept in its place is only near.
    found, kind = pl.col("found"), pl.col(c.TWIN_KIND)
    reason = pl.when(found.is_in(dropped)).then(found).otherwise(kind)
    counted = pl.when(reason.is_in(dropped)).then(reason).alias("counted")
    twin = frame.select(c.DOC_ID, c.SOURCE, c.BROKEN, *_twins(dedup), found=c.TWIN_KIND)
    twin = _followed(twin.with_columns(counted))
    by_law, ids = pl.element().is_in(LEGAL), frame[c.DOC_ID]
    decided = twin.select(
        pl.col(c.DOC_ID),
        pl.col(c.SOURCE),
        pl.concat_list(
            pl.col(c.BROKEN).list.filter(by_law), "counted", pl.col(c.BROKEN).list.filter(~by_law)
        )
        .list.drop_nulls()
        .alias(c.DROP_REASONS),
        frame[c.INDEXED_ID].fill_null(ids.gather(twin[c.TWIN_ROW])).alias(c.MATCHED_ID),
        kind.replace_strict(LEVELS, return_dtype=pl.String).alias(c.LEVEL),
        pl.col(c.SIMILARITY),
        ids.gather(frame[c.STANDS_ROW]).alias(c.CLUSTER_ID),
    )
    decided = decided.with_columns(
        (pl.col(c.DROP_REASONS).list.len() == 0).alias(c.KEEP),
        pl.col(c.DROP_REASONS).list.first().alias(c.DROP_REASON),
        pl.lit(1.0).alias(c.WEIGHT),
    )
    decided = decided.with_columns(splits(decided, valid_share=select.valid_share, seed=seed))
    return decided.drop(c.SOURCE)


def _followed(twin: pl.DataFrame) -> pl.DataFrame:
    """Return twins with ``twin_kind, twin_row, similarity`` of what stays, or goes for a rule.

    ``counted`` says of each row as what duplicate it goes, if it does. A twin is preferred to its
    row, so that there are no rings.
    """
    while (goes := twin["counted"].gather(twin[c.TWIN_ROW]).is_not_null()).any():
        at = twin[c.TWIN_ROW]
        twin = twin.with_columns(
            *(
                twin[name].gather(at).zip_with(goes, twin[name])
                for name in (c.TWIN_KIND, c.TWIN_ROW)
            ),
            twin[c.SIMILARITY].set(goes, None),
        )
    return twin


def surviving(frame: pl.DataFrame, dedup: DedupConfig) -> pl.Series:
    """Return whether each row is kept by all that is found out so far.

    Reads ``broken_rules`` and ``twin_kind``.
    """
    stays = [] if dedup.near else [NEAR] + [EXACT] * (not dedup.exact)
    kind = pl.col(c.TWIN_KIND)
    sound = (pl.col(c.BROKEN).list.len() == 0) & (kind.is_null() | kind.is_in(stays))
    return frame.select(surviving=sound).to_series()


def _twins(dedup: DedupConfig) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Kind, row and similarity of the twin that a row is dropped for, as the recipe has it.

    Where near-duplicates go, the twin is the one that stands for the whole cluster: it alone is
    kept. A text equal to that of another member, but not to its, is then a near-duplicate; so is
    any equal text where exact duplicates are not asked for by name.
    """
    kind, twin, cluster = pl.col(c.TWIN_KIND), pl.col(c.TWIN_ROW), pl.col(c.CLUSTER_ROW)
    if dedup.near:
        near = (kind == EXACT) & ((twin != cluster) | (not dedup.exact))
        named_alike = kind.is_in([INDEXED, REPEATED_ID, REPEATED_URL, *LATER])
        last = pl.when(named_alike).then(twin).when(kind.is_not_null()).then(cluster)
        named = pl.when(near).then(pl.lit(NEAR)).otherwise(kind)
        return named.alias(c.TWIN_KIND), last.alias(c.TWIN_ROW), pl.col(c.SIMILARITY)
    equal = pl.when(kind == EXACT).then(1.0).otherwise(pl.col(c.SIMILARITY))
    return kind, twin, equal.alias(c.SIMILARITY)


def splits(frame: pl.DataFrame, *, valid_share: float, seed: int) -> pl.Series:
    """Return ``train`` or ``valid`` for each row, the same for all rows of a cluster.

    Reads ``cluster_id``, ``source`` and ``keep``. A cluster is held out when its seeded hash lies
    below the share. A source that keeps two clusters or more and would hold out none gives up its
    cluster of the least hash, so that each can be validated, in a small run too.
    """
    hashes = pl.Series(seeded(frame[c.CLUSTER_ID], seed=seed, stage="split"))
    # 53 bits, as many as a float holds: a share of 1 lies above every one of them.
    held = (hashes // 2**11) < valid_share * 2.0**53
    if valid_share > 0:
        kept = frame.select(c.SOURCE, c.KEEP).with_columns(hash=hashes, held=held).filter(c.KEEP)
        poor = kept.group_by(c.SOURCE).agg(
            pl.col("held").any(), clusters=pl.col("hash").n_unique(), least=pl.col("hash").min()
        )
        given = poor.filter(~pl.col("held") & (pl.col("clusters") > 1))["least"]
        held |= hashes.is_in(given.implode())
    return pl.select(
        pl.when(held).then(pl.lit(VALID)).otherwise(pl.lit(TRAIN)).alias(c.SPLIT)
    ).to_series()
