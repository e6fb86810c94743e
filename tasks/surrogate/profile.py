"""The profile of a run's target: what a shard was drawn by, each part with how it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from schemas import columns as c
from tasks.replay import profiles
from tasks.replay.profiles import About, Rows
from tasks.replay.sides import Strata
from tasks.signals.language import language
from tasks.surrogate import splits

if TYPE_CHECKING:
    from schemas.config import SignalsConfig
    from schemas.profile import Profile
    from schemas.replay import ReplayConfig
    from tasks.replay.sides import Ints
    from tasks.surrogate.drawing import Kinds
    from tasks.surrogate.target import Own


def of_shares(config: ReplayConfig) -> Profile | None:
    """Return what is known where there is no text: published shares, inferred ones, or nothing.

    A recipe's own shares do not say where they are from.
    """
    if config.like is not None:
        return profiles.of_published(config.like)
    if config.target is not None and config.target.shares_file is not None:
        found = splits.inferred(config.target)
        widths = {name: width for name, width in found.widths().items() if width is not None}
        shares = found.shares()
        return profiles.of_shares(
            shares,
            provenance="inferred",
            basis=f"the merges of {found.tokenizer}: {found.says}",
            widths=widths if len(widths) == len(shares) else None,
        )
    return None


def of_text(
    own: Own,
    *,
    tokens: Ints,
    kinds: Kinds | None,
    signals: SignalsConfig,
) -> Profile:
    """Return what was counted of the part of the target that drawing goes by."""
    config, read, guide = own
    rows = Rows(
        characters=pc.utf8_length(guide.texts).to_numpy().astype(np.int64),
        tokens=tokens,
        documents=guide.documents,
        counts=guide.counts,
        langs=language(guide.texts, signals)[c.LANG].to_list(),
    )
    basis = f"{read.read['guide']:,} texts of {', '.join(map(_name, config.text))} ({read.digest})"
    unit = "document" if guide.whole else "passage"
    about = About(f"the {config.by} of the recipe", basis, unit, config.kind)
    strata = None
    if kinds is not None and kinds.names is None and kinds.target is not None:
        strata = Strata(np.zeros(0, np.int64), kinds.shares, kinds.target)
    found = profiles.of_sample(rows, about, strata=strata)
    if kinds is None or kinds.names is None:
        return found
    told = f"a classifier of the pool's sources, right about {kinds.accuracy or 0:.0%} of passages"
    shares = dict(zip(kinds.names, kinds.shares.tolist(), strict=True))
    sources = profiles.of_shares(shares, provenance="inferred", basis=told).sources
    return found.model_copy(update={"sources": sources})


def _name(place: str) -> str:
    """How a place is called without the folders that it lies in."""
    return place.rstrip("/").rpartition("/")[2] or place
