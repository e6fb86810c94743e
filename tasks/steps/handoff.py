"""First and last steps of a run: checks and ``run.json``, data card, report page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from schemas import columns as c
from schemas.certificate import Certificate
from schemas.config import RunConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.errors import ManifestError
from schemas.handoff import FOLDER, Handover
from schemas.mixture import LAYOUT, TEXT_ROW, Layout
from schemas.profile import Profile
from schemas.samples import Samples
from schemas.views import views
from tasks import handoff, ledger, preflight, storage, version
from tasks.report import card, page, sections
from tasks.steps.policy import step

if TYPE_CHECKING:
    from schemas.handoff import Handed
    from schemas.manifest import StageManifest

T = TypeVar("T", bound=BaseModel)


@step
def begin(recipe: RunConfig, out: str, goal: str) -> None:
    """Refuse what is known to be wrong before any work; start or go on with ``run.json``."""
    preflight.check(recipe)
    ledger.open_run(out, recipe, version=version.installed(), goal=goal)


@step
def write_card(out: str) -> None:
    """Write the data card beside the run and beside the mixture, so that either folder loads.

    Files for trainers stand below the mixture, and name what they need of it relative to
    themselves, so that it can be moved.
    """
    run, manifest = ledger.read_run(out), ledger.read(out, "mixture")
    folder = ledger.folder(out, "mixture")
    layout = Layout.model_validate(manifest.details[LAYOUT])
    packed, kinds = layout.row_tokens is not None, _kinds(folder, manifest, layout)
    seen = views(layout.format, packed=packed, kinds=kinds)
    handed = handoff.handed(handoff.facts(manifest, layout, seen))
    _write_files(storage.join(folder, FOLDER), handed)
    for where, below in ((out, f"{ledger.FOLDERS['mixture']}/"), (folder, "")):
        body = card.card(run, manifest, Handover(below, seen, handed))
        storage.write_bytes(storage.join(where, ledger.CARD), body.encode())


def _write_files(at: str, handed: list[Handed]) -> None:
    """Put files for trainers into a folder that has none of another mixture.

    What trainers themselves have left there, such as checkpoints, stays.
    """
    for name in handoff.OURS:
        storage.remove(storage.join(at, name))
    for one in handed:
        for name, body in one.files.items():
            storage.write_bytes(storage.join(at, name), body.encode())


def _kinds(folder: str, manifest: StageManifest, layout: Layout) -> dict[str, set[str]]:
    """Kinds of rows in each split that has any, where these are told apart; else text."""
    found: dict[str, set[str]] = {}
    for shard in manifest.shards:
        kinds = found.setdefault(shard.file.split("/")[0], set())
        if layout.format == "text" or layout.row_tokens is not None:
            kinds.add(TEXT_ROW)
        else:
            table = storage.read_table(storage.join(folder, shard.file), [c.KIND])
            kinds.update(table.column(c.KIND).unique().to_pylist())
    return found


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
