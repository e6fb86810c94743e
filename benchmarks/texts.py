"""Input for benches: real text in Dolma's layout, the same on every run.

``python -m benchmarks.texts FOLDER MB FORMAT …`` writes ``FOLDER/input.FORMAT`` with so much text,
and a small ``FOLDER/small.FORMAT``; it prints what they hold as one JSON line.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import sys
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from isal import igzip

from benchmarks.measuring import MB, ROOT
from schemas.config import PYTHON_FORMATS, IngestConfig, Source
from tasks import inputs, reading, storage
from tasks.hashing import seeded
from tasks.ingest.items import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PIECE_CHARS = 2_480
"""Longer texts are cut: about 2.5 kB is what a document of Dolma or FineWeb has in the median."""
SMALL = 64
ROWS = 1_000
"""Rows of a row group, as the Hub's files have them."""
SEED = 0
IGZIP: Any = igzip  # its functions have no types


def pool() -> tuple[str, list[str]]:
    """Where the texts come from, and the texts, cut and shuffled by seed."""
    folder = Path(os.environ.get("OPENMOAT_DATA") or ROOT.parent / "shared" / "data")
    dolma = folder / "dolma" / "documents"
    if dolma.is_dir():
        origin, sources = "OPENMOAT_DATA", [Source(name="dolma", url=(str(dolma),))]
    else:
        origin = "this Python's documentation and source"
        sources = [
            Source(name=kind, format=kind)
            for kind in PYTHON_FORMATS
            if kind != "python-docstrings"  # all packages are parsed for them: a minute
        ]
    texts = [piece for source in sources for text in texts_of(source) for piece in _cut(text)]
    order = np.argsort(seeded(map(str, range(len(texts))), seed=SEED, stage="bench"))
    return origin, [texts[i] for i in order]


def texts_of(source: Source) -> Iterator[str]:
    """Texts as they are stored, so that there is something to normalise."""
    for unit in inputs.list_units(IngestConfig(sources=(source,))).units:
        for file in unit.files:
            with storage.peeked(file) as raw:
                for item in reading.items(raw, file, unit.format, source):
                    if isinstance(item, Record):
                        yield item.text


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + PIECE_CHARS] for at in range(0, len(text), PIECE_CHARS))


def records(texts: Sequence[str], n_bytes: float) -> Iterator[dict[str, Any]]:
    """Dolma's records with so many bytes of text; where the texts do not suffice, under new ids."""
    written = 0
    for number, text in enumerate(cycle(texts)):
        if written >= n_bytes:
            return
        written += len(text.encode())
        yield {
            "id": f"bench/{number}",
            "text": text,
            "source": "bench",
            "added": "2026-01-01T00:00:00.000Z",
            "created": "2020-01-01T00:00:00.000Z",
            "metadata": {"url": f"https://example.org/{number}", "license": "CC-BY-4.0"},
        }


def write(file: Path, rows: Iterable[dict[str, Any]], kind: str) -> None:
    """Write records as ``jsonl``, ``jsonl.gz``, ``jsonl.zst`` or ``parquet``, as others do it."""
    if kind == "parquet":
        _write_parquet(file, iter(rows))
        return
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(file.open("wb"))
        lines = stack.enter_context(_packed(out, kind))
        for row in rows:
            lines.write(orjson.dumps(row) + b"\n")


def _packed(out: BinaryIO, kind: str) -> BinaryIO:
    packed: Any = out
    if kind == "jsonl.gz":
        packed = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0)
    elif kind == "fast.jsonl.gz":  # gigabytes would take minutes with zlib
        packed = IGZIP.IGzipFile(fileobj=out, mode="wb", mtime=0)
    elif kind == "jsonl.zst":
        packed = zstandard.ZstdCompressor(level=3).stream_writer(out, closefd=False)
    return cast("BinaryIO", packed)


def _write_parquet(file: Path, rows: Iterator[dict[str, Any]]) -> None:
    with contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        while group := list(islice(rows, ROWS)):
            table = pa.Table.from_pylist(group)
            writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema))
            writer.write_table(table)


def main(folder: Path, mb: float, kinds: Sequence[str]) -> dict[str, Any]:
    """Write the files; return what they hold."""
    origin, texts = pool()
    every = [len(r["text"].encode()) for r in records(texts, mb * MB)]
    for kind in kinds:
        write(folder / f"small.{kind}", islice(records(texts, mb * MB), SMALL), kind)
        write(folder / f"input.{kind}", records(texts, mb * MB), kind)
    return {
        "origin": origin,
        "documents": len(every),
        "distinct_texts": min(len(every), len(texts)),
        "text_bytes": sum(every),
        "file_mb": {k: round((folder / f"input.{k}").stat().st_size / MB, 1) for k in kinds},
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])))
