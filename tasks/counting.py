"""Exact token counts of kept documents on demand: only of those that a budget looks at."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.errors import SourceError
from schemas.mixture import CHAT_ROW, TEXT_ROW
from tasks import budget, counted, giants, kept, kept_ids, ledger, progress, storage
from tasks.encoding import Encoded
from tasks.tokens import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from schemas.config import BudgetConfig, MaskingConfig
    from tasks.encoding import Encoder

SHOWN: Final = 3
REFUSED: Final = pl.Schema(
    {
        c.DOC_ID: pl.String,
        c.SOURCE: pl.String,
        c.SHARD: pl.String,
        c.ROW: pl.Int64,
        c.KIND: pl.String,
        c.REASON: pl.String,
    }
)
_WHOLE = {c.SUPERVISED: pl.Int64, c.KIND: pl.String, c.START: pl.Int64, c.END: pl.Int64}


class Counting(NamedTuple):
    """How a run counts.

    ``keep_ids``: whether ids are laid by; ``most``: tokens of a plain text above which it is cut;
    ``max_refused``: share of conversations that a template may refuse.
    """

    encoder: Encoder
    out: str
    masking: MaskingConfig | None = None
    keep_ids: bool = False
    most: int | None = None
    max_refused: float = 1.0

    @classmethod
    def of(cls, config: BudgetConfig, encoder: Encoder, out: str) -> Counting:
        """As a recipe has it."""
        mixture = config.mixture
        if mixture is None:
            return cls(encoder, out, config.masking)
        return cls(
            encoder,
            out,
            config.masking,
            keep_ids=mixture.format == "tokens",
            most=mixture.max_doc_tokens,
            max_refused=mixture.max_refused_share,
        )

    def key(self, shard: str) -> str:
        """Return what counts of a shard depend on."""
        return kept.counted_by(self.out, shard, self.encoder.digest, self.masking)


def count_up_to(frame: pl.DataFrame, wanted: budget.Budget, *, by: Counting) -> pl.DataFrame:
    """Count what :func:`tasks.budget.draw` looks at for this budget, of the text as it is written.

    An extra read of those documents' text. Counts are kept in ``tokens/`` and never made twice.
    Documents that are refused are taken out; those of more than ``most`` tokens stand there as
    their passages. SourceError where a chat template refuses too many.
    """
    shards = frame[c.SHARD].unique().sort().to_list()
    missing_columns = {n: t for n, t in _WHOLE.items() if n not in frame.columns}
    frame = frame.with_columns(pl.lit(None, t).alias(n) for n, t in missing_columns.items())
    frame = _cut(frame, by)
    while (missing := budget.to_count(frame, wanted)).height:
        progress.expect("tokens", int(missing[c.N_BYTES].sum()))
        found = []
        for (shard,), rows in sorted(missing.partition_by(c.SHARD, as_dict=True).items()):
            found.append(_counted(str(shard), rows, by))
            progress.advance("tokens", documents=rows.height, n_bytes=int(rows[c.N_BYTES].sum()))
        counts = pl.concat(found)
        frame = frame.update(counts.drop(c.REASON), on=[c.SHARD, c.ROW])
        refused_rows = counts.filter(pl.col(c.REASON).is_not_null())
        frame = _cut(frame.join(refused_rows, on=[c.SHARD, c.ROW], how="anti"), by)
    _check_refused(shards, by)
    return frame


def _counted(shard: str, rows: pl.DataFrame, by: Counting) -> pl.DataFrame:
    """Count some documents of a shard, and lay their ids by where that is asked for."""
    key, source = by.key(shard), str(rows[c.RECIPE_SOURCE][0])
    found = []
    with kept_ids.laying(by.out, shard, key) if by.keep_ids else nullcontext(_dropped) as lay:
        for numbers, encoded in _encoded(shard, rows, source, by):
            counts = counted.plain(numbers, encoded.tokens.tolist()).with_columns(
                pl.Series(c.SUPERVISED, encoded.supervised),
                pl.Series(c.KIND, encoded.kinds, pl.String),
                pl.Series(c.REASON, encoded.refused, pl.String),
            )
            lay(kept_ids.batch(numbers, _of_one_piece(encoded, by.most)))
            found.append(counts)
    everything = pl.concat(found)
    counted.add(by.out, shard, key, everything)
    return everything.with_columns(pl.lit(shard).alias(c.SHARD))


def _dropped(_batch: pa.RecordBatch) -> None:
    """Lay nothing by."""


def _encoded(
    shard: str, rows: pl.DataFrame, source: str, by: Counting
) -> Iterator[tuple[list[int], Encoded]]:
    columns = [c.TEXT, *[c.MESSAGES] * by.encoder.renders]
    numbers = rows[c.ROW].to_list()
    for own, table in kept.rows_of(by.out, shard, numbers, columns=columns, masking=by.masking):
        yield own, by.encoder.encode(table, source)


def _of_one_piece(encoded: Encoded, most: int | None) -> Encoded:
    """Mark what is going to be cut as refused: its ids are of no use."""
    if most is None:
        return encoded
    too_long = (encoded.tokens > most) & (np.array(encoded.kinds) == TEXT_ROW)
    pairs = zip(encoded.refused, too_long.tolist(), strict=True)
    return encoded._replace(refused=[why or ("long" if long else None) for why, long in pairs])


def _cut(frame: pl.DataFrame, by: Counting) -> pl.DataFrame:
    """Put passages in the place of documents that have too many tokens; never of conversations."""
    if by.most is None:
        return frame
    long = (pl.col(c.TOKENS) > by.most) & (pl.col(c.KIND) == TEXT_ROW) & pl.col(c.START).is_null()
    giant = frame.filter(long.fill_null(value=False))
    if giant.is_empty():
        return frame
    parts = [
        _passages(str(shard), rows[c.ROW].to_list(), by).with_columns(pl.lit(shard).alias(c.SHARD))
        for (shard,), rows in sorted(giant.partition_by(c.SHARD, as_dict=True).items())
    ]
    own = pl.concat(parts).with_columns(pl.col(c.TOKENS).alias(c.SUPERVISED))
    places = [c.START, c.END, c.TOKENS, c.SUPERVISED, c.N_BYTES]
    found = giant.drop(places).join(own, on=[c.SHARD, c.ROW], maintain_order="left_right")
    rest = frame.filter(~long.fill_null(value=False))
    return pl.concat([rest, found.select(frame.columns)])


def _passages(shard: str, rows: list[int], by: Counting) -> pl.DataFrame:
    """Return the passages of some documents of a shard, cut now or before."""
    key, most = by.key(shard), by.most or 0
    known = counted.passages(by.out, shard, key, most)
    missing = sorted(set(rows) - set(known[c.ROW]))
    if missing:
        counted.add_passages(by.out, shard, key, most, _made(shard, missing, by))
        known = counted.passages(by.out, shard, key, most)
    return known.filter(pl.col(c.ROW).is_in(rows) & (pl.col(c.TOKENS) > 0))


def _made(shard: str, rows: list[int], by: Counting) -> pl.DataFrame:
    found = []
    key, most, tokenizer = by.key(shard), by.most or 0, by.encoder.tokenizer
    with kept_ids.laying(by.out, shard, key) if by.keep_ids else nullcontext(_dropped) as lay:
        for numbers, table in kept.rows_of(
            by.out, shard, rows, columns=[c.TEXT], masking=by.masking
        ):
            for number, text in zip(numbers, table.column(c.TEXT).to_pylist(), strict=True):
                own = giants.cut(text, tokenizer, most=most)
                spans = [(passage.start, passage.end) for passage in own]
                lay(kept_ids.batch([number] * len(own), _of_passages(own), spans))
                found += [
                    (number, p.start, p.end, len(p.ids), len(text[p.start : p.end].encode()))
                    for p in own
                ]
    return pl.DataFrame(found, schema=counted.PASSAGES.names, orient="row")


def _of_passages(own: list[giants.Passage]) -> Encoded:
    ids = joined([passage.ids for passage in own], np.int32)
    learned = ids._replace(values=np.ones(len(ids.values), np.bool_))
    return Encoded(ids, learned, [TEXT_ROW] * len(own), [None] * len(own), None)


def refused(by: Counting, shards: list[str] | None = None) -> pl.DataFrame:
    """Return kept documents that were looked at and refused, with the reason (``REFUSED``)."""
    parts = [pl.DataFrame(schema=REFUSED)]
    for shard in ledger.read(by.out, "ingest").shards:
        if shards is not None and shard.file not in shards:
            continue
        own = counted.read(by.out, shard.file, by.key(shard.file))
        own = own.filter(pl.col(c.REASON).is_not_null())
        if own.height:
            parts.append(_told(shard.file, own, by.out))
    return pl.concat(parts)


def fit(frame: pl.DataFrame, by: Counting) -> pl.DataFrame:
    """Return the rows of kept documents that are not refused, all encoded anew."""
    good = [frame.clear()]
    for (shard,), rows in sorted(frame.partition_by(c.SHARD, as_dict=True).items()):
        for numbers, encoded in _encoded(str(shard), rows, str(rows[c.RECIPE_SOURCE][0]), by):
            taken = [n for n, why in zip(numbers, encoded.refused, strict=True) if why is None]
            good.append(rows.filter(pl.col(c.ROW).is_in(taken)))
    return pl.concat(good)


def _told(shard: str, own: pl.DataFrame, out: str) -> pl.DataFrame:
    documents = storage.read_table(
        storage.join(ledger.folder(out, "ingest"), shard), [c.DOC_ID, c.SOURCE]
    )
    keep = storage.read_table(storage.join(ledger.folder(out, "select"), shard), [c.KEEP])
    frame = pl.concat([pl.DataFrame(documents), pl.DataFrame(keep)], how="horizontal")
    frame = frame.with_row_index(c.ROW).with_columns(pl.col(c.ROW).cast(pl.Int64))
    found = frame.filter(c.KEEP).join(own, on=c.ROW, maintain_order="left")
    return found.with_columns(pl.lit(shard).alias(c.SHARD)).select(REFUSED.names())


def _check_refused(shards: list[str], by: Counting) -> None:
    if not by.encoder.renders:
        return
    parts = [counted.read(by.out, shard, by.key(shard)) for shard in shards]
    chats = pl.concat([pl.DataFrame(counted.COUNTS.empty_table()), *parts])
    chats = chats.filter(pl.col(c.KIND) == CHAT_ROW)
    n_refused = chats.height - chats[c.REASON].null_count()
    if n_refused <= by.max_refused * chats.height:
        return
    found = refused(by, shards).filter(pl.col(c.KIND) == CHAT_ROW).head(SHOWN)
    first = "; ".join(
        f"{source!r} {doc_id}: {reason}"
        for source, doc_id, reason in found.select(c.SOURCE, c.DOC_ID, c.REASON).iter_rows()
    )
    raise SourceError(
        "tokenizer.chat_template",
        got=f"{n_refused:,} of {chats.height:,} conversations that it refuses ({first})",
        wanted=f"{by.max_refused:.0%} of them at most (mixture.max_refused_share)",
        way_out="Name the template of the model, mend the rows, or raise the share: they are left "
        "out then.",
    )
