r"""What a model writes, sampled from its own distribution.

**A token** is drawn from ``softmax(logits / temperature)``, all of it: nothing is cut off (no
top-k, no top-p), since what would be cut off is part of what the model learnt. It is the first
whose cumulated probability is above ``u``, a number between 0 and 1 of the row's own (Philox with
the row's seed and the number of the turn as its key). So a row depends on the model, its prompt and
its seed; what stands beside it in a batch, and the device, change the last digits of logits.

Prompts of one length are asked together: no row has padding, which not every model leaves out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas.errors import ConfigError
from tasks.training import extra

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from tasks.training.checkpoint import Checkpoint


KEPT: Final = ("cache", "past_key_values", "cache_params")
"""What transformers calls it, from version to version and of one model or another."""


class How(NamedTuple):
    """How tokens are drawn: at which temperature, so many at most, in batches of so many rows."""

    temperature: float = 1.0
    length: int = 512
    batch: int = 8


class Asked(NamedTuple):
    """A prompt's tokens, the row's seed, and the number of the turn (from 0)."""

    prompt: tuple[int, ...]
    seed: int
    turn: int = 0


class Written(NamedTuple):
    """Tokens that were drawn, without the one that ended them; whether there was such a one."""

    tokens: list[int]
    finished: bool


def sampled(
    checkpoint: Checkpoint, rows: Sequence[Asked], how: How, ends: Collection[int]
) -> list[Written]:
    """Return what is written after each prompt (of one token at least), in the order given."""
    found: dict[int, Written] = {}
    lengths: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        lengths.setdefault(len(row.prompt), []).append(number)
    for numbers in lengths.values():
        for start in range(0, len(numbers), how.batch):
            some = numbers[start : start + how.batch]
            written = _batch(checkpoint, [rows[i] for i in some], how, ends)
            found.update(zip(some, written, strict=True))
    return [found[number] for number in range(len(rows))]


def _batch(
    checkpoint: Checkpoint, rows: Sequence[Asked], how: How, ends: Collection[int]
) -> list[Written]:
    torch, _ = extra.needed("openmoat generate")
    chances = np.array([_chances(row, how.length) for row in rows])
    ids = torch.tensor([row.prompt for row in rows], device=checkpoint.device)
    every, ended = np.zeros((len(rows), 0), np.int64), np.zeros(len(rows), np.bool_)
    kept: dict[str, Any] = {}
    with torch.inference_mode():
        for step in range(how.length):
            out = checkpoint.model(input_ids=ids, use_cache=True, **kept)
            kept = _kept(out)
            ids = _drawn(torch, out.logits[:, -1], how.temperature, chances[:, step])
            column = ids.cpu().numpy()
            every = np.concatenate([every, column], axis=1)
            ended |= np.isin(column[:, 0], list(ends))
            if ended.all():
                break
    return [_written(row, ends) for row in every.tolist()]


def _kept(out: Any) -> dict[str, Any]:  # noqa: ANN401  (a library's)
    """Return what a model keeps from token to token, by the name that it takes it by again."""
    for name in KEPT:
        if (found := getattr(out, name, None)) is not None:
            return {name: found}
    raise ConfigError(
        "checkpoint",
        got="a model that keeps nothing from token to token",
        wanted=f"one of {', '.join(KEPT)}",
        way_out="Sample it with other software, and give its texts as JSON lines or Parquet.",
    )


def _chances(row: Asked, size: int) -> NDArray[np.float64]:
    return np.random.Generator(np.random.Philox(key=[row.seed, row.turn])).random(size)


def _drawn(torch: Any, logits: Any, temperature: float, chances: NDArray[np.float64]) -> Any:  # noqa: ANN401
    """Return a token of each row, ``(rows, 1)``."""
    cumulated = torch.softmax(logits.double() / temperature, dim=-1).cumsum(dim=-1)
    at = torch.tensor(chances, device=logits.device)[:, None] * cumulated[:, -1:]
    found = torch.searchsorted(cumulated, at, right=True)
    return found.clamp(max=logits.shape[-1] - 1)


def _written(row: list[int], ends: Collection[int]) -> Written:
    for number, token in enumerate(row):
        if token in ends:
            return Written(row[:number], finished=True)
    return Written(row, finished=False)
