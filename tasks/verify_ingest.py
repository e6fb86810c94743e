"""The proof of what was read: records counted, signals beside their text, the counts of sources."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from schemas import columns as c
from schemas.finding import Finding
from tasks import ledger, storage
from tasks.hashing import text_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig, Source
    from schemas.manifest import Shard, StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

COUNTS = "ingest: its manifest counts what was read of each source"
UNCOUNTED = {"origin", "format", "sample"}
"""What a manifest says of a source that its rows cannot tell."""


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of what was read, each with the stages it reads."""
    both = {"ingest", "signals"}
    beside = "signals: one row beside each document, of its own text"
    return [
        ("ingest: every record is counted", {"ingest"}, partial(records, out, manifests)),
        (COUNTS, both, partial(counts, out, config, manifests)),
        (beside, both, partial(signals, out, manifests)),
    ]


def records(out: str, manifests: Manifests) -> Iterator[Finding]:
    """Every record of every input is a document, a reject, or left out by a sample."""
    manifest = manifests["ingest"]
    read = sum(f.records for s in manifest.shards for f in s.inputs)
    rejected = 0
    for shard in manifest.shards:
        at = storage.join(out, ledger.REJECTS, shard.file)
        rejected += sum(t.num_rows for t in storage.read_batches(at, [c.REASON]))
    left_out = sum(s.left_out for s in manifest.shards)
    ok = read == manifest.rows_in == manifest.rows_out + rejected + left_out
    detail = f"{read:,} records = {manifest.rows_out:,} documents + {rejected:,} rejects"
    detail += f" + {left_out:,} that no sample took" if left_out else ""
    yield Finding("ingest: every record is a document or a reject", ok, detail)


def signals(out: str, manifests: Manifests) -> Iterator[Finding]:
    """Signals stand row by row beside the documents and are of their text."""
    wrong = set()
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
                wrong.add(left.file)
        if start != said.num_rows:
            wrong.add(left.file)
    statement = "signals: one row beside each document, of its own text"
    yield Finding(statement, not wrong, "; ".join(sorted(wrong)))


def counts(out: str, config: RunConfig, manifests: Manifests) -> Iterator[Finding]:
    """What the manifest says was read of each source, counted again."""
    said, wrong = manifests["ingest"].details["sources"], []
    pairs = list(zip(manifests["ingest"].shards, manifests["signals"].shards, strict=True))
    for source in config.ingest.sources:
        own = [pair for pair in pairs if pair[0].source == source.name]
        found, stated = _counted(out, source, own), said[source.name]
        read = {name: n for name, n in stated.items() if name not in UNCOUNTED}
        sample = stated.get("sample", {}).get("read_files", found["files"])
        if (stated["origin"], read, sample) != (source.origin, found, found["files"]):
            wrong.append(source.name)
    foreign = said.keys() - {source.name for source in config.ingest.sources}
    detail = "; ".join([*wrong, *sorted(foreign)])
    yield Finding(COUNTS, not detail, detail or f"{len(said):,} sources")


def _counted(out: str, source: Source, pairs: list[tuple[Shard, Shard]]) -> dict[str, Any]:
    """A source's counts, those that are nothing left out where the manifest does so too."""
    named: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    n_bytes = 0
    for left, right in pairs:
        sizes = storage.join(ledger.folder(out, "signals"), right.file)
        n_bytes += sum(storage.read_table(sizes, [c.N_BYTES]).column(0).to_pylist())
        rejects = storage.join(out, ledger.REJECTS, left.file)
        reasons.update(storage.read_table(rejects, [c.REASON]).column(0).to_pylist())
        if source.source_field:
            at = storage.join(ledger.folder(out, "ingest"), left.file)
            named.update(storage.read_table(at, [c.SOURCE]).column(0).to_pylist())
    files = [f for left, _ in pairs for f in left.inputs]
    rare = {
        "left_out": sum(left.left_out for left, _ in pairs),
        "members": sum(f.members for f in files),
        "members_passed_over": sum(f.passed_over for f in files),
        "named": dict(named),
    }
    return {
        "files": len({f.file for f in files}),
        "documents": sum(left.rows for left, _ in pairs),
        "text_bytes": n_bytes,
        "rejects": dict(reasons),
        **{name: n for name, n in rare.items() if n},
    }
