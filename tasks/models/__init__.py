"""Models that documents are scored by: trained for a run, laid by, and at hand where it measures.

A model that a run trains lies in ``models/<name>-<key>/`` of its folder, where the key is a digest
of all that it depends on: what stands is not trained again. The folder can be taken elsewhere, and
named in another recipe.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError
from tasks import ledger, progress, storage
from tasks.hashing import digest
from tasks.models import classifiers, files, loading, ngram_lms
from tasks.models.reading import STAGE
from tasks.signals.scores import Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from schemas.config import SignalsConfig, Source
    from schemas.models import Kind, ScoreModel
    from schemas.quality import ClassifierConfig, NgramLmConfig
    from tasks.models.loading import Score
    from tasks.models.reading import Part

    Config = ClassifierConfig | NgramLmConfig

KEY_DIGITS: Final = 16
AT_HAND: Final = 64
"""Models in memory, at most: the oldest goes first."""
ROOMS: Final[dict[Kind, ModuleType]] = {"classifier": classifiers, "ngram_lm": ngram_lms}
"""Each knows how such a model is called, listed, keyed, trained, or found where it lies."""
_loading = threading.Lock()
_loaded: dict[tuple[str, ...], Score] = {}
"""What scores texts, by place, label and digest: once a process, for all its threads."""


def _configs(config: SignalsConfig) -> list[tuple[Kind, Config]]:
    found: list[tuple[Kind, Config]] = [("classifier", one) for one in config.classifiers]
    return [*found, *(("ngram_lm", one) for one in config.ngram_lms)]


def check(config: SignalsConfig) -> None:
    """Raise :class:`ConfigError` for a model that the recipe has and that cannot be had."""
    for kind, one in _configs(config):
        if one.path is not None:
            told = ROOMS[kind].given(one)
            _score(told, "", ROOMS[kind].where(one))


def sources(config: SignalsConfig) -> list[tuple[str, Source]]:
    """Return the sources that models are trained on, each with what errors call its model."""
    found = []
    for kind, one in _configs(config):
        some = [s for _, part in ROOMS[kind].texts(one) for s in part]
        found += [(ROOMS[kind].where(one), source) for source in some]
    return found


def needed(config: SignalsConfig) -> list[tuple[str, int]]:
    """Return what each model that is trained is called, and the bytes that are read for it."""
    found = []
    for kind, one in _configs(config):
        if one.path is None:
            size = sum(part.n_bytes for part in ROOMS[kind].parts(one))
            found.append((ROOMS[kind].where(one), size))
    return found


def lay_by(config: SignalsConfig, seed: int, memory_bytes: int, out: str) -> tuple[ScoreModel, ...]:
    """Train the models that are not there yet; return all of them in the recipe's order.

    Raises :class:`ConfigError` for one that does not exist or is damaged, and for training text
    that is too little, or too much for the memory.
    """
    return tuple(
        _trained(kind, one, (seed, memory_bytes), out)
        if one.path is None
        else ROOMS[kind].given(one)
        for kind, one in _configs(config)
    )


def _trained(kind: Kind, config: Config, means: tuple[int, int], out: str) -> ScoreModel:
    """Return a model of the run, trained unless it stands. ``means``: the seed, and memory."""
    room, (seed, memory_bytes) = ROOMS[kind], means
    parts: list[Part] = room.parts(config)
    key = digest(room.key(config, parts, seed))[:KEY_DIGITS]
    place = f"{ledger.MODELS}/{config.name}-{key}"
    where = room.where(config)
    standing = _standing(config, place, where, out)
    if standing is not None:
        return standing
    progress.expect(STAGE, sum(part.n_bytes for part in parts))
    made = room.train(config, parts, seed, memory_bytes, out)
    about = files.write(storage.join(out, place), kind, made)
    return files.named(about, config, place, trained=True)


def _standing(config: Config, place: str, where: str, out: str) -> ScoreModel | None:
    """Return a model that stands whole, at hand then; a damaged one is trained again."""
    try:
        about = files.about(storage.join(out, place), where)
        model = files.named(about, config, place, trained=True)
        _score(model, out, where, anew=True)
    except ConfigError:
        return None
    return model


def versions(models: Sequence[ScoreModel]) -> list[Any]:
    """Return what scores depend on."""
    return [(m.name, m.kind, m.languages, m.label, m.digest) for m in models]


def forget() -> None:
    """Have what is asked for next read again from where it lies."""
    with _loading:
        _loaded.clear()


def scorers(models: Sequence[ScoreModel], out: str) -> tuple[Scorer, ...]:
    """Return models ready to score, each loaded once a process."""
    return tuple(Scorer(m.name, m.languages, _score(m, out, f"models {m.name!r}")) for m in models)


def _score(model: ScoreModel, out: str, where: str, *, anew: bool = False) -> Score:
    """Return what scores texts; ``anew``: from where it lies, whatever is at hand."""
    place = storage.join(out, model.place) if model.trained else model.place
    known = (model.kind, place, model.label or "", model.digest)
    with _loading:
        while len(_loaded) >= AT_HAND and known not in _loaded:
            del _loaded[next(iter(_loaded))]
        if anew or known not in _loaded:
            _loaded[known] = loading.score(model, place, where)
        return _loaded[known]
