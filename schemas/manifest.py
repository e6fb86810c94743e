"""What a stage says it did. A stage folder without a manifest is unfinished."""

from __future__ import annotations

import operator
import re
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.addresses import public
from schemas.config import Format

Masked = dict[str, dict[str, int]]
"""How many spans were masked of each source, by kind."""
VERSION = 1
"""Version of the manifests' own layout."""
PART = re.compile(r"#(?:bytes|row_groups)=\d+-\d+$")
"""How a location says that it is a part of a file (:attr:`InputFile.location`)."""


class Frozen(BaseModel):
    """An immutable record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(Frozen):
    """A part of a large file: lines that begin in a range of ``bytes``, or some ``row_groups``.

    ``start`` counts from 0, ``end`` is the first one behind; the part is ``size`` bytes from
    ``offset`` on (of row groups: about where they lie, so that parts side by side are the file).
    """

    unit: Literal["bytes", "row_groups"]
    start: int
    end: int
    offset: int
    size: int


class InputFile(Frozen):
    """An input before it is read: where it is, and what tells that it changed.

    ``size`` is that of the whole file in bytes (null where the server does not say); ``version`` is
    a modification time in nanoseconds, an entity tag or a commit; ``part`` is what is read of it.
    """

    url: str
    size: int | None = None
    version: str = ""
    part: Part | None = None

    @property
    def n_bytes(self) -> int | None:
        """Bytes to read, if known."""
        return self.size if self.part is None else self.part.size

    @property
    def location(self) -> str:
        """What documents and rejects name as their file; positions count from its start."""
        p = self.part
        url = public(self.url)
        return url if p is None else f"{url}#{p.unit}={p.start}-{p.end}"


class Unit(Frozen):
    """One task's work: files of one source that become one shard, named by ``key``.

    ``rate`` is the share of documents that a sample takes of it, by seeded hash of their ids;
    ``beside`` are, for each file, the files with attributes of its records, by the attributes'
    name; ``repeated`` are boilerplate lines to be removed.
    """

    source: str
    format: Format
    files: tuple[InputFile, ...]
    key: str = ""
    rate: float = 1.0
    beside: tuple[dict[str, InputFile], ...] = ()
    repeated: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to read, as far as known."""
        return sum(f.n_bytes or 0 for f in self.files)


class ReadFile(Frozen):
    """An input after it was read: ``digest`` is the hex xxh3_128 of its bytes as stored.

    Of a part of a file, the digest is over the bytes of this part. A dataset of the Hub has none,
    but a ``version``: its commit, as what comes from a server has its tag or date. ``members``
    counts what was read of an archive, ``passed_over`` its members of another format.
    """

    url: str
    size: int | None
    digest: str | None
    records: int
    version: str = ""
    members: int = 0
    passed_over: int = 0

    @property
    def file(self) -> str:
        """The file that it is, or is a part of."""
        return PART.sub("", self.url)


class Shard(Frozen):
    """One finished file of a stage. ``digest`` is the hex sum of its row digests modulo 2^128.

    ``key`` names what the file depends on, where its name does not. ``left_out`` counts records
    that a sample did not take; ``named`` documents by source, where records name their own;
    ``masked`` spans by source and kind, where the recipe asks for masks.
    """

    file: str
    rows: int
    digest: str
    n_bytes: int = 0
    source: str | None = None
    key: str = ""
    rejects: int = 0
    left_out: int = 0
    named: dict[str, int] = Field(default_factory=dict)
    masked: Masked = Field(default_factory=dict, exclude_if=operator.not_)
    inputs: tuple[ReadFile, ...] = ()


class EvalIndex(Frozen):
    """Items of evaluation sets, laid by for the pass over the text: files in ``evals/``.

    ``digest`` is of what documents are measured with, ``items_digest`` of the items; ``sets`` says
    of each set how many items it has, how many are too short to be looked for, and how many
    records could not be read.
    """

    key: str
    digest: str
    items_digest: str
    sets: dict[str, dict[str, int]]


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


SKETCH: Final = "sketch"
"""Among the details of the signals: the version of the scheme that sketches were made by."""
EVALS: Final = "evals"
"""Key of the signals' details: :class:`EvalIndex`."""
MODELS: Final = "models"
"""Key of the signals' details: a list of :class:`schemas.models.ScoreModel`."""
SCORES: Final = "scores"
"""Among the details of the decisions: how models score the documents of each source."""
REMOVED_PARTS: Final = "removed_parts"
"""Among the details of the decisions: by source and level what kept documents lose, in numbers."""


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
