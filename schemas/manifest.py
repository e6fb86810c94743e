"""What a stage says it did. A stage folder without a manifest is unfinished."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.config import Format

VERSION = 1
"""Version of the manifests' own layout."""


class Frozen(BaseModel):
    """An immutable record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFile(Frozen):
    """An input before it is read: where it is, and what tells that it changed.

    ``size`` is in bytes (null where the server does not say); ``version`` is a modification time in
    nanoseconds, an entity tag or a commit.
    """

    url: str
    size: int | None = None
    version: str = ""


class Unit(Frozen):
    """One task's work: files of one source that become one shard, named by ``key``."""

    source: str
    format: Format
    files: tuple[InputFile, ...]
    key: str

    @property
    def size(self) -> int:
        """Bytes to read, as far as known."""
        return sum(f.size or 0 for f in self.files)


class ReadFile(Frozen):
    """An input after it was read: ``digest`` is the hex xxh3_128 of its bytes as stored."""

    url: str
    size: int | None
    digest: str | None
    records: int


class Shard(Frozen):
    """One finished file of a stage. ``digest`` is the hex sum of its row digests modulo 2^128.

    ``key`` names what the file depends on, where its name does not.
    """

    file: str
    rows: int
    digest: str
    n_bytes: int = 0
    source: str | None = None
    key: str = ""
    rejects: int = 0
    inputs: tuple[ReadFile, ...] = ()


class StageManifest(Frozen):
    """A finished stage. ``key`` is the digest of everything the result depends on."""

    version: int = VERSION
    stage: str
    key: str
    digest: str
    rows_in: int
    rows_out: int
    shards: tuple[Shard, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)


class StageRecord(Frozen):
    """A stage's line in ``run.json``; ``peak_bytes`` is the peak of the whole process so far."""

    folder: str
    key: str
    digest: str
    rows_in: int
    rows_out: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    shards_written: int = 0
    shards_reused: int = 0


class RunManifest(Frozen):
    """``run.json``: the whole run on one page; ``goal`` is how far the last command was to go."""

    version: int = VERSION
    openmoat: str
    name: str
    recipe_digest: str
    recipe: dict[str, Any]
    goal: str = "mixture"
    stages: dict[str, StageRecord]
