"""The recipes, published mixtures and known models that come with openmoat.

They are found in a checkout and in a wheel alike.

The one place outside :mod:`tasks.storage` that looks at files: what it reads belongs to the program
as its modules do.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from schemas.errors import ConfigError

KINDS = ("recipes", "mixtures", "models")
_HERE = Path(__file__).resolve().parent


def names(kind: str) -> list[str]:
    """Names of everything shipped of this kind (one of :data:`KINDS`), sorted."""
    return sorted(path.stem for path in _folder(kind).glob("*.toml"))


def shipped(kind: str, name: str) -> Path:
    """Path of one shipped file, by its name without ``.toml``.

    Raises ConfigError when there is none of that name.
    """
    known = names(kind)
    if name not in known:
        raise ConfigError(
            f"{kind} shipped with openmoat",
            got=repr(name),
            wanted=f"one of {', '.join(known)}" if known else "a checkout or wheel that has some",
            way_out=_nearest(name, known),
        )
    return _folder(kind) / f"{name}.toml"


def shipped_text(kind: str, name: str) -> str:
    """What is written in one shipped file."""
    return shipped(kind, name).read_text(encoding="utf-8")


def _folder(kind: str) -> Path:
    """The wheel carries its copy beside this module; a checkout has the original in ``data/``."""
    if kind not in KINDS:
        raise ConfigError(
            "files shipped with openmoat",
            got=f"kind {kind!r}",
            wanted=f"one of {', '.join(KINDS)}",
            way_out=_nearest(kind, KINDS),
        )
    installed = _HERE / "_shipped"
    return (installed if installed.is_dir() else _HERE.parent / "data") / kind


def _nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"Did you mean {close[0]!r}?" if close else "Take one of these names."
