"""Where the real documents for tests lie, and how to read some of them."""

from __future__ import annotations

import gzip
import json
import os
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def real_data() -> Path:
    """Return the folder of real data: ``$OPENMOAT_DATA``, or ``../shared/data`` of the checkout.

    Skips the test where it is absent; fails it in CI, where it must be there.
    """
    folder = Path(os.environ.get("OPENMOAT_DATA") or ROOT.parent / "shared" / "data")
    if folder.is_dir():
        return folder
    reason = f"no real data at {folder}; set OPENMOAT_DATA to its folder"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def real_texts(file: str, limit: int | None = None) -> list[str]:
    """Return the texts of the first ``limit`` records of a ``.jsonl.gz`` file below that folder."""
    with gzip.open(real_data() / file, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in islice(lines, limit)]
