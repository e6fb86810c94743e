"""Files as they are, read, normalised and measured as a run would, for commands that compare them.

Nothing is left of it but what the caller keeps.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl
from pydantic import ValidationError

from schemas import columns as c
from schemas.config import IngestConfig, Sample, SignalsConfig, Source
from schemas.errors import ConfigError
from tasks import hashing, inputs, reading
from tasks.signals.minhash import minhash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

WAY_OUT: Final = (
    "Correct the path; a file's name has to tell its format, as .jsonl, .parquet and .txt do."
)
RECORD: Final[dict[str, pl.DataType]] = {
    c.LOCATION: pl.String(),
    c.POSITION: pl.Int64(),
    c.RECORD_ID: pl.String(),
}
NOTHING: Final[dict[str, pl.DataType]] = {
    c.MINHASH_BANDS: pl.List(pl.UInt64),
    c.MINHASH_SKETCH: pl.Binary(),
}


@dataclass
class Seen:
    """How many records were read and rejected, and files passed over: of another format."""

    documents: int = 0
    rejects: int = 0
    passed_over: tuple[str, ...] = ()


class Fields(NamedTuple):
    """Fields of records: the text, the id, and what names a record's source, if there is one."""

    text: str = "text"
    id: str = "id"
    source: str | None = None


def source_of(name: str, places: Sequence[str], *, fields: Fields, where: str) -> Source:
    """Return a source of files that a command names. Raises :class:`ConfigError` for what is none.

    Datasets of the Hub are not read here: they need a revision, which a recipe holds.
    """
    for place in places:
        if place.startswith("hf://"):
            raise ConfigError(
                where,
                got=f"{place!r}",
                wanted="files, folders, globs or https:// addresses",
                way_out="Download a part of the dataset and give its path.",
            )
    try:
        return Source(
            name=name,
            url=tuple(places),
            text_field=fields.text,
            id_field=fields.id,
            source_field=fields.source,
        )
    except ValidationError as error:
        first = error.errors()[0]
        told = first.get("ctx", {})
        raise ConfigError(
            where,
            got=str(told.get("got", first["input"])),
            wanted=str(told.get("wanted", first["msg"])),
            way_out=str(told.get("way_out", WAY_OUT)),
        ) from error


def nothing(location: str, seen: Seen) -> ConfigError:
    """Return what is to be said of a place in which no document was found."""
    return ConfigError(
        location,
        got=f"no document, and {seen.rejects:,} records that could not be read",
        wanted="documents to compare",
        way_out="Look at the file; where the text stands in another field, name that with "
        "--text-field.",
    )


def bounded(source: Source, tokens: int, *, where: str, seed: int = 0) -> Source:
    """Return a source of which about so many tokens are read, by seeded hash, if it has more.

    One that is stored in fewer bytes is read whole. Raises :class:`ConfigError` where there is no
    file, and where the first records of a larger source have no text; ``where`` is what the user
    called it.
    """
    units = _listed(source, where).units
    sizes = [file.n_bytes for unit in units for file in unit.files]
    if all(size is not None for size in sizes) and sum(map(int, filter(None, sizes))) <= tokens:
        return source
    found = source.model_copy(update={"sample": Sample(tokens=tokens, seed=seed)})
    try:
        inputs.list_units(IngestConfig(sources=(found,)))
    except ConfigError as error:
        raise ConfigError(
            where,
            got="no text in its first records",
            wanted=f"records with a text in the field {source.text_field!r}",
            way_out="Name the field that holds the text; of a remote source that cannot be looked "
            "into, download a part and give its path.",
        ) from error
    return found


def _listed(source: Source, where: str) -> inputs.Listing:
    try:
        return inputs.list_units(IngestConfig(sources=(source,)))
    except ConfigError as error:
        raise ConfigError(where, got=error.got, wanted=error.wanted, way_out=WAY_OUT) from error


def measured(
    source: Source, config: SignalsConfig, seen: Seen, *, where: str
) -> Iterator[tuple[pa.Table, pl.DataFrame]]:
    """Yield documents of a source, and their places and signals, a batch after the other.

    Places are ``location, position, record_id``, signals ``text_hash, minhash_bands,
    minhash_sketch`` (null where the config wants none). Raises :class:`ConfigError` where nothing
    can be read; ``where`` is what the user called the source.
    """
    listing = _listed(source, where)
    seen.passed_over = tuple(listing.passed_over)
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        for unit in listing.units:
            reader = reading.UnitReader(unit, source, scratch=scratch)
            for documents, rejects in reader.batches():
                seen.documents += documents.num_rows
                seen.rejects += rejects.num_rows
                yield documents, _signals(documents, config)


def _signals(documents: pa.Table, config: SignalsConfig) -> pl.DataFrame:
    texts = documents.column(c.TEXT)
    hashes = pl.Series(c.TEXT_HASH, hashing.text_hashes(texts), pl.String)
    frame = pl.DataFrame(documents.select(list(RECORD))).with_columns(hashes)
    if config.minhash:
        return frame.hstack(minhash(texts, config))
    return frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in NOTHING.items())
