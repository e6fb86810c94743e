"""A shard drawn by text, training and held-out rows: kinds, arms, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError, ConfigError, ManifestError
from schemas.inferred import InferredMixture
from tasks import draws, storage
from tasks.replay import selection
from tasks.replay.selection import Given, Report, Settings
from tasks.replay.sides import effective
from tasks.select import TRAIN, VALID
from tasks.surrogate import drawing
from tasks.surrogate.target import WHERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.replay import ReplayConfig, TargetConfig
    from tasks.surrogate.drawing import Count, Drawn, Kinds
    from tasks.surrogate.pool import Pool
    from tasks.surrogate.target import Guide

ARMS: Final = {"self": selection.RANDOM, "original": selection.SHARES}
"""Arms of the recipe whose draw has another name."""


class Asked(NamedTuple):
    """What is to be drawn: tokens of each split, and by which seed."""

    config: ReplayConfig
    tokens: Mapping[str, int]
    seed: int


class Drawing:
    """Draws by what is known of target and pool; made once for both splits."""

    def __init__(
        self, asked: Asked, pools: Mapping[str, Pool], guide: Guide | None, count: Count
    ) -> None:
        self._asked, self._pools, self._count = asked, pools, count
        _check_pool(asked, pools[TRAIN], guide)
        self._by = drawing.sized(pools[TRAIN], count, seed=asked.seed)
        self._sides = {split: drawing.side(pool, self._by) for split, pool in pools.items()}
        self._target = None if guide is None else drawing.guided(guide, self._by)
        self.kinds = self._kinds()

    def _kinds(self) -> Kinds | None:
        config, pool, own = self._asked.config, self._pools[TRAIN], self._sides[TRAIN]
        if config.arm in {"random", "self"}:
            return None
        if self._target is None:
            return drawing.kinds_of_shares(shares(config))
        if config.strata == "clusters":
            return drawing.kinds_by_cluster(self._target, own, seed=self._asked.seed)
        by_source = drawing.kinds_by_source
        if config.target is not None and config.target.generations:
            by_source = drawing.kinds_of_generations
        return by_source(self._target, pool, own, seed=self._asked.seed)

    @property
    def pool(self) -> pl.DataFrame:
        """Places that training rows are drawn from, with estimated ``tokens``."""
        tokens = pl.Series(c.TOKENS, self._sides[TRAIN].tokens)
        return self._pools[TRAIN].places.with_columns(tokens)

    def draw(self, split: str, arm: str | None = None) -> Drawn:
        """Draw a split; ``arm`` is the recipe's, or another one for comparison."""
        pool, own, config = self._pools[split], self._sides[split], self._asked.config
        arm = arm or ARMS.get(config.arm, config.arm)
        budget, given = self._asked.tokens[split], Given()
        settings = Settings(seed=self._asked.seed)
        if arm != selection.RANDOM:
            kinds = drawing.strata_of(self.kinds, pool, own, budget=budget)
            given = Given(self._target, kinds)
        if self.kinds is not None:
            settings = settings._replace(clamp=self.kinds.clamp)
        return drawing.draw(
            pool, own, given, arm=arm, budget=budget, settings=settings,
            count=self._count,
        )  # fmt: skip

    def both(self) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Draw both splits; return the rows, training first, and what a manifest says of them.

        Raises :class:`BudgetError` where the pool is short of training tokens. Of held-out ones it
        gives as far as it goes.
        """
        parts, reports = [], dict[str, Report]()
        for split in (TRAIN, VALID):
            if not self._asked.tokens[split]:
                continue
            try:
                found = self.draw(split)
            except BudgetError:  # there is nothing of what is wanted
                if split == TRAIN:
                    raise
                continue
            if split == TRAIN:
                other = 0.0 if self.kinds is None else self.kinds.other
                drawing.check(found.report, other=other)
            parts.append(found.places)
            reports[split] = found.report
        empty = self._pools[TRAIN].places.clear().with_columns(pl.lit(0).alias(c.TOKENS))
        drawn = pl.concat([empty, *parts], how="vertical_relaxed")
        return drawn, self._details(drawn, reports)

    def _details(self, drawn: pl.DataFrame, reports: Mapping[str, Report]) -> dict[str, Any]:
        config, kinds = self._asked.config, self.kinds
        told: dict[str, Any] = {
            "targets": dict(self._asked.tokens),
            "arm": config.arm,
            "unit": config.drawn_by,
            "strata": None if kinds is None else "sources" if kinds.names else "clusters",
            "pool": {split: self._of_pool(split) for split in self._pools},
            "draws": {split: _told(report) for split, report in reports.items()},
            "sources": achieved(drawn, self._shares(), self._asked.tokens[TRAIN]),
        }
        if kinds is not None and kinds.accuracy is not None:
            told |= {"accuracy": kinds.accuracy, "other": kinds.other}
        return told

    def _shares(self) -> dict[str, float | None]:
        """Return the shares of sources, to six digits; None of each where kinds are others.

        A share that is not 0 stays so: what is drawn by it has to have one.
        """
        if self.kinds is None or self.kinds.names is None:
            return dict.fromkeys(sorted(self._pools[TRAIN].places[c.SOURCE].unique()))
        shares = [float(f"{share:.6g}") for share in self.kinds.shares.tolist()]
        return dict(zip(self.kinds.names, shares, strict=True))

    def _of_pool(self, split: str) -> dict[str, Any]:
        side = self._sides[split]
        return {
            "units": side.size,
            "documents": len(set(side.documents.tolist())),
            "tokens_estimated": int(side.tokens.sum()),
            "n_eff": round(effective(side.documents, side.tokens), 1),
        }


def _check_pool(asked: Asked, pool: Pool, guide: Guide | None) -> None:
    if pool.places.height or not (asked.tokens[TRAIN] or guide):
        return
    raise BudgetError(
        "replay",
        got=f"nothing that the arm {asked.config.arm!r} may draw from, after dedup and selection",
        wanted=f"text of replay sources for {asked.tokens[TRAIN]:,} tokens",
        way_out="Add replay sources; `openmoat inspect` shows why documents were dropped.",
    )


def shares(config: ReplayConfig) -> dict[str, float]:
    """Return shares that are given: the recipe's, or those of the file that it names.

    Raises :class:`ConfigError` for a file that is none of `openmoat infer-mixture`, or has none.
    """
    if config.target is None:
        return config.shares
    return inferred(config.target).shares(where=f"{WHERE}.shares_file")


def inferred(target: TargetConfig) -> InferredMixture:
    """Read what `openmoat infer-mixture` wrote. Raises :class:`ConfigError`."""
    at = str(target.shares_file)
    try:
        return storage.read_model(at, InferredMixture)
    except ManifestError as error:
        raise ConfigError(
            f"{WHERE}.shares_file",
            got=f"{at}: {error.got}",
            wanted="what `openmoat infer-mixture --out` wrote",
            way_out="Infer it again, or give a sample or generations.",
        ) from error


def check_sources(found: Mapping[str, float], sources: Sequence[str], config: ReplayConfig) -> None:
    """Refuse shares for sources that there are not, and of sources that have nothing."""
    where, way_out = (
        f"{WHERE}.shares_file",
        "Call the recipe's sources as the candidates were called",
    )
    if config.target is None:
        where, way_out = "replay.shares", "Correct its name, or add documents to it"
    for name, share in found.items():
        if share > 0 and name not in sources:
            raise ConfigError(
                where,
                got=f"a share of {share:.1%} for {name!r}",
                wanted=f"replay sources that have kept documents: {', '.join(sources) or 'none'}",
                way_out=f"{way_out}; `openmoat inspect` shows why documents were dropped.",
            )


def achieved(
    drawn: pl.DataFrame, shares: Mapping[str, float | None], target: int
) -> dict[str, dict[str, Any]]:
    """For each source: its share if it was known, training tokens, documents, held-out ones."""
    outcome: dict[str, dict[str, Any]] = {}
    for source in sorted({*shares, *drawn[c.SOURCE].unique()}):
        own = drawn.filter(pl.col(c.SOURCE) == source)
        share = shares.get(source)
        outcome[source] = {
            "share": share,
            "asked_tokens": None if share is None else round(share * target),
            "rows": own.filter(pl.col(c.SPLIT) == TRAIN).height,
            **draws.of_source(own),
        }
    return outcome


def _told(report: Report) -> dict[str, Any]:
    """What a report says in single numbers."""
    names = ("budget", "tokens", "passages", "short", "n_eff", "uncovered", "clamp")
    told = {name: getattr(report, name) for name in names}
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in told.items()}
