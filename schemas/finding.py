"""One thing that ``verify`` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether a statement about a run holds; ``detail`` gives figures, or where it fails."""

    statement: str
    ok: bool
    detail: str = ""
