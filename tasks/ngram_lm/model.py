"""An n-gram model as arrays that a kernel can trust, and what texts have in nats under it."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xxhash

from tasks import compiled, hashing
from tasks.ngram_lm import MOST, Settings
from tasks.shingles.sets import folds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Logs = NDArray[np.float32]
    Arrays = Mapping[str, NDArray[Any]]

KERNEL: Final = "tasks.ngram_lm.kernel"
VERSION: Final = "kneser-ney-1"
"""Names words, n-grams and what their logs are: models of another one say something else."""
SLOT: Final = np.dtype([("key", "u8"), ("number", "i4"), ("log", "f4")])
PLACES: Final = 8, 5
"""Places of a table for each n-gram, as a fraction: 26 bytes of memory while texts are scored."""
LOW_32: Final = np.uint64(0xFFFFFFFF)
HALF: Final = np.uint64(32)

_laying_out = threading.Lock()


@dataclass(frozen=True, eq=False)
class NgramModel:
    """A model: words, n-grams by level, and logs, all natural.

    - ``words``: hashes (:func:`tasks.shingles.token_hash`) in order. A word's number is its place;
      that of the mark before a text follows.
    - ``keys``, from level 2 on: the number of the n-gram without its last word, at the level below,
      in the upper 32 bits; the number of the last word in the lower ones; in order. An n-gram's
      number is its place.
    - ``logs``, from level 1 on: of the probability of each n-gram's last word behind the others.
    - ``back_offs``, from level 0 to the last but one: of each context's weight, 0 where nothing
      that follows it is kept.

    Made by :meth:`of`, which checks, or by :mod:`tasks.ngram_lm.training`. Threads may share one.
    """

    settings: Settings
    words: Keys
    keys: tuple[Keys, ...]
    logs: tuple[Logs, ...]
    back_offs: tuple[Logs, ...]

    @classmethod
    def of(cls, arrays: Arrays, settings: Mapping[str, Any]) -> NgramModel:
        """Make a model of what :meth:`arrays` and :meth:`about` gave, such as a file's.

        Raises ValueError with a sentence for whatever is not a whole model.
        """
        version = settings.get("version")
        if version != VERSION:
            raise ValueError(f"the version is {version!r}, not {VERSION!r}")
        chosen = Settings.of({name: settings[name] for name in settings if name != "version"})
        if sorted(arrays) != sorted(names := _names(chosen.order)):
            raise ValueError(f"the arrays are {sorted(arrays)}, not {sorted(names)}")
        for name in names:
            _check_kind(name, arrays[name])
        made = cls(
            chosen,
            arrays["words"],
            tuple(arrays[name] for name in names if name.startswith("keys")),
            tuple(arrays[name] for name in names if name.startswith("log_probabilities")),
            tuple(arrays[name] for name in names if name.startswith("log_back_offs")),
        )
        _check(made)
        return made

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return self.settings.order

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many n-grams there are of each length."""
        return tuple(len(level) for level in (self.words, *self.keys))

    @property
    def unseen(self) -> float:
        """Log probability of a word that was never seen, without a context."""
        return float(self.back_offs[0][0]) - float(np.log(self.settings.vocabulary_words))

    def about(self) -> dict[str, Any]:
        """Return the settings and the version, plain values that stand beside the arrays."""
        return {"version": VERSION, **asdict(self.settings)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name: with the settings they are the whole model."""
        every: list[NDArray[Any]] = [self.words, *self.keys, *self.logs, *self.back_offs]
        return dict(zip(_names(self.order), every, strict=True))

    @cached_property
    def digest(self) -> str:
        """Hex xxh3_128 of arrays and settings, whatever the file they were in."""
        bodies = {
            name: xxhash.xxh3_128_hexdigest(np.ascontiguousarray(array).data)
            for name, array in self.arrays().items()
        }
        return hashing.digest(self.about(), bodies)

    def cross_entropy(
        self, texts: pa.Array | pa.ChunkedArray
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the nats and the words of each text of a column (large_string)."""
        kernel = compiled.load(KERNEL)
        with _laying_out:  # or each of many threads would make tables of its own at first
            laid_out = self._laid_out
        parts = [
            kernel.cross_entropy(*compiled.buffers(chunk), folds(), *laid_out)
            for chunk in compiled.chunks(texts)
        ]
        if not parts:
            return np.zeros(0), np.zeros(0, np.int64)
        nats, n_words = (np.concatenate(column) for column in zip(*parts, strict=True))
        return nats, n_words

    def perplexity(self, texts: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
        """Return the perplexity of each text, NaN where it has no words."""
        return perplexity(*self.cross_entropy(texts))

    @cached_property
    def _laid_out(self) -> tuple[Any, ...]:
        """What the kernel reads, made when first asked for."""
        many, few = PLACES
        places = (n * many // few + 1 for n in self.sizes)
        firsts = np.array([*accumulate(places, initial=0)], np.int64)
        table = np.zeros(firsts[-1], SLOT)
        fill = compiled.load(KERNEL).fill
        for n, keys in enumerate((self.words, *self.keys)):
            part = table[firsts[n] : firsts[n + 1]]
            fill(part, compiled.read_only(keys), self._numbers(n), compiled.read_only(self.logs[n]))
        contexts = self.back_offs[1:]
        begins = np.array([*accumulate(map(len, contexts), initial=0)], np.int64)
        weights = np.concatenate([np.zeros(0, np.float32), *contexts])
        rest = (weights, begins, self.unseen, len(self.words))
        return compiled.read_only(table), firsts, rest

    def _numbers(self, n: int) -> NDArray[np.int32]:
        """Return the numbers of the n-grams after ``n`` levels, -1 where nothing would follow."""
        if n == 0:
            return np.arange(len(self.words), dtype=np.int32)
        if n == self.order - 1:
            return np.full(len(self.keys[n - 1]), -1, np.int32)
        goes_on = self.back_offs[n + 1] != 0
        goes_on[(self.keys[n] >> HALF).astype(np.int64)] = True
        return np.where(goes_on, np.arange(len(goes_on), dtype=np.int32), np.int32(-1))


def perplexity(nats: NDArray[np.float64], n_words: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return e to the power of nats a word, NaN where there are no words."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = np.exp(nats / np.where(n_words, n_words, np.nan))
    return found


def _names(order: int) -> list[str]:
    """Return the names of the arrays of a model, in the order of its fields."""
    return [
        "words",
        *(f"keys_{n}" for n in range(2, order + 1)),
        *(f"log_probabilities_{n}" for n in range(1, order + 1)),
        *(f"log_back_offs_{n}" for n in range(order)),
    ]


def _check_kind(name: str, array: NDArray[Any]) -> None:
    """Refuse an array of another type or shape, and logs that are none of a probability."""
    wanted = np.dtype(np.float32 if name.startswith("log") else np.uint64)
    if array.dtype != wanted or array.ndim != 1 or not array.flags.c_contiguous:
        got = f"{array.dtype} of {array.ndim} dimensions"
        raise ValueError(f"{name} is {got}, not {wanted} in one row")
    if len(array) > MOST:
        raise ValueError(f"{name} has {len(array):,} numbers, and at most {MOST:,} are known")
    if wanted == np.float32:
        if not np.all(np.isfinite(array) & (array <= 0)):
            raise ValueError(f"{name} has a number that is not the log of a probability")
    elif not np.all(array[1:] > array[:-1]):
        raise ValueError(f"{name} is not in order")


def _check(model: NgramModel) -> None:
    """Refuse lengths that do not fit, and numbers of n-grams and words that do not exist."""
    n_words, sizes = len(model.words), model.sizes
    if n_words > model.settings.vocabulary_words:
        most = model.settings.vocabulary_words
        raise ValueError(f"there are {n_words:,} words, of a vocabulary of {most:,}")
    contexts = [1, n_words + 1, *sizes[1:-1]][: model.order]
    for n, (logs, size) in enumerate(zip(model.logs, sizes, strict=True), start=1):
        if len(logs) != size:
            raise ValueError(f"log_probabilities_{n} has {len(logs)} numbers, not {size}")
    for n, (logs, size) in enumerate(zip(model.back_offs, contexts, strict=True)):
        if len(logs) != size:
            raise ValueError(f"log_back_offs_{n} has {len(logs)} numbers, not {size}")
    for n, (keys, size) in enumerate(zip(model.keys, contexts[1:], strict=True), start=2):
        if len(keys) and int(keys[-1] >> HALF) >= size:
            raise ValueError(f"keys_{n} names an n-gram that level {n - 1} does not have")
        if len(keys) and int((keys & LOW_32).max()) >= n_words:
            raise ValueError(f"keys_{n} names a word that is none of the model's")
