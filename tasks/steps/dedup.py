"""Steps of deduplication: what an index has, equal documents, near ones by ranges of keys."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence  # noqa: TC003  (a field of a named tuple)
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import DecidingConfig  # noqa: TC001  (Prefect reads the annotations)
from schemas.errors import ManifestError, SourceError
from schemas.levels import EVAL_ITEM
from schemas.manifest import Shard
from schemas.tables import EVAL_HITS
from tasks import against, comparing, dedup, eval_cuts, ledger, narrow, select, storage
from tasks.hashing import digest, table_digest
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.perplexity import Cuts

FOLDER = "near"
VERSION = "near-1"
INDEX_VERSION = "index-1"
ROWS = 50_000
"""Documents that are judged at a time: each rule takes memory for each."""
ROW = pa.int64()
STATE = pa.schema(
    [
        *(pa.field(n, ROW, nullable=False) for n in (c.RANK, c.ID_ROW, c.ADDRESS_ROW, c.TEXT_ROW)),
        pa.field(c.COMPARED, pa.bool_(), nullable=False),
        pa.field(c.BROKEN, pa.large_list(pa.large_string()), nullable=False),
    ]
)
PAIRS = pa.schema(
    [
        *(pa.field(name, ROW, nullable=False) for name in (c.ROW, c.TWIN_ROW)),
        pa.field(c.SIMILARITY, pa.float64(), nullable=False),
    ]
)
KNOWN = pa.schema(
    [
        pa.field(c.ROW, ROW, nullable=False),
        *(pa.field(n, pa.large_string(), nullable=False) for n in (c.MATCHED_ID, c.LEVEL)),
        pa.field(c.SIMILARITY, pa.float64(), nullable=False),
    ]
)


class Prepared(NamedTuple):
    """The key of the decisions to come, and the ranges of keys to compare documents in."""

    key: str
    spans: list[dedup.Span]


class Found(NamedTuple):
    """The key of decisions, and the files of what they rest on, by the step that found it.

    What indexes have; near-duplicates; who has eval items, and what goes for them; what means the
    same; who stays, and which pieces and runs those share.
    """

    key: str
    known: Sequence[str] = ()
    near: Sequence[str] = ()
    evals: Sequence[str] = ()
    alike: Sequence[str] = ()
    staying: Sequence[str] = ()
    shared: Sequence[str] = ()
    runs: Sequence[str] = ()


@step
def look_up(deciding: DecidingConfig, place: str, out: str) -> str:
    """Find the documents that an index has; return their file. Not where the decisions stand."""
    given = narrow.given(deciding, out)
    documents, threshold = given.documents, deciding.dedup.against_threshold
    # Of what was decided nothing enters: changed rules ask no index again.
    rests_on = (documents.key, documents.digest, given.signals.digest, given.indexes[place])
    file = f"index-{digest(INDEX_VERSION, *rests_on, threshold)}.parquet"
    stands = narrow.finished(out, given.key) is not None
    if not stands and storage.read_shard(at(file, out)) is None:
        asked, rows = narrow.sketches(out), documents.rows_out
        found = against.look_up(place, asked, rows=rows, threshold=threshold)
        write(at(file, out), found, KNOWN)
    return file


@step
def prepare(
    deciding: DecidingConfig, known: list[str], evals: list[str], memory_bytes: int, out: str
) -> Prepared:
    """Find which rules documents break, and equal ones; no ranges where the decisions stand.

    ``known``: the files of what :func:`look_up` found; ``evals``: of who has items, and what goes.
    """
    given = narrow.given(deciding, out)
    if narrow.finished(out, given.key) is not None:
        return Prepared(given.key, [])
    if storage.read_shard(_state_at(given.key, out)) is None:
        found = read_known(known, out)
        against.check_new(_kept_before(given, out), found)
        leaked = eval_cuts.dropped(read_cuts(evals, out))
        state = _state(given, deciding, found[c.ROW].to_numpy(), leaked, out)
        write(_state_at(given.key, out), state, STATE)
    documents, made = given.documents.rows_out, deciding.signals.minhash
    return Prepared(given.key, dedup.spans(documents, deciding.signals, memory_bytes) * made)


def _kept_before(given: narrow.Given, out: str) -> pl.Series:
    """Rows that decisions of the same documents kept, as they stand in the folder; else none."""
    kept = [pl.Series(c.KEEP, [], pl.Boolean)]
    with contextlib.suppress(ManifestError):
        before = ledger.read(out, "select").shards
        if [(s.file, s.rows) for s in before] == [(s.file, s.rows) for s in given.documents.shards]:
            places = [storage.join(ledger.folder(out, "select"), s.file) for s in before]
            kept += [pl.Series(storage.read_table(p, [c.KEEP]).column(c.KEEP)) for p in places]
    return pl.concat(kept).arg_true().cast(pl.Int64)


def _state(
    given: narrow.Given, deciding: DecidingConfig, known: dedup.Ints, leaked: pl.Series, out: str
) -> pl.DataFrame:
    asked = bool(deciding.select.perplexity)
    cuts = narrow.cuts((given.documents, given.signals), deciding, out) if asked else {}
    frame = pl.concat(
        _judged(rows, given, deciding, cuts)
        for part in narrow.parts(given, deciding, out)
        for rows in part.iter_slices(ROWS)
    )
    frame = frame.with_columns(_with_reason(frame[c.BROKEN], leaked))
    frame = frame.with_columns(dedup.rank(frame, deciding.dedup, seed=deciding.seed))
    found = dedup.exact(frame, deciding.dedup, known=known)
    return frame.select(c.RANK, c.BROKEN).hstack(found)


def _with_reason(broken: pl.Series, rows: pl.Series) -> pl.Series:
    """Return the rules that documents break, some rows with that they have an eval item."""
    number = pl.Series(range(len(broken)), dtype=pl.Int64)
    more = pl.when(number.is_in(rows.implode())).then(pl.lit(EVAL_ITEM))
    both = pl.concat_list(pl.lit(broken), more).list.drop_nulls()
    return pl.select(both.alias(broken.name)).to_series()


def _judged(
    frame: pl.DataFrame, given: narrow.Given, deciding: DecidingConfig, cuts: Cuts
) -> pl.DataFrame:
    """Return the rules that documents break, and what they are ranked and known by."""
    # Both kinds of reason cost a document its place among twins: none stands in for an allowed one.
    by_law = select.legal(frame, deciding.select, given.lists)
    broken = select.reasons(frame, deciding.select, cuts)
    both = pl.select(pl.concat_list(by_law, broken).alias(c.BROKEN))
    return frame.select(dedup.reads(deciding.dedup)).hstack(both).rechunk()


@step
def compare(deciding: DecidingConfig, key: str, span: dedup.Span, out: str) -> str:
    """Find and verify the near-duplicates that share a key of a range; return their file."""
    file = f"{digest(VERSION, key, list(map(str, span)))}.parquet"
    if storage.read_shard(at(file, out)) is None:
        write(at(file, out), _alike(deciding, key, span, out), PAIRS)
    return file


def _alike(deciding: DecidingConfig, key: str, span: dedup.Span, out: str) -> pl.DataFrame:
    state = pl.DataFrame(storage.read_table(_state_at(key, out), [c.RANK, c.COMPARED]))
    config, exact = deciding.dedup, deciding.dedup.verification == "exact"
    found = dedup.pairs(
        narrow.sketches(out),
        dedup.taking_part(state),
        span,
        config=deciding.signals,
        threshold=config.threshold - comparing.MARGIN * exact,
    )
    if not exact:
        return found
    read = partial(comparing.documents, shards=ledger.read(out, "ingest").shards, out=out)
    found = comparing.exactly(found, read, deciding.signals)
    return found.filter(pl.col(c.SIMILARITY) >= config.threshold)


def check_same(found: Found, key: str) -> None:
    """Raise :class:`SourceError` where ``found`` is for other decisions than those of this key."""
    if found.key != key:
        raise SourceError(
            "what decisions rest on",
            got="an index, embeddings, an opt-out list or the tokenizer that has changed meanwhile",
            wanted="them as they were when the run began to compare documents",
            way_out="Run the recipe again when nothing writes to them any more.",
        )


def twins(found: Found, out: str) -> pl.DataFrame:
    """Return :func:`tasks.dedup.twins` of what was found, beside ``broken_rules`` and ``rank``."""
    state = pl.DataFrame(storage.read_table(_state_at(found.key, out)))
    settled = dedup.settle(partial(_pairs, found, out), state[c.RANK].to_numpy())
    answer = dedup.twins(state, settled, read_known(found.known, out))
    return state.select(c.BROKEN, c.RANK).hstack(answer)


def _pairs(found: Found, out: str) -> Iterator[pl.DataFrame]:
    """Return what :func:`compare` found, a file after the other."""
    return (pl.DataFrame(storage.read_table(at(file, out))) for file in found.near)


def read_known(known: Sequence[str], out: str) -> pl.DataFrame:
    """Return what :func:`look_up` found in all indexes: of each document the best match."""
    return against.best([pl.DataFrame(storage.read_table(at(file, out))) for file in known])


def read_hits(evals: Sequence[str], out: str) -> pl.DataFrame:
    """Return which documents have items of evaluation sets (``EVAL_HITS``)."""
    table = storage.read_table(at(evals[0], out)) if evals else EVAL_HITS.empty_table()
    return pl.DataFrame(table)


def read_cuts(evals: Sequence[str], out: str) -> pl.DataFrame:
    """Return what goes for that (:data:`tasks.eval_cuts.CUTS`)."""
    if not evals:
        return pl.DataFrame(schema=eval_cuts.CUTS)
    return pl.DataFrame(storage.read_table(at(evals[1], out)))


def sweep(found: Found, out: str) -> None:
    """Remove what was found for other decisions."""
    own = {
        storage.name_of(_state_at(found.key, out)),
        *(name for some in found[1:] for name in some),
    }
    ledger.sweep(out, "select", {f"{FOLDER}/{file}" for file in own}, below=FOLDER)


def at(file: str, out: str) -> str:
    """Return where a file of what was found lies."""
    return storage.join(ledger.folder(out, "select"), FOLDER, file)


def _state_at(key: str, out: str) -> str:
    return at(f"state-{key}.parquet", out)


def write(location: str, frame: pl.DataFrame, schema: pa.Schema) -> None:
    """Write a file of what was found, so that it stands when a run goes on."""
    table = frame.to_arrow().select(schema.names).cast(schema)
    name = storage.name_of(location)
    shard = Shard(file=name, rows=table.num_rows, digest=table_digest(table))
    storage.write_table(location, table, schema, shard=shard)
