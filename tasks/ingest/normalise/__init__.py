"""The form every text has from the first table on, and what a source asks for beyond it."""

from tasks.ingest.normalise.texts import (
    MAX_ROUNDS,
    Normalised,
    NormalisedTexts,
    changes_json,
    normalise,
    normalise_texts,
)

__all__ = [
    "MAX_ROUNDS",
    "Normalised",
    "NormalisedTexts",
    "changes_json",
    "normalise",
    "normalise_texts",
]
