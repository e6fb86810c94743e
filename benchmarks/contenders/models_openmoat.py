"""openmoat's models on texts that are in memory; the last argument names what is done.

``classifier``, ``ngrams-3``, ``ngrams-5`` and ``fasttext`` score by a model that lies beside the
texts. ``train`` trains a classifier, of which ``train-count`` counts n-grams and ``train-fit`` does
the rest; ``train-ngrams-3`` and ``train-ngrams-5`` make n-gram models.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.signals_openmoat import texts_of
from benchmarks.measuring import contend
from benchmarks.model_files import LABELS, counted
from tasks.classifier import training
from tasks.classifier.training import Settings
from tasks.models import files
from tasks.ngram_lm.training import Counting
from tasks.signals import lid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    Work = Callable[[], Any]

SETTINGS = Settings(least_documents=10)


def labels_of(given: Path, many: int) -> list[bool]:
    """Which of the texts of a file, of so many, are of the kind that is looked for."""
    with given.with_name("labels.jsonl").open(encoding="utf-8") as lines:
        found: list[bool] = [json.loads(line) for line in lines]
    return found[:many]


def scoring(given: Path, texts: pa.ChunkedArray, job: str) -> Work:
    """Load a model; what is left is to score by it."""
    if job == "fasttext":
        file = given.with_name("two-labels.bin")
        model = lid.read_model(file.read_bytes(), str(file))
        return lambda: lid.languages(texts, model, asked=LABELS[0])
    found = files.read(str(given.with_name(job)), job)
    score = found.probabilities if job == "classifier" else found.perplexity
    return lambda: score(texts)


def training_of(given: Path, texts: pa.ChunkedArray, job: str) -> Work:
    """Train a model, or do a part of it."""
    if job.startswith("train-ngrams-"):
        return lambda: learned(texts, int(job[-1]))
    positive = labels_of(given, len(texts))
    if job == "train-count":
        return lambda: counted(texts, positive)
    if job == "train-fit":
        both = counted(texts, positive)
        return lambda: training.train(*both, settings=SETTINGS)
    return lambda: training.train(*counted(texts, positive), settings=SETTINGS)


def learned(texts: pa.ChunkedArray, order: int) -> int:
    """Make an n-gram model; return how many words it has learned from."""
    counting = Counting(order)
    counting.add(texts)
    counting.model()
    return counting.n_words


def prepare(given: Path, _: Path, *, job: str) -> Callable[[], int]:
    """Read the texts and whatever else is not to be measured."""
    texts = texts_of(given)
    work = (training_of if job.startswith("train") else scoring)(given, texts, job)
    return partial(_done, work, len(texts))


def _done(work: Work, many: int) -> int:
    work()
    return many


if __name__ == "__main__":
    contend(partial(prepare, job=sys.argv[4]))
