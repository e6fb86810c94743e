"""A part of a source instead of all of it: its size, its fairness, and what is said of it."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import IngestConfig, RunConfig, Source
from schemas.errors import ConfigError
from schemas.manifest import InputFile, Unit
from tasks.ingest import units
from tasks.inputs import Listing, list_units
from tasks.reading import UnitReader
from tests.tasks.ingest.reading import lines, numbered


@pytest.fixture(autouse=True)
def tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is called the same in every run: what is drawn hangs on the addresses."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    return Path("here")


def write(folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(records), path, row_group_size=200)
    else:
        body = lines(records)
        path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)


def source(folder: Path, **keys: Any) -> Source:
    return Source.model_validate({"name": "pool", "url": str(folder), **keys})


def drawn(one: Source, listing: Listing | None = None) -> tuple[list[str], int]:
    """Ids of the documents that are taken, and how many were left out of what was read."""
    ids: list[str] = []
    left_out = read = 0
    for unit in (listing or list_units(IngestConfig(sources=(one,)))).units:
        reader = UnitReader(unit, one, scratch="")
        for documents, rejects in reader.batches():
            assert rejects.num_rows == 0
            ids += documents.column("record_id").to_pylist()
        left_out += reader.left_out
        read += sum(f.records for f in reader.files)
    assert read == len(ids) + left_out
    return ids, left_out


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("wish", "about"), [({"share": 0.1}, 200), ({"documents": 150}, 150), ({"tokens": 7_500}, 150)]
)
def test_a_sample_is_about_as_large_as_asked(
    tmp_path: Path, name: str, wish: dict[str, float], about: int
) -> None:
    write(tmp_path, name, numbered(2_000, words=33))  # about 200 bytes of text each
    ids, left_out = drawn(source(tmp_path, sample=wish))
    assert 0.7 * about < len(ids) < 1.35 * about
    assert len(set(ids)) == len(ids)
    again, _ = drawn(source(tmp_path, sample=wish))
    assert again == ids
    other, _ = drawn(source(tmp_path, sample={**wish, "seed": 1}))
    assert other != ids
    if name == "a.jsonl.gz":
        assert left_out == 2_000 - len(ids), "what cannot be cut is read whole"
    if name == "a.parquet":
        assert left_out + len(ids) <= 400, "of ten row groups one or two are read"


def test_a_small_sample_of_many_files_reads_few_of_them(tmp_path: Path) -> None:
    for i in range(50):
        write(tmp_path, f"{i}.jsonl.gz", numbered(40))
    one = source(tmp_path, sample={"share": 0.1})
    listing = list_units(IngestConfig(sources=(one,)))
    files = [f.url for u in listing.units for f in u.files]
    assert 5 <= len(files) <= 7
    said = listing.samples["pool"]
    assert (said["files"], said["read_files"], said["asked"]) == (50, len(files), {"share": 0.1})
    assert "cut into files" in said["depends_on"]


def test_every_document_has_the_same_chance_wherever_it_stands(tmp_path: Path) -> None:
    write(tmp_path, "a.parquet", numbered(400))
    write(tmp_path, "b.jsonl", numbered(800)[400:])
    counts: Counter[str] = Counter()
    for seed in range(60):
        for name in ("a.parquet", "b.jsonl"):
            one = source(tmp_path / name, sample={"share": 0.1, "seed": seed})
            counts.update(drawn(one)[0])
    thirds = [sum(counts[str(i)] for i in range(a, a + 100)) for a in range(0, 800, 100)]
    assert all(400 < n < 800 for n in thirds), f"600 each in the mean: {thirds}"


def test_a_sample_as_large_as_the_source_is_the_source(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", numbered(100))
    for wish in ({"share": 1.0}, {"documents": 10_000}, {"tokens": 10**9}):
        listing = list_units(IngestConfig(sources=(source(tmp_path, sample=wish),)))
        assert len(drawn(source(tmp_path, sample=wish))[0]) == 100
        assert listing.samples == {}


@pytest.mark.parametrize("wish", [{}, {"share": 0.1, "tokens": 5}, {"seed": 3}])
def test_a_sample_has_one_size(tmp_path: Path, wish: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted one of share, documents and tokens"):
        source(tmp_path, sample=wish)


def test_what_tells_nothing_beforehand_is_sampled_by_share_only(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"not json\n" * 50)
    with pytest.raises(ConfigError, match=r"'pool'\.sample.*wanted share") as caught:
        list_units(IngestConfig(sources=(source(tmp_path, sample={"documents": 5}),)))
    assert "sample = { share" in str(caught.value)
    assert list_units(IngestConfig(sources=(source(tmp_path, sample={"share": 0.5}),))).units


# --- the pool of a replay ---------------------------------------------------------------------


def recipe(folder: Path, *, unit_mb: float = 0.001, **sections: Any) -> RunConfig:
    sources = [
        {"name": "web", "url": str(folder / "web")},
        {"name": "books", "url": str(folder / "books")},
        {"name": "own", "url": str(folder / "own"), "origin": "new"},
    ]
    return RunConfig.model_validate(
        {
            "name": "x",
            "ingest": {"sources": sources, "unit_mb": unit_mb},
            "tokenizer": {"train_vocab_size": 300},
            **sections,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "web", "a.parquet", numbered(10_000, words=33))  # 500,000 tokens or so
    write(tmp_path / "books", "a.jsonl", numbered(300, words=33))
    write(tmp_path / "own", "a.jsonl", numbered(1_000, words=33))
    return tmp_path


def listed(config: RunConfig) -> tuple[dict[str, int], Listing]:
    listing = list_units(config.ingest, config.pool())
    found = {
        s.name: sum(
            b[0].num_rows
            for u in listing.units
            if u.source == s.name
            for b in UnitReader(u, s, scratch="").batches()
        )
        for s in config.ingest.sources
    }
    return found, listing


def test_of_a_large_source_the_pool_is_read_and_no_more(folder: Path) -> None:
    shares = {"web": 0.5, "books": 0.5}
    replay = {"shares": shares, "target_tokens": 10_000}
    config = recipe(folder, replay=replay, select={"valid_share": 0.0})
    found, listing = listed(config)
    assert 1_400 < found["web"] < 2_700, "20 times 5,000 tokens are about 2,000 documents"
    assert (found["books"], found["own"]) == (300, 1_000)
    assert listing.samples.keys() == {"web"}
    assert listing.samples["web"]["asked"] == {"pool_tokens": 100_000}
    smaller, _ = listed(recipe(folder, replay={**replay, "pool_factor": 2.0}))
    assert smaller["web"] < found["web"] / 5


def test_of_a_small_source_a_part_costs_no_less(folder: Path) -> None:
    replay = {"shares": {"web": 1.0}, "target_tokens": 100}
    assert listed(recipe(folder, unit_mb=5.0, replay=replay))[0]["web"] == 10_000


def test_a_pool_is_reckoned_from_the_mixture_too(folder: Path) -> None:
    replay = {"shares": {"web": 1.0}}
    few = recipe(folder, replay=replay, mixture={"replay_share": 0.01, "total_tokens": 20_000},
                 select={"valid_share": 0.0})  # fmt: skip
    assert listed(few)[1].samples["web"]["asked"] == {"pool_tokens": 4_000}
    beside = recipe(folder, replay=replay, mixture={"replay_share": 0.05},
                    select={"valid_share": 0.0})  # fmt: skip
    asked = listed(beside)[1].samples["web"]["asked"]["pool_tokens"]
    assert 30_000 < asked < 80_000, "20 times 5/95 of about 50,000 tokens of new data"
    held_out = recipe(folder, replay=replay, mixture={"replay_share": 0.0})
    assert listed(held_out)[1].samples["web"]["asked"]["pool_tokens"] > 10_000


def test_nothing_is_left_out_where_all_is_asked_for(folder: Path) -> None:
    replay = {"shares": {"web": 1.0}, "target_tokens": 1_000}
    everything = recipe(folder, replay=replay, corpus={"materialize": True})
    assert listed(everything)[0]["web"] == 10_000
    assert listed(recipe(folder))[0]["web"] == 10_000, "no replay, no pool"
    unnamed = recipe(folder, replay={"shares": {"books": 1.0}, "target_tokens": 1_000})
    assert listed(unnamed)[0]["web"] == 10_000


def test_a_sample_of_its_own_goes_before_a_larger_pool(folder: Path) -> None:
    config = recipe(folder, replay={"shares": {"web": 1.0}, "target_tokens": 10_000})
    data = config.model_dump(mode="json")
    data["ingest"]["sources"][0]["sample"] = {"documents": 300}
    found, listing = listed(RunConfig.model_validate(data))
    assert 200 < found["web"] < 420
    assert listing.samples["web"]["asked"] == {"documents": 300}


# --- what neither the pool nor a sample may trip over ------------------------------------------


@pytest.mark.parametrize("wish", [{"documents": 5}, {"tokens": 5}, {"share": 0.5}])
def test_of_empty_files_a_sample_is_nothing(tmp_path: Path, wish: dict[str, float]) -> None:
    (tmp_path / "a.jsonl").touch()
    assert drawn(source(tmp_path, sample=wish)) == ([], 0)


def test_of_a_source_whose_share_is_0_no_more_is_read_than_a_unit(tmp_path: Path) -> None:
    for name, n in (("web", 4_000), ("books", 4_000), ("own", 50)):
        write(tmp_path / name, "a.parquet", numbered(n, words=33))
    one = recipe(
        tmp_path,
        unit_mb=0.01,
        replay={"shares": {"web": 1.0, "books": 0.0}},
        mixture={"replay_share": 0.1},
    )
    listing = list_units(one.ingest, one.pool())
    assert listing.samples["books"]["asked"] == {"pool_tokens": 0}
    assert sum(u.size * u.rate for u in listing.units if u.source == "books") <= 11_000


def test_a_new_signature_takes_the_same_sample_in_the_same_units() -> None:
    def units_of(signature: str) -> list[str]:
        files = [
            InputFile(url=f"https://x.example/{i}.jsonl.gz?sig={signature}{i}", size=100 + i)
            for i in range(300)
        ]
        taken = units.sampled(files, 15_000, seed=0, parts=lambda f: [f])
        one = Source.model_validate({"name": "web", "url": "https://x.example/list"})
        groups = units.group([t.file for t in taken], unit_bytes=2_000)
        return [units.keyed(Unit(source="web", format="jsonl", files=g), one).key for g in groups]

    assert len(units_of("a")) > 5
    assert units_of("a") == units_of("b")
