"""Reads a mixture as torchtitan does: titan.py SEEN TOKENIZER LENGTH ROWS BATCHES.

Half of the batches come from one loader, the others from a second one that goes on from its state.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))
import_module("torchtitan_dataset")  # registers the mixture
HuggingFaceTextDataLoader = import_module(
    "torchtitan.hf_datasets.text_datasets"
).HuggingFaceTextDataLoader
HuggingFaceTokenizer = import_module("torchtitan.components.tokenizer").HuggingFaceTokenizer
seen, folder, length, rows, batches = sys.argv[1:]


def loader() -> Any:
    return HuggingFaceTextDataLoader(
        HuggingFaceTextDataLoader.Config(dataset="mixture", infinite=False),
        dp_world_size=1,
        dp_rank=0,
        tokenizer=HuggingFaceTokenizer(tokenizer_path=folder),
        seq_len=int(length),
        local_batch_size=int(rows),
    )


found: list[Any] = []
state = None
for half in (int(batches) // 2, int(batches)):
    reader = loader()
    if state is not None:
        reader.load_state_dict(state)
    for inputs, labels in reader:
        found.append({"input_ids": inputs["input"].tolist(), "labels": labels.tolist()})
        if len(found) == half:
            break
    state = reader.state_dict()
Path(seen).write_text("\n".join(map(json.dumps, found)), encoding="utf-8")
