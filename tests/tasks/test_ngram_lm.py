"""The n-gram model: kernels against plain Python and against lmplz, files that are no models."""

from __future__ import annotations

import math
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks.ngram_lm import FALLBACK, Settings, discounts, estimate
from tasks.ngram_lm.model import NgramModel
from tasks.ngram_lm.training import Counting, memory_bytes
from tests.real_data import real_texts
from tests.tasks.signals.kernels import bounds_checked, imports_numba
from tests.tasks.signals.texts import ANY_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Arrays = dict[str, np.ndarray[Any, Any]]

FEW_WORDS = st.lists(st.sampled_from(["a", "b", "c", "Ça", "漢字", "x-y"]), max_size=25)
TEXT = FEW_WORDS.map(" ".join) | ANY_TEXT
TEXTS = st.lists(TEXT, max_size=8)
SETTINGS = st.builds(
    Settings,
    order=st.integers(1, 5),
    vocabulary_words=st.sampled_from([2_000, 2**22]),
    min_count=st.integers(1, 3),
    prune_from=st.integers(2, 6),
)


def large(texts: Sequence[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def trained(texts: Sequence[str], settings: Settings) -> NgramModel:
    counting = Counting(settings.order)
    counting.add(large(texts))
    chosen = asdict(settings)
    del chosen["order"]
    return counting.model(**chosen)


def sentences() -> list[str]:
    """Return what lmplz was run on: few words often, most of them seldom."""
    chance = random.Random(7)
    some = [f"w{i}" for i in range(400)]
    often = [1 / (i + 1) for i in range(400)]
    return [" ".join(chance.choices(some, often, k=chance.randint(1, 30))) for _ in range(400)]


@given(TEXTS, TEXTS, SETTINGS)
def test_equals_the_reference(texts: list[str], others: list[str], settings: Settings) -> None:
    reference, every = estimate(texts, settings), [*texts, *others]
    wanted = [reference.cross_entropy(text) for text in every]
    nats, n_words = trained(texts, settings).cross_entropy(large(every))
    assert n_words.tolist() == [words for _, words in wanted]
    assert nats.tolist() == pytest.approx([nats for nats, _ in wanted], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("min_count", [1, 2])
def test_equals_the_reference_on_long_texts(min_count: int) -> None:
    """Some thousand words are looked up at a time, and the context goes on behind them."""
    settings = Settings(order=5, min_count=min_count)
    texts = [" ".join(sentences()[::2]), *sentences()[::2]]
    reference = estimate(texts, settings)
    held_out = [" ".join(sentences()), *sentences()[1::2]]
    nats, _ = trained(texts, settings).cross_entropy(large(held_out))
    wanted = [reference.cross_entropy(text)[0] for text in held_out]
    assert nats.tolist() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    ("order", "min_count", "wanted"),
    [
        (2, 1, [-7.50403, -10.67773, -2.61587]),
        (3, 1, [-7.70723, -10.89781, -2.6112]),
        (3, 2, [-7.69293, -10.85428, -2.61743]),
    ],
)
def test_equals_lmplz(order: int, min_count: int, wanted: list[float]) -> None:
    """KenLM 0.3.0 of PyPI: ``lmplz -o ORDER [--prune 0 0 1]``, then ``Model.score``.

    It predicts the end of a sentence, which is a word here, and shares an even chance among the
    words seen, this one and one for all that were not.
    """
    texts = [f"{sentence} end" for sentence in sentences()]
    n_different = len({word for text in texts for word in text.split()})
    settings = Settings(order, n_different + 1, min_count)
    new = ["w0 w1 w2 w0 w5 w0 end", "w399 zzz w0 w0 w1 end", "w3 end"]
    nats, _ = trained(texts, settings).cross_entropy(large(new))
    assert (-nats / math.log(10)).tolist() == pytest.approx(wanted, abs=2e-5)


def test_a_model_of_two_words_by_hand() -> None:
    """Discounts are the fallback: 0.5 of a count of 1, 1 of 2. V is 10."""
    model = trained(["a b", "a b", "a"], Settings(order=2, vocabulary_words=10))
    # Before a stands the mark, before b an a: counts of 1, of which half is taken.
    a = b = 0.5 / 2 + (1 / 2) / 10
    unseen = (1 / 2) / 10
    after_mark = (3 - 1.5) / 3 + (1.5 / 3) * a
    after_a = (2 - 1) / 2 + (1 / 2) * b
    texts = ["a b", "b", "a a", "z", "z b", "b a"]
    wanted = [
        after_mark * after_a,
        0.5 * b,
        after_mark * 0.5 * a,
        0.5 * unseen,
        0.5 * unseen * b,
        0.5 * b * a,  # nothing is known about what follows b
    ]
    nats, n_words = model.cross_entropy(large(texts))
    assert np.exp(-nats).tolist() == pytest.approx(wanted, rel=1e-6)
    assert model.perplexity(large(["b a"]))[0] == pytest.approx((0.5 * b * a) ** (-1 / 2))
    assert n_words.tolist() == [2, 1, 2, 1, 2, 2]
    assert model.sizes == (2, 2)


@given(st.lists(st.text("abc ", max_size=30), max_size=5), st.text("abcz ", max_size=8), SETTINGS)
def test_all_words_add_up_to_one(texts: list[str], context: str, settings: Settings) -> None:
    model, seen = trained(texts, settings), {w for text in texts for w in text.split()}
    every = [context, *(f"{context} {word}" for word in (*sorted(seen), "unseen"))]
    nats, _ = model.cross_entropy(large(every))
    *chances, unseen = np.exp(nats[0] - nats[1:]).tolist()
    total = math.fsum(chances) + (settings.vocabulary_words - len(seen)) * unseen
    assert total == pytest.approx(1.0, abs=1e-4)


@given(TEXTS, st.randoms(use_true_random=False), SETTINGS)
def test_is_the_same_in_any_order_and_any_batches(
    texts: list[str], chance: random.Random, settings: Settings
) -> None:
    counting, mixed = Counting(settings.order), chance.sample(texts, len(texts))
    while mixed:
        cut = chance.randint(1, len(mixed))
        counting.add(pa.chunked_array([large(mixed[:cut]), large([])]))
        mixed = mixed[cut:]
        counting.model()  # made in between, it changes nothing
    chosen = {name: value for name, value in asdict(settings).items() if name != "order"}
    assert counting.model(**chosen).digest == trained(texts, settings).digest


@given(TEXTS, SETTINGS)
def test_goes_through_its_arrays(texts: list[str], settings: Settings) -> None:
    model = trained(texts, settings)
    arrays = {name: array.copy() for name, array in model.arrays().items()}
    again = NgramModel.of(arrays, model.about())
    assert again.digest == model.digest
    assert again.perplexity(large(texts)).tolist() == pytest.approx(
        model.perplexity(large(texts)).tolist(), abs=0, nan_ok=True
    )


def test_the_digest_tells_models_apart() -> None:
    made = [trained(["a b a c"], Settings(2)), trained(["a b a c"], Settings(2, 2**20))]
    made.append(trained(["a b a d"], Settings(2)))
    made.append(trained(["a b a c"], Settings(3)))
    assert len({model.digest for model in made}) == len(made)


def test_columns_of_any_form() -> None:
    model = trained(["a b", "b c"], Settings(3))
    one = model.perplexity(large(["a b", "", "c d"]))
    assert np.isnan(one[1])
    texts = pa.chunked_array([large(["x", "a b"])[1:], pa.array([None, "c d"], pa.large_string())])
    assert model.perplexity(texts).tolist() == pytest.approx(one.tolist(), nan_ok=True)
    assert model.perplexity(pa.chunked_array([], pa.large_string())).tolist() == []
    assert [len(part) for part in model.cross_entropy(large([]))] == [0, 0]


@pytest.mark.parametrize("texts", [[], [""], ["...", " \n"]])
def test_a_model_of_no_words_gives_all_words_an_even_chance(texts: list[str]) -> None:
    model = trained(texts, Settings(3, vocabulary_words=100))
    assert model.perplexity(large(["some words", "!"])).tolist() == pytest.approx(
        [100, math.nan], nan_ok=True
    )


def test_one_model_serves_many_threads() -> None:
    model = trained(sentences(), Settings(4))
    texts = [large(sentences()[i::8]) for i in range(8)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(model.perplexity, texts))
    assert [one.tolist() for one in found] == [model.perplexity(some).tolist() for some in texts]


def test_discounts() -> None:
    # Y is 10 / 20: 1 - 2 Y 5 / 10, 2 - 3 Y 3 / 5, 3 - 4 Y 2 / 3.
    assert discounts({1: 10, 2: 5, 3: 3, 4: 2, 9: 4}) == pytest.approx((0.5, 1.1, 5 / 3))
    assert discounts({1: 10, 2: 5, 4: 2}) == FALLBACK, "none of three"
    assert discounts({1: 10, 2: 5, 3: 3}) == FALLBACK, "nothing would be left of three"
    assert discounts({1: 10, 2: 1, 3: 9, 4: 1}) == FALLBACK, "less than nothing from two"


def test_counts_words() -> None:
    counting = Counting(2)
    counting.add(large(["One two, two!", "", "漢字"]))
    assert (counting.n_words, counting.n_different) == (5, 4)


def test_memory_grows_with_words_and_order() -> None:
    assert memory_bytes(1_000_000, 3) == 37_000_000
    assert memory_bytes(1_000_000, 5) == 73_000_000


def test_more_words_than_the_vocabulary_are_refused() -> None:
    counting = Counting(2)
    counting.add(large(["a b c"]))
    with pytest.raises(ConfigError, match=r"got 3 different words .* at most 2, the vocabulary"):
        counting.model(vocabulary_words=2)


@pytest.mark.parametrize(
    "chosen",
    [{"order": 0}, {"order": 9}, {"order": 2.0}, {"min_count": 0}, {"prune_from": 1},
     {"vocabulary_words": 2**31}, {"order": True}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(chosen: dict[str, Any]) -> None:
    (name,) = chosen
    with pytest.raises(ValueError, match=f"{name} is .*, not a whole number from"):
        Settings(**chosen)


@cache
def intact() -> NgramModel:
    return trained(["a b c a b d", "b c d"], Settings(3))


def changed(name: str, at: int, value: float) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][at] = value

    return change


def instead(name: str, of: Callable[[np.ndarray[Any, Any]], Any]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = of(arrays[name])

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("keys_3"), "the arrays are .*, not .*'keys_3'"),
        (lambda arrays: arrays.update(keys_4=arrays["keys_3"]), "the arrays are .*'keys_4'"),
        (instead("words", lambda a: a.astype(np.int64)), "words is int64 .* not uint64"),
        (instead("keys_2", lambda a: a.astype(">u8")), "keys_2 is >u8 .* not uint64"),
        (instead("log_back_offs_1", lambda a: a.astype(float)), "is float64 .* not float32"),
        (instead("keys_3", lambda a: a.reshape(1, -1)), "of 2 dimensions, not uint64 in one row"),
        (instead("keys_3", lambda a: np.repeat(a, 2)[::2]), "keys_3 is uint64 .* in one row"),
        (instead("keys_3", lambda a: a[::-1].copy()), "keys_3 is not in order"),
        (instead("keys_3", lambda a: a[:-1]), "log_probabilities_3 has . numbers, not"),
        (instead("keys_2", lambda a: a[:0]), "log_probabilities_2 has . numbers, not 0"),
        (instead("words", lambda a: a[:-1]), "log_probabilities_1 has 4 numbers, not 3"),
        (instead("log_back_offs_0", lambda a: a[:0]), "log_back_offs_0 has 0 numbers, not 1"),
        (instead("log_back_offs_1", lambda a: a[:-1]), "log_back_offs_1 has 4 numbers, not 5"),
        (changed("words", 0, 2**64 - 1), "words is not in order"),
        (changed("log_probabilities_2", 0, math.nan), "log_probabilities_2 has a number that"),
        (changed("log_probabilities_2", 0, -math.inf), "log_probabilities_2 has a number that"),
        (changed("log_back_offs_2", 0, 0.1), "log_back_offs_2 has a number that is not the log"),
        (changed("keys_2", -1, 5 << 32), "keys_2 names an n-gram that level 1 does not have"),
        (changed("keys_3", -1, 99 << 32), "keys_3 names an n-gram that level 2 does not have"),
        (changed("keys_2", -1, 4 << 32 | 4), "keys_2 names a word that is none of the model's"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_model_are_refused(change: Callable[[Arrays], Any], said: str) -> None:
    arrays = {name: array.copy() for name, array in intact().arrays().items()}
    change(arrays)
    with pytest.raises(ValueError, match=said):
        NgramModel.of(arrays, intact().about())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"order": 2}, "the arrays are"),
        ({"order": "3"}, "order is '3', not a whole number from 1 to 8"),
        ({"vocabulary_words": 3}, "there are 4 words, of a vocabulary of 3"),
        ({"kind": "other"}, "the settings are .*'kind'"),
        ({"version": "kneser-ney-0"}, "the version is 'kneser-ney-0', not 'kneser-ney-1'"),
    ],
)
def test_settings_that_are_of_no_model_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NgramModel.of(intact().arrays(), intact().about() | settings)


@given(st.data())
def test_any_arrays_are_refused_or_score(data: st.DataObject) -> None:
    """Whatever passes stays within its arrays: the bounds are checked in a run of their own."""
    words = intact().words
    key = st.builds(lambda a, b: a << 32 | b, st.integers(0, 6), st.integers(0, 4))
    keys = [np.unique(np.array(data.draw(st.lists(key)), np.uint64)) for _ in range(2)]
    sizes = {"log_back_offs_0": 1, "log_probabilities_1": 4, "log_back_offs_1": 5}
    sizes |= {"log_probabilities_2": len(keys[0]), "log_back_offs_2": len(keys[0])}
    sizes |= {"log_probabilities_3": len(keys[1])}
    log = st.floats(-50, 0, width=32)
    arrays: Arrays = {
        name: np.array(data.draw(st.lists(log, min_size=size, max_size=size)), np.float32)
        for name, size in sizes.items()
    }
    arrays |= {"words": words, "keys_2": keys[0], "keys_3": keys[1]}
    try:
        model = NgramModel.of(arrays, intact().about())
    except ValueError:
        return
    assert np.isfinite(model.perplexity(large(["a b c d z a a b", "d d d"]))).all()


def test_what_is_like_the_training_text_surprises_less() -> None:
    wiki = real_texts("dolma/documents/wiki/part-00000.jsonl.gz", 60)
    held_out = {
        "wiki": wiki[1::2],
        "news": real_texts("dolma/documents/news/part-00000.jsonl.gz", 300),
        "maths": real_texts("dolma/documents/maths/part-00000.jsonl.gz", 4),
        "code": real_texts("dolma/documents/code/part-00000.jsonl.gz", 30),
        "laws": real_texts("german/laws/part-00000.jsonl.gz", 20),
    }
    model = trained(wiki[::2], Settings(3))
    measured = {name: model.cross_entropy(large(texts)) for name, texts in held_out.items()}
    surprise = {name: nats.sum() / n_words.sum() for name, (nats, n_words) in measured.items()}
    assert sorted(surprise, key=surprise.__getitem__) == [*held_out]


def test_reads_nothing_outside_of_its_arrays(tmp_path: Path) -> None:
    chosen = "long_texts or any_order or any_arrays or no_words or any_form"
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-x", __file__, "-k", chosen)


@pytest.mark.parametrize("module", ["model", "training", "kenlm"])
def test_importing_the_package_imports_no_compiler(module: str) -> None:
    assert not imports_numba(f"tasks.ngram_lm.{module}")
