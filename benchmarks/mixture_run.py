"""Runs for benches of making mixtures: documents are measured and decided on, nothing is encoded.

``python -m benchmarks.mixture_run FOLDER MB`` writes the runs ``FOLDER/large`` (so many megabytes
of text, repeated where there is less) and ``FOLDER/small``, and beside them a tokenizer of 32,000
tokens trained on some of the text as ``tokenizers.json`` and, with the same merges, as
``tekken.json``, which tiktoken runs. It prints what the runs hold as one JSON line.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import polars as pl

from benchmarks import texts
from benchmarks.measuring import MB
from schemas import columns as c
from tasks import tokens
from tasks.recipe import load

if TYPE_CHECKING:
    from schemas.config import RunConfig

VOCABULARY, LEARNED_FROM, SMALL_MB = 32_000, 2_000, 1.0
SPECIAL: Final = 3
ENDS: Final = {"tokenizers": tokens.END_OF_TEXT, "tekken": "</s>"}
PATTERN: Final = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""How a byte-level tokenizer of Hugging Face splits text before it merges (that of GPT-2)."""
RECIPE: Final = """\
name = "bench"
[tokenizer]
path = "{tokenizer}"
end_of_text = "{end}"
[[ingest.sources]]
name = "bench"
url = "{folder}/*.jsonl"
origin = "new"
[dedup]
exact = false
near = false
[select]
rules = []
[mixture]
replay_share = 0.0
format = "tokens"
row_tokens = 2048
guard = false
"""


def recipe(run: Path, tokenizer: str) -> RunConfig:
    """The recipe of a run, with one of the tokenizers beside it."""
    at = run / f"{tokenizer}.toml"
    beside = run.parent / f"{tokenizer}.json"
    at.write_text(
        RECIPE.format(tokenizer=beside, folder=run / "in", end=ENDS[tokenizer]), encoding="utf-8"
    )
    return load(str(at))


def write_tokenizers(folder: Path, some: list[str]) -> None:
    """Train one, and write it in both forms."""
    body = tokens.train(some, vocab_size=VOCABULARY)
    (folder / "tokenizers.json").write_bytes(body)
    model: dict[str, Any] = orjson.loads(body)["model"]
    alphabet = _bytes_of()
    known = {bytes([number]): number for number in range(256)}
    for left, right in model["merges"]:
        token = bytes(alphabet[letter] for letter in left + right)
        known.setdefault(token, len(known))
    vocabulary = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode()}
        for token, rank in known.items()
    ]
    config = {
        "pattern": PATTERN,
        "default_vocab_size": len(known) + SPECIAL,
        "default_num_special_tokens": SPECIAL,
    }
    (folder / "tekken.json").write_bytes(orjson.dumps({"config": config, "vocab": vocabulary}))


def _bytes_of() -> dict[str, int]:
    """Which byte each letter stands for: printable ones for themselves, others from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [number for number in range(256) if number not in plain]
    return {chr(n): n for n in plain} | {chr(256 + i): n for i, n in enumerate(others)}


def write_run(run: Path, some: list[str], n_bytes: float) -> dict[str, Any]:
    """Read, measure and decide; return what is kept."""
    from flows.pipeline import pipeline

    (run / "in").mkdir(parents=True)
    rows = list(texts.records(some, n_bytes))
    files = max(1, round(n_bytes / (8 * MB)))
    for number in range(files):
        texts.write(run / "in" / f"{number:03d}.jsonl", rows[number::files], "jsonl")
    pipeline(recipe(run, "tokenizers"), str(run / "out"), goal="corpus")
    kept = pl.scan_parquet(run / "out" / "decisions" / "*.parquet").filter(c.KEEP)
    n = int(kept.select(pl.len()).collect().item())
    size = sum(len(row["text"].encode()) for row in rows)
    return {"file": run.name, "documents": n, "text_bytes": size, "read": len(rows)}


def main() -> None:
    """Write both; print what they hold."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    folder, n_bytes = Path(sys.argv[1]), float(sys.argv[2]) * MB
    folder.mkdir(parents=True, exist_ok=True)
    origin, some = texts.pool()
    write_tokenizers(folder, some[:LEARNED_FROM])
    about = {
        "origin": origin,
        "documents_once": len(some),
        "small": write_run(folder / "small", some, SMALL_MB * MB),
        "large": write_run(folder / "large", some, n_bytes),
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main()
