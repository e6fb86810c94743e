"""What a model forgot: held-out text of old and new domains before and after it was tuned."""

from __future__ import annotations

from typing import Literal

from schemas.manifest import Frozen

Side = Literal["old", "new"]


class Loss(Frozen):
    """What a model says of a text: nats a token, bits a byte, share of tokens that it finds first.

    Special tokens are not counted.
    """

    nats_per_token: float
    bits_per_byte: float
    accuracy: float


class Domain(Frozen):
    """A kind of held-out text, under the model before and after.

    - ``documents``, ``tokens``, ``n_bytes``: what was scored, of ``of_documents`` that there are
    - ``rise``: of the loss, nats a token; ``low``, ``high``: 95 % of resamples of the documents
      (none of a single one)
    - ``cross_entropy``: the base's own predictions under the tuned model, nats a token
      (arXiv 2401.05605); the base's ``entropy`` is what it cannot be below
    """

    name: str
    side: Side
    documents: int
    of_documents: int
    tokens: int
    n_bytes: int
    before: Loss
    after: Loss
    rise: float
    low: float | None
    high: float | None
    cross_entropy: float
    entropy: float

    @property
    def rise_in_bits(self) -> float:
        """Rise of bits a byte."""
        return self.after.bits_per_byte - self.before.bits_per_byte


class Means(Frozen):
    """Means over domains, each counted once. ``average`` is that of old and new loss (AVG)."""

    old: Loss | None
    new: Loss | None
    average: float | None
    average_bits: float | None


class Eval(Frozen):
    """A task's result before and after, and what part of it was forgotten."""

    task: str
    metric: str
    before: float
    after: float
    forgotten: float


class Evals(Frozen):
    """FG of arXiv 2308.08747: the mean over tasks of (before - after) / before.

    ``left_out``: tasks without an accuracy in both files, with 0 or less before, or measured
    otherwise.
    """

    forgotten: float
    tasks: tuple[Eval, ...]
    left_out: tuple[str, ...]


class Forgetting(Frozen):
    """A report: two checkpoints, what was measured of them, how it was measured."""

    before: str
    after: str
    domains: tuple[Domain, ...]
    means_before: Means
    means_after: Means
    worst: str | None
    evals: Evals | None = None
    window: int
    stride: int
    most_tokens: int
    seed: int
    device: str
