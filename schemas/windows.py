"""How the share of replay goes along a mixture's training order, for plots and proofs."""

from __future__ import annotations

from typing import Final, Literal

from schemas.manifest import Frozen

WINDOWS: Final = "windows"
"""Key of the mixture's details: :class:`Windows`."""


class Windows(Frozen):
    """Shares of replay in windows of ``rows_per_window`` rows, one behind the other.

    Some windows have a row less, so that all are as even as can be. ``replay`` are shares 0 to 1 of
    rows, or, where these are documents, of tokens (``unit``); ``wanted`` are what the schedule asks
    for there, or nothing.
    """

    rows_per_window: int
    unit: Literal["rows", "tokens"]
    replay: tuple[float, ...]
    wanted: tuple[float, ...] = ()
