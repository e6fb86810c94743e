"""Compressed sizes: the kernel against a matcher in plain Python whose blocks LZ4 can read."""

from __future__ import annotations

import random
import string
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.signals.compression import compression_ratio
from tests.tasks.signals.texts import ANY_TEXT, real_documents

# Few letters, so that much comes again; and long runs, whose lengths take bytes of their own.
ECHOES = st.text("ab ", max_size=200) | st.lists(
    st.tuples(st.sampled_from(("a", "ab", "word ", "é", "漢字")), st.integers(0, 400)), max_size=5
).map(lambda runs: "".join(part * times for part, times in runs))
TEXT = ANY_TEXT | ECHOES | st.text()


def length_bytes(length: int) -> bytes:
    """Return what a length takes that does not fit into four bits."""
    if length < 15:
        return b""
    whole, rest = divmod(length - 15, 255)
    return b"\xff" * whole + bytes([rest])


def sequence(literals: bytes, match: int | None, offset: int = 0) -> bytes:
    """Return literals and the match behind them; None for the end."""
    longer = 0 if match is None else match - 4
    token = bytes([min(len(literals), 15) << 4 | min(longer, 15)])
    head = token + length_bytes(len(literals)) + literals
    return head if match is None else head + offset.to_bytes(2, "little") + length_bytes(longer)


def block(data: bytes) -> bytes:
    """Return the block of LZ4 that defines the size."""
    places: dict[int, int] = {}
    at = behind = misses = 0
    out = b""
    while at <= len(data) - 12:
        four = data[at : at + 4]
        slot = int.from_bytes(four, "little") * 2654435761 % 2**32 >> 19
        before = places.get(slot)
        places[slot] = at
        if before is None or at - before > 65_535 or data[before : before + 4] != four:
            at += 1 + misses // 64
            misses += 1
            continue
        length = 4
        while at + length < len(data) - 5 and data[at + length] == data[before + length]:
            length += 1
        out += sequence(data[behind:at], length, at - before)
        at += length
        behind, misses = at, 0
    return out + sequence(data[behind:], None)


def ratio(text: str | None) -> float | None:
    if text is None:
        return None
    data = text.encode()
    return len(data) / len(block(data)) if data else 1.0


def unpacked(data: bytes, size: int) -> bytes:
    """Unpack a block by LZ4's own library."""
    found: bytes = pa.Codec("lz4_raw").decompress(data, size, asbytes=True) if size else b""
    return found


@settings(max_examples=300)
@given(st.lists(st.none() | TEXT, max_size=5))
def test_ratios_are_those_of_blocks_that_can_be_unpacked(texts: list[str | None]) -> None:
    found = compression_ratio(pa.array(texts, pa.large_string()))
    assert found.to_list() == [ratio(text) for text in texts]
    for text in texts:
        data = (text or "").encode()
        assert unpacked(block(data), len(data)) == data


def test_ratios_of_real_documents() -> None:
    texts = [text[:20_000] for text in real_documents()]
    texts += ["".join(texts)[:200_000]]  # beyond what a match can reach
    assert compression_ratio(pa.array(texts)).to_list() == [ratio(text) for text in texts]
    for text in texts[::20]:
        assert unpacked(block(text.encode()), len(text.encode())) == text.encode()


def test_a_text_has_one_ratio_wherever_it_stands() -> None:
    texts = ["the same words and the same words again", None, "", "x" * 99, *real_documents()[:40]]
    wanted = [ratio(text) for text in texts]
    long, short = pa.array(texts, pa.large_string()), pa.array(texts)
    for column in (long, short, pa.chunked_array([long[:2], long[2:2], long[2:]])):
        assert compression_ratio(column).to_list() == wanted
    assert compression_ratio(long[3:]).to_list() == wanted[3:]
    again = long.take(pa.array([5, 3, 5]))
    assert compression_ratio(again).to_list() == [wanted[i] for i in (5, 3, 5)]
    with ThreadPoolExecutor(4) as pool:
        assert all(s.to_list() == wanted for s in pool.map(lambda _: compression_ratio(long), "ab"))
    nothing = compression_ratio(pa.chunked_array([], pa.large_string()))
    assert nothing.dtype == pl.Float64
    assert nothing.is_empty()


def test_what_comes_again_has_a_high_ratio_and_noise_has_none() -> None:
    prose = next(text for text in real_documents() if len(text) > 5_000)[:2_500]
    rng = random.Random(0)
    noise = "".join(rng.choices(string.ascii_letters + string.digits + "+/", k=2_500))
    texts = [prose, prose[:1_250] * 2, (prose[:60] + "\n") * 40, noise]
    plain, twice, lines, random_text = compression_ratio(pa.array(texts)).to_list()
    assert random_text == pytest.approx(1.0, abs=0.01)
    assert 1.1 < plain < 1.6
    assert 2 < twice < 3
    assert lines > 15


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("a", 2), ("ab", 3), ("a" * 12, 13), ("a" * 13, 1 + 1 + 2 + 1 + 5)]
)
def test_the_shortest_texts(text: str, size: int) -> None:
    assert compression_ratio(pa.array([text])).to_list() == [len(text) / size if text else 1.0]


@pytest.mark.parametrize("part", ["a", "@", "1", "ab", "漢", "\n", "abcdefghijklmnopq"])
def test_a_long_run_is_one_match(part: str) -> None:
    text = part * (400_000 // len(part))
    data = text.encode()
    width = len(part.encode())
    rest = len(data) - 5 - width
    wanted = 1 + width + 2 + len(length_bytes(rest - 4)) + len(length_bytes(width)) + 1 + 5
    assert compression_ratio(pa.array([text])).to_list() == [len(data) / wanted]
