"""A pool laid by and read again: what was measured, whatever the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.replay import ReplayConfig
from tasks.replay import packed, passages
from tasks.surrogate import pool

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [
    "One harbour, one ship.",
    "",
    "A lighthouse stood there. " * 400,
    "Straße ß 船 " * 900,
    "the the the",
]


def frame(n: int, shards: int) -> pl.DataFrame:
    """Return documents of a pool, dealt out to shards."""
    return pl.DataFrame(
        {
            c.DOC_ID: [f"{i:032x}" for i in range(n)],
            c.SOURCE: ["sea" if i % 2 else "land" for i in range(n)],
            c.RECIPE_SOURCE: ["all"] * n,
            c.SPLIT: ["train"] * n,
            c.SHARD: [f"{i % shards}.parquet" for i in range(n)],
            c.ROW: [i // shards for i in range(n)],
            c.N_BYTES: [len(text.encode()) for text in TEXTS[:n]],
        }
    )


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_what_was_measured_is_read_again(tmp_path: Path, shards: int) -> None:
    documents, files = frame(len(TEXTS), shards), []
    for number in range(shards):
        name = f"{number}.parquet"
        own = documents.filter(pl.col(c.SHARD) == name)
        texts = [TEXTS[int(doc_id, 16)] for doc_id in own[c.DOC_ID]]
        cut = passages.cut(pa.array(texts, pa.large_string()))
        table = pool.table(cut, packed.of(cut.texts), own, whole=False)
        pool.write(str(tmp_path / name), table)
        files.append((name, str(tmp_path / name)))
    found = pool.load(files, documents)
    by_document: dict[str, list[tuple[int, int, dict[int, int]]]] = {}
    for i, row in enumerate(found.places.iter_rows(named=True)):
        told = (row[c.START], row[c.END], packed.row(found.counts, i))
        by_document.setdefault(row[c.DOC_ID], []).append(told)
        assert row[c.SOURCE] == ("sea" if int(row[c.DOC_ID], 16) % 2 else "land")
    for number, text in enumerate(TEXTS):
        ends = passages.limits(text)
        starts = [0, *ends[:-1]] if ends else []
        parts = pa.array([text[a:b] for a, b in zip(starts, ends, strict=True)], pa.large_string())
        wanted = packed.of(parts)
        own_parts = sorted(by_document.get(f"{number:032x}", []), key=lambda told: told[0])
        assert [told[:2] for told in own_parts] == list(zip(starts, ends, strict=True))
        assert [told[2] for told in own_parts] == [packed.row(wanted, i) for i in range(len(ends))]
    # A number for each document, the same for all its passages; keys tell all of them apart.
    numbers = dict(zip(found.places[c.DOC_ID], found.documents.tolist(), strict=True))
    assert len(set(numbers.values())) == len(numbers)
    assert len(np.unique(found.keys, axis=0)) == len(found.keys)


def test_a_pool_without_documents_is_empty(tmp_path: Path) -> None:
    found = pool.load([], frame(1, 1).clear())
    assert found.places.height == found.counts.size == 0
    assert c.SOURCE in found.places.columns


@settings(max_examples=30)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=30), st.integers(1, 60))
def test_documents_of_a_pool_are_the_first_by_hash(sizes: list[int], most: int) -> None:
    documents = pl.DataFrame(
        {
            c.DOC_ID: [str(i) for i in range(len(sizes))],
            c.N_BYTES: sizes,
            "priority": [(i * 7919) % 101 for i in range(len(sizes))],
        }
    )
    config = ReplayConfig(arm="random", unit="passages", pool_passages=most)
    found = pool.documents(documents, config)
    again = pool.documents(documents.reverse(), config)
    assert found.equals(again)
    units = [max(1, -(-n // pool.BYTES_A_PASSAGE)) for n in found[c.N_BYTES]]
    assert sum(units[:-1]) < most
    assert found.height == len(sizes) or sum(units) >= most


def test_held_out_documents_of_a_source_without_training_ones_are_left_out() -> None:
    documents = frame(4, 1).with_columns(pl.Series(c.SPLIT, ["train", "valid", "train", "valid"]))
    found = pool.of_trained(documents)
    assert found[c.SOURCE].unique().to_list() == ["land"]
    assert found.height == 2
