"""What ``openmoat init`` does: recognise a base, look at the new data, write a recipe."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.config import IngestConfig, Source
from schemas.errors import ConfigError
from tasks import drafting, inputs, recipe, sampling, storage, tokens
from tasks.budget import BYTES_PER_TOKEN
from tasks.measured import WAY_OUT, Fields, source_of
from tasks.recognising import recognise

if TYPE_CHECKING:
    from tasks.drafting import Draft, New
    from tasks.recognising import Recognised

COUNTED: Final = 100
"""Documents that a tokenizer at hand counts for the size of its tokens."""


class Begun(NamedTuple):
    """A recipe that was written, and what it rests on."""

    known: Recognised
    new: New
    draft: Draft
    out: str


class Wish(NamedTuple):
    """What is wanted: ``replay_share`` of all training tokens; where the recipe is written."""

    base: str
    new: str
    replay_share: float = 0.05
    out: str = "recipe.toml"
    text_field: str = "text"
    force: bool = False


def begin(wish: Wish) -> Begun:
    """Write a recipe for the replay of a base model beside new data.

    ConfigError where either is not there, and where a file would be overwritten.
    """
    if storage.exists(wish.out) and not (wish.force and storage.is_file(wish.out)):
        raise ConfigError(
            "--out",
            got=f"{wish.out}, which is there already",
            wanted="the name of a new file",
            way_out="Name another one, or overwrite it with --force.",
        )
    known = recognise(wish.base)
    if known.tokenizer is not None:
        known = known._replace(tokenizer=_absolute(known.tokenizer))
    new = _new(wish, known)
    found = drafting.draft(known, new, replay_share=wish.replay_share)
    recipe.parse(tomllib.loads(found.text), where=wish.out, folder=Path(wish.out).absolute().parent)
    storage.write_bytes(wish.out, found.text.encode())
    return Begun(known, new, found, wish.out)


def _new(wish: Wish, known: Recognised) -> New:
    """Look at the start of the new data, for how many tokens it has."""
    where = f"--new {wish.new}".strip()
    if not wish.new.strip():
        raise ConfigError(
            where, got="nothing", wanted="a file, a folder or a glob", way_out="Name the new data."
        )
    place = wish.new if "://" in wish.new else _absolute(wish.new)
    if place.startswith("hf://"):
        source = Source(name="new", url=(place,), text_field=wish.text_field, revision="main")
    else:
        source = source_of("new", [place], fields=Fields(wish.text_field), where=where)
    try:
        units = inputs.list_units(IngestConfig(sources=(source,))).units
    except ConfigError as error:
        raise ConfigError(where, got=error.got, wanted=error.wanted, way_out=WAY_OUT) from error
    files = [file for unit in units for file in unit.files]
    seen = sampling.look(sampling.some(files), units[0].format, source) if units else None
    if seen is None or not seen.text_bytes or not seen.n_bytes:
        raise ConfigError(
            where,
            got="no text in its first records",
            wanted=f"records with a text in the field {wish.text_field!r}",
            way_out="Name the field that holds the text with --text-field.",
        )
    ratio, counted = _bytes_per_token([record.text for record in seen.records], known)
    n_bytes = sum(unit.size * unit.rate for unit in units) * seen.text_bytes / seen.n_bytes
    return drafting.New(place, wish.text_field, round(n_bytes / ratio), ratio, counted)


def _bytes_per_token(texts: list[str], known: Recognised) -> tuple[float, bool]:
    """How many bytes a token of the base has in these texts; whether that was counted."""
    if known.tokenizer is None or not known.counts:
        return BYTES_PER_TOKEN, False
    some = texts[:COUNTED]
    tokenizer = tokens.load(storage.read_bytes(known.tokenizer), where=known.tokenizer)
    n_tokens = sum(tokens.count(tokenizer, some))
    n_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in some)
    return (n_bytes / n_tokens, True) if n_tokens else (BYTES_PER_TOKEN, False)


def _absolute(place: str) -> str:
    """A place as it is from everywhere: a recipe's own paths are seen from its folder."""
    return os.path.abspath(os.path.expanduser(place))  # noqa: PTH100, PTH111  (it may be a glob)
