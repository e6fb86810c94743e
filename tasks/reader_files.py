"""The shards of one split of a mixture, as its manifest names them: found, checked, read."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ConfigError, ManifestError
from schemas.manifest import Shard, StageManifest
from schemas.mixture import LAYOUT, LEARNED, Layout
from tasks import ledger, storage
from tasks.mixture import arrays
from tasks.storage import OpenShard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

STAGE = "mixture"
OPEN = 8
"""Shards that are kept open."""
COPY_ANEW = "Copy the whole folder anew from where it was made, or run the recipe again."


def find(folder: str) -> tuple[str, StageManifest]:
    """Return the mixture's folder and manifest, of a run's folder or of a mixture's alone."""
    below = storage.join(folder, ledger.FOLDERS[STAGE])
    where = below if storage.exists(storage.join(below, ledger.MANIFEST)) else folder
    at = storage.join(where, ledger.MANIFEST)
    if not storage.exists(at):
        raise ManifestError(
            folder,
            got=f"no {ledger.MANIFEST} in it, nor in {ledger.FOLDERS[STAGE]}/ below it",
            wanted="the folder of a run whose mixture is finished, or its folder mixture/",
            way_out="Check the path; where a run was stopped, the same command goes on with it.",
        )
    manifest = storage.read_model(at, StageManifest)
    if manifest.stage != STAGE:
        raise ManifestError(
            at,
            got=f"the manifest of {manifest.stage}",
            wanted="that of a mixture",
            way_out="Name the folder of the run, or its folder mixture/.",
        )
    return where, manifest


def layout_of(manifest: StageManifest) -> Layout | None:
    """What the shards hold; None of a mixture of text that an earlier version wrote."""
    said = manifest.details.get(LAYOUT)
    return None if said is None else Layout.model_validate(said)


class Files:
    """Row groups of a split's shards, one after the other: ``starts[g]`` is the first row of one.

    Raises :class:`ManifestError` where a shard is missing or has not the rows its manifest says.
    """

    def __init__(self, folder: str, manifest: StageManifest, split: str) -> None:
        shards = [s for s in manifest.shards if s.file.startswith(f"{split}/")]
        if not shards:
            raise _no_split(folder, manifest, split)
        self.locations = [storage.join(folder, s.file) for s in sorted(shards, key=_file)]
        self._open: OrderedDict[int, OpenShard] = OrderedDict()
        groups = [self._checked(i, s) for i, s in enumerate(sorted(shards, key=_file))]
        self.schema: pa.Schema = self._opened(0).schema
        self._shard = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
        self._first = np.cumsum([0] + [len(g) for g in groups])
        rows = [n for g in groups for n in g]
        self.starts: Numbers = np.cumsum([0, *rows]).astype(np.int64)

    @property
    def rows(self) -> int:
        """Rows of the split."""
        return int(self.starts[-1])

    @property
    def n_groups(self) -> int:
        """Row groups of all shards."""
        return len(self._shard)

    def groups(self, rows: Numbers) -> Numbers:
        """Return the row group in which each of some rows lies."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read a row group."""
        shard = int(self._shard[group])
        return self._opened(shard).read(group - int(self._first[shard]), columns)

    def take(self, rows: Numbers, columns: Sequence[str]) -> pa.Table:
        """Read some ascending rows; memory holds a row group and what is taken."""
        groups = self.groups(rows)
        parts = []
        for group in np.unique(groups).tolist():
            own = rows[groups == group] - self.starts[group]
            parts.append(arrays.picked(self.read(group, columns), own))
        return pa.concat_tables(parts).combine_chunks()

    def column(self, name: str) -> pa.ChunkedArray:
        """Read a narrow column of the whole split."""
        parts = [self.read(g, [name]) for g in range(self.n_groups)]
        return pa.concat_tables(parts).column(name)

    def _checked(self, number: int, said: Shard) -> list[int]:
        at = self.locations[number]
        if not storage.is_file(at):
            raise ManifestError(
                at,
                got="no such file",
                wanted=f"a shard of {said.rows:,} rows, which the manifest names",
                way_out=COPY_ANEW,
            )
        groups = self._opened(number).group_rows
        if sum(groups) != said.rows:
            raise ManifestError(
                at,
                got=f"{sum(groups):,} rows",
                wanted=f"{said.rows:,}, as the manifest says",
                way_out=COPY_ANEW,
            )
        return groups

    def _opened(self, number: int) -> OpenShard:
        if number not in self._open:
            self._open[number] = OpenShard(self.locations[number])
            if len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(number)
        return self._open[number]

    def close(self) -> None:
        """Let all files go; they are opened again at need."""
        while self._open:
            self._open.popitem()[1].close()

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process without what is open here."""
        return {**self.__dict__, "_open": OrderedDict()}


def _file(shard: Shard) -> str:
    return shard.file


def _no_split(folder: str, manifest: StageManifest, split: str) -> ConfigError:
    there = sorted({s.file.partition("/")[0] for s in manifest.shards})
    return ConfigError(
        folder,
        got=f"split={split!r}",
        wanted=" or ".join(there) or "a mixture that has rows",
        way_out="Ask for a split that the mixture has.",
    )


def selected(asked: Sequence[str] | None, schema: pa.Schema, *, where: str) -> tuple[str, ...]:
    """Names of the columns that are asked for; None: those of :func:`default`.

    Raises :class:`ConfigError` for one that is not there.
    """
    names = default(schema) if asked is None else tuple(asked)
    if not names or not set(names) <= set(schema.names):
        raise ConfigError(
            where,
            got=f"columns={list(names)}",
            wanted=f"some of {', '.join(schema.names)}",
            way_out="Ask for columns that this format has; without `columns` you get its default.",
        )
    return names


def default(schema: pa.Schema) -> tuple[str, ...]:
    """What is learned from: ids, mask and labels, or else the turns and the text of a row."""
    if c.INPUT_IDS in schema.names:
        return LEARNED
    return tuple(name for name in (c.MESSAGES, c.TEXT) if name in schema.names)
