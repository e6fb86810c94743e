"""What decisions rest on, read from a run's finished stages without text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from schemas import columns as c
from schemas import quality
from schemas.index import Index  # noqa: TC001  (a field of a named tuple)
from schemas.limits import PerplexityRule
from schemas.manifest import EVALS, EvalIndex, StageManifest
from schemas.tables import SIGNALS
from tasks import (
    against,
    attributes,
    embeddings,
    ledger,
    licenses,
    opt_outs,
    perplexity,
    preflight,
    removal,
    scores,
    select,
    storage,
)
from tasks.hashing import digest
from tasks.rules import attribute_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from schemas.config import DecidingConfig

VERSION = "select-9"
READ = [
    n
    for n in SIGNALS.names
    if n not in {c.MINHASH_BANDS, c.MINHASH_SKETCH, c.PIECES, c.SPANS, c.EVALS}
]
TOLD = [c.DOC_ID, c.LANG, c.N_BYTES, c.ATTRIBUTES]
"""Signals that a whole run's documents are told of at once."""


JUDGED = "judged"
Stages = tuple[StageManifest, StageManifest]
"""Documents, and what was measured of them."""


class Given(NamedTuple):
    """What a run's decisions are made of: finished stages, and the recipe's lists as they are.

    ``indexes`` are those that documents are compared with, by location; ``evals`` the items of
    evaluation sets, laid by.
    """

    documents: StageManifest
    signals: StageManifest
    lists: opt_outs.Lists
    indexes: dict[str, Index]
    tokenizer_digest: str | None
    key: str
    evals: EvalIndex | None


def given(deciding: DecidingConfig, out: str) -> Given:
    """Find them; the key is that of the decisions."""
    documents, signals = ledger.read(out, "ingest"), ledger.read(out, "signals")
    lists = preflight.opt_out_lists(deciding.select.opt_out)
    tokenizer = None if deciding.tokenizer is None else preflight.tokenizer(deciding.tokenizer)[1]
    indexes = against.indexes(deciding.dedup, deciding.signals)
    # What counts of lists, tokenizer and indexes is their content, wherever it lies.
    select = deciding.select.model_copy(update={"opt_out": None})
    dedup = deciding.dedup.model_copy(update={"against": ()})
    measured = deciding.signals.model_copy(update={"evals": (), "classifiers": (), "ngram_lms": ()})
    without = {"select": select, "dedup": dedup, "tokenizer": None, "signals": measured}
    unplaced = deciding.model_copy(update=without)
    rest: list[object] = [documents.key, documents.digest, signals.digest, tokenizer]
    rest += [f.model_dump() for f in embeddings.listed(deciding.dedup.semantic)]
    rest += sorted({digest(index) for index in indexes.values()})
    told = signals.details.get(EVALS)
    evals = None if told is None else EvalIndex.model_validate(told)
    rest += [] if evals is None else [evals.items_digest]
    key = digest(VERSION, licenses.VERSION, unplaced, lists.digests(), *rest)
    return Given(documents, signals, lists, indexes, tokenizer, key, evals)


def finished(out: str, key: str) -> StageManifest | None:
    """Return the manifest of decisions that were made with this key and have all their files."""
    known = ledger.finished(out, "select", key)
    if known is None:
        return None
    folder = ledger.folder(out, "select")
    if not storage.exists(storage.join(folder, ledger.SAMPLES)):
        return None
    beside = dict(known.details.get(removal.DETAIL, {}))
    if EVALS in known.details:
        beside[f"{ledger.EVALS}/{ledger.HITS}"] = known.details[EVALS]["digest"]
    for file, digest_of_it in beside.items():
        part = storage.read_shard(storage.join(folder, file))
        if part is None or part.digest != digest_of_it:
            return None
    return known


def load(some: Given, deciding: DecidingConfig, out: str) -> pl.DataFrame:
    """Return one row a document, with what stays in memory for all documents at once.

    ``doc_id``, ``lang``, ``n_bytes``, ``source``, ``recipe_source``, ``origin``, ``license``, and a
    column for each attribute that a rule is about. Of other signals: :func:`signals`.
    """
    both, told = (some.documents, some.signals), [c.SOURCE, c.LICENSE]
    return pl.concat(_parts(both, deciding, out, told=told, signals=TOLD))


def signals(some: Given, names: list[str], out: str) -> pl.DataFrame:
    """Return some signals of all documents, in the order of :func:`load`."""
    files = [storage.join(ledger.folder(out, "signals"), s.file) for s in some.signals.shards]
    columns = _columns(names)
    read = (_with_scores(storage.read_table(file, columns), names) for file in files)
    return pl.concat(read).select(names)


def _columns(names: list[str]) -> list[str]:
    """Return the columns of signals that hold these: scores are in one."""
    scored = [name for name in names if name.startswith(quality.PREFIX)]
    return [name for name in names if name not in scored] + [c.SCORES] * bool(scored)


def _with_scores(table: pa.Table, names: list[str]) -> pl.DataFrame:
    """Return a shard's signals, those scores that are named in the place of all of them."""
    measured = pl.DataFrame(table)
    if c.SCORES not in measured.columns:
        return measured
    models = [n.removeprefix(quality.PREFIX) for n in names if n.startswith(quality.PREFIX)]
    return measured.drop(c.SCORES).hstack(scores.values(measured[c.SCORES], models))


def cuts(both: Stages, deciding: DecidingConfig, out: str) -> perplexity.Cuts:
    """Return where the languages of the documents that rules judge are parted by perplexity."""
    if not deciding.signals.ngram_lms:
        return {}
    return cut(pl.concat(scored(both, deciding, out)), deciding)


def cut(frame: pl.DataFrame, deciding: DecidingConfig) -> perplexity.Cuts:
    """Return the same of all documents as :func:`scored` gives them.

    By each n-gram model, as the recipe parts them by it, or else as CCNet does.
    """
    asked = {rule.name: rule for rule in deciding.select.perplexity}
    names = dict.fromkeys(one.name for one in deciding.signals.ngram_lms)
    rules = [asked.get(name) or PerplexityRule(name=name, keep=("head",)) for name in names]
    return perplexity.cuts(frame.filter(JUDGED), rules)


def scored(both: Stages, deciding: DecidingConfig, out: str) -> Iterator[pl.DataFrame]:
    """Return ``lang``, ``score_<name>`` and whether rules judge it (``judged``), by shard."""
    own = [c.LANG, *(quality.score(name) for name in deciding.signals.scores())]
    judged = select.judged(deciding.select).alias(JUDGED)
    for part in _parts(both, deciding, out, told=[c.SOURCE], signals=[c.LANG, c.SCORES]):
        yield part.select(*own, judged)


def parts(some: Given, deciding: DecidingConfig, out: str) -> Iterator[pl.DataFrame]:
    """Return one row a document, a shard after the other.

    All signals but bands, sketches and spans; ``source``, ``recipe_source``, ``origin``,
    ``license``, ``opt_out``, what opt-out lists are compared with, ``address`` (where the recipe
    asks for it), and a column for each attribute that a rule is about.
    """
    columns = [c.SOURCE, c.LICENSE, c.OPT_OUT, *some.lists.needed()]
    columns += [c.URL] * (deciding.dedup.urls and c.URL not in columns)
    both = some.documents, some.signals
    for part in _parts(both, deciding, out, told=columns, signals=READ):
        yield part if not deciding.dedup.urls else part.hstack([_addresses(part[c.URL])])


def _parts(
    both: Stages, deciding: DecidingConfig, out: str, *, told: list[str], signals: list[str]
) -> Iterator[pl.DataFrame]:
    """Return of each shard what its records told and what was measured of them."""
    for left, right in zip(*(stage.shards for stage in both), strict=True):
        at = storage.join(ledger.folder(out, "ingest"), left.file)
        part = pl.DataFrame(storage.read_table(at, told))
        at = storage.join(ledger.folder(out, "signals"), right.file)
        part = part.hstack(_measured(storage.read_table(at, signals), deciding))
        own, origin = pl.lit(left.source), pl.lit(deciding.origins[str(left.source)])
        yield part.with_columns(own.alias(c.RECIPE_SOURCE), origin.alias(c.ORIGIN))


def pieces(out: str) -> pl.LazyFrame:
    """Return ``row, pieces`` of all documents, read when it is collected."""
    return _signals(out).select(c.ROW, c.PIECES)


def sketches(out: str) -> pl.LazyFrame:
    """Return ``row, text_hash, minhash_bands, minhash_sketch`` of all, read when collected."""
    return _signals(out).select(c.ROW, c.TEXT_HASH, c.MINHASH_BANDS, c.MINHASH_SKETCH)


def _signals(out: str) -> pl.LazyFrame:
    shards = ledger.read(out, "signals").shards
    files = [storage.join(ledger.folder(out, "signals"), shard.file) for shard in shards]
    return storage.scan(files, row_column=c.ROW)


def _measured(table: pa.Table, deciding: DecidingConfig) -> pl.DataFrame:
    """Signals of a shard, the attributes that rules are about as numbers in place of their JSON."""
    measured = _with_scores(table, [quality.score(name) for name in deciding.signals.scores()])
    if c.ATTRIBUTES not in measured.columns:
        return measured
    names = list(dict.fromkeys(rule.name for rule in deciding.select.attributes))
    found = attributes.values(measured[c.ATTRIBUTES], names)
    found = found.rename({name: attribute_column(name) for name in names})
    return measured.drop(c.ATTRIBUTES).hstack(found)


def _addresses(urls: pl.Series) -> pl.Series:
    found = [None if url is None else opt_outs.normal_url(url) or None for url in urls]
    return pl.Series(c.ADDRESS, found, pl.String)
