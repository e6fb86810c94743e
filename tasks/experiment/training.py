"""A model trained on rows in their order, and what it loses on others: nats a token, by source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from schemas.experiment import Losses, Point
from schemas.training import RateConfig, TrainConfig
from tasks.experiment.dealing import WHERE
from tasks.training import batches, checkpoint, loop, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from schemas.experiment import Sizes
    from tasks.experiment.rows import Rows
    from tasks.training.batches import Batch

WARM_UP, FLOOR = 0.05, 0.1
MEASURED: Final = 16
"""Rows that go through a model at once where losses are measured."""


def config(sizes: Sizes, peak: float, *, seed: int, alpha: float = 0.0) -> TrainConfig:
    """Return how a model is trained: AdamW anew, up to the peak and down to a tenth of it."""
    return TrainConfig(
        batch_rows=sizes.batch_rows,
        rates=RateConfig(peak=peak, warm_up=WARM_UP, floor_share=FLOOR),
        precision=sizes.precision,
        neftune_alpha=alpha,
        seed=seed,
    )


def trained(
    model: Any, some: Rows, is_replay: NDArray[np.bool_], how: TrainConfig  # noqa: ANN401
) -> Iterator[loop.Point]:  # fmt: skip
    """Train on rows in their order, a step for each batch; yield a point after each."""
    own = loop.learner(model, how, checkpoint.device(WHERE))
    total = some.size // how.batch_rows
    yield from loop.steps(own, _batches(some, is_replay, how.batch_rows), how, total=total)


def _batches(some: Rows, is_replay: NDArray[np.bool_], number: int) -> Iterator[Batch]:
    for at in range(0, some.size - number + 1, number):
        places = np.arange(at, at + number)
        own = some.taken(places)
        yield batches.of_rows(own.ids, own.lengths, is_replay[places], own.names, first=at)


def by_source(model: Any, some: Rows) -> dict[str, float]:  # noqa: ANN401  (a model)
    """Return nats a token of the rows of each source, in float32. The model stays in its mode."""
    texts = [
        measure.Text(ids[:n], np.ones(n, np.bool_), 0)
        for ids, n in zip(some.ids, some.lengths.tolist(), strict=True)
    ]
    was, window = model.training, some.ids.shape[1] + 1
    model.eval()
    found = measure.measured([model], texts, [some.begin], measure.How(window, window, MEASURED))
    model.train(was)
    sources = np.array(some.sources)
    return {
        source: float(
            found.nats[0, sources == source].sum() / found.tokens[sources == source].sum()
        )
        for source in sorted(set(some.sources))
    }


def weighed(found: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Return the mean at some shares: what text of the old mixture costs."""
    return sum(shares[source] * found[source] for source in shares) / sum(shares.values())


def at_point(
    model: Any, step: int, valid: tuple[Rows, Rows], shares: Mapping[str, float]  # noqa: ANN401
) -> Point:  # fmt: skip
    """Return where a model stands on validation text, old and new."""
    old = weighed(by_source(model, valid[0]), shares)
    return Point(step=step, old=old, new=mean_loss(model, valid[1]))


def losses_of(
    model: Any, held: tuple[Rows, Rows], seen: Rows, shares: Mapping[str, float]  # noqa: ANN401
) -> Losses:  # fmt: skip
    """Return the losses on held-out text, and on new rows that were trained on."""
    old, new = by_source(model, held[0]), mean_loss(model, held[1])
    return Losses(
        old=weighed(old, shares),
        new=new,
        seen=mean_loss(model, seen) if seen.size else new,
        domains=old,
    )


def mean_loss(model: Any, some: Rows) -> float:  # noqa: ANN401  (a model)
    """Return nats a token, the mean over sources; 0 where there is no row."""
    return float(np.mean(list(by_source(model, some).values()))) if some.size else 0.0
