"""Small mixtures in each format, written as the flow writes them, from documents of a test."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from schemas import columns as c
from schemas.budgets import ScheduleConfig
from schemas.config import RunConfig
from schemas.manifest import Shard, StageManifest
from schemas.mixture import CHAT_ROW, LAYOUT, NO_LOSS, TEXT_ROW, Layout, TokenizerSaid, table_schema
from tasks import ledger, ragged, storage, tokens
from tasks.hashing import add_hex, seeded, table_digest
from tasks.mixture import diffusion, packing, templates
from tasks.mixture.features import with_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from schemas.budgets import RowFormat

RECIPE: dict[str, Any] = {
    "name": "small",
    "tokenizer": {"train_vocab_size": 600},
    "ingest": {"sources": [{"name": "new", "url": "in", "origin": "new"}]},
}
ROWS_IN_GROUP = 16


class Document(NamedTuple):
    """Plain text, or the turns of a conversation."""

    source: str
    content: str | list[dict[str, str]]
    is_replay: bool = False
    loss_weight: float = 1.0

    @property
    def kind(self) -> str:
        """Value of the column of this name."""
        return TEXT_ROW if isinstance(self.content, str) else CHAT_ROW

    @property
    def rendered(self) -> templates.Rendered:
        """As one text, and what is learned of it."""
        if isinstance(self.content, str):
            return templates.Rendered(self.content, [(0, len(self.content))])
        return templates.rendered(self.content, templates.format_named("chatml"))


def encoded(document: Document, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids and labels of a document, without the end-of-text token."""
    text, spans = document.rendered
    found = tokenizer.encode(text, add_special_tokens=False)
    learned = [any(a <= o < b for a, b in spans) for o, _ in found.offsets]
    return found.ids, [i if on else NO_LOSS for i, on in zip(found.ids, learned, strict=True)]


def written(
    out: Path,
    splits: Mapping[str, Sequence[Document]],
    *,
    row_format: RowFormat,
    row_tokens: int | None = None,
    tokenizer: Tokenizer | None = None,
    files: int = 2,
) -> StageManifest:
    """Write a mixture and the run's manifest into ``out``; new data and replay take turns.

    Without a ``tokenizer``, one is trained on the texts.
    """
    ledger.open_run(str(out), RunConfig.model_validate(RECIPE), version="1", goal="mixture")
    texts = [d.rendered.text for own in splits.values() for d in own]
    own = tokenizer or Tokenizer.from_buffer(tokens.train(texts, vocab_size=600))
    loaded = tokens.load(own.to_str().encode(), where="test")
    storage.write_bytes(str(out / "tokenizer" / "tokenizer.json"), own.to_str().encode())
    shards, achieved = [], {}
    for split, documents in splits.items():
        ordered = _in_order(list(documents))
        table = _table(ordered, own, row_format, row_tokens)
        shards += _shards(out / "mixture", split, table, files)
        achieved[split] = _achieved(ordered, own)
    layout = Layout(
        format=row_format,
        row_tokens=row_tokens,
        tokenizer=TokenizerSaid(
            kind="tokenizers",
            digest=loaded.digest,
            size=loaded.size,
            end_of_text=tokens.END_OF_TEXT,
            end_id=loaded.id_of(tokens.END_OF_TEXT),
            chat_template="chatml",
        ),
        seed=0,
        epochs=1,
        replay_epochs=1,
        schedule=ScheduleConfig(),
        order="hashed",
    )
    manifest = StageManifest(
        stage="mixture",
        key="k",
        digest=add_hex(shard.digest for shard in shards),
        rows_in=sum(len(d) for d in splits.values()),
        rows_out=sum(shard.rows for shard in shards),
        shards=tuple(shards),
        details={"asked": {}, "achieved": achieved, LAYOUT: layout.model_dump(mode="json")},
    )
    ledger.finish(str(out), manifest)
    return manifest


def _in_order(documents: list[Document]) -> list[Document]:
    old = [d for d in documents if d.is_replay]
    new = [d for d in documents if not d.is_replay]
    share = Fraction(len(old), max(1, len(documents)))
    turns = diffusion.is_replay(diffusion.constant(len(documents), share))
    return [(old if turn else new).pop(0) for turn in turns]


def _table(
    documents: list[Document], tokenizer: Tokenizer, row_format: RowFormat, size: int | None
) -> pa.Table:
    schema = table_schema(row_format, packed=size is not None)
    said = [_said(i, document, tokenizer) for i, document in enumerate(documents)]
    if row_format == "text":
        rows = [{**s, c.TEXT: d.rendered.text} for s, d in zip(said, documents, strict=True)]
        return pa.Table.from_pylist(rows, schema)
    ids = [encoded(document, tokenizer) for document in documents]
    end = int(tokenizer.token_to_id(tokens.END_OF_TEXT) or 0)
    if size is None:
        return pa.Table.from_pylist(
            [
                {
                    **s,
                    c.TEXT: d.content if d.kind == TEXT_ROW else None,
                    c.MESSAGES: d.content if d.kind == CHAT_ROW else None,
                    c.INPUT_IDS: [*own, end],
                    c.ATTENTION_MASK: [1] * (len(own) + 1),
                    c.LABELS: [*labels, end],
                }
                for s, d, (own, labels) in zip(said, documents, ids, strict=True)
            ],
            schema,
        )
    return pa.Table.from_pylist(_packed(documents, said, ids, size, end), schema)


def _said(position: int, document: Document, tokenizer: Tokenizer) -> dict[str, Any]:
    ids, labels = encoded(document, tokenizer)
    return {
        c.DOC_ID: f"{document.source}-{position}",
        c.SOURCE: document.source,
        c.KIND: document.kind,
        c.LICENSE: "CC0-1.0",
        c.TOKENS: len(ids),
        c.SUPERVISED: sum(label != NO_LOSS for label in labels),
        c.WEIGHT: 1.0,
        c.LOSS_WEIGHT: document.loss_weight,
        c.ORIGIN: "replay" if document.is_replay else "new",
        c.EPOCH: 0,
        c.POSITION: position,
    }


def _packed(
    documents: list[Document],
    said: list[dict[str, Any]],
    ids: list[tuple[list[int], list[int]]],
    size: int,
    end: int,
) -> list[dict[str, Any]]:
    lengths = np.array([len(own) for own, _ in ids], np.int64)
    origins = np.array([d.is_replay for d in documents])
    priority = seeded((s[c.DOC_ID] for s in said), seed=0, stage="test")
    made = packing.pack(packing.Documents(lengths, origins, priority), size)
    kind = pa.list_(pa.int32())
    lists = [ragged.lists(pa.array([pair[i] for pair in ids], kind)) for i in (0, 1)]
    rows = packing.laid_out(made, lists[0], end=end, padding=end)
    labels = packing.laid_out(made, lists[1], end=end, padding=NO_LOSS)
    attention = packing.attention(made)
    found = []
    for row in range(made.rows):
        pieces = range(made.offsets[row], made.offsets[row + 1])
        own = [(said[made.documents[p]], int(made.starts[p]), int(made.ends[p])) for p in pieces]
        lists_of = {key: [s[key] for s, _, _ in own] for key in own[0][0]}
        ends = [stop > s[c.TOKENS] for s, _, stop in own]
        pairs = zip(own, ends, strict=True)
        learned = labels[row][attention[row]] != NO_LOSS
        found.append(
            {
                **lists_of,
                c.INPUT_IDS: rows[row].tolist(),
                c.ATTENTION_MASK: attention[row].astype(int).tolist(),
                c.LABELS: labels[row].tolist(),
                c.ORIGIN: own[0][0][c.ORIGIN],
                c.EPOCH: 0,
                c.POSITION: row,
                c.TOKENS: [stop - start - on for (_, start, stop), on in pairs],
                c.SUPERVISED: [int(learned.sum()), *([0] * (len(own) - 1))],
                c.START: [None] * len(own),
                c.END: [None] * len(own),
                c.SOURCE_CLASS: [None] * len(own),
                c.CONDITION_PREFIX: [None] * len(own),
                c.TOKEN_START: [start for _, start, _ in own],
                c.ENDS: ends,
            }
        )
    return found


def _shards(folder: Path, split: str, table: pa.Table, files: int) -> list[Shard]:
    shards = []
    for number in range(files):
        first, last = (table.num_rows * n // files for n in (number, number + 1))
        part = table.slice(first, last - first)
        name = f"{split}/{split}-{number:05d}-of-{files:05d}.parquet"
        shard = Shard(file=name, rows=part.num_rows, digest=table_digest(part))
        with storage.writing(str(folder / name), with_features(table.schema)) as file:
            for start in range(0, part.num_rows, ROWS_IN_GROUP):
                file.write(part.slice(start, ROWS_IN_GROUP))
            file.finish(shard)
        shards.append(shard)
    return shards


def _achieved(documents: list[Document], tokenizer: Tokenizer) -> dict[str, Any]:
    sizes = [len(encoded(d, tokenizer)[0]) for d in documents]
    old = sum(n for n, d in zip(sizes, documents, strict=True) if d.is_replay)
    sources: dict[str, int] = {}
    for size, document in zip(sizes, documents, strict=True):
        sources[document.source] = sources.get(document.source, 0) + size
    return {
        "documents": len(documents),
        "tokens": sum(sizes),
        "replay_tokens": old,
        "new_tokens": sum(sizes) - old,
        "replay_share": old / max(1, sum(sizes)),
        "largest_document_tokens": max(sizes, default=0),
        "sources": sources,
    }
