"""Manifests to sections: the same ones for the page and the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.guard import GUARD
from schemas.section import Bars, Section, Table
from tasks.report import certificate, guard, mixture, profile
from tasks.report.duplicates import duplicates
from tasks.report.evals import evals
from tasks.report.removed import removed
from tasks.report.scores import scores
from tasks.report.thresholds import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.certificate import Certificate
    from schemas.manifest import RunManifest, StageManifest
    from schemas.profile import Profile
    from schemas.samples import Samples

SHARE_TOLERANCE = 0.05
"""How far a source may miss its share before the report says so."""


def sections(
    run: RunManifest,
    manifests: Mapping[str, StageManifest],
    samples: Samples | None = None,
    *,
    target: Profile | None = None,
    certified: Certificate | None = None,
) -> list[Section]:
    """Sections of the stages that are finished, in the order of the walk."""
    found = []
    if "ingest" in manifests:
        found.append(ingest(manifests["ingest"]))
    if "select" in manifests:
        found += [outcome(manifests["select"]), drops(manifests["select"])]
        found += duplicates(manifests["select"], samples)
        found += removed(manifests["select"])
        found += evals(manifests["select"], manifests.get("signals"), samples)
        found += scores(manifests["select"], manifests.get("signals"))
        found += thresholds(manifests["select"])
        found += licenses(manifests["select"])
    if GUARD in manifests:
        found += guard.sections(manifests[GUARD])
    if "replay" in manifests:
        found.append(replay(manifests["replay"]))
        found += [] if target is None else profile.sections(target)
        found += [] if certified is None else certificate.sections(certified)
    if "mixture" in manifests:
        found += mixture.sections(manifests["mixture"], manifests.get("replay"))
    for stage in ("corpus", "replay", "mixture"):
        if stage in manifests and run.recipe.get("masking"):
            found += masked(run, manifests[stage])
    return [*found, stages(run)]


def ingest(manifest: StageManifest) -> Section:
    """What was read from each source."""
    sources = manifest.details["sources"]
    rows = tuple((name, *_read(counts)) for name, counts in sources.items())
    header = ("source", "origin", "format", "files", "records", "rejected", "why", "text, MB")
    text = "Every record became a document or a row of rejects/ with its file, position and reason."
    left_out = {
        name: counts["left_out"] for name, counts in sources.items() if "left_out" in counts
    }
    if left_out:
        said = ", ".join(f"{name} {n:,}" for name, n in left_out.items())
        text = text[:-1] + f", or was left out by a sample ({said})."
    samples = {name: counts["sample"] for name, counts in sources.items() if "sample" in counts}
    if samples:
        said = "; ".join(sampled(name, sample) for name, sample in samples.items())
        (depends_on,) = {sample["depends_on"] for sample in samples.values()}
        text += f" A part was read of {said}. Which one depends on {depends_on}."
    text += "".join(
        f" Records of {name} name their source themselves: {len(counts['named']):,} below."
        for name, counts in sources.items()
        if "named" in counts
    )
    passed_over = manifest.details["passed_over"]
    if passed_over:
        text += (
            f" Files passed over, because they have another format: {len(passed_over)}, such as "
        )
        text += f"{passed_over[0]}."
    members = sum(counts.get("members_passed_over", 0) for counts in sources.values())
    text += f" Members of archives passed over for the same reason: {members:,}." if members else ""
    return Section("Read", text, Table(header, rows))


def _read(counts: Mapping[str, Any]) -> tuple[str | int | float, ...]:
    rejected = sum(counts["rejects"].values())
    return (
        counts["origin"],
        counts["format"],
        counts["files"],
        counts["documents"] + rejected + counts.get("left_out", 0),
        rejected,
        ", ".join(f"{n} {reason}" for reason, n in counts["rejects"].items()) or "-",
        counts["text_bytes"] / 1e6,
    )


def sampled(name: str, sample: Mapping[str, Any]) -> str:
    """How much was, or is to be, read of a source that has a sample."""
    wish = ", ".join(f"{key} = {value:g}" for key, value in sample["asked"].items())
    part = f"{sample['read_files']:,} of {sample['files']:,} files"
    if sample["bytes"] is not None and sample["read_bytes"] is not None:
        part += f", {sample['read_bytes'] / 1e6:,.1f} of {sample['bytes'] / 1e6:,.1f} MB"
    return f"{name} ({wish}): {part}"


def outcome(decisions: StageManifest) -> Section:
    """For each source: documents in, dropped, kept, held out."""
    rows, bars = [], []
    estimated = (decisions.details.get("tokens_est") or {}).get("kept_tokens")
    for name, counts in decisions.details["sources"].items():
        dropped = sum(counts["dropped"].values())
        rows.append(
            (
                name,
                counts["kept"] + dropped,
                dropped,
                counts["kept"],
                counts["valid"],
                counts["kept_bytes"] / 1e6,
                *([estimated.get(name)] if estimated else []),
            )
        )
        bars.append((name, (float(counts["kept"]), float(dropped))))
    header = (
        *("source", "documents", "dropped", "kept", "of these held out", "kept text, MB"),
        *(["kept tokens, estimated"] if estimated else []),
    )
    text = (
        "Documents in = dropped + kept. Held-out documents are whole clusters of near-duplicates, "
        "so that no twin of a validation document is trained on."
    )
    chart = Bars("documents", ("kept", "dropped"), tuple(bars))
    return Section("Kept and dropped", text, Table(header, tuple(rows)), chart)


def drops(decisions: StageManifest) -> Section:
    """Dropped documents by their first reason."""
    rows = tuple(
        (name, reason, n)
        for name, counts in decisions.details["sources"].items()
        for reason, n in sorted(counts["dropped"].items(), key=lambda item: -item[1])
    )
    text = (
        "By the first reason; decisions/ holds all reasons of a document and, for a duplicate, its "
        "twin with their similarity."
    )
    return Section(
        "Why documents were dropped", text, Table(("source", "reason", "documents"), rows)
    )


def licenses(decisions: StageManifest) -> list[Section]:
    """Documents and kept ones by licence; no section where no document states one."""
    rows = tuple(
        (source, count["license"] or "not stated", count["documents"], count["kept"])
        for source, counts in decisions.details["licenses"].items()
        for count in counts
    )
    if all(count["license"] is None for c in decisions.details["licenses"].values() for count in c):
        return []
    text = "By SPDX name where a licence is recognised, else as the record has it."
    lists = decisions.details["opt_out"]
    if lists:
        entries = ", ".join(f"{found['entries']:,} {kind}" for kind, found in lists.items())
        text += f" Opt-out lists: {entries}."
    header = ("source", "licence", "documents", "kept")
    return [Section("Licences", text, Table(header, rows))]


def replay(manifest: StageManifest) -> Section:
    """Asked against achieved for each source of the replay shard."""
    sources, details = manifest.details["sources"], manifest.details
    total = max(1, sum(s["tokens"] for s in sources.values()))
    rows = [
        (
            name,
            "-" if s["share"] is None else f"{s['share']:.2%}",
            f"{s['tokens'] / total:.2%}",
            s["asked_tokens"],
            s["tokens"],
            s["documents"],
            s["valid_tokens"],
        )
        for name, s in sources.items()
    ]
    header = ("source", "share asked", "achieved", "tokens asked", "achieved ", "documents",
              "held-out tokens")  # fmt: skip
    chart = Bars(
        "tokens", ("train",), tuple((n, (float(s["tokens"]),)) for n, s in sources.items())
    )
    if "arm" in details:
        text = " ".join(_by_text(details))
    else:
        text = (
            "Whole documents, drawn by seeded hash, so shares are met to within about one document."
        )
        text += "".join(_too_large(name, s, total) for name, s in sources.items())
    return Section("Replay shard", text, Table(header, tuple(rows)), chart)


def _by_text(details: Mapping[str, Any]) -> Iterator[str]:
    """How a shard was drawn that goes by what was measured of the pool."""
    pool, draw = details["pool"]["train"], details["draws"].get("train")
    yield f"Arm {details['arm']}, by {details['unit']}, of {pool['units']:,} in the pool."
    if details["strata"] is not None:
        kinds = {"sources": "the pool's sources", "clusters": "clusters of target and pool"}
        yield f"Kinds of text: {kinds[details['strata']]}."
    if details["without_documents"]:
        yield f"Without a kept document: {', '.join(details['without_documents'])}."
    if "target" in details:
        told = details["target"]
        yield (
            f"Drawing went by {told['guide']:,} texts of the target; it did not see "
            f"{told['held_out']:,} others."
        )
    if "accuracy" in details:
        yield (
            f"Shares are estimates: of held-out passages of the pool {details['accuracy']:.0%} "
            f"were given their own source; {details['other']:.1%} of the target is like none."
        )
    if draw is not None:
        yield f"Effective number of documents: {draw['n_eff']:,.0f}."
        if draw["uncovered"]:
            yield f"Of the target {draw['uncovered']:.1%} is not covered by the pool."
    told = details.get("certificate")
    yield told["sentence"] if told else "How near it comes is not measured: there is no reference."


def _too_large(name: str, source: dict[str, Any], total: int) -> str:
    """A warning where whole documents cannot meet a source's share."""
    miss = abs(source["tokens"] / total - source["share"])
    if miss <= SHARE_TOLERANCE or not source["asked_tokens"]:
        return ""
    return (
        f" {name} misses its share: its documents are large against a part of "
        f"{source['asked_tokens']:,} tokens, so choose a larger budget."
    )


def masked(run: RunManifest, manifest: StageManifest) -> list[Section]:
    """What masks hide in the text that a stage wrote; no section where it wrote none."""
    if manifest.stage == "replay" and not manifest.details["texts"]:
        return []
    kinds = run.recipe["masking"]["kinds"]
    counts = manifest.details.get("masked", {})
    rows = tuple((name, *(own.get(kind, 0) for kind in kinds)) for name, own in counts.items())
    text = "Personal data and secrets, found by their form, for each source."
    if not rows:
        text = "Nothing of the kinds that the recipe names was found."
    return [Section(f"Masked in {manifest.stage}/", text, Table(("source", *kinds), rows))]


def stages(run: RunManifest) -> Section:
    """What each stage cost and what its result's digest is."""
    header = ("stage", "rows in", "rows out", "shards written", "found finished", "seconds",
              "CPU seconds", "peak memory, MB", "digest")  # fmt: skip
    return Section("Stages", "", Table(header, tuple(_stage_rows(run))))


def _stage_rows(run: RunManifest) -> Iterator[tuple[str | int | float | None, ...]]:
    for name, s in run.stages.items():
        yield (name, s.rows_in, s.rows_out, s.shards_written, s.shards_reused, s.seconds,
               s.cpu_seconds, s.peak_bytes / 1e6, s.digest[:12])  # fmt: skip
