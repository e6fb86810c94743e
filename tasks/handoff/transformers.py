"""Files for the Trainer of ``transformers``: a script, and weighted loss as an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.handoff import Handed

if TYPE_CHECKING:
    from tasks.handoff.facts import Facts

NAME = "transformers Trainer"
FILE, WEIGHTED = "transformers_trainer.py", "loss_weights.py"
SCRIPT = '''\
"""Train on this mixture with the Trainer of transformers.

    python transformers_trainer.py --model MODEL --output_dir OUT

All options of TrainingArguments can be given. MODEL has the tokenizer that made the ids:
$tokenizer.

Rows are read in the order they stand in, which keeps the schedule; --train_sampling_strategy random
loses it. A run that is resumed goes on with the next row. $rows
--loss_weights weighs each token by its source, as in C-RLFT (loss_weights.py).
"""

from pathlib import Path

from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    $collator,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
)

MIXTURE = str(Path(__file__).resolve().parents[1])
IDS = $ids  # all ids are below


def main() -> None:
    parser = HfArgumentParser(TrainingArguments)
    parser.add_argument("--model", required=True)
    parser.add_argument("--loss_weights", action="store_true")
    # The mixture's epochs are written out.
    parser.set_defaults(train_sampling_strategy="sequential", num_train_epochs=1)
    args, own = parser.parse_args_into_dataclasses()
    print("order of rows:", args.train_sampling_strategy)

    tokenizer = AutoTokenizer.from_pretrained(own.model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(own.model)
    if model.get_input_embeddings().num_embeddings < IDS:
        raise SystemExit(f"{own.model} has no embeddings for ids up to {IDS}: another tokenizer")

    made, collate, view = Trainer, $collate, "default"
    if own.loss_weights:
        from loss_weights import WeightedTrainer, WithWeights

        made, collate, view = WeightedTrainer, WithWeights(collate), "full"
        args.remove_unused_columns = False
    data = load_dataset(MIXTURE, view)
    trainer = made(
        model=model,
        args=args,
        train_dataset=data["train"],
        eval_dataset=data.get("validation"),
        data_collator=collate,
        processing_class=tokenizer,
    )
    trainer.train(resume_from_checkpoint=args.resume_from_checkpoint)
    trainer.save_model()


if __name__ == "__main__":
    main()
'''
WEIGHTS = '''\
"""Loss weighed by the column loss_weight, as in C-RLFT (arXiv 2309.11235).

No trainer reads such a column. Rows of the view "full" have a weight each$lists;
the mean is over the tokens that are learned, whatever their weights.
"""

from functools import partial

import torch
from transformers import Trainer

TAKEN = "input_ids", "attention_mask", "labels"


def token_weights(row):
    """Weight of each token of a row."""
$weights


class WithWeights:
    """A collator that adds loss_weights, rows x tokens, to what another one makes."""

    def __init__(self, collate):
        self.collate = collate

    def __call__(self, rows):
        batch = dict(self.collate([{name: row[name] for name in TAKEN} for row in rows]))
        weights = torch.zeros(batch["labels"].shape)
        for i, row in enumerate(rows):
            own = torch.tensor(token_weights(row))
            weights[i, : len(own)] = own
        return {**batch, "loss_weights": weights}


def weighted_loss(outputs, labels, num_items_in_batch=None, *, weights):
    """Cross-entropy of the next token, times its weight; what compute_loss_func is."""
    logits, following = outputs.logits[:, :-1], labels[:, 1:]
    each = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2).float(), following, ignore_index=-100, reduction="none"
    )
    n = (following != -100).sum() if num_items_in_batch is None else num_items_in_batch
    return (each * weights[:, 1:]).sum() / n


class WeightedTrainer(Trainer):
    """A Trainer whose batches have loss_weights."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, compute_loss_func=weighted_loss, **kwargs)

    def compute_loss(self, model, inputs, *args, **kwargs):
        weights = inputs.pop("loss_weights")
        self.compute_loss_func = partial(weighted_loss, weights=weights)
        return super().compute_loss(model, inputs, *args, **kwargs)
'''
WHOLE = '    return [row["loss_weight"]] * len(row["input_ids"])'
PIECES = """\
    sizes = zip(row["loss_weight"], row["tokens"], row["ends"], strict=True)
    found = [weight for weight, n, ends in sizes for _ in range(n + ends)]
    return found + [0.0] * (len(row["input_ids"]) - len(found))"""
SAID = (
    "Keeps the order, and goes on with the next row when a run is resumed. "
    "`loss_weights.py` weighs tokens by `loss_weight`."
)


def handed(facts: Facts) -> Handed:
    """Return the files for ids; the Trainer itself tokenizes nothing."""
    if facts.layout.format != "tokens":
        return Handed(NAME, {}, 'Trains on ids: build the mixture with `format = "tokens"`.')
    packed = facts.layout.row_tokens is not None
    script = facts.fill(
        SCRIPT,
        collator="default_data_collator" if packed else "DataCollatorForSeq2Seq",
        collate="default_data_collator" if packed else "DataCollatorForSeq2Seq(tokenizer)",
        rows=_rows(facts),
    )
    weights = facts.fill(
        WEIGHTS,
        lists=", for each piece" if packed else "",
        weights=PIECES if packed else WHOLE,
    )
    return Handed(NAME, {FILE: script, WEIGHTED: weights}, SAID)


def _rows(facts: Facts) -> str:
    if facts.layout.row_tokens is not None:
        return f"Rows have {facts.longest} tokens."
    return f"Rows have up to {facts.longest} tokens\nand are padded to the longest of a batch."
