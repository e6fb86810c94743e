"""Conversations as each model was trained to read them, and what is learnt of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SchemaError
from tasks.mixture.templates import FORMATS, rendered

TALK = [
    {"role": "user", "content": " Hi"},
    {"role": "assistant", "content": "Hello! "},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": "See you"},
]
SYSTEM = [{"role": "system", "content": "Be brief. "}, *TALK[:2]]


def header(role: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n"


EXPECTED = {
    "chatml": "<|im_start|>user\n Hi<|im_end|>\n<|im_start|>assistant\nHello! <|im_end|>\n"
    "<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\nSee you<|im_end|>\n",
    "qwen2.5": "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
    "assistant.<|im_end|>\n<|im_start|>user\n Hi<|im_end|>\n<|im_start|>assistant\nHello! "
    "<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\nSee you<|im_end|>\n",
    "llama-2": "<s>[INST] Hi [/INST] Hello! </s><s>[INST] Bye [/INST] See you </s>",
    "llama-3": f"<|begin_of_text|>{header('user')}Hi<|eot_id|>{header('assistant')}Hello!<|eot_id|>"
    f"{header('user')}Bye<|eot_id|>{header('assistant')}See you<|eot_id|>",
    "mistral": "<s>[INST]  Hi [/INST]Hello! </s>[INST] Bye [/INST]See you</s>",
    "gemma": "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>"
    "\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\nSee you<end_of_turn>\n",
    "openchat": "<s>GPT4 Correct User:  Hi<|end_of_turn|>GPT4 Correct Assistant: Hello! "
    "<|end_of_turn|>GPT4 Correct User: Bye<|end_of_turn|>GPT4 Correct Assistant: See you"
    "<|end_of_turn|>",
}
LEARNT = {
    "chatml": ["Hello! <|im_end|>", "See you<|im_end|>"],
    "qwen2.5": ["Hello! <|im_end|>", "See you<|im_end|>"],
    "llama-2": ["Hello! </s>", "See you </s>"],
    "llama-3": ["Hello!<|eot_id|>", "See you<|eot_id|>"],
    "mistral": ["Hello! </s>", "See you</s>"],
    "gemma": ["Hello!<end_of_turn>", "See you<end_of_turn>"],
    "openchat": ["Hello! <|end_of_turn|>", "See you<|end_of_turn|>"],
}
WITH_SYSTEM = {
    "chatml": "<|im_start|>system\nBe brief. <|im_end|>\n<|im_start|>user\n Hi<|im_end|>\n"
    "<|im_start|>assistant\nHello! <|im_end|>\n",
    "llama-2": "<s>[INST] <<SYS>>\nBe brief. \n<</SYS>>\n\n Hi [/INST] Hello! </s>",
    "llama-3": f"<|begin_of_text|>{header('system')}Be brief.<|eot_id|>{header('user')}Hi<|eot_id|>"
    f"{header('assistant')}Hello!<|eot_id|>",
    "openchat": "<s>GPT4 Correct System: Be brief. <|end_of_turn|>GPT4 Correct User:  Hi"
    "<|end_of_turn|>GPT4 Correct Assistant: Hello! <|end_of_turn|>",
}
WITH_SYSTEM["qwen2.5"] = WITH_SYSTEM["chatml"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_conversation(name: str) -> None:
    text, spans = rendered(TALK, FORMATS[name])
    assert text == EXPECTED[name]
    assert [text[start:end] for start, end in spans] == LEARNT[name]


@pytest.mark.parametrize("name", WITH_SYSTEM)
def test_a_system_turn(name: str) -> None:
    text, spans = rendered(SYSTEM, FORMATS[name])
    assert text == WITH_SYSTEM[name]
    assert [text[start:end] for start, end in spans] == LEARNT[name][:1]


@pytest.mark.parametrize("name", ["mistral", "gemma"])
def test_models_without_a_system_turn(name: str) -> None:
    with pytest.raises(SchemaError, match=r"row 7: got a system turn as turn 1, wanted none"):
        rendered(SYSTEM, FORMATS[name], where="row 7")


@given(st.sampled_from(sorted(FORMATS)), st.lists(st.text(), min_size=1, max_size=6))
def test_spans_are_the_assistants_turns(name: str, contents: list[str]) -> None:
    turns = [
        {"role": ("user", "assistant")[i % 2], "content": content}
        for i, content in enumerate(contents)
    ]
    form = FORMATS[name]
    text, spans = rendered(turns, form)
    said = [content.strip() if form.strips else content for content in contents[1::2]]
    assert [text[a:b] for a, b in spans] == [s + form.end["assistant"] for s in said]


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([], "got no turns, wanted one or more"),
        ([{"content": "Hi"}], "got no role in turn 1, wanted system, user, assistant"),
        ([*TALK, {"role": "tool", "content": ""}], "got role 'tool' in turn 5"),
        ([{"role": "user", "content": None}], "got no text in turn 1"),
        ([{"role": "user"}], "got no text in turn 1"),
        (TALK[1:], "got a turn of the assistant where the user follows"),
        ([TALK[0], TALK[0]], "got a turn of the user where the assistant follows"),
        (SYSTEM[:1], "got a system turn alone, wanted a user's turn behind it"),
        ([*TALK, SYSTEM[0]], "got a system turn as turn 5, wanted one at the beginning"),
    ],
)
def test_rows_that_cannot_be(turns: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(SchemaError, match=f"row 7: {said}.*leave it out"):
        rendered(turns, FORMATS["llama-2"], where="row 7")
