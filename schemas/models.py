"""Models that documents are scored by: what is laid by of them, and what a manifest says."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from schemas.manifest import Frozen

VERSION: Final = 1
"""Of a model's folder; that of the model itself stands in its settings."""
Kind = Literal["classifier", "ngram_lm"]


class TrainingText(Frozen):
    """What was read of a source that a model is trained on.

    ``repeated`` documents have a text that was read before, and are not learned from.
    """

    documents: int = 0
    text_bytes: int = 0
    repeated: int = 0
    rejects: int = 0


class ModelFile(Frozen):
    """``model.json``: what ``model.safetensors`` beside it is. The last to be written.

    ``digest`` is of settings and arrays; ``read`` what it was trained on, by part (``positive``,
    ``negative``, ``pool``, ``sources``) and source; ``told`` what held-out text says of it.
    """

    version: int = VERSION
    kind: Kind
    digest: str
    settings: dict[str, Any]
    read: dict[str, dict[str, TrainingText]]
    told: dict[str, Any]


class ScoreModel(Frozen):
    """A model of a run: among the details of its signals.

    ``place`` is a folder in the run's where the model was trained for it, else that of the recipe.
    """

    name: str
    kind: Literal["classifier", "ngram_lm", "fasttext", "kenlm"]
    languages: tuple[str, ...] = ()
    label: str | None = None
    pieces: str | None = None
    digest: str
    place: str
    trained: bool
    read: dict[str, dict[str, TrainingText]] = Field(default_factory=dict)
    told: dict[str, Any] = Field(default_factory=dict)
