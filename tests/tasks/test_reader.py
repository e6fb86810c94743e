"""The reader: one global order for any rank, worker, epoch and shard; resumed at any row."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import ConfigError, ManifestError
from schemas.mixture import LEARNED
from tasks import reader_torch, storage
from tasks.reader import Reader
from tests import mixtures
from tests.real_data import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SHARDS = ((1, 100), (3, 4), (7, 1))
"""Of one mixture written thrice: shards, rows of a row group."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return mixtures.documents(53)


@pytest.fixture(scope="module")
def folders(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("mixtures")
    for shards, group_rows in SHARDS:
        mixtures.write(out / str(shards), {"train": table}, shards=shards, group_rows=group_rows)
    return [str(out / str(shards)) for shards, _ in SHARDS]


@pytest.fixture
def as_worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Be a worker of a loader, as PyTorch tells its workers that they are."""

    def become(number: int, of: int) -> None:
        monkeypatch.setattr(reader_torch, "worker", lambda: (number, of))

    return become


def places(rows: Any) -> list[int]:
    return [row[c.POSITION] for row in rows]


def reader(folder: str, **asked: Any) -> Reader:
    return Reader(folder, **{"columns": [c.POSITION], "batch_rows": 5, **asked})


def test_the_first_epoch_is_the_order_in_the_files(folders: list[str], table: pa.Table) -> None:
    for folder in folders:
        found = list(Reader(folder, columns=table.column_names))
        for row, wanted in zip(found, table.to_pylist(), strict=True):
            own = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
            assert own == wanted


def test_without_columns_rows_are_what_trainers_take(folders: list[str]) -> None:
    row = next(iter(Reader(folders[0])))
    assert tuple(row) == LEARNED
    assert row[c.INPUT_IDS].dtype == np.int32


@settings(max_examples=80)
@given(
    world=st.integers(1, 6), epoch=st.integers(0, 3), epochs=st.none() | st.integers(1, 3),
    batch_rows=st.integers(1, 60), equal=st.booleans(), shards=st.sampled_from(range(3)),
)  # fmt: skip
def test_ranks_share_every_row(
    folders: list[str], shards: int, *, world: int, epochs: int | None, equal: bool, **asked: int
) -> None:
    whole = places(reader(folders[0], epochs=epochs, epoch=asked["epoch"]))
    assert len(whole) == 53 * (epochs or 1)
    for number in range(epochs or 1):
        assert sorted(whole[number * 53 : (number + 1) * 53]) == list(range(53))
    cut = len(whole) // world * world if equal else len(whole)
    for rank in range(world):
        own = reader(folders[shards], rank=rank, world=world, epochs=epochs, equal=equal, **asked)
        found = places(own)
        assert found == whole[rank:cut:world]
        assert len(own) == len(found)
        assert places(own) == found  # again from the start
        assert pa.concat_tables(own.batches()).column(c.POSITION).to_pylist() == found


@settings(max_examples=40)
@given(
    workers=st.integers(1, 4), worker_rows=st.integers(1, 4), world=st.integers(1, 3),
    epoch=st.integers(0, 2),
)  # fmt: skip
def test_a_loader_of_many_workers_yields_the_order(
    folders: list[str], workers: int, worker_rows: int, world: int, epoch: int
) -> None:
    whole = places(reader(folders[0], epoch=epoch))
    for rank in range(world):
        parts, batches = [], []
        for number in range(workers):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reader_torch, "worker", lambda n=number: (n, workers))
                own = reader(
                    folders[1], rank=rank, world=world, epoch=epoch, worker_rows=worker_rows
                )
                parts.append(places(own))
                batches.append([t.column(c.POSITION).to_pylist() for t in own.batches()])
        assert in_turn([chunked(part, worker_rows) for part in parts]) == whole[rank::world]
        assert in_turn(batches) == whole[rank::world]


def chunked(rows: list[int], n: int) -> list[list[int]]:
    return [rows[i : i + n] for i in range(0, len(rows), n)]


def in_turn(queues: list[list[list[int]]]) -> list[int]:
    """Rows as a loader yields them that takes a batch from each worker in turn."""
    longest = max(map(len, queues))
    return [row for i in range(longest) for q in queues if i < len(q) for row in q[i]]


@settings(max_examples=60)
@given(
    steps=st.integers(0, 20), world=st.integers(1, 5), then=st.integers(1, 5),
    epochs=st.none() | st.just(2), epoch=st.integers(0, 1), by_batches=st.booleans(),
)  # fmt: skip
def test_any_world_goes_on_where_another_stopped(
    folders: list[str], steps: int, world: int, then: int, *, by_batches: bool, **asked: Any
) -> None:
    whole = places(reader(folders[0], **asked))
    steps = min(steps, len(whole) // (world * (5 if by_batches else 1)))
    states = []
    for rank in range(world):
        own = reader(folders[0], rank=rank, world=world, **asked)
        read = list(islice(own.batches() if by_batches else own, steps))
        assert len(read) == steps
        states.append(own.state_dict())
        assert own.state_at(steps * world * (5 if by_batches else 1)) == states[0]
    assert all(state == states[0] for state in states)
    consumed = steps * world * (5 if by_batches else 1)
    rest: dict[int, int] = {}
    for rank in range(then):
        own = reader(folders[2], rank=rank, world=then, epochs=asked["epochs"],
                     epoch=asked["epoch"] if asked["epochs"] else 0)  # fmt: skip
        own.load_state_dict(json.loads(json.dumps(states[0])))
        assert own.state_dict() == states[0]
        rest |= {consumed + rank + then * i: row for i, row in enumerate(places(own))}
        if asked["epochs"]:
            assert places(own) == whole[rank::then]  # the pass after it is a whole one
    assert [rest[i] for i in sorted(rest)] == whole[consumed:]
    assert sorted(rest) == list(range(consumed, len(whole)))


def test_each_worker_goes_on_from_a_state_of_its_own(folders: list[str], as_worker: Any) -> None:
    for number, read in ((0, 3), (1, 2), (2, 0)):
        as_worker(number, 3)
        own = reader(folders[1], rank=1, world=2, worker_rows=2)
        whole = places(own)
        iterator = iter(own)
        assert places(islice(iterator, read)) == whole[:read]
        state = json.loads(json.dumps(own.state_dict()))
        again = reader(folders[1], rank=1, world=2, worker_rows=2)
        again.load_state_dict(state)
        assert again.state_dict() == state
        assert places(again) == whole[read:]


def test_a_workers_state_fits_no_other_worker(folders: list[str], as_worker: Any) -> None:
    as_worker(0, 2)
    own = reader(folders[1])
    next(iter(own))
    state = own.state_dict()
    as_worker(0, 3)
    own.load_state_dict(state)
    with pytest.raises(ConfigError, match=r"Give the loader as many workers as it had, or resume"):
        next(iter(own))


def test_a_place_has_the_same_origin_in_every_epoch(folders: list[str], table: pa.Table) -> None:
    wanted = table.column(c.ORIGIN).to_pylist()
    orders = set()
    for epoch in range(5):
        rows = list(Reader(folders[1], columns=[c.ORIGIN, c.POSITION, c.INPUT_IDS], epoch=epoch))
        assert [row[c.ORIGIN] for row in rows] == wanted
        orders.add(tuple(row[c.POSITION] for row in rows))
        for row in rows:
            assert row[c.INPUT_IDS].tolist() == table.column(c.INPUT_IDS)[row[c.POSITION]].as_py()
    assert len(orders) == 5


def test_set_epoch_is_what_trainers_call(folders: list[str]) -> None:
    own = reader(folders[0])
    own.set_epoch(2)
    state = own.state_dict()  # between two epochs
    assert (state["epoch"], state["row"]) == (2, 0)
    assert places(own) == places(reader(folders[0], epoch=2))
    assert own.state_dict()["epoch"] == 2


def counted(own: Reader, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read = own._files.read
    groups: list[int] = []

    def counting(group: int, columns: Any) -> pa.Table:
        groups.append(group)
        return read(group, columns)

    monkeypatch.setattr(own._files, "read", counting)
    return groups


def test_a_seek_reads_one_row_group(folders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    own = reader(folders[1])
    groups = counted(own, monkeypatch)
    own.seek(40)
    assert places(islice(own, 1)) == [40]
    assert len(groups) <= 2  # the batch of five rows that begins there lies in two
    own.seek(0)
    del groups[:]
    assert len(list(own)) == 53
    assert len(groups) == own._files.starts.size - 1


def test_batches_are_not_copied(tmp_path: Path) -> None:
    table = mixtures.packed(90, seed=1)
    mixtures.write(tmp_path, {"train": table}, shards=1, group_rows=1000)
    own = Reader(tmp_path, columns=[c.INPUT_IDS], batch_rows=8)
    found = list(own.arrays())
    assert all(batch[c.INPUT_IDS].shape[1] == 16 for batch in found)
    at = [batch[c.INPUT_IDS].ctypes.data for batch in found]
    assert np.diff(at).tolist() == [8 * 16 * 4] * (len(at) - 1)
    ids = np.concatenate([batch[c.INPUT_IDS] for batch in found])
    assert ids.tolist() == table.column(c.INPUT_IDS).to_pylist()


@pytest.mark.parametrize("below", ["", "mixture"])
def test_a_run_its_mixture_and_a_copy_of_that_are_read(
    tmp_path: Path, table: pa.Table, below: str
) -> None:
    mixtures.write(tmp_path / "run", {"train": table, "validation": table.slice(0, 5)})
    (tmp_path / "run" / "mixture").rename(tmp_path / "copy")
    folder = tmp_path / "copy"
    if below:
        (tmp_path / "again").mkdir()
        folder = folder.rename(tmp_path / "again" / below).parent
    assert places(reader(str(folder))) == list(range(53))
    assert places(reader(str(folder), split="validation")) == list(range(5))


def test_text_is_read_as_text(tmp_path: Path) -> None:
    mixtures.write(tmp_path, {"train": mixtures.texts(9)}, shards=2)
    assert list(Reader(tmp_path)) == [{c.TEXT: f"document {i}"} for i in range(9)]


def test_it_goes_to_other_processes(folders: list[str]) -> None:
    own = reader(folders[1], epoch=1)
    iterator = iter(own)
    first = places(islice(iterator, 7))
    again = pickle.loads(pickle.dumps(own))  # noqa: S301  (made here)
    assert again.state_dict() == own.state_dict()
    assert places(again) == first + places(iterator)


def test_neither_torch_nor_prefect_is_loaded(folders: list[str]) -> None:
    code = (
        "import sys; from tasks.reader import Reader; "
        f"print(sum(1 for _ in Reader({folders[1]!r}))); "
        "print([m for m in ('torch', 'prefect', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["53", "[]"]


# What can be wrong.


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"rank": 2, "world": 2}, r"got rank=2, wanted 0 to 1, below world"),
        ({"world": 0}, r"got world=0, wanted 1 or more"),
        ({"epochs": 0}, r"got epochs=0, wanted 1 or more"),
        ({"batch_rows": 0}, r"got batch_rows=0"),
        ({"split": "valid"}, r"got split='valid', wanted train\. Ask for a split"),
        ({"columns": ["ids"]}, r"got columns=\['ids'\], wanted some of input_ids, attention_mask"),
        ({"columns": []}, r"without `columns` you get its default"),
    ],
)
def test_a_question_without_an_answer(
    folders: list[str], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Reader(folders[0], **asked)


def test_rows_that_are_not_there(folders: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"got row 54 of epoch 0, wanted 0 to 53"):
        reader(folders[0]).seek(54)
    with pytest.raises(ConfigError, match=r"of epochs 0 to 1"):
        reader(folders[0], epochs=2).seek(0, epoch=3)


def test_before_the_first_epoch_there_is_nothing(folders: list[str]) -> None:
    own = reader(folders[0])
    before = own.state_dict()
    with pytest.raises(ConfigError, match=r"got epoch=-1, wanted 0 or more"):
        own.set_epoch(-1)
    with pytest.raises(ConfigError, match=r"got epoch=-1, wanted 0 or more"):
        own.seek(0, epoch=-1)
    with pytest.raises(ConfigError, match=r"got row 54 of epoch 2"):
        own.seek(54, epoch=2)
    with pytest.raises(ConfigError, match=r"got rows=-1, wanted 0 or more"):
        own.state_at(-1)
    assert own.state_dict() == before
    assert places(own) == list(range(53))  # what was refused has changed nothing


def test_a_folder_without_a_mixture(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no manifest.json in it, nor in mixture/ below it"):
        Reader(tmp_path)


def test_the_manifest_of_another_stage(tmp_path: Path, table: pa.Table) -> None:
    said = mixtures.write(tmp_path, {"train": table})
    at = tmp_path / "manifest.json"
    storage.write_model(str(at), said.model_copy(update={"stage": "replay"}))
    (tmp_path / "mixture" / "manifest.json").unlink()
    with pytest.raises(ManifestError, match=r"got the manifest of replay, wanted that of a mix"):
        Reader(tmp_path)


@pytest.fixture
def broken(tmp_path: Path, table: pa.Table) -> tuple[Path, Path]:
    mixtures.write(tmp_path, {"train": table})
    return tmp_path, tmp_path / "mixture" / "train" / "train-00001-of-00003.parquet"


def test_a_shard_that_is_missing(broken: tuple[Path, Path]) -> None:
    broken[1].unlink()
    with pytest.raises(ManifestError, match=r"00001-of-00003.parquet: got no such file, wanted a"):
        Reader(broken[0])


def test_a_shard_of_another_mixture(broken: tuple[Path, Path], table: pa.Table) -> None:
    pq.write_table(table.slice(0, 7), broken[1])
    with pytest.raises(ManifestError, match=r"got 7 rows, wanted 18, as the manifest says"):
        Reader(broken[0])


def test_a_shard_that_was_cut_off(broken: tuple[Path, Path]) -> None:
    broken[1].write_bytes(broken[1].read_bytes()[:-200])
    with pytest.raises(ManifestError, match=r"Copy it anew from where the mixture was made"):
        Reader(broken[0])


def test_a_shard_with_a_flipped_bit(broken: tuple[Path, Path]) -> None:
    body = bytearray(broken[1].read_bytes())
    body[200] ^= 1
    broken[1].write_bytes(body)
    with pytest.raises(ManifestError, match=r"00001-of-00003.parquet: got .*(CRC|corrupt)"):
        list(Reader(broken[0], columns=[c.INPUT_IDS, c.TEXT, c.ORIGIN, c.POSITION, c.LABELS]))


def test_the_state_of_another_mixture(folders: list[str], tmp_path: Path) -> None:
    mixtures.write(tmp_path, {"train": mixtures.documents(53, seed=1)})
    state = reader(folders[0]).state_dict()
    with pytest.raises(ManifestError, match=r"Read the mixture that the training run was begun"):
        reader(str(tmp_path)).load_state_dict(state)
    with pytest.raises(ManifestError, match=r"a state of split validation, wanted one of split"):
        reader(folders[0]).load_state_dict({**state, "split": "validation"})
    del state["row"]
    with pytest.raises(ManifestError, match=r"a state of manifest, split, epoch, wanted one with"):
        reader(folders[0]).load_state_dict(state)


def test_the_page_names_every_argument_and_method() -> None:
    page = (ROOT / "docs" / "reader.md").read_text(encoding="utf-8")
    arguments, methods = page.split("| method |")
    rows = re.findall(r"^\| (`.*?) \|", arguments, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    public = {f.name for f in dataclasses.fields(Reader) if f.init}
    assert named == public - {"folder"}
    for name in ("batches", "arrays", "torch", "seek", "state_dict", "load_state_dict", "state_at",
                 "set_epoch"):  # fmt: skip
        assert f"`reader.{name}(" in methods or f"`{name}(" in methods
        assert callable(getattr(Reader, name))
