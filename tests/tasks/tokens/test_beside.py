"""What ends a document: the recipe, the files beside a tokenizer, the tokenizer itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.errors import ConfigError
from tasks import tokens
from tasks.tokens.beside import Files, chat_template, ends
from tests.corpora import prose

BODY = tokens.train([prose(i) for i in range(20)], vocab_size=300)
TOKENIZER = tokens.load(BODY, where="here")
END = TOKENIZER.id_of("<|endoftext|>")
A, B = TOKENIZER.id_of("a"), TOKENIZER.id_of("b")


def files(**said: Any) -> Files:
    beside = {f"{name}.json": json.dumps(value).encode() for name, value in said.items()}
    return Files("tokenizer.json", BODY, beside)


def test_a_tokenizer_alone_says_nothing() -> None:
    assert ends(TOKENIZER, files()) == tokens.Ends(None, None, None)


def test_the_first_that_says_it_holds() -> None:
    said: dict[str, Any] = {
        "generation_config": {"eos_token_id": [B, A], "pad_token_id": True},
        "config": {"eos_token_id": 10**6, "text_config": {"bos_token_id": A}},
        "special_tokens_map": {"eos_token": {"content": "a", "lstrip": False}},
        "tokenizer_config": {"eos_token": "<|endoftext|>", "pad_token": "not one of its tokens"},
    }
    taken = dict.fromkeys(["generation_config"], said["generation_config"])
    assert ends(TOKENIZER, files(**taken)) == tokens.Ends(B, None, None)
    assert ends(TOKENIZER, files(**taken, config=said["config"])) == tokens.Ends(B, A, None)
    del taken["generation_config"]
    taken["special_tokens_map"] = said["special_tokens_map"]
    assert ends(TOKENIZER, files(**taken)).end == A
    assert ends(TOKENIZER, files(**said)) == tokens.Ends(END, A, None)
    assert ends(TOKENIZER, files(**said), end_of_text="b").end == B


def test_a_name_that_is_no_token_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError) as caught:
        ends(TOKENIZER, files(), end_of_text="</s>")
    assert str(caught.value) == (
        "tokenizer.end_of_text: got '</s>', which is no token of this tokenizer, wanted the token "
        "that ends a document. Set tokenizer.end_of_text to one of its special tokens: "
        "<|endoftext|>."
    )


def test_a_file_beside_that_is_broken_is_named() -> None:
    broken = Files("tokenizer.json", BODY, {"config.json": b'{"eos_token_id": 1'})
    with pytest.raises(ConfigError, match=r"^config\.json beside the tokenizer: got no JSON"):
        ends(TOKENIZER, broken)


def test_the_chat_template_beside() -> None:
    several = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    assert chat_template(files(tokenizer_config={"chat_template": "one"}).beside) == "one"
    assert chat_template(files(tokenizer_config={"chat_template": several}).beside) == "d"
    assert chat_template(files(tokenizer_config={"chat_template": several[:1]}).beside) is None
    both = files(chat_template={"chat_template": "two"}, tokenizer_config={"chat_template": "one"})
    assert chat_template(both.beside) == "two"
    assert chat_template({**both.beside, "chat_template.jinja": b"three"}) == "three"
    assert chat_template(files(tokenizer_config=[]).beside) is None
