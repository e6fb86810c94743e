"""Steps of ``build_replay``: which documents stand in for the old distribution, and their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pyarrow.compute as pc

from schemas import columns as c
from schemas.config import (  # noqa: TC001  (Prefect reads the annotations)
    BudgetConfig,
    MaskingConfig,
)
from schemas.manifest import Masked, Shard, StageManifest
from schemas.tables import DRAWN, REPLAY, conform
from tasks import draws, guarded, kept, ledger, masking, storage, written
from tasks.encoding import Encoder
from tasks.hashing import add_hex, digest, table_digest
from tasks.select import TRAIN
from tasks.steps.policy import step
from tasks.surrogate import profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.certificate import Certificate
    from schemas.profile import Profile

VERSION = "replay-2"
FILE = "drawn.parquet"
CERTIFIED = ("verdict", "sentence")
"""What the manifest has of the certificate."""
PLACE = (c.SHARD, c.ROW)
"""Where a row's text stands, which no digest covers."""


@step
def draw_replay(config: BudgetConfig, out: str) -> tuple[StageManifest, bool]:
    """Draw whole documents at shares, in drawing order; say whether the shard stood already."""
    key = digest(VERSION, config, upstream(out), *kept.mask_key(config.masking))
    known = standing(out, key)
    if known is not None:
        return known, True
    ledger.begin(out, "replay")
    with Encoder.of(config, out) as encoder:
        frame = draws.documents(config, encoder, out)
        new = draws.new_data(frame, config, encoder=encoder, out=out)
        targets = draws.replay_targets(config, new)
        drawn = draws.replay(frame, config, targets, encoder=encoder, out=out)
    shares = {} if config.replay is None else config.replay.shares
    details = {"targets": targets, "sources": draws.achieved(drawn, shares, targets[TRAIN])}
    rows_in = frame.filter(pl.col(c.SOURCE).is_in(list(shares))).height
    of_target = None if config.replay is None else profile.of_shares(config.replay)
    return lay_by(drawn, config, key, out, told=Told(rows_in, details, of_target)), False


def upstream(out: str) -> list[str]:
    """Return the keys of what a draw rests on."""
    keys = [ledger.read(out, stage).key for stage in ("select", "tokenizer")]
    return keys + guarded.key(out)


def standing(out: str, key: str) -> StageManifest | None:
    """Return the manifest of a shard that stands whole."""
    known = ledger.finished(out, "replay", key)
    if known is None or not all(_text_stands(out, file) for file in known.details["texts"]):
        return None
    beside = storage.join(ledger.folder(out, "replay"), ledger.CERTIFICATE)
    whole = known.details["certificate"] is None or storage.exists(beside)
    return known if whole else None


class Told(NamedTuple):
    """What is said of a draw: of how many documents it was, details of the manifest, files beside.

    ``profile``: of the target; ``certificate``: how near the shard comes to it.
    """

    rows_in: int
    details: Mapping[str, Any]
    profile: Profile | None = None
    certificate: Certificate | None = None


def lay_by(
    drawn: pl.DataFrame, config: BudgetConfig, key: str, out: str, *, told: Told
) -> StageManifest:
    """Write what was drawn, its text where the recipe asks for it, and the manifest."""
    table = conform(drawn.select(DRAWN.names).to_arrow(), DRAWN)
    shard = Shard(file=FILE, rows=table.num_rows, digest=table_digest(table, leave_out=PLACE))
    storage.write_table(storage.join(ledger.folder(out, "replay"), FILE), table, DRAWN, shard=shard)
    materialize = config.replay is not None and config.replay.materialize
    texts = _write_texts(drawn, key, out, config.masking) if materialize else []
    ledger.sweep(out, "replay", set(texts), below="text")
    _write_beside(out, told)
    certified = told.certificate
    manifest = StageManifest(
        stage="replay",
        key=key,
        digest=shard.digest,
        rows_in=told.rows_in,
        rows_out=table.num_rows,
        shards=(shard,),
        details={
            **told.details,
            "certificate": certified and {n: getattr(certified, n) for n in CERTIFIED},
            "texts": texts,
            **masking.details(_masked(out, file) for file in texts),
        },
    )
    ledger.finish(out, manifest)
    return manifest


def _write_beside(out: str, told: Told) -> None:
    """Write profile and certificate; none of an earlier draw is left."""
    for name, body in ((ledger.TARGET, told.profile), (ledger.CERTIFICATE, told.certificate)):
        at = storage.join(ledger.folder(out, "replay"), name)
        if body is None:
            storage.remove(at)
        else:
            storage.write_model(at, body)


def _masked(out: str, file: str) -> Masked:
    shard = storage.read_shard(storage.join(ledger.folder(out, "replay"), file))
    return {} if shard is None else shard.masked


def _text_stands(out: str, file: str) -> bool:
    return storage.read_shard(storage.join(ledger.folder(out, "replay"), file)) is not None


def _write_texts(drawn: pl.DataFrame, key: str, out: str, masks: MaskingConfig | None) -> list[str]:
    """Write what was drawn with its text, one file a documents shard; return the names."""
    names = []
    for (shard,), rows in sorted(drawn.partition_by(c.SHARD, as_dict=True).items()):
        name = f"text/{digest(VERSION, key, shard)}.parquet"
        if not _text_stands(out, name):
            at = storage.join(ledger.folder(out, "replay"), name)
            _write_text(out, str(shard), rows, at, masks)
        names.append(name)
    return names


def _write_text(
    out: str, shard: str, rows: pl.DataFrame, at: str, masks: MaskingConfig | None
) -> None:
    digests, hidden, n_bytes = [], [], 0
    with storage.writing(at, REPLAY) as file:
        for own, documents, counts in written.rows(out, shard, rows, masking=masks):
            hidden.append(masking.by_source(documents.column(c.SOURCE), counts))
            table = documents.select([n for n in REPLAY.names if n in documents.column_names])
            said = own.select(c.TOKENS, c.SPLIT, c.START, c.END).to_arrow()
            for name in said.column_names:
                table = table.append_column(name, said.column(name))
            table = conform(table, REPLAY)
            file.write(table)
            digests.append(table_digest(table))
            n_bytes += pc.sum(pc.binary_length(table.column(c.TEXT))).as_py()
        entry = Shard(
            file=storage.name_of(at),
            rows=rows.height,
            digest=add_hex(digests),
            n_bytes=n_bytes,
            masked=masking.total(hidden),
        )
        file.finish(entry)
