"""fasttext-predict on texts in memory, by the model of two labels that lies beside them.

It runs in openmoat's own environment, which has it. With ``compare`` in the place of a small input,
``python -m benchmarks.contenders.models_fasttext INPUT compare`` prints how far its probabilities
are from the kernel's, as a JSON object.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.contenders.signals_openmoat import texts_of
from benchmarks.measuring import contend
from benchmarks.model_files import LABELS
from tasks.signals import lid

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "two-labels.bin"
CLOSE = 1e-4
"""fastText reckons in 32 bits, and adds in another order."""


def probability(loaded: Any, text: str) -> float:  # noqa: ANN401  (it has no types)
    """Return how likely a text is of the first label, as the library tells it."""
    labels, found = loaded.predict(text.replace("\n", " "), k=len(LABELS))
    return float(dict(zip(labels, found, strict=True)).get(f"__label__{LABELS[0]}", 0.0))


def prepare(given: Path, _: Path) -> Callable[[], int]:
    """Load the model and read the texts; what is left is to ask for each."""
    import fasttext

    loaded = fasttext.load_model(str(given.with_name(NAME)))
    return partial(_told, loaded, texts_of(given).to_pylist())


def _told(loaded: Any, texts: list[str]) -> int:  # noqa: ANN401  (as above)
    for text in texts:
        probability(loaded, text)
    return len(texts)


def compared(given: Path) -> dict[str, Any]:
    """Score every text twice."""
    import fasttext

    file, texts = given.with_name(NAME), texts_of(given)
    _, ours = lid.languages(texts, lid.read_model(file.read_bytes(), NAME), asked=LABELS[0])
    loaded = fasttext.load_model(str(file))
    theirs = np.array([probability(loaded, text) for text in texts.to_pylist()])
    apart = np.abs(ours.to_numpy(zero_copy_only=False) - theirs)
    spaced = np.array([has_other_space(text) for text in texts.to_pylist()])
    return {
        "documents": len(texts),
        "differing": int((apart > CLOSE).sum()),
        "spaced": int((spaced & (apart > CLOSE)).sum()),
        "farthest": round(float(apart.max()), 6),
    }


def has_other_space(text: str) -> bool:
    """Whether a text has white space that is not fastText's: the kernel takes that for some too."""
    own = text.replace("\0", " ").encode().split()
    return [word.decode() for word in own] != text.replace("\0", " ").split()


if __name__ == "__main__":
    if sys.argv[2:] == ["compare"]:
        print(json.dumps(compared(Path(sys.argv[1]))))
    else:
        contend(prepare)
