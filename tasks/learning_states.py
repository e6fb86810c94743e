"""States of a training run: folders that are whole or not there, the last few of them kept.

``states/step-00000120/`` holds the model (or its adapters), the optimizer's numbers, the curve up
to there, and last ``state.json`` with the digests of them all. Arrays are safetensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from schemas.errors import ConfigError, ManifestError
from schemas.manifest import Shard
from schemas.tables import conform
from schemas.training import CURVE, TrainKey, TrainState
from tasks import storage
from tasks.hashing import table_digest
from tasks.training import states
from tasks.training.loop import Learner, Point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER: Final = "states"
STATE, CURVE_FILE, MODEL = "state.json", "curve.parquet", "model"
OPTIMIZER: Final = "optimizer-"
ANEW: Final = "begin anew with another --out"
SAID: Final = {
    "config": "settings",
    "mixture": "the mixture",
    "model": "the model that it begins with",
}


class Reached(NamedTuple):
    """Where a run stands: its curve, what of the mixture is read, what it rests on.

    ``beside``: the tokenizer's files, so that the state's model can be used as it is.
    """

    points: Sequence[Point]
    reader: dict[str, Any]
    key: TrainKey
    beside: Mapping[str, bytes]


class Found(NamedTuple):
    """A state that was found whole, its folder, and the curve up to it."""

    state: TrainState
    folder: str
    points: list[Point]


def write(out: str, own: Learner, reached: Reached) -> None:
    """Write a state."""
    points = reached.points
    step = points[-1].step
    at = storage.join(out, FOLDER, _name(step))
    storage.remove(at)
    with storage.replacing_folder(at) as folder:
        own.model.save_pretrained(
            storage.join(folder, MODEL), safe_serialization=True, max_shard_size="2GB"
        )
        for name, body in reached.beside.items():
            storage.write_bytes(storage.join(folder, MODEL, name), body)
        for name, body in states.files(own):
            storage.write_bytes(storage.join(folder, name), body)
        write_curve(storage.join(folder, CURVE_FILE), points)
        storage.write_model(
            storage.join(folder, STATE),
            TrainState(step=step, reader=reached.reader, key=reached.key, files=_digests(folder)),
        )


def keep(out: str, number: int, *, always: int) -> None:
    """Remove all states but the last few, and the one of a step that always stays."""
    every = storage.list_folders(storage.join(out, FOLDER))
    every = [name for name in every if name != _name(always)]
    for name in every[: max(0, len(every) - number)]:
        storage.remove(storage.join(out, FOLDER, name))


def last(out: str, key: TrainKey) -> tuple[TrainState, str] | None:
    """Return what the last state says of itself, and its folder; None where there is none.

    Raises :class:`ConfigError` for one of another run, :class:`ManifestError` for one that says
    nothing.
    """
    every = storage.list_folders(storage.join(out, FOLDER))
    if not every:
        return None
    folder = storage.join(out, FOLDER, every[-1])
    try:
        state = storage.read_model(storage.join(folder, STATE), TrainState)
    except ManifestError as error:
        raise ManifestError(
            folder, got=error.got, wanted="a state", way_out=_without(folder)
        ) from error
    check_key(out, state.key, key)
    return state, folder


def latest(out: str, key: TrainKey) -> Found | None:
    """Return the last state, None where there is none; its files are read and compared.

    Raises what :func:`last` does, and :class:`ManifestError` for files that are not as they were
    written.
    """
    found = last(out, key)
    if found is None:
        return None
    state, folder = found
    there = _digests(folder)
    wrong = sorted(name for name in state.files if there.get(name) != state.files[name])
    if wrong:
        raise ManifestError(
            folder,
            got=f"{', '.join(wrong)}, missing or damaged",
            wanted="files as they were written",
            way_out=_without(folder),
        )
    return Found(state, folder, read_curve(storage.join(folder, CURVE_FILE)))


def _without(folder: str) -> str:
    return f"Remove {folder}: the run goes on from the state before it, or from the start."


def check_key(out: str, was: TrainKey, now: TrainKey) -> None:
    """Raise :class:`ConfigError` where what is in a folder is of another run, and say of which."""
    other = [said for name, said in SAID.items() if getattr(was, name) != getattr(now, name)]
    if other:
        raise ConfigError(
            f"--out {out}",
            got=f"a run with other {' and '.join(other)}".replace("other the", "another"),
            wanted="the run that was begun there, or an empty folder",
            way_out="Give the options, the mixture and the model of that run to go on with it, or "
            f"{ANEW}.",
        )


def restore(own: Learner, found: Found) -> None:
    """Give an optimizer the numbers of a state. (Its model is loaded from the state's folder.)."""
    names = [n for n in storage.list_names(found.folder) if n.startswith(OPTIMIZER)]
    bodies = {name: storage.read_bytes(storage.join(found.folder, name)) for name in names}
    states.restore(own, bodies, where=found.folder)


def _name(step: int) -> str:
    return f"step-{step:08d}"


def write_curve(location: str, points: Sequence[Point]) -> None:
    """Write a curve as Parquet."""
    table = conform(pa.Table.from_pylist([p._asdict() for p in points], CURVE), CURVE)
    shard = Shard(file=CURVE_FILE, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(location, table, CURVE, shard=shard)


def read_curve(location: str) -> list[Point]:
    """Read a curve."""
    return [Point(**row) for row in storage.read_table(location).to_pylist()]


def _digests(folder: str) -> dict[str, str]:
    """Digest of each file of a state but ``state.json`` itself."""
    below = [storage.join(MODEL, name) for name in storage.list_names(storage.join(folder, MODEL))]
    names = [*storage.list_names(folder), *below]
    return {name: storage.file_digest(storage.join(folder, name)) for name in names
            if name != STATE}  # fmt: skip
