"""A small mixture of ids, written to disk as the flow writes one: for what reads such folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas import columns as c
from schemas.budgets import ScheduleConfig
from schemas.manifest import Shard, StageManifest
from schemas.mixture import LAYOUT, NO_LOSS, Layout, TokenizerSaid, table_schema
from schemas.tables import conform
from tasks import storage, tokens
from tasks.hashing import add_hex, table_digest
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

CARD = """---
configs:
- config_name: default
  columns: [input_ids, attention_mask, labels]
  data_files:
  - split: train
    path: train/*.parquet
  - split: validation
    path: validation/*.parquet
---
# A mixture
"""
Row = dict[str, Any]


def tokenizer(folder: Path, *, seed: str = "a") -> Path:
    """Train a tokenizer and write it; return its file."""
    body = tokens.train([corpora.prose((seed, i)) for i in range(20)], vocab_size=400)
    at = folder / f"tokenizer-{seed}.json"
    at.write_bytes(body)
    return at


def rows(body: bytes, n: int, split: str) -> list[Row]:
    """Documents a row each, every fourth of them replay, ended by the end-of-text token."""
    model = tokens.load(body, where="tests")
    end = model.id_of(tokens.END_OF_TEXT)
    texts = [corpora.prose((split, i), 12 + i % 5) for i in range(n)]
    return [
        {
            c.INPUT_IDS: [*ids, end],
            c.ATTENTION_MASK: [1] * (len(ids) + 1),
            c.LABELS: [*ids, end] if i % 3 else [NO_LOSS] * 3 + [*ids, end][3:],
            c.TEXT: text,
            c.ORIGIN: "new" if i % 4 else "replay",
            c.EPOCH: 0,
            c.POSITION: i,
            c.KIND: "text",
            c.DOC_ID: f"{i:032x}",
            c.SOURCE: "news" if i % 4 else "books",
            c.LICENSE: "CC0-1.0",
            c.TOKENS: len(ids),
            c.SUPERVISED: len(ids),
            c.WEIGHT: 1.0,
            c.LOSS_WEIGHT: 1.0,
        }
        for i, (text, ids) in enumerate(zip(texts, tokens.ids(model, texts), strict=True))
    ]


def layout(body: bytes) -> Layout:
    """Return how the rows are laid out."""
    model = tokens.load(body, where="tests")
    said = TokenizerSaid(
        kind="tokenizers",
        digest=tokens.digest(model),
        size=model.size,
        end_of_text=tokens.END_OF_TEXT,
        end_id=model.id_of(tokens.END_OF_TEXT),
    )
    return Layout(
        format="tokens",
        row_tokens=None,
        tokenizer=said,
        seed=7,
        epochs=1,
        replay_epochs=1,
        schedule=ScheduleConfig(),
        order="hashed",
    )


def write(folder: Path, body: bytes, *, shards: int = 2, n: int = 12) -> Path:
    """Write a mixture of both splits, with its manifest and card; return its folder."""
    listed, schema = [], table_schema("tokens")
    for split in ("train", "validation"):
        some = rows(body, n, split)
        for i in range(shards):
            part = some[i * n // shards : (i + 1) * n // shards]
            name = f"{split}/{split}-{i:05d}-of-{shards:05d}.parquet"
            table = conform(pa.Table.from_pylist(part, schema), schema)
            shard = Shard(file=name, rows=table.num_rows, digest=table_digest(table))
            storage.write_table(str(folder / name), table, schema, shard=shard)
            listed.append(shard)
    manifest = StageManifest(
        stage="mixture",
        key="k",
        digest=add_hex(s.digest for s in listed),
        rows_in=2 * n,
        rows_out=2 * n,
        shards=tuple(listed),
        details={LAYOUT: layout(body).model_dump(mode="json")},
    )
    storage.write_model(str(folder / "manifest.json"), manifest)
    (folder / "README.md").write_text(CARD)
    return folder
