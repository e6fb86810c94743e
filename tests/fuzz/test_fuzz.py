"""Any bytes, to every reader: no crash, no hang, nothing that is neither record nor reject."""

from __future__ import annotations

import base64
import importlib.util
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import cases
from tests.fuzz.check import check, smaller
from tests.fuzz.seeds import seeds
from tests.fuzz.tables import patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Format

ROOT = Path(__file__).parents[2]
SEEDS = [cases.decoded(seed) for seed in seeds()]
OF_KIND = {
    kind: [case for case in SEEDS if case.kind == kind and case.options < 64]
    for kind in cases.KINDS
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with smaller():
        yield tmp_path_factory.mktemp("fuzz")


def test_no_reader_is_missing() -> None:
    """A new format comes with a seed that the fuzzer can begin with."""
    assert [kind for kind, some in OF_KIND.items() if not some] == []


def test_seeds_are_read(folder: Path) -> None:
    """What the fuzzer begins with has to reach the readers' good ends."""
    for kind, some in OF_KIND.items():
        items = [item for case in some for item in check(case, folder)]
        assert any(hasattr(item, "text") for item in items), kind
    attributes = [check(case, folder) for case in SEEDS if case.beside is not None]
    assert any(getattr(item, "attributes", None) for items in attributes for item in items)


@pytest.mark.parametrize("kind", cases.KINDS)
@settings(max_examples=100)
@given(data=st.data())
def test_any_bytes(folder: Path, kind: Format, data: st.DataObject) -> None:
    """Bytes from nowhere, and good files with some bytes replaced."""
    options = data.draw(st.integers(0, 255)) & ~cases.ATTRIBUTES
    if kind == "parquet":
        body = patched(data.draw(st.binary(max_size=25)))
    else:
        lost = st.integers(0, 40)
        good = data.draw(st.sampled_from([b"", *(case.data for case in OF_KIND[kind])]))
        at = data.draw(st.integers(0, len(good)))
        body = good[:at] + data.draw(st.binary(max_size=40)) + good[at + data.draw(lost) :]
    wrapper = data.draw(st.sampled_from([cases.plain, *cases.WRAPPERS]))
    check(cases.Case(kind, options, body if kind == "parquet" else wrapper(body)), folder)


MOST_MB = 2_000
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux only"
)


@needs_atheris
@pytest.mark.parametrize(
    ("seconds", "seed", "least"),
    [
        (30, 1, 100),
        # Another walk each time; what it finds comes with the bytes to find it again.
        pytest.param(600, 0, 1_000, marks=pytest.mark.slow),
    ],
)
def test_coverage_guided(tmp_path: Path, seconds: int, seed: int, least: int) -> None:
    """All readers together, each input within seconds and all of it within some memory."""
    # A process is born with the peak of its parent, which has run other tests before.
    most = MOST_MB + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    limits = ("-timeout=20", f"-rss_limit_mb={most}")
    options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=8192", *limits]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", str(tmp_path), *options],
        cwd=ROOT,
        capture_output=True,
        timeout=seconds + 120,
        check=False,
    )
    said = done.stderr.decode("utf-8", "replace")
    found = "\n".join(_finding(path) for path in sorted((tmp_path / "found").glob("*[!t]")))
    assert not found, f"{found}\n{said[-3_000:]}"
    assert done.returncode == 0, said[-3_000:]
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts.keys() == set(cases.KINDS), "a reader was never tried"
    assert sum(counts.values()) >= least * len(cases.KINDS), counts


def _finding(path: Path) -> str:
    """What went wrong, and the command that reads the same bytes again."""
    about = path.with_suffix(".txt")
    why = about.read_text() if about.exists() else f"{path.name}: the process was ended\n"
    said = base64.b64encode(path.read_bytes()).decode()
    return f"{why}Again: python -X faulthandler -m tests.fuzz.run --replay {said}\n"
