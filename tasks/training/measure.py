"""What models say of held-out text: nats, hits, and how far one's predictions are from another's.

A text begins behind the token that texts begin with, which is not counted. It is cut into windows
that overlap; **each token is scored once**, with as much before it as its window has (at least
``window - stride`` tokens, but for those of the first window).

- ``nats``: sum of ``-log p(token)``; nats a token, or bits a byte (``nats / log 2 / bytes``).
- ``hits``: tokens that the model finds the likeliest.
- ``cross``: sum of ``-sum_v p_0(v) log p_i(v)``, the first model's predictions under each of them
  (base to tuned, arXiv 2401.05605); of the first one itself that is its entropy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tasks.training import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


class Text(NamedTuple):
    """A text's tokens, which of them are scored, and the bytes that these stand for."""

    ids: Ids
    scored: NDArray[np.bool_]
    n_bytes: int


class How(NamedTuple):
    """Tokens of a window, how far windows are apart, and how many go through a model at once."""

    window: int = 1_024
    stride: int = 512
    batch: int = 8


class Scores(NamedTuple):
    """Sums over the scored tokens of each text: ``(texts,)``, and ``(models, texts)`` each."""

    tokens: Ids
    n_bytes: Ids
    nats: Floats
    hits: Floats
    cross: Floats


class Window(NamedTuple):
    """Places ``start`` up to ``stop`` of a text's sequence; scored from ``first`` on."""

    text: int
    start: int
    stop: int
    first: int


def windows(length: int, how: How, text: int = 0) -> Iterator[Window]:
    """Yield windows over a sequence: each place but 0 is scored in exactly one of them."""
    stop = min(how.window, length)
    yield Window(text, 0, stop, 1)
    while stop < length:
        first, stop = stop, min(stop + how.stride, length)
        yield Window(text, max(0, stop - how.window), stop, first)


def measured(
    models: Sequence[Any], texts: Sequence[Text], begins: Sequence[int], how: How
) -> Scores:
    """Score texts under models that know the same ids. ``begins``: what a text begins with.

    Where there is no such token, a text's first token is not scored: leave its bytes out.
    """
    head = np.array(begins[:1], np.int64)
    whole = [np.concatenate([head, text.ids]) for text in texts]
    counts = [np.concatenate([head == -1, text.scored]) for text in texts]
    for own in counts:
        own[:1] = False
    every = [w for i, ids in enumerate(whole) if len(ids) > 1 for w in windows(len(ids), how, i)]
    every.sort(key=lambda w: (w.stop - w.start, w.text, w.start))
    found = np.zeros((3, len(models), len(texts)))
    for at in range(0, len(every), how.batch):
        some = every[at : at + how.batch]
        if any(counts[w.text][w.first : w.stop].any() for w in some):
            for (kind, text), sums in _scored(models, some, whole, counts).items():
                found[kind, :, text] += sums
    return Scores(
        np.array([int(own.sum()) for own in counts], np.int64),
        np.array([text.n_bytes for text in texts], np.int64),
        *found,
    )


def _scored(
    models: Sequence[Any], some: Sequence[Window], whole: Sequence[Ids],
    counts: Sequence[NDArray[np.bool_]],
) -> dict[tuple[int, int], Floats]:  # fmt: skip
    """Return what some windows add: (nats, hits, cross; text) to a value for each model."""
    torch, _ = extra.needed("held-out loss")
    width = max(w.stop - w.start for w in some)
    ids, mask = np.zeros((len(some), width), np.int64), np.zeros((len(some), width), np.bool_)
    attention = np.zeros_like(ids)
    for row, w in enumerate(some):
        n = w.stop - w.start
        ids[row, :n], attention[row, :n] = whole[w.text][w.start : w.stop], 1
        mask[row, w.first - w.start : n] = counts[w.text][w.first : w.stop]
    rows = torch.from_numpy(np.nonzero(mask)[0])
    wanted = torch.from_numpy(ids[mask])
    sums = np.zeros((3, len(models), len(some)))
    base = None
    for number, model in enumerate(models):
        logs = _logs(model, ids, attention, mask)
        base = logs.exp() if base is None else base
        own = wanted.to(logs.device)
        values = (
            -logs.gather(1, own[:, None])[:, 0],
            (logs.argmax(dim=1) == own).float(),
            -(base.to(logs.device) * logs).sum(dim=1),
        )
        for kind, value in enumerate(values):
            sums[kind, number] = np.bincount(rows, value.double().cpu().numpy(), len(some))
    found: dict[tuple[int, int], Floats] = {}
    for row, w in enumerate(some):
        for kind in range(3):
            place = kind, w.text
            found[place] = found.get(place, np.zeros(len(models))) + sums[kind, :, row]
    return found


def _logs(model: Any, ids: Ids, attention: Ids, mask: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    """Return the logarithms of what a model expects at the scored places, ``(scored, ids)``."""
    torch, _ = extra.needed("held-out loss")
    with torch.inference_mode():
        given = {
            "input_ids": torch.from_numpy(ids).to(model.device),
            "attention_mask": torch.from_numpy(attention).to(model.device),
        }
        logits = model(**given, use_cache=False).logits[:, :-1]
        there = torch.from_numpy(mask[:, 1:].copy()).to(logits.device)
        return torch.log_softmax(logits[there].float(), dim=-1)
