"""Documents to ids: plain texts, conversations by templates, and those that are refused."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from schemas import columns as c
from schemas.config import BudgetConfig, Condition, MixtureConfig, TokenizerConfig
from schemas.errors import ManifestError
from schemas.mixture import TokenizerSaid
from schemas.tables import MESSAGE
from tasks import tokenizer_files, tokens
from tasks.counted import NO_TOKENS
from tasks.encoding import NOTHING_LEARNED, Encoded, Encoder
from tasks.mixture.templates import FORMATS, rendered
from tasks.steps.tokenizer import provide_tokenizer
from tests.corpora import prose

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.ragged import Lists

BODY = tokens.train([prose(i) for i in range(20)], vocab_size=300)
TOKENIZER = tokens.load(BODY, where="here")
SAID = TokenizerSaid(kind="tokenizers", digest="", size=300)
CHATML = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
LOOPS = (
    "{% if messages[0].content == 'loop' %}{% for a in range(99999) %}{% for b in range(99999) %}"
    "{% endfor %}{% endfor %}{% endif %}{{ messages[0].content }}{% generation %}"
    "{{ messages[1].content }}{% endgeneration %}"
)
IN_TURN = "users and assistants in turn, a user first"
TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def turns(*contents: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def table(*rows: str | list[dict[str, Any]]) -> pa.Table:
    """Return documents: texts, and conversations, whose text is not what is encoded."""
    texts = [row if isinstance(row, str) else "conversation" for row in rows]
    messages = [None if isinstance(row, str) else row for row in rows]
    kinds = {c.TEXT: pa.large_string(), c.MESSAGES: pa.list_(MESSAGE)}
    return pa.table(
        {c.TEXT: pa.array(texts, kinds[c.TEXT]), c.MESSAGES: pa.array(messages, kinds[c.MESSAGES])}
    )


def encoder(template: Any = None, **keys: Any) -> Encoder:
    return Encoder(TOKENIZER, SAID, template, **keys)


def lists(found: Lists) -> list[list[Any]]:
    return [found.values[a:b].tolist() for a, b in pairwise(found.offsets.tolist())]


def said(found: Encoded) -> list[str]:
    """Return what is learned of each document, as text."""
    library = Library.from_buffer(BODY)
    texts = []
    for ids, mask in zip(lists(found.ids), lists(found.learned), strict=True):
        own = [number for number, learned in zip(ids, mask, strict=True) if learned]
        texts.append(library.decode(own, skip_special_tokens=False))
    return texts


def test_plain_texts_are_learned_whole() -> None:
    found = encoder().encode(table("Some words.", "<|endoftext|>", TALK), "laws")
    texts = ["Some words.", "<|endoftext|>", "conversation"]
    assert lists(found.ids) == tokens.ids(TOKENIZER, texts)
    assert said(found) == found.texts == texts
    assert found.kinds == ["text"] * 3
    assert found.refused == [None] * 3
    assert found.tokens.tolist() == found.supervised.tolist() == TOKENIZER.count(texts)
    without = encoder(FORMATS["chatml"]).encode(table("Some words.").drop_columns(c.MESSAGES), "x")
    assert said(without) == ["Some words."]


@pytest.mark.parametrize("name", FORMATS)
def test_of_a_conversation_what_the_assistant_says_is_learned(name: str) -> None:
    talk = turns("How are you?", "Well.", "And now?", "The same.")
    found = encoder(FORMATS[name]).encode(table("Text.", talk, "More."), "chats")
    wanted = rendered(talk, FORMATS[name])
    assert found.texts == ["Text.", wanted.text, "More."]
    assert found.kinds == ["text", "chat", "text"]
    text, chat, more = said(found)
    assert (text, more) == ("Text.", "More.")
    spans = "".join(wanted.text[start:end] for start, end in wanted.spans)
    assert spans in chat  # a token may begin before what is said
    assert len(chat) <= len(spans) + 4
    assert 0 < found.supervised[1] < found.tokens[1]


def test_special_tokens_are_one_token_in_what_is_rendered() -> None:
    with encoder(CHATML, special={"eos_token": "<|endoftext|>"}) as one:
        found = one.encode(table(turns("a", "b")), "chats")
    assert lists(found.ids)[0].count(TOKENIZER.id_of("<|endoftext|>")) == 2
    assert said(found) == ["<assistant>b<|endoftext|>"]  # all of the turn: it has no generation


def test_a_condition_stands_before_the_first_user() -> None:
    own = encoder(FORMATS["openchat"], prefixes={"good": "Expert. "})
    talk = [{"role": "system", "content": "S"}, *turns("Hi", "Hello", "And?", "Yes")]
    (with_it,) = own.encode(table(talk), "good").texts or []
    (without,) = own.encode(table(talk), "other").texts or []
    assert with_it == without.replace("User: Hi", "User: Expert. Hi")
    assert own.texts(table(talk, "plain"), "good") == [with_it, "plain"]
    assert said(own.encode(table(talk), "good")) == said(own.encode(table(talk), "other"))


def test_what_is_refused_has_no_ids_and_says_why() -> None:
    rows: list[Any] = [
        "",
        [{"role": None, "content": "a"}],
        [{"role": "tool", "content": "a"}],
        [],
        turns("only a question"),
        turns("a", "b"),
        [{"role": "assistant", "content": "first"}],
    ]
    found = encoder(FORMATS["mistral"]).encode(table(*rows), "chats")
    assert found.refused == [
        NO_TOKENS,
        "no role in turn 1, wanted system, user, assistant",
        "role 'tool' in turn 1, wanted system, user, assistant",
        "no turns, wanted one or more",
        NOTHING_LEARNED,
        None,
        f"a turn of the assistant where the user follows, wanted {IN_TURN}",
    ]
    assert found.tokens.tolist() == [0, 0, 0, 0, 0, found.tokens[5], 0]
    assert found.supervised.tolist()[5] > 0
    assert len(found.ids.values) == len(found.learned.values) == found.tokens[5]


def test_a_template_that_loops_costs_its_row_only() -> None:
    with encoder(LOOPS) as one:
        found = one.encode(table(turns("a", "b"), turns("loop", "b"), turns("c", "d")), "chats")
    assert found.refused[0] is None is found.refused[2]
    assert str(found.refused[1]).startswith("from the chat template: no end after 2 CPU-seconds")
    assert said(found) == ["b", "", "d"]


def test_digests_tell_all_that_ids_depend_on() -> None:
    assert encoder().digest == TOKENIZER.digest
    some = [
        encoder(),
        encoder(FORMATS["chatml"]),
        encoder(FORMATS["gemma"]),
        encoder(CHATML),
        encoder(CHATML, special={"eos_token": "x"}),
        encoder(CHATML, prefixes={"a": "b"}),
    ]
    assert len({one.digest for one in some}) == len(some)
    assert encoder(prefixes={"a": "b"}).digest == TOKENIZER.digest


TEXTS = st.text(st.sampled_from("ab th.\né"), max_size=20)
ROWS = st.lists(st.one_of(TEXTS, st.lists(TEXTS, min_size=1, max_size=4).map(lambda t: turns(*t))))


@given(ROWS)
def test_a_row_is_encoded_as_it_is_alone(rows: list[Any]) -> None:
    own = encoder(FORMATS["chatml"])
    found = own.encode(table(*rows), "x")
    alone = [own.encode(table(row), "x") for row in rows]
    assert lists(found.ids) == [ids for one in alone for ids in lists(one.ids)]
    assert lists(found.learned) == [mask for one in alone for mask in lists(one.learned)]
    assert found.refused == [why for one in alone for why in one.refused]
    assert found.supervised.tolist() == [sum(mask) for mask in lists(found.learned)]


def test_the_encoder_of_a_run(tmp_path: Path) -> None:
    model, out = tmp_path / "model", str(tmp_path / "out")
    model.mkdir()
    (model / "tokenizer.json").write_bytes(BODY)
    (model / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    (model / "chat_template.jinja").write_text(CHATML)
    asked = TokenizerConfig(path=str(model), chat_template="model")
    provide_tokenizer.fn(asked, [], 0, out)
    config = BudgetConfig(
        replay=None,
        mixture=MixtureConfig(replay_share=0.0),
        new=("chats",),
        valid_share=0.1,
        seed=0,
        conditions={"chats": Condition(condition_prefix="C: ", loss_weight=2.0)},
        chat_template="model",
    )
    with Encoder.of(config, out) as one:
        assert one.encode(table(turns("a", "b")), "chats").texts == [
            "<user>C: a<|endoftext|><assistant>b<|endoftext|>"
        ]
        assert (one.said.end_id, one.said.end_of_text) == (0, "<|endoftext|>")
    plain = Encoder.of(config.model_copy(update={"chat_template": None}), out)
    assert plain.digest == tokenizer_files.load(out).digest


def test_a_conversation_has_its_end_once() -> None:
    """The template writes the end of text itself, which rows put behind every document."""
    end = TOKENIZER.id_of("<|endoftext|>")
    own = SAID.model_copy(update={"end_of_text": "<|endoftext|>", "end_id": end})
    names = {"eos_token": "<|endoftext|>"}
    talks = table(TALK, [*TALK, {"role": "user", "content": "Bye"}], "plain")
    with Encoder(TOKENIZER, own, CHATML, special=names) as ends:
        found = ends.encode(talks, "chat")
    with Encoder(TOKENIZER, SAID, CHATML, special=names) as other:
        whole = other.encode(talks, "chat")
    both = zip(lists(found.ids), lists(whole.ids), found.kinds, strict=True)
    assert end in lists(found.ids)[0]
    assert [all_ == ([*ids, end] if kind == "chat" else ids) for ids, all_, kind in both] == [
        True
    ] * 3
    assert lists(found.learned)[1] == lists(whole.learned)[1][:-1]


def test_a_tokenizer_that_does_not_match_the_run(tmp_path: Path) -> None:
    model, out = tmp_path / "model", str(tmp_path / "out")
    model.mkdir()
    (model / "tokenizer.json").write_bytes(BODY)
    (model / "chat_template.jinja").write_text(CHATML)
    asked = TokenizerConfig(path=str(model), chat_template="model")
    provide_tokenizer.fn(asked, [], 0, out)
    config = BudgetConfig(
        replay=None, mixture=None, new=(), valid_share=0.1, seed=0, chat_template="model"
    )
    Encoder.of(config, out)
    kept = tmp_path / "out" / "tokenizer"
    (kept / "chat_template.jinja").write_text(LOOPS)
    with pytest.raises(ManifestError, match="got a chat template of digest"):
        Encoder.of(config, out)
    assert not provide_tokenizer.fn(asked, [], 0, out)[1]
    Encoder.of(config, out)
    assert provide_tokenizer.fn(asked, [], 0, out)[1]
    (kept / "tokenizer.json").write_bytes(tokens.train([], vocab_size=257))
    with pytest.raises(ManifestError) as caught:
        Encoder.of(config, out)
    other = tokens.load(tokens.train([], vocab_size=257), where="here").digest
    assert str(caught.value) == (
        f"{kept}: got a tokenizer of digest {other[:12]}, wanted {TOKENIZER.digest[:12]}, by which "
        "the run has counted: its ids are of no other. Run the recipe again with the same --out, "
        "which counts and mixes anew."
    )
    # And so it does: the step puts the recipe's own there again.
    _, stood = provide_tokenizer.fn(asked, [], 0, out)
    assert not stood
    Encoder.of(config, out)
