"""Dolma's attributes: what files beside a source's own say of its records, matched by id."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas.config import IngestConfig, Source
from schemas.errors import ConfigError, SourceError
from tasks.inputs import list_units
from tests.real_data import real_data
from tests.tasks.ingest.reading import lines, read

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("toxicity", "pii")


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines(rows)) if name.endswith(".gz") else lines(rows))


@pytest.fixture
def dolma(tmp_path: Path) -> Path:
    """Two files of three records; of one record no attributes, of one more than asked."""
    for part in ("x/0", "1"):
        ids = [f"{part}-{i}" for i in range(3)]
        write(tmp_path, f"documents/{part}.json.gz", [{"id": i, "text": f"text {i}"} for i in ids])
        rows = [{"id": i, "attributes": {"score": n / 10}} for n, i in enumerate(ids)]
        write(tmp_path, f"attributes/toxicity/{part}.json.gz", rows)
        write(tmp_path, f"attributes/pii/{part}.json.gz", [
            {"id": ids[2], "attributes": {"email": [[0, 4, 1.0]]}},
            {"id": ids[0], "attributes": {}},
            {"id": "no such record", "attributes": {"a": 1}},
        ])  # fmt: skip
    return tmp_path


def attributes(found: Any) -> dict[str, Any]:
    return {
        d["record_id"]: d["attributes"] and json.loads(d["attributes"]) for d in found.documents
    }


def test_attributes_are_merged_by_id_in_any_order(dolma: Path) -> None:
    found = attributes(read(dolma / "documents", attributes=NAMES))
    assert found["x/0-0"] == {"toxicity": {"score": 0.0}, "pii": {}}
    assert found["x/0-1"] == {"toxicity": {"score": 0.1}}
    assert found["1-2"] == {"toxicity": {"score": 0.2}, "pii": {"email": [[0, 4, 1.0]]}}
    assert set(attributes(read(dolma / "documents")).values()) == {None}


def test_records_without_an_id_have_none(dolma: Path) -> None:
    write(dolma, "documents/1.json.gz", [{"text": "without"}, {"id": 7, "text": "a number"}])
    write(dolma, "attributes/toxicity/1.json.gz", [{"id": 7, "attributes": {"score": 1}}])
    found = attributes(read(dolma / "documents" / "1.json.gz", attributes=("toxicity",)))
    assert found == {None: None, "7": {"toxicity": {"score": 1}}}


def test_a_changed_attribute_makes_another_unit(dolma: Path) -> None:
    source = Source(name="s", url=(str(dolma / "documents"),), attributes=NAMES)
    before = {u.key for u in list_units(IngestConfig(sources=(source,))).units}
    write(dolma, "attributes/pii/1.json.gz", [])
    assert {u.key for u in list_units(IngestConfig(sources=(source,))).units} != before


def test_what_is_not_there_is_named(dolma: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'test'\.attributes: got .*attributes/quality/"):
        read(dolma / "documents", attributes=("quality",))
    write(tmp_path, "plain/a.jsonl", [{"id": "1", "text": "a"}])
    with pytest.raises(ConfigError, match=r"lies in no folder documents/.*Dolma's layout"):
        read(tmp_path / "plain", attributes=("pii",))
    for name in ("", "../x", "a/b", ".hidden"):
        with pytest.raises(ValueError, match="the name of a folder in attributes/"):
            read(dolma / "documents", attributes=(name,))


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "x"}\n',
        b'{"id": "x", "attributes": 3}\n',
        b'{"attributes": {}}\n',
        b"not json\n",
        b"[1]\n",
        b"Rar!\x1a\x07\x01\x00",
        gzip.compress(lines([{"id": str(i), "attributes": {}} for i in range(99)]))[:-9],
    ],
)
def test_a_broken_file_of_attributes_stops_the_run_and_is_named(dolma: Path, body: bytes) -> None:
    (dolma / "attributes" / "pii" / "1.json.gz").write_bytes(body)
    with pytest.raises(SourceError, match=r"attributes/pii/1\.json\.gz line \d+: got") as caught:
        read(dolma / "documents", attributes=NAMES)
    assert "take its name out of the source's attributes" in str(caught.value)


def test_dolmas_own_files() -> None:
    folder = real_data() / "native/dolma/provided"
    names = ("duplicate_paragraphs", "pii", "sample", "toxicity")
    found = attributes(read(folder / "documents", attributes=names))
    assert len(found) == 10
    assert all(sorted(a) == sorted(names) for a in found.values())
    first = found["http://advocatesaz.org/tag/antibiotic-resistant-bacteria/"]
    assert first["toxicity"] == {"toxicity": 0.1}
    assert first["sample"] == {"sample__random_number_v1__random": [[0, 2610, 0.421]]}


@pytest.mark.parametrize("keys", [{"format": "hub"}, {"format": "python-reference", "url": []},
                                  {"url": "hf://a/b", "revision": "main"}])  # fmt: skip
def test_attributes_need_files_to_lie_beside(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="documents/, with attributes/<name>/ beside it"):
        Source.model_validate({"name": "web", "url": "/x", "attributes": ["pii"], **keys})


def test_a_missing_file_of_attributes_is_named_with_its_documents(dolma: Path) -> None:
    (dolma / "attributes/pii/1.json.gz").unlink()
    with pytest.raises(ConfigError, match=r"attributes/pii/1.json.gz.*beside .*documents/1"):
        read(dolma / "documents", attributes=NAMES)
