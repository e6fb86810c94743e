"""scikit-learn's hashed n-grams and logistic regression on texts in memory; with their defaults.

The last argument names what is done, as ``models_openmoat`` has it: ``classifier``, ``train``,
``train-count`` or ``train-fit``.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.measuring import contend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lines_of(file: Path) -> list[Any]:
    """What a file of JSON has, line by line."""
    with file.open(encoding="utf-8") as lines:
        return list(map(json.loads, lines))


def prepare(given: Path, _: Path, *, job: str) -> Callable[[], int]:
    """Read the texts and whatever else is not to be measured."""
    texts, positive = lines_of(given), lines_of(given.with_name("labels.jsonl"))
    counts = HashingVectorizer(
        ngram_range=(1, 2), n_features=2**18, binary=False, norm="l2", alternate_sign=False
    )
    regression, own = LogisticRegression(), positive[: len(texts)]
    if job == "classifier":
        few = lines_of(given.with_name("small.jsonl"))
        regression.fit(counts.transform(few), positive[: len(few)])
        return partial(_done, lambda: regression.predict_proba(counts.transform(texts)), texts)
    if job == "train-count":
        return partial(_done, lambda: counts.transform(texts), texts)
    if job == "train-fit":
        found = counts.transform(texts)
        return partial(_done, lambda: regression.fit(found, own), texts)
    return partial(_done, lambda: regression.fit(counts.transform(texts), own), texts)


def _done(work: Callable[[], Any], texts: list[str]) -> int:
    work()
    return len(texts)


if __name__ == "__main__":
    contend(partial(prepare, job=sys.argv[4]))
