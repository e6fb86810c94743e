"""A recipe file to a :class:`RunConfig`; its locations are resolved."""

from __future__ import annotations

import glob
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas import published
from schemas.config import RunConfig
from schemas.errors import ConfigError
from schemas.mistakes import explain
from schemas.shipped import names, shipped
from tasks import storage
from tasks.tokenizer_files import named

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PLACES = {
    "url",
    "url_list",
    "lang_model",
    "path",
    "pieces",
    "ids",
    "urls",
    "domains",
    "against",
    "embeddings",
    "sample",
    "generations",
    "shares_file",
    "chat_template",
}
"""Keys that hold locations: variables and ``~`` are replaced in them, relative paths resolved."""
PATTERNS = {"url", "sample", "generations"}
"""Those of them that may hold a pattern."""
TEMPLATE = "chat_template"
"""Of these, the key that may hold the name of what is known."""
LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def load(recipe: str) -> RunConfig:
    """Read a recipe by path, or a shipped one by name. Raises :class:`ConfigError`."""
    location = recipe
    if not storage.is_file(recipe):
        if "/" in recipe or recipe.endswith(".toml"):
            raise ConfigError(
                recipe,
                got="a folder" if storage.exists(recipe) else "no such file",
                wanted="a recipe file, or the name of a shipped one",
                way_out=f"Shipped recipes: {', '.join(names('recipes'))}.",
            )
        location = str(shipped("recipes", recipe))
    return parse(read(location, recipe), where=recipe, folder=Path(location).absolute().parent)


def read(location: str, where: str) -> dict[str, Any]:
    """Read a TOML file, which errors call ``where``. Raises :class:`ConfigError`."""
    text = ""
    try:
        text = storage.read_bytes(location).decode("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = LINE.sub("", str(error))
        found = LINE.search(str(error))
        number = int(found[1]) if found else text.count("\n") + 1
        line = [*text.split("\n"), ""][number - 1].strip()
        raise ConfigError(
            f"{where}, line {number}",
            got=f"{line!r}: {message[:1].lower()}{message[1:]}",
            wanted="TOML",
            way_out="Mend that line; https://toml.io shows the notation.",
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            where,
            got=str(getattr(error, "strerror", None) or error),
            wanted="a TOML file in UTF-8",
            way_out="Mend its permissions or save it anew.",
        ) from error


def parse(raw: dict[str, Any], *, where: str, folder: Path) -> RunConfig:
    """Check a recipe's values and resolve its locations. Raises :class:`ConfigError`."""
    resolved = _resolve(raw, where=where, folder=folder)
    _fill_published(resolved, where)
    try:
        return RunConfig.model_validate(resolved)
    except ValidationError as error:
        raise explain(error, raw, where) from error


def _resolve(value: Any, *, where: str, folder: Path, key: str = "") -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {k: _resolve(v, where=where, folder=folder, key=k) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, where=where, folder=folder, key=key) for v in value]
    if key not in PLACES or not isinstance(value, str) or not value:
        return value
    if key == TEMPLATE and named(value):
        return value
    place = _place(value, f"{where}: {key}", folder, escaped=False)
    if key in PATTERNS and glob.has_magic(value) and not storage.exists(place):
        # What the user wrote is a pattern; what comes in from outside never is.
        return _place(value, f"{where}: {key}", folder, escaped=True)
    return place


def _address(value: str, where: str) -> str:
    """An address as it stands: what it says is written into manifests, which people share."""
    if VARIABLE.search(value):
        raise ConfigError(
            where,
            got=f"{value!r}, an address with a variable in it",
            wanted="an address as it is",
            way_out="Write it out. A token does not belong into an address: download the file "
            "yourself and name its path.",
        )
    return value


def _place(value: str, where: str, folder: Path, *, escaped: bool) -> str:
    outside = glob.escape if escaped else str

    def replace(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise ConfigError(
                where,
                got=f"{value!r}, and the variable {match[1]} is not set",
                wanted="a location",
                way_out=f"Set it first: export {match[1]}=…",
            )
        return outside(found)

    if "://" in value:
        return _address(value, where)
    place = VARIABLE.sub(replace, value)
    if place.startswith("~"):
        home = os.path.expanduser(place)  # noqa: PTH111  (an unknown user is no error here)
        place = outside(home.removesuffix(place[1:])) + place[1:] if home != place else place
    return os.path.normpath(outside(str(folder)) + "/" + place if place[0] != "/" else place)


def _fill_published(resolved: dict[str, Any], where: str) -> None:
    """Put a published mixture's shares in the place of its name."""
    replay = resolved.get("replay")
    if not isinstance(replay, dict) or not isinstance(replay.get("like"), str):
        return
    if replay.get("shares"):
        raise ConfigError(
            f"{where}: replay",
            got="both like and shares",
            wanted="one of them",
            way_out="Remove the one that is not meant.",
        )
    try:
        replay["shares"] = published.shares(replay["like"])
    except ConfigError as error:
        raise error.at(f"{where}: replay.like") from error
