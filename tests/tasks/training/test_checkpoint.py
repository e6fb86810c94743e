"""What is refused before anything is loaded, with or without PyTorch."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from schemas.errors import ConfigError
from tasks.generating import Request, of_checkpoint
from tasks.training import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = ["config.json", "model.safetensors", "tokenizer.json"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "Download the model first"),
        (["model.safetensors", "tokenizer.json"], r"no config.json"),
        (["config.json", "tokenizer.json"], "no weights"),
        (["config.json", "pytorch_model.bin", "tokenizer.json"], "a pickle can run anything"),
        (["config.json", "model.safetensors"], "no tokenizer"),
    ],
)
def test_folders_that_are_no_checkpoint_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        checkpoint.check("models/base", names)


def test_a_checkpoint_is_none_of_these() -> None:
    checkpoint.check("models/base", WHOLE)
    checkpoint.check("models/base", ["config.json", "model-00001-of-00002.safetensors",
                                     "vocab.json", "pytorch_model.bin"])  # fmt: skip


def empty(folder: Path) -> Path:
    folder.mkdir()
    for name in WHOLE:
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.mark.parametrize("body", [None, b"\n \n", b"\xff\xfe"])
def test_prompts_that_cannot_be_read_are_refused(tmp_path: Path, body: bytes | None) -> None:
    prompts = tmp_path / "prompts.txt"
    if body is not None:
        prompts.write_bytes(body)
    request = Request(folder=str(empty(tmp_path / "m")), tokens=9, prompts=str(prompts))
    with pytest.raises(ConfigError, match="a prompt a line"):
        of_checkpoint(request, str(tmp_path / "out.parquet"))


def test_without_torch_the_extra_is_named(tmp_path: Path) -> None:
    folder = empty(tmp_path / "m")
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"  # as if it were not installed
        f"sys.argv = ['openmoat', 'generate', {str(folder)!r}, '--tokens', '9', '--out', 'x']\n"
        "from flows.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert 'pip install "openmoat[train]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


@pytest.mark.parametrize(
    "module",
    [
        "tasks.generating",
        "tasks.training.checkpoint",
        "tasks.training.texts",
        "tasks.training.loop",
        "tasks.training.measure",
        "tasks.learning",
        "tasks.forgetting",
        "tasks.replay.generations",
        "tasks.replay.profiles",
        "tasks.replay.selection",
        "tasks.report.profile",
        "flows.cli",
        "flows.generate",
        "flows.train",
        "flows.forgetting",
    ],
)
def test_importing_imports_no_torch(module: str) -> None:
    heavy = "{'torch', 'transformers', 'prefect', 'datasets'}"
    script = f"import sys, {module}\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
