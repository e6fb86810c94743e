"""A registration for torchtitan, which reads text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.handoff import Handed

if TYPE_CHECKING:
    from tasks.handoff.facts import Facts

NAME = "torchtitan"
FILE = "torchtitan_dataset.py"
SNIPPET = '''\
"""Registers this mixture with torchtitan, under the name "mixture".

Import it where your configuration is made (with this folder on PYTHONPATH), and take

    dataloader=HuggingFaceTextDataLoader.Config(dataset="mixture", infinite=False)

hf_assets_path has the tokenizer of the mixture:
$tokenizer.

Documents are tokenized as they are read and laid one behind the other: the order is kept, all of a
conversation is learned, loss weights are lost. A run that is resumed goes on exactly.
"""

from functools import partial
from pathlib import Path

from datasets import load_dataset
from torchtitan.hf_datasets import DatasetConfig
from torchtitan.hf_datasets.text_datasets import DATASETS

MIXTURE = str(Path(__file__).resolve().parents[1])


def load(path, split):
    return load_dataset(path, split=split, streaming=True)


def text_of(row):
    return row["text"]


for name, split in $splits:
    DATASETS[name] = DatasetConfig(MIXTURE, partial(load, split=split), text_of)
'''
SAID = (
    "Keeps the order and resumes exactly. Lays documents one behind the other; conversations are "
    "learned whole, loss weights are lost."
)


def handed(facts: Facts) -> Handed:
    """Return the registration; torchtitan takes text alone."""
    if facts.layout.format != "text":
        return Handed(NAME, {}, 'Reads text alone: build the mixture with `format = "text"`.')
    splits = [("mixture", "train")] + [("mixture_validation", "validation")] * facts.validation
    return Handed(NAME, {FILE: facts.fill(SNIPPET, splits=tuple(splits))}, SAID)
