"""A linear model: its training against plain Python, its probabilities, what is said of them."""

from __future__ import annotations

import math
import random
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks import classifier, compiled, ngrams
from tasks.classifier import documents as d
from tasks.classifier import split
from tasks.classifier.calibration import platt
from tasks.classifier.figures import Bin, auc, figures, interval
from tasks.classifier.model import Linear, loaded, sigmoid
from tasks.classifier.training import Lesson, Settings, Trained, fitted, train
from tasks.shingles import LOW_64, mixed
from tests.corpora import WORDS
from tests.real_data import real_texts
from tests.tasks.signals.kernels import bounds_checked, imports_numba
from tests.tasks.signals.texts import ANY_TEXT

if TYPE_CHECKING:
    from tasks.classifier.documents import Documents

BITS = 10
SMALL = Settings(bits=BITS, least_documents=10)
ROWS = st.lists(st.dictionaries(st.integers(0, 15), st.integers(1, 9), max_size=6), min_size=1)
SHARES = st.floats(0, 1)


def documents(texts: list[str], bits: int = BITS) -> Documents:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    return d.of(column, width=2, buckets=1 << bits)


def made(name: str, n: int, words: int = 12) -> list[str]:
    """Return texts of which the name's last letter makes one half of the words likelier."""
    chance = random.Random(name)
    half = WORDS[::2] if name[-1] == "+" else WORDS[1::2]
    return [
        " ".join(chance.choice(WORDS if chance.random() < 0.7 else half) for _ in range(words))
        for _ in range(n)
    ]


def taught(positive: list[str], negative: list[str], *, settings: Settings = SMALL) -> Trained:
    bits = settings.bits
    return train(documents(positive, bits), documents(negative, bits), settings=settings)


@cache
def trained(n: int = 300) -> Trained:
    return taught(made("+", n), made("-", 2 * n))


def csr(rows: list[dict[int, int]]) -> ngrams.Counts:
    firsts = np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64)
    buckets = np.array([b for row in rows for b in sorted(row)], np.uint32)
    counts = np.array([row[b] for row in rows for b in sorted(row)], np.uint32)
    return ngrams.Counts(firsts, buckets, counts)


# -- features, margins and epochs against plain Python


@settings(max_examples=50)
@given(ROWS, st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, LOW_64), st.data())
def test_epochs_equal_the_reference(
    rows: list[dict[int, int]], dropout: float, seed: int, data: st.DataObject
) -> None:
    n = len(rows)
    targets = data.draw(st.lists(SHARES, min_size=n, max_size=n))
    strengths = data.draw(st.lists(st.floats(0.01, 1_000), min_size=n, max_size=n))
    order = data.draw(st.permutations(range(n)))
    own = [mixed(k) for k in range(n)]
    plain, plain_weights = [0.0] * n, [0.0] * 17
    residuals, weights = np.zeros(n), np.zeros(17)
    kernel = compiled.load(classifier.KERNEL)
    for epoch in (1, 2, 3):
        salts = [classifier.salt(seed, classifier.DROPOUT, epoch - k) for k in (1, 0)]
        left = [[classifier.left(rows[i], mixed(own[i] ^ salt), dropout) for i in order]
                for salt in salts]  # fmt: skip
        kept = list(zip(*left, strict=True))
        now = [plain[i] for i in order]
        classifier.epoch(kept, [targets[i] for i in order], [strengths[i] for i in order], now,
                         plain_weights)  # fmt: skip
        for i, residual in zip(order, now, strict=True):
            plain[i] = residual
        kernel.epoch(
            (np.array(order), np.arange(n)), tuple(csr(rows)), np.array(targets),
            np.array(strengths), residuals, weights,
            (np.array(own, np.uint64), *map(np.uint64, salts),
             np.uint64(int(dropout * classifier.HALF))),
        )  # fmt: skip
        assert residuals == pytest.approx(plain, abs=1e-7)
        assert weights == pytest.approx(plain_weights, rel=1e-5, abs=1e-4)


@settings(max_examples=50)
@given(st.lists(ANY_TEXT, max_size=4), st.integers(1, 3))
def test_margins_equal_the_reference(texts: list[str], width: int) -> None:
    chance = np.random.default_rng(0)
    weights = chance.normal(size=1 << BITS).astype(np.float32)
    model = Linear(width, BITS, weights, 0.5, slope=2.0, offset=-1.0)
    rows = [ngrams.counted(text, width=width, buckets=1 << BITS) for text in texts]
    plain = [classifier.margin(row, [*weights.tolist(), 0.5]) if row else math.nan for row in rows]
    wanted = sigmoid(2.0 * np.array(plain) - 1.0)
    column = pa.array(texts, pa.large_string())
    assert model.probabilities(column) == pytest.approx(wanted, nan_ok=True)
    counts = ngrams.counts(column, width=width, buckets=1 << BITS)
    assert model.margins(counts, np.arange(len(texts))) == pytest.approx(plain, nan_ok=True)


def test_what_is_drawn_is_the_reference() -> None:
    own = np.array([0, 1, LOW_64], np.uint64)
    assert d.drawn(own, 12345).tolist() == [mixed(value ^ 12345) for value in own.tolist()]


def test_dropout_leaves_out_as_much_as_it_says() -> None:
    row = dict.fromkeys(range(10_000), 1)
    assert len(classifier.left(row, 99, 0.3)) == pytest.approx(7_000, abs=150)
    assert classifier.left(row, 99, 0.0) == row


# -- training


def test_weights_are_those_of_the_least_loss() -> None:
    """Where the loss is least, its slope is 0: the weights are those that the residuals make."""
    some = documents([*made("+", 40), *made("-", 60)])
    rows = d.in_order(some.keys)
    targets = (rows < 40).astype(np.float64)
    settings = SMALL._replace(tolerance=1e-12, most_epochs=500)
    weights, epochs = fitted(Lesson(some, rows, targets), settings, penalty=1e-3)
    assert epochs < 500
    strengths = (targets / 40 + (1 - targets) / 60) / 2 / 1e-3
    again = np.zeros_like(weights)
    for row, target, strength in zip(rows.tolist(), targets, strengths, strict=True):
        here = slice(some.counts.firsts[row], some.counts.firsts[row + 1])
        buckets, counts = some.counts.buckets[here], some.counts.counts[here]
        own = np.sqrt(counts / counts.sum())
        residual = target - 1 / (1 + np.exp(-(weights[buckets] @ own + weights[-1])))
        again[buckets] += strength * residual * own
        again[-1] += strength * residual
    assert weights == pytest.approx(again, abs=1e-6)


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_a_model_is_the_same_in_whatever_order_and_cut_documents_come(chance: Any) -> None:
    texts = [made("+", 60), made("-", 80)]
    one = taught(*texts)
    parts = []
    for own in texts:
        chance.shuffle(own)
        at = chance.randrange(len(own))
        parts.append(d.joined([documents(own[:at]), documents(own[at:]), documents(own[:3])]))
    other = train(parts[0], parts[1], settings=SMALL)
    assert other.model.digest == one.model.digest
    assert other.report.test == one.report.test
    assert other.report.left_out == (6, 0, 0)


def test_another_seed_or_document_is_another_model() -> None:
    texts = [made("+", 60), made("-", 80)]
    digests = {
        taught(*texts).model.digest,
        taught(*texts, settings=SMALL._replace(seed=1)).model.digest,
        taught([*texts[0], "one more"], texts[1]).model.digest,
    }
    assert len(digests) == 3


def test_classes_are_told_apart_and_probabilities_are_those_of_the_given_shares() -> None:
    model, report = trained()
    assert report.parts == {"train": (180, 360), "validation": (60, 120), "test": (60, 120)}
    assert report.test.auc > 0.85
    assert report.test.auc_low < report.test.auc < report.test.auc_high
    fresh = pa.array([*made("new+", 500), *made("new-", 1_000)], pa.large_string())
    shares = model.probabilities(fresh)
    assert shares.mean() == pytest.approx(1 / 3, abs=0.05)
    truth = np.arange(1_500) < 500
    assert auc(shares, truth) == pytest.approx(report.test.auc, abs=0.06)
    assert report.test.calibration_error < 0.15


def test_the_penalty_is_that_of_the_least_loss_on_validation() -> None:
    texts = made("+", 90), made("-", 90)
    tried = {
        penalty: taught(*texts, settings=SMALL._replace(penalties=(penalty,))).report.validation
        for penalty in SMALL.penalties
    }
    report = taught(*texts).report
    assert report.validation == tried[report.penalty]
    assert report.validation.log_loss == min(one.log_loss for one in tried.values())


def test_a_text_without_words_has_no_probability() -> None:
    found = trained().model.probabilities(pa.array(["…", "river", ""], pa.large_string()))
    assert np.isnan(found).tolist() == [True, False, True]
    assert trained().model.probabilities(pa.array([], pa.large_string())).tolist() == []


def test_documents_counted_in_more_buckets_are_refused() -> None:
    some = documents(made("+", 20), bits=14), documents(made("-", 20), bits=14)
    with pytest.raises(ValueError, match="more than 2"):
        train(some[0], some[1], settings=SMALL)
    with pytest.raises(ValueError, match="more than 2"):
        trained().model.margins(some[0].counts, np.arange(1))


# -- which documents are for what


@given(st.lists(st.sampled_from(range(40)), max_size=60), st.lists(st.sampled_from(range(40))))
def test_every_document_is_used_or_told_of(left: list[int], right: list[int]) -> None:
    texts = [*made("+", 39), "!"]
    positive = made("-", 12) + [texts[i] for i in left]
    negative = made("--", 12) + [texts[i] for i in right]
    given = split.labelled(documents(positive), documents(negative), least_documents=10)
    assert len(given.rows) + sum(given.left_out) == len(positive) + len(negative)
    both = set(positive) & set(negative) - {"!"}
    assert given.left_out.in_both == sum(text in both for text in positive + negative)
    assert given.left_out.without_words == sum(text == "!" for text in positive + negative)
    used = [(positive + negative)[row] for row in given.rows]
    assert set(used) == (set(positive) | set(negative)) - both - {"!"}
    assert len(used) == len(set(used))
    for part, truth in product(range(3), (True, False)):
        assert ((given.parts == part) & (given.positive == truth)).any()


def test_ten_documents_do_and_the_interval_says_what_they_are_worth() -> None:
    with pytest.raises(ConfigError, match="50 or more") as caught:
        taught(made("+", 10), made("-", 500), settings=Settings(bits=BITS))
    assert caught.value.got == "10 different documents with words"
    report = taught(made("+", 10), made("-", 500)).report
    assert (report.test.positive, report.test.negative) == (2, 100)
    assert report.test.auc_high - report.test.auc_low > 0.3


@pytest.mark.parametrize("texts", [[], ["…"] * 20, ["the same"] * 20, made("+", 9)])
def test_fewer_than_ten_different_documents_are_refused(texts: list[str]) -> None:
    for classes in ((texts, made("-", 20)), (made("-", 20), texts), (texts, texts)):
        with pytest.raises(ConfigError, match="10 or more"):
            taught(*classes, settings=SMALL._replace(least_documents=1))


# -- what is said of a model


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2))
def test_auc_is_how_often_a_positive_one_is_higher(some: list[tuple[int, bool]]) -> None:
    some += [(0, True), (0, False)]
    pairs = [(a, b) for a, own in some if own for b, other in some if not other]
    wanted = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
    scores, truth = zip(*some, strict=True)
    assert auc(np.array(scores, float), np.array(truth)) == pytest.approx(wanted)


def test_the_interval_is_of_use_where_all_are_told_apart() -> None:
    low, high = interval(1.0, 2, 2)
    assert high == 1.0
    assert low < 0.5, "by chance alone one in six"
    assert interval(1.0, 1_000, 1_000)[0] > 0.99
    assert interval(0.5, 20, 30) == pytest.approx((0.34, 0.66), abs=0.02)
    assert interval(0.0, 5, 5)[0] == 0.0


def test_the_interval_holds_the_true_area_nearly_always() -> None:
    chance, held = np.random.default_rng(0), 0
    true = 0.5 * (1 + math.erf(1.5 / 2))  # of normal scores, 1.5 deviations apart
    truth = np.arange(60) < 20
    for _ in range(400):
        low, high = interval(auc(chance.normal(size=60) + 1.5 * truth, truth), 20, 40)
        held += low <= true <= high
    assert 0.92 < held / 400 <= 0.99


def test_figures_by_hand() -> None:
    shares = np.array([0.05, 0.05, 0.95, 1.0, 0.5])
    truth = np.array([False, True, True, True, False])
    with np.errstate(divide="ignore"):
        found = figures(np.log(shares / (1 - shares)).clip(-50, 50), truth)
    assert (found.positive, found.negative) == (3, 2)
    assert found.auc == pytest.approx(4.5 / 6)
    assert found.brier == pytest.approx((0.0025 + 0.9025 + 0.0025 + 0 + 0.25) / 5)
    assert found.calibration_error == pytest.approx((2 * 0.45 + 2 * 0.025 + 0.5) / 5)
    assert [one.documents for one in found.bins] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert found.bins[0].mean_predicted == pytest.approx(0.05)
    assert found.bins[0].share_positive == 0.5
    assert found.bins[1] == Bin(0, None, None)


def test_calibration_finds_the_sigmoid_that_labels_were_drawn_by() -> None:
    chance = np.random.default_rng(3)
    margins = chance.normal(size=20_000)
    truth = chance.random(20_000) < sigmoid(2.0 * margins - 1.0)
    assert platt(margins, truth) == pytest.approx((2.0, -1.0), abs=0.1)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_calibration_is_not_certain_where_few_are_told_apart(scale: float) -> None:
    margins, truth = np.array([-2.0, -1.0, 1.0, 2.0]) * scale, np.array([0, 0, 1, 1], bool)
    slope, offset = platt(margins, truth)
    shares = sigmoid(slope * margins + offset)
    assert shares.mean() == pytest.approx(0.5)
    assert 0.5 < shares[2] <= shares[3] < 0.9
    assert platt(margins * 0, truth) == pytest.approx((0.0, 0.0))


def test_few_documents_do_not_turn_a_model_round() -> None:
    margins, truth = np.array([2.0, 1.0, -1.0, -3.0]), np.array([0, 0, 1, 0], bool)
    slope, offset = platt(margins, truth)
    assert slope == 1.0
    targets = np.where(truth, 2 / 3, 1 / 5)
    assert sigmoid(margins + offset).mean() == pytest.approx(targets.mean())


# -- what a file holds


def test_a_model_is_read_as_it_was_written() -> None:
    model = trained().model
    again = loaded(model.arrays(), model.settings())
    assert again.digest == model.digest
    texts = pa.array(made("x+", 5), pa.large_string())
    assert again.probabilities(texts).tolist() == model.probabilities(texts).tolist()


def _arrays(**changed: Any) -> dict[str, Any]:
    return trained().model.arrays() | changed


def _settings(**changed: Any) -> dict[str, Any]:
    return trained().model.settings() | changed


@pytest.mark.parametrize(
    ("arrays", "said", "wanted"),
    [
        (
            {"weights": np.zeros(5, np.float32)},
            {},
            r"float32 of shape \(5,\) and not float32 of sh",
        ),
        ({"weights": np.zeros(1 << BITS)}, {}, "is float64 of shape"),
        (
            {"numbers": np.array([0.0, np.nan, 1.0])},
            {},
            "numbers holds numbers that are not finite",
        ),
        ({"weights": np.full(1 << BITS, np.inf, np.float32)}, {}, "weights holds numbers that are"),
        ({"more": np.zeros(1)}, {}, "arrays are more, numbers, weights and not numbers, weights"),
        ({}, {"bits": 11}, "The array weights"),
        ({}, {"bits": 62}, "The bits is 62 and not a number from 8 to 26"),
        ({}, {"bits": True}, "The bits is True"),
        ({}, {"width": "2"}, "The width is '2'"),
        ({}, {"version": "linear-0"}, "The version is 'linear-0' and not 'linear-1'"),
        ({}, {"ngrams": "ngrams-9"}, "The ngrams is 'ngrams-9'"),
        ({}, {"seed": 1}, "The settings are bits, ngrams, seed, version, width and not"),
    ],
)
def test_what_is_no_model_is_refused(
    arrays: dict[str, Any], said: dict[str, Any], wanted: str
) -> None:
    with pytest.raises(ValueError, match=wanted):
        loaded(_arrays(**arrays), _settings(**said))


def test_a_model_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="The arrays are none and not numbers, weights"):
        loaded({}, _settings())
    with pytest.raises(ValueError, match="The settings are none and not"):
        loaded(_arrays(), {})


# -- real text


def test_abstracts_are_told_from_news() -> None:
    positive = real_texts("dolma/documents/science/part-00000.jsonl.gz", 300)
    negative = real_texts("dolma/documents/news/part-00000.jsonl.gz", 900)
    report = taught(positive, negative, settings=Settings()).report
    assert report.left_out.without_words > 100, "a third of the news has no text"
    assert report.test.auc > 0.99
    assert report.test.brier < 0.05


def test_reads_nothing_outside_of_its_arrays(tmp_path: Path) -> None:
    """Those of n-grams too: they are compiled for both."""
    both = [__file__, str(Path(__file__).with_name("test_ngrams.py"))]
    wanted = "reference or model_is_the_same or without_words or ngrams and not importing"
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-x", *both, "-k", wanted)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.classifier.noisy_student")
