"""How surprising a text is to somebody who has read others: an n-gram language model of words.

**Word**: that of :mod:`tasks.shingles`; case, white space and punctuation do not count. A document
is one row of words, whatever its lines, with a mark before the first (:data:`BEGIN`) that is part
of a context and never predicted. Nothing stands for the end.

**Estimate**: interpolated modified Kneser-Ney (Chen and Goodman 1998, TR-10-98, section 4.2), with
counts and pruning as in Heafield et al. 2013 (ACL, "Scalable Modified Kneser-Ney"; KenLM's lmplz).

- The *count* of an n-gram of the highest order, or of one that begins with the mark, is how often
  it occurs; of any other, how many different words (the mark is one) stand before it somewhere.
- The *discounts* of an order: with n_k n-grams of count k and ``Y = n_1 / (n_1 + 2 n_2)``,
  ``D_k = k - (k + 1) Y n_(k+1) / n_k`` for k = 1, 2 and 3, the last for all counts from 3 on; where
  one of the three is not between 0 and k (few texts, or made-up ones), all are :data:`FALLBACK`.
- ``p(w | c) = (count(c w) - D) / total(c) + b(c) p(w | c without its first word)``, where
  ``total(c)`` is the sum of the counts of all n-grams ``c w``, and ``b(c)``, the *back-off weight*,
  is what the discounts took: all adds up to 1. A context that never occurs has b = 1.
- Below the words stands an even chance, ``1 / vocabulary_words`` for each. The number is a setting
  and not that of the words seen: so models of different texts can be compared, and each word that
  was not seen has ``b() / vocabulary_words``.
- *Pruning*: an n-gram of ``prune_from`` words or more that occurs less than ``min_count`` times is
  left out, and its whole count goes to the back-off weight. Counts and discounts are of all.

**Cross-entropy** of a text: the sum of ``-ln p`` of its words, in nats, each after the words before
it, as many as the order has room for. **Perplexity**: e to the power of its mean over the words.

Defined here in plain Python. What runs is :mod:`tasks.ngram_lm.training_kernel`, which makes models
(:mod:`tasks.ngram_lm.training`), and :mod:`tasks.ngram_lm.kernel`, which scores by them
(:mod:`tasks.ngram_lm.model`). Models of KenLM's: :mod:`tasks.ngram_lm.kenlm`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tasks.shingles import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Gram = tuple[bytes, ...]

BEGIN: Final = b""
FALLBACK: Final = (0.5, 1.0, 1.5)
"""What lmplz takes with ``--discount_fallback``."""
HIGHEST_ORDER: Final = 8
MOST: Final = 2**31 - 2
"""Words to learn from with their documents, and so n-grams of a length: they have numbers of 32
bits."""
MARK: Final = 2**32 - 1
"""The number of what stands before a document, behind those of all words."""


@dataclass(frozen=True)
class Settings:
    """What a model is made by. Raises ValueError for what no model can have."""

    order: int = 3
    """Words of the longest n-grams: 1 to :data:`HIGHEST_ORDER`."""
    vocabulary_words: int = 2**22
    """Words that there are, seen or not: at least as many as are seen. A gigabyte of web text has
    two or three million. Models that are compared need the same number."""
    min_count: int = 1
    """Longer n-grams that occur less often are left out; 1 keeps all."""
    prune_from: int = 3
    """Words of the shortest n-grams that may be left out: 2 or more."""

    def __post_init__(self) -> None:
        ranges = {
            "order": (1, HIGHEST_ORDER),
            "vocabulary_words": (1, MOST),
            "min_count": (1, MOST),
            "prune_from": (2, HIGHEST_ORDER + 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r}, not a whole number from {least} to {most}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Make settings of values by name, such as a file has. All must be there, and no other."""
        wanted = sorted(cls.__dataclass_fields__)
        if sorted(values) != wanted:
            raise ValueError(f"the settings are {sorted(values)}, not {wanted}")
        return cls(**values)


@dataclass(frozen=True)
class Estimate:
    """Probabilities of n-grams that are kept, of a word that was never seen, and of back-off."""

    settings: Settings
    probabilities: dict[Gram, float]
    unseen: float
    back_offs: dict[Gram, float]

    def probability(self, word: bytes, context: Gram) -> float:
        """Return the probability of a word after others, of which the last ones count."""
        context = context[max(0, len(context) - self.settings.order + 1) :]
        if (*context, word) in self.probabilities:
            return self.probabilities[*context, word]
        if not context:
            return self.unseen
        return self.back_offs.get(context, 1.0) * self.probability(word, context[1:])

    def cross_entropy(self, text: str) -> tuple[float, int]:
        """Return how many nats a text has, and how many words."""
        row = (BEGIN, *words(text))
        room = self.settings.order - 1
        every = (self.probability(row[i], row[max(0, i - room) : i]) for i in range(1, len(row)))
        return -math.fsum(map(math.log, every)), len(row) - 1


def estimate(texts: Iterable[str], settings: Settings) -> Estimate:
    """Make a model of texts, by the definition on top of this module."""
    occurring = occurrences(texts, settings.order)
    made = Estimate(settings, {}, 1.0 / settings.vocabulary_words, {})
    unseen = made.unseen
    for n in range(1, settings.order + 1):
        counts = adjusted(occurring, n, settings.order)
        taken = discounts(Counter(counts.values()))
        kept = {
            gram for gram in counts
            if n < settings.prune_from or occurring[n][gram] >= settings.min_count
        }  # fmt: skip
        total: dict[Gram, int] = defaultdict(int)
        saved: dict[Gram, float] = defaultdict(float)
        for gram, count in counts.items():
            total[gram[:-1]] += count
            saved[gram[:-1]] += discount(taken, count) if gram in kept else count
        for context, size in total.items():
            made.back_offs[context] = saved[context] / size
        if n == 1:
            unseen *= made.back_offs.get((), 1.0)
        for gram in kept:
            context, count = gram[:-1], counts[gram]
            lower = made.probability(gram[-1], context[1:]) if context else made.unseen
            own = (count - discount(taken, count)) / total[context]
            made.probabilities[gram] = own + made.back_offs[context] * lower
    return Estimate(settings, made.probabilities, unseen, made.back_offs)


def occurrences(texts: Iterable[str], order: int) -> dict[int, Counter[Gram]]:
    """Return how often each n-gram occurs, by its length up to ``order``."""
    found: dict[int, Counter[Gram]] = {n: Counter() for n in range(1, order + 1)}
    for text in texts:
        row = (BEGIN, *words(text))
        for n, grams in found.items():
            grams.update(row[i : i + n] for i in range(len(row) - n + 1))
    found[1].pop((BEGIN,), None)
    return found


def adjusted(occurring: Mapping[int, Counter[Gram]], n: int, order: int) -> dict[Gram, int]:
    """Return the counts of the n-grams of a length, as the estimate takes them."""
    if n == order:
        return dict(occurring[n])
    before = Counter(gram[1:] for gram in occurring[n + 1])
    return {
        gram: times if gram[0] == BEGIN else before[gram] for gram, times in occurring[n].items()
    }


def discounts(counts_of_counts: Mapping[int, int]) -> tuple[float, float, float]:
    """Return what is taken from counts of 1, of 2, and of 3 or more."""
    some = [counts_of_counts.get(k, 0) for k in range(1, 5)]
    if not all(some[:3]):
        return FALLBACK
    y = some[0] / (some[0] + 2 * some[1])
    one, two, more = (k - (k + 1) * y * some[k] / some[k - 1] for k in (1, 2, 3))
    return (one, two, more) if 0 < one < 1 and 0 < two < 2 and 0 < more < 3 else FALLBACK  # noqa: PLR2004


def discount(taken: tuple[float, float, float], count: int) -> float:
    """Return what is taken from a count."""
    return taken[min(count, 3) - 1]
