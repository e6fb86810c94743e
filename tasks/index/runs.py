"""What an index takes of a finished run: narrow columns of its documents, never their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from pydantic import ValidationError

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ManifestError
from schemas.manifest import SKETCH
from tasks import ledger, storage
from tasks.signals import minhash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import RunManifest, StageManifest

ROWS = 1 << 16
"""Rows whose sketches are in memory at a time."""
MEASURED = (c.DOC_ID, c.TEXT_HASH, c.MINHASH_BANDS, c.MINHASH_SKETCH)


class Run(NamedTuple):
    """A finished run: its settings, and of each shard the files of documents, signals, decisions.

    ``decisions`` is None where all documents are taken, kept or not.
    """

    folder: str
    config: SignalsConfig
    shards: list[tuple[str, str, str | None]]


class Offered(NamedTuple):
    """What a run has to offer: ``doc_id, text_hash, source, shard, row``, each id once."""

    frame: pl.DataFrame
    repeated: int
    wordless: int


def open_run(folder: str, *, every: bool) -> Run:
    """Find the files of a finished run. Raises :class:`ManifestError` for any other folder.

    That of a run whose sketches another version made, too: an index would mix them.
    """
    run = ledger.read_run(folder)
    documents, signals = (_stage(folder, run, stage) for stage in ("ingest", "signals"))
    if not every:
        _stage(folder, run, "select")
    try:
        config = SignalsConfig.model_validate(run.recipe.get("signals"), strict=False)
    except ValidationError as error:
        raise ManifestError(
            ledger.run_location(folder),
            got="a recipe whose section [signals] this openmoat does not know",
            wanted="one of its own",
            way_out="Run the recipe again with this version; what still holds is not made anew.",
        ) from error
    _check_sketches(folder, signals, config)
    pairs = zip(documents.shards, signals.shards, strict=True)
    shards = [
        (
            storage.join(ledger.folder(folder, "ingest"), left.file),
            storage.join(ledger.folder(folder, "signals"), right.file),
            None if every else storage.join(ledger.folder(folder, "select"), left.file),
        )
        for left, right in pairs
    ]
    return Run(folder, config, shards)


def _check_sketches(folder: str, signals: StageManifest, config: SignalsConfig) -> None:
    """Refuse sketches that another version made: they say nothing beside those of this one."""
    found = signals.details.get(SKETCH)
    if config.minhash and found != minhash.VERSION:
        raise ManifestError(
            folder,
            got=f"a run whose sketches are of version {found or 'unknown'}",
            wanted=f"version {minhash.VERSION}, which this openmoat makes",
            way_out="Run its recipe again with this --out: only signals are measured again.",
        )


def _stage(folder: str, run: RunManifest, stage: str) -> StageManifest:
    record = run.stages.get(stage)
    if record is None or record.key != (manifest := ledger.read(folder, stage)).key:
        by_all = ", or take all documents with --all" if stage == "select" else ""
        raise ManifestError(
            folder,
            got=f"a run whose {ledger.FOLDERS[stage]} are not finished",
            wanted="a finished run",
            way_out=f"Run its recipe again with this --out: it goes on from there{by_all}.",
        )
    return manifest


def offered(run: Run) -> Offered:
    """Return which documents a run offers, in the order of its shards.

    Texts without a word are left out: deduplication does not compare them either. Of several rows
    of one id, the one with the least text hash is taken: the same for any order.
    """
    parts = [_narrow(number, *files) for number, files in enumerate(run.shards)]
    every = pl.concat([pl.DataFrame(schema=_OFFERED), *parts])
    frame = every.filter("has_words").drop("has_words")
    once = frame.sort(c.TEXT_HASH, c.SHARD, c.ROW).unique(c.DOC_ID, keep="first")
    return Offered(
        once.sort(c.SHARD, c.ROW),
        repeated=frame.height - once.height,
        wordless=every.height - frame.height,
    )


_OFFERED = {
    c.DOC_ID: pl.String,
    c.TEXT_HASH: pl.String,
    c.SOURCE: pl.String,
    c.SHARD: pl.Int32,
    c.ROW: pl.UInt32,
    "has_words": pl.Boolean,
}


def _narrow(number: int, documents: str, signals: str, decisions: str | None) -> pl.DataFrame:
    names = [c.DOC_ID, c.TEXT_HASH, c.GOPHER_WORD_COUNT]
    frame = pl.DataFrame(storage.read_table(signals, names)).with_row_index(c.ROW)
    frame = frame.hstack(pl.DataFrame(storage.read_table(documents, [c.SOURCE])))
    if decisions is not None:
        kept = pl.DataFrame(storage.read_table(decisions, [c.KEEP]))
        frame = frame.filter(kept.to_series())
    has_words = pl.col(c.GOPHER_WORD_COUNT).ne_missing(0).alias("has_words")
    shard = pl.lit(number, pl.Int32).alias(c.SHARD)
    return frame.with_columns(has_words, shard).select(
        pl.col(name).cast(kind) for name, kind in _OFFERED.items()
    )


def rows(run: Run, chosen: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the index's columns for chosen rows of :func:`offered`, a batch after the other."""
    for (number,), wanted in chosen.partition_by(
        c.SHARD, as_dict=True, maintain_order=True
    ).items():
        _, signals, _ = run.shards[int(str(number))]
        start, names = 0, wanted.select(c.ROW, c.SOURCE)
        for batch in storage.read_batches(signals, MEASURED, rows=ROWS):
            frame = pl.DataFrame(batch).with_row_index(c.ROW, offset=start)
            start += frame.height
            yield frame.join(names, on=c.ROW, maintain_order="left")
