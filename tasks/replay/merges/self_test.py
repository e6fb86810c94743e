"""Tokenizers trained on known mixtures of the same sources: how far an answer can be trusted.

Each is trained, by the tokenizers library, on a random mixture of documents that are *not* among
the candidates' own, split into words as the tokenizer in question splits them; its mixture is
inferred as that one's is. What an answer misses by, source by source, is what the intervals are
made of (a bootstrap over documents covers a third of what it should), and how well the answers fit
is what the tokenizer's own fit is held against.

How badly a true mixture fits depends on what it is made of: of text in which documents differ much,
such as code, more orders are wrong (fits of .04 to .2 were seen). So the mixtures can be drawn
around an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks.replay.merges import STEPS
from tasks.replay.merges.inference import inferred
from tasks.replay.merges.lists import MergeList, Parts, numbered
from tasks.replay.merges.splitting import SPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from tasks.replay.merges.inference import Inferred
    from tasks.replay.merges.splitting import Splitting
    from tasks.replay.merges.words import Table

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TOKENIZERS: Final = 9
"""The widest miss of nine, the tenth not among them, is an interval of 90 %."""
LEVEL: Final = 0.9
BYTES: Final = 6_000_000
"""Of a tokenizer's text. From two megabytes on the first merges are much the same."""
AGAIN: Final = 4
"""Times that a source's documents are taken at most, so that a small one can have a large share."""
FEWEST: Final = 4
"""Sources of a mixture at least, as far as there are so many."""
SEPARATOR: Final = "\x1f"


class Pool(NamedTuple):
    """Documents of one source as words: each document's, joined by :data:`SEPARATOR`, and bytes."""

    documents: tuple[str, ...]
    n_bytes: Ints


class SelfTest(NamedTuple):
    """Known shares and answers, each float64 (tokenizers, sources), and fits (tokenizers)."""

    sources: tuple[str, ...]
    known: Floats
    shares: Floats
    curve: Floats
    logistic: Floats
    fits: Floats

    @property
    def error(self) -> float:
        """Mean absolute error of a share."""
        return float(np.abs(self.shares - self.known).mean())

    @property
    def of_even(self) -> float:
        """Mean absolute error of even shares, which is what knowing nothing comes to."""
        return float(np.abs(1 / len(self.sources) - self.known).mean())

    def widths(self, level: float = LEVEL) -> Floats:
        """Return how far the shares of each source may be off, either way: float64 (sources).

        The conformal quantile of the misses: with fewer than ``level / (1 - level)`` tokenizers,
        their widest, which then holds for less.
        """
        misses = np.sort(np.abs(self.shares - self.known), axis=0)
        rank = int(np.ceil(level * (len(misses) + 1) - 1e-9))
        found: Floats = misses[min(rank, len(misses)) - 1]
        return found


def pool(texts: Iterable[str], merges: MergeList) -> Pool:
    """Split documents as a tokenizer splits them, once for all mixtures."""
    known = set(merges.symbols[: merges.n_first])
    documents, sizes = list[str](), list[int]()
    for text in texts:
        some = [
            part for word in merges.splitting.words(text) for part in _parts(word, merges, known)
        ]
        documents.append(SEPARATOR.join(some))
        sizes.append(len(text.encode("utf-8", "surrogatepass")))
    return Pool(tuple(documents), np.array(sizes, np.int64))


def _parts(word: str, merges: MergeList, known: set[str]) -> list[str]:
    """Cut a word where the library would join what the training in question could not have."""
    how = merges.splitting
    if how.spaced and (spaces := len(word) - len(word.lstrip(SPACE))) > 1 and spaces < len(word):
        return [word[: spaces - 1], *_parts(word[spaces - 1 :], merges, known)]
    if how.prefix or how.suffix or known.issuperset(word):
        return [word]
    return "".join(c if c in known else SEPARATOR for c in word).split(SEPARATOR)


class Plan(NamedTuple):
    """How a self-test is made. ``n_bytes``: of a tokenizer's text, at most.

    ``around``: shares that each mixture is half of; without them it is wholly random.
    """

    seed: int = 0
    tokenizers: int = TOKENIZERS
    steps: int = STEPS
    n_bytes: int = BYTES
    around: Floats | None = None


def mixture(
    pools: Sequence[Pool], rng: np.random.Generator, plan: Plan
) -> tuple[list[str], Floats]:
    """Draw a mixture: the documents, and the shares of bytes that they have come to.

    Of some sources, :data:`FEWEST` or more, at shares that are uniform on the simplex.
    """
    n_sources = len(pools)
    size = int(rng.integers(min(FEWEST, n_sources), n_sources + 1))
    shares = np.zeros(n_sources)
    shares[rng.choice(n_sources, size, replace=False)] = rng.dirichlet(np.ones(size))
    if plan.around is not None:
        shares = (shares + plan.around) / 2
    room = np.array([AGAIN * int(own.n_bytes.sum()) for own in pools])
    total = float(min(plan.n_bytes, *(room[shares > 0] / shares[shares > 0])))
    documents, taken = list[str](), np.zeros(n_sources)
    for source in np.flatnonzero(shares > 0).tolist():
        some = _drawn(pools[source].n_bytes, total * float(shares[source]), rng)
        documents += [pools[source].documents[i] for i in some]
        taken[source] = pools[source].n_bytes[some].sum()
    if not documents:  # all are longer than what was wanted of them
        return mixture(pools, rng, plan._replace(n_bytes=2 * plan.n_bytes))
    return documents, taken / taken.sum()


def _drawn(n_bytes: Ints, wanted: float, rng: np.random.Generator) -> list[int]:
    """Draw documents, each once before any twice, of about so many bytes."""
    found, size = list[int](), 0
    while True:
        for i in rng.permutation(len(n_bytes)).tolist():
            if size + int(n_bytes[i]) / 2 > wanted:
                return found
            found.append(i)
            size += int(n_bytes[i])


def trained(documents: Sequence[str], merges: MergeList, *, steps: int) -> MergeList:
    """Train a tokenizer that begins with the symbols of another one; return its merges."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    how, first = merges.splitting, list(merges.symbols[: merges.n_first])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split(SEPARATOR, "removed")
    inside: dict[str, Any] = {
        "continuing_subword_prefix": how.prefix,
        "end_of_word_suffix": how.suffix,
        "max_token_length": how.longest,
    }
    trainer = trainers.BpeTrainer(
        vocab_size=len(first) + steps,
        initial_alphabet=sorted({symbol for symbol in first if len(symbol) == 1}),
        show_progress=False,
        **{key: value for key, value in inside.items() if value},
    )
    tokenizer.train_from_iterator(documents, trainer)
    return _own_merges(tokenizer.to_str(), how, first)


def _own_merges(body: str, how: Splitting, first: list[str]) -> MergeList:
    import orjson

    pairs = [(left, right) for left, right in orjson.loads(body)["model"]["merges"]]
    return numbered("trained", how, Parts(first, pairs, []), where="self-test")


def run(
    table: Table, others: Mapping[str, Iterable[str]], merges: MergeList, plan: Plan
) -> SelfTest:
    """Infer the mixtures of tokenizers that are trained on known ones.

    ``table``: of the candidates, as :func:`tasks.replay.merges.inference.inferred` takes it.
    ``others``: other documents of the same sources. ConfigError where a source has none.
    """
    pools = [pool(others.get(name, ()), merges) for name in table.sources]
    for name, own in zip(table.sources, pools, strict=True):
        if not own.n_bytes.sum():
            _refuse(name)
    rng = np.random.default_rng(plan.seed)
    known: list[Floats] = []
    answers: list[Inferred] = []
    for _ in range(plan.tokenizers):
        documents, shares = mixture(pools, rng, plan)
        own_merges = trained(documents, merges, steps=plan.steps)
        known.append(shares)
        answers.append(inferred(table, own_merges, steps=plan.steps))
    return SelfTest(
        table.sources,
        np.array(known),
        np.array([one.shares for one in answers]),
        np.array([one.curve for one in answers]),
        np.array([one.logistic for one in answers]),
        np.array([one.fit for one in answers]),
    )


def _refuse(name: str) -> None:
    raise ConfigError(
        f"self-test of mixture inference, source {name}",
        got="no documents beside those of the candidates",
        wanted="as many again, which the candidates do not have",
        way_out="Deal each source's documents out to both, or leave the self-test out.",
    )
