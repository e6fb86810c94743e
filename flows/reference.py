"""The reference pages: of recipes, made from their models, and of signals.

``python -m flows.reference recipe`` and ``python -m flows.reference signals`` print them.
"""

from __future__ import annotations

import inspect
import sys
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from schemas import signals
from schemas.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

INTRO = """\
# The recipe, key by key

A recipe is a TOML file with one section for each stage. This page is made from the models that
check it (`python -m flows.reference recipe > docs/recipe.md`), so it says what the program does.

- A key that is left out has the default named here, which may be nothing.
- A key that does not exist is refused, with the nearest one that does. So is a value out of bounds.
- In a place (`url`, `url_list`, `path`, `lang_model`, `pieces`, `against`, `embeddings`, `sample`,
  `generations`, `shares_file`), `~` is
  the home folder and `${NAME}` the variable NAME of the environment. A relative path is seen from
  the recipe's folder.
- Recipes hold no credentials. The Hub's token is `HF_TOKEN` in the environment.

Start from one that comes with openmoat: [`demo`](../data/recipes/demo.toml),
[`local-dolma`](../data/recipes/local-dolma.toml),
[`hub-parquet`](../data/recipes/hub-parquet.toml) or
[`dolma-urls`](../data/recipes/dolma-urls.toml). How sources are written down is told in
[add-a-source.md](add-a-source.md), what the stages do in [how-it-works.md](how-it-works.md).
"""
SIGNALS = f"""\
# Signals

What is measured of every document in the first pass over the text: a row of `signals/` each, beside
the rows of `documents/`. No threshold is applied here; the recipe's
[`[select]`](recipe.md) says which are, and changing one measures nothing again. This page is made
from the definitions (`python -m flows.reference signals > docs/signals.md`), and each of them has a
reference in plain Python in `tests/tasks/signals`, which the compiled kernels equal exactly.

{signals.TERMS}
"""
PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false"}
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}
NOTHING = "nothing"
MANY = "Needed, once or more."
ANY = "May be left out, or stand more than once."


def page() -> str:
    """Return the page of recipes."""
    return "\n".join([INTRO, *_section(RunConfig, (), {})])


def signals_page() -> str:
    """Return the page of signals."""
    lines = [SIGNALS]
    for title, source, group in signals.GROUPS:
        lines += [f"## {title}\n", *([f"{source}\n"] if source else [])]
        lines += ["| column | type | unit | what it is |", "|---|---|---|---|"]
        for one in group:
            kind = _arrow(one.type) + (", may be null" if one.nullable else "")
            lines.append(f"| `{one.name}` | {kind} | {one.unit} | {one.meaning} |")
        lines.append("")
    return "\n".join(lines)


def _arrow(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_arrow(kind.value_type)}"
    if pa.types.is_struct(kind):
        return " ".join(f"`{kind.field(i).name}`" for i in range(kind.num_fields))
    if pa.types.is_integer(kind):
        return "integer"
    names = {pa.float64(): "number", pa.binary(): "bytes"}
    return names.get(kind, "text")


def main() -> None:
    """Write the page that is asked for to the standard output."""
    pages = {"recipe": page, "signals": signals_page}
    sys.stdout.write(pages[sys.argv[1]]())


def _section(
    model: type[BaseModel],
    path: tuple[str, ...],
    known: dict[type[BaseModel], str],
    presence: str = "",
) -> Iterator[str]:
    """A section's heading, what it is for and its keys; then the sections inside it.

    ``known`` holds the sections that were described before, which are not described twice.
    """
    known[model] = heading = _heading(path, presence)
    yield f"## {heading}\n"
    yield " ".join([inspect.cleandoc(model.__doc__ or ""), presence]).strip() + "\n"
    yield "| key | type | default | what it means |"
    yield "|---|---|---|---|"
    inner = []
    for name, field in model.model_fields.items():
        section = _model_of(field.annotation)
        if section in known:
            said = f"{field.description or ''} Keys as in {known[section]}."
            yield _row(name, field, said.strip())
        elif section is not None:
            inner.append((section, (*path, name), _presence(field)))
            yield _row(name, field, field.description or "See below.")
        else:
            yield _row(name, field, field.description or "")
    yield ""
    for section, place, needed in inner:
        yield from _section(section, place, known, needed)


def _presence(field: FieldInfo) -> str:
    """Whether a section may be left out, or written down more than once."""
    if get_origin(field.annotation) is tuple:
        return MANY if field.is_required() else ANY
    if field.is_required():
        return "Needed."
    return "May be left out." + (" Its defaults then hold." if field.default_factory else "")


def _heading(path: tuple[str, ...], presence: str) -> str:
    if not path:
        return "At the top"
    name = ".".join(path)
    return f"`[[{name}]]`" if presence in {MANY, ANY} else f"`[{name}]`"


def _row(name: str, field: FieldInfo, meaning: str) -> str:
    cells = (f"`{name}`", _kind(field), _default(field), meaning)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _kind(field: FieldInfo) -> str:
    return ", ".join([_type(field.annotation), *_bounds(field.metadata)])


def _type(annotation: Any) -> str:  # noqa: ANN401  (whatever a model may be annotated with)
    origin, args = get_origin(annotation), get_args(annotation)
    if _model_of(annotation) is not None:
        return "sections" if origin is tuple else "section"
    if origin is Annotated:
        return ", ".join([_type(args[0]), *_bounds(args[1:])])
    if origin is Literal:
        return " ".join(f"`{a}`" for a in args)
    if origin is dict:
        return f"names, each with a {_type(args[1])}"
    if origin is tuple:
        return f"list of {_type(args[0])}"
    (plain,) = [a for a in args if a is not NoneType] or [annotation]
    return PLAIN.get(plain) or _type(plain)


def _bounds(metadata: Sequence[Any]) -> list[str]:
    """Bounds among what a field is annotated with: each itself, or inside another Field."""
    texts = []
    for item in metadata:
        for bound in getattr(item, "metadata", [item]):
            known = {k: getattr(bound, k, None) for k in BOUNDS}
            texts += [BOUNDS[k].format(f"{v:g}") for k, v in known.items() if v is not None]
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


def _model_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401
    """The section that a key opens; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_of(inner) for inner in get_args(annotation))
    return next((model for model in found if model is not None), None)


if __name__ == "__main__":
    main()
