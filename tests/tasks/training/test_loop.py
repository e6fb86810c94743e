"""The training step beside plain PyTorch: losses, weights, noise, accumulation, adapters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from schemas.errors import TrainingError
from schemas.mixture import NO_LOSS
from schemas.training import LoraConfig, RateConfig, TrainConfig
from tasks.training import building, extra, loop, losses, neftune
from tests.tasks.training.models import needs_torch, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.training.batches import Batch

SIZE, LENGTH = 50, 12
CONSTANT = RateConfig(schedule="constant", warm_up=0, peak=1e-2)


@pytest.fixture(autouse=True)
def torch() -> Any:
    needs_torch()
    building.settle()
    import torch as library

    return library


def model(kind: str = "llama", seed: int = 0, **more: Any) -> Any:
    torch, transformers = extra.needed("tests")
    torch.manual_seed(seed)
    config: Any
    if kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=SIZE, n_embd=16, n_layer=2, n_head=2, n_positions=64
        )
    else:
        config = transformers.LlamaConfig(
            vocab_size=SIZE, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=64, **more,
        )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config)


def some(rows: int = 8, seed: int = 0) -> Batch:
    chance = np.random.default_rng(seed)
    ids = chance.integers(0, SIZE, (rows, LENGTH))
    batch = whole(ids, is_replay=np.arange(rows) % 4 == 0)
    labels = np.where(chance.random(ids.shape) < 0.2, NO_LOSS, batch.labels)
    return batch._replace(labels=labels)


def numbers(own: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in own.named_parameters()}


def trained(own: Any, some_batches: Sequence[Batch], config: TrainConfig) -> list[loop.Point]:
    return list(loop.steps(loop.learner(own, config, "cpu"), some_batches, config, total=9))


def test_the_loss_is_that_of_transformers(torch: Any) -> None:
    own, batch = model(), some()
    with torch.no_grad():
        said = own(input_ids=torch.tensor(batch.ids), labels=torch.tensor(batch.labels)).loss
        nats = losses.each(
            own(input_ids=torch.tensor(batch.ids)).logits, torch.tensor(batch.labels)
        )
    assert float(nats.sum() / batch.learned) == pytest.approx(float(said), rel=1e-5)
    point, *_ = trained(own, [batch], TrainConfig(rates=CONSTANT))
    assert point.loss == pytest.approx(float(said), rel=1e-5)
    replayed = (batch.labels[batch.is_replay, 1:] != NO_LOSS).sum()
    assert point.replay_loss is not None
    assert point.new_loss is not None
    both = replayed * point.replay_loss + (batch.learned - replayed) * point.new_loss
    assert both / batch.learned == pytest.approx(point.loss)


def test_smaller_batches_that_add_up_are_the_same_step() -> None:
    one, other = model(), model()
    trained(one, [some(), some(seed=1)], TrainConfig(batch_rows=8, rates=CONSTANT))
    small = TrainConfig(batch_rows=2, accumulation=4, rates=CONSTANT)
    trained(other, [some(), some(seed=1)], small)
    for (name, a), b in zip(numbers(one).items(), numbers(other).values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=2e-5, err_msg=name)


def gradient(batch: Batch, **options: Any) -> Any:
    own = model()
    config = TrainConfig(clip_norm=1e9, rates=CONSTANT, **options)
    learner = loop.learner(own, config, "cpu")
    loop._gradients(learner, batch, config, None, 1)
    return {name: p.grad.numpy() for name, p in own.named_parameters()}


def test_a_row_of_twice_the_weight_counts_twice() -> None:
    """Gradients are linear in the weights; without them all rows count alike."""
    batch = some(2)
    ones = batch.weights
    first, second, both, more = (
        gradient(batch._replace(weights=ones * np.array([[a], [b]], np.float32)))
        for a, b in ((1, 0), (0, 1), (1, 1), (2, 0.5))
    )
    off = gradient(batch._replace(weights=ones * 7), loss_weights=False)
    for name, value in first.items():
        np.testing.assert_allclose(value + second[name], both[name], atol=1e-6)
        np.testing.assert_allclose(2 * value + 0.5 * second[name], more[name], atol=1e-6)
        np.testing.assert_allclose(off[name], both[name], atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_isolated_documents_have_the_loss_that_they_have_alone(torch: Any, kind: str) -> None:
    chance = np.random.default_rng(5)
    alone = [chance.integers(0, SIZE, n) for n in (5, 1, 7, 4)]
    own = model(kind).eval()
    row = whole(np.concatenate(alone)[None])
    pieces = np.repeat(np.arange(4), [len(a) for a in alone])[None]
    row = row._replace(pieces=pieces).isolated()
    with torch.no_grad():
        logits = own(**losses.given(row, "cpu", isolate=True)).logits
        found = losses.each(logits, torch.tensor(row.labels))
        wanted = [
            losses.each(own(input_ids=torch.tensor(a[None])).logits, torch.tensor(a[None]))
            for a in alone
        ]
        seeing = losses.each(
            own(**losses.given(row, "cpu", isolate=False)).logits, torch.tensor(row.labels)
        )
    total = sum(float(one.sum()) for one in wanted)
    assert float(found.sum()) == pytest.approx(total, rel=1e-5)
    assert abs(float(seeing.sum()) - total) > 1e-3


def test_noise_is_as_long_as_its_formula_says(torch: Any) -> None:
    """Uniform within alpha / sqrt(L d), L the row's own length; none on padding."""
    width, lengths = 16, (3, 400)
    attention = torch.zeros(2, 400, dtype=torch.long)
    for row, length in enumerate(lengths):
        attention[row, :length] = 1
    noise = neftune.Noise(5.0)
    noise.attention = attention
    added = noise.added(torch.zeros(2, 400, width))
    for row, length in enumerate(lengths):
        bound = 5.0 / math.sqrt(length * width)
        own = added[row, :length]
        assert not added[row, length:].any()
        assert 0.85 * bound < float(own.abs().max()) <= bound
        assert float(own.std()) == pytest.approx(bound / math.sqrt(3), rel=0.25)


def test_noise_is_for_training_only(torch: Any) -> None:
    own = model()
    ids = torch.tensor(some().ids)
    plain = own.eval()(input_ids=ids).logits
    with neftune.noisy(own, 10.0) as noise:
        assert noise is not None
        noise.attention = torch.ones_like(ids)
        assert torch.equal(own.eval()(input_ids=ids).logits, plain)
        assert not torch.equal(own.train()(input_ids=ids).logits, plain)
    assert torch.equal(own.train()(input_ids=ids).logits, plain)


def test_noise_and_dropout_come_from_the_seed_and_the_step() -> None:
    def run(seed: int, alpha: float = 5.0) -> list[float]:
        config = TrainConfig(neftune_alpha=alpha, seed=seed, rates=CONSTANT)
        points = trained(model("gpt2"), [some(), some(seed=1)], config)
        return [point.weighted_loss for point in points]

    assert run(0) == run(0)
    assert run(0) != run(1)
    assert run(0) != run(0, alpha=0.0)


def test_adapters_learn_and_all_else_stays() -> None:
    pytest.importorskip("peft", reason="no peft: the extra `train` is not installed")
    own = building.adapted(model(), LoraConfig(rank=2), seed=0)
    before = numbers(own)
    trained(own, [some(), some(seed=1)], TrainConfig(lora=LoraConfig(rank=2), rates=CONSTANT))
    changed = {name for name, value in numbers(own).items() if not value.equal(before[name])}
    assert changed
    assert all("lora_" in name for name in changed)
    assert {n for n, p in own.named_parameters() if p.requires_grad} == changed


def test_half_precision_and_activations_anew_learn_about_the_same() -> None:
    plain = [p.loss for p in trained(model(), [some()] * 4, TrainConfig(rates=CONSTANT))]
    for options in ({"precision": "bf16"}, {"checkpointing": True}):
        config = TrainConfig.model_validate({"rates": CONSTANT, **options})
        found = [p.loss for p in trained(model(), [some()] * 4, config)]
        np.testing.assert_allclose(found, plain, rtol=0.02)  # type: ignore[arg-type]
        assert plain[-1] < plain[0]  # type: ignore[operator]


def test_a_loss_that_is_no_number_stops_with_the_rows(torch: Any) -> None:
    own = model()
    with torch.no_grad():
        own.get_input_embeddings().weight[7] = math.nan
    ids = np.full((2, LENGTH), 3)
    ids[1, 2] = 7
    batch = whole(ids)._replace(positions=np.array([40, 41]), documents=(("d40",), ("d41", "e41")))
    with pytest.raises(
        TrainingError, match=r"step 1: got the loss nan of row 41 \(d41, e41\)"
    ) as e:
        trained(own, [batch], TrainConfig(batch_rows=1, rates=CONSTANT))
    assert "row 40" not in str(e.value)


def test_a_gradient_that_is_no_number_stops_before_the_step() -> None:
    own = model()
    own.get_output_embeddings().weight.register_hook(lambda grad: grad * math.nan)
    before = numbers(own)
    with pytest.raises(TrainingError, match="the gradient nan"):
        trained(own, [some()], TrainConfig(rates=CONSTANT))
    assert all(value.equal(before[name]) for name, value in numbers(own).items())


def test_too_little_memory_says_what_to_lower() -> None:
    said = (
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    )
    with (
        pytest.raises(TrainingError, match="Halve --batch and double --accumulation"),
        building.enough_memory(8),
    ):
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="else"), building.enough_memory(8):
        raise RuntimeError("something else")


def test_memory_that_is_really_not_there_is_one_message(torch: Any) -> None:
    with (
        pytest.raises(TrainingError, match="not enough memory for 8 rows"),
        building.enough_memory(8),
    ):
        torch.zeros(1 << 50)
