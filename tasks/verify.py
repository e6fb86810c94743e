"""Proof, from a run's files alone, that it holds what its manifests say."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import RunConfig
from schemas.errors import OpenmoatError
from schemas.finding import Finding
from schemas.levels import EVAL_ITEM
from schemas.manifest import REMOVED_PARTS
from schemas.samples import Samples
from tasks import (
    ledger,
    removal,
    storage,
    tokens,
    verify_evals,
    verify_frames,
    verify_guard,
    verify_ingest,
    verify_mixture,
    verify_models,
    verify_rights,
)
from tasks.hashing import add_digests, add_hex, digest, row_digests
from tasks.select import VALID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.manifest import RunManifest, Shard, StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

PLACES = {
    "ingest": (c.LOCATION, c.POSITION),
    "guard": (c.SHARD, c.ROW),
    "replay": (c.SHARD, c.ROW),
}
"""Columns of a stage that say where a row stands and that its digest leaves out."""
SAMPLES = "select: its samples of duplicates are those of the manifest"
CORPUS_STAGES = {"ingest", "signals", "select"}
BROKEN = (
    OpenmoatError,
    pa.ArrowException,
    pl.exceptions.PolarsError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
)
"""What reading a folder raises that somebody changed by hand."""


def verify(out: str) -> list[Finding]:
    """Check a run stage by stage. Raises :class:`ManifestError` where there is no run at all.

    Nothing else is raised: what is broken or missing is a finding. A check that rests on files
    which cannot be read is left out; that they cannot is a finding already.
    """
    run = ledger.read_run(out)
    configs: list[RunConfig] = []
    findings = _guarded("run.json: the recipe is the one of its digest", _recipe(run, configs))
    findings += _guarded("no folder of another recipe's stage stands beside", _beside(out, run))
    manifests: Manifests = {}
    for stage in run.stages:
        findings += _stage(out, stage, run, manifests)
    checks = _checks(out, manifests)
    for config in configs:
        findings += _guarded("the run finished what its recipe asks for", _finished(run, config))
        checks += verify_ingest.checks(out, config, manifests)
        checks += verify_evals.checks(out, config, manifests)
        checks += verify_models.checks(out, config, manifests)
        checks += verify_rights.checks(out, config, manifests)
        checks += verify_guard.checks(out, config, manifests)
        checks += verify_mixture.checks(out, config, manifests)
    aligned = _guarded(verify_mixture.ALIGNED, _aligned(manifests))
    findings += aligned
    for statement, needed, check in checks:
        paired = len(needed & CORPUS_STAGES) > 1
        if needed <= manifests.keys() and (not paired or all(f.ok for f in aligned)):
            findings += _guarded(statement, check())
    return findings


def _guarded(statement: str, check: Iterator[Finding]) -> list[Finding]:
    """Findings of a check; what cannot be read or has not the form it should is a finding too."""
    findings = []
    try:
        for finding in check:
            findings.append(finding)  # noqa: PERF402  (those before an error count)
    except BROKEN as error:
        findings.append(Finding(statement, ok=False, detail=_said(error)))
    return findings


def _said(error: BaseException) -> str:
    if isinstance(error, OpenmoatError):
        return str(error)
    if isinstance(error, LookupError):
        return f"nothing called {error}"
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _recipe(run: RunManifest, configs: list[RunConfig]) -> Iterator[Finding]:
    config = RunConfig.model_validate(run.recipe, strict=False)
    configs.append(config)
    statement = "run.json: the recipe is the one of its digest"
    yield Finding.same(statement, run.recipe_digest, digest(config), run.recipe_digest)


def _beside(out: str, run: RunManifest) -> Iterator[Finding]:
    """No stage is left over; a run that stops before it spares the tokenizer for a later one."""
    spared = {"tokenizer"} if getattr(run, "goal", "mixture") == "corpus" else set()
    foreign = [
        name
        for stage, name in ledger.FOLDERS.items()
        if stage not in run.stages.keys() | spared
        and storage.exists(storage.join(out, name, ledger.MANIFEST))
    ]
    statement = "no folder of another recipe's stage stands beside"
    yield Finding(statement, not foreign, ", ".join(foreign))


def _finished(run: RunManifest, config: RunConfig) -> Iterator[Finding]:
    goal = getattr(run, "goal", "mixture")
    wanted = [*sorted(CORPUS_STAGES), *["corpus"] * config.corpus.materialize]
    if goal != "corpus":
        wanted += ["guard"] * verify_guard.is_asked(config)
        wanted += [s for s in ("tokenizer", "replay") if getattr(config, s) is not None]
    if goal not in {"corpus", "replay"} and config.mixture is not None:
        wanted.append("mixture")
    missing = [stage for stage in wanted if stage not in run.stages]
    detail = f"missing: {', '.join(missing)}" if missing else f"{len(wanted)} stages"
    yield Finding("the run finished what its recipe asks for", not missing, detail)


def _stage(out: str, stage: str, run: RunManifest, manifests: Manifests) -> list[Finding]:
    """What holds of every stage; one whose files can be read is added to ``manifests``."""
    found: list[StageManifest] = []
    read = _guarded(f"{stage}: it has a manifest", _manifest(out, stage, found))
    for manifest in found:
        shards = f"{stage}: shards hold the rows their manifest says"
        read += _guarded(shards, _shards(out, manifest, shards, manifests))
        rows = f"{stage}: run.json and the manifest count the rows of its shards"
        read += _guarded(rows, _rows(manifest, run, rows))
        total = f"{stage}: the digest is that of its shards"
        read += _guarded(total, _digest(manifest, run, total))
    return read


def _manifest(out: str, stage: str, found: list[StageManifest]) -> Iterator[Finding]:
    manifest = ledger.read(out, stage)
    yield Finding.same(f"{stage}: it has a manifest", manifest.stage, stage)
    if manifest.stage == stage:
        found.append(manifest)


def _shards(
    out: str, manifest: StageManifest, statement: str, manifests: Manifests
) -> Iterator[Finding]:
    """Every listed shard is there and has the rows and the digest that the manifest says."""
    wrong, readable = [], True
    for shard in manifest.shards:
        try:
            rows, found = _measure(out, manifest.stage, shard)
        except BROKEN as error:
            wrong.append(f"{shard.file}: {_said(error)}")
            readable = False
            continue
        if (rows, found) != (shard.rows, shard.digest):
            wrong.append(f"{shard.file}: {rows:,} rows, digest {found[:12]}")
    if readable:
        manifests[manifest.stage] = manifest
    detail = "; ".join(wrong) or f"{len(manifest.shards):,} shards, {manifest.rows_out:,} rows"
    yield Finding(statement, not wrong, detail)


def _measure(out: str, stage: str, shard: Shard) -> tuple[int, str]:
    at = storage.join(ledger.folder(out, stage), shard.file)
    if stage == "tokenizer":
        return 1, tokens.digest(tokens.load(storage.read_bytes(at), where=at))
    rows, parts = 0, []
    for table in storage.read_batches(at):
        rows += table.num_rows
        parts.append(add_digests(row_digests(table, leave_out=PLACES.get(stage, ()))))
    return rows, add_hex(parts)


def _rows(manifest: StageManifest, run: RunManifest, statement: str) -> Iterator[Finding]:
    """Each row of select's shards came in (how many are kept is counted later), else went out."""
    record, held = run.stages[manifest.stage], sum(s.rows for s in manifest.shards)
    counted = manifest.rows_in if manifest.stage == "select" else manifest.rows_out
    said = (record.folder, record.key, record.rows_in, record.rows_out)
    folder = ledger.FOLDERS[manifest.stage]
    same = said == (folder, manifest.key, manifest.rows_in, manifest.rows_out)
    detail = (
        f"run.json {record.rows_in:,} in and {record.rows_out:,} out, "
        f"manifest {manifest.rows_in:,} in and {manifest.rows_out:,} out, shards {held:,}"
    )
    yield Finding(statement, same and counted == held, detail)


def _digest(manifest: StageManifest, run: RunManifest, statement: str) -> Iterator[Finding]:
    total = add_hex(s.digest for s in manifest.shards)
    same = total == manifest.digest == run.stages[manifest.stage].digest
    yield Finding(statement, same, manifest.digest)


def _checks(out: str, manifests: Manifests) -> list[Check]:
    """Checks of the corpus, each with the stages it reads."""
    return [
        (
            "select: its manifest counts what was kept and dropped",
            CORPUS_STAGES,
            partial(_decisions, out, manifests),
        ),
        (
            "select: what is removed of documents",
            {"ingest", "signals", "select"},
            partial(_removed, out, manifests),
        ),
        (SAMPLES, {"select"}, partial(_samples, out, manifests)),
    ]


def _aligned(manifests: Manifests) -> Iterator[Finding]:
    """Shards stand side by side: everything later pairs them by their place in the list."""
    there = [s for s in ("ingest", "signals", "select") if s in manifests]
    lists = {s: [(x.source, x.rows) for x in manifests[s].shards] for s in there}
    same = all(listed == lists[there[0]] for listed in lists.values())
    if {"ingest", "select"} <= lists.keys():
        files = [[x.file for x in manifests[s].shards] for s in ("ingest", "select")]
        same = same and files[0] == files[1]
    detail = ", ".join(f"{stage} {len(listed):,}" for stage, listed in lists.items())
    yield Finding(verify_mixture.ALIGNED, same, detail)


def _decisions(out: str, manifests: Manifests) -> Iterator[Finding]:
    manifest, parts, outcomes = manifests["select"], [], dict[str, dict[str, Any]]()
    beside = explained = True
    kept = 0
    for decided, documents in verify_frames.decided(out, manifests):
        beside &= decided[c.DOC_ID].equals(documents[c.DOC_ID])
        explained &= bool((decided[c.KEEP] == decided[c.DROP_REASON].is_null()).all())
        kept += int(decided[c.KEEP].sum())
        parts.append(decided.select(c.CLUSTER_ID, c.SPLIT).unique())
        _count(outcomes, decided.hstack(documents.drop(c.DOC_ID)))
    total = manifest.rows_in
    detail = f"{total:,} documents = {kept:,} kept + {total - kept:,} dropped"
    yield Finding("select: one decision beside each document", beside, detail)
    yield Finding("select: every dropped document has a reason, no kept one has", explained)
    clusters = pl.concat(parts).group_by(c.CLUSTER_ID).agg(pl.col(c.SPLIT).n_unique())
    apart = int((clusters[c.SPLIT] > 1).sum())
    statement = "select: no cluster of duplicates straddles train and validation"
    yield Finding(statement, apart == 0, f"{clusters.height:,} clusters, {apart:,} straddle")
    said = {"rows_out": manifest.rows_out, "sources": manifest.details["sources"]}
    statement = "select: its manifest counts what was kept and dropped"
    yield Finding.same(statement, said, {"rows_out": kept, "sources": outcomes})


def _removed(out: str, manifests: Manifests) -> Iterator[Finding]:
    """What is removed is of kept documents, lies within them, and is kept in another one."""
    said = manifests["select"].details.get(REMOVED_PARTS)
    if not removal.files(out) and not said:
        return
    kept, found = set[str](), list[pl.DataFrame]()
    shards = manifests["ingest"].shards
    for shard, (decided, documents) in zip(
        shards, verify_frames.decided(out, manifests), strict=True
    ):
        kept.update(decided.filter(c.KEEP)[c.DOC_ID])
        own = removal.of_shard(shard.file, out)
        if own is not None:
            sizes = documents[c.N_BYTES] + removal.sizes(own, decided.height)
            found.append(_within(own, decided.with_columns(sizes, documents[c.SOURCE])))
    spans = pl.concat(found)
    for_kept = pl.col(c.MATCHED_ID).is_in(list(kept)).fill_null(value=False)
    sound = pl.col("within") & (for_kept | (pl.col(c.LEVEL) == EVAL_ITEM))
    wrong = spans.height - spans.filter(sound).height
    lost = int((spans[c.END] - spans[c.START]).sum())
    detail = f"{spans.height:,} parts, {lost:,} bytes, {wrong:,} of them not"
    statement = "select: what is removed is of kept documents, for kept ones or eval items"
    yield Finding(statement, wrong == 0, detail)
    if said is not None:
        statement = "select: its manifest counts what is removed"
        yield Finding.same(statement, said, removal.counts(spans), f"{spans.height:,} parts")


def _within(own: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Return what a shard's documents lose, and whether that lies ``within`` what is kept of it.

    ``decided`` has ``source``, and ``n_bytes`` of texts as they were read. Parts stand in order.
    """
    beside = decided.select(pl.col(c.DOC_ID).alias("is"), c.KEEP, c.N_BYTES, c.SOURCE)[own[c.ROW]]
    inside = pl.col(c.START).is_between(0, pl.col(c.END) - 1)
    inside &= pl.col(c.END) <= pl.col(c.N_BYTES)
    after = (pl.col(c.START) >= pl.col(c.END).shift(1)) | (pl.col(c.ROW) != pl.col(c.ROW).shift(1))
    sound = (pl.col(c.DOC_ID) == pl.col("is")) & pl.col(c.KEEP) & inside
    return own.hstack(beside).with_columns(within=sound & after.fill_null(value=True))


def _samples(out: str, manifests: Manifests) -> Iterator[Finding]:
    """The duplicates that the report shows; an earlier version laid none by."""
    said = manifests["select"].details.get("duplicates", {}).get("samples")
    if said is not None:
        at = storage.join(ledger.folder(out, "select"), ledger.SAMPLES)
        found = storage.read_model(at, Samples)
        yield Finding(SAMPLES, digest(found) == said, f"{len(found.twins):,} duplicates")


def _count(outcomes: dict[str, dict[str, Any]], frame: pl.DataFrame) -> None:
    """Add a shard to each source's kept documents and bytes, and dropped ones by first reason."""
    for (source,), part in frame.partition_by(c.SOURCE, as_dict=True).items():
        kept = part.filter(c.KEEP)
        own = outcomes.setdefault(
            str(source), {"kept": 0, "kept_bytes": 0, "valid": 0, "dropped": Counter()}
        )
        own["kept"] += kept.height
        own["kept_bytes"] += int(kept[c.N_BYTES].sum())
        own["valid"] += int((kept[c.SPLIT] == VALID).sum())
        own["dropped"].update(part.filter(~pl.col(c.KEEP))[c.DROP_REASON].to_list())
