"""The proof of a mixture: order, budgets, splits, lineage, token counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from tasks import ledger, storage, tokens
from tasks.hashing import seeded, text_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import StageManifest

RECOUNTED_ROWS = 500
TEXT_DIGEST = "found_text_hash"


def check(out: str, manifests: dict[str, StageManifest]) -> Iterator[Finding]:
    """Findings about a run's mixture, from its Parquet files and the narrow tables."""
    manifest = manifests["mixture"]
    rows = pl.concat(list(_rows(out, manifest)))
    yield from _order(rows)
    yield from _budget(rows, manifest)
    yield from _lineage(out, rows, manifests)
    yield _recount(out, rows, manifest)
    yield _nothing_else(out, manifest)


def _rows(out: str, manifest: StageManifest) -> Iterator[pl.DataFrame]:
    """The mixture without its text, which is replaced by its hash."""
    for shard in manifest.shards:
        at = storage.join(ledger.folder(out, "mixture"), shard.file)
        for table in storage.read_batches(at):
            frame = pl.DataFrame(pl.from_arrow(table))
            hashes = [text_hash(t) for t in table.column(c.TEXT).to_pylist()]
            yield frame.drop(c.TEXT).with_columns(
                pl.Series(TEXT_DIGEST, hashes, dtype=pl.String),
                pl.lit(shard.file.partition("/")[0]).alias(c.SPLIT),
                pl.lit(shard.file).alias(c.SHARD),
            )


def _order(rows: pl.DataFrame) -> Iterator[Finding]:
    placed = rows.with_columns(pl.int_range(pl.len()).over(c.SPLIT).alias("place"))
    ok = (placed["place"] == placed[c.POSITION]).all()
    yield Finding(
        "mixture: rows stand in their order, without gaps", bool(ok), f"{rows.height:,} rows"
    )
    once = rows[c.DOC_ID].n_unique() == rows.height
    yield Finding("mixture: no document stands twice or in both splits", once)


def _budget(rows: pl.DataFrame, manifest: StageManifest) -> Iterator[Finding]:
    train = rows.filter(pl.col(c.SPLIT) == "train")
    largest = max(train[c.TOKENS].to_list(), default=0)
    for origin in ("replay", "new"):
        have = int(train.filter(pl.col(c.ORIGIN) == origin)[c.TOKENS].sum())
        asked = int(manifest.details["asked"][f"{origin}_tokens"])
        detail = f"asked {asked:,}, found {have:,}, largest document {largest:,}"
        statement = f"mixture: {origin} tokens are within one document of what was asked"
        yield Finding(statement, abs(have - asked) <= largest, detail)


def _lineage(
    out: str, rows: pl.DataFrame, manifests: dict[str, StageManifest]
) -> Iterator[Finding]:
    kept = pl.concat(list(_kept(out, manifests)))
    found = rows.join(kept, on=c.DOC_ID, how="left", suffix="_decided")
    traced = (found[c.TEXT_HASH] == found[TEXT_DIGEST]).fill_null(value=False).all()
    yield Finding("mixture: every row is the text of a kept document", bool(traced))
    splits = found[c.SPLIT].replace({"validation": "valid"}) == found[f"{c.SPLIT}_decided"]
    statement = "mixture: every row is in the split its cluster was decided for"
    yield Finding(statement, bool(splits.fill_null(value=False).all()))


def _kept(out: str, manifests: dict[str, StageManifest]) -> Iterator[pl.DataFrame]:
    pairs = zip(manifests["select"].shards, manifests["signals"].shards, strict=True)
    for decisions, signals in pairs:
        left = storage.read_table(
            storage.join(ledger.folder(out, "select"), decisions.file), [c.DOC_ID, c.KEEP, c.SPLIT]
        )
        right = storage.read_table(
            storage.join(ledger.folder(out, "signals"), signals.file), [c.TEXT_HASH]
        )
        frame = pl.DataFrame(pl.from_arrow(left)).hstack(pl.DataFrame(pl.from_arrow(right)))
        yield frame.filter(c.KEEP).drop(c.KEEP)


def _recount(out: str, rows: pl.DataFrame, manifest: StageManifest) -> Finding:
    """Count a seeded sample of rows again with the run's tokenizer."""
    at = storage.join(ledger.folder(out, "tokenizer"), "tokenizer.json")
    tokenizer = tokens.load(storage.read_bytes(at), where=at)
    order = pl.Series("order", seeded(rows[c.DOC_ID], seed=0, stage="verify"))
    sample = set(rows.with_columns(order).sort("order").head(RECOUNTED_ROWS)[c.DOC_ID])
    wrong = counted = 0
    for shard in manifest.shards:
        path = storage.join(ledger.folder(out, "mixture"), shard.file)
        for table in storage.read_batches(path, [c.DOC_ID, c.TEXT, c.TOKENS]):
            part = pl.DataFrame(pl.from_arrow(table)).filter(pl.col(c.DOC_ID).is_in(sample))
            counts = tokens.count(tokenizer, part[c.TEXT].to_list())
            wrong += sum(a != b for a, b in zip(counts, part[c.TOKENS], strict=True))
            counted += part.height
    statement = "mixture: token counts are the tokenizer's"
    return Finding(statement, wrong == 0, f"{counted:,} rows counted again, {wrong:,} differ")


def _nothing_else(out: str, manifest: StageManifest) -> Finding:
    listed = {s.file for s in manifest.shards}
    there = {
        f"{split}/{name}"
        for split in ("train", "validation")
        for name in storage.list_names(storage.join(ledger.folder(out, "mixture"), split))
    }
    foreign = sorted(there - listed)
    statement = "mixture: its folders hold nothing else"
    return Finding(statement, not foreign, ", ".join(foreign))
