"""What the sections of a recipe share: their base class, and the errors that they raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Sequence

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of a recipe: immutable, and refusing keys it does not know and values of another type.

    Lists need ``strict=False``: TOML's become tuples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def is_absent(value: object) -> bool:
    """Whether a key or section is left out, and so no part of a digest."""
    return value is None


def check_unique(names: Sequence[str], kind: str, *, way_out: str) -> None:
    """Raise where two of a kind, which is named in the plural, have one name."""
    for name in names:
        if names.count(name) > 1:
            got = f"two {kind} called {name!r}"
            raise wrong("", got=got, wanted="a name for each", way_out=way_out)


def wrong(key: str, *, got: str, wanted: str, way_out: str) -> PydanticCustomError:
    """An error of values that do not go together; its context has the parts of a ConfigError."""
    context = {"key": key, "got": got, "wanted": wanted, "way_out": way_out}
    return PydanticCustomError("recipe", "{key}: got {got}, wanted {wanted}. {way_out}", context)
