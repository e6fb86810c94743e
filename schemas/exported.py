"""What an export of a mixture says of itself: ``export.json``."""

from __future__ import annotations

from typing import Final

from schemas.export_target import Target
from schemas.manifest import Frozen

FILE: Final = "export.json"


class SplitSaid(Frozen):
    """What was written of a split; ``learned``: tokens that have a loss, if masks were kept."""

    rows: int
    tokens: int
    learned: int


class Exported(Frozen):
    """An export. ``manifest``: digest of the mixture; ``dtype``: of ids; ``lost``: in sentences."""

    to: Target
    manifest: str
    tokenizer: str
    dtype: str
    splits: dict[str, SplitSaid]
    lost: tuple[str, ...]
