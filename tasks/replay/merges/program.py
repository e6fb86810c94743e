"""The shares under which the order of merges is violated least: a linear program.

Minimise ``sum_t v_t + sum_p v_p`` over shares ``a`` (0 or more, 1 in all) and slack ``v``, so that
for each step ``t`` and competitor ``p``

    a.c[m_t, t] + s_t (v_t + v_p) >= a.c[p, t]

(Hayase et al., arXiv 2407.16607). ``s_t``, the rate of the step's merge in the mixture, makes the
slack relative: rates fall as 1/t, and without it the first merges decide alone. As the mixture is
what is looked for, the program is solved with the rates of an even mixture first, and then with
those of its own answer.

Most orders hold anyway: those that the last answer violates are added, at most :data:`OF_A_STEP`
competitors of a step and :data:`OF_A_ROUND` in all, until none is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.simulation import History

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

OF_A_STEP: Final = 10
OF_A_ROUND: Final = 100
ROUNDS: Final = 400
TOLERANCE: Final = 1e-5
"""Of the rate of a step's merge: above what HiGHS leaves open (1e-7), far below what counts."""
SCALINGS: Final = 3
LEAST_STEPS: Final = 20


class Answer(NamedTuple):
    """Shares of sources (in all 1) and how badly they fit.

    ``fit``: slack a step, of the rate of its merge; the lower the better. ``n_steps``: steps whose
    merge occurs in the sources; ``unseen``: the others. ``n_orders``: constraints in the end.
    """

    shares: Floats
    fit: float
    n_steps: int
    unseen: int
    n_orders: int


def rates(history: History, n_bytes: Ints) -> Floats:
    """Return how often a byte of each source has each step's merge: float64 (steps, sources)."""
    return history.of_merges() / n_bytes


def solved(history: History, n_bytes: Ints) -> Answer:
    """Return the shares under which the merges are most nearly in order.

    ConfigError where fewer than :data:`LEAST_STEPS` merges occur in the sources.
    """
    own = rates(history, n_bytes)
    seen: Flags = np.any(own > 0, axis=1)
    if seen.sum() < LEAST_STEPS:
        raise ConfigError(
            "mixture inference",
            got=f"sources in which {seen.sum()} of {len(seen)} merges occur",
            wanted=f"{LEAST_STEPS} or more",
            way_out="Give texts in the languages and of the kinds that the tokenizer is for.",
        )
    shares = np.full(len(n_bytes), 1 / len(n_bytes))
    for _ in range(SCALINGS):
        answer = lazily(history, n_bytes, _scales(own, shares), shares)
        shares = answer.shares
    return answer


def _scales(own: Floats, shares: Floats) -> Floats:
    """Return the rate of each step's merge in a mixture; 0 where no source has it.

    What the merge of a step is of, the mixture may have little of by mistake: a scale is at least
    half of that of the steps around it.
    """
    mixed = own @ shares
    seen: Flags = np.any(own > 0, axis=1)
    around = np.array([_around(mixed, seen, step) for step in range(len(mixed))])
    scales: Floats = np.where(seen, np.maximum(mixed, around / 2), 0.0)
    return scales


def _around(mixed: Floats, seen: Flags, step: int, width: int = 10) -> float:
    """Return the middle rate of the steps around one, of those whose merge occurs."""
    part = slice(max(0, step - width), step + width + 1)
    near = mixed[part][seen[part]]
    return float(np.median(near)) if len(near) else 0.0


class _Orders:
    """Orders that were violated so far: the constraints."""

    def __init__(self) -> None:
        self.known: set[tuple[int, int]] = set()
        self.steps: list[int] = []
        self.columns: list[int] = []
        self.numbers: dict[int, int] = {}
        self.rows: list[Floats] = []

    def add(self, step: int, pair: int, row: Floats) -> None:
        self.known.add((step, pair))
        self.steps.append(step)
        self.columns.append(self.numbers.setdefault(pair, len(self.numbers)))
        self.rows.append(row)


def lazily(history: History, n_bytes: Ints, scales: Floats, shares: Floats) -> Answer:
    """Solve the program with orders added as answers violate them, from some shares on.

    ``scales``: the rates that slack is measured in, float64 (steps); 0 leaves a step out.
    """
    n_steps = len(scales)
    of_steps, of_pairs = np.zeros(n_steps), np.zeros(len(history.pairs))
    orders, value = _Orders(), 0.0
    for _ in range(ROUNDS):
        finds, amounts, differences = history.violated(
            shares / n_bytes, scales, (of_steps, of_pairs), most=OF_A_STEP
        )
        worst = np.argsort(-amounts, kind="stable")[:OF_A_ROUND]
        worst = worst[amounts[worst] > TOLERANCE]
        before = len(orders.known)
        for i in worst:
            step, pair = finds[i].tolist()
            if (step, pair) not in orders.known:
                orders.add(step, pair, differences[i] / n_bytes / scales[step])
        if len(orders.known) == before:
            break
        shares, of_steps, slack, value = _minimum(orders, n_steps, len(n_bytes))
        of_pairs[list(orders.numbers)] = slack
    seen = int((scales > 0).sum())
    return Answer(shares, value / seen, seen, n_steps - seen, len(orders.known))


def _minimum(orders: _Orders, n_steps: int, n_sources: int) -> tuple[Floats, Floats, Floats, float]:
    """Solve the program of some orders; return shares, slack of steps and pairs, and its value."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack

    n_orders, n_pairs = len(orders.rows), len(orders.numbers)
    each, ones = np.arange(n_orders), np.ones(n_orders)
    of_steps = csr_array((-ones, (each, orders.steps)), shape=(n_orders, n_steps))
    of_pairs = csr_array((-ones, (each, orders.columns)), shape=(n_orders, n_pairs))
    whole = np.concatenate([np.ones(n_sources), np.zeros(n_steps + n_pairs)])
    found = linprog(
        1 - whole,
        A_ub=hstack([csr_array(np.array(orders.rows)), of_steps, of_pairs], format="csr"),
        b_ub=np.zeros(n_orders),
        A_eq=csr_array(whole[None, :]),
        b_eq=[1.0],
        method="highs",
    )
    if found.x is None:
        raise ArithmeticError(f"the linear program has no answer: {found.message}")
    parts = np.split(found.x, [n_sources, n_sources + n_steps])
    shares = np.maximum(parts[0], 0)
    return shares / shares.sum(), parts[1], parts[2], float(found.fun)
