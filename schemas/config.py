"""The recipe: one frozen section a stage. Field descriptions become the reference page."""

from __future__ import annotations

import difflib
import math
from typing import Self

from pydantic import Field, model_validator

from schemas.budgets import (
    BudgetConfig,
    Condition,
    MixtureConfig,
    PoolConfig,
    ScheduleConfig,
)
from schemas.dedup import DedupConfig
from schemas.evals import DecontaminateConfig
from schemas.masking import MaskingConfig
from schemas.measuring import SignalsConfig
from schemas.quality import PREFIX
from schemas.recipe import Section, Share, is_absent, wrong
from schemas.replay import BY_SHARES, ReplayConfig, TargetConfig
from schemas.rule_sets import GopherThresholds
from schemas.selection import SelectConfig
from schemas.sources import PYTHON_FORMATS, Format, Sample, Source
from schemas.tokenizer import TokenizerConfig

__all__ = [
    "PYTHON_FORMATS",
    "BudgetConfig",
    "Condition",
    "CorpusConfig",
    "DecidingConfig",
    "DecontaminateConfig",
    "DedupConfig",
    "Format",
    "GopherThresholds",
    "IngestConfig",
    "MaskingConfig",
    "MixtureConfig",
    "PoolConfig",
    "ReplayConfig",
    "RunConfig",
    "Sample",
    "ScheduleConfig",
    "Section",
    "SelectConfig",
    "Share",
    "SignalsConfig",
    "Source",
    "TargetConfig",
    "TokenizerConfig",
]

SHARE_SLACK = 1e-6
"""How far from 1 a sum of written-down shares may be: thirds are rounded."""
LEAST_PART = 0.2
"""Part of the pool that a source has at least, where nothing is known of its share: the largest of
many sources may have a third of the tokens, and a third of a source's pool is drawn at most."""


class IngestConfig(Section):
    """Sources and how their files become documents."""

    sources: tuple[Source, ...] = Field(
        min_length=1, strict=False, description="The sources, in any order."
    )
    max_reject_share: Share = Field(
        default=0.25,
        description="A run stops (exit 3) when more than this share of a source's records cannot "
        "be read. Up to it, bad records land in `rejects` and the run goes on.",
    )
    unit_mb: float = Field(
        default=1.0,
        gt=0,
        description="Small files are read together until they hold about this many megabytes "
        "(10^6 bytes); a larger file is a unit of its own. One unit is one task and one shard.",
    )
    split_mb: float = Field(
        default=256.0,
        gt=0,
        description="A local file of more megabytes (10^6 bytes) is split among workers where its "
        "format allows it: Parquet between row groups, JSON lines that are not compressed between "
        "lines.",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [s.name for s in self.sources]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise wrong(
                "sources",
                got=f"two called {twice[0]!r}",
                wanted="a name for each",
                way_out="Rename one of them; to read two places as one source, list both in url.",
            )
        return self


class CorpusConfig(Section):
    """The cleaned corpus as files of its own."""

    materialize: bool = Field(
        default=False,
        description="Write kept documents to `corpus/`. A mixture does not need it: the flows "
        "hand over decisions, and text is written once, in the mixture.",
    )


class DecidingConfig(Section):
    """What decisions rest on: four sections, the seed, and each source's origin."""

    signals: SignalsConfig
    tokenizer: TokenizerConfig | None
    decontaminate: DecontaminateConfig | None = Field(default=None, exclude_if=is_absent)
    dedup: DedupConfig
    select: SelectConfig
    seed: int
    origins: dict[str, str]


class RunConfig(Section):
    """A whole recipe."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name of the run.")
    description: str = Field(default="", description="One sentence for the report and data card.")
    seed: int = Field(
        default=0, ge=0, le=2**63 - 1, description="Seed of every random choice in the run."
    )
    ingest: IngestConfig
    signals: SignalsConfig = Field(default_factory=SignalsConfig)
    decontaminate: DecontaminateConfig | None = Field(default=None, exclude_if=is_absent)
    dedup: DedupConfig = Field(default_factory=DedupConfig)
    select: SelectConfig = Field(default_factory=SelectConfig)
    masking: MaskingConfig | None = Field(default=None, exclude_if=is_absent)
    corpus: CorpusConfig = Field(default_factory=CorpusConfig)
    tokenizer: TokenizerConfig | None = None
    replay: ReplayConfig | None = None
    mixture: MixtureConfig | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """Names of the sources of new data."""
        return tuple(s.name for s in self.ingest.sources if s.origin == "new")

    @property
    def old(self) -> tuple[str, ...]:
        """Names of the sources of old data."""
        return tuple(s.name for s in self.ingest.sources if s.origin == "replay")

    def deciding(self) -> DecidingConfig:
        """The part that decisions rest on."""
        origins: dict[str, str] = {s.name: s.origin for s in self.ingest.sources}
        return DecidingConfig(
            signals=self.signals,
            tokenizer=self.tokenizer if self.tokenizer and self.tokenizer.path else None,
            decontaminate=self.decontaminate or self._reporting(),
            dedup=self.dedup,
            select=self.select,
            seed=self.seed,
            origins=origins,
        )

    def _reporting(self) -> DecontaminateConfig | None:
        """What is done about evaluation sets where the recipe does not say."""
        return DecontaminateConfig(action="report") if self.signals.evals else None

    def budget(self) -> BudgetConfig:
        """The part that budgets rest on."""
        return BudgetConfig(
            replay=self.replay,
            mixture=self.mixture,
            new=self.new,
            valid_share=self.select.valid_share,
            seed=self.seed,
            masking=self.masking,
            conditions=self._conditions(),
            chat_template=self.tokenizer.chat_template if self.tokenizer else None,
        )

    def _conditions(self) -> dict[str, Condition]:
        """Classes and weights of the sources that say any."""
        said = list(Condition.model_fields)
        given = {s.name: {n: getattr(s, n) for n in said} for s in self.ingest.sources}
        given = {s: {n: v for n, v in own.items() if v is not None} for s, own in given.items()}
        return {source: Condition(**own) for source, own in given.items() if own}

    def pool(self) -> PoolConfig | None:
        """What bounds the replay sources that are read; None where all of them are."""
        replay, mixture = self.replay, self.mixture
        if replay is None or self.corpus.materialize:
            return None
        if mixture is None and replay.target_tokens is None:
            return None
        share = 0.0 if mixture is None else mixture.replay_share
        again = 1.0 if mixture is None else mixture.epochs / mixture.replay_epochs
        tokens = replay.target_tokens
        if tokens is None and mixture is not None and mixture.total_tokens is not None:
            tokens = math.ceil(mixture.total_tokens * share / mixture.replay_epochs)
        return PoolConfig(
            factor=replay.pool_factor,
            shares=replay.shares or self._parts(replay),
            replay_tokens=tokens,
            replay_per_new=again * share / (1.0 - share),
            valid_per_new=self.select.valid_share,
        )

    def _parts(self, replay: ReplayConfig) -> dict[str, float]:
        """What part of the pool each source is, where shares are not known before it is read."""
        sources = replay.pool(self.old)
        return dict.fromkeys(sources, max(1 / max(1, len(sources)), LEAST_PART))

    def _check_replay(self, replay: ReplayConfig, known: list[str] | None) -> None:
        for name in replay.generated if known is not None else ():
            _check_name(name, known or [], key="replay.generated", kind="replay source")
        if replay.shares or (replay.arm in BY_SHARES and replay.target is None):
            _check_shares(replay.shares, known)

    def _check_sources(self, known: list[str]) -> None:
        overridden = [name for override in self.select.overrides for name in override.sources]
        for key, named in (
            ("select.exempt", self.select.exempt),
            ("select.overrides.sources", overridden),
            ("dedup.source_priority", self.dedup.source_priority),
            ("dedup.whole", self.dedup.whole),
            ("decontaminate.exempt", self.decontaminate.exempt if self.decontaminate else ()),
            ("masking.exempt", self.masking.exempt if self.masking else ()),
        ):
            for name in named:
                _check_name(name, known, key=key, kind="source")

    def _check_scores(self) -> None:
        """Rules are about scores of models that there are, and of the right kind."""
        ngram_lms = [one.name for one in self.signals.ngram_lms]
        models = list(self.signals.scores())
        for rule in self.select.scores:
            _check_name(rule.name, models, key="select.scores", kind="model")
        for parts in self.select.perplexity:
            _check_name(parts.name, ngram_lms, key="select.perplexity", kind="language model")
        quality = self.dedup.quality_signal or ""
        if quality.startswith(PREFIX):
            _check_name(quality.removeprefix(PREFIX), models, key="dedup.quality", kind="model")

    def _check_messages(self) -> None:
        """Turns are counted as they will be rendered."""
        own = self.mixture is not None and self.mixture.format == "messages"
        if own and self.tokenizer is not None and self.tokenizer.chat_template is None:
            raise wrong(
                "tokenizer.chat_template",
                got='nothing, with mixture.format = "messages"',
                wanted="how conversations become text, so that their tokens can be counted",
                way_out='Name one, such as chat_template = "chatml" or "model".',
            )

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        names = {
            o: [s.name for s in self.ingest.sources if s.origin == o] for o in ("replay", "new")
        }
        # Where records name their source themselves, only the run can tell which ones there are.
        open_ended = {s.origin for s in self.ingest.sources if s.source_field}
        if not open_ended:
            self._check_sources(names["replay"] + names["new"])
        if self.decontaminate is not None and not self.signals.evals:
            raise wrong(
                "decontaminate",
                got="the section without evaluation sets",
                wanted="[[signals.evals]]: the sets whose items must not be trained on",
                way_out="Add one with name, url and fields, or remove [decontaminate].",
            )
        if self.dedup.near and not self.signals.minhash:
            raise wrong(
                "signals.minhash",
                got="false, with dedup.near = true",
                wanted="MinHash, which near-duplicates are found by",
                way_out="Remove minhash = false, or set near = false in [dedup].",
            )
        self._check_scores()
        for rule in self.select.attributes:
            _check_attribute(rule.name, [a for s in self.ingest.sources for a in s.attributes])
        if self.replay is not None:
            known = None if "replay" in open_ended else names["replay"]
            self._check_replay(self.replay, known)
        if (self.replay or self.mixture) and self.tokenizer is None:
            raise wrong(
                "tokenizer",
                got="nothing",
                wanted="one, because budgets are counted in tokens",
                way_out='Add [tokenizer] with path = "…/tokenizer.json" of the model you train.',
            )
        self._check_messages()
        if self.mixture is not None and not names["new"]:
            raise wrong(
                "ingest.sources",
                got="old data only",
                wanted="a source of new data to mix with the replay",
                way_out='Write origin = "new" into its [[ingest.sources]], or remove [mixture].',
            )
        if self.mixture is not None and self.mixture.replay_share > 0 and self.replay is None:
            raise wrong(
                "replay",
                got="nothing",
                wanted=f"what to draw for mixture.replay_share = {self.mixture.replay_share:g}",
                way_out="Add [replay] with the shares of its sources, or set replay_share = 0.",
            )
        return self


def _check_name(name: str, known: list[str], *, key: str, kind: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise wrong(
        key,
        got=f"{name!r}, which no {kind} is called",
        wanted=f"one of {', '.join(map(repr, known))}" if known else f"a {kind} of that name",
        way_out=f"Did you mean {near[0]!r}?" if near else f"Add the {kind}, or remove the name.",
    )


def _check_attribute(name: str, folders: list[str]) -> None:
    if any(name == folder or name.startswith(f"{folder}.") for folder in folders):
        return
    raise wrong(
        "select.attributes",
        got=f"a rule about {name!r}",
        wanted="the name of a folder that a source has in its attributes, a dot, and the attribute",
        way_out=f"The folders are {', '.join(map(repr, folders))}."
        if folders
        else 'Add attributes = ["…"] to the source that it came with.',
    )


def _check_shares(shares: dict[str, float], replay: list[str] | None) -> None:
    for name in shares:
        if replay is not None:
            _check_name(name, replay, key="replay.shares", kind="replay source")
    total = math.fsum(shares.values())
    if abs(total - 1.0) > SHARE_SLACK:
        raise wrong(
            "replay.shares",
            got=f"shares that sum to {total:.10g}" if shares else "none",
            wanted="shares that sum to 1" if not shares else "1",
            way_out="Give each replay source its share of the tokens, or name a published mixture "
            "with `like`."
            if not shares
            else "Change them so that they do.",
        )
