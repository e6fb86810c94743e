"""Documents that mean the same, against comparing all with all; and embeddings that are unfit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.errors import ConfigError, SourceError
from schemas.semantic import SemanticConfig
from tasks import dedup, embeddings
from tasks.dedup import semantic

Floats = np.ndarray[Any, np.dtype[np.float32]]
THRESHOLD = 0.95
ROOT = Path(__file__).resolve().parents[2]


def planted(n: int, copies: int, *, width: int = 48, seed: int = 0) -> Floats:
    """Return vectors in any order, with ``copies`` of earlier ones: cosines about .9 to .999."""
    chance = np.random.default_rng(seed)
    first = chance.standard_normal((n, width))
    of = chance.integers(0, n, copies)
    noise = chance.standard_normal((copies, width)) * chance.uniform(0.05, 0.5, (copies, 1))
    every = chance.permutation(np.concatenate([first, first[of] + noise]))
    unit: Floats = (every / np.linalg.norm(every, axis=1, keepdims=True)).astype(np.float32)
    return unit


def cosine(unit: Floats, one: int, other: int) -> float:
    left, right = unit[one].astype(np.float64), unit[other].astype(np.float64)
    return round(float(left @ right / np.sqrt((left @ left) * (right @ right))), semantic.DIGITS)


def reference(unit: Floats, threshold: float) -> list[tuple[int, int, float]]:
    """Compare each with all that are kept before it."""
    kept: list[int] = []
    found = []
    for row in range(len(unit)):
        like = [(-cosine(unit, row, other), other) for other in kept]
        best = min(like, default=(1.0, -1))
        if -best[0] >= threshold:
            found.append((row, best[1], -best[0]))
        else:
            kept.append(row)
    return found


def assert_same(found: list[Any], expected: list[Any]) -> None:
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert [one[2] for one in found] == pytest.approx([one[2] for one in expected], abs=1e-6)


def settled(unit: Floats, threshold: float) -> list[tuple[int, int, float]]:
    gone, twins, cosines = semantic.settle(unit, threshold)
    return list(zip(gone.tolist(), twins.tolist(), cosines.tolist(), strict=True))


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3).filter(any), max_size=40),
    st.sampled_from([0.5, 0.9, 0.999, 1.0]),
    st.sampled_from([1, 3, 1024]),
)
def test_who_goes_is_who_comparing_all_with_all_lets_go(
    vectors: list[list[int]], threshold: float, block: int
) -> None:
    every = np.array(vectors, np.float32).reshape(len(vectors), 3)
    unit = (every / np.linalg.norm(every, axis=1, keepdims=True)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "BLOCK", block)
        found = settled(unit, threshold)
    assert_same(found, reference(unit, threshold))
    # The same by the rule of all other levels, from all pairs.
    pairs = [
        (row, other, cosine(unit, row, other))
        for row in range(len(unit))
        for other in range(row)
        if cosine(unit, row, other) >= threshold
    ]
    frame = pl.DataFrame(pairs, schema=[c.ROW, c.TWIN_ROW, c.SIMILARITY], orient="row").cast(
        {c.ROW: pl.Int64, c.TWIN_ROW: pl.Int64, c.SIMILARITY: pl.Float64}
    )
    assert_same(dedup.settle(lambda: [frame], np.arange(len(unit))).rows(), found)


def test_planted_paraphrases_are_found_over_many_blocks() -> None:
    unit = planted(1_500, 1_200)
    found = settled(unit, THRESHOLD)
    assert_same(found, reference(unit, THRESHOLD))
    assert 300 < len(found) < 1_200
    gone = {row for row, _, _ in found}
    assert not gone & {twin for _, twin, _ in found}, "a chain"


def test_cells_find_nearly_all_and_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = planted(6_000, 4_000, seed=1)
    exact = settled(unit, THRESHOLD)
    monkeypatch.setattr(semantic, "EXACT", 1_000)
    found = settled(unit, THRESHOLD)
    assert found == settled(unit, THRESHOLD)
    assert len({row for row, _, _ in found} & {row for row, _, _ in exact}) > 0.97 * len(exact)
    assert all(similarity == cosine(unit, row, twin) for row, twin, similarity in found)
    assert all(similarity >= THRESHOLD for _, _, similarity in found)


def test_threads_do_not_change_the_answer() -> None:
    code = (
        "from tests.tasks.test_semantic import planted, settled\n"
        "print(settled(planted(1500, 1200, width=96), .95))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "4")
    }
    assert len(told) == 1


def test_one_embedding_ten_thousand_times_costs_no_square() -> None:
    unit = np.tile(planted(1, 0), (10_000, 1))
    assert [(row, twin) for row, twin, _ in settled(unit, 1.0)] == [
        (i, 0) for i in range(1, 10_000)
    ]


def test_faiss_is_loaded_when_it_is_needed_only() -> None:
    code = (
        "import sys, flows.cli, tasks.dedup.semantic, tasks.embeddings, tasks.select, tasks.dedup"
    )
    code += "\nprint('faiss' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_installation_without_faiss_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, ["a"], [[1.0]])
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match=r"pip install 'openmoat\[semantic\]'"):
        embeddings.check(config(tmp_path))


# ---------------------------------------------------------------------------------------------
# The files


def write(
    folder: Path,
    ids: list[Any],
    vectors: list[Any],
    *,
    kind: pa.DataType | None = None,
    name: str = "1",
) -> None:
    table = pa.table({"id": ids, "embedding": pa.array(vectors, kind or pa.list_(pa.float32()))})
    pq.write_table(table, folder / f"{name}.parquet")


def config(folder: Path, **keys: Any) -> SemanticConfig:
    return SemanticConfig(embeddings=(f"{folder}/*.parquet",), **keys)


def documents(*rows: tuple[str, str | None, int | None]) -> pl.DataFrame:
    schema = {c.DOC_ID: pl.String, c.RECORD_ID: pl.String, embeddings.SLOT: pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


TWO = documents(("d0", "a", 0), ("d1", "b", 1))


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float16()),
        pa.list_(pa.float32()),
        pa.large_list(pa.float64()),
        pa.list_(pa.float64(), 2),
    ],
)
def test_kinds_of_numbers_and_lists(tmp_path: Path, kind: pa.DataType) -> None:
    vectors = [[3.0, 4.0], [9.0, 9.0], [0.0, 2.0]]
    write(
        tmp_path,
        ["b", "nobody", "d0"],
        [np.array(v, kind.value_type.to_pandas_dtype()) for v in vectors],
        kind=kind,
    )
    found = embeddings.read(config(tmp_path), TWO)
    assert found.slots.tolist() == [0, 1]
    np.testing.assert_allclose(found.unit, [[0.0, 1.0], [0.6, 0.8]], rtol=1e-6)
    assert embeddings.needed(config(tmp_path), 100) == 2 * 4 * 100 * 2


def test_whole_numbers_for_ids_and_several_files(tmp_path: Path) -> None:
    write(tmp_path, [7], [[1.0, 0.0]])
    write(tmp_path, [8], [[0.0, 1.0]], name="2")
    found = embeddings.read(config(tmp_path), documents(("d0", "8", 0), ("d1", "7", 1)))
    assert found.unit.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_those_without_an_embedding_or_of_zeros_take_no_part(tmp_path: Path) -> None:
    every = documents(*((f"d{i}", name, i) for i, name in enumerate("abcd")))
    write(tmp_path, ["a", "b", "c"], [[0.0, 0.0], [1.0, 0.0], None])
    found = embeddings.read(config(tmp_path), every)
    assert (found.slots.tolist(), found.zeros.tolist()) == ([1], [0])


@pytest.mark.parametrize(
    ("ids", "vectors", "said"),
    [
        (["x", "y"], [[1.0], [1.0]], "no embedding of any of the 2 documents"),
        (["a", "b"], [None, None], "no embedding of any of the 2 documents"),
        (["a", "b"], [[1.0, 2.0], [1.0]], r"an embedding of 1 numbers \('b'\), wanted 2 numbers"),
        (["a", "b"], [[], []], r"an embedding of 0 numbers"),
        (["a", "b"], [[1.0], [float("nan")]], "NaN, null or infinity in the embedding of 'b'"),
        (["a", "b"], [[1.0], [None]], "NaN, null or infinity in the embedding of 'b'"),
        (["a", "a"], [[1.0], [2.0]], "two embeddings of the document 'a'"),
        (["a", "d0"], [[1.0], [2.0]], "two embeddings of the document .(a|d0)'"),
    ],
)
def test_embeddings_that_cannot_be_used(
    tmp_path: Path, ids: list[str], vectors: list[Any], said: str
) -> None:
    write(tmp_path, ids, vectors)
    with pytest.raises(SourceError, match=said):
        embeddings.read(config(tmp_path), TWO)


def test_two_embeddings_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, ["a"], [[1.0]])
    write(tmp_path, ["a"], [[1.0]], name="2")
    with pytest.raises(SourceError, match=r"2.parquet: got two embeddings of the document 'a'"):
        embeddings.read(config(tmp_path), TWO)


def test_an_id_of_several_documents_is_refused_where_it_matters(tmp_path: Path) -> None:
    write(tmp_path, ["1", "b"], [[1.0], [1.0]])
    with pytest.raises(SourceError, match=r"'1', which 2 documents have .*Write doc_id"):
        embeddings.read(config(tmp_path), documents(("d0", "1", 0), ("d1", "1", None)))
    both_go = documents(("d0", "1", None), ("d1", "1", None), ("d2", "b", 0))
    assert embeddings.read(config(tmp_path), both_go).slots.tolist() == [0]


def test_files_that_are_something_else(tmp_path: Path) -> None:
    write(tmp_path, ["a"], [[1.0]])
    for key in ("id_field", "field"):
        with pytest.raises(ConfigError, match=f"{key}: got 'other', which is no column"):
            embeddings.read(config(tmp_path, **{key: "other"}), TWO)
    write(tmp_path, ["a"], [[1]], kind=pa.list_(pa.int32()))
    with pytest.raises(SourceError, match=r"'embedding' of the type list<.*int32>"):
        embeddings.read(config(tmp_path), TWO)
    (tmp_path / "1.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="wanted Parquet with an embedding a row"):
        embeddings.read(config(tmp_path), TWO)
    with pytest.raises(ConfigError, match=r"dedup.semantic.embeddings: .*where there is no file"):
        embeddings.check(SemanticConfig(embeddings=(str(tmp_path / "nowhere"),)))
