"""The narrow frames of a run that proofs of what was written share, each read once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.masking import KINDS
from schemas.mixture import LAYOUT, Layout
from schemas.tables import REPLAY
from tasks import kept, ledger, mixed, mixture, removal, storage, written
from tasks.hashing import text_hash
from tasks.mixed import TEXT_DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from schemas.config import MixtureConfig, ReplayConfig, RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]

DRAWN = "drawn.parquet"
NARROW = (c.DOC_ID, c.SOURCE, c.SPLIT)
PLACE = (c.START, c.END)
"""Where in its document a passage stands; null of a whole document."""
HOLDS = (pl.col(c.TEXT_HASH) == pl.col(TEXT_DIGEST)).fill_null(value=False)
"""Whether a row has the text that belongs there."""


def decided(out: str, manifests: Manifests) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """For each shard, row by row: decisions; and ids, sources, sizes and text hashes.

    Sizes are without what was removed of kept documents; hashes are of texts as they were read.
    """
    names = ("select", "ingest", "signals")
    for triple in zip(*(manifests[n].shards for n in names), strict=True):
        select, ingest, signals = (
            storage.join(ledger.folder(out, n), s.file) for n, s in zip(names, triple, strict=True)
        )
        decisions = [c.DOC_ID, c.KEEP, c.DROP_REASON, c.CLUSTER_ID, c.SPLIT]
        measured = removal.subtracted(
            _frame(signals, [c.N_BYTES, c.TEXT_HASH]), triple[1].file, out
        )
        yield _frame(select, decisions), _frame(ingest, [c.DOC_ID, c.SOURCE]).hstack(measured)


def _frame(at: str, names: Sequence[str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(storage.read_table(at, names)))


def hashed(at: str, schema: pa.Schema) -> Iterator[pl.DataFrame]:
    """A file's rows with their text replaced by its hash; no rows come first, for their columns."""
    for table in (schema.empty_table(), *storage.read_batches(at)):
        hashes = [text_hash(t) for t in table.column(c.TEXT).to_pylist()]
        frame = pl.DataFrame(pl.from_arrow(table.drop_columns([c.TEXT])))
        yield frame.with_columns(pl.Series(TEXT_DIGEST, hashes, dtype=pl.String))


class Frames:
    """Frames of a run, read when the first check needs them."""

    def __init__(self, out: str, config: RunConfig, manifests: Manifests) -> None:
        self.out, self.config, self.manifests = out, config, manifests

    def at(self, stage: str, *names: str) -> str:
        """Return a place in a stage's folder."""
        return storage.join(ledger.folder(self.out, stage), *names)

    @property
    def replay(self) -> ReplayConfig:
        """The recipe's section. LookupError where there is none."""
        if self.config.replay is None:
            raise LookupError("[replay] in the recipe")
        return self.config.replay

    @property
    def mixture(self) -> MixtureConfig:
        """The recipe's section. LookupError where there is none."""
        if self.config.mixture is None:
            raise LookupError("[mixture] in the recipe")
        return self.config.mixture

    @cached_property
    def kept(self) -> pl.DataFrame:
        """Kept documents, without text, and where in ``documents/`` each stands."""
        shards = self.manifests["ingest"].shards
        both = zip(shards, decided(self.out, self.manifests), strict=True)
        parts = [
            decisions.hstack(documents.drop(c.DOC_ID))
            .with_row_index(c.ROW)
            .with_columns(
                pl.col(c.ROW).cast(pl.Int64),
                pl.lit(shard.file).alias(c.SHARD),
                pl.lit(shard.source).alias(c.RECIPE_SOURCE),
            )
            .filter(c.KEEP)
            .select(*NARROW, c.N_BYTES, c.TEXT_HASH, c.SHARD, c.ROW, c.RECIPE_SOURCE)
            for shard, (decisions, documents) in both
        ]
        return self._as_written(pl.concat(parts))

    def _as_written(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Kept documents with the hash of their text as it is written, and what masks hide."""
        masking = self.config.masking
        kinds = [] if masking is None else list(KINDS)
        columns: dict[str, Any] = {c.ROW: pl.Int64, c.TEXT_HASH: pl.String}
        columns |= dict.fromkeys(kinds, pl.Int64)
        parts = [pl.DataFrame(schema={**columns, c.SHARD: pl.String})]
        for (shard,), own in frame.partition_by(c.SHARD, as_dict=True).items():
            removed = removal.of_shard(str(shard), self.out)
            if masking is None and removed is None:
                parts.append(own.select(*columns, c.SHARD))
                continue
            rows, texts = own[c.ROW].to_list(), [c.TEXT, c.SOURCE]
            for numbers, table in kept.rows_of(self.out, str(shard), rows, columns=texts):
                found, counts = kept.masked(table, masking)
                hashes = [text_hash(t) for t in found.column(c.TEXT).to_pylist()]
                part = pl.DataFrame({c.ROW: numbers, c.TEXT_HASH: hashes})
                if kinds:
                    part = part.hstack(pl.DataFrame(counts, schema=kinds, orient="row"))
                parts.append(part.with_columns(pl.lit(str(shard)).alias(c.SHARD)))
        written = pl.concat(parts)
        return frame.drop(c.TEXT_HASH).join(written, on=[c.SHARD, c.ROW], how="left")

    @cached_property
    def drawn(self) -> pl.DataFrame:
        """What was drawn, in drawing order."""
        return _frame(self.at("replay", DRAWN))

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The mixture's rows without text, a piece each, with the split as decisions name it."""
        names = {name: split for split, name in mixture.SPLIT_NAMES.items()}
        parts = [mixed.nothing(text=True).with_columns(pl.lit("").alias(c.SPLIT))]
        for shard in self.manifests["mixture"].shards:
            split = pl.lit(names[shard.file.partition("/")[0]]).alias(c.SPLIT)
            read = mixed.pieces(self.at("mixture", shard.file), text=True)
            parts += [frame.with_columns(split) for frame in read]
        return pl.concat(parts)

    @property
    def layout(self) -> Layout:
        """What the mixture's manifest says of its shards."""
        return Layout.model_validate(self.manifests["mixture"].details[LAYOUT])

    def texts(self) -> Iterator[pl.DataFrame]:
        """Rows of replay/text, without text."""
        for name in storage.list_names(self.at("replay", "text")):
            if name.endswith(".parquet"):
                yield from hashed(self.at("replay", "text", name), REPLAY)

    @staticmethod
    def again(rows: pl.DataFrame) -> int:
        """Rows that stand at the place of another one: a passage has the rest of its document."""
        ordered = rows.sort(c.DOC_ID, c.START, nulls_last=False)
        same = pl.col(c.DOC_ID) == pl.col(c.DOC_ID).shift()
        behind = pl.col(c.START) >= pl.col(c.END).shift()
        return ordered.filter(same & ~behind.fill_null(value=False)).height

    def expected(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows beside their kept documents, with the hash of the text that belongs there."""
        found = rows.join(self.kept, on=c.DOC_ID, how="left", suffix="_decided")
        found = found.with_row_index("at")
        parts = found.filter(pl.col(c.START).is_not_null() & pl.col(c.SHARD).is_not_null())
        masks = self.config.masking
        for (name,), own in parts.partition_by(c.SHARD, as_dict=True).items():
            places = own.select("at", c.ROW, *PLACE)
            read = written.rows(self.out, str(name), places, columns=[c.TEXT], masking=masks)
            for said, table, _ in read:
                hashes = [text_hash(t) for t in table.column(c.TEXT).to_pylist()]
                found = found.update(
                    said.select("at", pl.Series(c.TEXT_HASH, hashes, pl.String)), on="at"
                )
        return found.drop("at")
