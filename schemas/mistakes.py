"""What is wrong in a recipe, in the words of somebody who writes one."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from schemas.config import RunConfig
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    Path = tuple[int | str, ...]

WANTED = {
    "bool_type": "true or false, without quotes",
    "dict_type": "names with values, such as {{ wiki = 0.5, news = 0.5 }}",
    "finite_number": "a finite number",
    "float_type": "a number, without quotes",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int_type": "a whole number, without quotes",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "small letters, digits, _ and -, the first a letter or digit",
    "string_type": "a text in quotes",
    "too_short": "one at least",
    "tuple_type": "a list in [ ]",
}
"""What pydantic's types of error ask for; its own messages speak of Python."""
PATTERNS = {
    "^[a-z][a-z0-9_]*$": "small letters, digits and _, the first a letter",
    "^[0-9a-f]{64}$": "64 digits and small letters from a to f",
}
"""What texts are made of that are no names of runs."""
SHOWN = 80
BARE = re.compile(r"[A-Za-z0-9_-]+")


def explain(error: ValidationError, raw: dict[str, Any], where: str) -> ConfigError:
    """The error of a recipe ``raw`` read from ``where``: of several, the one to mend first.

    That is an unknown key, because a misspelt key is also one that is missing.
    """
    errors = error.errors()
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    if first["type"] == "extra_forbidden":
        return _unknown_key(first["loc"], raw, where)
    if first["type"] == "recipe":
        return _together(first, raw, where)
    if first["type"] == "missing":
        got, wanted = "nothing", "a value"
    else:
        got, wanted = _short(first["input"]), _wanted(first)
    return ConfigError(
        f"{where}: {_key(first['loc'], raw)}", got=got, wanted=wanted, way_out=_way_out(first)
    )


def _together(error: ErrorDetails, raw: dict[str, Any], where: str) -> ConfigError:
    """Values that do not go together; the model says it all."""
    context = error["ctx"]
    key = context["key"]
    replay = raw.get("replay")
    if key == "replay.shares" and isinstance(replay, dict) and "like" in replay:
        key = "replay.like"
    place = ".".join(part for part in (_key(error["loc"], raw), key) if part)
    return ConfigError(
        f"{where}: {place}",
        got=context["got"],
        wanted=context["wanted"],
        way_out=context["way_out"],
    )


def _unknown_key(loc: Path, raw: dict[str, Any], where: str) -> ConfigError:
    *path, wrong = loc
    known = list(_model(tuple(path)).model_fields)
    homes = [home for home, model in _sections() if str(wrong) in model.model_fields]
    near = difflib.get_close_matches(str(wrong), known, n=1, cutoff=0.0 if not homes else 0.8)
    way_out = f"Did you mean {near[0]!r}?" if near else f"It belongs {homes[0]}."
    return ConfigError(
        f"{where}: {_key(loc, raw)}",
        got="a key that does not exist here",
        wanted=f"one of {', '.join(known)}",
        way_out=way_out,
    )


def _wanted(error: ErrorDetails) -> str:
    if error["type"] == "model_type":
        return f"a section with the keys {', '.join(_model(error['loc']).model_fields)}"
    if error["type"] == "tuple_type" and _model(error["loc"]) is not _model(error["loc"][:-1]):
        return f"a list of sections, each under [[{'.'.join(map(str, error['loc']))}]]"
    context = error.get("ctx", {})
    template = PATTERNS.get(context.get("pattern", "")) or WANTED.get(error["type"])
    return template.format(**context) if template else error["msg"]


def _way_out(error: ErrorDetails) -> str:
    """The nearest value, or what the key means."""
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        values = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        near = difflib.get_close_matches(error["input"], values, n=1, cutoff=0.5)
        if near:
            return f"Did you mean {near[0]!r}?"
    field = _field(error["loc"])
    about = (field.description or "") if field else ""
    first, _, _ = about.partition(". ")
    verb = "Add it" if error["type"] == "missing" else "Correct it"
    return f"{verb}. What it means: {first.rstrip('.')}." if first else f"{verb} (docs/recipe.md)."


def _short(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"


def _field(loc: Path) -> FieldInfo | None:
    """The innermost field that a path of keys and list places leads to."""
    found: FieldInfo | None = None
    for end, part in enumerate(loc):
        if isinstance(part, str):
            found = _model(loc[:end]).model_fields.get(part, found)
    return found


def _model(loc: Path) -> type[BaseModel]:
    """The section that a path of keys and list places leads into, or stays in."""
    model: type[BaseModel] = RunConfig
    for part in loc:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = next(_models_in(field.annotation), model) if field else model
    return model


def _models_in(annotation: Any) -> Any:  # noqa: ANN401  (whatever a field is annotated with)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _sections() -> list[tuple[str, type[BaseModel]]]:
    """Every section, with where its keys are written."""
    found: list[tuple[str, type[BaseModel]]] = [("at the top, above all sections", RunConfig)]
    queue: list[tuple[str, type[BaseModel]]] = [("", RunConfig)]
    while queue:
        path, model = queue.pop(0)
        for name, field in model.model_fields.items():
            for inner in _models_in(field.annotation):
                place = f"{path}.{name}".lstrip(".")
                many = "tuple" in str(field.annotation)
                found.append((f"into [[{place}]]" if many else f"into [{place}]", inner))
                queue.append((place, inner))
    return found


def _key(loc: Path, raw: Any) -> str:  # noqa: ANN401  (what TOML may hold)
    """``ingest.sources 'news'.format``: the path of a key, list entries by their names."""
    text, here = "", raw
    for part in loc:
        if isinstance(part, str) and part.endswith("Thresholds"):
            continue  # which of the types that a key may have
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(part, int):
            named = here.get("name") if isinstance(here, dict) else None
            text += f" {named!r}" if isinstance(named, str) else f", number {part + 1}"
        else:
            shown = part if BARE.fullmatch(part) else repr(part)
            text += f".{shown}" if text else shown
    return text
