"""Documents with planted near-duplicates, for the bench of deduplication; the same on every run.

``python -m benchmarks.copies FOLDER DOCUMENTS SOME FEW MANY [quick]`` writes Parquet files of
``doc_id`` and ``text``: ``documents`` (real texts and edited copies of some of them), ``some`` and
``few`` (the first of those), ``small`` and, unless MANY is 0, ``many`` (so many edits of the real
texts). ``planted.parquet`` names each copy, its original and the percentage of words edited. It
prints what the files hold as one JSON line.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import documents, texts
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENTS = (1, 2, 5, 10, 20)
PLANTED = 0.03
"""Share of all documents that are copies with one of the percentages of words edited."""
LEAST_WORDS = 20
"""Shorter documents, and those of scripts written without spaces, are not copied."""
VOCABULARY = 2_000
"""Documents whose words replace others: often those that are often used."""
FAR, CLOSE, CLOSE_EVERY = 30, 1, 10
"""Of many documents one in ten is an edit so close that others of its original are its twins."""
SCHEMA = pa.schema([("doc_id", pa.string()), ("text", pa.large_string())])
MADE = (
    f"real texts ({documents.MADE}) and, for each of {', '.join(map(str, PERCENTS))} % of the "
    f"words, edited copies of {PLANTED:.0%} as many documents: words at places by seed replaced, "
    "deleted or inserted, each original copied once at most"
)
_SPACES = re.compile(r"(\s+)")


class Editor:
    """Replaces, deletes and inserts words, at places and with words by seed."""

    def __init__(self, originals: Sequence[str]) -> None:
        self._words = " ".join(originals[:VOCABULARY]).split()

    def edited(self, text: str, percent: int, number: int) -> str:
        """Edit ``percent`` of the words of a text, one at least; another number, other edits."""
        parts = _SPACES.split(text)  # words at even places, what is between them at odd ones
        words = (len(parts) + 1) // 2
        chance = np.random.default_rng((texts.SEED, number, percent))
        places = chance.choice(words, max(1, round(words * percent / 100)), replace=False)
        kinds = chance.integers(3, size=len(places))
        others = chance.integers(len(self._words), size=len(places))
        for place, kind, other in zip(2 * places, kinds, others, strict=True):
            new = self._words[other]
            parts[place] = (new, "", f"{parts[place]} {new}")[kind]
        return "".join(parts)


def planted(pool: Sequence[str], size: int) -> tuple[pa.Table, pa.Table]:
    """Return about ``size`` documents in an order by seed, and ``doc_id, twin_id, percent``.

    There are fewer where the pool is smaller, or where edits make the same text twice.
    """
    each = int(size * PLANTED)
    originals = pool[: size - each * len(PERCENTS)]
    editor, rows = Editor(originals), {text: at for at, text in enumerate(originals)}
    long = (text for text in originals if len(text.split()) >= LEAST_WORDS)
    percents = (percent for percent in PERCENTS for _ in range(each))
    copies = []
    for number, (percent, text) in enumerate(zip(percents, long, strict=False)):
        copy = editor.edited(text, percent, number)
        if rows.setdefault(copy, len(rows)) == len(rows) - 1:
            copies.append((rows[copy], rows[text], percent))
    order = np.argsort(seeded(map(str, range(len(rows))), seed=texts.SEED, stage="bench"))
    every = list(rows)
    places = np.empty(len(rows), np.int64)
    places[order] = np.arange(len(rows))
    record = np.array(copies, np.int64).reshape(-1, 3)
    ids = [[f"bench/{place}" for place in places[record[:, column]]] for column in (0, 1)]
    named = {"doc_id": ids[0], "twin_id": ids[1], "percent": record[:, 2]}
    return _table([every[at] for at in order]), pa.table(named)


def _table(column: Sequence[str], first: int = 0) -> pa.Table:
    ids = [f"bench/{number}" for number in range(first, first + len(column))]
    return pa.table([ids, column], schema=SCHEMA)


def many(pool: Sequence[str], size: int, file: Path) -> dict[str, Any]:
    """Write so many edits of the texts of the pool, a thousand at a time."""
    editor, n_bytes = Editor(pool), 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as out:
        for first in range(0, size, texts.ROWS):
            numbers = range(first, min(first + texts.ROWS, size))
            some = [
                editor.edited(pool[n % len(pool)], FAR if n % CLOSE_EVERY else CLOSE, n)
                for n in numbers
            ]
            n_bytes += sum(len(text.encode()) for text in some)
            out.write_table(_table(some, first))
    return {"file": file.name, "documents": size, "text_bytes": n_bytes}


def _write(file: Path, rows: pa.Table) -> dict[str, Any]:
    pq.write_table(rows, file, row_group_size=texts.ROWS, compression="zstd")
    n_bytes = sum(len(text.encode()) for text in rows["text"].to_pylist())
    return {"file": file.name, "documents": len(rows), "text_bytes": n_bytes}


def main(folder: Path, sizes: Sequence[int], *, quick: bool) -> dict[str, Any]:
    """Write the files; return what they hold. ``sizes``: documents, some, few, many."""
    pool, origins = documents.pool(quick=quick)
    rows, record = planted(pool, sizes[0])
    pq.write_table(record, folder / "planted.parquet")
    parts = {"documents": len(rows), "some": sizes[1], "few": sizes[2], "small": texts.SMALL}
    about: dict[str, Any] = {"made": MADE, "origins": origins, "copies": len(record)}
    for name, size in parts.items():
        about[name] = _write(folder / f"{name}.parquet", rows[:size])
    if sizes[3]:
        about["many"] = many(pool, sizes[3], folder / "many.parquet")
    return about


if __name__ == "__main__":
    sizes_ = [int(size) for size in sys.argv[2:6]]
    print(json.dumps(main(Path(sys.argv[1]), sizes_, quick=bool(sys.argv[6:]))))
