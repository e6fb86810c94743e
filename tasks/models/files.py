"""A trained model as a folder: ``model.safetensors`` and ``model.json``, written in this order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas import models as schema
from schemas.errors import ConfigError, ManifestError
from schemas.models import ModelFile, ScoreModel
from tasks import storage
from tasks.classifier import model as classifier
from tasks.ngram_lm.model import NgramModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.quality import ClassifierConfig, NgramLmConfig

    Config = ClassifierConfig | NgramLmConfig

ARRAYS, ABOUT = "model.safetensors", "model.json"
WANTED: Final = "the folder of a model as this version of openmoat trains it, whole"
WAY_OUT: Final = (
    "Take an intact copy, or train it again: name its sources in the place of its path."
)
Loading = Callable[[Mapping[str, "NDArray[Any]"], Mapping[str, Any]], Any]
LOADED: Final[dict[schema.Kind, Loading]] = {
    "classifier": classifier.loaded,
    "ngram_lm": NgramModel.of,
}


A_MODEL: Final[dict[schema.Kind, str]] = {
    "classifier": "a classifier",
    "ngram_lm": "an n-gram model",
}


class Made(NamedTuple):
    """A trained model as it is laid by: what it is, what it was trained on, what it is worth."""

    settings: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    digest: str
    read: Mapping[str, Mapping[str, schema.TrainingText]]
    told: Mapping[str, Any]


def write(folder: str, kind: schema.Kind, made: Made) -> ModelFile:
    """Lay a model by."""
    from safetensors import numpy as safetensors

    about = ModelFile(
        kind=kind,
        digest=made.digest,
        settings=dict(made.settings),
        read={part: dict(sources) for part, sources in made.read.items()},
        told=dict(made.told),
    )
    storage.write_bytes(storage.join(folder, ARRAYS), safetensors.save(dict(made.arrays)))
    storage.write_model(storage.join(folder, ABOUT), about)
    return about


def about(folder: str, where: str) -> ModelFile:
    """Return what a model's folder says of it. Raises :class:`ConfigError` naming ``where``."""
    at = storage.join(folder, ABOUT)
    if not storage.exists(folder):
        raise ConfigError(
            where,
            got=f"{folder}, where there is nothing",
            wanted="a model",
            way_out="Correct its path.",
        )
    try:
        told = storage.read_model(at, ModelFile)
    except (ManifestError, OSError) as error:
        got = getattr(error, "got", None) or getattr(error, "strerror", None) or str(error)
        raise _wrong(where, f"{at}: {got}") from error
    if told.version != schema.VERSION:
        raise _wrong(where, f"{at}: version {told.version} of such a folder")
    return told


def given(kind: schema.Kind, config: Config, where: str) -> ScoreModel:
    """Return the model whose folder a recipe names. ConfigError for none, or of another kind."""
    place = str(config.path)
    told = about(place, where)
    if told.kind != kind:
        raise ConfigError(
            where,
            got=f"{place}: {A_MODEL[told.kind]}",
            wanted=A_MODEL[kind],
            way_out=f"Name it in [[signals.{told.kind}s]].",
        )
    return named(told, config, place, trained=False)


def named(about: ModelFile, config: Config, place: str, *, trained: bool) -> ScoreModel:
    """Return a model as a run tells of it, by the name that the recipe gives it."""
    return ScoreModel(
        name=config.name,
        kind=about.kind,
        languages=config.languages,
        digest=about.digest,
        place=place,
        trained=trained,
        read=about.read,
        told=about.told,
    )


def read(folder: str, where: str) -> Any:  # noqa: ANN401  (a classifier, or an n-gram model)
    """Return the model in a folder, checked. Raises :class:`ConfigError` naming ``where``."""
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    told, at = about(folder, where), storage.join(folder, ARRAYS)
    try:
        model = LOADED[told.kind](safetensors.load(storage.read_bytes(at)), told.settings)
    except (SafetensorError, ValueError, OSError) as error:
        raise _wrong(where, f"{at}: {getattr(error, 'strerror', None) or error}") from error
    if model.digest != told.digest:
        raise _wrong(where, f"{at}: not the numbers that {ABOUT} speaks of")
    return model


def _wrong(where: str, got: str) -> ConfigError:
    return ConfigError(where, got=got, wanted=WANTED, way_out=WAY_OUT)
