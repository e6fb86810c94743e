"""Held-out losses beside the plainest way to compute them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.training import extra, measure
from tasks.training.measure import How, Text
from tests.tasks.training.models import needs_torch

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = 40


@given(st.integers(2, 200), st.integers(2, 50), st.data())
def test_each_token_is_scored_once_with_enough_before_it(
    length: int, window: int, data: Any
) -> None:
    stride = data.draw(st.integers(1, window - 1))
    found = list(measure.windows(length, How(window, stride)))
    scored = [place for w in found for place in range(w.first, w.stop)]
    assert scored == list(range(1, length))
    for w in found:
        assert 0 <= w.start < w.first < w.stop
        assert w.stop - w.start <= window
        assert w.start == 0 or w.first - w.start >= window - stride


def model(seed: int) -> Any:
    needs_torch()
    torch, transformers = extra.needed("tests")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=SIZE, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, initializer_range=0.3,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def texts(begins: Sequence[int]) -> list[Text]:
    chance = np.random.default_rng(0)
    found = []
    for n in (1, 3, 9, 40, 17):
        scored = chance.random(n) < 0.8
        scored[:1] &= bool(begins)
        found.append(Text(chance.integers(0, SIZE, n), scored, 2 * n))
    return found


def by_hand(models: Sequence[Any], text: Text, begins: Sequence[int], how: How) -> Any:
    """Ask for each token alone: (nats, hits, cross) x models, with the window that it is due."""
    torch, _ = extra.needed("tests")
    ids = [*begins, *text.ids.tolist()]
    sums = np.zeros((3, len(models)))
    for w in measure.windows(len(ids), how):
        for place in range(w.first, w.stop):
            if not text.scored[place - len(begins)]:
                continue
            before = torch.tensor([ids[w.start : place]])
            with torch.no_grad():
                chances = [torch.softmax(m(before).logits[0, -1].double(), 0) for m in models]
            for number, own in enumerate(chances):
                sums[0, number] -= np.log(float(own[ids[place]]))
                sums[1, number] += int(own.argmax()) == ids[place]
                sums[2, number] -= float((chances[0] * own.log()).sum())
    return sums


@pytest.mark.parametrize("begins", [(), (7,)])
@pytest.mark.parametrize("how", [How(64, 32, 3), How(12, 5, 2), How(12, 11, 8)])
def test_scores_are_those_of_each_token_alone(begins: tuple[int, ...], how: How) -> None:
    models, every = [model(0), model(1)], texts(begins)
    found = measure.measured(models, every, begins, how)
    assert found.tokens.tolist() == [int(text.scored.sum()) for text in every]
    assert found.n_bytes.tolist() == [2, 6, 18, 80, 34]
    for number, text in enumerate(every):
        nats, hits, cross = by_hand(models, text, begins, how)
        np.testing.assert_allclose(found.nats[:, number], nats, rtol=1e-5)
        assert found.hits[:, number].tolist() == hits.tolist()
        np.testing.assert_allclose(found.cross[:, number], cross, rtol=1e-5)


def test_a_model_is_as_far_from_itself_as_its_entropy() -> None:
    own = model(0)
    found = measure.measured([own, own, model(1)], texts((7,)), (7,), How(32, 16))
    np.testing.assert_array_equal(found.cross[0], found.cross[1])
    scored = found.tokens > 0
    assert (found.cross[2] > found.cross[0])[scored].all()
