"""What the experiment is run on, and how large: settings, two by name, and sizes by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.experiment import Setting, Sizes
from tasks import recipe, storage

PLACES: Final = {
    **{name: f"dolma/documents/{name}"
       for name in ("wiki", "news", "science", "code", "docs", "legal", "maths")},
    "laws": "german/laws",
    "manuals": "german/manpages",
    "languages": "languages/udhr.html.jsonl.gz",
    "web": "native/llamafactory_pretrain/c4_demo.jsonl",
}  # fmt: skip
"""Folders and files below the folder of data, by the name of the source."""


def _setting(name: str, old: dict[str, float], new: tuple[str, ...], foreign: str) -> Setting:
    others = tuple(foreign.split())
    places = {source: PLACES[source] for source in (*old, *new, *others)}
    return Setting(name=name, places=places, old=old, new=new, foreign=others)


SETTINGS: Final = {
    "german": _setting(
        "german",
        {"wiki": 0.35, "news": 0.1, "science": 0.1, "code": 0.2, "docs": 0.15, "legal": 0.1},
        ("laws", "manuals"),
        "maths languages web",
    ),
    "code": _setting(
        "code",
        {"wiki": 0.45, "news": 0.15, "science": 0.2, "legal": 0.2},
        ("code",),
        "docs maths laws languages web",
    ),
}
"""`german`: English domains, then German laws and manuals; `code`: prose, then Python."""
SIZES: Final = {
    "small": Sizes(
        first_steps=320, source_chars=2_000_000, pool_chars=500_000, held_rows=16, valid_rows=2,
        points=2,
    ),
    "full": Sizes(),
    "5M": Sizes(
        shape="5M", vocabulary=4_096, first_steps=800, first_peak=2e-3, peak=1e-3,
        source_chars=8_000_000, most_epochs=1,
    ),
    "25M": Sizes(
        shape="25M", vocabulary=8_192, row_tokens=512, batch_rows=32, first_steps=1_500, steps=300,
        first_peak=1e-3, peak=5e-4, source_chars=20_000_000, document_chars=200_000,
        passage_chars=2_000, pool_chars=8_000_000, held_rows=64, generated_tokens=400_000,
    ),
    "100M": Sizes(
        shape="100M", vocabulary=16_384, row_tokens=1_024, batch_rows=32, first_steps=1_500,
        steps=300, first_peak=6e-4, peak=3e-4, source_chars=20_000_000, document_chars=200_000,
        passage_chars=4_000, held_rows=64, generated_tokens=400_000,
    ),
}  # fmt: skip
"""`small` and `full`: the setting that was tried (.64M parameters); `5M`: that of the page
which shows what models write, a quarter of an hour of one core. The others want a GPU."""


def setting(name: str) -> Setting:
    """Return a setting by name, or of a TOML file. Raises :class:`ConfigError`."""
    if name in SETTINGS:
        return SETTINGS[name]
    if not storage.is_file(name):
        raise ConfigError(
            "--setting",
            got=name,
            wanted=f"{', '.join(SETTINGS)}, or a TOML file",
            way_out="Name one of them, or write a file with [old], [places], new and foreign.",
        )
    raw = {"name": Path(name).stem, **recipe.read(name, name)}
    try:
        return Setting.model_validate(raw)
    except ValidationError as error:
        raise _explained(error, name) from error


def _explained(error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    if first["type"] == "recipe":
        told = first["ctx"]
        return ConfigError(f"{where}: {told['key']}", got=told["got"], wanted=told["wanted"],
                           way_out=told["way_out"])  # fmt: skip
    key = ".".join(map(str, first["loc"]))
    return ConfigError(
        f"{where}: {key}",
        got=f"{first['msg'][:1].lower()}{first['msg'][1:]}",
        wanted="[old] with shares, [places], new, and foreign or none",
        way_out="Correct it; docs/experiment.md shows such a file.",
    )


def sizes(name: str) -> Sizes:
    """Return sizes. Raises :class:`ConfigError`."""
    if name not in SIZES:
        raise ConfigError(
            "--preset",
            got=name,
            wanted=", ".join(SIZES),
            way_out="Name one of them, or leave it out for the size that any laptop can run.",
        )
    return SIZES[name]
