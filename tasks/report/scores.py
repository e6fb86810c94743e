"""Models and their scores, as the manifests of signals and select have them, to sections."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from schemas.manifest import MODELS, SCORES
from schemas.models import ScoreModel
from schemas.section import Section, Table
from tasks.perplexity import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.manifest import StageManifest

CLASSIFIERS: Final = (
    "Judged by documents that were neither learned from nor calibrated by. AUC: how often a "
    "positive document has the higher probability than a negative one, with its 95 % interval; "
    "Brier score and calibration error: 0 is best. Probabilities are for text of which as large a "
    "share is positive as of the training text."
)
RELIABILITY: Final = (
    "Held-out documents by their probability: what it says in the mean, and the share that is "
    "positive. Where the two are alike, a probability can be taken at its word."
)
ROUNDS: Final = (
    "Noisy Student: what of the text without labels the model before each round was sure of, how "
    "much of that the round learned from, and what came of it. Round 0 is the teacher; the round "
    "that is best on the validation part is taken."
)
LEARNED: Final = (
    "Repeated texts count once. Of a classifier's documents part calibrates and judges it; of an "
    "n-gram model's a fiftieth is held out."
)
READ: Final = ("documents", "repeated", "rejects")
NGRAM_LMS: Final = (
    "Perplexity a word, on texts that were held out of the training text. Low is near to it."
)
BY_SOURCE: Final = (
    "Probabilities of classifiers, 0 to 1, and perplexity by n-gram models: of the documents, so "
    "many have a score, and 5, 25, 50, 75 and 95 % of those have this one or less. Head, middle "
    "and tail are the parts of each language that CCNet has, from the lowest perplexity."
)
CUTS: Final = "The highest perplexity of each language's head and middle."
WHOLE: Final = 100
"""From here on a perplexity needs no fraction."""
LEAST: Final = 0.001
"""No probability below needs to be told."""
QUANTILES: Final = ("5 %", "25 %", "50 %", "75 %", "95 %")


def scores(decisions: StageManifest, signals: StageManifest | None) -> list[Section]:
    """Return what models are worth, and how they score each source; nothing without models."""
    found = [] if signals is None else [
        ScoreModel.model_validate(told) for told in signals.details.get(MODELS, [])
    ]  # fmt: skip
    sections = [*_classifiers([m for m in found if m.kind == "classifier"])]
    sections += _ngram_lms([m for m in found if m.kind == "ngram_lm"])
    sections += _read(found)
    told = decisions.details.get(SCORES)
    return sections if told is None else [*sections, *_by_source(told)]


def _classifiers(models: Sequence[ScoreModel]) -> Iterator[Section]:
    if not models:
        return
    header = ("classifier", "positive documents", "negative", "held out", "AUC", "95 % interval",
              "Brier score", "calibration error")  # fmt: skip
    yield Section("Classifiers", CLASSIFIERS, Table(header, tuple(map(_classifier, models))))
    for model in models:
        bins = [b for b in model.told["test"]["bins"] if b["documents"]]
        rows = tuple((b["mean_predicted"], b["share_positive"], b["documents"]) for b in bins)
        table = Table(("probability, mean", "share positive", "documents"), rows)
        yield Section(f"Calibration of {model.name}", RELIABILITY, table)
        if "rounds" in model.told:
            yield _rounds(model)


def _classifier(model: ScoreModel) -> tuple[str | int | float | None, ...]:
    test, parts = model.told["test"], model.told["parts"].values()
    return (
        model.name,
        sum(part[0] for part in parts),
        sum(part[1] for part in parts),
        test["positive"] + test["negative"],
        _figure(test["auc"]),
        f"{_figure(test['auc_low'])} to {_figure(test['auc_high'])}",
        _figure(test["brier"]),
        _figure(test["calibration_error"]),
    )


def _read(models: Sequence[ScoreModel]) -> Iterator[Section]:
    """What trained models have learned from, with what was left out of it."""
    rows = tuple(
        (m.name, part, source, *(getattr(text, name) for name in READ), text.text_bytes / 1e6)
        for m in models
        for part, sources in m.read.items()
        for source, text in sources.items()
    )
    if rows:
        header = ("model", "part", "source", "documents", "repeated", "rejected", "text, MB")
        yield Section("What models learned from", LEARNED, Table(header, rows))


def _rounds(model: ScoreModel) -> Section:
    header = ("round", "sure of positive", "negative", "learned positive", "negative ",
              "AUC, validation", "AUC, held out", "95 % interval", "taken")  # fmt: skip
    rows = tuple(
        (i, *one["sure"], *one["kept"], *_areas(one), "yes" if i == model.told["best"] else "")
        for i, one in enumerate(model.told["rounds"])
    )
    text = f"{ROUNDS} Documents without labels: {model.told['pool']:,}."
    return Section(f"Rounds of {model.name}", text, Table(header, rows))


def _areas(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """AUC on validation and test, and the interval of the latter; none without a model."""
    if one["test"] is None:
        return "-", "-", "-"
    low, high = (_figure(one["test"][name]) for name in ("auc_low", "auc_high"))
    return _figure(one["validation"]["auc"]), _figure(one["test"]["auc"]), f"{low} to {high}"


def _ngram_lms(models: Sequence[ScoreModel]) -> Iterator[Section]:
    if not models:
        return
    header = ("n-gram model", "languages", "words", "n-grams", "held-out words", "perplexity")
    yield Section("n-gram models", NGRAM_LMS, Table(header, tuple(map(_ngram_lm, models))))


def _ngram_lm(model: ScoreModel) -> tuple[str | int | float | None, ...]:
    held = model.told["held_out"]
    perplexity = math.exp(held["nats"] / held["words"]) if held["words"] else None
    return (
        model.name,
        ", ".join(model.languages) or "all",
        model.told["words"],
        sum(model.told["ngrams"]),
        held["words"],
        None if perplexity is None else _value(perplexity),
    )


def _by_source(told: Mapping[str, Any]) -> Iterator[Section]:
    header = ("model", "source", "documents", "scored", *QUANTILES, *PARTS)
    rows = tuple(_row(one) for one in told["sources"])
    more = f" {told['left_out']:,} smaller sources are not shown." if told["left_out"] else ""
    yield Section("Scores by source", BY_SOURCE + more, Table(header, rows))
    rows = tuple(
        (name, lang, *("-" if at is None else _value(at) for at in cut))
        for name, own in told["cuts"].items()
        for lang, cut in own.items()
    )
    if rows:
        table = Table(("model", "language", "head", "middle"), rows)
        yield Section("Parts by perplexity", CUTS, table)


def _row(one: Mapping[str, Any]) -> tuple[str | int | float | None, ...]:
    quantiles = [_value(q) for q in one["quantiles"]] or ["-"] * len(QUANTILES)
    parts = one.get("parts", {})
    shown = [parts.get(part) for part in PARTS]
    return (one["model"], one["source"], one["documents"], one["scored"], *quantiles, *shown)


def _value(score: float) -> str:
    """A probability or a perplexity as people read it."""
    if score < LEAST:
        return f"<{LEAST}"
    return f"{score:,.0f}" if score >= WHOLE else f"{score:.3g}"


def _figure(value: float) -> str:
    return f"{value:.4f}"
