"""What duplicates cost, as the manifest of select has it, and samples of them, to sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.levels import LEVELS
from schemas.section import Bars, Beside, Excerpt, Section, Table
from tasks.report.thresholds import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.manifest import StageManifest
    from schemas.samples import Samples, Twins

LARGEST = (
    "A document with all that are the same or nearly so. A large cluster is a text that very many "
    "share, or a sign that dedup.threshold is too low."
)
SAMPLES = (
    "Chosen by seeded hash, of each cluster at most one, near-duplicates first. Words that differ "
    "are marked; personal data is masked, and what is long is cut. If these are not the same to "
    "you, raise dedup.threshold."
)


def duplicates(decisions: StageManifest, samples: Samples | None) -> list[Section]:
    """Sections about duplicates; none where nothing was read, or by an older version."""
    found = decisions.details.get("duplicates") or {"sources": {}}
    if not found["sources"]:
        return []
    every = [_by_level(found["sources"]), _losses(found)]
    if found["sizes"]:
        every += [_sizes(found["sizes"]), _largest(found["largest"])]
    if samples is not None and samples.twins:
        pairs = tuple(map(_pair, samples.twins))
        every.append(Section("Samples of duplicates", SAMPLES, beside=pairs))
    return every


def _by_level(sources: Mapping[str, Any]) -> Section:
    levels = [v for v in LEVELS.values() if any(s["dropped"].get(v) for s in sources.values())]
    rows = tuple(
        (
            name,
            counts["documents"],
            *(counts["dropped"].get(level, 0) for level in levels),
            counts["documents"] - sum(counts["dropped"].values()),
            share(sum(counts["dropped"].values()), counts["documents"]),
        )
        for name, counts in sources.items()
    )
    text = "Documents in, dropped by level, and left after that; rules may drop some of these too."
    header = ("source", "documents", *levels, "left", "duplicates")
    return Section("Duplicates", text, Table(header, rows))


def _losses(found: Mapping[str, Any]) -> Section:
    """Warn of sources that come near to what stops a run."""
    limit = found["stops_at"]
    rows = tuple(
        (
            name,
            counts["documents"],
            sum(counts["dropped"].values()),
            share(sum(counts["dropped"].values()), counts["documents"]),
            ", ".join(f"{level} {n:,}" for level, n in counts["dropped"].items()),
        )
        for name, counts in found["close"].items()
    )
    stops = f"A run stops where a source loses more than {limit:.0%} (select.max_drop_share)."
    if not rows:
        return Section(
            "Losses to duplicates", f"{stops} No source loses half of that to duplicates."
        )
    text = f"{stops} These lose more than half of that to duplicates: look at the samples."
    header = ("source", "documents", "duplicates", "share", "by level")
    return Section("Losses to duplicates", text, Table(header, rows))


def _sizes(sizes: list[dict[str, Any]]) -> Section:
    rows = tuple((_range(s), s["clusters"], s["documents"]) for s in sizes)
    bars = tuple((f"{label} documents", (float(n),)) for label, n, _ in rows)
    text = "Documents that are the same or nearly so, the one that stays included."
    return Section(
        "Sizes of clusters",
        text,
        Table(("documents in a cluster", "clusters", "documents in them"), rows),
        Bars("by size", ("clusters",), bars),
    )


def _range(size: Mapping[str, Any]) -> str:
    least, most = size["from"], size["to"]
    if most is None:
        return f"{least:,} or more"
    return f"{least:,}" if most == least else f"{least:,} to {most:,}"


def _largest(largest: list[dict[str, Any]]) -> Section:
    rows = tuple(
        (
            one["documents"],
            one["kept"],
            ", ".join(_sources(one)),
            one["cluster_id"],
            "kept" if one["stands"] else "dropped by a rule",
        )
        for one in largest
    )
    header = ("documents", "kept", "sources", "first of the cluster", "which is")
    return Section("Largest clusters", LARGEST, Table(header, rows))


def _sources(one: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name} {n:,}" for name, n in one["sources"].items())
    if one["other_sources"]:
        yield f"and {one['other_sources']:,} more"


def _pair(twins: Twins) -> Beside:
    title = twins.level
    if twins.similarity is not None:
        title += f", similarity {twins.similarity:.2f}"
    sources = (
        twins.source
        if twins.source == twins.kept_source
        else f"{twins.source}, {twins.kept_source}"
    )
    alike = not any(marked for marked, _ in (*twins.kept, *twins.dropped))
    text = "No word differs in what is shown." if alike else ""
    return Beside(
        f"{title}: {sources}",
        text,
        (
            Excerpt(f"kept: {twins.kept_source} {twins.kept_id}", twins.kept),
            Excerpt(f"dropped: {twins.source} {twins.doc_id}", twins.dropped),
        ),
    )
