"""What a checkpoint writes: really random weights, really sampled; skipped without PyTorch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas.errors import ConfigError
from schemas.tables import GENERATIONS
from tasks import generating
from tasks.generating import Answer, Request, of_checkpoint
from tasks.training import checkpoint, sampling
from tasks.training.sampling import Asked, How
from tests.tasks.training.models import needs_torch, tiny

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SHORT = How(length=24, batch=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_torch()
    return tiny(tmp_path_factory.mktemp("model"))


def rows_of(out: Path) -> list[dict[str, Any]]:
    table = pq.read_table(out)
    assert table.schema.equals(GENERATIONS)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def generated(
    model: Path, out: Path, tokens: int = 1_500, **more: Any
) -> tuple[Answer, list[dict[str, Any]]]:
    request = Request(folder=str(model), tokens=tokens, **{"how": SHORT, **more})
    return of_checkpoint(request, str(out)), rows_of(out)


def test_a_seed_gives_the_same_rows_whatever_the_batch(model: Path, tmp_path: Path) -> None:
    answer, rows = generated(model, tmp_path / "a.parquet")
    assert answer.tokens == sum(row["n_tokens"] for row in rows) >= 1_500
    assert answer.tokens - rows[-1]["n_tokens"] < 1_500
    assert answer.rows == len(rows)
    assert not (tmp_path / "a.parquet.parts").exists()
    assert max(row["n_tokens"] for row in rows) <= 24
    assert len({row["seed"] for row in rows}) == len(rows)
    assert all(row["messages"] is None for row in rows)
    assert [row["finished"] for row in rows].count(True) == answer.finished
    assert all(row["n_tokens"] == 24 for row in rows if not row["finished"])
    _, again = generated(model, tmp_path / "b.parquet", how=SHORT._replace(batch=5))
    assert again == rows
    _, other = generated(model, tmp_path / "c.parquet", seed=1)
    assert {row["text"] for row in other}.isdisjoint(row["text"] for row in rows)


def test_more_tokens_are_the_same_rows_and_more(model: Path, tmp_path: Path) -> None:
    _, few = generated(model, tmp_path / "a.parquet", tokens=300)
    _, many = generated(model, tmp_path / "b.parquet", tokens=2_000)
    assert many[: len(few)] == few
    assert len(many) > len(few)


def test_the_same_command_again_samples_nothing_and_another_is_refused(
    model: Path, tmp_path: Path
) -> None:
    _, rows = generated(model, tmp_path / "a.parquet")
    answer, again = generated(model, tmp_path / "a.parquet")
    assert again == rows
    assert (answer.made, answer.device) == (0, None)
    with pytest.raises(ConfigError, match="of another command"):
        generated(model, tmp_path / "a.parquet", seed=9)


def test_a_killed_run_goes_on_and_gives_the_same_rows(model: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "a.parquet", tmp_path / "whole.parquet"
    command = [sys.executable, "-m", "flows.cli", "generate", str(model), "--tokens", "6000"]
    command += ["--length", "24", "--out", str(out)]
    process = subprocess.Popen(command, env=os.environ)
    parts, until = out.with_name("a.parquet.parts"), time.monotonic() + 120
    while not list(parts.glob("part-*.parquet")) and time.monotonic() < until:
        time.sleep(0.005)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    left = len(list(parts.glob("part-*.parquet")))
    assert left
    answer, rows = generated(model, out, tokens=6_000)
    assert answer.reused == left
    assert answer.made
    _, wanted = generated(model, whole, tokens=6_000)
    assert rows == wanted


def test_tokens_come_as_often_as_the_model_says(tmp_path: Path) -> None:
    """Pearson's chi-square of first tokens, and of those after a prompt, against the softmax."""
    needs_torch()
    import torch

    loaded = checkpoint.load(str(tiny(tmp_path / "model", vocab_size=260)))
    n = 8_000
    for prompt, temperature in ((loaded.begins, 1.0), ((*loaded.begins, 40, 41), 0.7)):
        asked = [Asked(prompt, seed) for seed in range(n)]
        how = How(temperature=temperature, length=1, batch=1_000)
        found = sampling.sampled(loaded, asked, how, ends=())
        counts = np.bincount([row.tokens[0] for row in found], minlength=260)
        with torch.inference_mode():
            logits = loaded.model(input_ids=torch.tensor([prompt])).logits[0, -1].double()
        wanted = n * torch.softmax(logits / temperature, dim=0).numpy()
        often = wanted >= 5
        observed = np.append(counts[: len(wanted)][often], counts[: len(wanted)][~often].sum())
        expected = np.append(wanted[often], wanted[~often].sum())
        keep = expected > 0
        from scipy.stats import chisquare

        assert chisquare(observed[keep], expected[keep]).pvalue > 1e-4
        flat = np.full(keep.sum(), n / keep.sum())
        assert chisquare(observed[keep], flat).pvalue < 1e-9  # it is not just anything


def test_later_tokens_come_from_the_model_too(tmp_path: Path) -> None:
    """With the cache: the model gives what was sampled the probability that it should have."""
    needs_torch()
    import torch

    loaded = checkpoint.load(str(tiny(tmp_path / "model", vocab_size=260)))
    asked = [Asked(loaded.begins, seed) for seed in range(300)]
    found = sampling.sampled(loaded, asked, How(length=12, batch=100), ends=())
    ids = torch.tensor([[*loaded.begins, *row.tokens] for row in found])
    with torch.inference_mode():
        logs = torch.log_softmax(loaded.model(input_ids=ids).logits[:, :-1].double(), dim=-1)
    said = -logs.gather(2, ids[:, 1:, None]).numpy()
    entropy = -(logs.exp() * logs).sum(-1).numpy()
    differences = (said[..., 0] - entropy).ravel()
    error = differences.std() / np.sqrt(len(differences))
    assert abs(differences.mean()) < 4 * error


def test_prompts_are_used_in_turn_and_stand_in_the_text(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("The river crossed\n\nA quiet\n", encoding="utf-8")
    _, rows = generated(model, tmp_path / "a.parquet", prompts=str(file))
    assert rows[0]["text"].startswith("The river crossed")
    assert rows[1]["text"].startswith("A quiet")
    assert rows[2]["text"].startswith("The river crossed")


def test_chat_models_write_both_turns(tmp_path: Path) -> None:
    needs_torch()
    chat = tiny(tmp_path / "chat", chat=True)
    answer, rows = generated(chat, tmp_path / "a.parquet", chat=True, how=How(length=60))
    roles = [[m["role"] for m in row["messages"]] for row in rows]
    assert all(r in ([], ["user"], ["user", "assistant"]) for r in roles)
    assert ["user", "assistant"] in roles
    both = rows[roles.index(["user", "assistant"])]
    user, reply = (m["content"] for m in both["messages"])
    assert both["text"] == f"User: {user}\n\nAssistant: {reply}"
    assert "<|" not in both["text"]
    assert answer.tokens >= 1_500
    file = tmp_path / "prompts.txt"
    file.write_text("What is a moat?\n", encoding="utf-8")
    _, asked = generated(chat, tmp_path / "b.parquet", chat=True, prompts=str(file))
    assert {row["messages"][0]["content"] for row in asked} == {"What is a moat?"}


def test_a_base_model_has_no_chat(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without a chat template"):
        generated(model, tmp_path / "a.parquet", chat=True)


def test_a_text_longer_than_the_model_can_look_at_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--length 255 or less"):
        generated(model, tmp_path / "a.parquet", how=How(length=256))


def test_damaged_weights_are_one_message(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model.iterdir():
        body = file.read_bytes()
        (broken / file.name).write_bytes(
            body[: len(body) // 2] if file.suffix == ".safetensors" else body
        )
    with pytest.raises(ConfigError, match="that transformers can load"):
        generated(broken, tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_code_that_comes_with_a_checkpoint_is_not_run(model: Path, tmp_path: Path) -> None:
    import json

    strange, proof = tmp_path / "strange", tmp_path / "ran"
    strange.mkdir()
    for file in model.iterdir():
        (strange / file.name).write_bytes(file.read_bytes())
    config = json.loads((strange / "config.json").read_text())
    config |= {"model_type": "stranger", "auto_map": {"AutoConfig": "code.C",
               "AutoModelForCausalLM": "code.M"}}  # fmt: skip
    (strange / "config.json").write_text(json.dumps(config))
    (strange / "code.py").write_text(f"open({str(proof)!r}, 'w')\n")
    with pytest.raises(ConfigError):
        generated(strange, tmp_path / "a.parquet")
    assert not proof.exists()


def test_the_shards_of_another_request_are_not_taken(model: Path, tmp_path: Path) -> None:
    parts = tmp_path / "a.parquet.parts"
    _, rows = generated(model, tmp_path / "b.parquet", seed=5)
    parts.mkdir()
    (parts / "part-000000.parquet").write_bytes((tmp_path / "b.parquet").read_bytes())
    answer, found = generated(model, tmp_path / "a.parquet")
    assert answer.reused == 0
    assert found[0] != rows[0]
    assert generating.ROWS * answer.made >= answer.rows
