"""Who keeps a piece that several have, and what the others lose. Importing this imports Numba."""
# ruff: noqa: ANN401, PLR0913, PLR0917

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def settle(pieces: Any, firsts: Any, sizes: Any, whole: Any, groups: int, most: float) -> Any:
    """Go through documents in the order in which they are preferred.

    ``pieces``: rows of ``group, start, end``, a document after the other and by ``start``;
    ``firsts``: which is each document's first; ``sizes``: bytes of each. A piece goes where a
    document before has it; a document goes that would lose more than ``most`` of its bytes, if it
    is not ``whole``. Returns for each piece the document that it goes for, or -1; the same for each
    document; and the share of its bytes that it has in common with those before.

    A document keeps its pieces for those after it if it stays and they are all there then.
    """
    owners = np.full(groups, -1, np.int64)
    taken, gone = np.full(len(pieces), -1, np.int64), np.full(len(sizes), -1, np.int64)
    shares, weights = np.zeros(len(sizes), np.float64), np.zeros(len(sizes), np.int64)
    for d in range(len(sizes)):
        some, own = pieces[firsts[d] : firsts[d + 1]], taken[firsts[d] : firsts[d + 1]]
        if not whole[d]:
            shares[d] = _take(some, owners, own) / max(sizes[d], 1)
        if shares[d] > most:
            gone[d] = _heaviest(some, own, weights)
            own[:] = -1
        else:
            _keep(some, owners, own, d)
    return taken, gone, shares


@njit(cache=True, nogil=True)
def _take(pieces: Any, owners: Any, taken: Any) -> Any:
    """Write down whose each piece is already; return how many bytes they cover."""
    covered, reach = 0, 0
    for i in range(len(pieces)):
        group, start, end = pieces[i]
        taken[i] = owners[group]
        if taken[i] >= 0:
            covered += max(0, end - max(start, reach))
            reach = max(reach, end)
    return covered


@njit(cache=True, nogil=True)
def _heaviest(pieces: Any, taken: Any, weights: Any) -> Any:
    """Return the document that most bytes go for; of several the first. Weights are zero again."""
    best = -1
    for i in range(len(pieces)):
        if taken[i] >= 0:
            weights[taken[i]] += pieces[i, 2] - pieces[i, 1]
    for i in range(len(pieces)):
        one = taken[i]
        if one >= 0 and (best < 0 or (weights[one], -one) > (weights[best], -best)):
            best = one
    for i in range(len(pieces)):
        if taken[i] >= 0:
            weights[taken[i]] = 0
    return best


@njit(cache=True, nogil=True)
def _keep(pieces: Any, owners: Any, taken: Any, document: Any) -> None:
    """Give a document the pieces that nobody has yet, but for those that touch one it loses."""
    touched = np.zeros(len(pieces), np.bool_)
    reach = 0
    for i in range(len(pieces)):
        touched[i] = pieces[i, 1] < reach
        if taken[i] >= 0:
            reach = max(reach, pieces[i, 2])
    following = np.iinfo(np.int64).max
    for i in range(len(pieces) - 1, -1, -1):
        touched[i] |= pieces[i, 2] > following
        if taken[i] >= 0:
            following = pieces[i, 1]
    for i in range(len(pieces)):
        if taken[i] < 0 and not touched[i]:
            owners[pieces[i, 0]] = document


@njit(cache=True, nogil=True)
def join(spans: Any) -> Any:
    """Return spans without overlap: rows of ``document, start, end, kind, owner``, by ``start``.

    What overlaps and is of one kind and owner becomes one; of others the first one has the bytes,
    the longer one of those that begin together coming first. What only touches stays apart: the
    owner may have it in two places.
    """
    joined, made = np.empty_like(spans), 0
    for i in range(len(spans)):
        document, start, end, kind, owner = spans[i]
        if made and joined[made - 1, 0] == document:
            last = joined[made - 1]
            if start < last[2] and last[3] == kind and last[4] == owner:
                last[2] = max(last[2], end)
                continue
            start = max(start, last[2])
        if start < end:
            joined[made] = document, start, end, kind, owner
            made += 1
    return joined[:made]
