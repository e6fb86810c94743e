"""The experiment on forgetting: what it is run on, how large, and the figures of each arm."""

from __future__ import annotations

from typing import Final, Literal, Self

import pyarrow as pa
from pydantic import Field, model_validator

from schemas import columns as c
from schemas.manifest import Frozen
from schemas.recipe import check_unique, wrong
from schemas.training import Precision, TrainConfig

ONE: Final = 1e-6
"""How far shares may be from 1 together."""
Part = Literal["old_train", "old_valid", "old_held", "new_train", "new_valid", "new_held", "pool"]
PARTS: Final[tuple[Part, ...]] = (
    "old_held", "old_valid", "old_train", "new_held", "new_valid", "new_train", "pool",
)  # fmt: skip
"""A document that is like one of an earlier part is left out of a later one."""

PASSAGES: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("document", pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.TEXT, pa.large_string(), nullable=False),
    ]
)
"""A part, in the order in which its passages are taken: by seeded hash."""


class Setting(Frozen):
    """What a model learns first and what then. Places are below the folder of data.

    ``old``: share of tokens of each source, which is what the public card says; ``new``: sources
    that are learned then, as much of each; ``foreign``: further sources of the open pool, of which
    the model has seen nothing.
    """

    name: str
    places: dict[str, str]
    old: dict[str, float]
    new: tuple[str, ...] = Field(min_length=1)
    foreign: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        total = sum(self.old.values())
        if not all(share > 0 for share in self.old.values()) or abs(total - 1) > ONE:
            raise wrong("old", got=f"shares with a sum of {total:g}", wanted="shares above 0, of 1",
                        way_out="Correct them.")  # fmt: skip
        every = [*self.old, *self.new, *self.foreign]
        check_unique(every, "sources", way_out="A source is old, or new, or foreign.")
        for name in {*every} ^ {*self.places}:
            known = name in self.places
            raise wrong(
                f"places.{name}",
                got="a place of no source" if known else "nothing",
                wanted="a place for every source of old, new and foreign, and for no other",
                way_out="Take it out, or say what it is." if known else "Add it.",
            )
        return self


class Sizes(Frozen):
    """How large a run is. Steps are of ``batch_rows`` rows of ``row_tokens`` tokens.

    - ``source_chars``: characters dealt of each source, at most; of a document ``document_chars``.
    - ``passage_chars``: of a passage, at most: about a row, so that a small shard has many.
    - ``pool_chars``: of each old source in the pool; foreign ones have together as many as those.
    - ``held_rows``: rows a domain that losses are measured on; ``valid_rows``: along the way.
    - ``sample_share``: of the old data, what the arm `sample` is given.
    - ``most_epochs``: how often the first training sees its text, at most.
    """

    shape: str = "small"
    vocabulary: int = 2_048
    row_tokens: int = 256
    batch_rows: int = 8
    first_steps: int = 500
    steps: int = 120
    first_peak: float = 4e-3
    peak: float = 2e-3
    precision: Precision = "bf16"
    source_chars: int = 4_000_000
    document_chars: int = 40_000
    passage_chars: int = 800
    pool_chars: int = 1_500_000
    held_rows: int = 32
    valid_rows: int = 8
    points: int = 12
    sample_share: float = 0.03
    generated_tokens: int = 100_000
    most_epochs: int = 4

    @property
    def first_rows(self) -> int:
        """Rows of the first training."""
        return self.first_steps * self.batch_rows

    @property
    def first_tokens(self) -> int:
        """Places for tokens in them."""
        return self.first_rows * self.row_tokens

    @property
    def rows(self) -> int:
        """Rows of the second training."""
        return self.steps * self.batch_rows

    @property
    def tokens(self) -> int:
        """Places for tokens in them."""
        return self.rows * self.row_tokens


class Arm(Frozen):
    """A second training: which replay, and how much of the rows it displaces.

    ``replay``: a name of :mod:`tasks.experiment.arms`, None for none; ``knows``: what its pipeline
    was given beside the open pool. ``passes``: how often each new row is learned; there are as many
    times fewer of them.
    """

    name: str
    replay: str | None = None
    share: float = 0.0
    knows: str = ""
    neftune_alpha: float = 0.0
    schedule: Literal["constant", "ramp"] = "constant"
    order: Literal["hash", "dissimilar_first"] = "hash"
    passes: int = 1


class Point(Frozen):
    """Where an arm stands in the plane of losses after a step: nats a token, validation text."""

    step: int
    old: float
    new: float


class Losses(Frozen):
    """Nats a token on held-out text: of each old domain, of all at the card's shares, of the new.

    ``seen``: of new rows that were trained on.
    """

    old: float
    new: float
    seen: float
    domains: dict[str, float]


class Outcome(Frozen):
    """An arm of one seed. ``replay_rows`` of ``rows``; ``config`` as it was trained.

    ``seen_before``: what the base loses on the new rows of ``losses.seen``.
    """

    arm: Arm
    seed: int
    losses: Losses
    seen_before: float
    points: tuple[Point, ...]
    rows: int
    replay_rows: int
    config: TrainConfig
    seconds: float


class Gate(Frozen):
    """Documents of a part, and how many left it: like some of earlier parts, by part."""

    documents: int
    left_out: dict[str, int]
    kept: int
    passages: int


class Dealt(Frozen):
    """``dealt.json``: parts after the gate. ``seconds``, here and below: of the process, of CPU."""

    setting: Setting
    gate: dict[str, Gate]
    seconds: float


class Base(Frozen):
    """``base.json``: the first training of a seed."""

    seed: int
    losses: Losses
    parameters: int
    tokens: int
    epochs: float
    steps: int
    seconds: float

    @property
    def tokens_per_parameter(self) -> float:
        """Tokens seen, repeated ones too, for each parameter."""
        return self.tokens / self.parameters


class Built(Frozen):
    """``built.json``: what a pipeline was given, which shards it drew, and those it refused.

    ``shares``: of sources, that a shard was drawn at; where it was drawn without, those it has.
    """

    given: tuple[str, ...]
    tokens: dict[str, int]
    shares: dict[str, dict[str, float]]
    refused: dict[str, str]
    notes: dict[str, str]
    seconds: float


class DealRequest(Frozen):
    """Deal the documents below a folder out."""

    data: str
    setting: Setting
    sizes: Sizes
    out: str


class BaseRequest(Frozen):
    """Train on old text. ``parts``: the folder of :class:`Dealt`."""

    parts: str
    setting: Setting
    sizes: Sizes
    seed: int
    out: str


class BuildRequest(Frozen):
    """Draw shards from what lies in a folder, ``given``: largest share by kind of replay."""

    given: str
    wanted: dict[str, float]
    sizes: Sizes
    seed: int
    out: str


class ArmRequest(Frozen):
    """Train an arm. ``shard``: its replay, None where it is old text or none.

    ``keep``: its model stays, for :class:`SpeakRequest`.
    """

    parts: str
    base: str
    shard: str | None
    arm: Arm
    setting: Setting
    sizes: Sizes
    seed: int
    out: str
    keep: bool = False


class SpeakRequest(Frozen):
    """Let models go on with old text. ``models``: folders by name; ``parts`` as of the others."""

    parts: str
    models: dict[str, str]
    setting: Setting
    sizes: Sizes
    seed: int
    out: str


class Continuation(Frozen):
    """What a model writes after the beginning of a held-out text, and the language of that."""

    source: str
    prompt: str
    text: str
    lang: str


class Speech(Frozen):
    """A model's continuations. ``languages``: share of them in each, the most frequent first.

    ``distinct``: of all runs of 1, 2 and 3 words in all of them, how many are different.
    """

    model: str
    languages: dict[str, float]
    distinct: tuple[float, float, float]
    continuations: tuple[Continuation, ...]


class Spoken(Frozen):
    """``spoken.json``: what each model wrote after the same beginnings, of real text beside."""

    prompt_tokens: int
    length: int
    real: Speech
    speeches: tuple[Speech, ...]


class Mean(Frozen):
    """Of seeds: the mean, and the interval of 95 % by Student's t; None where there is one seed."""

    mean: float
    low: float | None = None
    high: float | None = None


class Figures(Frozen):
    """An arm over seeds. Losses are nats a token, held out; domains are of the old data.

    - ``by_seed``: old and new loss of each seed.
    - ``average``: of old and new loss, as arXiv 2403.08763 prints it.
    - ``removed``: forgetting removed, ``(L_none - L) / (L_none - L_base)`` of old losses.
    - ``recovery``: ``(L_none - L) / (L_none - L_true)`` at the same share; None where there is no
      such arm, and where ``|L_none - L_true|`` is under five seed standard deviations.
    - ``gap``: ``L - L_true``, nats. ``worst``: the domain that rose most over the base, and by how
      much. ``overfit``: by how much new rows that were trained on gained more than held-out ones.
    """

    arm: Arm
    by_seed: dict[int, tuple[float, float]]
    old: Mean
    new: Mean
    average: float
    removed: Mean | None
    recovery: Mean | None
    gap: Mean | None
    worst: str
    worst_rise: float
    overfit: float


class Result(Frozen):
    """``result.json``: the experiment. ``headline``: the best closed arm at each share.

    ``base_old``, ``base_new``: losses before the second training. ``refused``: arms of a seed that
    could not be drawn, and why; ``notes``: on those that could; ``shares``: of their sources.
    ``given``: files that each pipeline saw.
    """

    version: int = 1
    command: str
    preset: str
    setting: Setting
    sizes: Sizes
    seeds: tuple[int, ...]
    parameters: int
    tokens_per_parameter: float
    first_epochs: float
    base_old: Mean
    base_new: Mean
    arms: tuple[Figures, ...]
    headline: dict[str, str]
    says: tuple[str, ...]
    refused: dict[str, str]
    notes: dict[str, str]
    given: dict[str, tuple[str, ...]]
    shares: dict[str, dict[str, float]]
    gate: dict[str, Gate]
    cpu_seconds: float
    device: str
    versions: dict[str, str]
