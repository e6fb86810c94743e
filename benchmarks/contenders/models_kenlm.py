"""KenLM's Python module on texts in memory, by an ARPA file beside them; the last argument: order.

A text is one line in lower case; the module cuts it at white space.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import kenlm

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def prepare(given: Path, _: Path, *, order: str) -> Callable[[], int]:
    """Load the model and read the texts; what is left is to ask for each."""
    with given.open(encoding="utf-8") as lines:
        texts = list(map(json.loads, lines))
    return partial(_scored, kenlm.Model(str(given.with_name(f"order-{order}.arpa"))), texts)


def _scored(model: Any, texts: list[str]) -> int:  # noqa: ANN401  (it has no types)
    for text in texts:
        model.score(text.lower(), bos=True, eos=False)
    return len(texts)


if __name__ == "__main__":
    contend(partial(prepare, order=sys.argv[4]))
