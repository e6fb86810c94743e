"""Reading as a run does it: a source is listed, cut into units and read; nothing may get lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.config import IngestConfig, Source
from schemas.tables import DOCUMENTS, REJECTS
from tasks.inputs import list_units
from tasks.reading import UnitReader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from schemas.manifest import ReadFile


@dataclass
class Read:
    """What came out of a source."""

    documents: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    files: list[ReadFile]

    @property
    def texts(self) -> list[str]:
        return [d["text"] for d in self.documents]

    @property
    def bad(self) -> list[tuple[int, str]]:
        """Position and reason of each reject."""
        return [(r["position"], r["reason"]) for r in self.rejects]

    def metadata(self, row: int = 0) -> Any:
        return json.loads(self.documents[row]["metadata"])


def read(url: Path | str | tuple[str, ...], **keys: Any) -> Read:
    """Read a source and check that its records are its documents and its rejects."""
    place = url if isinstance(url, tuple) else str(url)
    source = Source.model_validate({"name": "test", "url": place, **keys})
    return read_source(source)


def read_source(source: Source) -> Read:
    found = Read([], [], [])
    units = list_units(IngestConfig(sources=(source,))).units
    for unit in sorted(units, key=lambda u: u.files[0].url):
        reader = UnitReader(unit, source, scratch="/nonexistent/openmoat-scratch")
        for documents, rejects in reader.batches():
            assert documents.schema == DOCUMENTS
            assert rejects.schema == REJECTS
            found.documents += documents.to_pylist()
            found.rejects += rejects.to_pylist()
        found.files += reader.files
    assert sum(f.records for f in found.files) == len(found.documents) + len(found.rejects)
    for reject in found.rejects:
        assert len(reject["excerpt"]) <= 200
        assert not [ch for ch in reject["excerpt"] if ord(ch) < 32]
    return found


def lines(records: Iterable[object]) -> bytes:
    """JSON lines."""
    return "".join(json.dumps(r) + "\n" for r in records).encode()


def numbered(n: int, words: int = 30) -> list[dict[str, Any]]:
    """Records that do not compress to nothing."""
    return [
        {
            "id": str(i),
            "text": " ".join(f"{(i * 7919 + j * 104729) % 99991:x}" for j in range(words)),
        }
        for i in range(n)
    ]
