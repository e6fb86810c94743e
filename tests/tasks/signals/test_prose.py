"""What is prose and where paragraphs lie: the kernels against their definitions in plain Python."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import characters
from tasks.signals.lid import paragraphs, readable, shares
from tasks.signals.lid.paragraphs import LEAST_SHARE
from tests.real_data import real_texts
from tests.tasks.signals.kernels import bounds_checked
from tests.tasks.signals.rules_reference import has, raw_paragraphs_of, words_of
from tests.tasks.signals.texts import ANY_TEXT, real_documents, udhr

if TYPE_CHECKING:
    from pathlib import Path

INNER = r"(?:[A-Za-z]|[^\x00-\x7f])"
PLAIN = re.compile(rf"""["'(-]*({INNER}(?:{INNER}|['-])*)?["').,;!?-]*""")
PARTS = st.sampled_from(
    (
        *(
            "a",
            "bc",
            "the",
            "Word",
            "don't",
            "well-known",
            "(see",
            "this)",
            '"so"',
            "so,",
            "so.",
            "x:",
        ),
        *(
            "e.g.",
            "f(x)",
            "a_b",
            "x=1",
            "1994",
            "été",
            "漢字",
            "\u2013",
            "…",
            "-",
            "--",
            "()",
            ".",
            '"',
            "'",
        ),
        *(" ", " ", "\n", "\t", "\x1c", "\x0b", "\xa0", "\u3000", "\u2028", "\u0301", "²", "_"),
    )
)
TEXT = st.lists(PARTS, max_size=30).map(" ".join) | st.lists(PARTS).map("".join) | ANY_TEXT
SIZES = st.none() | st.integers(0, 60)


def is_ascii_letter(character: str) -> bool:
    return character.isascii() and has(character, characters.LETTER)


def prose(text: str) -> int:
    """Count the letters in prose."""
    found = sum(not c.isascii() and has(c, characters.LETTER) for c in text)
    for line in text.split("\n"):
        words = [(word, PLAIN.fullmatch(word)) for word in words_of(line)]
        for plain, run in groupby(words, key=lambda pair: pair[1] is not None):
            row = [word for word, _ in run]
            # Shorter ones neither count nor end the row.
            counted = [word for word in row if len(re.findall(INNER, word)) >= 2]
            if plain and len(counted) >= 3:
                found += sum(map(is_ascii_letter, "".join(row)))
    return found


def is_readable(text: str, letters: int, share: float, size: int | None) -> bool:
    """Tell whether the first bytes hold enough letters, and enough of them in prose."""
    start = text.encode()[:size].decode(errors="ignore")
    count = sum(has(c, characters.LETTER) for c in start)
    return count >= letters and prose(start) >= share * count


@settings(max_examples=300)
@given(
    texts=st.lists(st.none() | TEXT, max_size=5),
    letters=st.integers(0, 12),
    share=st.sampled_from((0.0, 0.25, 0.5, 1.0)) | st.floats(0, 1),
    size=SIZES,
)
def test_prose_is_what_the_reference_says(
    texts: list[str | None], letters: int, share: float, size: int | None
) -> None:
    column = pa.array(texts, pa.large_string())
    wanted = [text is not None and is_readable(text, letters, share, size) for text in texts]
    assert readable(column, letters=letters, prose=share, first_bytes=size).tolist() == wanted


def test_prose_of_real_documents_is_what_the_reference_says() -> None:
    starts = [text[:1500] for text in real_documents()[::2]]
    column = pa.chunked_array([pa.array(starts[:50]), pa.array(starts[50:])])
    for share in (0.1, 0.25, 0.5, 0.9):
        wanted = [is_readable(text, 24, share, 1000) for text in starts]
        assert readable(column, letters=24, prose=share, first_bytes=1000).tolist() == wanted


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("two words", 0),
        ("now three words", 13),
        ("now three\nwords here", 0),
        ("now three - words", 13),
        ("now three = words", 0),
        ('("Now," the well-known man\'s word.)', 23),
        ("see e.g. this f(x) word", 0),
        ("color: some: thing: more", 0),
        ("for x in a b", 0),
        ("for x in an a", 9),
        ("три", 3),
        ("для x = 1", 3),
        ("漢字かな", 4),
        ("été is été", 8),
    ],
)
def test_definitions_of_prose(text: str, letters: int) -> None:
    assert prose(text) == letters
    count = sum(has(c, characters.LETTER) for c in text)
    for share, wanted in ((letters / count, True), ((letters + 0.5) / count, False)):
        assert readable(pa.array([text]), letters=1, prose=share).tolist() == [wanted]


def test_prose_of_all_languages_is_readable_and_code_is_not() -> None:
    pages = real_texts("languages/udhr.html.jsonl.gz")
    declarations = ["\n".join(re.findall(r"<p>(.*?)</p>", p, re.DOTALL)) for p in pages]
    declarations = [text for text in declarations if len(text) > 1000]
    assert len(declarations) > 400
    found = readable(pa.array(declarations), letters=24, prose=0.2, first_bytes=1000)
    assert found.mean() > 0.995
    code = ["x = frob(y_1, z=2)\nif x[0] is None:\n    return {k: v for k, v in a.items()}\n" * 9]
    code += [
        '{"key": 1.5, "list": [true, "two words"], "more": {"a": null}}\n' * 9,
        "QmFzZTY0" * 99,
    ]
    code += ["<td class='x'><a href='/y/z.html'>word</a></td>\n" * 9, "4f2a-9bd0-ffee " * 30]
    assert not readable(pa.array(code), letters=24, prose=0.2, first_bytes=1000).any()


def test_columns_of_any_shape() -> None:
    texts = ["these are three words", None, "", "x = 1", "so are these", " \n "]
    wanted = [True, False, False, False, True, False]
    long = pa.array(texts, pa.large_string())
    for column in (long, pa.array(texts), pa.chunked_array([long[:2], long[2:2], long[2:]])):
        assert readable(column, letters=3, prose=0.25).tolist() == wanted
        found = paragraphs(column)
        assert found.texts.tolist() == [0, 3, 4]
        assert [text.rstrip() for text in found.column.to_pylist()] == [texts[i] for i in (0, 3, 4)]
    assert readable(long[1:2], letters=0).tolist() == [False]
    nothing = pa.chunked_array([], pa.large_string())
    assert readable(nothing, letters=1).tolist() == []
    assert (len(paragraphs(nothing).column), len(paragraphs(nothing).sizes)) == (0, 0)


@settings(max_examples=300)
@given(st.lists(st.none() | TEXT, max_size=5))
def test_paragraphs_are_those_of_the_rules(texts: list[str | None]) -> None:
    column = pa.array(["cut off", *texts, "cut off"], pa.large_string())[1:-1]
    found = paragraphs(column)
    found.column.validate(full=True)
    wanted = [(i, p) for i, text in enumerate(texts) for p in raw_paragraphs_of(text or "")]
    assert found.texts.tolist() == [i for i, _ in wanted]
    assert found.sizes.tolist() == [len(p.encode()) for _, p in wanted]
    for text, (_, paragraph) in zip(found.column.to_pylist(), wanted, strict=True):
        assert text.startswith(paragraph)
        assert not words_of(text[len(paragraph) :])


def test_paragraphs_of_real_documents_are_those_of_the_rules() -> None:
    texts = (*real_documents()[::3], *udhr())
    found = paragraphs(pa.array(texts, pa.large_string()))
    wanted = [p for text in texts for p in raw_paragraphs_of(text)]
    assert found.sizes.tolist() == [len(p.encode()) for p in wanted]


def listed(sizes: list[tuple[str, int]], own: str) -> tuple[float, list[dict[str, object]]]:
    """Sum up languages and bytes of the paragraphs of one text."""
    total = Counter[str]()
    for language, size in sizes:
        total[language] += size
    whole = sum(total.values())
    pairs = sorted((-size / whole, language) for language, size in total.items())
    rows = [{"lang": name, "share": -share} for share, name in pairs if -share >= LEAST_SHARE]
    return (total[own] / whole if whole else 0.0), rows


PARAGRAPH = st.tuples(st.sampled_from(("de", "en", "und")), st.integers(1, 40))


@given(st.lists(st.tuples(st.sampled_from(("de", "en", "und")), st.lists(PARAGRAPH, max_size=5))))
def test_shares_of_languages(texts: list[tuple[str, list[tuple[str, int]]]]) -> None:
    column = pa.array(
        ["\n\n".join("x" * size for _, size in text) for _, text in texts], pa.string()
    )
    found = paragraphs(column)
    languages = pl.Series([lang for _, text in texts for lang, _ in text], dtype=pl.String)
    frame = shares(found, languages, pl.Series([own for own, _ in texts], dtype=pl.String))
    wanted = [listed(text, own) for own, text in texts]
    assert frame["lang_share"].to_list() == [share for share, _ in wanted]
    assert frame["lang_paragraphs"].to_list() == [rows for _, rows in wanted]


def test_a_language_of_little_is_not_listed() -> None:
    found = paragraphs(pa.array(["x" * 1000 + "\n\n" + "y" * 10 + "\n\n" + "z" * 11]))
    frame = shares(found, pl.Series(["de", "en", "fr"]), pl.Series(["en"]))
    assert frame["lang_share"].to_list() == [10 / 1021]
    assert [row["lang"] for row in frame["lang_paragraphs"][0]] == ["de", "fr"]


@pytest.mark.parametrize(
    "part", ["x", "é", "漢", "\n", " ", "\u3000", "a b ", "x\n\n", "' ", "-", '"']
)
def test_a_long_text_is_read(part: str) -> None:
    text = part * (300_000 // len(part.encode()))
    column = pa.array([text, "", text], pa.large_string())
    assert readable(column, letters=24, prose=0.25).tolist()[0] == is_readable(text, 24, 0.25, None)
    assert len(paragraphs(column).sizes) == 2 * len(raw_paragraphs_of(text))


def test_no_index_leads_outside(tmp_path: Path) -> None:
    """Bounds are checked, on bytes that are no UTF-8 too."""
    script = (
        "import os, random\n"
        "import pyarrow as pa\n"
        "from tasks.signals.lid import paragraphs, readable\n"
        "from tasks.signals.compression import compression_ratio\n"
        "rng = random.Random(0)\n"
        "data = b'ab cd ef. gh\\n\\n\\xe6\\xbc\\xa2 = \\xc2\\xa0 \\xf4\\x90\\x80\\x80' * 99\n"
        "data += rng.randbytes(4000)\n"
        "for _ in range(300):\n"
        "    cuts = sorted(rng.choices(range(len(data) + 1), k=rng.randrange(1, 9)))\n"
        "    limits = pa.array([*cuts, cuts[-1]], pa.int64()).buffers()[1]\n"
        "    texts = pa.LargeStringArray.from_buffers(len(cuts), limits, pa.py_buffer(data))\n"
        "    readable(texts, letters=3, prose=rng.random(), first_bytes=rng.choice((None, 9)))\n"
        "    paragraphs(texts)\n"
        "    compression_ratio(texts)\n"
    )
    assert not bounds_checked(tmp_path, "-c", script)
