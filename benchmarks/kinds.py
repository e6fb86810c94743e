"""Pairs of kinds of real text that a classifier is to tell apart: where they are, and how read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks import documents as bench
from schemas import columns as c
from schemas.config import IngestConfig, Source
from schemas.errors import OpenmoatError
from tasks import inputs, reading
from tasks.shingles import words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Text = tuple[str, str]
    """Which article or record it is from, and the text."""

INSTRUCT: Final = "instruct/llamafactory"
PARAGRAPH: Final = 200
"""Characters of a paragraph that counts; its first ones are the document."""
LEAD: Final = 3
"""Paragraphs of an article's lead, at most."""
LEAST_WORDS: Final = 3


class Kind(NamedTuple):
    """A kind of text: the places it is in, what of each record it is, and how long at most."""

    places: tuple[str, ...]
    part: str = c.TEXT
    chars: int | None = None


class Pair(NamedTuple):
    """The kind that is looked for, and the other one; ``strangers`` are in the pool alone.

    ``rare``: of the pool's documents of the first kind every how manieth is in it.
    """

    name: str
    positive: Kind
    negative: Kind
    strangers: tuple[Kind, ...] = ()
    rare: int = 1


def _dolma(name: str, part: str = "paragraphs", chars: int = PARAGRAPH) -> Kind:
    return Kind((f"dolma/documents/{name}",), part, chars)


def _chats(*names: str, part: str) -> Kind:
    return Kind(tuple(f"{INSTRUCT}/{name}_en_demo.json" for name in names), part)


PAIRS: Final = (
    Pair(
        "GSM8K's questions, instructions",
        Kind(("evals/gsm8k/train.jsonl",), "question"),
        _chats("alpaca", "kto", "glaive_toolcall", part="asked"),
    ),
    Pair("Wikipedia, news: 200 characters", _dolma("wiki"), _dolma("news")),
    Pair(
        "science, Wikipedia: 100 characters",
        _dolma("science", chars=100),
        _dolma("wiki", chars=100),
    ),
    Pair(
        "answers of Alpaca, of DPO",
        _chats("alpaca", part="answered"),
        _chats("dpo", part="chosen"),
    ),
    Pair(
        "science, news; the pool a tenth science, and manuals",
        _dolma("science", chars=100),
        _dolma("news", chars=100),
        (_dolma("docs", chars=100),),
        10,
    ),
    Pair(
        "leads of Wikipedia's articles, their bodies",
        _dolma("wiki", "lead"),
        _dolma("wiki", "body"),
    ),
)  # fmt: skip


def texts_of(kind: Kind) -> list[Text]:
    """Return different texts with words, and where each is from."""
    found: dict[str, str] = {}
    for place in kind.places:
        for number, whole in _parts(place, kind.part):
            text = whole[: kind.chars].strip()
            if len(words(text)) >= LEAST_WORDS:
                found.setdefault(text, f"{place} {number}")
    return [(group, text) for text, group in found.items()]


def _parts(place: str, part: str) -> Iterator[tuple[int, str]]:
    if part == "chosen":  # of two answers the better one: openmoat reads no such records
        rows = json.loads((root() / place).read_text(encoding="utf-8"))
        yield from ((number, row[part]["value"]) for number, row in enumerate(rows))
        return
    for number, (text, turns) in enumerate(_records(place, part)):
        if part in ("asked", "answered"):
            wanted = "user" if part == "asked" else "assistant"
            said = [turn["content"] or "" for turn in turns if turn["role"] == wanted]
            found = said[:1] if part == "asked" else said[-1:]
        elif part in ("paragraphs", "lead", "body"):
            found = [p for p in text.split("\n\n") if len(p) >= PARAGRAPH]
            ends = {"paragraphs": (0, None), "lead": (0, LEAD), "body": (LEAD, None)}[part]
            found = found[slice(*ends)]
        else:
            found = [text]
        yield from ((number, one) for one in found)


def _records(place: str, part: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Texts and turns, as a run of openmoat reads them."""
    folder = root()
    more: dict[str, Any] = {"format": "chat"} if place.startswith(INSTRUCT) else {}
    if part == "question":
        more = {"text_field": part}
    source = Source(name="bench", url=(str(folder / place),), **more)
    for unit in inputs.list_units(IngestConfig(sources=(source,))).units:
        for table, _ in reading.UnitReader(unit, source, scratch="").batches():
            rows = table.select([c.TEXT, c.MESSAGES]).to_pylist()
            yield from ((row[c.TEXT], row[c.MESSAGES] or []) for row in rows)


def root() -> Path:
    """Return the folder of real data. Raises :class:`OpenmoatError` where it is not."""
    found = bench.data()
    if found is None or not (found / INSTRUCT).is_dir():
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got=f"{found or 'nothing'}",
            wanted="the folder of real data",
            way_out="Set it: these figures are of real documents.",
        )
    return found
