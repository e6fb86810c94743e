"""Words of sources, as tokenizers split them, and the table that counts them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from schemas.errors import ConfigError
from tasks.replay.merges import splitting, words
from tasks.replay.merges.lists import MergeList
from tasks.replay.merges.splitting import Lines, Splitting

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES = Splitting("bytes", splitter=pre_tokenizers.ByteLevel(add_prefix_space=False))
BULK = "all work and no play makes jack a dull boy. " * (words.LEAST_BYTES // 44 + 1)


def test_bytes_are_written_as_the_library_writes_them() -> None:
    assert splitting.written("Ça\t é\n漢".encode()) == "".join(
        pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("Ça\t é\n漢")[i][0]
        for i in range(5)
    )
    assert len(set(splitting.byte_characters())) == 256


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gpt2", ["Don", "'t", "Ġstop", "Ġ12345", "!", "Ċ", "Ċ", "HttpUrl"]),
        ("cl100k", ["Don", "'t", "Ġstop", "Ġ", "123", "45", "!ĊĊ", "HttpUrl"]),
        ("o200k", ["Don't", "Ġstop", "Ġ", "123", "45", "!ĊĊ", "Http", "Url"]),
    ],
)
def test_patterns_split_as_their_tokenizers_do(name: str, wanted: list[str]) -> None:
    assert splitting.of_name(name).words("Don't stop 12345!\n\nHttpUrl") == wanted


def test_the_pattern_is_the_one_that_leaves_tokens_whole() -> None:
    assert splitting.likeliest([b"the", b" 12345"]).name == "gpt2"
    assert splitting.likeliest([b"the", b"!\n\n", b"HttpUrl"]).name == "cl100k"
    assert splitting.likeliest([b"Don't", b"\xff"]).name == "o200k"


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (Lines(), ["▁a", "▁Wort", ",", "▁12", "▁слово", "漢", "▁b"]),
        (
            Lines(squeezes=False, only_spaces=True, single_digits=True),
            ["▁a", "▁▁▁Wort", ",", "▁", "1", "2", "▁слово", "漢", "▁b"],
        ),
        (
            Lines(starts=False, by_script=False),
            ["a", "▁Wort,", "▁12", "▁слово漢", "b"],
        ),
    ],
)
def test_lines_are_split_as_sentencepiece_is_told(lines: Lines, wanted: list[str]) -> None:
    assert splitting.of_lines(lines).words("a   Wort, 12 слово漢\n\nb") == wanted


def test_a_token_has_spaces_at_its_front_or_nothing_else() -> None:
    how = splitting.of_lines(Lines(longest=4))
    assert [how.allows(*pair) for pair in [("▁", "ab"), ("▁", "▁"), ("ab", "cd")]] == [True] * 3
    assert [how.allows(*pair) for pair in [("a", "▁"), ("▁▁", "a"), ("abc", "de")]] == [False] * 3


def test_a_table_counts_each_word_in_each_source() -> None:
    sources = {"x": [BULK, "new words"], "y": ["" + BULK * 2]}
    table = words.table(sources, BYTES)
    wanted = {name: Counter(BYTES.words("".join(texts))) for name, texts in sources.items()}
    wanted["x"] = Counter(BYTES.words(BULK)) + Counter(BYTES.words("new words"))
    for number, name in enumerate(sources):
        some = dict(zip(table.words, table.counts[:, number].tolist(), strict=True))
        assert {word: count for word, count in some.items() if count} == wanted[name]
    assert table.n_bytes.tolist() == [len(BULK) + 9, 2 * len(BULK)]
    assert (table.n_texts.tolist(), table.dropped.tolist()) == ([2, 1], [0, 0])


def test_the_order_of_texts_does_not_matter() -> None:
    texts = [BULK, "one two", "two three"]
    one, other = (words.table({"x": some}, BYTES) for some in (texts, texts[::-1]))
    assert one.words == other.words
    assert np.array_equal(one.counts, other.counts)


def test_rare_words_go_when_memory_is_bounded_and_are_counted() -> None:
    rare = [f"{number:07d}x" for number in range(2_000)]
    table = words.table({"x": [BULK, " ".join(rare)]}, BYTES, most_words=500)
    assert len(table.words) <= 500
    assert "Ġplay" in table.words
    everything = len(BYTES.words(BULK)) + len(BYTES.words(" ".join(rare)))
    assert table.counts.sum() + table.dropped[0] == everything


def test_no_more_is_read_of_a_source_than_is_asked_for() -> None:
    def texts() -> Iterator[str]:
        yield BULK
        yield "one more"
        raise AssertionError("it is read on")

    table = words.table({"x": texts()}, BYTES, most_bytes=len(BULK) + 1)
    assert (table.n_texts.tolist(), table.n_bytes.tolist()) == ([2], [len(BULK) + 8])


def test_a_word_without_an_end_is_cut() -> None:
    table = words.table({"x": ["A" * words.LEAST_BYTES]}, BYTES)
    assert max(map(len, table.words)) == words.LONGEST
    assert sum(len(w) * n for w, n in zip(table.words, table.counts[:, 0], strict=True)) == len(
        "A" * words.LEAST_BYTES
    )


def test_too_little_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="candidate source y: got 5 bytes of text in 1 documents"):
        words.table({"x": [BULK], "y": ["short"]}, BYTES)
    with pytest.raises(ConfigError, match="no candidate source"):
        words.table({}, BYTES)


@given(st.lists(st.text("abz", min_size=1), min_size=1, max_size=5, unique=True))
def test_unknown_symbols_end_words(some: list[str]) -> None:
    counts = np.arange(len(some))[:, None] + 1
    nothing = np.zeros(1, np.int64)
    table = words.Table(("x",), tuple(some), counts, nothing, nothing, nothing)
    merges = MergeList("made", Splitting("made"), ("a", "b", "ab"), 2, np.array([[0, 1, 2]]), ())
    found = words.encoded(table, merges)
    parts = [
        "".join("ab"[symbol] for symbol in found.values[first:end])
        for first, end in zip(found.firsts[:-1], found.firsts[1:], strict=True)
    ]
    wanted = [
        (part, i + 1) for i, word in enumerate(some) for part in word.split("z") if len(part) > 1
    ]
    assert list(zip(parts, found.counts[:, 0].tolist(), strict=True)) == wanted
