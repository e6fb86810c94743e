"""Manifests and ``run.json``: what is finished, what it depends on, what it cost."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from typing import TYPE_CHECKING

from schemas.errors import ManifestError
from schemas.manifest import RunManifest, StageManifest, StageRecord
from tasks import storage
from tasks.hashing import digest

if TYPE_CHECKING:
    from schemas.config import RunConfig

MANIFEST = "manifest.json"
RUN = "run.json"
FOLDERS = {
    "ingest": "documents",
    "signals": "signals",
    "select": "decisions",
    "corpus": "corpus",
    "tokenizer": "tokenizer",
    "replay": "replay",
    "mixture": "mixture",
}
REJECTS, TOKENS, SCRATCH = "rejects", "tokens", ".scratch"
_lock = threading.Lock()


class Meter:
    """Wall and CPU seconds of a stage, and the process's peak memory in bytes."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def record(
        self, manifest: StageManifest, *, written: int = 0, reused: int = 0, stood: bool = False
    ) -> StageRecord:
        """Return the stage's line for ``run.json``; ``stood``: all of it was finished before."""
        unit = 1 if sys.platform == "darwin" else 1024
        return StageRecord(
            folder=FOLDERS[manifest.stage],
            digest=manifest.digest,
            rows_in=manifest.rows_in,
            rows_out=manifest.rows_out,
            seconds=round(time.perf_counter() - self._wall, 3),
            cpu_seconds=round(time.process_time() - self._cpu, 3),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
            shards_written=written or (0 if stood or reused else len(manifest.shards)),
            shards_reused=reused or (len(manifest.shards) if stood else 0),
        )


def folder(out: str, stage: str) -> str:
    """Folder of a stage."""
    return storage.join(out, FOLDERS[stage])


def read(out: str, stage: str) -> StageManifest:
    """Manifest of a finished stage; raises :class:`ManifestError`."""
    return storage.read_model(storage.join(folder(out, stage), MANIFEST), StageManifest)


def finished(out: str, stage: str, key: str) -> StageManifest | None:
    """The manifest of a stage that was finished with this very key and has all its files."""
    with contextlib.suppress(ManifestError):
        found = read(out, stage)
        files = [storage.join(folder(out, stage), s.file) for s in found.shards]
        if found.key == key and all(storage.exists(f) for f in files):
            return found
    return None


def finish(out: str, manifest: StageManifest) -> None:
    """Write a stage's manifest: the last thing it does."""
    storage.write_model(storage.join(folder(out, manifest.stage), MANIFEST), manifest)


def begin(out: str, stage: str) -> None:
    """Mark a stage that is written anew as unfinished."""
    storage.remove(storage.join(folder(out, stage), MANIFEST))


def sweep(out: str, stage: str, keep: set[str], *, below: str = "") -> None:
    """Remove shards of an earlier recipe from a written folder: a glob would read them too."""
    for name in storage.list_names(storage.join(folder(out, stage), below)):
        file = f"{below}/{name}" if below else name
        if name.endswith(".parquet") and file not in keep:
            storage.remove(storage.join(folder(out, stage), file))


def open_run(out: str, recipe: RunConfig, *, version: str) -> None:
    """Start ``run.json``, or go on with it when the recipe is the one it was started with."""
    storage.sweep_temporaries(out)
    recipe_digest = digest(recipe)
    with contextlib.suppress(ManifestError):
        if read_run(out).recipe_digest == recipe_digest:
            return
    run = RunManifest(
        openmoat=version,
        name=recipe.name,
        recipe_digest=recipe_digest,
        recipe=recipe.model_dump(mode="json"),
        stages={},
    )
    storage.write_model(run_location(out), run)


def run_location(out: str) -> str:
    """Location of ``run.json``."""
    return storage.join(out, RUN)


def read_run(out: str) -> RunManifest:
    """Read ``run.json``; raises :class:`ManifestError`."""
    return storage.read_model(run_location(out), RunManifest)


def note(out: str, stage: str, record: StageRecord) -> None:
    """Add a finished stage to ``run.json``."""
    with _lock:
        run = read_run(out)
        stages = {**run.stages, stage: record}
        ordered = {name: stages[name] for name in FOLDERS if name in stages}
        storage.write_model(run_location(out), run.model_copy(update={"stages": ordered}))
