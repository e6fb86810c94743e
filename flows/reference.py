"""``docs/recipe.md`` from the recipe's own models: ``python -m flows.reference > docs/recipe.md``."""

from __future__ import annotations

import sys
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from schemas.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

INTRO = """\
# The recipe, key by key

A recipe is a TOML file with one section for each stage. This page is made from the models that check
it (`python -m flows.reference > docs/recipe.md`), so it says what the program does.

- A key that is not set has the default named here. A dash means that nothing is set.
- A key that does not exist is refused, with the nearest one that does. So is a value out of bounds.
- In a place (`url`, `url_list`, `path`, `lang_model`), `~` is the home folder and `${NAME}` the
  variable NAME of the environment. A relative path is seen from the recipe's folder.
- Recipes hold no credentials. The Hub's token is `HF_TOKEN` in the environment.

Start from one that comes with openmoat: [`demo`](../data/recipes/demo.toml),
[`local-dolma`](../data/recipes/local-dolma.toml),
[`hub-parquet`](../data/recipes/hub-parquet.toml) or
[`dolma-urls`](../data/recipes/dolma-urls.toml). How sources are written down is told in
[add-a-source.md](add-a-source.md), what the stages do in [how-it-works.md](how-it-works.md).
"""
PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false"}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}
NOTHING = "–"


def page() -> str:
    """Return the whole page."""
    return "\n".join([INTRO, *_section(RunConfig, path=())])


def main() -> None:
    """Write the page to the standard output."""
    sys.stdout.write(page())


def _section(
    model: type[BaseModel], path: tuple[str, ...], *, listed: bool = False
) -> Iterator[str]:
    """A section's heading, what it is for and its keys; then the sections inside it."""
    yield f"## {_heading(path, listed=listed)}\n"
    yield f"{(model.__doc__ or '').strip()}\n"
    yield "| key | type | default | what it means |"
    yield "|---|---|---|---|"
    inner: list[tuple[str, type[BaseModel], bool]] = []
    for name, field in model.model_fields.items():
        found = _model_of(field.annotation)
        if found is not None:
            inner.append((name, *found))
        if found is None or field.description:
            yield _row(name, field)
    yield ""
    for name, section, is_list in inner:
        yield from _section(section, (*path, name), listed=is_list)


def _heading(path: tuple[str, ...], *, listed: bool) -> str:
    if not path:
        return "At the top"
    return f"`[[{'.'.join(path)}]]`" if listed else f"`[{'.'.join(path)}]`"


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{name}`", _kind(field), _default(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _kind(field: FieldInfo) -> str:
    bounds = _bounds(field.metadata)
    return ", ".join([_type(field.annotation), *bounds])


def _type(annotation: Any) -> str:  # noqa: ANN401  (whatever a model may be annotated with)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join([_type(args[0]), *_bounds(args[1:])])
    if origin in (Union, UnionType):
        return " or ".join(_type(a) for a in args if a is not NoneType)
    if origin is Literal:
        return " ".join(f"`{a}`" for a in args)
    if origin is tuple:
        return "sections" if _model_of(annotation) else f"list of {_type(args[0])}"
    if origin is dict:
        return f"name = {_type(args[1])}, …"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return PLAIN[annotation]


def _bounds(metadata: Sequence[Any]) -> list[str]:
    texts = []
    for item in metadata:
        for inner in getattr(item, "metadata", [item]):  # a bound, or a Field that holds some
            texts += [
                text.format(f"{getattr(inner, name):g}")
                for name, text in BOUNDS.items()
                if getattr(inner, name, None) is not None
            ]
    return texts


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return NOTHING
    match field.default:
        case value if value is PydanticUndefined:
            return "**needed**"
        case None | "" | ():
            return NOTHING
        case bool(value):
            return f"`{str(value).lower()}`"
        case str(value):
            return f'`"{value}"`'
        case value:
            return f"`{value:_}`"


def _model_of(annotation: Any) -> tuple[type[BaseModel], bool] | None:  # noqa: ANN401
    """The section that a key opens, and whether there may be many of it; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for inner in get_args(annotation):
        found = _model_of(inner)
        if found is not None:
            return found[0], get_origin(annotation) is tuple
    return None


if __name__ == "__main__":
    main()
