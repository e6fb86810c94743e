"""fasttext-predict on texts in memory: whole, or with ``1000`` as last argument their first bytes.

It runs in openmoat's own environment, which has it, with the same file of the model.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import contend
from tasks.signals.language import model_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def model() -> Any:  # noqa: ANN401  (it has no types)
    """Load the model."""
    import fasttext

    return fasttext.load_model(str(model_path(None)))


def label(loaded: Any, text: str) -> str | None:  # noqa: ANN401  (as above)
    """Return the most probable label of a text, as the library tells it; it takes one line."""
    try:
        labels, _ = loaded.predict(text.replace("\n", " "))
    except RuntimeError:  # the model knows no part of the text
        return None
    return str(labels[0]).removeprefix("__label__") if labels else None


def first(text: str, size: int | None) -> str:
    """The first bytes of a text, up to a character."""
    return text if size is None else text.encode()[:size].decode(errors="ignore")


def prepare(given: Path, _: Path, *, size: int | None) -> Callable[[], int]:
    """Load the model, read the texts and cut them; what is left is to ask for each."""
    with given.open(encoding="utf-8") as lines:
        texts = [first(json.loads(line), size) for line in lines]
    return partial(_told, model(), texts)


def _told(loaded: Any, texts: list[str]) -> int:  # noqa: ANN401  (as above)
    for text in texts:
        label(loaded, text)
    return len(texts)


if __name__ == "__main__":
    contend(partial(prepare, size=int(sys.argv[4]) if sys.argv[4:] else None))
