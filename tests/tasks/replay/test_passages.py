"""Documents cut into passages: the kernel against plain Python, by hand, and what always holds."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.replay import passages
from tests.tasks.signals.kernels import imports_numba
from tests.tasks.signals.texts import ANY_TEXT, real_documents

PARTS = st.sampled_from(
    ["a", "word", " ", "  ", "\n", "\n\n", ". ", '."', '" ', "?", "。", "é", "😀"]
)
SPOKEN = st.lists(PARTS, max_size=60).map("".join)
TEXTS = st.lists(SPOKEN | ANY_TEXT, max_size=4)
MOST = st.integers(4, 40)


def large(texts: list[str]) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


def ends(texts: list[str], most: int) -> list[list[int]]:
    cut = passages.cut(large(texts), most=most)
    found: list[list[int]] = [[] for _ in texts]
    for document, end in zip(cut.documents.tolist(), cut.ends.tolist(), strict=True):
        found[document].append(end)
    return found


@given(TEXTS, MOST)
def test_equals_the_reference_on_any_text(texts: list[str], most: int) -> None:
    assert ends(texts, most) == [passages.limits(text, most) for text in texts]


def test_equals_the_reference_on_real_documents() -> None:
    texts = [text[:20_000] for text in real_documents()[::9]]
    assert ends(texts, 800) == [passages.limits(text, 800) for text in texts]


@given(TEXTS, TEXTS, MOST)
def test_passages_are_the_documents(texts: list[str], others: list[str], most: int) -> None:
    column = pa.chunked_array([large(["x", *others]).slice(1), large(texts)])
    cut = passages.cut(column, most=most)
    every = [*others, *texts]
    joined = [""] * len(every)
    ranges = zip(*(a.tolist() for a in (cut.documents, cut.starts, cut.ends)), strict=True)
    for text, (document, start, end) in zip(cut.texts.to_pylist(), ranges, strict=True):
        assert 0 < end - start <= most
        assert text == every[document][start:end]
        joined[document] += text
    assert joined == every
    assert cut.size == len(cut.texts)


def told(text: str, most: int) -> list[str]:
    return list(passages.cut(large([text]), most=most).texts.to_pylist())


def test_the_best_limit_of_the_last_quarter_is_taken() -> None:
    fill = "x" * 30
    assert told(f"{fill}\n \na\nb. c d{fill}", 40) == [f"{fill}\n \n", f"a\nb. c d{fill}"]
    assert told(f"{fill}aa\nb. c d{fill}", 40) == [f"{fill}aa\n", f"b. c d{fill}"]
    assert told(f'{fill}aa b."  c d{fill}', 40) == [f'{fill}aa b."  ', f"c d{fill}"]
    assert told(f"{fill}漢字。漢 字{fill}", 40) == [f"{fill}漢字。", f"漢 字{fill}"]
    assert told(f"{fill}aa bb cc{fill}", 40) == [f"{fill}aa bb ", f"cc{fill}"]
    assert told("é" * 50, 40) == ["é" * 40, "é" * 10]
    early = "a\n\nb" + "x" * 60
    assert told(early, 40) == [early[:40], early[40:]], "a limit before the last quarter"


def test_what_fits_is_not_cut() -> None:
    assert told("a\n\n" * 10, 30) == ["a\n\n" * 10]
    assert told("", 30) == []
    assert passages.cut(pa.chunked_array([], pa.large_string())).size == 0


def test_real_passages_end_where_something_ends() -> None:
    texts = [text for text in real_documents() if len(text) > 20_000]
    cut = passages.cut(large(texts))
    inner = [
        text
        for text, (one, other) in zip(
            cut.texts.to_pylist(), pairwise(cut.documents.tolist()), strict=False
        )
        if one == other
    ]
    assert len(inner) > 100
    assert sum(text[-1].isspace() for text in inner) / len(inner) > 0.99
    assert min(map(len, inner)) >= 3_000


def test_keys_tell_passages_apart_and_do_not_depend_on_their_order() -> None:
    texts, ids = ["word " * 30, "other " * 30], ["a", "b"]
    keys = passages.keys(ids, passages.cut(large(texts), most=40))
    again = passages.keys(ids[::-1], passages.cut(large(texts[::-1]), most=40))
    assert len({tuple(key) for key in keys.tolist()}) == len(keys) > 4
    assert sorted(map(tuple, keys.tolist())) == sorted(map(tuple, again.tolist()))


def test_nulls_and_passages_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="without a text"):
        passages.cut(pa.array(["a", None], pa.large_string()))
    with pytest.raises(ValueError, match="wanted 4 or more"):
        passages.cut(large(["a"]), most=3)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.passages")
