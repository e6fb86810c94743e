"""What stands beside a mixture for a trainer, or why nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.views import View

FOLDER: Final = "trainers"
"""Folder of these files, below the mixture's."""


class Handed(NamedTuple):
    """Files for a trainer, by name, and what a user has to know: of the order above all."""

    trainer: str
    files: dict[str, str]
    said: str
    """Where there are no files: why."""


class Handover(NamedTuple):
    """How a mixture is taken up: by ``datasets``, and by each trainer."""

    below: str
    """Path to the mixture's folder."""
    views: Sequence[View]
    handed: Sequence[Handed] = ()
