"""Small mixtures in each format, made with the functions that make large ones.

Of texts and conversations, as a whole run (:func:`written`); or, which is quicker, of random ids,
in any number of shards (:func:`documents`, :func:`packed` and :func:`texts`, put down by
:func:`write`).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from tokenizers import Tokenizer

from schemas import columns as c
from schemas.budgets import Condition, ScheduleConfig
from schemas.config import RunConfig
from schemas.manifest import Shard, StageManifest
from schemas.mixture import (
    CHAT_ROW,
    LAYOUT,
    NO_LOSS,
    RIGHTS,
    TEXT_ROW,
    Layout,
    TokenizerSaid,
)
from schemas.tables import MESSAGE
from tasks import ledger, ragged, rights, storage, tokens
from tasks.hashing import add_hex, digest, seeded, table_digest
from tasks.mixture import SPLIT_NAMES, achieved, diffusion, packing, rows, templates
from tasks.mixture.features import with_features
from tasks.mixture.order import PIECE, pieces
from tasks.mixture.rows import Form, Found
from tasks.ragged import Lists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from schemas.budgets import RowFormat

    Row = dict[str, Any]

END, PADDING, SIZE = 0, 1, 300
"""Among random ids, that of the end of text and of padding; and how many ids there are."""
RANDOM = TokenizerSaid(
    kind="tokenizers", digest="0" * 32, size=SIZE, end_id=END, padding_id=PADDING
)
RECIPE: dict[str, Any] = {
    "name": "small",
    "tokenizer": {"train_vocab_size": 600},
    "ingest": {"sources": [{"name": "new", "url": "in", "origin": "new"}]},
}


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
        return templates.rendered(self.content, templates.FORMATS["chatml"])


def encoded(document: Document, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids and labels of a document, without the end-of-text token."""
    text, spans = document.rendered
    found = tokenizer.encode(text, add_special_tokens=False)
    learned = [any(a <= o < b for a, b in spans) for o, _ in found.offsets]
    return found.ids, [i if on else NO_LOSS for i, on in zip(found.ids, learned, strict=True)]


class Made(NamedTuple):
    """Documents of a split with their ids and labels, from which rows of any format are made."""

    documents: Sequence[Document]
    ids: Lists
    labels: Lists
    end: int
    padding: int

    def rows(self, row_format: RowFormat) -> pa.Table:
        """A document a row, in this order."""
        n = len(self.documents)
        whole = pl.DataFrame(
            {
                c.POSITION: np.arange(n),
                PIECE: np.zeros(n, np.int64),
                c.TOKEN_START: np.zeros(n, np.int64),
                c.ENDS: np.ones(n, np.bool_),
                c.TOKENS: np.diff(self.ids.offsets),
            }
        )
        return self._made(whole, np.arange(n), Form(row_format, None, self.end, self.padding))

    def packed(self, row_tokens: int) -> pa.Table:
        """Rows of one length, in which replay stands evenly."""
        lengths = np.diff(self.ids.offsets)
        is_new = np.array([not d.is_replay for d in self.documents])
        priority = seeded(self._documents()[c.DOC_ID].to_pylist(), seed=0, stage="test")
        found = packing.pack(packing.Documents(lengths, is_new, priority), row_tokens)
        placed = pieces(found, np.argsort(even(found.groups == 0)))
        order = placed.select(pl.arg_sort_by(c.POSITION, PIECE)).to_series()
        form = Form("tokens", row_tokens, self.end, self.padding)
        return self._made(placed[order], found.documents[order.to_numpy()], form)

    def _made(self, placed: pl.DataFrame, at: NDArray[np.int64], form: Form) -> pa.Table:
        """The rows of pieces, each of the document ``at`` its place, in the order of rows."""
        own, none = [self.documents[i] for i in at.tolist()], pl.lit(None, pl.Int64)
        learned = Lists(self.labels.values != NO_LOSS, self.labels.offsets)
        # Packed rows count what is learned of each piece themselves.
        supervised = [int(part.sum()) for part in np.split(learned.values, learned.offsets[1:-1])]
        chosen = placed.with_columns(
            pl.Series(c.ORIGIN, ["replay" if d.is_replay else "new" for d in own], pl.String),
            pl.Series(c.KIND, [d.kind for d in own], pl.String),
            pl.Series(c.SUPERVISED, np.array(supervised, np.int64)[at]),
            pl.lit(0, pl.Int64).alias(c.EPOCH),
            none.alias(c.START),
            none.alias(c.END),
        )
        found = Found(self._documents(), self.ids, learned)
        table = rows.pieces(chosen, at, found, Condition())
        weights = pa.chunked_array([pa.array([d.loss_weight for d in own], pa.float64())])
        where = table.schema.get_field_index(c.LOSS_WEIGHT)
        return rows.made(table.set_column(where, table.schema.field(where), weights), form)

    def _documents(self) -> pa.Table:
        own = self.documents
        turns = [None if isinstance(d.content, str) else d.content for d in own]
        return pa.table(
            {
                c.DOC_ID: [digest(d.source, number) for number, d in enumerate(own)],
                c.SOURCE: [d.source for d in own],
                c.LICENSE: ["CC0-1.0"] * len(own),
                c.TEXT: pa.array([d.rendered.text for d in own], pa.large_string()),
                c.MESSAGES: pa.array(turns, pa.list_(MESSAGE)),
            }
        )


def even(is_replay: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows by error diffusion, as a mixture has them."""
    n, replay = len(is_replay), int(is_replay.sum())
    wanted = diffusion.is_replay(diffusion.constant(n, Fraction(replay, max(1, n))))
    return diffusion.merged(wanted, np.flatnonzero(is_replay), np.flatnonzero(~is_replay))


# Of random ids.


def packed(n: int, *, row_tokens: int = 16, seed: int = 0) -> pa.Table:
    """Rows of tokens, packed from documents of all lengths; a third of these is replay."""
    lengths = np.random.default_rng(seed).integers(1, 3 * row_tokens, n)
    return _random(lengths, np.arange(n) % 3 == 0, seed).packed(row_tokens)


def documents(n: int, *, seed: int = 0) -> pa.Table:
    """Rows of tokens, each a document with its end of text; every fourth is replay."""
    lengths = np.random.default_rng(seed).integers(1, 9, n)
    return _random(lengths, np.arange(n) % 4 == 3, seed).rows("tokens")


def texts(n: int) -> pa.Table:
    """Rows of text; every fourth is replay."""
    return _random(np.full(n, 2), np.arange(n) % 4 == 3, 0).rows("text")


def _random(lengths: NDArray[np.int64], is_replay: NDArray[np.bool_], seed: int) -> Made:
    """Documents of these lengths; of every third one the first half is not learned."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    chance = np.random.default_rng([seed, 1])
    values = chance.integers(2, SIZE, int(offsets[-1])).astype(np.int32)
    labels = values.copy()
    for number in range(0, len(lengths), 3):
        labels[offsets[number] : offsets[number] + lengths[number] // 2] = NO_LOSS
    own = [
        Document("old" if old else ("new-a", "new-b")[number % 2], f"document {number}", bool(old))
        for number, old in enumerate(is_replay)
    ]
    return Made(own, Lists(values, offsets), Lists(labels, offsets), END, PADDING)


def write(
    out: Path,
    splits: Mapping[str, pa.Table],
    *,
    shards: int = 3,
    group_rows: int = 4,
    order: str = "hashed",
    tokenizer: TokenizerSaid = RANDOM,
) -> StageManifest:
    """Write the mixture of a run: shards of about as many rows as each other, and the manifest."""
    listed = [s for split, table in splits.items()
              for s in _shards(out / "mixture", split, table, shards, group_rows)]  # fmt: skip
    files, rows = [shard.file for shard in listed], sum(shard.rows for shard in listed)
    manifest = StageManifest(
        stage="mixture",
        key=digest("made for a test"),
        digest=add_hex(shard.digest for shard in listed),
        rows_in=rows,
        rows_out=rows,
        shards=tuple(listed),
        details={
            "achieved": achieved(pl.concat(_pieces(*one) for one in splits.items())),
            RIGHTS: {"licenses": rights.by_license(str(out), files), "opt_out": {}},
            LAYOUT: _layout(next(iter(splits.values())), order, tokenizer).model_dump(mode="json"),
        },
    )
    ledger.finish(str(out), manifest)
    return manifest


def _shards(folder: Path, split: str, table: pa.Table, shards: int, group_rows: int) -> list[Shard]:
    found = []
    ends = [table.num_rows * i // shards for i in range(shards + 1)]
    for i, (start, end) in enumerate(pairwise(ends)):
        own = table.slice(start, end - start)
        name = f"{split}/{split}-{i:05d}-of-{shards:05d}.parquet"
        found.append(Shard(file=name, rows=own.num_rows, digest=table_digest(own)))
        with storage.writing(str(folder / name), with_features(table.schema)) as file:
            for first in range(0, own.num_rows, group_rows):
                file.write(own.slice(first, group_rows))
            file.finish(found[-1])
    return found


def _pieces(split: str, table: pa.Table) -> pl.DataFrame:
    """A row a document or a piece of one, with the columns that are counted."""
    names = [c.DOC_ID, c.SOURCE, c.START, c.TOKENS, c.SUPERVISED]
    frame = pl.DataFrame(table.select([*names, c.ORIGIN, c.EPOCH, c.POSITION]))
    (own,) = (key for key, name in SPLIT_NAMES.items() if name == split)
    frame = frame.explode(names) if c.ENDS in table.column_names else frame
    return frame.with_columns(pl.lit(own).alias(c.SPLIT))


def _layout(table: pa.Table, order: str, tokenizer: TokenizerSaid) -> Layout:
    names = table.column_names
    other: RowFormat = "messages" if c.MESSAGES in names else "text"
    return Layout(
        format="tokens" if c.INPUT_IDS in names else other,
        row_tokens=len(table.column(c.INPUT_IDS)[0]) if c.ENDS in names else None,
        tokenizer=tokenizer,
        seed=0,
        epochs=1,
        replay_epochs=1,
        schedule=ScheduleConfig(),
        order=order,
    )


# Of texts and conversations.


def written(
    out: Path,
    splits: Mapping[str, Sequence[Document]],
    *,
    row_format: RowFormat,
    row_tokens: int | None = None,
    tokenizer: bytes | None = None,
) -> StageManifest:
    """Write a run's mixture, its tokenizer and ``run.json``; new data and replay take turns.

    A ``tokenizer.json`` that is not given is trained on the texts; without a card
    (:mod:`tasks.steps.handoff`).
    """
    ledger.open_run(str(out), RunConfig.model_validate(RECIPE), version="1", goal="mixture")
    every = [d.rendered.text for own in splits.values() for d in own]
    body = tokenizer or tokens.train(every, vocab_size=600)
    storage.write_bytes(str(out / "tokenizer" / "tokenizer.json"), body)
    loaded, own = tokens.load(body, where="test"), Tokenizer.from_buffer(body)
    end = loaded.id_of(tokens.END_OF_TEXT) or 0
    made = {split: _encoded(some, own, end) for split, some in splits.items()}
    said = TokenizerSaid(
        kind="tokenizers",
        digest=loaded.digest,
        size=loaded.size,
        end_of_text=tokens.END_OF_TEXT,
        end_id=end,
        chat_template="chatml",
    )
    tables = {
        split: one.packed(row_tokens) if row_tokens else one.rows(row_format)
        for split, one in made.items()
    }
    return write(out, tables, shards=2, group_rows=16, tokenizer=said)


def _encoded(some: Sequence[Document], tokenizer: Tokenizer, end: int) -> Made:
    ordered = [some[i] for i in even(np.array([d.is_replay for d in some]))]
    pairs = [encoded(document, tokenizer) for document in ordered]
    kind = pa.list_(pa.int32())
    ids, labels = (ragged.lists(pa.array([pair[i] for pair in pairs], kind)) for i in (0, 1))
    return Made(ordered, ids, labels, end, end)
