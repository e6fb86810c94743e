"""Scores of two models to what was forgotten: losses by domain, rises, means, accuracies. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.forgetting import Domain, Eval, Evals, Loss, Means

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.forgetting import Side
    from tasks.training.measure import Scores

RESAMPLES: Final = 1_000
INSIDE: Final = (2.5, 97.5)
METRICS: Final = ("acc", "exact_match", "acc_norm", "pass@1", "em", "f1", "mcc")
"""Results that are shares of right answers or alike, of which a task's first one is taken."""


class Named(NamedTuple):
    """A domain's name and side, and how many documents there are of it."""

    name: str
    side: Side
    of_documents: int


def domain(named: Named, scores: Scores, *, seed: int) -> Domain:
    """Return a domain of the scores of two models: before, after."""
    tokens, before, after = int(scores.tokens.sum()), scores.nats[0], scores.nats[1]
    low, high = _interval(after - before, scores.tokens, seed=seed)
    return Domain(
        name=named.name,
        side=named.side,
        documents=len(scores.tokens),
        of_documents=named.of_documents,
        tokens=tokens,
        n_bytes=int(scores.n_bytes.sum()),
        before=_loss(scores, 0),
        after=_loss(scores, 1),
        rise=float((after - before).sum() / tokens),
        low=low,
        high=high,
        cross_entropy=float(scores.cross[1].sum() / tokens),
        entropy=float(scores.cross[0].sum() / tokens),
    )


def _loss(scores: Scores, model: int) -> Loss:
    nats, tokens = float(scores.nats[model].sum()), int(scores.tokens.sum())
    return Loss(
        nats_per_token=nats / tokens,
        bits_per_byte=nats / math.log(2) / max(1, int(scores.n_bytes.sum())),
        accuracy=float(scores.hits[model].sum() / tokens),
    )


def _interval(
    rises: np.ndarray[Any, Any], tokens: np.ndarray[Any, Any], *, seed: int
) -> tuple[float | None, float | None]:
    """Return 95 % of the rises of resamples by document; none of a single document."""
    n = len(tokens)
    if n < 2:  # noqa: PLR2004
        return None, None
    chance = np.random.Generator(np.random.Philox(key=[seed, n]))
    counts = chance.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    sums = counts @ tokens
    found = (counts @ rises)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(found, INSIDE)
    return float(low), float(high)


def means(domains: Iterable[Domain], *, after: bool) -> Means:
    """Return means over the domains of either side."""
    sides: dict[str, list[Loss]] = {"old": [], "new": []}
    for one in domains:
        sides[one.side].append(one.after if after else one.before)
    old, new = (_mean(sides[side]) for side in ("old", "new"))
    if old is None or new is None:
        return Means(old=old, new=new, average=None, average_bits=None)
    return Means(
        old=old,
        new=new,
        average=(old.nats_per_token + new.nats_per_token) / 2,
        average_bits=(old.bits_per_byte + new.bits_per_byte) / 2,
    )


def _mean(losses: Sequence[Loss]) -> Loss | None:
    if not losses:
        return None
    every = [(one.nats_per_token, one.bits_per_byte, one.accuracy) for one in losses]
    nats, bits, accuracy = np.mean(every, axis=0).tolist()
    return Loss(nats_per_token=nats, bits_per_byte=bits, accuracy=accuracy)


def worst(domains: Iterable[Domain]) -> str | None:
    """Return the old domain whose loss, in bits a byte, rose most."""
    old = [one for one in domains if one.side == "old"]
    return max(old, key=lambda one: one.rise_in_bits).name if old else None


def evals(before: Mapping[str, Any], after: Mapping[str, Any]) -> Evals | None:
    """Return FG of two result files of lm-evaluation-harness (0.4); None where no task is in both.

    Tasks are not counted beside a group of theirs that has an accuracy itself. What was measured
    otherwise (shots, examples, version of the task) is left out.
    """
    found, left = list[Eval](), list[str]()
    own, other = (dict(_accuracies(results)) for results in (before, after))
    for task in sorted({*_tasks(before, own), *_tasks(after, other)}):
        metric = next((m for m in own.get(task, {}) if m in other.get(task, {})), None)
        was = None if metric is None else own[task][metric]
        if metric is None or was is None or was <= 0 or _how(before, task) != _how(after, task):
            left.append(task)
            continue
        now = other[task][metric]
        found.append(Eval(task=task, metric=metric, before=was, after=now,
                          forgotten=(was - now) / was))  # fmt: skip
    if not found:
        return None
    mean = float(np.mean([one.forgotten for one in found]))
    return Evals(forgotten=mean, tasks=tuple(found), left_out=tuple(left))


def _tasks(results: Mapping[str, Any], accuracies: Mapping[str, Any]) -> list[str]:
    """Return tasks and groups, without what is below a group that has an accuracy."""
    children = results.get("group_subtasks") or {}
    below, groups = set[str](), [group for group in children if accuracies.get(group)]
    while groups:
        new = set(children.get(groups.pop(), ())) - below
        below |= new
        groups += new
    return [task for task in results["results"] if task not in below]


def _how(results: Mapping[str, Any], task: str) -> list[object]:
    """Return what a task's accuracy depends on beside the model."""
    said = [results.get(name) or {} for name in ("n-shot", "n-samples", "versions")]
    return [one.get(task) for one in said]


def _accuracies(results: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each task and its accuracies by metric and filter (``acc,none``), the first first."""
    for task, values in results["results"].items():
        numbers = {
            key: float(value)
            for key, value in values.items()
            if isinstance(value, int | float)
            and math.isfinite(value)
            and key.split(",")[0] in METRICS
        }
        order = sorted(numbers, key=lambda key: METRICS.index(key.split(",")[0]))
        yield task, {key: numbers[key] for key in order}
