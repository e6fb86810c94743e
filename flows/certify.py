"""The command ``openmoat certify``: how near one set comes to another. It starts no Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

if TYPE_CHECKING:
    from schemas.certificate import Certificate

PATHS = "a file, folder or glob"


def certify(
    shard: Annotated[str, typer.Argument(help=f"What is to be certified: {PATHS}.")],
    *,
    reference: Annotated[
        str, typer.Option(help=f"What it is to be like: {PATHS}; documents not in the shard.")
    ],
    provenance: Annotated[
        Literal["original", "sample", "generations", "other"],
        typer.Option(help="What the reference is to the original distribution."),
    ] = "sample",
    pool: Annotated[
        Optional[list[str]],  # noqa: UP045  (Typer evaluates it)
        typer.Option(
            help="What the shard was drawn from, a source each time, to tell sources apart by.",
            show_default=False,
        ),
    ] = None,
    random: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(help="A random draw to print beside.", show_default="drawn from the pool"),
    ] = None,
    evals: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(help="Evaluation items, to look for in the shard.", show_default=False),
    ] = None,
    tokenizer: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(help="The base model's tokenizer.json.", show_default="characters / 4"),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045  (as above)
        typer.Option("--out", help="A file for the certificate, JSON.", show_default=False),
    ] = None,
    html: Annotated[
        Optional[Path],  # noqa: UP045  (as above)
        typer.Option("--html", help="A file for a page with plots.", show_default=False),
    ] = None,
    text_field: Annotated[str, typer.Option(help="The field that holds the text.")] = "text",
    eval_field: Annotated[str, typer.Option(help="The same of the evaluation items.")] = "text",
    source_field: Annotated[
        Optional[str],  # noqa: UP045  (as above)
        typer.Option(
            help="The field that names the source of a record of the pool.",
            show_default="each --pool is one source",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Similarity from which on two documents are near."),
    ] = 0.8,
    most_tokens: Annotated[
        int, typer.Option(min=1_000, help="Tokens of a side that are looked at, at most.")
    ] = 2_000_000,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of all that is drawn.")] = 0,
    duplicates: Annotated[
        bool, typer.Option(help="Look for near-duplicates; reads the files again.")
    ] = True,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Say how close a replay shard comes to a reference, and how sure that is."""
    from tasks import certifying, storage

    for option, file in (("--out", out), ("--html", html)):
        if file is not None:
            storage.check_file(str(file), option=option)
    question = certifying.Question(
        shard=shard,
        reference=reference,
        pool=pool or (),
        random=random,
        evals=evals,
        tokenizer=tokenizer,
        provenance=provenance,
        text_field=text_field,
        eval_field=eval_field,
        source_field=source_field,
        threshold=threshold,
        seed=seed,
        most_tokens=most_tokens,
        duplicates=duplicates,
    )
    found = certifying.of_files(question)
    _write(found, out, html)
    _show(found, json=json)


def _write(found: Certificate, out: Path | None, html: Path | None) -> None:
    from tasks import storage
    from tasks.report import certificate, page

    if out is not None:
        storage.write_model(str(out), found)
    if html is not None:
        sides = f"{found.shard.name} beside {found.reference.name}"
        body = page.render("Certificate", sides, list(certificate.sections(found)))
        storage.write_bytes(str(html), body.encode())


def _show(found: Certificate, *, json: bool) -> None:
    from flows import terminal
    from tasks.report import certificate

    if json:
        terminal.print_json(found.model_dump(mode="json"))
        return
    terminal.show_sections(s for s in certificate.sections(found) if not s.panels)
