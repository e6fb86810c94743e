"""Exports: every token, mask and row in order, read back by readers that know only the format."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.mixture import LEARNED, NO_LOSS
from tasks import exporting
from tasks.mixture import flat
from tests import mixtures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.export_target import Target

TABLES = {"packed": mixtures.packed(60), "documents": mixtures.documents(40)}


@pytest.fixture(params=list(TABLES))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, pa.Table]]:
    table = TABLES[request.param]
    splits = {"train": table, "validation": table.slice(0, 7)}
    mixtures.write(tmp_path / "run", splits)
    return tmp_path / "run", splits


def exported(run: Path, to: Target, **asked: Any) -> tuple[Path, Any]:
    out = run.parent / f"as-{to}"
    return out, exporting.export(str(run), str(out), to=to, **asked)


def tokens_of(table: pa.Table) -> list[tuple[list[int], list[bool]]]:
    """Ids of each row, and whether each is learned; padding left out."""
    found = []
    for row in table.select(LEARNED).to_pylist():
        n = sum(row[c.ATTENTION_MASK])
        assert row[c.ATTENTION_MASK] == [1] * n + [0] * (len(row[c.LABELS]) - n)
        found.append((row[c.INPUT_IDS][:n], [x != NO_LOSS for x in row[c.LABELS][:n]]))
    return found


def read_megatron(stem: Path) -> list[NDArray[Any]]:
    """Documents of an indexed dataset, by the layout as it is published, step by step."""
    index = stem.with_suffix(".idx").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, limits = struct.unpack_from("<QBQQ", index, 9)
    assert (version, limits) == (1, sequences + 1)
    at = 9 + struct.calcsize("<QBQQ")
    lengths = np.frombuffer(index, "<i4", sequences, at)
    pointers = np.frombuffer(index, "<i8", sequences, at + 4 * sequences)
    documents = np.frombuffer(index, "<i8", limits, at + 12 * sequences)
    assert len(index) == at + 12 * sequences + 8 * limits
    assert documents.tolist() == list(range(limits))
    body = stem.with_suffix(".bin").read_bytes()
    kind = {8: "<u2", 4: "<i4"}[code]
    return [np.frombuffer(body, kind, n, p) for n, p in zip(lengths, pointers, strict=True)]


def test_megatron(made: tuple[Path, dict[str, pa.Table]]) -> None:
    run, splits = made
    out, said = exported(run, "megatron", drop_masks=True)
    for split, table in splits.items():
        wanted = tokens_of(table)
        found = read_megatron(out / split)
        assert [document.tolist() for document in found] == [ids for ids, _ in wanted]
        assert said.splits[split].rows == table.num_rows
        assert said.splits[split].tokens == sum(len(ids) for ids, _ in wanted)
        assert said.splits[split].learned == sum(sum(learned) for _, learned in wanted)
    assert said.lost[0] == "Masks: every token is learned."
    assert said.dtype == "uint16"


def test_masks_are_not_dropped_unasked(made: tuple[Path, dict[str, pa.Table]]) -> None:
    run, splits = made
    masked = sum(not all(learned) for _, learned in tokens_of(splits["train"]))
    with pytest.raises(
        ConfigError, match=rf"got {masked} of \d+ rows of train .* Add --drop-masks"
    ):
        exported(run, "megatron")
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_without_masks_nobody_has_to_drop_them(tmp_path: Path) -> None:
    table = mixtures.documents(9)
    whole = table.set_column(2, table.schema.field(c.LABELS), table.column(c.INPUT_IDS))
    mixtures.write(tmp_path / "run", {"train": whole})
    out, _ = exported(tmp_path / "run", "megatron")
    assert len(read_megatron(out / "train")) == 9


def test_olmo(made: tuple[Path, dict[str, pa.Table]]) -> None:
    run, splits = made
    out, said = exported(run, "olmo")
    for split, table in splits.items():
        wanted = tokens_of(table)
        ids = np.fromfile(out / split / "input_ids.npy", "<u2")
        mask = np.fromfile(out / split / "label_mask.npy", bool)
        assert ids.tolist() == [token for own, _ in wanted for token in own]
        assert mask.tolist() == [learned for _, own in wanted for learned in own]
        rows = pl.read_parquet(out / split / "rows.parquet")
        assert rows[c.POSITION].to_list() == list(range(table.num_rows))
        assert rows[c.ORIGIN].to_list() == table.column(c.ORIGIN).to_pylist()
        for (own, _), start, n in zip(wanted, rows[c.START], rows[c.TOKENS], strict=True):
            assert ids[start : start + n].tolist() == own
        assert said.splits[split].tokens == len(ids)
        # Each document has its end: as many of them as `ends` says, or one a row.
        ends = table.column(c.ENDS).to_pylist() if c.ENDS in table.column_names else None
        n_ends = sum(map(sum, ends)) if ends else table.num_rows
        assert (ids == mixtures.END).sum() == n_ends


def test_save_to_disk(made: tuple[Path, dict[str, pa.Table]]) -> None:
    from datasets import load_from_disk

    run, splits = made
    out, _ = exported(run, "datasets")
    found = load_from_disk(str(out))
    assert set(found) == set(splits)
    for split, table in splits.items():
        assert found[split].column_names == list(LEARNED)
        assert found[split].to_list() == table.select(LEARNED).to_pylist()
    again = load_from_disk(str(out / "train"))
    assert again.features == found["train"].features
    assert again.shuffle(seed=0).filter(lambda row: len(row["labels"]) > 3).num_rows > 0


def test_large_splits_are_several_files(
    made: tuple[Path, dict[str, pa.Table]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_from_disk

    from tasks import export_datasets

    monkeypatch.setattr(exporting, "BATCH_TOKENS", 64)
    monkeypatch.setattr(export_datasets, "FILE_TOKENS", 40)
    run, splits = made
    out, _ = exported(run, "datasets")
    assert len(list((out / "train").glob("*.arrow"))) > 5
    assert load_from_disk(str(out / "train")).to_list() == (
        splits["train"].select(LEARNED).to_pylist()
    )


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9))
def test_padding_is_left_out_wherever_it_is(rows: list[tuple[int, int]]) -> None:
    table = pa.table(
        {
            c.INPUT_IDS: pa.array([[7] * n + [1] * p for n, p in rows], pa.list_(pa.int32())),
            c.ATTENTION_MASK: pa.array([[1] * n + [0] * p for n, p in rows], pa.list_(pa.int8())),
            c.LABELS: pa.array(
                [[7, -100, 7, 7, 7][:n] + [-100] * p for n, p in rows], pa.list_(pa.int32())
            ),
        }
    )
    found = flat.flat(table)
    assert found.lengths.tolist() == [n for n, _ in rows]
    assert found.ids.tolist() == [7] * sum(n for n, _ in rows)
    assert found.learned.tolist() == [i != 1 for n, _ in rows for i in range(n)]


def test_types_of_ids() -> None:
    assert [str(flat.olmo_type(n)) for n in (300, 65_536, 65_537)] == ["uint16", "uint16", "uint32"]
    assert [str(flat.megatron_type(n)) for n in (65_499, 65_500)] == ["uint16", "int32"]


# What can be wrong.


@pytest.mark.parametrize("to", ["megatron", "olmo", "datasets"])
def test_text_has_no_tokens(tmp_path: Path, to: Target) -> None:
    mixtures.write(tmp_path / "run", {"train": mixtures.texts(5)})
    with pytest.raises(ConfigError, match=r'got a mixture with format = "text", wanted one with'):
        exported(tmp_path / "run", to)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_there_is_left_alone(made: tuple[Path, dict[str, pa.Table]]) -> None:
    run, _ = made
    out, _ = exported(run, "olmo")
    before = sorted(out.rglob("*"))
    with pytest.raises(ConfigError, match=r"Give another --out, or remove what is there"):
        exported(run, "olmo")
    assert sorted(out.rglob("*")) == before


def test_a_broken_shard_leaves_nothing(made: tuple[Path, dict[str, pa.Table]]) -> None:
    run, _ = made
    shard = max((run / "mixture" / "train").glob("*.parquet"))
    body = bytearray(shard.read_bytes())
    body[4:400] = bytes(396)
    shard.write_bytes(body)
    with pytest.raises(Exception, match=r"train-00002-of-00003.parquet: got "):
        exported(run, "olmo")
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_killed_halfway_nothing_stands_under_the_name(
    made: tuple[Path, dict[str, pa.Table]],
) -> None:
    run, splits = made
    out = run.parent / "as-olmo"
    code = (
        "import time; from tasks import exporting, export_flat; write = export_flat.olmo\n"
        "def slow(*given, **named):\n"
        "    said = write(*given, **named); print('written', flush=True); time.sleep(60)\n"
        "    return said\n"
        f"export_flat.olmo = slow; exporting.export({str(run)!r}, {str(out)!r}, to='olmo')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    assert len(list(run.parent.iterdir())) == 2  # what it had written lies beside, hidden
    time.sleep(0.01)
    exported(run, "olmo")
    assert sorted(path.name for path in run.parent.iterdir()) == ["as-olmo", "run"]
    n = sum(len(ids) for ids, _ in tokens_of(splits["train"]))
    assert (out / "train" / "input_ids.npy").stat().st_size == 2 * n


# Their own readers, in environments of their own: megatron-core 0.16, OLMo-core 3.


@pytest.mark.slow
def test_megatron_core_reads_it(made: tuple[Path, dict[str, pa.Table]]) -> None:
    indexed = pytest.importorskip(
        "megatron.core.datasets.indexed_dataset",
        reason="no megatron-core here: pip install megatron-core==0.16",
    )
    run, splits = made
    out, _ = exported(run, "megatron", drop_masks=True)
    for split, table in splits.items():
        found = indexed.IndexedDataset(str(out / split))
        wanted = [ids for ids, _ in tokens_of(table)]
        assert len(found) == len(wanted)
        assert [found[i].tolist() for i in range(len(found))] == wanted
        assert found.document_indices.tolist() == list(range(len(wanted) + 1))
        # Byte for byte what its own builder writes.
        own = run.parent / f"own-{split}"
        kind = indexed.DType.optimal_dtype(mixtures.SIZE)
        builder = indexed.IndexedDatasetBuilder(f"{own}.bin", dtype=kind)
        for ids in wanted:
            builder.add_document(np.array(ids), [len(ids)])
        builder.finalize(f"{own}.idx")
        for end in (".bin", ".idx"):
            theirs = Path(f"{own}{end}").read_bytes()
            assert (out / f"{split}{end}").read_bytes() == theirs


@pytest.mark.slow
def test_olmo_core_reads_it(made: tuple[Path, dict[str, pa.Table]]) -> None:
    data = pytest.importorskip(
        "olmo_core.data", reason="no OLMo-core here: pip install ai2-olmo-core"
    )
    run, splits = made
    out, _ = exported(run, "olmo")
    wanted = tokens_of(splits["train"])
    ids = [token for own, _ in wanted for token in own]
    mask = [learned for _, own in wanted for learned in own]
    found = data.NumpyFSLDataset(
        str(out / "train" / "input_ids.npy"),
        sequence_length=8,
        pad_token_id=mixtures.PADDING,
        eos_token_id=mixtures.END,
        vocab_size=mixtures.SIZE,
        dtype=np.uint16,
        label_mask_paths=[str(out / "train" / "label_mask.npy")],
    )
    found.prepare()
    assert len(found) == len(ids) // 8
    for i in range(len(found)):
        assert found[i]["input_ids"].tolist() == ids[8 * i : 8 * i + 8]
        assert found[i]["label_mask"].tolist() == mask[8 * i : 8 * i + 8]
