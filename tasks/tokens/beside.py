"""What a model's files say of its tokenizer beside the tokenizer itself. Pure.

Which token ends a document, in this order: what the recipe names, ``eos_token`` of
``tokenizer_config.json`` and ``special_tokens_map.json``, ``eos_token_id`` of ``config.json`` and
``generation_config.json``, what the tokenizer's own file says. Begin and padding likewise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from schemas.errors import ConfigError
from tasks.tokens.tokenizer import Ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tasks.tokens.tokenizer import Tokenizer

BY_NAME: Final = ("tokenizer_config.json", "special_tokens_map.json")
BY_ID: Final = ("config.json", "generation_config.json")
TEMPLATE: Final = "chat_template.jinja"
TEMPLATE_JSON: Final = "chat_template.json"
BESIDE: Final = (*BY_NAME, *BY_ID, TEMPLATE, TEMPLATE_JSON, "added_tokens.json")
"""Files that are kept with a tokenizer, where they lie beside it."""
SHOWN: Final = 6
_KEYS: Final = {"end": "eos_token", "begin": "bos_token", "padding": "pad_token"}


class Files(NamedTuple):
    """A tokenizer's file, by its own name, and those beside it."""

    name: str
    body: bytes
    beside: Mapping[str, bytes]


def ends(tokenizer: Tokenizer, files: Files, *, end_of_text: str | None = None) -> Ends:
    """Return which tokens end a document, begin one and fill a row.

    Raises :class:`ConfigError` where the recipe's is no token, and for a file that is no JSON.
    """
    said = {name: _read(name, files.beside) for name in (*BY_NAME, *BY_ID)}
    found = {side: _found(key, tokenizer, said) for side, key in _KEYS.items()}
    if end_of_text is not None:
        found["end"] = _named(end_of_text, tokenizer)
    own = tokenizer.own()._asdict()
    return Ends(**{side: own[side] if n is None else n for side, n in found.items()})


def _named(name: str, tokenizer: Tokenizer) -> int:
    number = tokenizer.id_of(name)
    if number is None:
        raise ConfigError(
            "tokenizer.end_of_text",
            got=f"{name!r}, which is no token of this tokenizer",
            wanted="the token that ends a document",
            way_out=candidates(tokenizer),
        )
    return number


def candidates(tokenizer: Tokenizer) -> str:
    """Return a way out: the names of special tokens, some of them."""
    names = tokenizer.special()
    if not names:
        return "Take the model's own tokenizer files: this one has no special tokens at all."
    some = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    return f"Set tokenizer.end_of_text to one of its special tokens: {some}."


def _found(key: str, tokenizer: Tokenizer, said: Mapping[str, Any]) -> int | None:
    for name in BY_NAME:
        value = said[name].get(key)
        value = value.get("content") if isinstance(value, dict) else value
        number = tokenizer.id_of(value) if isinstance(value, str) else None
        if number is not None:
            return number
    for number in _ids(f"{key}_id", said):
        if tokenizer.name_of(number) is not None:
            return number
    return None


def _ids(key: str, said: Mapping[str, Any]) -> Iterator[int]:
    """Yield ids that configs name; of several, the first. Some have a part for their text."""
    for name in BY_ID:
        for part in (said[name], said[name].get("text_config")):
            value = part.get(key) if isinstance(part, dict) else None
            value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, int) and not isinstance(value, bool):
                yield value


def chat_template(beside: Mapping[str, bytes]) -> str | None:
    """Return the chat template that lies beside a tokenizer; None where there is none.

    Of several that ``tokenizer_config.json`` names, the one called ``default``.
    """
    if TEMPLATE in beside:
        return beside[TEMPLATE].decode("utf-8", "replace")
    for name in (TEMPLATE_JSON, "tokenizer_config.json"):
        value = _read(name, beside).get("chat_template")
        if isinstance(value, list):
            by_name = {one.get("name"): one.get("template") for one in value}
            value = by_name.get("default")
        if isinstance(value, str):
            return value
    return None


def _read(name: str, beside: Mapping[str, bytes]) -> dict[str, Any]:
    if name not in beside:
        return {}
    try:
        found = orjson.loads(beside[name])
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            f"{name} beside the tokenizer",
            got=f"no JSON: {error}",
            wanted="the file as the model's makers wrote it",
            way_out="Download it anew, or take it away: what it says can stand in [tokenizer].",
        ) from error
    return found if isinstance(found, dict) else {}
