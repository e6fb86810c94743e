"""Step of select: signals to one decision for every document."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.errors import ConfigError
from schemas.levels import REPEATED_TEXT
from schemas.manifest import EVALS, REMOVED_PARTS, SCORES, Shard, StageManifest
from schemas.tables import DECISIONS, conform
from tasks import (
    comparing,
    counted,
    estimates,
    guards,
    leak_excerpts,
    leaks,
    ledger,
    licenses,
    narrow,
    opt_outs,
    removal,
    rules,
    select,
    side_by_side,
    storage,
)
from tasks import dedup as dedup_rules
from tasks.hashing import add_hex, digest, table_digest
from tasks.report.clusters import clusters
from tasks.report.histograms import histograms
from tasks.report.scored import scored
from tasks.rules import attribute_column
from tasks.steps import dedup, pieces, semantic
from tasks.steps.dedup import Found  # noqa: TC001  (Prefect reads the annotations)
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import SelectConfig
    from schemas.samples import Leak

NAMED_LICENSES = 20
"""Licences of a source that the manifest counts one by one."""
LONGEST_NAME = 100
"""Characters of a licence that are shown."""


@step
def decide(deciding: DecidingConfig, found: Found, out: str) -> tuple[StageManifest, bool]:
    """Settle for every document whether it is kept, and why not; return whether that stood already.

    ``found``: the files of what the steps of deduplication found. Reads narrow columns only. One
    decisions shard for each documents shard, row by row beside it.
    """
    given = narrow.given(deciding, out)
    documents, tokenizer = given.documents, given.tokenizer_digest
    before = narrow.finished(out, given.key)
    if before is not None:
        return before, True
    dedup.check_same(found, given.key)
    ledger.begin(out, "select")
    _lay_by(given.lists, out)
    frame = narrow.load(given, deciding, out)
    frame = frame.hstack([_counted(documents, frame, tokenizer, out)])
    _check_attributes(frame, deciding)
    twins, embedded = dedup.twins(found, out), semantic.read(found.alike, out)
    frame = frame.hstack(twins.select(c.BROKEN))
    removed, gone = pieces.removed(found, frame, deciding=deciding, given=given, out=out)
    settled = semantic.joined(twins.drop(c.BROKEN, c.RANK), embedded)
    settled = dedup_rules.joined(settled, gone, REPEATED_TEXT)
    removed = _of_kept(removed, frame, settled, deciding)
    frame = frame.hstack([removal.sizes(removed, frame.height)])
    decisions = _decide(frame.hstack(settled), deciding)
    _check_new(frame, decisions)
    guards.check_drops(frame, decisions, deciding.select, documents=documents, out=out)
    shards = tuple(_write_decisions(decisions, documents, out))
    cut = removal.write(removed, documents, out)
    ledger.sweep(out, "select", {s.file for s in shards})
    dedup.sweep(found, out)
    manifest = StageManifest(
        stage="select",
        key=given.key,
        digest=add_hex(s.digest for s in shards),
        rows_in=frame.height,
        rows_out=int(decisions[c.KEEP].sum()),
        shards=shards,
        details={
            "sources": _outcomes(frame, decisions),
            "licenses": _licenses(frame, decisions),
            "opt_out": given.lists.digests(),
            **_against(given),
            **semantic.counts(embedded),
            "histograms": _histograms(frame, decisions, given, deciding.select, out),
            "duplicates": _duplicates(
                frame, decisions, deciding, shown=_shown(found, given, deciding, out), out=out
            ),
            "tokens_est": _estimated(frame, decisions) if tokenizer else None,
            **removal.detail(cut),
            **(_parts(removed, frame) if found.staying or removed.height else {}),
            **_leaks(found, out),
            **_scores(frame, deciding, given, out),
        },
    )
    ledger.finish(out, manifest)
    return manifest, False


def _of_kept(
    removed: pl.DataFrame, frame: pl.DataFrame, settled: pl.DataFrame, deciding: DecidingConfig
) -> pl.DataFrame:
    """Return what is removed of documents that stay: eval items are found in others, too."""
    stays = select.surviving(settled.hstack([frame[c.BROKEN]]), deciding.dedup)
    return removed.filter(stays.gather(removed[c.ROW]))


def _lay_by(lists: opt_outs.Lists, out: str) -> None:
    """Keep the lists beside the decisions, in the spelling that counts: verify needs them."""
    folder = storage.join(ledger.folder(out, "select"), opt_outs.FOLDER)
    storage.remove(folder)
    for kind, entries in lists.entries().items():
        storage.write_bytes(storage.join(folder, f"{kind}.txt"), "\n".join(entries).encode())


def _counted(
    documents: StageManifest, frame: pl.DataFrame, tokenizer_digest: str | None, out: str
) -> pl.Series:
    """Tokens of each document where they were counted for the estimate; else null."""
    if tokenizer_digest is None:
        return pl.Series(c.TOKENS, [None] * frame.height, pl.Int64)
    parts, start = [pl.Series(c.TOKENS, [], pl.Int64)], 0
    for shard in documents.shards:
        ids = frame[c.DOC_ID].slice(start, shard.rows)
        parts.append(counted.sample_counts(out, shard.file, ids, tokenizer_digest))
        start += shard.rows
    return pl.concat(parts)


def _histograms(
    frame: pl.DataFrame,
    decisions: pl.DataFrame,
    given: narrow.Given,
    config: SelectConfig,
    out: str,
) -> dict[str, Any]:
    """How each source is spread around the limits of each rule, overrides' rules after the rest."""
    every = [
        *rules.rules(config),
        *(r for o in config.overrides for r in rules.rules(config, (o,))),
    ]

    def read(names: list[str]) -> pl.DataFrame:
        at_hand = [name for name in names if name in frame.columns]
        others = [name for name in names if name not in at_hand]
        found = [frame.select(at_hand)] * bool(at_hand)
        found += [narrow.signals(given, others, out)] * bool(others)
        return pl.concat(found, how="horizontal")

    return histograms(frame.select(c.SOURCE).hstack([decisions[c.DROP_REASONS]]), every, read)


def _duplicates(
    frame: pl.DataFrame,
    decisions: pl.DataFrame,
    deciding: DecidingConfig,
    *,
    shown: tuple[Leak, ...],
    out: str,
) -> dict[str, Any]:
    """Count duplicates; lay some of them by, side by side, and what else is ``shown`` so.

    Reads the text of these few.
    """
    most = deciding.select.max_drop_share
    counts = clusters(frame, decisions, watched=guards.FEWEST, most=most)
    some = side_by_side.chosen(frame, decisions, seed=deciding.seed)
    read = partial(comparing.documents, shards=ledger.read(out, "ingest").shards, out=out)
    samples = side_by_side.samples(some, read).model_copy(update={"leaks": shown})
    storage.write_model(storage.join(ledger.folder(out, "select"), ledger.SAMPLES), samples)
    return {**counts, "samples": digest(samples)}


def _shown(
    found: Found, given: narrow.Given, deciding: DecidingConfig, out: str
) -> tuple[Leak, ...]:
    """Some eval items beside documents that have them."""
    if given.evals is None or not found.evals:
        return ()
    measured = leaks.Measured(given.documents, given.signals, given.evals)
    hits = dedup.read_hits(found.evals, out)
    return leak_excerpts.samples(hits, measured, seed=deciding.seed, out=out)


def _estimated(frame: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, Any]:
    """The sample, what was fitted to it, and the kept tokens of each source by that."""
    told = frame.select(c.SOURCE).hstack(decisions.select(c.KEEP, c.TOKENS_EST)).filter(c.KEEP)
    sums = told.group_by(c.SOURCE).agg(pl.col(c.TOKENS_EST).sum()).sort(c.SOURCE)
    return {
        "sampled": int(frame[c.TOKENS].count()),
        "bytes_per_token": estimates.bytes_per_token(frame),
        "kept_tokens": dict(sums.iter_rows()),
    }


def _check_attributes(frame: pl.DataFrame, deciding: DecidingConfig) -> None:
    """Refuse a rule about an attribute that no document has: it would seem to filter."""
    for rule in deciding.select.attributes:
        if frame.height and frame[attribute_column(rule.name)].is_null().all():
            raise ConfigError(
                "select.attributes",
                got=f"a rule about {rule.name!r}, of which no document has a number or spans",
                wanted="an attribute that came with a source",
                way_out="Look at the column attributes in documents/*.parquet; correct the rule "
                "or remove it.",
            )


def _check_new(frame: pl.DataFrame, decisions: pl.DataFrame) -> None:
    """Refuse a policy that leaves nothing of the new data: its licence is the user's to state."""
    new = frame[c.ORIGIN] == "new"
    of_new, reasons = frame.filter(new), decisions.filter(new)[c.DROP_REASONS]
    if of_new.height and reasons.list.contains(select.LICENSE).all():
        stated = sorted(map(licenses.spdx, of_new[c.LICENSE].drop_nulls().unique()))
        named = ", ".join(f"{name[:80]!r}" for name in stated[:3]) or "no licence"
        raise ConfigError(
            "select.licenses",
            got=f"a policy that refuses all {of_new.height:,} documents of new data ({named})",
            wanted="one that leaves some",
            way_out="State the licence of your own data in its [[ingest.sources]] "
            '(license = "…"), or allow it.',
        )


def _parts(removed: pl.DataFrame, frame: pl.DataFrame) -> dict[str, Any]:
    """What kept documents lose, where the recipe asks for it."""
    told = removed.with_columns(frame[c.SOURCE].gather(removed[c.ROW]))
    return {REMOVED_PARTS: removal.counts(told)}


def _leaks(found: Found, out: str) -> dict[str, Any]:
    """Which documents have items of evaluation sets: laid by, and counted."""
    leaks.remove(out)
    if not found.evals:
        return {}
    hits = dedup.read_hits(found.evals, out)
    return {EVALS: {"digest": leaks.write(hits, out), "counts": leaks.counts(hits)}}


def _scores(
    frame: pl.DataFrame, deciding: DecidingConfig, given: narrow.Given, out: str
) -> dict[str, Any]:
    """How models score each source; languages are parted as the recipe says, or as CCNet does."""
    names = deciding.signals.scores()
    if not names:
        return {}
    told = pl.concat(narrow.scored((given.documents, given.signals), deciding, out))
    cuts = narrow.cut(told, deciding)
    return {SCORES: scored(told.hstack([frame[c.SOURCE]]), names, cuts)}


def _against(given: narrow.Given) -> dict[str, Any]:
    """The indexes as they were: their documents, and the digest of ``index.json``."""
    said = {
        place: {"documents": index.rows, "digest": digest(index)}
        for place, index in given.indexes.items()
    }
    return {"against": said} if said else {}


def _decide(frame: pl.DataFrame, deciding: DecidingConfig) -> pl.DataFrame:
    decisions = select.decide(
        frame, select=deciding.select, dedup=deciding.dedup, seed=deciding.seed
    )
    left = 1 - frame[c.REMOVED_BYTES] / frame[c.N_BYTES].clip(1)
    tokens = (estimates.tokens_est(frame) * left).round().cast(pl.Int64)
    return decisions.hstack([tokens.alias(c.TOKENS_EST)])


def _write_decisions(
    decisions: pl.DataFrame, documents: StageManifest, out: str
) -> Iterator[Shard]:
    start = 0
    for shard in documents.shards:
        table = conform(decisions[start : start + shard.rows].to_arrow(), DECISIONS)
        start += shard.rows
        written = Shard(
            file=shard.file, rows=shard.rows, digest=table_digest(table), source=shard.source
        )
        at = storage.join(ledger.folder(out, "select"), shard.file)
        storage.write_table(at, table, DECISIONS, shard=written)
        yield written


def _outcomes(frame: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """For each source: kept documents and bytes, and dropped ones by first reason."""
    left = pl.col(c.N_BYTES) - pl.col(c.REMOVED_BYTES)
    told = frame.select(c.SOURCE, left).hstack(decisions.select(c.DROP_REASON, c.SPLIT))
    counts = told.group_by(c.SOURCE, c.DROP_REASON, c.SPLIT).agg(pl.len(), pl.col(c.N_BYTES).sum())
    outcomes: dict[str, dict[str, Any]] = {}
    for (name,), part in sorted(counts.partition_by(c.SOURCE, as_dict=True).items()):
        kept = part.filter(pl.col(c.DROP_REASON).is_null())
        dropped = part.drop_nulls(c.DROP_REASON).group_by(c.DROP_REASON).agg(pl.sum("len"))
        outcomes[str(name)] = {
            "kept": int(kept["len"].sum()),
            "kept_bytes": int(kept[c.N_BYTES].sum()),
            "valid": int(kept.filter(pl.col(c.SPLIT) == select.VALID)["len"].sum()),
            "dropped": dict(sorted(dropped.iter_rows())),
        }
    return outcomes


def _licenses(frame: pl.DataFrame, decisions: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """For each source: documents and kept ones by licence, the most frequent ones by name."""
    told = frame.select(c.SOURCE, c.LICENSE).with_columns(decisions[c.KEEP])
    counts = told.group_by(c.SOURCE, c.LICENSE).agg(documents=pl.len(), kept=pl.col(c.KEEP).sum())
    found: dict[str, dict[str | None, list[int]]] = {}
    for source, name, documents, left in counts.sort(c.SOURCE).iter_rows():
        shown = licenses.spdx(name or "")[:LONGEST_NAME] or None
        own = found.setdefault(source, {}).setdefault(shown, [0, 0])
        own[0], own[1] = own[0] + documents, own[1] + left
    return {source: _most_frequent(own) for source, own in found.items()}


def _most_frequent(counts: dict[str | None, list[int]]) -> list[dict[str, Any]]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0] or ""))
    named, rest = ordered[:NAMED_LICENSES], ordered[NAMED_LICENSES:]
    if rest:
        sums = [sum(n[i] for _, n in rest) for i in (0, 1)]
        named.append((f"{len(rest):,} others", sums))
    return [{"license": name, "documents": n[0], "kept": n[1]} for name, n in named]
