"""The kernel against its definition in plain Python and against fastText; models that lie."""

from __future__ import annotations

import math
import re
import struct
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks.signals.language import _shipped_model
from tasks.signals.lid import Model, languages, read_model
from tasks.signals.lid.model import fnv
from tests.real_data import real_texts
from tests.tasks.signals.fasttext_models import Small, smalls
from tests.tasks.signals.texts import ANY_TEXT, real_documents

Guess = tuple[str | None, float | None]
Row = np.ndarray[Any, np.dtype[np.float32]]

BLANKS = "\x1b\x1c\x1f\x85\xa0\u1680\u180e\u2000\u200a\u200b\u2028\u202f\u205f\u2060\u3000\ufeff"
WORDS_OF_MODELS = ("</s>", "__label__l0", "__label__", "the", "der", "été", "漢字", "x", "x" * 17)
PARTS = st.sampled_from((*WORDS_OF_MODELS, *BLANKS)) | ANY_TEXT
TEXT = st.lists(PARTS).map(" ".join) | st.lists(PARTS).map("".join)


@cache
def shipped() -> bytes:
    """Return lid.176.ftz."""
    path = _shipped_model()
    assert path is not None
    return path.read_bytes()


@cache
def lid() -> Model:
    """Return the model of lid.176.ftz."""
    return read_model(shipped(), "lid.176.ftz")


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """Compile before a test looks at the time."""
    guessed(lid(), "")


@cache
def library() -> Any:
    """Return lid.176.ftz as the library reads it."""
    return loaded(str(_shipped_model()))


def loaded(path: str) -> Any:
    fasttext.FastText.eprint = lambda *_: None
    return fasttext.load_model(path).f


def predicted(model: Any, text: str) -> Guess:
    """Return what the library answers."""
    found = model.predict(one_line(text), 1, 0.0, "strict")
    return (found[0][1].removeprefix("__label__"), min(found[0][0], 1.0)) if found else (None, None)


def one_line(text: str) -> str:
    """Return a record of fastText, as fasttext-langdetect makes it: all white space is blanks."""
    return re.sub(r"\s", " ", text) + "\n"


def guessed(model: Model, *texts: str | None, first_bytes: int | None = None) -> list[Guess]:
    codes, probabilities = languages(
        pa.array(texts, pa.large_string()), model, first_bytes=first_bytes
    )
    return list(zip(codes.to_pylist(), probabilities.to_pylist(), strict=True))


class Reference:
    """The definition: what a text's language is, by a model of few Python objects."""

    def __init__(self, model: Model) -> None:
        arrays = model.arrays
        self.labels = model.labels
        self.low, self.high, self.word_grams, self.bucket = arrays.sizes.tolist()
        ends = arrays.word_ends.tolist()
        data = arrays.word_bytes.tobytes()
        starts = [0, *ends][: len(ends)]
        self.words = {data[a:b]: i for i, (a, b) in enumerate(zip(starts, ends, strict=True))}
        self.word_rows = arrays.word_rows
        kept = list(range(len(arrays.gram_rows)))
        if len(arrays.gram_marks):
            bits = np.unpackbits(arrays.gram_marks.view(np.uint8), bitorder="little")
            kept = np.flatnonzero(bits).tolist()
        self.grams = dict(zip(kept, arrays.gram_rows, strict=True))
        self.output = arrays.output
        self.tree = arrays.tree.tolist()

    def rows(self, word: bytes) -> list[Row]:
        """Return a word's own row and those of its character n-grams."""
        found = [self.word_rows[self.words[word]]] if word in self.words else []
        if word == b"</s>":
            return found
        letters = re.findall(rb"[^\x80-\xbf][\x80-\xbf]*", b"<" + word + b">")
        for i in range(len(letters)):
            for n in range(max(self.low, 1), min(self.high, len(letters) - i) + 1):
                if n == 1 and i in (0, len(letters) - 1):
                    continue
                bucket = fnv(b"".join(letters[i : i + n])) % self.bucket
                if bucket in self.grams:
                    found.append(self.grams[bucket])
        return found

    def rows_of_word_grams(self, words: list[bytes]) -> list[Row]:
        """Return the rows of the word n-grams that end with the last of ``words``."""
        found = []
        hashes = [fnv(word) for word in words]
        signed = [value - 2**32 if value >= 2**31 else value for value in hashes]
        for n in range(self.word_grams, 1, -1):
            if n <= len(words):
                value = signed[-n] % 2**64
                for other in signed[len(signed) - n + 1 :]:
                    value = (value * 116049371 + other) % 2**64
                if value % self.bucket in self.grams:
                    found.append(self.grams[value % self.bucket])
        return found

    def vector(self, text: str) -> Row | None:
        """Return the mean of all rows, None where there are none."""
        words = [word.encode() for word in re.split(r"[\s\0]+", text) if word]
        words = [*words[: words.index(b"</s>")], b"</s>"] if b"</s>" in words else [*words, b"</s>"]
        words = [word for word in words if not word.startswith(b"__label__")]
        total, count = np.zeros(self.output.shape[1], np.float32), 0
        for i, word in enumerate(words):
            rows = self.rows(word)
            total += sum(rows, np.zeros_like(total))
            more = self.rows_of_word_grams(words[: i + 1])
            for row in more:
                total += row
            count += len(rows) + len(more)
        return total * np.float32(1 / count) if count else None

    def guess(self, text: str) -> Guess:
        vector = self.vector(text)
        if vector is None:
            return None, None
        dots = [dot(row, vector) for row in self.output]
        if self.tree:
            label, probability = self.down(len(self.tree) * 2, 1.0, (-1, 1e-5), dots)
        elif len(dots) == 1:
            label, probability = 0, 1.0
        else:
            label = dots.index(max(dots))
            probability = 1 / sum(math.exp(d - dots[label]) for d in dots) + 1e-5
        return (self.labels[label], min(probability, 1.0)) if label >= 0 else (None, None)

    def down(
        self, node: int, here: float, best: tuple[int, float], dots: list[float]
    ) -> tuple[int, float]:
        """Return the likeliest leaf below a node, or ``best`` if that is as likely."""
        if here <= best[1]:
            return best
        inner = node - len(self.labels)
        if inner < 0:
            return node, here
        right = 1 / (1 + math.exp(-dots[inner]))
        sides = (1, 0) if right > 0.5 else (0, 1)
        for side in sides:
            share = (right if side else 1 - right) + 1e-5
            best = self.down(self.tree[inner][side], here * share, best, dots)
        return best


def dot(row: Row, vector: Row) -> float:
    total = np.float32(0)
    for a, b in zip(row, vector, strict=True):
        total += a * b
    return float(total)


@cache
def reference() -> Reference:
    return Reference(lid())


@cache
def paragraphs() -> tuple[str, ...]:
    """Return real paragraphs: 532 languages, then encyclopaedia, news, code and laws."""
    pages = real_texts("languages/udhr.html.jsonl.gz")
    found = [p for page in pages for p in re.findall(r"<p>(.*?)</p>", page, re.DOTALL)]
    return (*found, *(p for text in real_documents() for p in text.split("\n\n") if p.strip()))


@given(TEXT)
def test_the_kernel_is_the_reference_on_any_text(text: str) -> None:
    assert guessed(lid(), text) == [reference().guess(text)]


def test_the_kernel_is_the_reference_on_real_text() -> None:
    starts = [text[:600] for text in (*real_documents()[::3], *paragraphs()[::150])]
    assert guessed(lid(), *starts) == [reference().guess(text) for text in starts]


def test_labels_and_probabilities_are_those_of_fasttext() -> None:
    texts = [*paragraphs()[::4], *real_documents()]
    ours, theirs = guessed(lid(), *texts), [predicted(library(), text) for text in texts]
    assert len(texts) > 8_000
    assert [label for label, _ in ours] == [label for label, _ in theirs]
    assert [p for _, p in ours] == pytest.approx([p for _, p in theirs], abs=1e-4)


@settings(max_examples=200)
@given(model=smalls(), text=TEXT)
def test_every_kind_of_model_is_scored_as_by_the_reference_and_by_fasttext(
    model: Small, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = model.content()
    read = read_model(content, "small")
    ((label, probability),) = guessed(read, text)
    assert (label, probability) == Reference(read).guess(text)
    path = tmp_path_factory.getbasetemp() / "small.bin"
    path.write_bytes(content)
    found = loaded(str(path)).predict(one_line(text), 2, 0.0, "strict")
    likeliest = [(p, name.removeprefix("__label__")) for p, name in found] or [(None, None)]
    equals = [name for p, name in likeliest if p is None or p > likeliest[0][0] - 1e-5]
    assert label in equals
    assert probability == (pytest.approx(min(likeliest[0][0], 1), abs=1e-4) if found else None)


@settings(max_examples=100)
@given(model=smalls(), text=TEXT)
def test_the_probability_of_each_label_is_that_of_fasttext(
    model: Small, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = model.content()
    read = read_model(content, "small")
    path = tmp_path_factory.getbasetemp() / "small.bin"
    path.write_bytes(content)
    found = loaded(str(path)).predict(one_line(text), len(read.labels), 0.0, "strict")
    for probability, name in found:
        label = name.removeprefix("__label__")
        codes, ours = languages(pa.array([text]), read, asked=label)
        assert codes.to_pylist() == [label]
        assert ours.to_pylist() == pytest.approx([min(probability, 1.0)], abs=1e-4)
    if not found:
        asked = languages(pa.array([text]), read, asked=read.labels[0])
        assert [column.to_pylist() for column in asked] == [[None], [None]]


def test_a_column_of_any_shape() -> None:
    texts = ["Guten Morgen zusammen", None, "", "good morning everyone", "\0", "добрый день всем"]
    wanted = [(None, None) if text is None else guessed(lid(), text)[0] for text in texts]
    long, short = pa.array(texts, pa.large_string()), pa.array(texts, pa.string())
    chunked = pa.chunked_array([long[:2], long[2:2], long[2:]])
    for column in (long, short, chunked, pa.chunked_array([short[:1], short[1:]])):
        codes, probabilities = languages(column, lid())
        assert list(zip(codes.to_pylist(), probabilities.to_pylist(), strict=True)) == wanted
    assert guessed(lid()) == []
    assert guessed(lid(), None, None) == [(None, None)] * 2
    assert languages(pa.chunked_array([], pa.large_string()), lid())[0].to_pylist() == []


@given(texts=st.lists(TEXT, max_size=4), size=st.integers(0, 40))
def test_the_first_bytes_end_with_a_character(texts: list[str], size: int) -> None:
    starts = [text.encode()[:size].decode(errors="ignore") for text in texts]
    assert guessed(lid(), *texts, first_bytes=size) == guessed(lid(), *starts)


def test_a_text_is_scored_alike_alone_and_among_others() -> None:
    texts = real_documents()
    together = guessed(lid(), *texts)
    assert together == [guess for text in texts for guess in guessed(lid(), text)]
    with ThreadPoolExecutor(4) as pool:
        assert all(found == together for found in pool.map(lambda _: guessed(lid(), *texts), "abc"))


def test_a_model_of_one_label() -> None:
    assert guessed(read_model(Small(counts=(3,)).content(), "one"), "the") == [("l0", 1.0)]
    softmax = read_model(Small(counts=(3,), loss=3).content(), "one")
    assert guessed(softmax, "the") == [("l0", 1.0)]


def test_a_model_that_knows_no_part_of_a_text() -> None:
    model = Small(words=(), kept=(), quantised=True)
    assert guessed(read_model(model.content(), "none"), "the", "") == [(None, None)] * 2


def at(position: int, form: str, *values: float) -> bytes:
    """Return a small model with other numbers at a position."""
    content = bytearray(Small(kept=(3, 4), quantised=True).content())
    struct.pack_into(form, content, position, *values)
    return bytes(content)


ARGUMENTS, DICTIONARY = 8, 64
PRUNED = DICTIONARY + 28 + sum(len(w) + 10 for w in (*Small().words, *Small().labels()))
MATRIX = PRUNED + 16


@pytest.mark.parametrize(
    ("content", "got", "wanted"),
    [
        (b"", "an end in the middle of the magic number and version", "8 bytes of it"),
        (at(0, "<i", 7), "a file that begins with 7", "fastText's magic number 793712314"),
        (at(4, "<i", 11), "version 11 of the format", "version 12"),
        (at(ARGUMENTS, "<i", 0), "dim = 0", "1 to 2147483648"),
        (at(ARGUMENTS, "<i", 4), "columns of the input matrix = 5", "4"),
        (at(ARGUMENTS + 20, "<i", 101), "wordNgrams = 101", "0 to 100"),
        (at(ARGUMENTS + 24, "<i", 4), "loss 4", "hierarchical softmax (1) or softmax (3)"),
        (at(ARGUMENTS + 28, "<i", 2), "model type 2 (word vectors)", "a classifier (3)"),
        (at(ARGUMENTS + 32, "<i", 0), "bucket = 0", "1 to 134217728"),
        (at(ARGUMENTS + 32, "<i", 2**31 - 1), "bucket = 2147483647", "1 to 134217728"),
        (at(ARGUMENTS + 32, "<i", 4), "kept n-grams = 4", "0 to 3"),
        (at(ARGUMENTS + 40, "<i", -1), "maxn = -1", "0 to 100"),
        (at(DICTIONARY, "<i", 13), "a dictionary of 13 entries", "7 + 5"),
        (at(DICTIONARY + 4, "<i", 2**31 - 1), "nwords = 2147483647", "0 to 658"),
        (at(DICTIONARY + 4, "<ii", 8, 4), "words and labels in disorder", "all words (0), then"),
        (at(DICTIONARY + 8, "<i", 0), "nlabels = 0", "1 to 658"),
        (at(DICTIONARY + 20, "<q", 2**62), "an end in the middle of the pruned n-grams", "bytes"),
        (at(PRUNED, "<iiii", 3, 0, 3, 1), "an n-gram that is kept twice", "each of them once"),
        (at(PRUNED + 4, "<i", 2), "n-gram's row = 2", "0 to 1"),
        (at(PRUNED + 4, "<i", -1), "n-gram's row = -1", "0 to 1"),
        (at(MATRIX, "<B", 2), "quant = 2", "0 to 1"),
        (at(MATRIX + 2, "<q", 2**40), "rows of the input matrix = 1099511627776", "0 to 6329"),
        (at(MATRIX + 2, "<q", 8), "codes of the input matrix = 27", "24"),
        (at(MATRIX + 49, "<i", 4), "width of the input quantiser = 4", "5"),
        (Small().content() + b"!", "1 bytes after the model", "its end"),
        (Small().content()[:-1], "rows of the output matrix = 5", "0 to 4"),
        (Small(words=(b"a", b"a")).content(), "a word or label twice", "each of them once"),
        (Small(counts=(1, -1)).content(), "a label's count that cannot be", "0 to 10"),
        (Small(kept=(1,)).content(), "a pruned dictionary with a full matrix", "both quantised"),
    ],
)
def test_a_model_that_cannot_be_is_refused(content: bytes, got: str, wanted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_model(content, "here")
    error = caught.value
    assert (error.where, error.got) == ("here", got)
    assert wanted in error.wanted
    assert "intact fastText classifier" in error.way_out


def still_reads_or_is_refused(content: bytes) -> None:
    """A model that is read can be scored with: no index of it leads outside."""
    try:
        model = read_model(content, "mutated")
    except ConfigError:
        return
    ((label, probability),) = guessed(
        model, "the été x 漢字 and 漢字漢字, a-word-of-eighteen </s> der"
    )
    assert label is None or (label in model.labels and 0 < (probability or 0) <= 1)


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 400) | st.integers(0, 20_000),
        st.sampled_from([0, 1, 2, 3, 4, 127, 128, 255]) | st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300)
@given(model=smalls(), changes=MUTATIONS, cut=st.none() | st.integers(0, 20_000))
def test_a_mutated_model_is_refused_or_harmless(
    model: Small, changes: list[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(model.content())
    for place, byte in changes:
        content[place % len(content)] = byte
    still_reads_or_is_refused(bytes(content[:cut]))


@settings(max_examples=30)
@given(place=st.integers(0, 92) | st.integers(0, 938_012), byte=st.integers(0, 255))
def test_the_real_model_mutated_is_refused_or_harmless(place: int, byte: int) -> None:
    content = bytearray(shipped())
    content[place] = byte
    still_reads_or_is_refused(bytes(content))


def test_the_real_model_cut_anywhere_is_refused() -> None:
    for size in (*range(0, 200, 7), 70_000, 500_000, len(shipped()) - 1):
        with pytest.raises(ConfigError):
            read_model(shipped()[:size], "cut")
