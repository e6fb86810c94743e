"""A model trained on a mixture's folder: gone on with after a kill, refused, read again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from schemas.errors import ConfigError, ManifestError, TrainingError
from schemas.training import CURVE, LoraConfig, RateConfig, TrainConfig
from tasks import learning
from tasks.learning import Request
from tasks.training import extra
from tests.corpora import prose
from tests.mixtures import Document, written
from tests.tasks.training.models import needs_torch

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = TrainConfig(
    batch_rows=4, epochs=2, neftune_alpha=5.0, rates=RateConfig(peak=4e-3, warm_up=0.1)
)
STEPS = 20
CODE = """
import sys
from schemas.training import TrainConfig
from tasks.learning import Request, train
mixture, model, out, config = sys.argv[1:]
config = TrainConfig.model_validate_json(config)
train(Request(mixture, model, out, config, state_steps=3), lambda p, n: print(p.step, flush=True))
"""


def mixture(folder: Path, *, row_tokens: int | None = 32, seed: str = "a", n: int = 40) -> Path:
    needs_torch()
    documents = [
        Document("b" if i % 4 else "a", prose((seed, i), 20), i % 4 == 0, 1 + i % 2)
        for i in range(n)
    ]
    splits = {"train": documents, "validation": documents[:8]}
    written(folder, splits, row_format="tokens", row_tokens=row_tokens)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixture(tmp_path_factory.mktemp("mixture"))


@pytest.fixture(scope="module")
def base(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what a run without interruption leaves."""
    out = tmp_path_factory.mktemp("base") / "out"
    learning.train(Request(str(data), "small", str(out), CONFIG, state_steps=3))
    return out


def curve(out: Path) -> list[dict[str, Any]]:
    table = pq.read_table(out / "curve.parquet")
    assert table.schema.equals(CURVE)
    return [{k: v for k, v in row.items() if k != "seconds"} for row in table.to_pylist()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed(request: Request, step: int) -> None:
    """Train in a process of its own, and kill it at a step."""
    config = request.config.model_dump_json()
    command = [sys.executable, "-c", CODE, request.mixture, request.model, request.out, config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= step:
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_what_a_run_leaves(data: Path, base: Path) -> None:
    points = curve(base)
    assert [point["step"] for point in points] == list(range(1, len(points) + 1))
    assert len(points) > STEPS / 2
    assert points[-1]["loss"] < points[0]["loss"] - 0.5
    said = json.loads((base / "training.json").read_bytes())
    assert said["steps"] == len(points)
    assert said["last"]["loss"] == points[-1]["loss"]
    every = sorted(path.name for path in (base / "states").iterdir())
    assert [int(name.removeprefix("step-")) % 3 for name in every] == [0, 0]
    assert not list(base.rglob("*.bin")) + list(base.rglob("*.pt")) + list(base.rglob("*.tmp"))


def test_the_model_that_is_left_speaks_with_the_tokenizer_of_the_mixture(
    data: Path, base: Path
) -> None:
    from tokenizers import Tokenizer

    from tasks.training import checkpoint

    loaded = checkpoint.load(str(base / "model"))
    own = Tokenizer.from_file(str(data / "tokenizer" / "tokenizer.json"))
    text = "The river crossed, 12 km!"
    assert loaded.tokenizer(text)["input_ids"] == own.encode(text).ids
    assert loaded.ends == {own.token_to_id("<|endoftext|>")}


def test_a_killed_run_goes_on_to_the_very_same_end(data: Path, base: Path, tmp_path: Path) -> None:
    request = Request(str(data), "small", str(tmp_path / "out"), CONFIG, state_steps=3)
    killed(request, 7)
    left = sorted((tmp_path / "out" / "states").iterdir())
    assert left
    done = learning.train(request)
    assert done.resumed_at >= 3
    assert curve(tmp_path / "out") == curve(base)
    assert files(tmp_path / "out" / "model") == files(base / "model")


def test_killed_adapters_go_on_too(base: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="no peft: the extra `train` is not installed")
    config = CONFIG.model_copy(update={"lora": LoraConfig(rank=2, dropout=0.1), "isolate": True})
    one, other = tmp_path / "one", tmp_path / "other"
    model = str(base / "model")
    done = learning.train(Request(str(data), model, str(one), config, state_steps=3))
    assert done.trained_parameters < done.parameters / 10
    killed(Request(str(data), model, str(other), config), 4)
    done = learning.train(Request(str(data), model, str(other), config, state_steps=3))
    assert done.resumed_at
    assert curve(other) == curve(one)
    for name in ("adapter/adapter_model.safetensors", "model/model.safetensors"):
        assert (other / name).read_bytes() == (one / name).read_bytes()


def test_the_same_request_again_trains_nothing(data: Path, base: Path) -> None:
    before = files(base / "model"), (base / "training.json").read_bytes()
    steps: list[int] = []
    learning.train(
        Request(str(data), "small", str(base), CONFIG), lambda point, _: steps.append(point.step)
    )
    assert steps == []
    assert before == (files(base / "model"), (base / "training.json").read_bytes())


@pytest.fixture
def begun(base: Path, tmp_path: Path) -> Path:
    """Give a run that was stopped: its states, and nothing else."""
    import shutil

    shutil.copytree(base / "states", tmp_path / "begun" / "states")
    (tmp_path / "begun" / ".lock").touch()
    return tmp_path / "begun"


def test_other_settings_under_a_run_are_refused(data: Path, begun: Path) -> None:
    config = CONFIG.model_copy(update={"seed": 1})
    with pytest.raises(ConfigError, match="a run with other settings"):
        learning.train(Request(str(data), "small", str(begun), config))


def test_another_mixture_under_a_run_is_refused(
    data: Path, begun: Path, base: Path, tmp_path: Path
) -> None:
    other = mixture(tmp_path / "other", seed="b")
    for out in (begun, base):
        with pytest.raises(ConfigError, match="another mixture"):
            learning.train(Request(str(other), "small", str(out), CONFIG))


@pytest.mark.parametrize("name", ["optimizer-00000.safetensors", "model/model.safetensors"])
def test_a_damaged_state_is_refused_and_the_one_before_serves(
    data: Path, base: Path, begun: Path, name: str
) -> None:
    *_, last = sorted((begun / "states").iterdir())
    body = bytearray((last / name).read_bytes())
    body[-9] ^= 1
    (last / name).write_bytes(body)
    request = Request(str(data), "small", str(begun), CONFIG, state_steps=3)
    with pytest.raises(ManifestError, match=r"damaged.*Remove .*states/step"):
        learning.train(request)
    for path in (last / "model").iterdir():
        path.unlink()
    (last / "model").rmdir()
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    learning.train(request)
    assert curve(begun) == curve(base)


def test_a_state_without_its_json_is_refused(data: Path, begun: Path) -> None:
    *_, last = sorted((begun / "states").iterdir())
    (last / "state.json").write_bytes(b"{")
    with pytest.raises(ManifestError, match=r"wanted a state\. Remove "):
        learning.train(Request(str(data), "small", str(begun), CONFIG))


def test_a_model_of_another_tokenizer_is_refused(base: Path, tmp_path: Path) -> None:
    other = mixture(tmp_path / "other", seed="c")
    with pytest.raises(ConfigError, match=r'mean other text. Build it anew with path = "'):
        learning.train(Request(str(other), str(base / "model"), str(tmp_path / "out"), CONFIG))
    assert not (tmp_path / "out").exists()


def test_a_model_with_fewer_ids_is_refused(data: Path, base: Path, tmp_path: Path) -> None:
    _, transformers = extra.needed("tests")
    small = tmp_path / "small"
    config = transformers.LlamaConfig(
        vocab_size=99, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(small)
    (small / "tokenizer.json").write_bytes((base / "model" / "tokenizer.json").read_bytes())
    with pytest.raises(ConfigError, match="embeddings for 99 ids"):
        learning.train(Request(str(data), str(small), str(tmp_path / "out"), CONFIG))


def test_rows_longer_than_the_model_looks_at_are_refused(base: Path, tmp_path: Path) -> None:
    needs_torch()
    own = (base / "model" / "tokenizer.json").read_bytes()
    long = [Document("a", prose(("long", i), 200)) for i in range(3)]
    for row_tokens in (None, 64):
        folder = tmp_path / f"long-{row_tokens}"
        written(folder, {"train": long}, row_format="tokens", row_tokens=row_tokens, tokenizer=own)
        with pytest.raises(ConfigError, match=r"looks at 32 tokens.*row_tokens = 32 or less"):
            learning.train(Request(str(folder), str(base / "model"), str(tmp_path / "o"), CONFIG))


@pytest.mark.parametrize("row_format", ["text", "messages"])
def test_a_mixture_of_text_is_refused(tmp_path: Path, row_format: Any) -> None:
    needs_torch()
    written(tmp_path / "m", {"train": [Document("a", prose(1))]}, row_format=row_format)
    with pytest.raises(ConfigError, match='Build it with format = "tokens"'):
        learning.train(Request(str(tmp_path / "m"), "small", str(tmp_path / "out"), CONFIG))


def test_missing_and_damaged_checkpoints_are_refused(
    data: Path, base: Path, tmp_path: Path
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    out = str(tmp_path / "out")
    with pytest.raises(ConfigError, match=r"a fresh one.*download the model first"):
        learning.train(Request(str(data), str(tmp_path / "no"), out, CONFIG))
    shutil.copytree(base / "model", tmp_path / "half")
    weights = tmp_path / "half" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    with pytest.raises(ConfigError, match="that transformers can load"):
        learning.train(Request(str(data), str(tmp_path / "half"), out, CONFIG))
    some = load_file(base / "model" / "model.safetensors")
    gone = sorted(name for name in some if "layers.1." in name)
    save_file({n: some[n] for n in some if n not in gone}, weights, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=f"weights without {gone[0]} and {len(gone) - 1} more"):
        learning.train(Request(str(data), str(tmp_path / "half"), out, CONFIG))
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ConfigError, match="a pickle can run anything"):
        learning.train(Request(str(data), str(tmp_path / "half"), out, CONFIG))
    assert not list((tmp_path / "out").glob("[!.]*"))


def test_folders_that_hold_something_else_are_left_alone(
    data: Path, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine" / "model").mkdir(parents=True)
    for out in (tmp_path / "mine", data):
        with pytest.raises(ConfigError, match=r"not of a training run"):
            learning.train(Request(str(data), "small", str(out), CONFIG))


def test_a_diverging_run_names_its_documents(data: Path, tmp_path: Path) -> None:
    wild = RateConfig(schedule="constant", peak=1e30, warm_up=0)
    config = TrainConfig(batch_rows=4, rates=wild)
    with pytest.raises(TrainingError, match=r"row \d+ \([0-9a-f]{32}"):
        learning.train(Request(str(data), "small", str(tmp_path / "out"), config))


def test_documents_a_row_each_are_padded_and_all_of_them_read(base: Path, tmp_path: Path) -> None:
    folder = mixture(tmp_path / "m", row_tokens=None, n=13)
    done = learning.train(
        Request(str(folder), "small", str(tmp_path / "out"), TrainConfig(batch_rows=4))
    )
    table = pq.read_table(sorted((folder / "mixture" / "train").iterdir()), columns=["tokens"])
    assert done.rows == 13
    assert done.tokens == sum(table["tokens"].to_pylist()) + 13
    assert done.steps == 4
    started = time.monotonic()
    again = learning.train(
        Request(str(folder), "small", str(tmp_path / "out"), TrainConfig(batch_rows=4))
    )
    assert again.tokens == done.tokens
    assert time.monotonic() - started < 60


def test_more_data_goes_on_from_the_end_of_the_constant_phase(data: Path, tmp_path: Path) -> None:
    rates = RateConfig(schedule="infinite", peak=4e-3, warm_up=0.1, anneal=0.4)
    config = TrainConfig(batch_rows=4, rates=rates)
    out = tmp_path / "out"
    done = learning.train(Request(str(data), "small", str(out), config, state_steps=2, keep=1))
    last = done.steps - round(0.4 * done.steps)
    assert {path.name for path in (out / "states").iterdir()} == {
        f"step-{last:08d}", f"step-{(done.steps - 1) // 2 * 2:08d}",
    }  # fmt: skip
    model = out / "states" / f"step-{last:08d}" / "model"
    more = rates.model_copy(update={"warm_up": 0.0, "cool_down": 0.0})
    learning.train(
        Request(
            str(data), str(model), str(tmp_path / "more"), TrainConfig(batch_rows=4, rates=more)
        )
    )
    first = curve(tmp_path / "more")[0]
    assert first["rate"] == curve(out)[last - 1]["rate"] == pytest.approx(2e-3)
    assert first["loss"] < curve(out)[0]["loss"] - 0.2
