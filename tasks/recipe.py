"""A recipe file to a :class:`RunConfig`, with errors that name the key, the value and the way out."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from schemas import published
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.shipped import names, shipped
from tasks import storage

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PLACES = {"url", "url_list", "lang_model", "path"}
"""Keys that hold locations: variables and ``~`` are replaced in them, relative paths resolved."""


def load(recipe: str) -> RunConfig:
    """Read a recipe by path, or a shipped one by name. Raises :class:`ConfigError`."""
    location = recipe
    if not storage.exists(recipe):
        if "/" in recipe or recipe.endswith(".toml"):
            raise ConfigError(
                recipe,
                got="no such file",
                wanted="a recipe file, or the name of a shipped one",
                way_out=f"Shipped recipes: {', '.join(names('recipes'))}.",
            )
        location = str(shipped("recipes", recipe))
    try:
        raw = tomllib.loads(storage.read_bytes(location).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            recipe,
            got=str(error),
            wanted="a TOML file",
            way_out="Mend the line named; https://toml.io shows the notation.",
        ) from error
    return parse(raw, where=recipe, folder=Path(location).absolute().parent)


def parse(raw: dict[str, Any], *, where: str, folder: Path) -> RunConfig:
    """Check a recipe's values and resolve its locations. Raises :class:`ConfigError`."""
    resolved = _resolve(raw, where=where, folder=folder)
    _fill_published(resolved, where)
    try:
        return RunConfig.model_validate(resolved)
    except ValidationError as error:
        raise _explain(error.errors()[0], raw, where) from error


def _resolve(value: Any, *, where: str, folder: Path, key: str = "") -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {k: _resolve(v, where=where, folder=folder, key=k) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, where=where, folder=folder, key=key) for v in value]
    return _place(value, where, folder) if key in PLACES and isinstance(value, str) else value


def _place(value: str, where: str, folder: Path) -> str:
    def replace(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise ConfigError(
                f"{where}: {value!r}",
                got=f"the variable {match[1]}, which is not set",
                wanted="a location",
                way_out=f"Set it first: export {match[1]}=…",
            )
        return found

    place = VARIABLE.sub(replace, value)
    if "://" in place:
        return place
    return os.path.normpath(folder / Path(place).expanduser())


def _fill_published(resolved: dict[str, Any], where: str) -> None:
    """Put a published mixture's shares in the place of its name."""
    replay = resolved.get("replay")
    if not isinstance(replay, dict) or "like" not in replay:
        return
    if replay.get("shares"):
        raise ConfigError(
            f"{where}: replay.like",
            got="both like and shares",
            wanted="one of them",
            way_out="Remove the one that is not meant.",
        )
    replay["shares"] = published.shares(str(replay["like"]))


def _explain(error: ErrorDetails, raw: dict[str, Any], where: str) -> ConfigError:
    key = _key(error["loc"], raw)
    if error["type"] == "extra_forbidden":
        return _unknown_key(error, key, where)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return ConfigError(
            f"{where}: {key}",
            got="nothing",
            wanted="a value",
            way_out="Add the key; docs/recipe.md describes it.",
        )
    shown = repr(error["input"])
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        head, _, rest = message.partition(": ")
        key, message = (head, rest) if rest and " " not in head else (key, message)
        shown = "values that do not go together"
    return ConfigError(
        f"{where}: {key}" if key else where,
        got=shown if len(shown) <= 80 else f"{shown[:77]}…",  # noqa: PLR2004  (a line's worth)
        wanted=message[0].lower() + message[1:],
        way_out="docs/recipe.md describes every key.",
    )


def _unknown_key(error: ErrorDetails, key: str, where: str) -> ConfigError:
    wrong = str(error["loc"][-1])
    known = _known_keys(error["loc"][:-1])
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.0)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return ConfigError(
        f"{where}: {key}",
        got=f"the unknown key {wrong!r}",
        wanted=f"one of {', '.join(known)}",
        way_out=f"{hint}docs/recipe.md describes every key.",
    )


def _known_keys(path: tuple[int | str, ...]) -> list[str]:
    """Keys of the section that a path of keys and list places leads to."""
    model: Any = RunConfig
    for part in path:
        if isinstance(part, int):
            continue
        found = model.model_fields.get(part)
        models = [m for m in _models_in(found.annotation if found else None)]
        model = models[0] if models else model
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in getattr(annotation, "__args__", ()) for m in _models_in(inner)]


def _key(loc: tuple[int | str, ...], raw: dict[str, Any]) -> str:
    """``ingest.sources[2] 'news'.format``: the path of a key, list entries with their names."""
    text, here = "", raw
    for part in loc:
        try:
            here = here[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            here = None  # type: ignore[assignment]
        if isinstance(part, int):
            named = here.get("name") if isinstance(here, dict) else None
            text += f"[{part}]" + (f" {named!r}" if named else "")
        else:
            text += f".{part}" if text else str(part)
    return text
