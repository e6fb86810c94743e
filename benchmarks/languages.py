"""How well the first bytes of a text tell its language, and whether both engines say the same.

``python -m benchmarks.languages`` prints three tables in Markdown. The texts are those of the
folder that ``OPENMOAT_DATA`` names. Nothing is drawn by chance: every run prints the same.
"""

from __future__ import annotations

import ast
import gzip
import html
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.measuring import ROOT
from schemas import columns as c
from schemas.config import SignalsConfig
from tasks.signals.language import UNDETERMINED, language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FIRST_BYTES = (200, 500, 1_000, 2_000, 4_000)
LEAST_BYTES = 5_000
"""Shorter texts are left out: of those the first bytes are the whole."""

SURE = 0.5
"""So likely is the label of a whole text in a language that the model knows; lid.176 knows a third
of the UDHR's languages, and what it calls the others is a matter of chance."""

PARAGRAPHS = 20_000
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
ORIGINS = {
    "encyclopaedia": "dolma/documents/wiki",
    "news": "dolma/documents/news",
    "abstracts": "dolma/documents/science",
    "licences": "dolma/documents/legal",
    "LaTeX": "dolma/documents/maths",
    "German laws": "german/laws",
    "German man pages": "german/manpages",
    "handbook, en and de": "languages/handbook_html_en_de.jsonl.gz",
    "UDHR": "languages/udhr.html.jsonl.gz",
    "Python code": "dolma/documents/code",
}
CODE = "Python code"
BARE = "Python code without comments and docstrings"


def data() -> Path:
    """Return where the texts lie."""
    return Path(os.environ.get("OPENMOAT_DATA") or ROOT.parent / "shared" / "data")


def texts(place: str) -> Iterator[str]:
    """Return the texts of a file or of all files in a folder; of HTML the paragraphs."""
    path = data() / place
    for file in sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["text"]
                yield _plain(text) if "html" in file.name else text


def _plain(page: str) -> str:
    body = re.sub(r"<(script|style|head|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub("<[^>]*>", "", re.sub("</(p|h[1-6]|li|div)>", "\n\n", body)))


def bare(code: str) -> str:
    """Return a module without comments and docstrings; nothing of one that is no Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def told(column: Sequence[str], **keys: object) -> list[tuple[str, float]]:
    """Return language and probability of each text."""
    config = SignalsConfig.model_validate(keys)
    frame = language(pa.chunked_array([pa.array(column, pa.large_string())]), config)
    return frame.select(c.LANG, c.LANG_PROB).rows()


def accuracy() -> Iterator[str]:
    """Yield a table: share of the texts whose first bytes have the label of the whole text."""
    yield from _head("texts")
    for name, place in ORIGINS.items():
        if not (column := [t for t in texts(place) if len(t.encode()) >= LEAST_BYTES]):
            continue
        wholes = told(column, lang_bytes=0)
        if name != CODE:
            known = [whole[1] >= SURE for whole in wholes]
            column = [text for text, sure in zip(column, known, strict=True) if sure]
            wholes = [whole for whole, sure in zip(wholes, known, strict=True) if sure]
        starts = [[label for label, _ in told(column, lang_bytes=n)] for n in FIRST_BYTES]
        rows = [_share(a == b for a, (b, _) in zip(s, wholes, strict=True)) for s in starts]
        yield f"| {name} | {len(column):,} | {' | '.join(rows)} |"


def undetermined() -> Iterator[str]:
    """Yield a table: share of all texts of some length whose first bytes are no language."""
    yield from _head("texts")
    for name, place in (*ORIGINS.items(), (BARE, ORIGINS[CODE])):
        each = texts(place) if name != BARE else map(bare, texts(place))
        column = [text for text in each if len(text.encode()) >= max(FIRST_BYTES[:3])]
        starts = [told(column, lang_bytes=n) for n in FIRST_BYTES]
        rows = [_share(label == UNDETERMINED for label, _ in start) for start in starts]
        yield f"| {name} | {len(column):,} | {' | '.join(rows)} |"


def _head(first: str) -> Iterator[str]:
    yield f"| {first} | number | {' | '.join(f'{n:,}' for n in FIRST_BYTES)} |"
    yield "|---|---:|" + "---:|" * len(FIRST_BYTES)


def _share(hits: Iterable[bool]) -> str:
    every = list(hits)
    return f"{sum(every) / len(every):.1%}" if every else "-"


def parity() -> Iterator[str]:
    """Yield a table: labels and probabilities of the kernel beside those of fasttext-predict."""
    yield "| paragraphs | number | labels that differ | largest difference of probabilities |"
    yield "|---|---:|---:|---:|"
    for name, place in ORIGINS.items():
        found = [p for text in texts(place) for p in re.split(r"\n\s*\n", text) if p.strip()]
        step = -(-len(found) // (PARAGRAPHS // len(ORIGINS)))
        some = found[::step]
        kernel, library = (
            told(some, lang_engine=engine, lang_bytes=0, lang_min_chars=1, lang_min_prose=0.0)
            for engine in ("kernel", "fasttext")
        )
        pairs = list(zip(kernel, library, strict=True))
        differ = sum(a[0] != b[0] for a, b in pairs)
        furthest = max(abs(a[1] - b[1]) for a, b in pairs)
        yield f"| {name} | {len(some):,} | {differ} | {furthest:.6f} |"


def main() -> None:
    """Print the tables."""
    for table in (accuracy(), undetermined(), parity()):
        print("\n".join(table), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
