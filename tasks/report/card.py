"""The data card: a README that ``datasets`` reads the splits from and people the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.manifest import RunManifest, StageManifest

ESCAPED = str.maketrans({ch: f"\\{ch}" for ch in "\\`*_{}[]<>()#+!|~"})


def card(
    run: RunManifest,
    mixture: StageManifest,
    *,
    below: str,
    licenses: Mapping[str, Counter[str]],
) -> str:
    """Return the card's Markdown; ``below`` is the path from the card to the mixture's folder.

    ``licenses`` counts documents by licence for each source.
    """
    return "\n".join(
        [*_header(below, mixture), *_body(run, mixture), *_sources(mixture, licenses), ""]
    )


def _header(below: str, mixture: StageManifest) -> list[str]:
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, counts in mixture.details["achieved"].items():
        if counts["documents"]:
            lines += [f"  - split: {split}", f"    path: {below}{split}/*.parquet"]
    return [*lines, "---"]


def _body(run: RunManifest, mixture: StageManifest) -> list[str]:
    train = mixture.details["achieved"]["train"]
    lines = [f"# {_escaped(run.name)}", ""]
    description = str(run.recipe.get("description") or "")
    if description:
        lines += [_escaped(description), ""]
    return [
        *lines,
        (
            f"A training mixture of {train['documents']:,} documents and {train['tokens']:,} "
            f"tokens, {train['replay_share']:.2%} of them replay, made by openmoat {run.openmoat}."
        ),
        "",
        "```python",
        "from datasets import load_dataset",
        'data = load_dataset("path/of/this/folder")  # or streaming=True',
        "```",
        "",
        (
            "One row is one document. Columns: `text`; `doc_id`, `source`, `origin` (replay or "
            "new), `license`, `url` for tracing; `tokens` by the run's tokenizer without special "
            "tokens; `weight`; `position` in the split, which is the order to train in."
        ),
        "",
        "| split | documents | tokens | replay | new |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {s['documents']:,} | {s['tokens']:,} | {s['replay_tokens']:,} "
            f"| {s['new_tokens']:,} |"
            for name, s in mixture.details["achieved"].items()
        ),
        "",
        f"Digest of the rows: `{mixture.digest}`. Recipe digest: `{run.recipe_digest}`.",
    ]


def _sources(mixture: StageManifest, licenses: Mapping[str, Counter[str]]) -> list[str]:
    lines = [
        "",
        "## Sources and licences",
        "",
        "| source | training tokens | licences |",
        "|---|---:|---|",
    ]
    for name, tokens in mixture.details["achieved"]["train"]["sources"].items():
        found = licenses.get(name, Counter())
        shown = ", ".join(f"{_escaped(k)} ({n:,})" for k, n in found.most_common(5)) or "not stated"
        more = f", and {len(found) - 5} more" if len(found) > 5 else ""  # noqa: PLR2004
        lines.append(f"| {_escaped(name)} | {tokens:,} | {shown}{more} |")
    return [*lines, "", "Documents keep their own licences; this card grants none."]


def _escaped(text: str) -> str:
    """Text that Markdown and HTML show as it stands, on one line."""
    return " ".join(text.split()).translate(ESCAPED)
