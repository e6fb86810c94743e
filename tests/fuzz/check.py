"""Reading a case as a run does it, and what has to hold whatever the bytes are."""

from __future__ import annotations

import contextlib
import io
import re
import unicodedata
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from schemas.config import Source
from schemas.errors import SourceError
from schemas.manifest import InputFile, Part, Unit
from schemas.normalisation import NormaliseConfig
from schemas.tables import DOCUMENTS, REJECTS
from tasks import sampling, storage
from tasks.ingest import (
    arrow,
    chat,
    documents,
    formats,
    interpreter,
    jsonl,
    markup,
    parquet,
    parts,
    sniffing,
    stackexchange,
    tabular,
    warc,
    wikiextractor,
)
from tasks.ingest.items import EXCERPT_CHARS, Fields, Record, Reject
from tasks.ingest.unpack import archives, compression, encoding, members
from tasks.reading import UnitReader
from tests.fuzz import cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from tests.fuzz.cases import Case

Located = tuple[str, Record | Reject]
MOST_ITEMS: Final = 1_000_000
EVERYTHING: Final = NormaliseConfig(
    repair=True, entities=True, zero_width=True, lookalikes=True, front_matter=True
)
REPEATED: Final = ("Home", "text", "| a | b |")
NESTED: Final = {
    "text_field": "doc.text",
    "id_field": "meta.id",
    "url_field": "meta.url",
    "license_field": "meta.license",
    "source_field": "meta.set",
    "opt_out_field": "opt_out",
}
SMALLER: Final = {
    jsonl: {"MAX_LINE_BYTES": 1_024},
    chat: {"MAX_ROW_BYTES": 1_024, "CHUNK": 64},
    tabular: {"MAX_FIELD_CHARS": 1_024, "MAX_ROW_CHARS": 1_500, "MAX_COLUMNS": 9},
    wikiextractor: {"MAX_DOCUMENT_BYTES": 2_048, "CHUNK": 256, "MAX_TAG_BYTES": 512},
    warc: {"MAX_RECORD_BYTES": 2_048, "MAX_HEADER_BYTES": 1_024, "CHUNK": 64},
    stackexchange: {"MAX_ROW_BYTES": 1_024, "CHUNK": 64},
    markup: {"MAX_TEXT_BYTES": 4_096, "MAX_HTML_BYTES": 4_096, "PIECE": 256},
    compression: {"FREE": 1 << 18, "PIECE": 2_048, "STEP": 512},
    encoding: {"CHUNK": 64},
    members: {"CHUNK": 64},
    parquet: {"BATCH_ROWS": 7, "BATCH_BYTES": 512},
    arrow: {"BATCH_ROWS": 2, "PIECE": 64},
    documents: {"BATCH_ROWS": 50},
    interpreter: {"MAX_PYTHON_BYTES": 4_096},
}
"""Limits and pieces so small that inputs of a few kilobytes come to their edges."""


@contextlib.contextmanager
def smaller() -> Iterator[None]:
    """Have the readers' limits small for a while."""
    before = {
        module: {name: getattr(module, name) for name in new} for module, new in SMALLER.items()
    }
    try:
        set_limits(SMALLER)
        yield
    finally:
        set_limits(before)


def set_limits(limits: Mapping[ModuleType, Mapping[str, int]]) -> None:
    for module, values in limits.items():
        for name, value in values.items():
            assert hasattr(module, name), f"{module} has no {name} any more"
            setattr(module, name, value)


def check(case: Case, folder: Path) -> list[Record | Reject]:
    """Read it, and assert what holds for any bytes. ``folder`` is for the files it needs."""
    source = _source(case, folder)
    try:
        if case.kind.startswith("python-"):
            found, most_members = list(_of_interpreter(case)), 0
        else:
            found, most_members = _of_unit(case, source, folder)
    except SourceError as error:
        assert case.beside is not None, "only attributes may stop a run"
        assert error.where.startswith(str(folder))  # noqa: PT017
        return []
    for _, item in found:
        _check_item(item)
    _check_positions(found, most_members)
    _check_tables(found, source)
    return [item for _, item in found]


def _source(case: Case, folder: Path) -> Source:
    named = case.kind.startswith("python-")
    auto = bool(case.options & cases.AUTO) and not named
    keys: dict[str, object] = {"name": "fuzz", "format": "auto" if auto else case.kind}
    if not named:
        keys |= {"url": (str(folder / "input"),), "encoding": case.encoding}
    if case.options & cases.NESTED:
        keys |= NESTED
    if case.options & cases.NORMALISED:
        keys["normalise"] = EVERYTHING
    return Source.model_validate(keys)


def _of_interpreter(case: Case) -> Iterator[Located]:
    """Items of bytes that stand where a file of the standard library is."""
    location = f"{Path(contextlib.__file__).parent}/input.py"
    stream = io.BufferedReader(io.BytesIO(case.data))
    found = formats.read(stream, kind=case.kind, fields=Fields(), location=location)
    return ((location, item) for item in islice(found, MOST_ITEMS + 1))


def _of_unit(case: Case, source: Source, folder: Path) -> tuple[list[Located], int]:
    """Items of a unit of one file, or of its two halves; and how many members it had."""
    file = _written(folder / "input", case.data)
    beside = {} if case.beside is None else {"a": _written(folder / "beside", case.beside)}
    if case.options & cases.LOOKED_AT:
        sampling.look([file], case.kind, source)
        archives.names(io.BytesIO(case.data))
        sniffing.sniff(case.data[: sniffing.HEAD_BYTES])
        assert parts.row_groups(file, io.BytesIO(case.data), at_most=64)
    files = _halves(file) if case.options & cases.PARTS and case.kind == "jsonl" else (file,)
    unit = Unit(source=source.name, format=case.kind, files=files, beside=(beside,) * len(files))
    reader = UnitReader(unit, source, scratch=str(folder))
    found = list(islice(reader._taken(), MOST_ITEMS + 1))
    assert [f.url for f in reader.files] == [f.location for f in files]
    assert sum(f.records for f in reader.files) == len(found)
    return found, sum(f.members for f in reader.files)


def _written(path: Path, data: bytes) -> InputFile:
    path.touch()
    with path.open("r+b") as file_:  # some systems take long to empty a file by opening it
        file_.write(data)
        file_.truncate()
    (file,) = storage.list_inputs(str(path), where="fuzz")
    return file


def _halves(file: InputFile) -> tuple[InputFile, ...]:
    size = file.size or 0
    edges = ((0, size // 2), (size // 2, size))
    made = (Part(unit="bytes", start=a, end=b, offset=a, size=b - a) for a, b in edges)
    return tuple(file.model_copy(update={"part": part}) for part in made)


def _check_item(item: Record | Reject) -> None:
    assert item.position >= 1
    if isinstance(item, Reject):
        assert re.fullmatch(r"[a-z0-9_]{3,40}", item.reason), item.reason
        assert len(item.excerpt) <= EXCERPT_CHARS
        assert not any(unicodedata.category(ch) in ("Cc", "Cs") for ch in item.excerpt)
        return
    for text in (item.text, item.record_id, item.url, item.license, item.source):
        assert text is None or text.encode() is not None
    for said in (item.metadata, item.attributes):
        assert said is None or isinstance(orjson.loads(said), dict)
    for turn in item.messages or ():
        assert set(turn) == {"role", "content"}


def _check_positions(found: list[Located], most_members: int) -> None:
    """Positions grow, but where the next of an archive's members of one name begins anew."""
    assert len(found) <= MOST_ITEMS, "no end of items"
    anew = 0
    for _, items in groupby(sorted(found, key=lambda f: f[0]), key=lambda f: f[0]):
        places = [item.position for _, item in items]
        anew += sum(b <= a for a, b in pairwise(places))
    assert anew <= most_members, [item.position for _, item in found]


def _check_tables(found: list[Located], source: Source) -> None:
    """All items arrive in the tables; a text that was normalised stays as it is."""
    rows = 0
    for records, rejects in documents.batches(iter(found)):
        table = documents.to_documents(records, source=source, repeated=frozenset(REPEATED))
        bad = documents.to_rejects(rejects)
        assert table.schema == DOCUMENTS
        assert bad.schema == REJECTS
        table.validate(full=True)
        bad.validate(full=True)
        rows += table.num_rows + bad.num_rows
    assert rows == len(found)
