"""What a bench prints: tables for people, one line of JSON for programs."""

from __future__ import annotations

import json
import operator
import os
import platform
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows below their heads; the first column to the left, figures to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


MET: Final = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


def aims(wanted: Mapping[str, tuple[float, str, float]]) -> dict[str, dict[str, object]]:
    """Of each aim what was wanted (``>=``, ``<=`` or ``<``), what was got, whether that is met."""
    return {
        name: {"wanted": f"{how} {figure:g}", "got": got, "met": MET[how](got, figure)}
        for name, (figure, how, got) in wanted.items()
    }


def aim(name: str, *, wanted: str, got: float, met: bool) -> str:
    """One aim as a line."""
    return f"{'met' if met else 'MISSED'}: {name}, wanted {wanted}, got {got}"


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def as_json(figures: Mapping[str, object]) -> str:
    """All figures on one line."""
    return json.dumps(figures, ensure_ascii=False)
