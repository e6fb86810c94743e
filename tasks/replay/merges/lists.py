"""A tokenizer's merges in order, as numbers of symbols; ranked tokens taken apart into merges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tasks.replay.merges.splitting import Splitting

    Ints = NDArray[np.int64]


NO_TOKEN: Final = 1 << 60
"""Behind all ranks."""


class MergeList(NamedTuple):
    """Merges in the order of training.

    ``symbols``: of each number its text, those that words begin as before all products;
    ``n_first`` of the former. ``merges``: int64 (merges, 3): left, right, product. ``failed``:
    tokens, or merges, of which it does not show how they were made.
    """

    kind: str
    splitting: Splitting
    symbols: tuple[str, ...]
    n_first: int
    merges: Ints
    failed: tuple[str, ...]

    def first(self, steps: int) -> MergeList:
        """Return the list with no more than ``steps`` merges."""
        merges = self.merges[:steps]
        used = max(self.n_first, int(merges.max()) + 1 if len(merges) else 0)
        return self._replace(merges=merges, symbols=self.symbols[:used])

    def pair(self, step: int) -> tuple[str, str]:
        """Return the two symbols of a merge."""
        left, right, _ = self.merges[step].tolist()
        return self.symbols[left], self.symbols[right]


class Parts(NamedTuple):
    """Merges as texts: the symbols that words begin as, pairs in order, and what has no pair."""

    first: list[str]
    pairs: list[tuple[str, str]]
    failed: list[str]


def numbered(kind: str, splitting: Splitting, parts: Parts, *, where: str) -> MergeList:
    """Number merges that are given as texts.

    A merge of what is not there yet is left out, and among ``failed``. ConfigError where no merge
    is left.
    """
    numbers = {symbol: i for i, symbol in enumerate(dict.fromkeys(parts.first))}
    n_first, rows, missed = len(numbers), list[tuple[int, int, int]](), list(parts.failed)
    for left, right in parts.pairs:
        product = splitting.product(left, right)
        if left not in numbers or right not in numbers:
            missed.append(product)
            continue
        number = numbers.setdefault(product, len(numbers))
        rows.append((numbers[left], numbers[right], number))
    if not rows:
        raise ConfigError(
            where,
            got=f"{kind} without a merge that can be replayed",
            wanted="a byte-pair encoding with merges in the order of training",
            way_out="Give the tokenizer as the model's makers publish it.",
        )
    merges = np.array(rows, np.int64)
    return MergeList(kind, splitting, tuple(numbers), n_first, merges, tuple(missed))


def taken_apart(tokens: Sequence[str], splitting: Splitting) -> Parts:
    """Take tokens, in the order of training, apart into the pairs that they were made of.

    A token is encoded by those before it; what two symbols are left is its merge.
    """
    ranks: dict[str, int] = {}
    first, pairs, failed = made = Parts([], [], [])
    for rank, token in enumerate(tokens):
        if len(token) == 1:
            first.append(token)
        else:
            parts = _encoded(splitting.symbols(token), ranks, splitting)
            if len(parts) == 2:  # noqa: PLR2004 -- a pair
                pairs.append((parts[0], parts[1]))
            else:
                failed.append(token)
        ranks.setdefault(token, rank)
    return made


def _encoded(parts: list[str], ranks: dict[str, int], splitting: Splitting) -> list[str]:
    """Join the pair of lowest rank, the leftmost of them, until no pair is a token."""
    while len(parts) > 1:
        made = [
            ranks.get(splitting.product(parts[i], parts[i + 1]), NO_TOKEN)
            for i in range(len(parts) - 1)
        ]
        best = min(made)
        if best == NO_TOKEN:
            break
        at = made.index(best)
        parts = [*parts[:at], splitting.product(parts[at], parts[at + 1]), *parts[at + 2 :]]
    return parts
