"""Lines, paragraphs, runs of words: kernels against plain Python, and who keeps what is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.tables import DOCUMENTS, conform
from tasks import compiled, pieces
from tasks.dedup import pieces as shared_pieces
from tasks.pieces import ANCHOR, LINE, PARAGRAPH, Piece
from tasks.signals.pieces import pieces as measured
from tests.tasks.signals.texts import ANY_TEXT, real_documents

if TYPE_CHECKING:
    import random

KINDS = {LINE: pieces.lines, PARAGRAPH: pieces.paragraphs, ANCHOR: pieces.anchors}
ALL = (np.uint64(0), np.uint64(2**64 - 1))


def found(texts: list[str], *, least: int, words: int) -> list[dict[int, list[Piece]]]:
    """Return what the kernel finds in each text, by kind, in the order in which it lies there."""
    hashes, places, firsts = compiled.load("tasks.pieces.kernel").pieces(
        *compiled.buffers(pa.array(texts, pa.large_string())),
        np.zeros(len(texts), np.bool_),
        pieces.kinds_in_blocks(),
        (least, least),
        (pieces.anchor_width(words), words),
    )
    told: list[dict[int, list[Piece]]] = [{kind: [] for kind in KINDS} for _ in texts]
    for i in range(len(texts)):
        for k in range(firsts[i], firsts[i + 1]):
            start, end, kind = places[k].tolist()
            told[i][kind].append(Piece(int(hashes[k]), start, end))
    return told


def table(texts: list[str], messages: list[Any] | None = None) -> pa.Table:
    rows = [
        {c.DOC_ID: str(i), c.SOURCE: "s", c.TEXT: text, c.OPT_OUT: False, c.LOCATION: "",
         c.POSITION: i + 1, c.MESSAGES: messages and messages[i]}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    return conform(pa.Table.from_pylist(rows, DOCUMENTS), DOCUMENTS)


@given(st.lists(ANY_TEXT, max_size=3), st.integers(1, 4), st.integers(1, 6))
def test_kernel_equals_plain_python_on_any_text(texts: list[str], least: int, words: int) -> None:
    wanted = [
        {kind: plain(text, words if kind == ANCHOR else least) for kind, plain in KINDS.items()}
        for text in texts
    ]
    assert found(texts, least=least, words=words) == wanted


def test_kernel_equals_plain_python_on_real_documents() -> None:
    texts = [text[:5_000] for text in real_documents()[::11]]
    wanted = [
        {kind: plain(text, 20 if kind == ANCHOR else 3) for kind, plain in KINDS.items()}
        for text in texts
    ]
    assert found(texts, least=3, words=20) == wanted


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.data())
def test_equal_runs_hold_equal_anchors(letters: list[str], data: st.DataObject) -> None:
    """Whatever stands around a run of so many words: an anchor in it is the same one."""
    words = data.draw(st.integers(1, 12))
    run = data.draw(st.lists(st.sampled_from("abcd"), min_size=words, max_size=words))
    texts = [" ".join([*letters[:k], *run, "e", *letters[k:]]) for k in (0, len(letters) // 2)]
    inside = []
    for text, k in zip(texts, (0, len(letters) // 2), strict=True):
        begin = 2 * k
        end = begin + 2 * words
        anchors = pieces.anchors(text, words)
        inside.append({a.hash for a in anchors if begin <= a.start and a.end <= end})
    assert inside[0] & inside[1]


def test_what_counts_as_the_same() -> None:
    def hashes(text: str, kind: int) -> list[int]:
        return [piece.hash for piece in KINDS[kind](text, 1)]

    assert hashes("One  two\tthree. ", LINE) == hashes("\tOne two three.\n", LINE)
    assert hashes("One two", LINE) != hashes("one two", LINE)
    assert hashes("x = a + b", LINE) != hashes("x = a - b", LINE)
    assert hashes("One two\nthree", PARAGRAPH) == hashes("One two three\n\n", PARAGRAPH)
    assert hashes("One two\n \nthree", PARAGRAPH) == hashes("One two\n\nthree", PARAGRAPH)
    one, other = pieces.tokens("a, b  c"), pieces.tokens("a ,\nb c")
    assert [t.hash for t in one] == [t.hash for t in other]
    assert [t.hash for t in pieces.tokens("a,b")] != [t.hash for t in pieces.tokens("a b")]


def test_pieces_tile_what_they_are_of() -> None:
    text = "\n  One two.\n\n\nThree — four\nfive  \n\n"
    body = text.encode()
    assert b"".join(body[p.start : p.end] for p in pieces.lines(text, 0)) == body
    told = [body[p.start : p.end].decode() for p in pieces.paragraphs(text, 1)]
    assert told == ["  One two.\n\n\n", "Three — four\nfive  \n\n"]
    assert [body[t.start : t.end].decode() for t in pieces.tokens(text)] == [
        *("One ", "two.\n\n\n", "Three — ", "four\n", "five  \n\n"),
    ]


def test_signal_is_null_where_nothing_is_asked_for_and_for_conversations() -> None:
    text = "one two three four five six seven eight nine"
    said = [None, [{"role": "user", "content": text}], None]
    documents = table([text, text, ""], said)
    assert measured(documents, SignalsConfig()).null_count == 3
    told = measured(documents, SignalsConfig(line_words=2)).to_pylist()
    assert [one is None for one in told] == [False, True, False]
    (piece,) = told[0]
    assert (piece["start"], piece["end"], piece["kind"]) == (0, len(text), LINE)
    assert told[2] == []


Rows = list[list[tuple[int, int, int, int]]]
PIECES = st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(1, 10), st.integers(0, 2))


def plainly(
    rows: Rows, whole: list[bool], size: int
) -> tuple[dict[int, set[int]], dict[int, float]]:
    """Who loses which bytes, and who goes: one document after the other, with sets."""
    owners: set[int] = set()
    lost: dict[int, set[int]] = {}
    gone: dict[int, float] = {}
    for i, row in enumerate(rows):
        taken = [range(start, end) for value, start, end, _ in row if value in owners]
        covered = set[int]().union(*taken) if not whole[i] else set[int]()
        if len(covered) > size / 2:
            gone[i] = len(covered) / size
            continue
        if covered:
            lost[i] = covered
        owners |= {v for v, start, end, _ in row if not covered & set(range(start, end))}
    return lost, gone


@given(st.lists(st.lists(PIECES, max_size=7), min_size=1, max_size=7), st.randoms())
def test_who_keeps_what_is_shared(documents: Any, chance: random.Random) -> None:
    size, count = 40, len(documents)
    order = chance.sample(range(count), count)
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    whole = np.array([chance.random() < 0.2 for _ in documents])
    every = [
        (value, row, start, start + long, kind)
        for row, some in enumerate(documents)
        for value, start, long, kind in some
    ]
    frame = pl.DataFrame(every, schema=shared_pieces.SHARED, orient="row")
    frame = shared_pieces.of_several(frame)
    by_row: Rows = [[] for _ in documents]
    for value, row, start, end, kind in frame.iter_rows():
        by_row[row].append((value, start, end, kind))
    sizes = np.full(count, size)
    removed, gone = shared_pieces.remove(frame, ranks, sizes, whole, most=0.5)
    lost, went = plainly([by_row[row] for row in order], [bool(whole[r]) for r in order], size)
    told: dict[int, set[int]] = {}
    for row, start, end, _, twin in removed.iter_rows():
        own = told.setdefault(int(ranks[row]), set())
        assert not own & set(range(start, end))
        own |= set(range(start, end))
        assert ranks[twin] < ranks[row]
        assert int(ranks[twin]) not in went
    assert told == lost
    assert {int(ranks[r]): s for r, _, s in gone.iter_rows()} == pytest.approx(went)
    assert all(int(ranks[twin]) not in went for twin in gone[c.TWIN_ROW])


def test_ranges_find_what_one_range_finds() -> None:
    texts = [text[:3_000] for text in real_documents()[:120]] * 2
    config = SignalsConfig(line_words=3, paragraph_words=3, substring_words=12)
    column = measured(table(texts), config)
    frame = pl.DataFrame({c.ROW: np.arange(len(texts)), c.PIECES: pl.Series(column)}).lazy()
    ranks = np.arange(len(texts))
    at_once, apart = (
        pl.concat(
            shared_pieces.shared(frame, ranks, span, list(KINDS))
            for span in shared_pieces.ranges(10_000, memory)
        )
        for memory in (10**9, 200_000)
    )
    assert at_once.height > len(texts)
    assert apart.sort(apart.columns).equals(at_once.sort(at_once.columns))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 29), st.integers(1, 9))), st.data())
def test_pieces_that_touch_what_goes_take_no_part(
    some: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    cuts = []
    for row in range(3):
        limits = sorted(data.draw(st.sets(st.integers(0, 40), max_size=8)))
        cuts += [(row, a, b) for a, b in zip(limits[::2], limits[1::2], strict=False)]
    rows = [(i, row, start, start + size, LINE) for i, (row, start, size) in enumerate(some)]
    every = pl.DataFrame(rows, schema=shared_pieces.SHARED, orient="row")
    lost = pl.DataFrame(cuts, schema=dict.fromkeys([c.ROW, c.START, c.END], pl.Int64), orient="row")
    left = shared_pieces.outside(every, lost)
    wanted = [
        piece
        for piece in rows
        if not any(r == piece[1] and a < piece[3] and piece[2] < b for r, a, b in cuts)
    ]
    assert sorted(left.rows()) == wanted
