"""From a model's file to what scores texts, by the kind of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import ConfigError
from tasks.models import classifiers, files
from tasks.ngram_lm import kenlm
from tasks.signals import lid

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from schemas.models import ScoreModel

    Score = Callable[[pa.LargeStringArray], NDArray[np.float64]]


def score(model: ScoreModel, place: str, where: str) -> Score:
    """Return what gives texts their scores. Raises :class:`ConfigError` naming ``where``."""
    if model.kind == "fasttext":
        return _fasttext(classifiers.fasttext(place, model.digest, str(model.label), where), model)
    if model.kind == "kenlm":
        return _kenlm(model, place, where)
    found = files.read(place, where)
    if found.digest != model.digest:
        raise ConfigError(
            where,
            got=f"{place}: another model than the one that this run began with",
            wanted=f"the one of the digest {model.digest}",
            way_out="Run the recipe again when nothing writes to it any more.",
        )
    scores: Score = found.probabilities if model.kind == "classifier" else found.perplexity
    return scores


def _kenlm(model: ScoreModel, place: str, where: str) -> Score:
    try:
        return kenlm.load(place, pieces=model.pieces).perplexity
    except ConfigError as error:
        raise ConfigError(
            where, got=f"{error.where}: {error.got}", wanted=error.wanted, way_out=error.way_out
        ) from error


def _fasttext(model: lid.Model, told: ScoreModel) -> Score:
    def scores(texts: pa.LargeStringArray) -> NDArray[np.float64]:
        _, found = lid.languages(texts, model, asked=told.label)
        return np.asarray(found.fill_null(float("nan")).to_numpy(zero_copy_only=False), np.float64)

    return scores
