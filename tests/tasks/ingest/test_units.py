from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import Sample, Source
from schemas.manifest import InputFile
from tasks.ingest.units import group, sampled, unit

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


@given(FILES, st.integers(0, 3), st.floats(0.01, 1.0))
def test_a_sample_depends_on_names_and_seed_alone(
    files: list[InputFile], seed: int, share: float
) -> None:
    sample = Sample(share=share, seed=seed)
    taken = sampled(files, sample)
    assert {f.url for f in taken} == {f.url for f in sampled(files[::-1], sample)}
    assert len(taken) >= min(1, len(files))
    more = sampled(files, Sample(share=min(1.0, share * 2), seed=seed))
    assert {f.url for f in taken} <= {f.url for f in more}
    assert sampled(files, None) == files


def test_a_sample_has_about_its_share() -> None:
    files = [InputFile(url=f"/{i}") for i in range(5_000)]
    assert 400 < len(sampled(files, Sample(share=0.1))) < 600
    assert sampled(files, Sample(share=0.1)) != sampled(files, Sample(share=0.1, seed=1))
    assert len(sampled(files, Sample(share=1.0))) == 5_000


def test_a_key_changes_with_what_the_documents_depend_on_and_nothing_else() -> None:
    files = (InputFile(url="/a.jsonl", size=3, version="1"),)
    plain = Source(name="s", url=("/a.jsonl",))

    def key(files: tuple[InputFile, ...] = files, kind: str = "jsonl", **changes: object) -> str:
        return unit(plain.model_copy(update=changes), kind, files).key  # type: ignore[arg-type]

    same = [
        key(url=("/*.jsonl",)),
        key(url_list="/list"),
        key(origin="new"),
        key(sample=Sample(share=0.5)),
    ]
    assert set(same) == {key()}
    different = [
        key(),
        key(kind="text"),
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
