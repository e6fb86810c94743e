"""Eval items, altered and put into real documents at places by seed; the same on every run.

``verbatim``: as they are. ``reflowed``: other line ends. ``recased``: in capital letters.
``split``: blank lines between every few words. ``apart``: in halves, a paragraph of the document
between them. ``changed``: 10 % of the words, one at least, replaced, deleted or joined by another.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks import texts
from benchmarks.copies import Editor
from benchmarks.measuring import ROOT
from schemas.config import Source
from tasks import eval_sets
from tasks.reading import UnitReader
from tasks.shingles import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemas.config import SignalsConfig

KINDS: Final = ("verbatim", "reflowed", "recased", "split", "apart", "changed")
PARAGRAPHS: Final = 2
PERCENT: Final = 10
LINE: Final = 7
"""Words of a line, and of a paragraph, where an item is reflowed or split."""
MORE: Final = (5, 10, 20, 40)
"""Percentages of words edited where sets are filled up."""
_BLANK: Final = re.compile(r"\n[ \t]*\n\s*")
SETS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "humaneval",
        "url": "evals/humaneval/HumanEval.jsonl.gz",
        "fields": ("prompt", "canonical_solution"),
        "id_field": "task_id",
    },
    {"name": "gsm8k", "url": "evals/gsm8k/test.jsonl", "fields": ("question", "answer")},
    {
        "name": "truthfulqa",
        "url": "evals/truthfulqa/TruthfulQA.csv",
        "fields": ("Question", "Best Answer"),
    },
)


NOTICED: Final = "humaneval, licensed"
"""A set made to be found by what it has in common with licences: nothing of it is planted."""


def licensed(root: Path, at: Path) -> dict[str, Any]:
    """Write HumanEval's prompts below the notice of the Apache licence; return them as a set."""
    body = (ROOT / "LICENSE").read_text("utf-8")
    notice = body[body.index("Licensed under the Apache License") :]
    source = Source(name="humaneval", url=(str(root / SETS[0]["url"]),), text_field="prompt")
    prompts = texts.texts_of(source)
    with at.open("w", encoding="utf-8") as out:
        for number, prompt in enumerate(prompts):
            line = {"id": f"{number}", "text": f"{notice}\n\n{prompt}"}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return {"name": NOTICED, "url": str(at), "fields": ("text",)}


class Item(NamedTuple):
    """An item: its number (as in ``evals/items-….parquet``), set, text, and how many words."""

    number: int
    eval_set: str
    text: str
    n_words: int


def items(config: SignalsConfig, scratch: Path) -> list[Item]:
    """Return the items of the sets, in the order in which a run lays them by."""
    found: list[Item] = []
    for part in eval_sets.parts(config):
        for unit in part.units:
            reader = UnitReader(unit, part.set.source(part.field), scratch=str(scratch))
            for documents, _ in reader.batches():
                for text in documents.column("text").to_pylist():
                    found.append(Item(len(found), part.set.name, text, len(words(text))))
    return found


def filled_up(some: Sequence[str], size: int) -> Iterator[str]:
    """Yield items, and then edits of them by seed, until there are so many."""
    editor = Editor(some)
    yield from some[:size]
    for number in range(size - len(some)):
        percent = MORE[number // len(some) % len(MORE)]
        yield editor.edited(some[number % len(some)], percent, number)


def has_room(host: str) -> bool:
    """Whether a document has paragraphs to plant something between."""
    return len(_BLANK.split(host)) >= PARAGRAPHS


def planted(host: str, item: str, kind: str, *, editor: Editor, number: int) -> str:
    """Return a document with an altered item between two of its paragraphs."""
    parts = _BLANK.split(host)
    at = int(np.random.default_rng((texts.SEED, number)).integers(1, len(parts)))
    first, *second = _altered(item, kind, editor, number)
    between = parts[at : at + 1] if second else []
    return "\n\n".join([*parts[:at], first, *between, *second, *parts[at + len(between) :]])


def _altered(item: str, kind: str, editor: Editor, number: int) -> list[str]:
    """Return an item altered; two pieces of it, where a paragraph of the document comes between."""
    some = item.split()
    lines = [" ".join(some[at : at + LINE]) for at in range(0, len(some), LINE)]
    half = len(some) // 2
    return {
        "verbatim": [item],
        "reflowed": ["\n".join(lines)],
        "recased": [item.upper()],
        "split": ["\n\n".join(lines)],
        "apart": [" ".join(some[:half]), " ".join(some[half:])],
        "changed": [editor.edited(item, PERCENT, number)],
    }[kind]
