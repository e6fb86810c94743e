"""Proof, from a run's files alone, that it holds what its manifests say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.errors import OpenmoatError
from schemas.finding import Finding
from tasks import ledger, storage, tokens, verify_mixture
from tasks.hashing import add_digests, add_hex, row_digests, text_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.manifest import RunManifest, Shard, StageManifest

    Check = Callable[[str, dict[str, StageManifest]], Iterator[Finding]]

PLACES = {"ingest": (c.LOCATION, c.POSITION), "replay": (c.SHARD, c.ROW)}
"""Columns of a stage that say where a row stands and that its digest leaves out."""


def verify(out: str) -> list[Finding]:
    """Check a run stage by stage. Raises :class:`ManifestError` where there is no run at all."""
    run = ledger.read_run(out)
    findings: list[Finding] = []
    manifests: dict[str, StageManifest] = {}
    for stage in run.stages:
        findings += _guarded(f"{stage}: files", partial(_stage, out, stage, run, manifests))
    checks: list[tuple[set[str], Check]] = [
        ({"ingest"}, _records),
        ({"ingest", "signals"}, _signals),
        ({"ingest", "select"}, _decisions),
        ({"ingest", "select", "signals", "tokenizer", "mixture"}, verify_mixture.check),
    ]  # fmt: skip
    for needed, check in checks:
        if needed <= manifests.keys():
            findings += _guarded(" and ".join(sorted(needed)), partial(check, out, manifests))
    if not run.stages:
        findings.append(Finding("the run finished a stage", ok=False, detail="none is in run.json"))
    return findings


def _guarded(statement: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Findings of a check; a file that cannot be read is a finding too."""
    findings = []
    try:
        findings += list(check())
    except OpenmoatError as error:
        findings.append(Finding(statement, ok=False, detail=str(error)))
    return findings


def _stage(
    out: str, stage: str, run: RunManifest, manifests: dict[str, StageManifest]
) -> Iterator[Finding]:
    """Every listed shard is there and has the rows and the digest that the manifest says."""
    manifest = manifests[stage] = ledger.read(out, stage)
    wrong = []
    for shard in manifest.shards:
        rows, digest = _measure(out, stage, shard)
        if (rows, digest) != (shard.rows, shard.digest):
            wrong.append(f"{shard.file}: {rows} rows, digest {digest[:12]}")
    total = add_hex(s.digest for s in manifest.shards)
    detail = "; ".join(wrong) or f"{len(manifest.shards):,} shards, {manifest.rows_out:,} rows"
    yield Finding(f"{stage}: shards hold the rows their manifest says", not wrong, detail)
    same = total == manifest.digest == run.stages[stage].digest
    yield Finding(f"{stage}: the digest is that of its shards", same, manifest.digest)


def _measure(out: str, stage: str, shard: Shard) -> tuple[int, str]:
    at = storage.join(ledger.folder(out, stage), shard.file)
    if stage == "tokenizer":
        return 1, tokens.digest(tokens.load(storage.read_bytes(at), where=at))
    rows, parts = 0, []
    for table in storage.read_batches(at):
        rows += table.num_rows
        parts.append(add_digests(row_digests(table, leave_out=PLACES.get(stage, ()))))
    return rows, add_hex(parts)


def _records(out: str, manifests: dict[str, StageManifest]) -> Iterator[Finding]:
    manifest = manifests["ingest"]
    read = sum(f.records for s in manifest.shards for f in s.inputs)
    rejected = 0
    for shard in manifest.shards:
        at = storage.join(out, ledger.REJECTS, shard.file)
        rejected += sum(t.num_rows for t in storage.read_batches(at, [c.REASON]))
    ok = read == manifest.rows_in == manifest.rows_out + rejected
    detail = f"{read:,} records = {manifest.rows_out:,} documents + {rejected:,} rejects"
    yield Finding("ingest: every record is a document or a reject", ok, detail)


def _signals(out: str, manifests: dict[str, StageManifest]) -> Iterator[Finding]:
    """Signals stand row by row beside the documents and are of their text."""
    wrong = []
    pairs = zip(manifests["ingest"].shards, manifests["signals"].shards, strict=True)
    for left, right in pairs:
        at = storage.join(ledger.folder(out, "ingest"), left.file)
        beside = storage.join(ledger.folder(out, "signals"), right.file)
        said = storage.read_table(beside, [c.DOC_ID, c.TEXT_HASH])
        start = 0
        for batch in storage.read_batches(at, [c.DOC_ID, c.TEXT]):
            part = said.slice(start, batch.num_rows)
            start += batch.num_rows
            hashes = [text_hash(t) for t in batch.column(c.TEXT).to_pylist()]
            same_ids = part.column(c.DOC_ID).to_pylist() == batch.column(c.DOC_ID).to_pylist()
            if not same_ids or part.column(c.TEXT_HASH).to_pylist() != hashes:
                wrong.append(left.file)
    statement = "signals: one row beside each document, of its own text"
    yield Finding(statement, not wrong, "; ".join(wrong))


def _decisions(out: str, manifests: dict[str, StageManifest]) -> Iterator[Finding]:
    decided = pl.concat(list(_decided(out, manifests["select"])))
    ids = [
        i
        for shard in manifests["ingest"].shards
        for t in storage.read_batches(
            storage.join(ledger.folder(out, "ingest"), shard.file), [c.DOC_ID]
        )
        for i in t.column(0).to_pylist()
    ]
    kept = int(decided[c.KEEP].sum())
    detail = f"{len(ids):,} documents = {kept:,} kept + {decided.height - kept:,} dropped"
    yield Finding(
        "select: one decision beside each document", ids == decided[c.DOC_ID].to_list(), detail
    )
    explained = (decided[c.KEEP] == decided[c.DROP_REASON].is_null()).all()
    yield Finding("select: every dropped document has a reason, no kept one has", bool(explained))
    straddling = decided.group_by(c.CLUSTER_ID).agg(pl.col(c.SPLIT).n_unique())[c.SPLIT]
    twins_apart = int((straddling > 1).sum())
    statement = "select: no cluster of duplicates straddles train and validation"
    yield Finding(statement, twins_apart == 0, f"{straddling.len():,} clusters")


def _decided(out: str, manifest: StageManifest) -> Iterator[pl.DataFrame]:
    names = [c.DOC_ID, c.KEEP, c.DROP_REASON, c.CLUSTER_ID, c.SPLIT]
    for shard in manifest.shards:
        at = storage.join(ledger.folder(out, "select"), shard.file)
        yield pl.DataFrame(pl.from_arrow(storage.read_table(at, names)))
