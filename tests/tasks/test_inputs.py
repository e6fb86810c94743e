"""From places to documents: what is listed, what is refused, what changes under the reader."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.config import IngestConfig, RunConfig, Source
from schemas.errors import ConfigError, SourceError
from tasks import preflight, storage
from tasks.inputs import list_units
from tasks.reading import UnitReader
from tests.tasks.ingest.reading import lines, numbered, read, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = lines([{"text": "one"}])
NOBODY = 65_534


def write(path: Path, body: bytes = ONE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def listed(url: Path | str) -> list[str]:
    return [f.url for f in storage.list_inputs(str(url), where="ingest.sources 'x'")]


# --- listing ---------------------------------------------------------------------------------


def test_a_folder_is_read_with_everything_below_it_but_what_is_hidden(tmp_path: Path) -> None:
    wanted = [write(tmp_path / n) for n in ("a.jsonl", "b/c.jsonl", "b/d/e.jsonl")]
    for name in (".hidden.jsonl", ".git/x.jsonl", "b/.cache/y.jsonl"):
        write(tmp_path / name)
    assert listed(tmp_path) == sorted(map(str, wanted))


def test_globs_match_files_and_folders(tmp_path: Path) -> None:
    for name in ("x/1.jsonl", "x/2.txt", "y/1.jsonl", "y/z/3.jsonl"):
        write(tmp_path / name)
    assert len(listed(tmp_path / "*" / "*.jsonl")) == 2
    assert len(listed(tmp_path / "**" / "*.jsonl")) == 3
    assert len(listed(tmp_path / "[xy]")) == 4
    assert len(listed(tmp_path / "**")) == 4


@pytest.mark.parametrize("name", ["[x].jsonl", "a*b.jsonl", "what?.jsonl", "#1.jsonl", "ä ö.jsonl"])
def test_a_name_that_looks_like_a_pattern_is_a_name_first(tmp_path: Path, name: str) -> None:
    write(tmp_path / "[in]" / name)
    write(tmp_path / "[in]" / "x.jsonl")
    assert read(tmp_path / "[in]" / name).texts == ["one"]
    assert len(read(tmp_path / "[in]").documents) == 2


def test_a_link_in_a_circle_reads_each_file_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.jsonl")
    (tmp_path / "a" / "latest").symlink_to(tmp_path / "a")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert listed(tmp_path) == [str(tmp_path / "a" / "1.jsonl")]


def test_pipes_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl")
    os.mkfifo(tmp_path / "b.jsonl")
    assert listed(tmp_path) == [str(tmp_path / "a.jsonl")]


@pytest.mark.parametrize(
    "url",
    ["nowhere", "nowhere/*.jsonl", "empty", "s3://bucket/x", "file:///etc", "x" * 5_000, "a\0"],
)
def test_where_nothing_is_the_source_and_the_place_are_named(tmp_path: Path, url: str) -> None:
    (tmp_path / "empty").mkdir()
    place = url if "://" in url else f"{tmp_path}/{url}"
    source = Source(name="wiki", url=(place,))
    recipe = RunConfig(name="r", ingest=IngestConfig(sources=(source,)))
    for look in (lambda: list_units(recipe.ingest), lambda: preflight.check(recipe)):
        with pytest.raises(ConfigError) as caught:
            look()
        assert str(caught.value).startswith(f"ingest.sources 'wiki': got {place!r}")
        assert "wanted a file, a folder with files, a glob that matches" in str(caught.value)
        assert "seen from the recipe's folder" in str(caught.value)


def test_a_link_to_nothing_and_a_name_that_is_no_text_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match=r"b\.jsonl: No such file"):
        listed(tmp_path)
    (tmp_path / "b.jsonl").unlink()
    odd = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    try:
        Path(os.fsdecode(odd)).write_bytes(ONE)
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(ConfigError, match="a name that is not UTF-8"):
        listed(tmp_path)


def test_names_that_tell_no_format(tmp_path: Path) -> None:
    write(tmp_path / "data.bin", b"\0\1\2")
    with pytest.raises(
        ConfigError,
        match=r"data\.bin', of which neither name nor content tells.*format = \"jsonl",
    ):
        read(tmp_path)
    write(tmp_path / "README.md", b"# about")
    write(tmp_path / "a.jsonl")
    source = Source(name="x", url=(str(tmp_path),))
    listing = list_units(IngestConfig(sources=(source,)))
    assert listing.formats == {"x": "jsonl"}
    assert sorted(map(os.path.basename, listing.passed_over)) == ["README.md", "data.bin"]


def test_a_place_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl")
    assert read((str(path), str(tmp_path), f"{tmp_path}/*.jsonl")).texts == ["one"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, r"urls\.txt': No such file"),
        (b"\xff\xfeh", r"urls\.txt': 'utf-8' codec"),
        (b"# nothing\n\n", "no file at all"),
        (b"gone.jsonl\n", r"/gone\.jsonl', where there is no file"),
        (b"hf://owner/name\n", "hf:// cannot be read"),
    ],
)
def test_a_list_that_lists_nothing(tmp_path: Path, body: bytes | None, said: str) -> None:
    if body is not None:
        write(tmp_path / "urls.txt", body)
    source = Source(name="x", url_list=str(tmp_path / "urls.txt"))
    with pytest.raises(ConfigError, match=f"(?s)ingest.sources 'x'.*{said}"):
        list_units(IngestConfig(sources=(source,)))


# --- what changes or resists while it is read ------------------------------------------------


def test_a_file_that_changes_between_listing_and_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl")
    source = Source(name="x", url=(str(path),))
    (unit,) = list_units(IngestConfig(sources=(source,))).units
    path.write_bytes(ONE * 2)
    with pytest.raises(SourceError) as caught:
        list(UnitReader(unit, source, scratch="").batches())
    assert f"{path}: got another file than the {len(ONE)} bytes" in str(caught.value)
    assert f"now {2 * len(ONE)} bytes" in str(caught.value)
    path.unlink()
    with pytest.raises(SourceError, match="No such file"):
        list(UnitReader(unit, source, scratch="").batches())
    path.mkdir()
    with pytest.raises(SourceError, match="Is a directory"):
        list(UnitReader(unit, source, scratch="").batches())


@pytest.mark.parametrize("change", ["append", "replace", "remove"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "a.jsonl", lines(numbered(5_000)))
    source = Source(name="x", url=(str(path),))
    (unit,) = list_units(IngestConfig(sources=(source,))).units
    batches = UnitReader(unit, source, scratch="").batches()
    next(batches)
    if change == "append":
        with path.open("ab") as file:
            file.write(ONE)
    else:
        path.unlink()
        if change == "replace":
            write(path, lines(numbered(4_000)))
    with pytest.raises(SourceError, match=str(path)):
        list(batches)


def test_a_disk_that_fails_while_it_is_read() -> None:
    path = Path("/proc/self/mem")
    if not path.is_file():
        pytest.skip("no file here fails when it is read")
    source = Source(name="x", url=(str(path),), format="jsonl")
    (unit,) = list_units(IngestConfig(sources=(source,))).units
    with pytest.raises(SourceError, match="/proc/self/mem: got Input/output error"):
        list(UnitReader(unit, source, scratch="").batches())


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; for a while, be somebody else."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_file_and_a_folder_without_permission() -> None:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o755)
        closed = write(folder / "a.jsonl")
        closed.chmod(0)
        source = Source(name="x", url=(str(folder),))
        (unit,) = list_units(IngestConfig(sources=(source,))).units
        with as_nobody(), pytest.raises(SourceError, match=r"a\.jsonl: got Permission denied"):
            list(UnitReader(unit, source, scratch="").batches())
        write(folder / "sub" / "b.jsonl")
        (folder / "sub").chmod(0)
        with as_nobody(), pytest.raises(ConfigError, match="sub: Permission denied"):
            list_units(IngestConfig(sources=(source,)))
        (folder / "sub").chmod(0o755)
    finally:
        shutil.rmtree(folder)


# --- datasets of the Hub, from a local folder ------------------------------------------------


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder as it would be cloned from the Hub: two subsets, three shards, nested fields."""
    folder = tmp_path / "dataset"
    (folder / "en").mkdir(parents=True)
    for i in range(3):
        rows = [{"doc": {"text": f"text {i} {j}", "lang": "en"}, "id": f"{i}-{j}", "image": b"\x00"}
                for j in range(4)]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows), folder / "en" / f"train-{i}.parquet")
    (folder / "de").mkdir()
    pq.write_table(pa.table({"body": ["eins", None]}), folder / "de" / "train.parquet")
    write(folder / "README.md", b"""---
configs:
- config_name: en
  data_files: en/*.parquet
- config_name: de
  data_files: de/*.parquet
---
# A dataset
""")  # fmt: skip
    return folder


def test_a_folder_laid_out_like_a_dataset(dataset: Path) -> None:
    found = read(dataset, format="hub", subset="en", text_field="doc.text")
    assert sorted(found.texts) == sorted(f"text {i} {j}" for i in range(3) for j in range(4))
    assert sorted(f.url for f in found.files) == [f"{dataset}#{i}-of-3" for i in range(3)]
    assert found.metadata() == {"doc": {"lang": "en"}, "image": "AA=="}
    german = read(dataset, format="hub", subset="de", text_field="body")
    assert german.texts == ["eins"]
    assert german.bad == [(2, "no_text")]


def test_a_folder_of_json_lines_without_any_words_about_it(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / f"part-{i}.jsonl", lines([{"text": f"{i}", "at": "2024-02-29"}]))
    found = read(tmp_path, format="hub")
    assert sorted(found.texts) == ["0", "1"]
    assert len(found.files) == 2


def test_a_dataset_that_changes_makes_other_units(dataset: Path) -> None:
    source = Source(name="x", url=(str(dataset),), format="hub", subset="de")
    ingest = IngestConfig(sources=(source,))
    before = list_units(ingest).units
    write(dataset / ".cache" / "x")
    assert list_units(ingest).units == before
    pq.write_table(pa.table({"body": ["zwei"]}), dataset / "de" / "train.parquet")
    assert list_units(ingest).units[0].key != before[0].key
    assert read_source(source.model_copy(update={"text_field": "body"})).texts == ["zwei"]


def test_a_broken_file_of_a_dataset_is_a_reject(dataset: Path) -> None:
    (dataset / "en" / "train-1.parquet").write_bytes(b"PAR1 and nothing more")
    found = read(dataset, format="hub", subset="en", text_field="doc.text")
    assert len(found.documents) == 8
    assert found.bad == [(1, "broken_shard")]
    assert "Parquet" in found.rejects[0]["excerpt"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "Config name is missing"),
        ({"subset": "fr"}, "'fr' not found"),
        ({"subset": "en", "split": "valid"}, "Bad split: valid"),
    ],
)
def test_a_subset_or_split_that_is_not_there(
    dataset: Path, keys: dict[str, str], said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(dataset, format="hub", **keys)
    assert said in str(caught.value)
    assert "Check the name, revision, subset and split" in str(caught.value)


def test_a_script_dataset_is_refused_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path / "dolma" / "dolma.py", b"raise SystemExit('foreign code ran')\n")
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "dolma", format="hub")
    assert "wanted a dataset without a loading script" in str(caught.value)
    assert "list the dataset's files in a url_list instead" in str(caught.value)


def test_the_hub_without_a_network(tmp_path: Path) -> None:
    code = (
        "from schemas.config import *; from schemas.errors import *; from tasks.inputs import *\n"
        "s = Source(name='x', url=('hf://owner/name',), revision='abc')\n"
        "try:\n    list_units(IngestConfig(sources=(s,)))\n"
        "except SourceError as error:\n    print(error)\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    for change in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": root, "no_proxy": "127.0.0.1"} | change,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert result.stdout.startswith("owner/name: got "), result.stderr
        assert "or download the dataset and give its folder as url" in result.stdout


def test_a_folder_is_never_read_in_the_place_of_a_dataset(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent.parent)
    name = f"{dataset.parent.name}/{dataset.name}"
    with pytest.raises(SourceError, match="which would be read instead"):
        read(f"hf://{name}", revision="abc")


def test_a_file_that_the_recipe_names_is_never_passed_over(tmp_path: Path) -> None:
    folder, essay = write(tmp_path / "laws" / "a.jsonl").parent, write(tmp_path / "essay.txt")
    source = {"name": "mine", "url": [str(folder), str(essay)]}
    config = IngestConfig.model_validate({"sources": [source]}, strict=False)
    with pytest.raises(ConfigError, match=r"essay\.txt' beside files of another format"):
        list_units(config)


def test_a_listed_address_with_a_password_is_refused(tmp_path: Path) -> None:
    urls = write(tmp_path / "urls.txt", b"https://me:secret@host.example/a.jsonl\n")
    source = {"name": "mine", "url_list": str(urls), "format": "jsonl"}
    config = IngestConfig.model_validate({"sources": [source]}, strict=False)
    with pytest.raises(ConfigError) as caught:
        list_units(config)
    assert "password" in str(caught.value)
    assert "secret" not in str(caught.value)
