"""The reader under loaders that people use: PyTorch's, torchdata's, and `datasets` beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.mixture import LEARNED
from tasks.reader import Reader
from tests import mixtures

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ROWS = 103


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return mixtures.documents(ROWS)


@pytest.fixture(scope="module")
def folder(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixture")
    mixtures.write(out, {"train": table})
    return out


def reader(folder: Path, **asked: Any) -> Reader:
    return Reader(folder, **{"columns": [c.POSITION], "batch_rows": 4, **asked})


def test_without_torch_the_message_says_so(folder: Path) -> None:
    code = (
        f"import sys; sys.modules['torch'] = None; from tasks.reader import Reader; "
        f"Reader({str(folder)!r}).torch()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"{ConfigError.__name__}: Reader.torch: got no PyTorch in this" in done.stderr


def test_datasets_streams_the_same_rows_and_resumes(folder: Path, table: pa.Table) -> None:
    from datasets import load_dataset

    files = {"train": f"{folder}/mixture/train/*.parquet"}

    def stream() -> Any:
        found = load_dataset("parquet", data_files=files, split="train", streaming=True)
        return found.select_columns(list(LEARNED))

    own = [{k: v.tolist() for k, v in row.items()} for row in Reader(folder)]
    theirs, states = [], {}
    streamed = stream()
    for number, row in enumerate(streamed, start=1):
        theirs.append(row)
        if number in {1, 34, 35, 77}:
            states[number] = streamed.state_dict()
    assert theirs == own
    for number, state in states.items():
        again = stream()
        again.load_state_dict(state)
        assert list(again) == own[number:]


# With PyTorch, which openmoat does not install.


def loader(reader: Reader, *, batches: bool = False, **asked: Any) -> Any:
    torch = pytest.importorskip("torch.utils.data", reason="no PyTorch here: pip install torch")
    return torch.DataLoader(reader.torch(batches=batches), **asked)


def places(batches: Any) -> list[int]:
    return [int(place) for batch in batches for place in batch[c.POSITION]]


TWO_WORKERS = """
import json, sys
from itertools import islice
from torchdata.stateful_dataloader import StatefulDataLoader
from torch.utils.data import DataLoader
from tasks.reader import Reader

def made(kind, epochs=1):
    own = Reader(sys.argv[1], columns=["position"], batch_rows=4, worker_rows=4, epochs=epochs)
    return kind(own.torch(), batch_size=4, num_workers=2)

def places(batches):
    return [int(place) for batch in batches for place in batch["position"]]

stateful = made(StatefulDataLoader, epochs=2)
begun = places(islice(iter(stateful), 7))
again = made(StatefulDataLoader, epochs=2)
again.load_state_dict(stateful.state_dict())
print(json.dumps([places(made(DataLoader)), begun + places(again)]))
"""


def test_two_workers_yield_each_row_once_and_go_on_exactly(folder: Path) -> None:
    """In a process of its own: where Prefect has run, what is forked from it cannot end well."""
    pytest.importorskip("torchdata", reason="no torchdata here: pip install torchdata")
    command = [sys.executable, "-c", TWO_WORKERS, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    once, twice = json.loads(done.stdout)
    assert once == [row[c.POSITION] for row in reader(folder)]
    assert twice == [row[c.POSITION] for epoch in (0, 1) for row in reader(folder, epoch=epoch)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_loader_yields_each_row_once(folder: Path, workers: int, context: str) -> None:
    asked: dict[str, Any] = {
        "num_workers": workers,
        "multiprocessing_context": context if workers else None,
    }
    for epoch in (0, 1):
        whole = [row[c.POSITION] for row in reader(folder, epoch=epoch)]
        nearly = places(loader(reader(folder, epoch=epoch), batch_size=6, **asked))
        assert sorted(nearly) == list(range(ROWS))
        exactly = reader(folder, epoch=epoch, worker_rows=6)
        assert places(loader(exactly, batch_size=6, **asked)) == whole
        batches = loader(reader(folder, epoch=epoch), batches=True, batch_size=None, **asked)
        assert places(batches) == whole
        if context == "spawn":
            break


@pytest.mark.slow
def test_workers_of_ranks_share_every_row(folder: Path) -> None:
    found = []
    for rank in range(3):
        own = reader(folder, rank=rank, world=3, worker_rows=5)
        yielded = places(loader(own, batch_size=5, num_workers=2))
        assert yielded == list(range(rank, ROWS, 3))
        found += yielded
    assert sorted(found) == list(range(ROWS))


@pytest.mark.slow
def test_rows_become_tensors_without_a_warning(folder: Path, table: pa.Table) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = loader(Reader(folder), batch_size=None, num_workers=2)
        for row, wanted in zip(rows, table.select(LEARNED).to_pylist(), strict=True):
            assert {name: value.tolist() for name, value in row.items()} == wanted


@pytest.mark.slow
@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stateful_loader_goes_on_exactly(folder: Path, workers: int, *, batches: bool) -> None:
    stateful = pytest.importorskip(
        "torchdata.stateful_dataloader", reason="no torchdata here: pip install torchdata"
    )

    def make() -> Any:
        own = reader(folder, epochs=2, worker_rows=4)
        size = None if batches else 4
        return stateful.StatefulDataLoader(
            own.torch(batches=batches), batch_size=size, num_workers=workers
        )

    whole = places(make())
    assert len(whole) == 2 * ROWS
    for read in (0, 1, 7, 30, 51):
        first = make()
        iterator = iter(first)
        assert places(islice(iterator, read)) == whole[: 4 * read]
        state = first.state_dict()
        again = make()
        again.load_state_dict(state)
        assert places(again) == whole[4 * read :]


@pytest.mark.slow
def test_a_loop_that_counts_its_steps_resumes_on_another_world(folder: Path) -> None:
    for rank in range(2):
        own = reader(folder, rank=rank, world=2, worker_rows=4)
        iterator = iter(loader(own, batch_size=4, num_workers=2))
        assert places(islice(iterator, 5)) == list(range(rank, 40, 2))
    state = own.state_at(5 * 4 * 2)
    rest = []
    for rank in range(3):
        own = reader(folder, rank=rank, world=3, worker_rows=4)
        own.load_state_dict(state)
        rest += places(loader(own, batch_size=4, num_workers=2))
    assert sorted(rest) == list(range(40, ROWS))
