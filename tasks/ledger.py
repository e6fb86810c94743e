"""Manifests and ``run.json``: what is finished, what it depends on, what it cost."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from functools import lru_cache
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
    "guard": "guard",
    "tokenizer": "tokenizer",
    "replay": "replay",
    "mixture": "mixture",
}
WRITTEN = ("corpus", "guard", "replay", "mixture")
"""Stages that hold for one state of the decisions: text that people load, and what it is without.
"""
CARD, REPORT = "README.md", "report.html"
PAGES = (CARD, REPORT)
SAMPLES = "samples.json"
"""Beside the decisions: some duplicates, side by side."""
TARGET, CERTIFICATE = "target.json", "certificate.json"
"""Beside what was drawn for the replay: what is known of its target, and how near it comes."""
REJECTS, TOKENS, SCRATCH, BOILERPLATE = "rejects", "tokens", ".scratch", "boilerplate"
MODELS = "models"
EVALS, HITS = "evals", "hits.parquet"
"""Folders of laid-by evaluation sets, and of what was found of them beside the decisions."""
_lock = threading.Lock()


class Meter:
    """Wall and CPU seconds of a stage, and the process's peak memory in bytes."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def record(self, manifest: StageManifest, *, reused: int) -> StageRecord:
        """Return the stage's line for ``run.json``; ``reused``: shards that stood before."""
        unit = 1 if sys.platform == "darwin" else 1024
        return StageRecord(
            folder=FOLDERS[manifest.stage],
            key=manifest.key,
            digest=manifest.digest,
            rows_in=manifest.rows_in,
            rows_out=manifest.rows_out,
            seconds=round(time.perf_counter() - self._wall, 3),
            cpu_seconds=round(time.process_time() - self._cpu, 3),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
            shards_written=len(manifest.shards) - reused,
            shards_reused=reused,
        )


def folder(out: str, stage: str) -> str:
    """Folder of a stage."""
    return storage.join(out, FOLDERS[stage])


def read(out: str, stage: str) -> StageManifest:
    """Manifest of a finished stage; raises :class:`ManifestError`."""
    return storage.read_model(storage.join(folder(out, stage), MANIFEST), StageManifest)


def source_of(out: str, shard: str) -> str:
    """Recipe source that a documents shard is of."""
    at = storage.join(folder(out, "ingest"), MANIFEST)
    return _sources(out, storage.stamp(at))[shard]


@lru_cache(maxsize=8)
def _sources(out: str, _stamp: tuple[int, ...] | None) -> dict[str, str]:
    """Read them once: asked for each shard, a manifest of all shards would cost their square."""
    return {s.file: str(s.source) for s in read(out, "ingest").shards}


def stands(out: str, stage: str) -> bool:
    """Tell whether a stage was finished, by whatever recipe."""
    return storage.exists(storage.join(folder(out, stage), MANIFEST))


def finished(out: str, stage: str, key: str) -> StageManifest | None:
    """The manifest of a stage that was finished with this very key and has all its files whole."""
    with contextlib.suppress(ManifestError):
        found = read(out, stage)
        files = [storage.join(folder(out, stage), s.file) for s in found.shards]
        if found.key == key and all(map(_whole, files)):
            return found
    return None


def _whole(file: str) -> bool:
    return (
        storage.read_shard(file) is not None if file.endswith(".parquet") else storage.exists(file)
    )


def finish(out: str, manifest: StageManifest) -> None:
    """Write a stage's manifest: the last thing it does."""
    storage.write_model(storage.join(folder(out, manifest.stage), MANIFEST), manifest)


def begin(out: str, stage: str) -> None:
    """Mark a stage that is written anew as unfinished, and what was made from it as gone."""
    storage.remove(storage.join(folder(out, stage), MANIFEST))
    with _lock, contextlib.suppress(ManifestError):
        run = read_run(out)
        if stage in run.stages:
            _write_stages(out, run, {n: s for n, s in run.stages.items() if not _after(n, stage)})
        _discard_after(out, stage)


def _after(stage: str, other: str) -> bool:
    order = list(FOLDERS)
    return order.index(stage) >= order.index(other)


def _discard_after(out: str, stage: str) -> None:
    """Remove what was made from an earlier state of ``stage``, so that nobody loads it for new.

    Decisions and tokenizer stay (their keys tell whether they still hold); written text goes.
    """
    for later in FOLDERS:
        if later in WRITTEN and later != stage and _after(later, stage):
            storage.remove(folder(out, later))
    for page in PAGES:
        storage.remove(storage.join(out, page))


def _write_stages(out: str, run: RunManifest, stages: dict[str, StageRecord]) -> None:
    ordered = {name: stages[name] for name in FOLDERS if name in stages}
    storage.write_model(run_location(out), run.model_copy(update={"stages": ordered}))


def sweep(out: str, stage: str, keep: set[str], *, below: str = "") -> None:
    """Remove shards of an earlier recipe from a written folder: a glob would read them too."""
    for name in storage.list_names(storage.join(folder(out, stage), below)):
        file = f"{below}/{name}" if below else name
        if name.endswith(".parquet") and file not in keep:
            storage.remove(storage.join(folder(out, stage), file))


def open_run(out: str, recipe: RunConfig, *, version: str, goal: str) -> None:
    """Start ``run.json``, or go on with it when the recipe is the one it was started with.

    What another recipe left is discarded, but for documents, signals, decisions and tokenizer:
    their keys tell whether they hold for this one too.
    """
    storage.sweep_temporaries(out)
    recipe_digest, stages = digest(recipe), {}
    with contextlib.suppress(ManifestError):
        before = read_run(out)
        if before.recipe_digest == recipe_digest:
            stages = before.stages
        else:
            _discard_after(out, "ingest")
            if recipe.tokenizer is None:
                storage.remove(folder(out, "tokenizer"))
    run = RunManifest(
        openmoat=version,
        name=recipe.name,
        recipe_digest=recipe_digest,
        recipe=recipe.model_dump(mode="json"),
        goal=goal,
        stages=stages,
    )
    storage.write_model(run_location(out), run)


def run_location(out: str) -> str:
    """Location of ``run.json``."""
    return storage.join(out, RUN)


def read_run(out: str) -> RunManifest:
    """Read ``run.json``; raises :class:`ManifestError`."""
    if not storage.exists(run_location(out)):
        raise ManifestError(
            out,
            got=f"no {RUN} in it",
            wanted="the folder of a run: what --out named",
            way_out="Check the path. `openmoat check` and `openmoat export` also take a mixture "
            "that was moved away from its run.",
        )
    return storage.read_model(run_location(out), RunManifest)


def note(out: str, stage: str, record: StageRecord) -> None:
    """Add a finished stage to ``run.json``; where it has changed, what followed from it goes."""
    with _lock:
        run = read_run(out)
        before = run.stages.get(stage)
        kept = run.stages
        if before is not None and before.key != record.key:
            kept = {n: s for n, s in run.stages.items() if not _after(n, stage)}
            _discard_after(out, stage)
        _write_stages(out, run, {**kept, stage: record})
