"""How many texts the kernel and fasttext-predict label differently.

``python -m benchmarks.contenders.signals_labels INPUT`` prints a JSON object: for whole texts and
for their first 1,000 bytes how many were labelled, and how many of them differently.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.contenders import signals_fasttext as library
from benchmarks.contenders.signals_openmoat import FIRST_BYTES, texts_of
from tasks.signals import language, lid


def main(given: Path) -> dict[str, dict[str, int]]:
    """Label every text twice, whole and from its first bytes."""
    loaded, texts = library.model(), texts_of(given)
    model = lid.read_model(language.model_path(None).read_bytes(), language.MODEL_NAME)
    found = {}
    for name, size in (("language", None), ("language-1000", FIRST_BYTES)):
        ours, _ = lid.languages(texts, model, first_bytes=size)
        theirs = [library.label(loaded, library.first(t.as_py(), size)) for t in texts]
        differing = sum(a != b for a, b in zip(ours.to_pylist(), theirs, strict=True))
        found[name] = {"documents": len(texts), "differing": differing}
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
