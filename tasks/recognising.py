"""Which base model is meant: an id, another name for it, or a folder that holds it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from schemas.bases import alike, find, nearest
from schemas.errors import ConfigError
from tasks import storage
from tasks.replay.merges import formats

if TYPE_CHECKING:
    from schemas.bases import Base

CONFIG: Final = "config.json"
TOKENIZERS: Final = ("tokenizer.json", "tokenizer.model", "tekken.json")
TEMPLATES: Final = ("chat_template.jinja", "chat_template.json")
NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)?( [\w.-]+)*")
FEW: Final = 50
"""Merges that have to be found for a file to count as one that has them."""


class Recognised(NamedTuple):
    """What was asked for, and what it was recognised as.

    ``base``: None for a stranger. ``nearest``: known ids that are most like the name. ``may_be``:
    bases of the same architecture and vocabulary, where a folder says no more. ``tokenizer``: its
    file in the folder. ``merges``: whether that is a byte-pair encoding, None without one.
    """

    asked: str
    base: Base | None = None
    chat: bool = False
    nearest: tuple[str, ...] = ()
    may_be: tuple[str, ...] = ()
    tokenizer: str | None = None
    merges: bool | None = None

    @property
    def counts(self) -> bool:
        """Whether budgets can be counted by the tokenizer that is there."""
        name = storage.name_of(self.tokenizer or "")
        return name.endswith(".json") and name != "tekken.json"


def recognise(asked: str) -> Recognised:
    """Return what is meant by an id, a name, or a folder with config.json or a tokenizer.

    ConfigError for a path where there is nothing, for a folder that holds neither, and for a
    damaged config.json.
    """
    if storage.exists(asked):
        return _folder(asked)
    found = find(asked)
    if found is not None:
        return Recognised(asked, found.base, found.chat)
    if not NAME.fullmatch(asked):
        raise ConfigError(
            "--base",
            got=f"{asked!r}, where there is nothing",
            wanted="an id such as allenai/OLMo-2-1124-7B, or the folder of a model",
            way_out="Correct the path.",
        )
    return Recognised(asked, nearest=tuple(nearest(asked)))


def _folder(asked: str) -> Recognised:
    if storage.is_file(asked):
        if storage.name_of(asked) not in TOKENIZERS and not _merges(asked):
            raise ConfigError(
                f"--base {asked}",
                got="a file that is no tokenizer",
                wanted="an id, the folder of a model, or its tokenizer",
                way_out="Name the folder that holds config.json and the tokenizer.",
            )
        return Recognised(asked, tokenizer=asked, merges=_merges(asked))
    config = _json(storage.join(asked, CONFIG))
    places = [storage.join(asked, name) for name in TOKENIZERS]
    tokenizer = next((place for place in places if storage.is_file(place)), None)
    if config is None and tokenizer is None:
        raise ConfigError(
            f"--base {asked}",
            got=f"a folder without {CONFIG} or a tokenizer",
            wanted="the folder of a model, as transformers saves it",
            way_out="Name that folder, or the model by its id.",
        )
    base, chat, may_be = _by_config(config or {})
    own = Recognised(asked, base, chat or _is_chat(asked), may_be=may_be, tokenizer=tokenizer)
    return own if tokenizer is None else own._replace(merges=_merges(tokenizer))


def _by_config(config: dict[str, Any]) -> tuple[Base | None, bool, tuple[str, ...]]:
    """What a config.json says: the name that it was loaded by, else architecture and size."""
    called = config.get("_name_or_path")
    found = find(called) if isinstance(called, str) and called else None
    if found is not None:
        return found.base, found.chat, ()
    inner = config.get("text_config")
    both = config | (inner if isinstance(inner, dict) else {})
    some = alike(config.get("model_type"), both.get("vocab_size"))
    if len(some) == 1:
        return some[0], False, ()
    return None, False, tuple(base.title for base in some)


def _is_chat(folder: str) -> bool:
    if any(storage.is_file(storage.join(folder, name)) for name in TEMPLATES):
        return True
    config = _json(storage.join(folder, "tokenizer_config.json"))
    return bool(config and config.get("chat_template"))


def _json(place: str) -> dict[str, Any] | None:
    if not storage.is_file(place):
        return None
    try:
        found = orjson.loads(storage.read_bytes(place))
    except orjson.JSONDecodeError as error:
        found = error
    if isinstance(found, dict):
        return found
    raise ConfigError(
        place,
        got=f"damaged JSON ({found})" if isinstance(found, ValueError) else "JSON of another kind",
        wanted="an object, as transformers saves it",
        way_out="Fetch the model's files anew.",
    )


def _merges(tokenizer: str) -> bool:
    try:
        found = formats.read(storage.read_bytes(tokenizer), where=tokenizer, most=1_000)
    except ConfigError:
        return False
    return len(found.merges) >= FEW
