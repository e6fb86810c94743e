"""Real documents of about 2.5 kB, for benches of what is measured on text; the same on every run.

``python -m benchmarks.documents FOLDER DOCUMENTS FEW MB [quick]`` writes ``rules.jsonl`` (so many
documents), ``few.jsonl`` (the first of them, for programs that are slow), ``small.jsonl`` and, in
Dolma's layout, ``pass1.jsonl.gz`` with so much text, ``floors.jsonl.gz`` with a part of it and
``small.jsonl.gz``; it prints what they hold as one JSON line.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import texts
from benchmarks.measuring import MB, ROOT
from schemas.config import PYTHON_FORMATS, Source
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.config import Format

FOLDERS = (
    *(
        f"dolma/documents/{n}"
        for n in ("wiki", "news", "science", "code", "docs", "legal", "maths")
    ),
    *("german/laws", "german/manpages", "native/wikinews", "languages"),
)
QUICK_FOLDERS = ("dolma/documents/science", "dolma/documents/news", "german/manpages")
QUICK_FORMATS: tuple[Format, ...] = ("python-readmes", "python-licenses")
PIECE_CHARS = 3_300
"""Longer texts are cut into pieces of at most so many characters, which makes a mean of 2.5 kB."""
FLOORS_MB = 60.0
LEAST_CHARS = 200
"""What is left of a text in the end, or was as short as that from the start, is left out."""
MADE = (
    f"texts of more than {PIECE_CHARS:,} characters cut at headings or blank lines or, where a "
    f"paragraph is longer, at line ends; pieces below {LEAST_CHARS} characters and exact "
    "duplicates left out; order by seed"
)
# Of Markdown, of man pages, of LaTeX.
_HEADING = r"#{1,6} |\.S[HS]\b|\\(?:chapter|(?:sub)*section)\b"
_BREAKS = re.compile(rf"\n[ \t]*\n\s*|\n(?={_HEADING})")
_LINE_ENDS = re.compile(r"\n")
_PARAGRAPH = re.compile(r"<(?:p|h\d)\b[^>]*>(.*?)</(?:p|h\d)>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def data() -> Path | None:
    """The folder of real data: ``$OPENMOAT_DATA`` or ``../shared/data``; None where it is not."""
    folder = Path(os.environ.get("OPENMOAT_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


def read(place: str) -> Iterator[str]:
    """Texts of a folder of real data, as they are stored; pages of HTML without their tags."""
    folder = data()
    if folder is None or not (folder / place).is_dir():
        return
    for text in texts.texts_of(Source(name="bench", url=(str(folder / place),))):
        yield plain(text) if place == "languages" else text


def plain(page: str) -> str:
    """Paragraphs and headings of a page of HTML, without tags."""
    return "\n\n".join(html.unescape(_TAG.sub("", found)) for found in _PARAGRAPH.findall(page))


def pieces(text: str) -> Iterator[str]:
    """A text as it is, or cut where it says that something new begins."""
    for part in _packed(text, _BREAKS):
        yield from _packed(part, _LINE_ENDS)


def _packed(text: str, breaks: re.Pattern[str]) -> Iterator[str]:
    """As much as fits, up to a break; longer only where there is no break."""
    start = last = 0
    for at in (*(found.end() for found in breaks.finditer(text)), len(text)):
        if at - start > PIECE_CHARS and last > start:
            yield text[start:last]
            start = last
        last = at
    if last > start:
        yield text[start:last]


def origins_of(*, quick: bool) -> dict[str, str]:
    """All pieces in an order by seed, and where each is from.

    Beside the folders of real data, texts of the running Python's packages, as ``openmoat demo``
    reads them. ``quick`` takes a part of both.
    """
    folders = QUICK_FOLDERS if quick else FOLDERS
    kinds: tuple[Format, ...] = QUICK_FORMATS if quick else PYTHON_FORMATS
    origins: dict[str, Iterator[str]] = {place: read(place) for place in folders}
    origins |= {kind: texts.texts_of(Source(name=kind, format=kind)) for kind in kinds}
    found: dict[str, str] = {}
    for origin, some in origins.items():
        for text in some:
            for piece in pieces(text):
                if len(piece) >= LEAST_CHARS:
                    found.setdefault(piece, origin)
    every = list(found)
    order = np.argsort(seeded(map(str, range(len(every))), seed=texts.SEED, stage="bench"))
    return {every[i]: found[every[i]] for i in order}


def pool(*, quick: bool) -> tuple[list[str], dict[str, int]]:
    """All pieces in an order by seed, and how many are of which origin."""
    found = origins_of(quick=quick)
    return list(found), dict(sorted(Counter(found.values()).items()))


def lines(file: Path, some: Iterable[str]) -> dict[str, Any]:
    """Write texts, a JSON string a line."""
    documents = n_bytes = 0
    with file.open("w", encoding="utf-8") as out:
        for text in some:
            documents += 1
            n_bytes += len(text.encode())
            out.write(json.dumps(text, ensure_ascii=False) + "\n")
    return {"file": file.name, "documents": documents, "text_bytes": n_bytes}


def main(folder: Path, documents: int, few: int, mb: float, *, quick: bool) -> dict[str, Any]:
    """Write the files; return what they hold."""
    every, origins = pool(quick=quick)
    rows = list(texts.records(every, mb * MB))
    part = list(texts.records(every, min(mb, FLOORS_MB) * MB))
    return {
        "made": MADE,
        "documents": len(every),
        "text_bytes": sum(len(t.encode()) for t in every),
        "origins": origins,
        "rules": lines(folder / "rules.jsonl", every[:documents]),
        "few": lines(folder / "few.jsonl", every[:few]),
        "small": lines(folder / "small.jsonl", every[: texts.SMALL]),
        "pass1": packed(folder / "pass1.jsonl.gz", rows, len(every)),
        "floors": packed(folder / "floors.jsonl.gz", part, len(every)),
        "small_records": packed(folder / "small.jsonl.gz", rows[: texts.SMALL], len(every)),
    }


def packed(file: Path, rows: list[dict[str, Any]], distinct: int) -> dict[str, Any]:
    """Write records as others write them."""
    texts.write(file, rows, "jsonl.gz")
    return {
        "file": file.name,
        "documents": len(rows),
        "distinct_texts": min(len(rows), distinct),
        "text_bytes": sum(len(row["text"].encode()) for row in rows),
        "file_mb": round(file.stat().st_size / MB, 1),
    }


if __name__ == "__main__":
    documents_, few_, mb_, *quick_ = sys.argv[2:]
    sizes = int(documents_), int(few_), float(mb_)
    print(json.dumps(main(Path(sys.argv[1]), *sizes, quick=bool(quick_))))
