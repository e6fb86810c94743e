"""A configuration for axolotl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.handoff import Handed
from schemas.views import CHAT, TEXT

if TYPE_CHECKING:
    from tasks.handoff.facts import Facts

NAME = "axolotl"
FILE = "axolotl.yaml"
CONFIG = """\
# Train on this mixture with axolotl, from within this folder:
#     axolotl train axolotl.yaml
# BASE_MODEL has the tokenizer of the mixture:
#     $tokenizer
$order
base_model: BASE_MODEL
datasets:
$train
$validation
# Longer rows would be dropped without a word.
sequence_len: $room
excess_length_strategy: raise
# true packs short rows, in about the order they stand in.
sample_packing: false
$sampling
# Another mixture in this place is prepared anew.
dataset_prepared_path: ./axolotl-prepared-$digest
output_dir: ./axolotl-out
micro_batch_size: 1
gradient_accumulation_steps: 8
num_epochs: 1  # the mixture's epochs are written out
optimizer: adamw_torch
lr_scheduler: cosine
learning_rate: 1.0e-5
"""
KEPT = "# Rows are read as they stand, which keeps the schedule. Loss weights are lost."
LOST = """\
# Conversations and text are read one after the other and shuffled: the share of each is kept, the
# order, and with it a schedule, is lost. Loss weights are lost, too."""
SEQUENTIAL = """\
# Both keep the order.
shuffle_merged_datasets: false
curriculum_sampling: true"""
SHUFFLED = "shuffle_merged_datasets: true"
CHAT_TYPE = "type: chat_template\n    field_messages: messages"
TEXT_TYPE = "type: completion\n    field: text"


def handed(facts: Facts) -> Handed:
    """Return the configuration: for ids, text, turns, or the two of them."""
    entries = _entries(facts)
    apart = len(entries) > 1
    validation = ["test_datasets:", *_listed(entries, "validation")] if facts.validation else []
    config = facts.fill(
        CONFIG,
        train="\n".join(_listed(entries, "train")),
        validation="\n".join(validation),
        order=LOST if apart else KEPT,
        sampling=SHUFFLED if apart else SEQUENTIAL,
    )
    said = "Shuffles conversations and text: the schedule is lost." if apart else "Keeps the order."
    return Handed(NAME, {FILE: config}, f"{said} Cuts and drops nothing; loss weights are lost.")


def _entries(facts: Facts) -> list[tuple[str, str]]:
    """Views, and what axolotl has to know of each; of ids, it finds out by itself."""
    form = facts.layout.format
    if form != "messages":
        return [("default", "" if form == "tokens" else TEXT_TYPE)]
    kinds = ((CHAT, CHAT_TYPE), (TEXT, TEXT_TYPE))
    return [(name, of_type) for name, of_type in kinds if facts.has(name)]


def _listed(entries: list[tuple[str, str]], split: str) -> list[str]:
    return [
        f"  - path: ..\n    name: {name}\n    split: {split}" + f"\n    {of_type}" * bool(of_type)
        for name, of_type in entries
    ]
