"""One tree of errors, each with where it happened, what was got and wanted, and the way out."""

from __future__ import annotations

from typing import ClassVar, Self


class OpenmoatError(Exception):
    """A mistake that a user can mend; the command line prints it without a traceback.

    ``where`` names a file, a recipe key or a stage; ``got`` and ``wanted`` are short phrases;
    ``way_out`` is a full sentence that says what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, where: str, *, got: str, wanted: str, way_out: str) -> None:
        self.where, self.got, self.wanted, self.way_out = where, got, wanted, way_out
        super().__init__(f"{where}: got {got}, wanted {wanted}. {way_out}")

    def at(self, where: str) -> Self:
        """Return the same mistake as one of another place, nearer to what the user wrote."""
        return type(self)(where, got=self.got, wanted=self.wanted, way_out=self.way_out)

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling between processes, which calls the class with positional arguments."""
        return _rebuild, (type(self), self.where, self.got, self.wanted, self.way_out)


def _rebuild(
    kind: type[OpenmoatError], where: str, got: str, wanted: str, way_out: str
) -> OpenmoatError:
    return kind(where, got=got, wanted=wanted, way_out=way_out)


class ConfigError(OpenmoatError):
    """The recipe or the command line asks for what does not exist or contradicts itself."""

    exit_code = 2


class BudgetError(OpenmoatError):
    """A token budget that the data cannot fill."""

    exit_code = 2


class SourceError(OpenmoatError):
    """A source that cannot be reached or read at all, or of which too much is bad."""

    exit_code = 3


class SchemaError(OpenmoatError):
    """A table that does not have the columns or types its contract names."""


class ManifestError(OpenmoatError):
    """A folder whose manifest is missing, unreadable or of another version."""

    exit_code = 4


class TrainingError(OpenmoatError):
    """A model that cannot be trained further: its loss is no number, or memory is not enough."""
