"""The command ``openmoat infer-mixture``: what a tokenizer's text was made of. Without Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.inferred import InferredMixture, InferredSource
    from schemas.section import Section

SELF_TEST = (
    "Train tokenizers on known mixtures of the same sources, and judge the answer by them: one or "
    "two minutes. Without it no shares are given."
)


def infer_mixture(
    tokenizer: Annotated[
        str,
        typer.Argument(
            help="tokenizer.json, tiktoken ranks, tekken.json, merges.txt or a SentencePiece model "
            "(BPE), or the folder that holds one."
        ),
    ],
    source: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=PATH",
            help="Text of one kind that the tokenizer's may have been: a file, a folder or a glob. "
            "Once for each kind, or again with the same name.",
        ),
    ],
    *,
    tokenizers: Annotated[
        int,
        typer.Option(min=1, max=99, help="Tokenizers of the self-test; nine: intervals of 90 %."),
    ] = 9,
    text_field: Annotated[
        str, typer.Option(help="The field that holds the text; `a.b` reaches into objects.")
    ] = "text",
    pattern: Annotated[
        Optional[str],  # noqa: UP045  (Typer evaluates it)
        typer.Option(
            help="How rank files split text, which they do not say: gpt2, cl100k, o200k, or a "
            "regular expression.",
            show_default="the likeliest",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of how documents are dealt out.")] = 0,
    out: Annotated[
        Optional[Path],  # noqa: UP045  (Typer evaluates it)
        typer.Option("--out", help="A JSON file for the shares.", show_default=False),
    ] = None,
    self_test: Annotated[bool, typer.Option("--self-test/--no-self-test", help=SELF_TEST)] = True,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Infer the mixture of the text that a BPE tokenizer was trained on, among your candidates."""
    from flows import terminal
    from tasks import inferring, storage

    if out is not None:
        storage.check_file(str(out), option="--out")
    asked = inferring.Asked(
        inferring.named(source), self_test, tokenizers, seed, text_field, pattern
    )
    found = inferring.infer(tokenizer, asked)
    if out is not None:
        storage.write_model(str(out), found)
    if json:
        terminal.print_json(found.model_dump(mode="json"))
    else:
        terminal.show_sections(_sections(found))


def _sections(found: InferredMixture) -> Iterator[Section]:
    from schemas.section import Section, Table

    header = ("source", "share", "from", "to", "by curve", "by logistic", "documents", "text, MB")
    rows = tuple(_row(name, one) for name, one in found.sources.items())
    yield Section(f"Mixture of the text of {found.tokenizer}", found.says, Table(header, rows))
    facts: list[tuple[str, str | int]] = [
        ("merges looked at", found.merges),
        ("of no source", found.unseen),
        ("fit (slack a merge, of its rate)", f"{found.fit:.3f}"),
    ]
    if found.self_test is not None:
        test = found.self_test
        facts += [
            (f"worst fit of {test.tokenizers} known mixtures", f"{test.worst_fit:.3f}"),
            ("error of a share of theirs", _points(test.error)),
            ("error of even shares", _points(test.even)),
            ("intervals hold for", f"{test.level:.0%}"),
        ]
    facts.append(("near-duplicates of candidates, left out", found.left_out))
    yield Section("How it fits", table=Table(("fact", "figure"), tuple(facts)))


def _row(name: str, one: InferredSource) -> tuple[str | int, ...]:
    shares = (one.share, one.low, one.high, one.curve, one.logistic)
    return (name, *map(_points, shares), one.documents, f"{one.text_bytes / 1e6:.1f}")


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"
