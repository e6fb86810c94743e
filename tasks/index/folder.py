"""The files of an index: read and checked, written, swept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import orjson
import polars as pl
from pydantic import ValidationError

from schemas import columns as c
from schemas.errors import ConfigError, ManifestError
from schemas.index import DELETED, INDEXED, VERSION, Index, IndexSettings, Piece
from schemas.manifest import Shard
from schemas.tables import conform
from tasks import storage
from tasks.hashing import digest, table_digest
from tasks.signals import minhash
from tasks.version import installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from schemas.config import SignalsConfig

INDEX: Final = "index.json"
PARTS: Final = "parts"
GONE: Final = "deleted"
PART_ROWS: Final = 1 << 17
"""Rows of a full part: about 34 MB as stored, with the default bands and rows."""
WAY_OUT: Final = "Put the file back from a copy of the index, or build the index again."


def settings(config: SignalsConfig) -> IndexSettings:
    """What sketches made so depend on."""
    return IndexSettings(
        sketch=minhash.VERSION,
        minhash=config.minhash,
        shingle_words=None if config.shingle_characters else config.shingle_words,
        shingle_characters=config.shingle_characters,
        minhash_bands=config.minhash_bands,
        minhash_rows=config.minhash_rows,
        minhash_seed=config.minhash_seed,
    )


def empty(own: IndexSettings) -> Index:
    """Return an index without documents."""
    return Index(openmoat=installed(), fingerprint=digest(VERSION, own), settings=own)


def check_settings(folder: str, index: Index, config: SignalsConfig, *, where: str) -> None:
    """Refuse sketches made otherwise than the index's. Raises :class:`ConfigError`, naming how."""
    got, wanted = settings(config).model_dump(), index.settings.model_dump()
    differ = [name for name in wanted if got[name] != wanted[name]]
    if differ:
        raise ConfigError(
            where,
            got=", ".join(f"{name} = {_said(got[name])}" for name in differ),
            wanted=f"{', '.join(f'{n} = {_said(wanted[n])}' for n in differ)}, as in {folder}",
            way_out="Run its recipe with the index's settings in [signals] (only signals are "
            "measured again), or build another index from it.",
        )


def _said(value: object) -> str:
    return "none" if value is None else orjson.dumps(value).decode()


def is_there(folder: str) -> bool:
    """Whether a folder holds an index, whole or not."""
    return storage.exists(storage.join(folder, INDEX))


def read(folder: str) -> Index:
    """Read ``index.json`` and look at every file that it names.

    Raises :class:`ManifestError` for an index of another layout, a broken ``index.json``, a file
    that is missing, cut off, or of another index.
    """
    at = storage.join(folder, INDEX)
    try:
        body = orjson.loads(storage.read_bytes(at))
        version = body.get("version")
    except (OSError, ValueError, AttributeError) as error:
        got = getattr(error, "strerror", None) or "no JSON object"
        raise _broken(
            at, f"{got[:1].lower()}{got[1:]}", f"an {INDEX} that openmoat wrote"
        ) from error
    if version != VERSION:
        raise ManifestError(
            at,
            got=f"an index of layout version {version!r}",
            wanted=f"version {VERSION}, which this openmoat writes",
            way_out="Use the openmoat that wrote it, or build the index again from the runs.",
        )
    try:
        index = Index.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise _broken(at, f"{key}: {first['msg']}", "what openmoat wrote") from error
    if index.fingerprint != digest(index.version, index.settings):
        raise _broken(at, "settings that its fingerprint is not of", "them as they were written")
    for piece in (*index.parts, *filter(None, [index.deleted])):
        _check(storage.join(folder, piece.file), piece, index.fingerprint)
    return index


def _check(at: str, piece: Piece, fingerprint: str) -> None:
    found = storage.read_shard(at)
    if found is None:
        got = "a file that is cut off or damaged" if storage.exists(at) else "no such file"
        raise _broken(at, got, f"a part of {piece.rows:,} rows, as {INDEX} says")
    if (found.rows, found.digest, found.key) != (piece.rows, piece.digest, fingerprint):
        raise _broken(at, "a part of another index", f"the one that {INDEX} names")


def _broken(at: str, got: str, wanted: str) -> ManifestError:
    return ManifestError(at, got=got, wanted=wanted, way_out=WAY_OUT)


def rows(folder: str, piece: Piece, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return a part, or some columns of it, whoever was deleted included."""
    at = storage.join(folder, piece.file)
    with damage(at):
        return pl.DataFrame(storage.read_table(at, columns))


@contextlib.contextmanager
def damage(at: str) -> Iterator[None]:
    """Turn what readers say of a damaged file into a :class:`ManifestError` with the way out."""
    try:
        yield
    except (ManifestError, pl.exceptions.PolarsError, OSError) as error:
        got = error.got if isinstance(error, ManifestError) else str(error).split("\n", 1)[0]
        raise _broken(at, got, "a part as it was written") from error


def deleted(folder: str, index: Index) -> pl.DataFrame:
    """Return the ``doc_id`` of all that was deleted, each once."""
    if index.deleted is None:
        return pl.DataFrame(schema={c.DOC_ID: pl.String})
    return rows(folder, index.deleted)


def write_parts(folder: str, frames: Iterable[pl.DataFrame], index: Index) -> list[Piece]:
    """Write rows as full parts and a last one; no more than a part and a frame are in memory."""
    pieces, held = [], pl.DataFrame(conform(INDEXED.empty_table(), INDEXED))
    for frame in frames:
        held = pl.concat([held, frame.select(INDEXED.names)])
        while held.height >= PART_ROWS:
            pieces.append(_write(folder, PARTS, held[:PART_ROWS], INDEXED, index.fingerprint))
            held = held[PART_ROWS:]
    if held.height:
        pieces.append(_write(folder, PARTS, held, INDEXED, index.fingerprint))
    return pieces


def write_deleted(folder: str, ids: pl.DataFrame, index: Index) -> Piece:
    """Write the ids of all that was deleted."""
    return _write(folder, GONE, ids.sort(c.DOC_ID), DELETED, index.fingerprint)


def _write(folder: str, kind: str, frame: pl.DataFrame, schema: pa.Schema, key: str) -> Piece:
    table = conform(frame.to_arrow(), schema)
    piece = Piece(file="", rows=table.num_rows, digest=table_digest(table))
    piece = piece.model_copy(update={"file": f"{kind}/{piece.digest}.parquet"})
    shard = Shard(file=piece.file, rows=piece.rows, digest=piece.digest, key=key)
    storage.write_table(storage.join(folder, piece.file), table, schema, shard=shard)
    return piece


def commit(folder: str, index: Index) -> None:
    """Replace ``index.json``: from here on the index is the new one."""
    storage.write_model(storage.join(folder, INDEX), index)


def sweep(folder: str, index: Index | None) -> None:
    """Remove the files that an index does not name: replaced ones, and what was never finished."""
    storage.sweep_temporaries(folder)
    pieces = () if index is None else (*index.parts, *filter(None, [index.deleted]))
    named = {piece.file for piece in pieces}
    for kind in (PARTS, GONE):
        for name in storage.list_names(storage.join(folder, kind)):
            if name.endswith(".parquet") and f"{kind}/{name}" not in named:
                storage.remove(storage.join(folder, kind, name))
