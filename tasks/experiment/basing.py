"""The first training: a tokenizer and a model of old text, at the shares of the card."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.errors import BudgetError
from schemas.experiment import Base
from schemas.mixture import TokenizerSaid
from tasks import learning_models, storage, tokens
from tasks.experiment import rows, training
from tasks.experiment.dealing import part_file, read_passages
from tasks.training import building

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.experiment import BaseRequest, Sizes
    from tasks.experiment.rows import Rows
    from tasks.tokens import Tokenizer

BASE: Final = "base.json"
TOKENIZER: Final = "tokenizer.json"
BESIDE: Final = (TOKENIZER, learning_models.CONFIG)
"""Files of the tokenizer that lie beside a model."""
OF_TOKENIZER: Final = 4_000_000
"""Characters that the tokenizer is learnt from."""


def based(request: BaseRequest) -> Base:
    """Train on old text and write ``model/`` (with its tokenizer), then ``base.json``."""
    building.settle()
    sizes = request.sizes
    text = read_passages(part_file(request.parts, "old_train"))
    body = tokens.train(_for_tokenizer(text, request.setting.old), vocab_size=sizes.vocabulary)
    tokenizer = tokens.load(body, where=TOKENIZER)
    said = _said(tokenizer)
    # A text's first token stands before what a model writes.
    model = building.fresh(sizes.shape, said, seed=request.seed, length=sizes.row_tokens + 1)
    some, epochs = _rows(request, tokenizer)
    how = training.config(sizes, sizes.first_peak, seed=request.seed)
    seen = 0
    for point in training.trained(model, some, np.zeros(some.size, np.bool_), how):
        seen = point.tokens
    held = held_out(request.parts, request.setting.old, sizes, tokenizer)
    told = Base(
        seed=request.seed,
        losses=training.losses_of(model, held, held[1].first(0), request.setting.old),
        parameters=sum(p.numel() for p in model.parameters()),
        tokens=seen,
        epochs=epochs,
        steps=some.size // sizes.batch_rows,
        seconds=time.process_time(),
    )
    beside = {TOKENIZER: body, learning_models.CONFIG: learning_models.tokenizer_config(said)}
    learning_models.write(request.out, model, beside)
    storage.write_model(storage.join(request.out, BASE), told)
    return told


def tokenizer_of(base: str) -> Tokenizer:
    """Return the tokenizer beside a base's model."""
    at = storage.join(model_of(base), TOKENIZER)
    return tokens.load(storage.read_bytes(at), where=at)


def model_of(base: str) -> str:
    """Return the folder of a base's model."""
    return storage.join(base, learning_models.MODEL)


def first_text(
    parts: str, shares: Mapping[str, float], sizes: Sizes, by: Tokenizer
) -> pl.DataFrame:
    """Return the old passages that are learned first, at the card's shares.

    As many as the first training has places for, or as the scarcest source allows.
    """
    text = read_passages(part_file(parts, "old_train"))
    try:
        return rows.at_shares(text, shares, sizes.first_tokens, by)
    except BudgetError:
        have = {s: sum(by.count(text.filter(pl.col(c.SOURCE) == s)[c.TEXT].to_list()))
                for s in shares}  # fmt: skip
        return rows.at_shares(text, shares, min(have[s] / shares[s] for s in shares) - 1, by)


def held_out(
    parts: str, shares: Mapping[str, float], sizes: Sizes, by: Tokenizer, *, valid: bool = False
) -> tuple[Rows, Rows]:
    """Return rows of each old domain, and of each new one, that losses are measured on.

    ``valid``: other text, for what is drawn along the way.
    """
    kind, number = ("valid", sizes.valid_rows) if valid else ("held", sizes.held_rows)
    old, new = (read_passages(part_file(parts, f"{side}_{kind}")) for side in ("old", "new"))
    old = old.filter(pl.col(c.SOURCE).is_in(sorted(shares)))
    return _some(old, number, sizes, by), _some(new, number, sizes, by)


def _some(frame: pl.DataFrame, number: int, sizes: Sizes, by: Tokenizer) -> Rows:
    """Return so many rows of each source; fewer where it has no more."""
    parts = []
    for _, own in sorted(frame.partition_by(c.SOURCE, as_dict=True).items()):
        budget = number * sizes.row_tokens
        taken = own.head(rows.first_texts(own[c.TEXT].to_list(), budget, by))
        parts.append(rows.rows(taken, rows.How(by, sizes.row_tokens, seed=0)).first(number))
    return rows.joined(parts)


def _rows(request: BaseRequest, by: Tokenizer) -> tuple[Rows, float]:
    """Return the rows of the first training, and how often it sees its text."""
    sizes = request.sizes
    wanted = sizes.first_rows
    taken = first_text(request.parts, request.setting.old, sizes, by)
    epochs: list[Rows] = []
    while sum(one.size for one in epochs) < wanted and len(epochs) < sizes.most_epochs:
        how = rows.How(by, sizes.row_tokens, seed=request.seed, epoch=len(epochs))
        epochs.append(rows.rows(taken, how))
    every = rows.joined(epochs)
    number = min(wanted, every.size) // sizes.batch_rows * sizes.batch_rows
    return every.first(number), number / epochs[0].size


def _for_tokenizer(text: pl.DataFrame, shares: Mapping[str, float]) -> list[str]:
    """Return texts at the card's shares, by characters."""
    found = list[str]()
    for source, share in shares.items():
        own, size = text.filter(pl.col(c.SOURCE) == source)[c.TEXT].to_list(), 0
        for one in own:
            if size >= share * OF_TOKENIZER:
                break
            found.append(one)
            size += len(one)
    return found


def _said(tokenizer: Tokenizer) -> TokenizerSaid:
    end = tokenizer.id_of(tokens.END_OF_TEXT)
    return TokenizerSaid(kind=tokenizer.kind, digest=tokenizer.digest, size=tokenizer.size,
                         end_of_text=tokens.END_OF_TEXT, end_id=end)  # fmt: skip
