"""A tokenizer's library alone: texts of a run's kept documents, in memory, to ids.

The last argument: ``tokenizers`` (``encode_batch``) or ``tekken`` (tiktoken's
``encode_ordinary_batch``, of one thread).
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import contend
from benchmarks.mixture_run import recipe
from schemas import columns as c

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BATCH = 256
"""Texts in a call."""


def prepare(given: Path, _: Path, *, tokenizer: str) -> Callable[[], int]:
    """Load the tokenizer and the texts."""
    from tasks import kept, tokens
    from tasks.tokens.ranks import Ranks

    body = (given.parent / f"{tokenizer}.json").read_bytes()
    out = str(given / "out")
    texts: list[str] = []
    frame = kept.load(out, seed=recipe(given, tokenizer).seed)
    for (shard,), rows in sorted(frame.partition_by(c.SHARD, as_dict=True).items()):
        for _own, table in kept.rows_of(out, str(shard), rows[c.ROW].to_list(), columns=[c.TEXT]):
            texts += table.column(c.TEXT).to_pylist()
    if tokenizer == "tekken":
        own = tokens.load(body, where=tokenizer)
        if not isinstance(own, Ranks):
            raise TypeError(own.kind)
        return partial(_all, texts, partial(own.library.encode_ordinary_batch, num_threads=1))
    from tokenizers import Tokenizer

    library = Tokenizer.from_buffer(body)
    return partial(_all, texts, partial(library.encode_batch, add_special_tokens=False))


def _all(texts: list[str], encode: Callable[[list[str]], Sequence[object]]) -> int:
    return sum(len(encode(texts[i : i + BATCH])) for i in range(0, len(texts), BATCH))


if __name__ == "__main__":
    contend(partial(prepare, tokenizer=sys.argv[4]))
