"""A configuration for LLaMA-Factory, and its list of data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schemas.handoff import Handed
from schemas.views import CHAT, DEFAULT

if TYPE_CHECKING:
    from tasks.handoff.facts import Facts

NAME = "LLaMA-Factory"
FILE, DATA, ROWS = "llamafactory.yaml", "dataset_info.json", "rows"
CONFIG = """\
# Train on this mixture with LLaMA-Factory, from within this folder:
$before#     llamafactory-cli train llamafactory.yaml
# MODEL has the tokenizer of the mixture:
#     $tokenizer
# Rows are read in the order they stand in, which keeps the schedule. Loss weights are lost.$note
model_name_or_path: MODEL
stage: $stage
do_train: true
finetuning_type: full
$data
# Longer rows would be cut.
cutoff_len: $room
packing: false  # it would drop the rest of each thousand rows
disable_shuffling: true  # keeps the order
output_dir: ./llamafactory-out
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
num_train_epochs: 1  # the mixture's epochs are written out
learning_rate: 1.0e-5
lr_scheduler_type: cosine
"""
BEFORE = """\
#     python -c 'from datasets import load_dataset as load; load("..").save_to_disk("rows")'
"""
TOKENIZED = "tokenized_path: rows\ndataset: mixture  # has to be named, and is not read"
ALONE = """
# It trains on text (stage pt) or on conversations (sft), never on both: these are conversations
# alone, and the mixture's shares are lost. One order for both is the format tokens."""
TEMPLATES = {
    "chatml": "chatml",
    "qwen2.5": "qwen",
    "llama-2": "llama2",
    "llama-3": "llama3",
    "mistral": "mistral",
    "gemma": "gemma",
    "openchat": "openchat",
}
"""Names of the recipe's chat templates; of another one, the tokenizer's own is taken."""
TURNS: dict[str, Any] = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


def handed(facts: Facts) -> Handed:
    """Return the files: for ids, which have to be saved once, text or turns."""
    if facts.layout.format == "tokens":
        config = facts.fill(CONFIG, before=BEFORE, note="", stage="sft", data=TOKENIZED)
        said = "Keeps the order. Reads ids that were saved once by a line of Python."
        return Handed(NAME, {FILE: config}, f"{said} Loss weights are lost.")
    chat = facts.layout.format == "messages" and facts.has(CHAT)
    apart = chat and facts.has("text")
    template = TEMPLATES.get(facts.layout.tokenizer.chat_template or "") if chat else None
    lines = ["dataset_dir: .", "dataset: mixture"]
    lines += ["eval_dataset: validation"] * facts.validation
    lines += [f"template: {template}"] * (template is not None)
    config = facts.fill(
        CONFIG,
        before="",
        note=ALONE if apart else "",
        stage="sft" if chat else "pt",
        data="\n".join(lines),
    )
    splits = {"mixture": "train"} | ({"validation": "validation"} if facts.validation else {})
    how = TURNS if chat else {"columns": {"prompt": "text"}}
    listed = {
        name: {"hf_hub_url": "..", "subset": DEFAULT, "split": split, **how}
        for name, split in splits.items()
    }
    said = "Conversations alone: the mixture's shares are lost." if apart else "Keeps the order."
    files = {FILE: config, DATA: json.dumps(listed, indent=2) + "\n"}
    return Handed(NAME, files, f"{said} Loss weights are lost.")
