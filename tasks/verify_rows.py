"""A sample of a mixture's rows made again from the documents: ids, labels, texts, turns, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.budgets import Condition
from schemas.finding import Finding
from schemas.mixture import CHAT_ROW, NO_LOSS
from tasks import kept_ids, storage, written
from tasks.encoding import Encoder
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from tasks.verify_frames import Frames

    Key = tuple[str, int | None]
    Row = dict[str, Any]

AGAIN: Final = 500
"""Documents that are encoded again."""
STATEMENT: Final = "mixture: its rows are what the tokenizer makes of the documents"
OF_DOCUMENT: Final = (
    c.LICENSE, c.URL, c.WEIGHT, c.SOURCE_CLASS, c.CONDITION_PREFIX, c.LOSS_WEIGHT,
)  # fmt: skip
"""What a row says of its document, beside its text."""
READ: Final = (
    c.DOC_ID, c.START, c.KIND, c.TOKENS, c.SUPERVISED, c.TOKEN_START, c.ENDS, c.TEXT, c.MESSAGES,
    c.INPUT_IDS, c.LABELS, *OF_DOCUMENT,
)  # fmt: skip


class Made(NamedTuple):
    """A document or passage, made again."""

    ids: NDArray[np.int32]
    learned: NDArray[np.bool_]
    kind: str
    text: str
    messages: list[dict[str, str]] | None
    said: Row
    """Values of :data:`OF_DOCUMENT`."""


def findings(frames: Frames) -> Iterator[Finding]:
    """Yield whether a seeded sample of documents stands in the mixture as it is encoded anew."""
    rows = frames.rows.select(c.DOC_ID, c.START, c.END).unique()
    names = rows[c.DOC_ID].unique().sort()
    order = seeded(names, seed=0, stage="verify")
    sample = names[pl.Series(np.argsort(order)[:AGAIN], dtype=pl.UInt32)]
    known = _made(rows.filter(pl.col(c.DOC_ID).is_in(sample.implode())), frames)
    end, seen, wrong = frames.layout.tokenizer.end_id, 0, list[str]()
    for shard in frames.manifests["mixture"].shards:
        for key, row in _pieces(frames.at("mixture", shard.file), set(sample)):
            seen += 1
            if key not in known or not _same(row, known[key], end):
                wrong.append(key[0])
    detail = f"{seen:,} rows or pieces of {len(sample):,} documents made again"
    if wrong:
        detail += f", {len(wrong):,} differ: {', '.join(sorted(set(wrong))[:3])}"
    yield Finding(STATEMENT, not wrong, detail)


def _made(places: pl.DataFrame, frames: Frames) -> dict[Key, Made]:
    """Encode documents anew: nothing that counting laid by is looked at."""
    config = frames.config.budget()
    where = frames.kept.select(c.DOC_ID, c.SHARD, c.ROW, c.RECIPE_SOURCE)
    found: dict[Key, Made] = {}
    with Encoder.of(config, frames.out) as encoder:
        joined = places.join(where, on=c.DOC_ID, how="inner")
        for (shard, source), own in joined.partition_by(
            [c.SHARD, c.RECIPE_SOURCE], as_dict=True
        ).items():
            read = written.rows(frames.out, str(shard), own, masking=config.masking)
            for some, documents, _ in read:
                plain = kept_ids.plain_passages(documents, some)
                encoded = encoder.encode(plain, str(source))
                ids, learned = encoded.ids, encoded.learned
                turns = plain.column(c.MESSAGES).to_pylist()
                said = _said(plain, config.conditions.get(str(source), Condition()))
                for i, key in enumerate(some.select(c.DOC_ID, c.START).iter_rows()):
                    own_part = slice(ids.offsets[i], ids.offsets[i + 1])
                    texts = encoded.texts or [""] * some.height
                    found[key] = Made(
                        ids.values[own_part],
                        learned.values[own_part],
                        encoded.kinds[i],
                        texts[i],
                        turns[i],
                        said[i],
                    )
    return found


def _said(documents: pa.Table, condition: Condition) -> list[Row]:
    """Return what rows of some documents say of these (:data:`OF_DOCUMENT`)."""
    own = {**condition.model_dump(), c.WEIGHT: 1.0}
    return [row | own for row in documents.select([c.LICENSE, c.URL]).to_pylist()]


def _pieces(at: str, sample: set[str]) -> Iterator[tuple[Key, Row]]:
    """Rows, or pieces of rows, of some documents."""
    there = [name for name in READ if name in storage.columns(at)]
    packed = c.TOKEN_START in there
    for table in storage.read_batches(at, there, rows=256):
        ids = pl.Series(table.column(c.DOC_ID))
        own = ids.list.eval(pl.element().is_in(list(sample))).list.any() if packed else ids.is_in(
            list(sample)
        )  # fmt: skip
        for row in table.filter(own.to_arrow()).to_pylist():
            for piece in _cut(row) if packed else [row]:
                if piece[c.DOC_ID] in sample:
                    yield (piece[c.DOC_ID], piece[c.START]), piece


def _cut(row: Row) -> Iterator[Row]:
    at = 0
    for number in range(len(row[c.DOC_ID])):
        said = {n: v[number] for n, v in row.items() if n not in (c.INPUT_IDS, c.LABELS)}
        size = said[c.TOKENS] + said[c.ENDS]
        yield {
            **said,
            c.INPUT_IDS: row[c.INPUT_IDS][at : at + size],
            c.LABELS: row[c.LABELS][at : at + size],
        }
        at += size


def _same(row: Row, made: Made, end: int | None) -> bool:
    first, packed = row.get(c.TOKEN_START) or 0, c.TOKEN_START in row
    part = slice(first, first + row[c.TOKENS])
    learned = made.learned[part]
    same = [row[c.KIND] == made.kind, row[c.SUPERVISED] == int(learned.sum())]
    same.append(packed or row[c.TOKENS] == len(made.ids))
    chat = made.kind == CHAT_ROW
    same += [row[name] == made.said[name] for name in OF_DOCUMENT if name in row]
    if c.INPUT_IDS in row:
        ids, labels = made.ids[part], np.where(learned, made.ids[part], NO_LOSS)
        closing = [end] * bool(row.get(c.ENDS, True))
        same += [row[c.INPUT_IDS] == [*ids.tolist(), *closing]]
        same += [row[c.LABELS] == [*labels.tolist(), *closing]]
    if c.MESSAGES in row:
        same += [row[c.MESSAGES] == (made.messages if chat else None)]
        same += [row[c.TEXT] == (None if chat else made.text)]
    elif c.TEXT in row:
        same.append(row[c.TEXT] == made.text)
    return all(same)
