"""Chat templates: conversations as text, with the places of what the assistant says. Pure.

A **span** is what a model is to learn of an assistant's turn: its text and the token that ends it
(from, and up to but without, in code points). What names the speaker is outside. Loss masks are
made of spans by the offsets of a tokenizer that adds no special tokens: they are in the text.

Each format is that of the ``chat_template`` which its makers published with these models:

- ``chatml``: OpenAI's, without a beginning token or a system turn of its own.
- ``qwen2.5``: Qwen2.5 Instruct: ChatML, with a system turn where there is none.
- ``llama-2``: Llama 2 Chat; the system turn stands within the first user's.
- ``llama-3``: Llama 3 Instruct (3.1 and later put dates into a system turn of their own).
- ``mistral``: Mistral 7B Instruct v0.2; later ones differ in white space.
- ``gemma``: Gemma 1 and 2; there is no system turn.
- ``openchat``: OpenChat 3.5.

A row that a published template would render without one of its turns is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Messages = Sequence[Mapping[str, str]]

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ROLES = (SYSTEM, USER, ASSISTANT)


class Rendered(NamedTuple):
    """A conversation as a model reads it, and the spans of the assistant's turns."""

    text: str
    spans: list[tuple[int, int]]


class Format(NamedTuple):
    """What stands around the text of turns."""

    before: Mapping[str, str]
    """By role. A role that is missing has no turns of its own."""
    end: Mapping[str, str]
    """Behind the text, by role; of an assistant's turn, it belongs to the span."""
    after: str = ""
    """Behind the end of every turn, outside the span."""
    begin: str = ""
    """At the beginning of the text."""
    begin_turn: str = ""
    """Before each user's turn."""
    system: str | None = None
    """A system turn for conversations without one."""
    within: tuple[str, str] | None = None
    """Around a system turn that stands within the first user's."""
    strips: bool = False
    alternates: bool = False
    """Whether users and assistants must take turns, a user first."""


def _same(value: str) -> dict[str, str]:
    return dict.fromkeys(ROLES, value)


_CHATML = Format(
    before={role: f"<|im_start|>{role}\n" for role in ROLES},
    end=_same("<|im_end|>"),
    after="\n",
)
FORMATS: Mapping[str, Format] = {
    "chatml": _CHATML,
    "qwen2.5": _CHATML._replace(
        system="You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    ),
    "llama-2": Format(
        before={USER: "[INST] ", ASSISTANT: " "},
        end={USER: " [/INST]", ASSISTANT: " </s>"},
        begin_turn="<s>",
        within=("<<SYS>>\n", "\n<</SYS>>\n\n"),
        strips=True,
        alternates=True,
    ),
    "llama-3": Format(
        before={role: f"<|start_header_id|>{role}<|end_header_id|>\n\n" for role in ROLES},
        end=_same("<|eot_id|>"),
        begin="<|begin_of_text|>",
        strips=True,
    ),
    "mistral": Format(
        before={USER: "[INST] ", ASSISTANT: ""},
        end={USER: " [/INST]", ASSISTANT: "</s>"},
        begin="<s>",
        alternates=True,
    ),
    "gemma": Format(
        before={USER: "<start_of_turn>user\n", ASSISTANT: "<start_of_turn>model\n"},
        end=_same("<end_of_turn>"),
        after="\n",
        begin="<bos>",
        strips=True,
        alternates=True,
    ),
    "openchat": Format(
        before={role: f"GPT4 Correct {role.title()}: " for role in ROLES},
        end=_same("<|end_of_turn|>"),
        begin="<s>",
    ),
}


def rendered(messages: Messages, form: Format, *, where: str = "messages") -> Rendered:
    """Return the text and the assistant's spans.

    SchemaError for a conversation that the format, or any, cannot hold; ``where`` names its row.
    """
    checked(messages, where=where)
    turns = [(message["role"], message["content"]) for message in messages]
    system = form.system
    if turns[0][0] == SYSTEM and SYSTEM not in form.before and form.within:
        system = turns.pop(0)[1]
    elif turns[0][0] == SYSTEM:
        system = None
    if system is not None and form.within is None:
        turns.insert(0, (SYSTEM, system))
    _fits(turns, form, where)
    parts, spans, length = [form.begin], [], len(form.begin)
    for role, content in turns:
        said = content.strip() if form.strips else content
        if form.within and system is not None and role == USER:
            # The published template strips the two together, so the system's text stays as it is.
            said, system = f"{form.within[0]}{system}{form.within[1]}{content}".strip(), None
        head = (form.begin_turn if role == USER else "") + form.before[role]
        turn = said + form.end[role]
        if role == ASSISTANT:
            spans.append((length + len(head), length + len(head) + len(turn)))
        parts += [head, turn, form.after]
        length += len(head) + len(turn) + len(form.after)
    return Rendered("".join(parts), spans)


def checked(messages: Messages, *, where: str) -> None:
    """SchemaError for a conversation without turns, or a turn without a known role or text."""
    if not messages:
        raise _refused(where, got="no turns", wanted="one or more")
    for number, message in enumerate(messages, start=1):
        role, content = message.get("role"), message.get("content")
        if role is None:
            raise _refused(where, got=f"no role in turn {number}", wanted=", ".join(ROLES))
        if role not in ROLES:
            raise _refused(where, got=f"role {role!r} in turn {number}", wanted=", ".join(ROLES))
        if not isinstance(content, str):
            raise _refused(where, got=f"no text in turn {number}", wanted="text in every turn")


def _fits(turns: list[tuple[str, str]], form: Format, where: str) -> None:
    if any(role not in form.before for role, _ in turns):
        number = next(i for i, (role, _) in enumerate(turns, start=1) if role not in form.before)
        raise _refused(
            where,
            got=f"a system turn as turn {number}",
            wanted="one at the beginning" if form.within else "none: this template has no place",
        )
    if not form.alternates:
        return
    for number, (role, _) in enumerate(turns):
        wanted = (USER, ASSISTANT)[number % 2]
        if role != wanted:
            raise _refused(
                where,
                got=f"a turn of the {role} where the {wanted} follows",
                wanted="users and assistants in turn, a user first",
            )
    if not turns:
        raise _refused(where, got="a system turn alone", wanted="a user's turn behind it")


def _refused(where: str, *, got: str, wanted: str) -> SchemaError:
    return SchemaError(
        where,
        got=got,
        wanted=wanted,
        way_out="Mend the row or leave it out, or choose another chat template.",
    )
