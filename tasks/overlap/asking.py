"""Files as they are, compared with each other: read and measured as a run would, once."""

from __future__ import annotations

import tempfile
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import SignalsConfig, Source
from schemas.errors import ConfigError
from schemas.levels import EXACT, LEVELS
from schemas.tables import PAIRS, conform
from tasks import dedup, storage
from tasks.measured import RECORD, Fields, Seen, measured, nothing, source_of
from tasks.overlap.pairing import MEASURED, How, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    Ints = np.ndarray[Any, np.dtype[np.int64]]

NAME: Final = "set"
CONFIG: Final = SignalsConfig()
SCRATCH: Final = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.TEXT_HASH, pa.string(), nullable=False),
        pa.field(c.MINHASH_BANDS, pa.large_list(pa.uint64())),
        pa.field(c.MINHASH_SKETCH, pa.large_binary()),
        pa.field(c.TEXT, pa.large_string()),
        pa.field("name", pa.large_string(), nullable=False),
    ]
)
"""What is laid by of a set while it is compared; the text where similarity is to be exact."""


class Question(NamedTuple):
    """How files are read and compared; fields are one for all sets, or one for each in order."""

    threshold: float = 0.8
    estimated: bool = False
    memory_bytes: int = dedup.MEMORY_BYTES
    text_fields: Sequence[str] = ("text",)
    id_fields: Sequence[str] = ("id",)


class Read(NamedTuple):
    """A set as it was read: its documents, bad records, and files of another format."""

    name: str
    documents: int
    rejects: int
    passed_over: tuple[str, ...]


class Met(NamedTuple):
    """Two sets: how many documents of each have a match in the other, and pairs by level."""

    left: str
    right: str
    left_matched: int
    right_matched: int
    exact: int
    near: int


class Answer(NamedTuple):
    """The sets, what each two have in common, and the pairs (``PAIRS``).

    A document is named as its record names itself, else by its place: ``file:position``.
    """

    sets: tuple[Read, ...]
    met: tuple[Met, ...]
    pairs: pa.Table


def of_files(locations: Sequence[str], question: Question) -> Answer:
    """Compare files, folders or globs with each other, each a set.

    Read by the readers of sources, with the normalisation that each source has by default. What is
    read is laid by in a folder for temporary files. Raises :class:`ConfigError` where a set holds
    no document.
    """
    repeated = [name for i, name in enumerate(locations) if name in locations[:i]]
    if repeated or len(locations) < 2:  # noqa: PLR2004  (a pair)
        raise ConfigError(
            "openmoat overlap",
            got=f"{repeated[0]} twice" if repeated else "one set",
            wanted="two sets or more",
            way_out="Name files, folders or globs that are to be compared with each other.",
        )
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        files = [storage.join(scratch, f"{i}.parquet") for i in range(len(locations))]
        sources = _sources(locations, question)
        told = [_lay_by(*both, question) for both in zip(sources, files, strict=True)]
        read = partial(_texts, files, [one.documents for one in told])
        how = How(question.threshold, question.memory_bytes, None if question.estimated else read)
        sets = {
            name: storage.scan([file], row_column=c.ROW).select(*MEASURED)
            for name, file in zip(locations, files, strict=True)
        }
        pairs = overlap(sets, how, config=CONFIG)
        return Answer(tuple(told), tuple(_met(pairs, locations)), _named(pairs, locations, files))


def _sources(locations: Sequence[str], question: Question) -> list[Source]:
    fields = []
    for option, given in (("text", question.text_fields), ("id", question.id_fields)):
        if len(given) not in {1, len(locations)}:
            raise ConfigError(
                f"--{option}-field",
                got=f"{len(given)} fields for {len(locations)} sets",
                wanted="one for all, or one for each",
                way_out="Give the option once, or once for each set, in their order.",
            )
        fields.append(list(given) * (len(locations) // len(given)))
    told = zip(locations, *fields, strict=True)
    return [source_of(NAME, [at], fields=Fields(t, i), where=at) for at, t, i in told]


def _lay_by(source: Source, file: str, question: Question) -> Read:
    """Measure a set and keep what is needed to compare it."""
    (location,), seen, start = source.url, Seen(), 0
    with storage.writing(file, SCRATCH) as writer:
        for documents, frame in measured(source, CONFIG, seen, where=location):
            # A record's own id may come again; a number does not, and sorts by its digits.
            numbers = pl.int_range(start, start + frame.height, eager=True).cast(pl.String)
            place = pl.format("{}:{}", *list(RECORD)[:2])
            told = frame.select(
                numbers.str.zfill(12).alias(c.DOC_ID),
                *(pl.col(n).cast(kind) for n, kind in MEASURED.items() if n != c.DOC_ID),
                pl.coalesce(c.RECORD_ID, place).alias("name"),
            ).to_arrow()
            if not question.estimated:
                told = told.append_column(c.TEXT, documents.column(c.TEXT))
            writer.write(told)
            start += frame.height
    if not seen.documents:
        raise nothing(location, seen)
    return Read(location, seen.documents, seen.rejects, seen.passed_over)


def _texts(files: Sequence[str], documents: Sequence[int], rows: Ints) -> Iterator[pa.Array]:
    """Read the texts of some rows, which are in order and count through all files."""
    start = 0
    for file, number in zip(files, documents, strict=True):
        if ((rows >= start) & (rows < start + number)).any():
            at = start
            for batch in storage.read_batches(file, [c.TEXT]):
                wanted = rows[(rows >= at) & (rows < at + batch.num_rows)] - at
                at += batch.num_rows
                if len(wanted):
                    yield batch.column(c.TEXT).combine_chunks().take(pa.array(wanted))
        start += number


def _met(pairs: pa.Table, names: Sequence[str]) -> Iterator[Met]:
    exact = pl.col(c.LEVEL) == LEVELS[EXACT]
    by_sets = pl.DataFrame(pairs).group_by(c.LEFT_SET, c.RIGHT_SET)
    counts = by_sets.agg(
        pl.col(c.LEFT_ID).n_unique(), pl.col(c.RIGHT_ID).n_unique(), exact=exact.sum(),
        near=(~exact).sum(),
    )  # fmt: skip
    known = {(left, right): numbers for left, right, *numbers in counts.iter_rows()}
    for i, left in enumerate(names):
        for right in names[i + 1 :]:
            yield Met(left, right, *known.get((left, right), (0, 0, 0, 0)))


def _named(pairs: pa.Table, names: Sequence[str], files: Sequence[str]) -> pa.Table:
    """Call documents as their records do."""
    found = pl.DataFrame(pairs)
    for column, of in ((c.LEFT_ID, c.LEFT_SET), (c.RIGHT_ID, c.RIGHT_SET)):
        called = found[column]
        for name, file in zip(names, files, strict=True):
            names_of = pl.Series(storage.read_table(file, ["name"]).column(0))
            here = found[of] == name
            places = found[column].set(~here, None).cast(pl.Int64)
            called = called.zip_with(~here, names_of.gather(places))
        found = found.with_columns(called.alias(column))
    return conform(found.to_arrow(), PAIRS)
