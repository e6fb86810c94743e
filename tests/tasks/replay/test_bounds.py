"""No kernel of replay reads or writes outside of its arrays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.signals.kernels import bounds_checked

TRIED = "reference or packed or sums or few_cells"


@pytest.mark.slow
def test_kernels_stay_within_their_arrays(tmp_path: Path) -> None:
    files = sorted(str(file) for file in Path(__file__).parent.glob("test_*.py"))
    others = [file for file in files if file != __file__]
    assert not bounds_checked(tmp_path, "-m", "pytest", "-q", "-x", *others, "-k", TRIED)
