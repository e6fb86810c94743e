"""One thing that ``verify`` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Whether a statement about a run holds; ``detail`` gives figures, or where it fails."""

    statement: str
    ok: bool
    detail: str = ""

    @classmethod
    def same(cls, statement: str, said: object, found: object, detail: str = "") -> Finding:
        """Compare what was said with what was found; where they differ, the detail is both."""
        ok = said == found
        return cls(statement, ok, detail if ok else f"said {said!r}, found {found!r}")
