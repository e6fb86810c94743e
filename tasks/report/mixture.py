"""Asked against achieved of a training mixture, along its order too, to sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.mixture import LAYOUT, RIGHTS
from schemas.section import Bars, Course, Section, Table
from schemas.windows import WINDOWS, Windows
from tasks.report import rights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.manifest import StageManifest

    Row = tuple[str | int | float | None, ...]

PLACES, REFUSED = "places", "left_out"
"""Keys of the mixture's details: how full packed rows are; rows refused, by source and reason."""
ORIGINS: Final = ("replay", "new")
COUNTS: Final = (
    ("rows", "rows"),
    ("documents", "documents"),
    ("tokens", "tokens"),
    ("supervised_tokens", "supervised tokens"),
    ("replay_tokens", "replay tokens"),
    ("new_tokens", "new tokens"),
)
"""What is told of a split, where its manifest has it, and the head of its column."""


def sections(manifest: StageManifest, replay: StageManifest | None = None) -> list[Section]:
    """Return what a mixture was to have and has; of sources of ``replay`` too."""
    details = manifest.details
    found = [_mixture(details, replay)]
    if WINDOWS in details:
        found.append(along(Windows.model_validate(details[WINDOWS], strict=False)))
    if PLACES in details:
        found.append(_packing(details[PLACES]))
    if details.get(REFUSED):
        found.append(_refused(details[REFUSED]))
    found.append(_splits(details["achieved"]))
    return [*found, *([rights.section(details[RIGHTS])] if RIGHTS in details else [])]


def _mixture(details: Mapping[str, Any], replay: StageManifest | None) -> Section:
    train, asked = details["achieved"]["train"], details["asked"]
    share = (f"{asked['replay_share']:.3%}", f"{train['replay_share']:.3%}")
    rows: list[Row] = [("replay share", *share, None)]
    rows += [_against(f"{o} tokens", asked[f"{o}_tokens"], train[f"{o}_tokens"]) for o in ORIGINS]
    rows += _sources(train, asked["replay_tokens"], replay)
    if "supervised_tokens" in train:
        rows.append(("supervised tokens", None, train["supervised_tokens"], None))
    rows.append(("largest document, tokens", None, train["largest_document_tokens"], None))
    header = ("", "asked", "achieved", "difference")
    return Section("Mixture", " ".join(_laid_out(details)), Table(header, tuple(rows)))


def _against(name: str, asked: int, achieved: int) -> Row:
    return name, asked, achieved, achieved - asked


def _sources(
    train: Mapping[str, Any], replay_tokens: int, replay: StageManifest | None
) -> Iterator[Row]:
    """Each source: one of replay against its share of the replay tokens, where it has one."""
    told = {} if replay is None else replay.details["sources"]
    for name, tokens in train["sources"].items():
        share = told.get(name, {}).get("share")
        if share is None:
            yield f"of {name}", None, tokens, None
        else:
            yield _against(
                f"of {name}, {share:.1%} of replay", round(share * replay_tokens), tokens
            )


def _laid_out(details: Mapping[str, Any]) -> Iterator[str]:
    yield "Training tokens by the run's tokenizer, without special tokens."
    told = details.get(LAYOUT)
    if told is None:
        yield "Documents stay whole."
        return
    packed = told["row_tokens"]
    yield (
        f"Format {told['format']}, rows of {packed:,} tokens, each of one origin."
        if packed
        else f"Format {told['format']}, a document a row."
    )
    if told["epochs"] > 1 or told["replay_epochs"] > 1:
        yield (
            f"New data is seen {told['epochs']:,} times, replay {told['replay_epochs']:,} times: "
            "each in another order."
        )


def along(windows: Windows) -> Section:
    """Return the share of replay along the training order, beside what the schedule asks for."""
    unit, each = windows.unit, windows.rows_per_window
    text = f"Share of replay in each {each:,} rows, by {unit}, in training order."
    if windows.wanted:
        both = zip(windows.replay, windows.wanted, strict=True)
        off = max((abs(had - wanted) for had, wanted in both), default=0.0)
        text += f" At most {100 * off:.2f} points from what the schedule asks for there"
        text += f"; one row is {100 / each:.2f}." if unit == "rows" else "."
    said = f"share of replay in {len(windows.replay):,} windows, first to last"
    course = Course(windows.replay, windows.wanted, ("first row", "last row"), said)
    return Section("Replay along the way", text, course=course if windows.replay else None)


def _packing(splits: Mapping[str, Any]) -> Section:
    rows = tuple(
        (name, s["places"], s["ends"], s["padding"], f"{s['waste']:.3%}")
        for name, s in splits.items()
    )
    header = ("split", "places for tokens", "end-of-text tokens", "padding", "waste")
    text = "Documents are split among rows and none is dropped; what is left over is padding."
    return Section("Packing", text, Table(header, rows))


def _refused(sources: Mapping[str, Mapping[str, int]]) -> Section:
    rows = tuple(
        (source, reason, n)
        for source, reasons in sources.items()
        for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    )
    text = "Conversations that the chat template does not take; among those that were looked at."
    return Section("Left out of the mixture", text, Table(("source", "reason", "rows"), rows))


def _splits(achieved: Mapping[str, Any]) -> Section:
    """Rows, documents and tokens of each split."""
    counts = [both for both in COUNTS if all(both[0] in s for s in achieved.values())]
    header = ("split", *(head for _, head in counts))
    rows = tuple((name, *(s[key] for key, _ in counts)) for name, s in achieved.items())
    bars = tuple(
        (name, (float(s["replay_tokens"]), float(s["new_tokens"]))) for name, s in achieved.items()
    )
    return Section("Splits", "", Table(header, rows), Bars("tokens", ("replay", "new"), bars))
