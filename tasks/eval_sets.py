"""Evaluation sets, read and laid by in a run's folder for the pass over the text.

``evals/items-….parquet`` (``EVAL_ITEMS``) and ``evals/grams-….parquet`` (``EVAL_GRAMS``): whoever
has the column ``evals`` of a run's signals finds there what it speaks of.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.manifest import EvalIndex, Shard
from schemas.tables import EVAL_GRAMS, EVAL_ITEMS, conform
from tasks import inputs, ledger, reading, storage
from tasks.evals import index as mechanism
from tasks.evals.index import GRAM_BYTES, Grams, Index
from tasks.hashing import digest, table_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.config import SignalsConfig
    from schemas.evals import EvalSet
    from schemas.manifest import Unit

VERSION: Final = "evals-2"
EXCERPT: Final = 1_000
"""Characters of an item that are kept."""
WORD_BYTES: Final = 5
"""A word of an item takes so many bytes of its file, about."""


class Part(NamedTuple):
    """A field of a set, and the units that hold it."""

    set: EvalSet
    field: str
    units: list[Unit]


def parts(config: SignalsConfig) -> list[Part]:
    """List the files of all sets. Raises :class:`ConfigError` where one has none."""
    return [Part(some, f, _units(some, f)) for some in config.evals for f in some.fields]


def _units(some: EvalSet, field: str) -> list[Unit]:
    return inputs.units_of(some.source(field), _where(some))


def needed(config: SignalsConfig) -> tuple[int, int]:
    """Return the bytes of the sets' files, and of the memory that their items take, about."""
    size = sum(u.size for some in config.evals for u in _units(some, some.fields[0]))
    return size, size * GRAM_BYTES // WORD_BYTES


def _where(some: EvalSet) -> str:
    return f"signals.evals {some.name!r}"


def lay_by(config: SignalsConfig, memory_bytes: int, out: str) -> EvalIndex:
    """Read the sets and write their items and grams; what stands is not read again.

    Raises :class:`ConfigError` for a field that no record has, and for sets whose grams take more
    memory than that.
    """
    listed = parts(config)
    named = [(p.set.name, p.field, [u.key for u in p.units]) for p in listed]
    key = digest(VERSION, config.eval_least_words, named)
    about = storage.join(out, ledger.EVALS, f"sets-{key}.json")
    if not storage.exists(about):
        items, some, sets = _read(listed, config.eval_least_words, memory_bytes, out)
        _write(items, _at("items", key, out), EVAL_ITEMS)
        grams = _table(mechanism.made(some))
        _write(grams, _at("grams", key, out), EVAL_GRAMS)
        both = digest(table_digest(items), table_digest(grams))
        told = EvalIndex(key=key, digest=_digest(grams), items_digest=both, sets=sets)
        storage.write_model(about, told)
    return storage.read_model(about, EvalIndex)


def _digest(grams: pa.Table) -> str:
    """Digest of what documents are measured with: the different grams, and their order."""
    return table_digest(
        grams.select([c.HASH, c.N_WORDS]).group_by([c.HASH, c.N_WORDS]).aggregate([])
    )


def _at(kind: str, key: str, out: str) -> str:
    return storage.join(out, ledger.EVALS, f"{kind}-{key}.parquet")


def _write(table: pa.Table, at: str, schema: pa.Schema) -> None:
    table = conform(table, schema)
    shard = Shard(file=storage.name_of(at), rows=table.num_rows, digest=table_digest(table))
    storage.write_table(at, table, schema, shard=shard)


def _table(some: Index) -> pa.Table:
    columns = (some.hashes, some.widths, some.items, some.ats)
    return conform(pa.table(dict(zip(EVAL_GRAMS.names, columns, strict=True))), EVAL_GRAMS)


def _read(
    listed: Iterable[Part], least: int, memory_bytes: int, out: str
) -> tuple[pa.Table, Grams, dict[str, dict[str, int]]]:
    """Return all items, their grams, and the counts of each set."""
    tables, found, rows, n_grams = [EVAL_ITEMS.empty_table()], list[Grams](), 0, 0
    counts: dict[str, Counter[str]] = {}
    for part in listed:
        own = counts.setdefault(part.set.name, Counter(items=0, too_short=0, unreadable=0))
        read = 0
        for documents, unreadable in _documents(part, out):
            texts = documents.column(c.TEXT).combine_chunks()
            some = mechanism.grams(texts, least)
            found.append(some._replace(about=some.about + np.array([0, rows, 0])))
            tables.append(_items(documents, part, some.n_words))
            rows, read = rows + len(texts), read + len(texts)
            n_grams += len(some.hashes)
            own.update(
                items=len(texts),
                too_short=int((some.n_words < least).sum()),
                unreadable=unreadable,
            )
            if n_grams * GRAM_BYTES > memory_bytes:
                raise _too_many(part, n_grams, memory_bytes)
        if not read:
            raise _without_items(part, own["unreadable"])
    arrays = [np.concatenate(column) for column in zip(*found, strict=True)]
    return pa.concat_tables(tables), Grams(*arrays), {n: dict(own) for n, own in counts.items()}


def _documents(part: Part, out: str) -> Iterator[tuple[pa.Table, int]]:
    """Yield the records of a part that can be read, and how many others stand among them."""
    source = part.set.source(part.field)
    for unit in part.units:
        reader = reading.UnitReader(unit, source, scratch=storage.join(out, ledger.SCRATCH))
        for documents, rejects in reader.batches():
            yield documents, rejects.num_rows


def _items(documents: pa.Table, part: Part, n_words: Any) -> pa.Table:  # noqa: ANN401
    told = pl.DataFrame(documents.select([c.RECORD_ID, c.LOCATION, c.POSITION, c.TEXT]))
    name = pl.col(c.LOCATION).str.split("/").list.last()
    place = pl.concat_str(name, pl.lit(":"), pl.col(c.POSITION))
    items = told.select(
        pl.lit(part.set.name).alias(c.EVAL_SET),
        pl.col(c.RECORD_ID).fill_null(place).alias(c.ITEM_ID),
        pl.lit(part.field).alias(c.FIELD),
        pl.Series(c.N_WORDS, n_words, pl.Int64),
        pl.col(c.TEXT).str.slice(0, EXCERPT).alias(c.EXCERPT),
    )
    return conform(items.to_arrow(), EVAL_ITEMS)


def _too_many(part: Part, n_grams: int, memory_bytes: int) -> ConfigError:
    return ConfigError(
        _where(part.set),
        got=f"{n_grams:,} rows of words so far, which take {n_grams * GRAM_BYTES / 1e9:.1f} GB",
        wanted=f"sets that fit into {memory_bytes / 1e9:.1f} GB, a worker's part of --memory-limit",
        way_out="Is it an evaluation set, and not what is trained on? Name the fields with its "
        "questions and answers only, or raise --memory-limit.",
    )


def _without_items(part: Part, unreadable: int) -> ConfigError:
    return ConfigError(
        _where(part.set),
        got=f"no text in the field {part.field!r}, in {unreadable:,} records",
        wanted="a field that holds text, in some of them",
        way_out="Correct fields: names of the set's columns, or a.b for b within a.",
    )


def items_digest(found: EvalIndex, out: str) -> str:
    """Return the digest of the items and grams as they lie there."""
    tables = (storage.read_table(_at(kind, found.key, out)) for kind in ("items", "grams"))
    return digest(*map(table_digest, tables))


def index(found: EvalIndex, out: str) -> Index:
    """Return the items as they are laid by."""
    at = _at("grams", found.key, out)
    return _index(at, _at("items", found.key, out), storage.stamp(at))


@lru_cache(maxsize=1)
def _index(grams_at: str, items_at: str, _stamp: tuple[int, ...] | None) -> Index:
    table = storage.read_table(grams_at).combine_chunks()
    hashes, widths, own, ats = (table.column(name).to_numpy() for name in EVAL_GRAMS.names)
    n_words = storage.read_table(items_at, [c.N_WORDS]).column(0).to_numpy()
    return Index(hashes, widths, own, ats, n_words)


def items(found: EvalIndex, out: str) -> pl.DataFrame:
    """Return the items (``EVAL_ITEMS``), in the order of their numbers."""
    return pl.DataFrame(storage.read_table(_at("items", found.key, out)))
