"""Two other answers to the question of :mod:`tasks.replay.merges.program`, to be shown beside it.

**Curve**: the count of the merges falls smoothly from step to step. With ``f_t`` a smooth falling
curve through the rates of the merges in a mixture, shares of least
``sum_t w_t (a.c[m_t, t] / f_t - 1)^2`` (non-negative least squares), and again with the curve of
the new mixture, until it stays. A step that was off by ``e_t`` of the curve counts
``w_t = 1 / (1 + (e_t / 0.3)^2)``: else a phrase that candidates repeat would outweigh all the rest.

**Logistic**: the order of two pairs is a coin that falls by how far apart they are. Shares of least
``sum log(1 + e^d)`` over steps and their strongest competitors, with
``d = log(a.c[p, t] / a.c[m_t, t]) / width``: a step counts as the mean of its competitors.

They ask less of single pairs than the linear program, and stay steady at more merges than it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.replay.merges.program import OF_A_STEP, rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.simulation import History

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

ROUNDS: Final = 50
STAYS: Final = 1e-5
OFF: Final = 0.3
"""Of the curve: a step that is so far off it counts half."""
SMOOTH: Final = 10
"""Steps on either side that the curve is the mean of."""
WIDTH: Final = 0.1
"""Of the logistic: a tenth more or less is as far as chance goes."""
NEAR: Final = 0.5
"""Competitors with so much of the rate of the merge, or more, are looked at."""


def falling(values: Floats) -> Floats:
    """Return the falling row that is nearest to values: means of neighbours that rise."""
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (high, n), (low, m) = blocks[-2:]
            blocks[-2:] = [((high * n + low * m) / (n + m), n + m)]
    found: Floats = np.concatenate([np.full(n, value) for value, n in blocks])
    return found


def _curve(mixed: Floats) -> Floats:
    """Return a smooth falling curve through rates, on a logarithmic scale."""
    logs = falling(np.log(np.maximum(mixed, mixed.max() * 1e-9)))
    wide = np.pad(logs, SMOOTH, mode="edge")
    smooth = np.convolve(wide, np.full(2 * SMOOTH + 1, 1 / (2 * SMOOTH + 1)), mode="valid")
    found: Floats = np.exp(smooth)
    return found


def by_curve(history: History, n_bytes: Ints) -> Floats:
    """Return the shares under which the merges' rates fall most smoothly."""
    from scipy.optimize import nnls

    own = rates(history, n_bytes)
    own = own[own.any(axis=1)]
    shares = np.full(own.shape[1], 1 / own.shape[1])
    for _ in range(ROUNDS):
        mixed = own @ shares
        curve = _curve(mixed)
        roots = 1 / np.hypot(1, (mixed / curve - 1) / OFF)
        found, _ = nnls(own * (roots / curve)[:, None], roots)
        step = found / found.sum() - shares
        shares = shares + step / 2
        if np.abs(step).max() < STAYS:
            break
    return shares


def by_logistic(history: History, n_bytes: Ints, near: list[Floats]) -> Floats:
    """Return the shares under which the merges are most likely the first of their steps.

    ``near``: mixtures whose strongest competitors are looked at, the first of which is where the
    search begins.
    """
    from scipy.optimize import minimize

    own = rates(history, n_bytes)
    steps, gaps = _competitors(history, n_bytes, own, near)
    if not len(steps):
        return near[0]
    weights = 1 / np.bincount(steps, minlength=len(own))[steps]
    merged, least = own[steps], 1e-9 * own.max()

    def loss(logits: Floats) -> tuple[float, Floats]:
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        of_merge = np.maximum(merged @ shares, least)
        of_other = np.maximum((merged + gaps) @ shares, least)
        apart = np.log(of_other / of_merge) / WIDTH
        value = float(weights @ np.logaddexp(0, apart))
        slope = weights / (1 + np.exp(-np.clip(apart, -500, 500))) / WIDTH
        by_share = (slope / of_other) @ (merged + gaps) - (slope / of_merge) @ merged
        return value, shares * (by_share - shares @ by_share)

    start = np.log(np.maximum(near[0], 0.01))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-12, 12)] * len(start))
    shares = np.exp(found.x - found.x.max())
    return np.asarray(shares / shares.sum())


def _competitors(
    history: History, n_bytes: Ints, own: Floats, near: list[Floats]
) -> tuple[Ints, Floats]:
    """Return steps, and how far the rates of their strongest competitors are above the merge's."""
    rows: dict[tuple[int, int], Floats] = {}
    slack = (np.full(len(own), NEAR - 1), np.zeros(len(history.pairs)))
    for shares in near:
        finds, _, differences = history.violated(
            shares / n_bytes, own @ shares, slack, most=OF_A_STEP
        )
        for (step, pair), row in zip(finds.tolist(), differences / n_bytes, strict=True):
            rows.setdefault((step, pair), row)
    steps = np.array([step for step, _ in rows], np.int64)
    return steps, np.array(list(rows.values())).reshape(-1, len(n_bytes))
