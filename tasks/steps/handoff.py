"""First and last steps of a run: checks and ``run.json``, data card, report page."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TypeVar

import polars as pl
from pydantic import BaseModel

from schemas import columns as c
from schemas.certificate import Certificate
from schemas.config import RunConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.errors import ManifestError
from schemas.profile import Profile
from schemas.samples import Samples
from tasks import ledger, preflight, storage, version
from tasks.report import card, page, sections
from tasks.steps.policy import step

T = TypeVar("T", bound=BaseModel)


@step
def begin(recipe: RunConfig, out: str, goal: str) -> None:
    """Refuse what is known to be wrong before any work; start or go on with ``run.json``."""
    preflight.check(recipe)
    ledger.open_run(out, recipe, version=version.installed(), goal=goal)


@step
def write_card(out: str) -> None:
    """Write the data card beside the run and beside the mixture, so that either folder loads."""
    run, manifest = ledger.read_run(out), ledger.read(out, "mixture")
    folder = ledger.folder(out, "mixture")
    licenses, sizes = _licenses(out)
    for where, below in ((out, f"{ledger.FOLDERS['mixture']}/"), (folder, "")):
        body = card.card(run, manifest, below=below, licenses=licenses, tokens=sizes)
        storage.write_bytes(storage.join(where, ledger.CARD), body.encode())


def _licenses(out: str) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """For each source of the mixture: its documents and its tokens by licence."""
    documents: dict[str, Counter[str]] = {}
    tokens: dict[str, Counter[str]] = {}
    for shard in ledger.read(out, "mixture").shards:
        at = storage.join(ledger.folder(out, "mixture"), shard.file)
        frame = pl.DataFrame(storage.read_table(at, [c.SOURCE, c.LICENSE, c.TOKENS]))
        counts = frame.group_by(c.SOURCE, c.LICENSE).agg(pl.len(), pl.col(c.TOKENS).sum())
        for source, name, n, size in counts.iter_rows():
            documents.setdefault(source, Counter())[name or "not stated"] += n
            tokens.setdefault(source, Counter())[name or "not stated"] += size
    return documents, tokens


@step
def end(out: str) -> str:
    """Write ``report.html`` from the manifests, clear the scratch; return the report's location."""
    run = ledger.read_run(out)
    manifests = {stage: ledger.read(out, stage) for stage in run.stages}
    body = page.render(
        f"openmoat: {run.name}",
        str(run.recipe.get("description") or "") or f"Recipe digest {run.recipe_digest}",
        sections.sections(
            run,
            manifests,
            _samples(out),
            target=_beside(out, ledger.TARGET, Profile),
            certified=_beside(out, ledger.CERTIFICATE, Certificate),
        ),
    )
    at = storage.join(out, ledger.REPORT)
    storage.write_bytes(at, body.encode())
    storage.remove(storage.join(out, ledger.SCRATCH))
    return at


def _samples(out: str) -> Samples | None:
    """Duplicates to be shown; none where they cannot be read, which verify says."""
    with contextlib.suppress(ManifestError):
        return storage.read_model(
            storage.join(ledger.folder(out, "select"), ledger.SAMPLES), Samples
        )
    return None


def _beside(out: str, name: str, kind: type[T]) -> T | None:
    """What stands beside the drawn replay; none where there is none, or it cannot be read."""
    with contextlib.suppress(ManifestError):
        return storage.read_model(storage.join(ledger.folder(out, "replay"), name), kind)
    return None
