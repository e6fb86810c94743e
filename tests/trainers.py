"""Environments of their own for real trainers, made once in the cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TORCH = "torch==2.13.0"
"""Without a version pip may take one for GPUs, which is gigabytes more."""


class Trainer(NamedTuple):
    """What pip installs, and what goes again as it is compiled for PyTorch with a GPU."""

    needs: tuple[str, ...]
    without: tuple[str, ...] = ()
    """Packages."""
    unlinked: str = "no/such.file"
    """Files below ``site-packages``; what they belong to is imported without them."""


TRAINERS = {
    "trl": Trainer((TORCH, "trl==1.16.0", "transformers==5.24.0")),
    "axolotl": Trainer((TORCH, "axolotl==0.19.0", "setuptools", "wheel", "packaging")),
    "llamafactory": Trainer(
        (TORCH, "llamafactory==0.9.5"), ("torchvision",), "torchaudio/lib/*.so"
    ),
    "torchtitan": Trainer((TORCH, "torchtitan==0.3.0")),
}
"""TRL's has the Trainer of transformers, too. Together they take ten gigabytes."""
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "DO_NOT_TRACK": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
    "WANDB_DISABLED": "true",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}
INSIDE = Path(__file__).parent / "tasks" / "handoff" / "inside"
LAST_LINES = 12


def python_of(name: str) -> str:
    """Return the Python of a trainer's environment; skips the test where pip cannot make it."""
    trainer = TRAINERS[name]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    venv = cache / "openmoat" / "trainers" / name
    stamp, wanted = (
        venv / "installed.txt",
        "\n".join([*trainer.needs, *trainer.without, trainer.unlinked]),
    )
    python = venv / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted:
        return str(python)
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q"]
    command = [*pip, "install", *trainer.needs]
    made = subprocess.run(command, check=False, text=True, capture_output=True)
    if made.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        pytest.skip(f"pip cannot install {name}:\n{_end(made.stderr)}")
    if trainer.without:
        subprocess.run([*pip, "uninstall", "-y", *trainer.without], check=True)
    for file in venv.glob(f"lib/python3*/site-packages/{trainer.unlinked}"):
        file.unlink()
    stamp.write_text(wanted)
    return str(python)


def run(name: str, script: str, *args: object, cwd: Path, home: Path) -> str:
    """Run one of the scripts of ``inside`` in a trainer's environment; return what it printed.

    ``home`` is where libraries put what they keep.
    """
    environment: dict[str, Any] = os.environ | OFFLINE | {"HF_HOME": str(home)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python_of(name), str(INSIDE / script), *map(str, args)],
        check=False,
        cwd=cwd,
        env=environment,
        text=True,
        capture_output=True,
    )
    if done.returncode:
        pytest.fail(f"{script} {args}\n{_end(done.stdout)}\n{_end(done.stderr)}")
    return done.stdout


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-LAST_LINES:])
