"""Runs a trainer's program and writes down what it trains on: seen.py SEEN PROGRAM ARGUMENTS.

``PROGRAM`` is a script, or a module that is run as one. Every step's batch is a line of JSON: its
tensors, the number of tokens that the loss is the mean of, and the loss.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

transformers: Any = import_module("transformers")  # types of which version, no checker knows
seen, program, *arguments = sys.argv[1:]
trained = transformers.Trainer.training_step


def training_step(self: Any, model: Any, inputs: Any, *args: Any, **more: Any) -> Any:
    """Write the batch down, and train on it."""
    batch = {key: value.tolist() for key, value in inputs.items() if hasattr(value, "tolist")}
    n = args[0] if args else more.get("num_items_in_batch")
    loss = trained(self, model, inputs, *args, **more)
    said = {**batch, "n": None if n is None else int(n), "loss": float(loss)}
    with Path(seen).open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")
    return loss


transformers.Trainer.training_step = training_step
sys.argv = [program, *arguments]
if program.endswith(".py"):
    sys.path.insert(0, str(Path(program).resolve().parent))
    runpy.run_path(program, run_name="__main__")
else:
    runpy.run_module(program, run_name="__main__", alter_sys=True)
