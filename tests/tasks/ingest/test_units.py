from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import Sample, Source
from schemas.manifest import InputFile, Unit
from schemas.normalisation import NormaliseConfig
from tasks.ingest.parts import ranges
from tasks.ingest.units import Taken, group, keyed, sampled, total

FILES = st.lists(
    st.builds(
        InputFile,
        url=st.integers(0, 10**6).map("/data/part-{}.jsonl".format),
        size=st.none() | st.integers(0, 3_000),
        version=st.sampled_from(["", "1", "2"]),
    ),
    max_size=120,
    unique_by=lambda f: f.url,
)


def groups(files: list[InputFile]) -> list[tuple[InputFile, ...]]:
    return list(group(files, unit_bytes=2_000))


@given(FILES)
def test_every_file_is_in_one_group(files: list[InputFile]) -> None:
    found = groups(files)
    assert [f for g in found for f in g] == sorted(files, key=lambda f: f.url)
    assert all(found)
    for g in found:
        assert len(g) == 1 or sum(f.size or 0 for f in g) <= 2_000


@given(FILES, st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_the_files(
    files: list[InputFile], chance: object
) -> None:
    shuffled = list(files)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert groups(shuffled) == groups(files)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_one_more_file_changes_few_groups(new: int) -> None:
    files = [InputFile(url=f"/data/part-{i * 1_001}.jsonl", size=100) for i in range(1_000)]
    before = set(groups(files))
    after = set(groups([*files, InputFile(url=f"/data/part-{new}.x", size=100)]))
    assert len(after - before) <= len(before) * 0.4


def whole(file: InputFile) -> list[InputFile]:
    return [file]


def bytes_of(taken: list[Taken]) -> float:
    return sum(t.rate * (t.file.n_bytes or 0) for t in taken)


KNOWN = st.lists(
    st.builds(
        InputFile,
        url=st.integers(0, 10**6).map("/pool/data/part-{}.jsonl".format),
        size=st.integers(1, 3_000),
    ),
    min_size=1,
    max_size=80,
    unique_by=lambda f: f.url,
)


@given(KNOWN, st.integers(0, 3), st.floats(0.01, 1.0), st.randoms(use_true_random=False))
def test_a_sample_has_its_size_and_depends_on_names_and_seed_alone(
    files: list[InputFile], seed: int, share: float, chance: Any
) -> None:
    wanted = share * total(files)
    taken = sampled(files, wanted, seed=seed, parts=whole)
    assert bytes_of(taken) == pytest.approx(wanted)
    assert all(t.rate == 1.0 for t in taken[:-1]), "only the last one is taken in part"
    shuffled = list(files)
    chance.shuffle(shuffled)
    again = sampled(shuffled, wanted, seed=seed, parts=whole)
    assert sorted(again, key=repr) == sorted(taken, key=repr)
    moved = [f.model_copy(update={"url": f"/elsewhere{f.url}"}) for f in files]
    names = {t.file.url for t in sampled(moved, wanted, seed=seed, parts=whole)}
    assert names == {f"/elsewhere{t.file.url}" for t in taken}


@given(FILES)
def test_a_sample_of_everything_is_everything(files: list[InputFile]) -> None:
    taken = sampled(files, total(files), seed=1, parts=whole)
    assert [t.file for t in taken] == files
    assert all(t.rate == 1.0 for t in taken)


def test_every_file_has_the_same_chance() -> None:
    files = [InputFile(url=f"/{i}", size=100) for i in range(20)]
    counts = Counter(
        t.file.url for seed in range(2_000) for t in sampled(files, 200, seed=seed, parts=whole)
    )
    assert all(140 < counts[f.url] < 260 for f in files), "200 each in the mean"


def test_files_of_unknown_size_count_alike() -> None:
    files = [InputFile(url=f"/{i}") for i in range(5_000)]
    assert len(sampled(files, 500, seed=0, parts=whole)) == 500
    some = [*files, InputFile(url="/known", size=70)]
    assert total(some) == 70 * 5_001


def test_parts_are_taken_from_several_files() -> None:
    files = [InputFile(url=f"/{i}.jsonl", size=1_000) for i in range(50)]
    taken = sampled(files, 2_000, seed=3, parts=lambda f: ranges(f, at_most=100))
    assert len(taken) == 20
    assert len({t.file.url for t in taken}) > 3


def test_a_key_changes_with_what_the_documents_depend_on_and_nothing_else() -> None:
    files = (InputFile(url="/a.jsonl", size=3, version="1"),)
    plain = Source(name="s", url=("/a.jsonl",))

    def key(files: tuple[InputFile, ...] = files, **changes: object) -> str:
        one = Unit(source="s", format="jsonl", files=files)
        of_unit = {k: v for k, v in changes.items() if k in Unit.model_fields}
        of_source = {k: v for k, v in changes.items() if k not in of_unit}
        return keyed(one.model_copy(update=of_unit), plain.model_copy(update=of_source)).key

    same = [
        key(url=("/*.jsonl",)),
        key(url_list="/list"),
        key(origin="new"),
        key(sample=Sample(share=0.5)),
    ]
    assert set(same) == {key()}
    different = [
        key(),
        key(format="text"),
        key(rate=0.5),
        key(rate=0.25),
        key(rate=0.5, sample=Sample(share=0.5, seed=7)),
        key(repeated=("Home",)),
        key(beside=({"pii": InputFile(url="/b.jsonl")},)),
        key(encoding="latin-1"),
        key(normalise=NormaliseConfig(repair=True)),
        key(text_field="body"),
        key(id_field="key"),
        key(license="MIT"),
        key(name="t"),
        key((InputFile(url="/a.jsonl", size=4, version="1"),)),
        key((InputFile(url="/a.jsonl", size=3, version="2"),)),
        key((InputFile(url="/b.jsonl", size=3, version="1"),)),
        key(files * 2),
    ]
    assert len(set(different)) == len(different)


def test_a_fresh_signature_makes_no_other_unit() -> None:
    def key(query: str) -> str:
        files = (InputFile(url=f"https://h.example/a.jsonl.gz{query}", size=3, version="1"),)
        return keyed(Unit(source="s", format="jsonl", files=files), Source(name="s", url="x")).key

    assert key("?X-Amz-Signature=1&X-Amz-Date=2") == key("?X-Amz-Signature=3&X-Amz-Date=4")
    assert key("?part=1&sig=a") != key("?part=2&sig=a")
