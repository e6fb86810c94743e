"""What is looked at of a side, and how it is dealt out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.replay.certificate import How, Texts, Tokenizer
from tasks.replay.certificate import texts as t
from tests.tasks.replay.certificate.made import of, turned

WORDS = ("river", "harbour", "engine", "window")
SOME = st.lists(st.text("ab \n", max_size=30), max_size=20)


def document(number: int, length: int = 30) -> str:
    chance = np.random.default_rng(number)
    return " ".join(chance.choice(WORDS, length).tolist())


@settings(max_examples=30)
@given(SOME, st.integers(0, 9))
def test_it_does_not_depend_on_the_order(some: list[str], seed: int) -> None:
    given_ = of(some, [str(len(text) % 3) for text in some])
    one, other = (
        t.measured(side, How(seed=2), most_tokens=50) for side in (given_, turned(given_, seed))
    )
    assert one.texts.to_pylist() == other.texts.to_pylist()
    assert one.side.documents.tolist() == other.side.documents.tolist()
    assert one.whole == other.whole
    assert one.sources is not None
    assert other.sources is not None
    assert one.sources.tolist() == other.sources.tolist()


def test_it_is_bounded_whatever_the_length_of_a_set_or_a_document() -> None:
    many = t.measured(of([document(i) for i in range(300)]), How(), most_tokens=500)
    assert 500 <= many.tokens < 600
    assert many.whole.documents == 300
    long = t.measured(of(["word " * 100_000]), How(), most_tokens=500)
    assert 500 <= long.tokens <= 500 + 1_000
    assert long.whole.characters == 500_000


def test_of_a_pool_each_source_is_looked_at() -> None:
    texts = [document(i, 400) for i in range(40)] + [document(1_000 + i) for i in range(30)]
    sources = ["large"] * 40 + ["small"] * 30
    found = t.measured(of(texts, sources), How(), most_tokens=100, by_source=True)
    assert found.sources is not None
    known = {name: len(set(found.side.documents[found.sources == name].tolist()))
             for name in ("large", "small")}  # fmt: skip
    assert known == {"large": t.LEAST_DOCUMENTS, "small": t.LEAST_DOCUMENTS}


def test_texts_of_one_document_stay_one() -> None:
    column = pa.chunked_array([pa.array([document(i) for i in range(6)], pa.large_string())])
    found = t.measured(Texts(column, np.array([7, 7, 7, 1, 1, 3])), How(), most_tokens=10_000)
    assert sorted(np.bincount(found.side.documents).tolist()) == [1, 2, 3]
    assert found.whole.documents == 3


def test_copies_of_a_document_are_so_many_documents() -> None:
    found = t.measured(of([document(1)] * 5), How(), most_tokens=10_000)
    assert len(set(found.side.documents.tolist())) == 5
    assert found.n_eff == pytest.approx(5)


def test_tokens_are_those_of_the_tokenizer() -> None:
    numbers = {word: i for i, word in enumerate(WORDS)}

    def encode(texts: object) -> list[list[int]]:
        return [[numbers[word] for word in text.split()] for text in texts]  # type: ignore[attr-defined]

    how = How(tokenizer=Tokenizer("by words", encode))
    found = t.measured(of([document(i, 10 + i) for i in range(5)]), how, most_tokens=10_000)
    assert sorted(found.side.tokens.tolist()) == [10, 11, 12, 13, 14]
    assert found.ids is not None
    assert len(found.ids.numbers) == 60


@given(st.integers(1, 40), st.integers(1, 400), st.integers(0, 5))
@settings(max_examples=30)
def test_no_document_is_on_both_sides_of_a_deal(n: int, tokens: int, seed: int) -> None:
    side = t.measured(of([document(i, 40 + i) for i in range(n)]), How(), most_tokens=10_000)
    one, other = t.dealt(side, tokens, seed=(seed,))
    documents = [set(side.side.documents[rows].tolist()) for rows in (one, other)]
    assert not documents[0] & documents[1]
    largest = int(side.side.tokens.max())
    assert abs(int(side.side.tokens[one].sum()) - min(tokens, side.tokens)) <= largest / 2 + 1


def test_documents_without_numbers_of_their_own_are_refused() -> None:
    given_ = of(["a", "b"])
    with pytest.raises(ValueError, match="of 2 texts"):
        t.measured(given_._replace(documents=np.zeros(1, np.int64)), How(), most_tokens=10)
