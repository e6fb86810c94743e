"""A script for TRL's SFTTrainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.handoff import Handed
from schemas.views import CHAT, TEXT

if TYPE_CHECKING:
    from tasks.handoff.facts import Facts

NAME = "TRL `SFTTrainer`"
FILE = "trl_sft.py"
SCRIPT = '''\
"""Train on this mixture with TRL.

    python trl_sft.py --model MODEL --output_dir OUT

All options of SFTConfig can be given. MODEL has the tokenizer of the mixture:
$tokenizer.

Rows are read in the order they stand in, which keeps the schedule, and none is cut: the longest has
$longest tokens.
$said
"""

from pathlib import Path

from datasets import load_dataset
from transformers import HfArgumentParser
from trl import SFTConfig, SFTTrainer

MIXTURE = str(Path(__file__).resolve().parents[1])
IDS = $ids  # all ids are below


def main() -> None:
    parser = HfArgumentParser(SFTConfig)
    parser.add_argument("--model", required=True)
    parser.add_argument("--view", default="$view", choices=$choices)
    parser.set_defaults(
        train_sampling_strategy="sequential",
        num_train_epochs=1,  # the mixture's epochs are written out
        max_length=None,
        packing=False,
        packing_strategy="bfd_split",  # the default one drops what is longer than max_length
        assistant_only_loss=$assistant,
    )
    args, own = parser.parse_args_into_dataclasses()
    print("order of rows:", args.train_sampling_strategy)

    data = load_dataset(MIXTURE, own.view)
    trainer = SFTTrainer(
        model=own.model,
        args=args,
        train_dataset=data["train"],
        eval_dataset=data.get("validation"),
    )
    if trainer.model.get_input_embeddings().num_embeddings < IDS:
        raise SystemExit(f"{own.model} has no embeddings for ids up to {IDS}: another tokenizer")
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint)
    trainer.save_model()


if __name__ == "__main__":
    main()
'''
TO_PACK = (
    "--packing True --max_length N packs rows, cuts longer ones and drops nothing; within each\n"
    "thousand it puts them in another order. row_tokens in the recipe packs and keeps the order."
)
PACKED = "They are packed: no --packing."
RENDERED = (
    "Conversations are text here, learned whole; their masks need the formats tokens or messages.\n"
    + TO_PACK
)
TURNS = (
    "Only the assistant's turns are learned, so that MODEL's chat template has to mark them\n"
    "({% generation %}), or be one that TRL knows.\n" + TO_PACK
)
APART = (
    "Conversations and text are views apart (--view), trained on one by one: the mixture's shares\n"
    "hold in neither. One order for both is the format tokens.\n" + TURNS
)


def handed(facts: Facts) -> Handed:
    """Return the script: for ids, text or turns."""
    form = facts.layout.format
    chat = form == "messages" and facts.has(CHAT)
    apart = chat and facts.has(TEXT)
    if form == "tokens":
        said, card = (TO_PACK if facts.layout.row_tokens is None else PACKED), "Keeps the order."
    elif form == "text":
        said, card = RENDERED, "Keeps the order. Conversations are learned whole."
    else:
        said, card = (APART if apart else TURNS), "Keeps the order."
        said = said if chat else TO_PACK
    if apart:
        card = "Conversations and text apart: the mixture's shares and schedule are lost."
    choices = [name for name in (CHAT, TEXT) if facts.has(name)] if apart else ["default"]
    script = facts.fill(
        SCRIPT,
        said=said,
        view=choices[0],
        choices=repr(choices).replace("'", '"'),
        assistant=chat,
    )
    if apart:  # the other view has no turns
        script = script.replace(
            "    print(", '    args.assistant_only_loss &= own.view == "chat"\n    print(', 1
        )
    return Handed(NAME, {FILE: script}, f"{card} Cuts and drops nothing; loss weights are lost.")
