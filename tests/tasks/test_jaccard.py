"""Exact similarity against sets in plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.shingles import characters_of, hashes, words
from tasks.shingles.sets import jaccard
from tests.tasks.signals.texts import ANY_TEXT, real_documents


def reference(left: str, right: str, width: int, *, by_character: bool) -> float:
    """Similarity of two texts as sets of tuples of words or characters."""
    tokens = characters_of if by_character else words
    one, other = ({*_shingles(tokens(text), width)} for text in (left, right))
    return len(one & other) / len(one | other) if one | other else 0.0


def _shingles(tokens: list[bytes], width: int) -> list[tuple[bytes, ...]]:
    width = min(width, len(tokens))
    return [tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1) if width]


def compared(texts: list[str], width: int, *, by_character: bool = False) -> list[float]:
    """Similarity of the first text to each."""
    left, right = np.zeros(len(texts), np.int64), np.arange(len(texts))
    column = pa.array(texts, pa.large_string())
    return list(jaccard(column, left, right, width=width, by_character=by_character))


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), st.integers(1, 6), st.booleans())
def test_equals_sets_of_any_text(texts: list[str], width: int, by_character: bool) -> None:  # noqa: FBT001
    assert compared(texts, width, by_character=by_character) == [
        reference(texts[0], text, width, by_character=by_character) for text in texts
    ]


def test_equals_sets_of_real_documents() -> None:
    texts = [text[:5_000] for text in real_documents()[::40]]
    texts += [text.replace(" ", "  ", 5).replace("e", "E", 3) + " more" for text in texts[:1]]
    assert compared(texts, 5) == [reference(texts[0], t, 5, by_character=False) for t in texts]
    assert compared(texts, 5)[-1] > 0.9


def test_texts_of_many_blocks() -> None:
    """Read some thousand words at a time, which must not show."""
    for end in ("", " ...", " " * 9):
        for n in (2_047, 2_048, 2_049, 2_064, 4_096, 9_000):
            texts = [" ".join(f"w{i % 1_000}" for i in range(n)) + end, "w1 w2 w3 w4 w5 w6"]
            for by_character in (False, True):
                wanted = [reference(texts[0], t, 3, by_character=by_character) for t in texts]
                assert compared(texts, 3, by_character=by_character) == wanted


def test_a_hash_is_what_the_definition_says() -> None:
    assert hashes([], 5) == []
    assert len(set(hashes([b"a", b"b", b"c", b"a", b"c", b"b"], 2))) == 5
    assert hashes([b"a", b"b"], 5) == hashes([b"a", b"b"], 2) != hashes([b"b", b"a"], 2)
