"""Small corpora made for the tests: prose that passes the rules, and dirt that does not."""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
WORDS = (
    "river",
    "harbour",
    "engine",
    "window",
    "garden",
    "letter",
    "winter",
    "market",
    "teacher",
    "bridge",
    "kitchen",
    "morning",
    "station",
    "village",
    "paper",
    "doctor",
    "mountain",
    "silver",
    "children",
    "island",
    "question",
    "summer",
    "music",
    "forest",
    "carried",
    "opened",
    "waited",
    "turned",
    "answered",
    "painted",
    "counted",
    "followed",
    "remembered",
    "listened",
    "crossed",
    "built",
    "quiet",
    "narrow",
    "early",
    "distant",
    "yellow",
    "patient",
    "broken",
    "heavy",
    "gentle",
    "sudden",
    "careful",
    "ancient",
)


def prose(seed: object, words: int = 120) -> str:
    """Return a paragraph of made-up English, the same for the same seed."""
    chance = random.Random(str(seed))
    chosen = [chance.choice(STOP_WORDS if i % 3 == 0 else WORDS) for i in range(words)]
    sentences = [" ".join(chosen[i : i + 12]).capitalize() + "." for i in range(0, words, 12)]
    return "\n".join(sentences)


def records(name: str, n: int, *, words: int = 120) -> list[dict[str, Any]]:
    """Return ``n`` records with ids of their own."""
    return [
        {"id": f"{name}-{i}", "text": prose((name, i), words + i % 7), "license": "CC0-1.0"}
        for i in range(n)
    ]


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write JSON lines, compressed when the name says so."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(body, mtime=0) if path.suffix == ".gz" else body)
    return path


def write_shards(
    folder: Path, rows: Sequence[dict[str, Any]], n: int, *, prefix: str = "part"
) -> None:
    """Deal rows out to ``n`` files."""
    for i in range(n):
        write_jsonl(folder / f"{prefix}-{i:03d}.jsonl.gz", rows[i::n])


def recipe(folder: Path, *, extra: str = "", replay_share: float = 0.25, ingest: str = "") -> Path:
    """Write a recipe over ``folder``'s ``news``, ``books`` (old) and ``laws`` (new)."""
    text = f"""
name = "test"
seed = 7

[ingest]
{ingest}

[[ingest.sources]]
name = "news"
url = "{folder}/news"

[[ingest.sources]]
name = "books"
url = "{folder}/books"

[[ingest.sources]]
name = "laws"
url = "{folder}/laws"
origin = "new"

[select]
valid_share = 0.1

[tokenizer]
train_vocab_size = 400

[replay]
shares = {{ news = 0.6, books = 0.4 }}

[mixture]
replay_share = {replay_share}
{extra}
"""
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def three_sources(folder: Path, *, shards: int = 3, n: int = 60, prefix: str = "part") -> Path:
    """Write three sources with twins across shards, and a recipe; return the recipe's path."""
    news, books = records("news", n), records("books", n)
    news.append({"id": "copy", "text": news[0]["text"]})
    almost = books[3]["text"].removesuffix(".") + " indeed."
    books.append({"id": "almost", "text": almost})
    books.append({"id": "books-5", "text": books[5]["text"] + "\nA longer ending of that text."})
    books.append({"id": "empty", "text": ""})
    write_shards(folder / "news", news, shards, prefix=prefix)
    write_shards(folder / "books", books, shards, prefix=prefix)
    write_shards(folder / "laws", records("laws", n // 2), shards, prefix=prefix)
    return recipe(folder)
