"""Steps of ``build_replay``: which documents stand in for the old distribution, and their text."""

from __future__ import annotations

import polars as pl
import pyarrow.compute as pc

from schemas import columns as c
from schemas.config import (  # noqa: TC001  (Prefect reads the annotations)
    BudgetConfig,
    MaskingConfig,
)
from schemas.manifest import Masked, Shard, StageManifest
from schemas.tables import DRAWN, REPLAY, conform
from tasks import draws, kept, ledger, masking, storage, tokens
from tasks.hashing import add_hex, digest, table_digest
from tasks.select import TRAIN
from tasks.steps.policy import step
from tasks.steps.tokenizer import load_tokenizer

VERSION = "replay-1"
FILE = "drawn.parquet"
PLACE = (c.SHARD, c.ROW)
"""Where a row's text stands, which no digest covers."""


@step
def draw_replay(config: BudgetConfig, out: str) -> tuple[StageManifest, bool]:
    """Draw the replay shard: narrow rows in drawing order; return whether it stood already."""
    tokenizer = load_tokenizer(out)
    upstream = [ledger.read(out, stage).key for stage in ("select", "tokenizer")]
    key = digest(VERSION, config, upstream, *kept.mask_key(config.masking))
    known = ledger.finished(out, "replay", key)
    if known is not None and all(_text_stands(out, file) for file in known.details["texts"]):
        return known, True
    ledger.begin(out, "replay")
    frame = kept.load(
        out,
        seed=config.seed,
        tokenizer_digest=tokens.digest(tokenizer),
        masking=config.masking,
    )
    new = draws.new_data(frame, config, tokenizer=tokenizer, out=out)
    targets = draws.replay_targets(config, new)
    drawn = draws.replay(frame, config, targets, tokenizer=tokenizer, out=out)
    table = conform(drawn.select(DRAWN.names).to_arrow(), DRAWN)
    shard = Shard(file=FILE, rows=table.num_rows, digest=table_digest(table, leave_out=PLACE))
    storage.write_table(storage.join(ledger.folder(out, "replay"), FILE), table, DRAWN, shard=shard)
    materialize = config.replay is not None and config.replay.materialize
    texts = _write_texts(drawn, key, out, config.masking) if materialize else []
    ledger.sweep(out, "replay", set(texts), below="text")
    manifest = StageManifest(
        stage="replay",
        key=key,
        digest=shard.digest,
        rows_in=frame.filter(pl.col(c.SOURCE).is_in(list(_shares(config)))).height,
        rows_out=table.num_rows,
        shards=(shard,),
        details={
            "targets": targets,
            "sources": draws.achieved(drawn, _shares(config), targets[TRAIN]),
            "texts": texts,
            **masking.details(_masked(out, file) for file in texts),
        },
    )
    ledger.finish(out, manifest)
    return manifest, False


def _shares(config: BudgetConfig) -> dict[str, float]:
    return {} if config.replay is None else config.replay.shares


def _masked(out: str, file: str) -> Masked:
    shard = storage.read_shard(storage.join(ledger.folder(out, "replay"), file))
    return {} if shard is None else shard.masked


def _text_stands(out: str, file: str) -> bool:
    return storage.read_shard(storage.join(ledger.folder(out, "replay"), file)) is not None


def _write_texts(drawn: pl.DataFrame, key: str, out: str, masks: MaskingConfig | None) -> list[str]:
    """Write the drawn documents with their text, one file a documents shard; return the names."""
    written = []
    for (shard,), rows in sorted(drawn.partition_by(c.SHARD, as_dict=True).items()):
        name = f"text/{digest(VERSION, key, shard)}.parquet"
        if not _text_stands(out, name):
            at = storage.join(ledger.folder(out, "replay"), name)
            _write_text(out, str(shard), rows.sort(c.ROW), at, masks)
        written.append(name)
    return written


def _write_text(
    out: str, shard: str, rows: pl.DataFrame, at: str, masks: MaskingConfig | None
) -> None:
    digests, hidden, n_bytes = [], [], 0
    with storage.writing(at, REPLAY) as file:
        for numbers, documents in kept.rows_of(out, shard, rows[c.ROW].to_list()):
            said = rows.filter(pl.col(c.ROW).is_in(numbers)).select(c.TOKENS, c.SPLIT).to_arrow()
            table, counts = kept.masked(
                documents.select([n for n in REPLAY.names if n in documents.column_names]), masks
            )
            hidden.append(masking.by_source(table.column(c.SOURCE), counts))
            for name in said.column_names:
                table = table.append_column(name, said.column(name))
            file.write(table)
            digests.append(table_digest(table))
            n_bytes += pc.sum(pc.binary_length(table.column(c.TEXT))).as_py()
        written = Shard(
            file=storage.name_of(at),
            rows=rows.height,
            digest=add_hex(digests),
            n_bytes=n_bytes,
            masked=masking.total(hidden),
        )
        file.finish(written)
