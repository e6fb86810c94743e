"""Items of evaluation sets in the documents, as the manifests of signals and select have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas import columns as c
from schemas.manifest import EVALS
from schemas.section import Beside, Excerpt, Section, Table

if TYPE_CHECKING:
    from schemas.manifest import StageManifest
    from schemas.samples import Leak, Samples

TEXT: Final = (
    "Documents that have items of evaluation sets, before dropped ones go. Rows of words that many "
    "documents of a source have, as licences and templates do, count for nothing there; the last "
    "two columns are with them. decisions/evals/hits.parquet names each document and item."
)
SAMPLES: Final = (
    "Chosen by seeded hash: up to three of each set and source, and one that would be a leak only "
    "by common rows of words. Rows of words that both have are marked; personal data is masked, "
    "and what is long is cut. Quotations and figures of speech are found too: whether these are "
    "leaks is yours to judge."
)
COUNTS: Final = ("documents", "items", "documents_with_common", "items_with_common")


def evals(
    decisions: StageManifest, signals: StageManifest | None, samples: Samples | None = None
) -> list[Section]:
    """Return which sets leak from which sources; nothing where no set was compared with."""
    if EVALS not in decisions.details:
        return []
    rows = tuple(
        (told[c.EVAL_SET], told[c.SOURCE], *(told[name] for name in COUNTS))
        for told in decisions.details[EVALS]["counts"]
    )
    header = ("set", "source", "documents", "items", "documents with common", "items with common")
    table = Table(header, rows) if rows else None
    text = TEXT if rows else "No document has an item of an evaluation set."
    sections = [Section("Evaluation sets in the documents", text, table)]
    if signals is not None and EVALS in signals.details:
        sets = signals.details[EVALS]["sets"]
        about = ("set", "items", "too short to be looked for", "records not read")
        told = tuple((n, s["items"], s["too_short"], s["unreadable"]) for n, s in sets.items())
        sections.append(Section("Evaluation sets", table=Table(about, told)))
    if samples is not None and samples.leaks:
        beside = tuple(map(_beside, samples.leaks))
        sections.append(Section("Eval items beside documents", SAMPLES, beside=beside))
    return sections


def _beside(leak: Leak) -> Beside:
    said = f"{leak.covered:,} of {leak.n_words:,} words, {leak.run:,} in a row"
    common = "; only by rows of words that are common in the source" * leak.common
    item = f"item: {leak.eval_set} {leak.item_id} ({leak.field})"
    return Beside(
        f"{leak.eval_set} in {leak.source}",
        f"{said}{common}.",
        (
            Excerpt(item, leak.item),
            Excerpt(f"document: {leak.source} {leak.doc_id}", leak.document),
        ),
    )
