"""Rows of text that a model writes: from the beginning of a text, after prompts, or as turns.

**Turns** (Magpie, arXiv 2406.08464): a chat model is given what its template puts before a user's
turn, and writes that turn; then the template around it, and it answers. Turns that are given as
prompts are answered only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.errors import ConfigError
from tasks.training.sampling import Asked, How, Written, sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.training.checkpoint import Checkpoint

MARK: Final = "openmoatuserturn"
"""Stands for a user's turn while it is found out what the template puts around one."""


class Row(NamedTuple):
    """A text, the tokens that were drawn for it, and whether the model itself ended it.

    ``messages`` are the turns of a conversation; none where it is none.
    """

    text: str
    n_tokens: int
    finished: bool
    messages: list[dict[str, str]] | None = None


class _Template(NamedTuple):
    """What stands before a user's turn and behind it; the tokens that end it."""

    before: tuple[int, ...]
    behind: str
    ends: frozenset[int]


def written(
    checkpoint: Checkpoint, seeds: Sequence[int], prompts: Sequence[str], how: How
) -> list[Row]:
    """Return texts: a row for each seed, after its prompt (empty: from a text's beginning).

    A prompt is part of the text, and does not count among the tokens. ConfigError where the model
    has no token that a text begins with, and where a prompt leaves no room.
    """
    asked = [
        Asked((*checkpoint.begins, *_ids(checkpoint, prompt)), seed)
        for seed, prompt in zip(seeds, prompts, strict=True)
    ]
    _check(checkpoint, asked, how)
    found = sampled(checkpoint, asked, how, checkpoint.ends)
    # A prompt's tokens are decoded with the others: what stands between is in neither.
    return [
        Row(_text(checkpoint, [*row.prompt, *one.tokens]), len(one.tokens), one.finished)
        for row, one in zip(asked, found, strict=True)
    ]


def conversed(
    checkpoint: Checkpoint, seeds: Sequence[int], prompts: Sequence[str], how: How
) -> list[Row]:
    """Return conversations of two turns: a row for each seed, its prompt the user's turn.

    Where the prompt is empty, the model writes that turn, too; if it does not end it, or says
    nothing, there is no answer. ConfigError where the tokenizer has no chat template.
    """
    template = _template(checkpoint)
    begun = [i for i, prompt in enumerate(prompts) if not prompt.strip()]
    asked = [Asked(template.before, seeds[i]) for i in begun]
    _check(checkpoint, asked, how)
    users = [Written([], finished=True)] * len(seeds)
    said = [prompt.strip() for prompt in prompts]
    for i, one in zip(begun, sampled(checkpoint, asked, how, template.ends), strict=True):
        text, behind, _ = _text(checkpoint, one.tokens).partition(template.behind or "\0")
        users[i], said[i] = one._replace(finished=one.finished or bool(behind)), text.strip()
    answered = [i for i, text in enumerate(said) if text and users[i].finished]
    asked = [Asked(_rendered(checkpoint, said[i]), seeds[i], turn=1) for i in answered]
    _check(checkpoint, asked, how)
    answers = dict(zip(answered, sampled(checkpoint, asked, how, checkpoint.ends), strict=True))
    return [_conversation(checkpoint, said[i], users[i], answers.get(i)) for i in range(len(seeds))]


def _conversation(
    checkpoint: Checkpoint, user: str, of_user: Written, answer: Written | None
) -> Row:
    messages = [{"role": "user", "content": user}] if user else []
    n_tokens = len(of_user.tokens)
    if answer is not None:
        text = _text(checkpoint, answer.tokens).strip()
        messages += [{"role": "assistant", "content": text}] if text else []
        n_tokens += len(answer.tokens)
    text = "\n\n".join(f"{m['role'].capitalize()}: {m['content']}" for m in messages)
    return Row(text, n_tokens, answer is not None and answer.finished, messages)


def _template(checkpoint: Checkpoint) -> _Template:
    tokenizer = checkpoint.tokenizer
    shown = ""
    if getattr(tokenizer, "chat_template", None):
        shown = str(tokenizer.apply_chat_template([_user(MARK)], tokenize=False))
    before, found, behind = shown.partition(MARK)
    if not found:
        raise ConfigError(
            "--chat",
            got="a tokenizer without a chat template" if not shown else "a template without turns",
            wanted="the template of a chat model, which shows a user's turn",
            way_out="Leave --chat out for a base model.",
        )
    first = _ids(checkpoint, behind.lstrip())[:1]
    special = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}
    ends = checkpoint.ends | {token for token in first if token in special}
    return _Template(tuple(_ids(checkpoint, before)), behind.strip(), ends)


def _rendered(checkpoint: Checkpoint, user: str) -> tuple[int, ...]:
    shown = checkpoint.tokenizer.apply_chat_template(
        [_user(user)], tokenize=False, add_generation_prompt=True
    )
    return tuple(_ids(checkpoint, str(shown)))


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _ids(checkpoint: Checkpoint, text: str) -> list[int]:
    found: Any = checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
    return list(found)


def _text(checkpoint: Checkpoint, tokens: Sequence[int]) -> str:
    return str(
        checkpoint.tokenizer.decode(
            list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
    )


def _check(checkpoint: Checkpoint, asked: Sequence[Asked], how: How) -> None:
    longest = max((len(row.prompt) for row in asked), default=1)
    if asked and not min(len(row.prompt) for row in asked):
        raise ConfigError(
            "checkpoint",
            got="a tokenizer without a token for the beginning or the end of a text",
            wanted="something that the model can begin with",
            way_out="Give --prompts.",
        )
    if checkpoint.most is not None and longest + how.length > checkpoint.most:
        raise ConfigError(
            "--length",
            got=f"{how.length} tokens after {longest}",
            wanted=f"{checkpoint.most} in all: the model looks at no more",
            way_out=f"Give --length {max(1, checkpoint.most - longest)} or less.",
        )
