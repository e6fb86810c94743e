"""Embeddings that a user brings along: listed, checked, and read for the documents of a run."""

from __future__ import annotations

import importlib.util
import tempfile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas import columns as c
from schemas.errors import ConfigError, SourceError
from tasks import storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.manifest import InputFile
    from schemas.semantic import SemanticConfig

    Floats = np.ndarray[Any, np.dtype[np.float32]]
    Ints = np.ndarray[Any, np.dtype[np.int64]]

WHERE: Final = "dedup.semantic"
PLACES: Final = f"{WHERE}.embeddings"
ROWS: Final = 4_096
"""Rows of a file that are in memory at a time."""
MEND: Final = "Correct the file: openmoat makes no embeddings, and mends none."
SLOT: Final = "slot"
COPIES: Final = 2
"""Copies of all embeddings that exist at a time."""
BROKEN: Final = (pa.ArrowException, OSError, ValueError)


class Read(NamedTuple):
    """Embeddings of length 1, and the slots that they are of, in order.

    ``zeros`` are the slots of those of which all numbers are 0; the others have none at all.
    """

    slots: Ints
    unit: Floats
    zeros: Ints


def check(config: SemanticConfig | None) -> None:
    """Raise :class:`ConfigError` where faiss, or the files on this machine, are not there."""
    if config is None:
        return
    if importlib.util.find_spec("faiss") is None:
        raise ConfigError(
            WHERE,
            got="an installation without faiss",
            wanted="faiss, by which documents of like embeddings are found",
            way_out="Install it: pip install 'openmoat[semantic]'. Or remove the section.",
        )
    for place in config.embeddings:
        if not storage.is_remote(place):
            storage.check_place(place, where=PLACES)


def listed(config: SemanticConfig | None) -> list[InputFile]:
    """List the files, sorted: their size and time, or tag, tell whether one has changed."""
    places = () if config is None else config.embeddings
    found = [file for place in places for file in storage.list_inputs(place, where=PLACES)]
    return sorted({f.url: f for f in found}.values(), key=lambda f: f.url)


def needed(config: SemanticConfig, documents: int) -> int:
    """Return the bytes of memory that embeddings of so many documents take."""
    return COPIES * 4 * documents * _width(listed(config)[0], config)


def _width(file: InputFile, config: SemanticConfig) -> int:
    """Numbers in the first embedding of a file; 0 of a file on a server, which is not asked."""
    if storage.is_remote(file.url):
        return 0
    with storage.peeked(file) as raw:
        for _, vectors in _batches(raw, file.url, config):
            lengths = pc.list_value_length(vectors).drop_null()
            if len(lengths):
                return int(lengths[0].as_py())
    return 0


def read(config: SemanticConfig, documents: pl.DataFrame) -> Read:
    """Read the embeddings of some documents of a run.

    ``documents`` has ``doc_id, record_id`` of all, and ``slot``: numbers from 0 of those that are
    wanted, null for the others. In memory are 32-bit numbers of the wanted ones. Raises
    :class:`SourceError` for a file or an embedding that cannot be used, for two of one document,
    and for one that may be of several.
    """
    keys, gathered = _keys(documents), _Gathered(documents[SLOT].count())
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        for file in listed(config):
            with storage.open_input(file, scratch=scratch) as raw:
                for ids, vectors in _batches(raw, file.url, config):
                    met = _met(file.url, ids, keys)
                    has_one = vectors.is_valid().to_numpy(zero_copy_only=False)
                    taken = met.filter(pl.Series(has_one[met["at"].to_numpy()]))
                    gathered.add(file.url, taken, vectors.take(pa.array(taken["at"].to_numpy())))
    if gathered.matrix is None:
        raise SourceError(
            PLACES,
            got=f"no embedding of any of the {len(gathered.seen):,} documents that are compared",
            wanted=f"their ids in {config.id_field!r}: the records' own, or doc_id",
            way_out="Compare it with record_id and doc_id in documents/*.parquet, or remove the "
            "section.",
        )
    return _unit(gathered.matrix, gathered.seen)


def _unit(matrix: Floats, seen: np.ndarray[Any, np.dtype[np.bool_]]) -> Read:
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    sound = seen & (lengths > 0)
    slots = np.flatnonzero(sound)
    unit = matrix if len(slots) == len(matrix) else matrix[slots]
    unit /= lengths[slots, None].astype(np.float32)
    return Read(slots, unit, np.flatnonzero(seen & ~sound))


def _keys(documents: pl.DataFrame) -> pl.DataFrame:
    """Return ``key, slot``, and how many documents have the key: a ``doc_id`` or a record's id."""
    names = (c.DOC_ID, c.RECORD_ID)
    parts = [documents.select(pl.col(name).alias("key"), c.DOC_ID, SLOT) for name in names]
    every = pl.concat(parts).drop_nulls("key")
    counted = every.group_by("key").agg(pl.col(SLOT).max(), many=pl.col(c.DOC_ID).n_unique())
    return counted.drop_nulls(SLOT)


def _met(url: str, ids: pl.Series, keys: pl.DataFrame) -> pl.DataFrame:
    """Return ``at, key, slot`` of the ids that wanted documents have."""
    asked = pl.DataFrame({"key": ids}).with_row_index("at")
    met = asked.join(keys, on="key", maintain_order="left")
    several = met.filter(pl.col("many") > 1)
    if several.height:
        raise SourceError(
            url,
            got=f"an embedding of {several['key'][0]!r}, which {several['many'][0]} documents "
            "have for their id",
            wanted="ids that tell which document is meant",
            way_out="Write doc_id (documents/*.parquet) in the place of the records' own ids.",
        )
    return met


class _Gathered:
    """Embeddings that were met so far: a row of the matrix for each slot."""

    def __init__(self, slots: int) -> None:
        self.seen = np.zeros(slots, np.bool_)
        self.matrix: Floats | None = None

    def add(self, url: str, met: pl.DataFrame, vectors: pa.Array) -> None:
        """Take embeddings, none of them null, beside ``key, slot``."""
        if met.is_empty():
            return
        slots = met[SLOT].to_numpy()
        again = self.seen[slots] | met[SLOT].is_duplicated().to_numpy()
        if again.any():
            key = met["key"][int(np.argmax(again))]
            raise _unfit(url, f"two embeddings of the document {key!r}", "one of each")
        lengths = np.asarray(pc.list_value_length(vectors))
        if self.matrix is None:
            self.matrix = np.zeros((len(self.seen), int(lengths[0])), np.float32)
        width = self.matrix.shape[1]
        other = (lengths != width) | (lengths == 0)
        if other.any():
            at = int(np.argmax(other))
            got = f"an embedding of {lengths[at]} numbers ({met['key'][at]!r})"
            wanted = f"{width} numbers, as in the first" if width else "some numbers"
            raise _unfit(url, got, wanted)
        with np.errstate(over="ignore"):
            flat = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        self.matrix[slots] = flat.reshape(-1, width)
        self.seen[slots] = True
        sound = np.isfinite(self.matrix[slots]).all(axis=1)
        if not sound.all():
            key = met["key"][int(np.argmin(sound))]
            raise _unfit(url, f"NaN, null or infinity in the embedding of {key!r}", "numbers")


def _batches(
    raw: storage.Digesting, url: str, config: SemanticConfig
) -> Iterator[tuple[pl.Series, pa.Array]]:
    """Yield ids as text and embeddings, some rows after the other."""
    try:
        table = pq.ParquetFile(raw.rewound(), page_checksum_verification=True, pre_buffer=False)
        _check_columns(url, table.schema_arrow, config)
        for batch in table.iter_batches(ROWS, columns=[config.id_field, config.field]):
            ids = pl.Series(batch.column(config.id_field)).cast(pl.String)
            yield ids, batch.column(config.field)
    except BROKEN as error:
        got = str(error).split("\n", 1)[0]
        raise _unfit(url, got, "Parquet with an embedding a row") from error


def _check_columns(url: str, schema: pa.Schema, config: SemanticConfig) -> None:
    for key, name in (("id_field", config.id_field), ("field", config.field)):
        if schema.names.count(name) != 1:
            raise ConfigError(
                f"{WHERE}.{key}",
                got=f"{name!r}, which is no column of {url}",
                wanted=f"one of {', '.join(map(repr, schema.names))}",
                way_out="Name the column, or correct the place.",
            )
    kind = schema.field(config.field).type
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(f(kind) for f in lists) or not pa.types.is_floating(kind.value_type):
        raise _unfit(url, f"{config.field!r} of the type {kind}", "lists of floating-point numbers")
    own = schema.field(config.id_field).type
    if not any(f(own) for f in (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)):
        raise _unfit(url, f"{config.id_field!r} of the type {own}", "texts or whole numbers")


def _unfit(url: str, got: str, wanted: str) -> SourceError:
    return SourceError(url, got=got, wanted=wanted, way_out=MEND)
