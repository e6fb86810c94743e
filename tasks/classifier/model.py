"""A trained model: how likely texts are of its class, and what a file holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tasks import compiled, hashing, ngrams
from tasks.classifier import KERNEL
from tasks.shingles.sets import folds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Arrays = Mapping[str, NDArray[Any]]

VERSION: Final = "linear-1"
"""Names features and probabilities; with the version of n-grams it says what a model fits."""
BITS: Final = (8, 26)
WIDTHS: Final = (1, 5)
WEIGHTS: Final = "weights"
NUMBERS: Final = "numbers"
"""Of a model's arrays: one float32 a bucket; and bias, slope and offset as float64."""
WEIGHT_BYTES: Final = 4
"""Memory of a bucket in a model, and as much again in each thread that scores texts."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights of ``2**bits`` buckets of n-grams of 1 to ``width`` words.

    A text's probability is ``sigmoid(slope (weights.x + bias) + offset)``.
    """

    width: int
    bits: int
    weights: NDArray[np.float32]
    bias: float
    slope: float = 1.0
    offset: float = 0.0

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> Floats:
        """Return for each text how likely it is of the class, 0 to 1; NaN where it has no words.

        Each is a function of its own text only. Threads may share a model.
        """
        kernel = compiled.load(KERNEL)
        weights = compiled.read_only(self.weights)
        found = [
            kernel.scored(*compiled.buffers(chunk), folds(), self.width, weights, self.bias)
            for chunk in compiled.chunks(texts)
        ]
        return sigmoid(self.logits(np.concatenate([*found, np.zeros(0)])))

    def margins(self, counts: ngrams.Counts, rows: NDArray[np.int64]) -> Floats:
        """Return ``weights.x + bias`` of some rows of counts; NaN where there is no n-gram.

        ValueError for counts in more buckets than the model has.
        """
        if counts.buckets.max(initial=0) >> self.bits:
            raise ValueError(f"n-grams were counted in more than 2^{self.bits} buckets")
        weights = compiled.read_only(self.weights)
        found: Floats = compiled.load(KERNEL).margins(*counts, rows, weights, self.bias)
        return found

    def logits(self, margins: Floats) -> Floats:
        """Return margins as they are calibrated: logarithms of odds."""
        return self.slope * margins + self.offset

    def settings(self) -> dict[str, Any]:
        """Return what a file says of the model beside its arrays: plain values."""
        versions = {"version": VERSION, "ngrams": ngrams.VERSION}
        return versions | {"width": self.width, "bits": self.bits}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file holds of the model, by name."""
        numbers = np.array([self.bias, self.slope, self.offset], "<f8")
        return {WEIGHTS: self.weights.astype("<f4", copy=False), NUMBERS: numbers}

    @cached_property
    def digest(self) -> str:
        """Return the digest of settings and arrays: models that score alike have the same."""
        arrays = {name: array.tobytes().hex() for name, array in self.arrays().items()}
        return hashing.digest(self.settings(), arrays)


def sigmoid(logits: Floats) -> Floats:
    """Return the probabilities, 0 to 1, of which these are the logarithms of odds."""
    found: Floats = (1 + np.tanh(logits / 2)) / 2
    return found


def loaded(arrays: Arrays, settings: Mapping[str, Any]) -> Linear:
    """Return the model of which these are :meth:`Linear.arrays` and :meth:`Linear.settings`.

    ValueError, in a sentence, for another version, missing or further parts, other types or shapes,
    and numbers that are not finite.
    """
    _check_settings(settings)
    width, bits = settings["width"], settings["bits"]
    kinds = {WEIGHTS: (np.dtype("<f4"), (1 << bits,)), NUMBERS: (np.dtype("<f8"), (3,))}
    if set(arrays) != set(kinds):
        raise ValueError(f"The arrays are {_listed(arrays)} and not {_listed(kinds)}.")
    for name, (kind, shape) in kinds.items():
        array = arrays[name]
        if array.dtype != kind or array.shape != shape:
            got = f"{array.dtype} of shape {array.shape}"
            raise ValueError(f"The array {name} is {got} and not {kind} of shape {shape}.")
        if not np.isfinite(array).all():
            raise ValueError(f"The array {name} holds numbers that are not finite.")
    bias, slope, offset = arrays[NUMBERS].tolist()
    weights = np.ascontiguousarray(arrays[WEIGHTS], np.float32)
    return Linear(width, bits, weights, bias, slope, offset)


def _check_settings(settings: Mapping[str, Any]) -> None:
    versions = {"version": VERSION, "ngrams": ngrams.VERSION}
    numbers = {"width": WIDTHS, "bits": BITS}
    if set(settings) != versions.keys() | numbers.keys():
        wanted = _listed(versions | numbers)
        raise ValueError(f"The settings are {_listed(settings)} and not {wanted}.")
    for name, own in versions.items():
        if settings[name] != own:
            raise ValueError(f"The {name} is {settings[name]!r} and not {own!r}.")
    for name, (least, most) in numbers.items():
        value = settings[name]
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"The {name} is {value!r} and not a number from {least} to {most}.")


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
