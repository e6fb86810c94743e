"""The certificate of a run's shard: compared with what drawing never saw of the target."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from tasks import certifying, overlap, storage, tokens, written
from tasks.hashing import seeded
from tasks.replay import passages
from tasks.replay.certificate import How, Texts, Tokenizer, Whole, certified
from tasks.replay.certificate.texts import LEAST_DOCUMENTS, MOST_TOKENS
from tasks.signals.language import language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.certificate import Certificate, Provenance, Shared
    from schemas.config import SignalsConfig
    from schemas.masking import MaskingConfig

SIDE: Final = 2 * MOST_TOKENS
"""Tokens of a side that are read: the reference is halved."""
POOL: Final = 4 * MOST_TOKENS
"""Tokens that sources are learnt from."""
LAID_BY: Final = pa.schema([("id", pa.string()), ("text", pa.large_string())])


class Run(NamedTuple):
    """A run whose text is read."""

    out: str
    signals: SignalsConfig
    masking: MaskingConfig | None
    seed: int


class Sides(NamedTuple):
    """Places of the shard, of a random draw of as many tokens, and of the pool, with ``tokens``.

    ``held_out``: texts of the target that drawing never saw, and what they are to the original.
    ``digest``: of the whole shard.
    """

    shard: pl.DataFrame
    random: pl.DataFrame
    pool: pl.DataFrame
    held_out: Sequence[str]
    provenance: Provenance
    digest: str


def certificate(run: Run, sides: Sides, tokenizer: tokens.Tokenizer, name: str) -> Certificate:
    """Compare a shard with the held-out part of its target; a part of it where it is large."""
    whole = Whole(
        documents=sides.shard[c.DOC_ID].n_unique(),
        characters=int(sides.shard[c.N_BYTES].sum()),
        digest=sides.digest,
    )
    how = How(
        names=("the shard", "held-out target"),
        provenance=sides.provenance,
        seed=run.seed,
        tokenizer=Tokenizer(name, partial(tokens.ids, tokenizer)),
    )
    shard, held_out = _read(run, sides.shard, SIDE), _held_out(run, sides.held_out)
    found = certified(
        shard._replace(whole=whole),
        held_out,
        random=_read(run, sides.random, SIDE),
        pool=_read(run, sides.pool, POOL, by_source=True, langs=False),
        how=how,
    )
    return found.model_copy(update={"shared": tuple(_shared(shard, held_out, how.names))})


def _shared(shard: Texts, held_out: Texts, names: tuple[str, str]) -> list[Shared]:
    """Look for passages that both have, the same or nearly: of these the shard has no merit."""
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        files = [storage.join(scratch, name) for name in ("shard.parquet", "held-out.parquet")]
        for file, side in zip(files, (shard, held_out), strict=True):
            cut = passages.cut(side.texts)
            numbers = pa.array([str(number) for number in range(cut.size)])
            with storage.writing(file, LAID_BY) as writer:
                writer.write(pa.table([numbers, cut.texts], schema=LAID_BY))
        return list(certifying.shared(files, overlap.Question(), names))


def _held_out(run: Run, texts: Sequence[str]) -> Texts:
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    return Texts(column, np.arange(len(texts)), _languages(run, column))


def _languages(run: Run, texts: pa.ChunkedArray) -> list[str] | None:
    return language(texts, run.signals)[c.LANG].to_list() if len(texts) else None


def _read(
    run: Run, places: pl.DataFrame, most: int, *, by_source: bool = False, langs: bool = True
) -> Texts:
    """Read what stands at some places: whole documents, or what was drawn of them, up to a limit.

    Documents are taken by seeded hash, of each source as many tokens where that is asked for.
    """
    some = _some(places, most, seed=run.seed, by_source=by_source)
    texts, told = [pa.array([], pa.large_string())], [some.clear()]
    for (shard,), own in sorted(some.partition_by(c.SHARD, as_dict=True).items()):
        read = written.rows(run.out, str(shard), own, columns=[c.TEXT], masking=run.masking)
        for said, table, _ in read:
            texts += table.column(c.TEXT).chunks
            told.append(said)
    column, rows = pa.chunked_array(texts, pa.large_string()), pl.concat(told)
    numbers = rows[c.DOC_ID].rank("dense").cast(pl.Int64).to_numpy() - 1
    found = _languages(run, column) if langs else None
    return Texts(column, numbers, found, rows[c.SOURCE].to_list())


def _some(places: pl.DataFrame, most: int, *, seed: int, by_source: bool) -> pl.DataFrame:
    documents = places.group_by(c.DOC_ID, c.SOURCE).agg(pl.col(c.TOKENS).sum())
    order = pl.Series("order", seeded(documents[c.DOC_ID], seed=seed, stage="certificate"))
    before = pl.col(c.TOKENS).cum_sum() - pl.col(c.TOKENS)
    ordered, limit, least = documents.with_columns(order).sort("order", c.DOC_ID), most, 0
    if by_source:
        before, limit = before.over(c.SOURCE), most // max(1, documents[c.SOURCE].n_unique())
        least = LEAST_DOCUMENTS
    place = pl.int_range(pl.len()).over(c.SOURCE)
    taken = ordered.filter((before < limit) | (place < least))
    return places.join(taken.select(c.DOC_ID), on=c.DOC_ID, how="semi", maintain_order="left")
