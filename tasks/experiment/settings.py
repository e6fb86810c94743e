"""What the experiment is run on, and how large: two settings, and sizes by name. Pure."""

from __future__ import annotations

from typing import Final

from schemas.errors import ConfigError
from schemas.experiment import Setting, Sizes

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
which shows what models write, half an hour of one core. The others want a GPU."""


def setting(name: str) -> Setting:
    """Return a setting. Raises :class:`ConfigError`."""
    if name not in SETTINGS:
        raise ConfigError(
            "--setting", got=name, wanted=" or ".join(SETTINGS), way_out="Name one of them."
        )
    return SETTINGS[name]


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
