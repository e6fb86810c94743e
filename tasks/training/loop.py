"""The training step: a loop that can be read from top to bottom.

For each step: its rows in the mixture's order, the rate of the schedule, the mean loss of the
tokens that are learned (each times its weight, over all of the step's batches together), gradients
cut to a length, one step of AdamW. The chance of a step (dropout, noise) is seeded by the run's
seed and the step's number, so that a run that goes on needs to know no more than that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.errors import TrainingError
from schemas.mixture import NO_LOSS
from tasks import hashing
from tasks.training import extra, losses, neftune, rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.training import TrainConfig
    from tasks.training.batches import Batch

SHOWN = 5
"""Documents that an error names."""


class Learner(NamedTuple):
    """A model, its optimizer, and what it runs on."""

    model: Any
    optimizer: Any
    device: str


class Point(NamedTuple):
    """A row of the curve (:data:`schemas.training.CURVE`)."""

    step: int
    tokens: int
    learned_tokens: int
    rate: float
    loss: float | None
    weighted_loss: float
    replay_loss: float | None
    new_loss: float | None
    grad_norm: float
    seconds: float


def learner(model: Any, config: TrainConfig, device: str) -> Learner:  # noqa: ANN401  (a model)
    """Return a model with a fresh AdamW for all of it that is to be trained."""
    torch, _ = extra.needed("openmoat train")
    model.to(device)
    if config.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    every = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in every if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in every if p.ndim <= 1], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    return Learner(model, torch.optim.AdamW(groups, lr=config.rates.peak, betas=betas), device)


def steps(
    own: Learner, batches: Iterable[Batch], config: TrainConfig, *, total: int,
    last: Point | None = None,
) -> Iterator[Point]:  # fmt: skip
    """Train, a step for each batch; yield a point of the curve after each.

    ``total``: steps of the whole run, which the schedule is laid over; ``last``: the point that a
    run goes on from. Raises :class:`TrainingError` where the loss is no number, naming the rows.
    """
    torch, _ = extra.needed("openmoat train")
    began = time.perf_counter() - (last.seconds if last else 0.0)
    step, seen = (last.step, last.tokens) if last else (0, 0)
    rate = rates.rates(config.rates, total)
    own.model.train()
    with neftune.noisy(own.model, config.neftune_alpha) as noise:
        for batch in batches:
            torch.manual_seed(seed_of(config.seed, step))
            for group in own.optimizer.param_groups:
                group["lr"] = float(rate[step])
            told = batch.isolated() if config.isolate else batch
            sums = _gradients(own, told, config, noise, step + 1)
            norm = _cut(own, config, told, step + 1)
            own.optimizer.step()
            own.optimizer.zero_grad(set_to_none=True)
            seen, step = seen + batch.tokens, step + 1
            yield Point(step, seen, told.learned, float(rate[step - 1]), *sums.means(),
                        norm, time.perf_counter() - began)  # fmt: skip


class Sums(NamedTuple):
    """Nats and learned tokens of a step: weighted over all, and of replay and of new rows."""

    weighted: float
    replay: float
    new: float
    replay_tokens: int
    new_tokens: int

    def means(self) -> tuple[float | None, float, float | None, float | None]:
        """Loss, weighted loss, that of replay and of new rows, a token."""
        n = self.replay_tokens + self.new_tokens
        return (
            _mean(self.replay + self.new, n),
            self.weighted / max(1, n),
            _mean(self.replay, self.replay_tokens),
            _mean(self.new, self.new_tokens),
        )


def _gradients(
    own: Learner, batch: Batch, config: TrainConfig, noise: neftune.Noise | None, step: int
) -> Sums:
    """Add up the gradients of a step's rows, a batch at a time."""
    torch, _ = extra.needed("openmoat train")
    weighted, replay, new, of_replay, of_new = 0.0, 0.0, 0.0, 0, 0
    for part in batch.parts(config.batch_rows):
        labels = torch.from_numpy(part.labels.copy()).to(own.device)
        weights = torch.from_numpy(part.weights[:, 1:].copy()).to(own.device)
        arguments = losses.given(part, own.device, isolate=config.isolate)
        if noise is not None:
            noise.attention = torch.from_numpy(part.attention.copy())
        half = config.precision == "bf16"
        with torch.autocast(own.device, dtype=torch.bfloat16, enabled=half):
            logits = own.model(**arguments, use_cache=False).logits
        nats = losses.each(logits, labels)
        loss = (nats * weights).sum() if config.loss_weights else nats.sum()
        if not torch.isfinite(loss):
            raise _not_finite("the loss", float(loss.detach()), part, step)
        (loss / max(1, batch.learned)).backward()
        rows, replayed = nats.detach().sum(dim=1).double().cpu().numpy(), part.is_replay
        weighted += float(loss.detach())
        replay += float(rows[replayed].sum())
        new += float(rows[~replayed].sum())
        count = (part.labels[:, 1:] != NO_LOSS).sum(axis=1)
        of_replay += int(count[replayed].sum())
        of_new += int(count[~replayed].sum())
    return Sums(weighted, replay, new, of_replay, of_new)


def _cut(own: Learner, config: TrainConfig, batch: Batch, step: int) -> float:
    """Cut gradients to the longest that is allowed; return how long they were."""
    torch, _ = extra.needed("openmoat train")
    every = [p for group in own.optimizer.param_groups for p in group["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(every, config.clip_norm))
    if norm - norm != 0.0:  # neither NaN nor infinite
        raise _not_finite("the gradient", norm, batch, step)
    return norm


def seed_of(seed: int, step: int) -> int:
    """Return the seed of a step's chance."""
    return int(hashing.digest("train", seed, step)[:15], 16)


def _mean(nats: float, tokens: int) -> float | None:
    return nats / tokens if tokens else None


def _not_finite(what: str, got: float, batch: Batch, step: int) -> TrainingError:
    rows = zip(batch.positions.tolist(), batch.documents, strict=True)
    named = [f"row {at:,} ({', '.join(ids[:SHOWN])})" for at, ids in rows]
    more = f" and {len(named) - SHOWN:,} rows more" if len(named) > SHOWN else ""
    return TrainingError(
        f"step {step:,}",
        got=f"{what} {got} of {'; '.join(named[:SHOWN])}{more}",
        wanted="a finite number",
        way_out="Look at these documents (openmoat trace); where they are as others, lower the "
        "peak rate, warm up for longer, or train in float32. The last state is as it was.",
    )
