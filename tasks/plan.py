"""What a recipe would read, write and need, before it runs. Writes nothing.

Files are listed; of each source the first documents are read, measured and packed in memory, and
what they showed is scaled up by the bytes of input. So every figure is of this recipe on this
machine, and an estimate: a source whose first file is unlike the others is estimated wrongly.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas import columns as c
from schemas.manifest import Frozen
from schemas.plan import Plan, SourcePlan
from tasks import (
    against,
    dedup,
    embeddings,
    eval_sets,
    inputs,
    models,
    preflight,
    sampling,
    storage,
)
from tasks.dedup import pieces
from tasks.ingest import documents
from tasks.pieces import ANCHOR
from tasks.report import sections
from tasks.signals.measure import measure
from tasks.surrogate import pool, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.budgets import MixtureConfig
    from schemas.config import RunConfig, Source
    from schemas.manifest import InputFile, Unit
    from schemas.replay import ReplayConfig

PREFECT_BYTES = 500_000_000
"""What Prefect, its in-process server and batches at hand in each worker add, about (resident)."""
DECIDING_BYTES = 1_500
"""Memory a document takes while it is decided on (a million documents took 1.4 GB at most)."""
DECIDED_BYTES = 100
"""What a document's decision takes on disk, with the state it is made from (45 were measured)."""
ID_BYTES = 1.5
"""Of the ids of a byte of text: four a token, where a token is of 2.7 bytes of text or more."""
SHARD_COPIES = 4
"""Copies of a training shard's text that exist while it is collected, sorted and written."""


def plan(recipe: RunConfig, out: str, memory_limit: int = dedup.MEMORY_BYTES) -> Plan:
    """List, sample, scale up. Raises what the run would raise of a wrong recipe."""
    preflight.check(recipe)
    listing = inputs.list_units(recipe.ingest, recipe.pool())
    sources = tuple(
        _source_plan(s, [u for u in listing.units if u.source == s.name], recipe)
        for s in recipe.ingest.sources
    )
    documents = sum(s.documents for s in sources)
    pairs = recipe.signals.minhash * dedup.pairs_bytes(documents, recipe.signals)
    parts = sum(s.parts for s in sources)
    shared = pieces.DISK_BYTES * (parts + sum(s.pieces for s in sources))
    written = sum(s.disk_bytes for s in sources) + _written_text(recipe, sources)
    return Plan(
        out=out,
        sources=sources,
        samples=tuple(sections.sampled(*said) for said in listing.samples.items()),
        stages=tuple(_stages(recipe)),
        extra_reads=tuple(_extra_reads(recipe)),
        passed_over=tuple(listing.passed_over),
        memory_bytes=_peak_bytes() + PREFECT_BYTES + _largest_need(recipe, sources, memory_limit),
        disk_bytes=written + DECIDED_BYTES * documents + pairs + shared,
        pairs_bytes=pairs,
        parts_bytes=shared,
        parts_memory_bytes=pieces.SETTLED_BYTES * parts,
        free_bytes=storage.free_bytes(out),
        seconds=sum(s.seconds for s in sources),
    )


def _largest_need(recipe: RunConfig, sources: tuple[SourcePlan, ...], memory_limit: int) -> int:
    """Bytes of the greediest of three stages, which do not run at the same time."""
    documents = sum(s.documents for s in sources)
    comparing = recipe.signals.minhash * dedup.needed(documents, recipe.signals)
    sorting = pieces.PIECE_BYTES * sum(max(s.pieces, s.parts) for s in sources)
    deciding = max(DECIDING_BYTES * documents, min(max(comparing, sorting), memory_limit))
    deciding = max(deciding, eval_sets.needed(recipe.signals)[1])
    if recipe.dedup.semantic is not None:
        vectors = embeddings.needed(recipe.dedup.semantic, documents)
        deciding = max(deciding, DECIDING_BYTES * documents + vectors)
    if recipe.replay is not None and recipe.replay.measured:
        deciding = max(deciding, _pool_units(recipe, sources) * pool.MEMORY[recipe.replay.drawn_by])
    if recipe.mixture is None:
        return deciding
    text = sum(s.text_bytes for s in sources)
    return max(deciding, SHARD_COPIES * min(text, round(recipe.mixture.shard_mb * 1e6)))


def _pool_units(recipe: RunConfig, sources: tuple[SourcePlan, ...]) -> int:
    """Passages, or documents, that a replay shard is drawn from by what is measured of them."""
    assert recipe.replay is not None  # noqa: S101  (asked before)
    old = [s for s in sources if s.name in recipe.replay.pool(recipe.old)]
    found = sum(s.documents for s in old)
    if recipe.replay.drawn_by == "passages":
        found += sum(s.text_bytes for s in old) // pool.BYTES_A_PASSAGE
    return min(found, recipe.replay.pool_passages)


def _source_plan(source: Source, units: list[Unit], recipe: RunConfig) -> SourcePlan:
    files = [f for u in units for f in u.files]
    total = sum(u.size for u in units)
    seen = _look(source, files, units, recipe)
    factor = sum(u.size * u.rate for u in units) / seen.input_bytes if seen.input_bytes else 0.0
    return SourcePlan(
        name=source.name,
        origin=source.origin,
        format=units[0].format if units else source.format,
        files=len({f.url for f in files}),
        units=len(units),
        input_bytes=total,
        documents=math.ceil(seen.documents * factor),
        text_bytes=math.ceil(seen.text_bytes * factor),
        disk_bytes=math.ceil(seen.disk_bytes * factor),
        narrow_bytes=math.ceil(seen.narrow_bytes * factor),
        pieces=math.ceil(seen.pieces * factor),
        parts=math.ceil(seen.parts * factor),
        seconds=seen.seconds * factor,
    )


class _Look(Frozen):
    """What a source's first records came to."""

    documents: int
    input_bytes: float
    text_bytes: int = 0
    disk_bytes: int = 0
    narrow_bytes: int = 0
    pieces: int = 0
    parts: int = 0
    seconds: float = 0.0


def _look(source: Source, files: list[InputFile], units: list[Unit], recipe: RunConfig) -> _Look:
    started = time.process_time()
    if not units:
        return _Look(documents=0, input_bytes=0.0)
    first = sampling.look(sampling.some(files), units[0].format, source)
    if not first.records:
        return _Look(documents=0, input_bytes=first.n_bytes)
    table = documents.to_documents([("", r) for r in first.records], source=source)
    warming = time.process_time()
    # Loads models and libraries, which is no cost of a document.
    measure(table.slice(0, 1), recipe.signals)
    warming = time.process_time() - warming
    measured = measure(table, recipe.signals)
    found, parts = _pieces(measured, recipe)
    disk = _packed(table) + _packed(measured)
    return _Look(
        documents=table.num_rows,
        input_bytes=first.n_bytes,
        text_bytes=sum(measured.column(c.N_BYTES).to_pylist()),
        disk_bytes=disk,
        narrow_bytes=measured.nbytes,
        pieces=found,
        parts=parts,
        seconds=time.process_time() - started - warming,
    )


def _pieces(measured: pa.Table, recipe: RunConfig) -> tuple[int, int]:
    """Return the pieces that are compared, and the lines, paragraphs and runs that they lead to."""
    told = pc.struct_field(pc.list_flatten(measured.column(c.PIECES)), "kind").to_numpy()
    asked, words = pieces.kinds(recipe.signals, recipe.dedup), recipe.signals.substring_words
    units = int(np.isin(told, [kind for kind in asked if kind != ANCHOR]).sum())
    if ANCHOR not in asked or words is None:
        return units, units
    anchors = int((told == ANCHOR).sum())
    return units + anchors, units + pieces.runs(anchors, words)


def _packed(table: pa.Table) -> int:
    """Bytes of a table as a Parquet shard."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return int(sink.getvalue().size)


def _peak_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _stages(recipe: RunConfig) -> Iterator[str]:
    yield from ("ingest", "signals", "select")
    if recipe.corpus.materialize:
        yield "corpus"
    if recipe.mixture is not None and recipe.mixture.guard:
        yield "guard"
    if recipe.tokenizer is not None:
        yield "tokenizer"
    if recipe.replay is not None:
        yield "replay"
    if recipe.mixture is not None:
        yield "mixture"


def _extra_reads(recipe: RunConfig) -> Iterator[str]:
    """Reads beyond the two passes over the text (measure once, write what was chosen once)."""
    for source in recipe.ingest.sources:
        if source.normalise is not None and source.normalise.boilerplate is not None:
            yield f"boilerplate: all of {source.name}, to find the lines that it repeats"
    if recipe.signals.evals:
        size, memory = (n / 1e6 for n in eval_sets.needed(recipe.signals))
        yield f"evaluation sets: {size:,.1f} MB, which take some {memory:,.0f} MB of memory"
    yield from _reads_for_items(recipe)
    for where, size in models.needed(recipe.signals):
        yield f"{where}: {size / 1e6:,.1f} MB of files, to train it"
    yield from _reads_of_dedup(recipe)
    tokenizer = recipe.tokenizer
    if tokenizer is not None and tokenizer.train_vocab_size is not None:
        yield f"tokenizer: up to {tokenizer.train_mb:g} MB of kept replay text, to train it"
    if recipe.replay is not None or recipe.mixture is not None:
        yield "tokens: kept text that the budgets consider, to count its tokens exactly"
    if recipe.replay is not None:
        yield from _reads_for_replay(recipe.replay)
    if recipe.mixture is not None:
        yield from _reads_for_mixture(recipe, recipe.mixture)


def _reads_for_mixture(recipe: RunConfig, mixture: MixtureConfig) -> Iterator[str]:
    if mixture.max_doc_tokens is not None:
        yield "tokens: once more, documents of more than mixture.max_doc_tokens, to cut them"
    if mixture.order == "dissimilar_first":
        yield "mixture: all new data and the drawn replay, to count how unlike their words are"
    if recipe.corpus.materialize:
        yield "corpus: all kept text, because corpus.materialize asks for it beside the mixture"
    if recipe.replay is not None and recipe.replay.materialize:
        yield "replay: the drawn text, because replay.materialize asks for it beside the mixture"


def _reads_for_replay(replay: ReplayConfig) -> Iterator[str]:
    if replay.measured:
        yield (
            f"replay: kept text of the replay sources, up to {replay.pool_passages:,} "
            f"{replay.drawn_by}, to count its words; the counts are scratch, and removed"
        )
    if replay.text_target is not None:
        size = target.part(replay.text_target).n_bytes / 1e6
        yield f"replay.target: {size:,.1f} MB of files, which the shard is to be like"


def _reads_for_items(recipe: RunConfig) -> Iterator[str]:
    action = recipe.decontaminate.action if recipe.decontaminate else "report"
    if action == "drop_paragraphs":
        yield "decontamination: the text of documents that have an item, to find its paragraphs"
    if action != "report" and pieces.kinds(recipe.signals, recipe.dedup):
        yield (
            "decontamination: the text of documents that lose lines, paragraphs or runs of words, "
            "so that no item comes together in what is left"
        )


def _reads_of_dedup(recipe: RunConfig) -> Iterator[str]:
    for place, index in against.indexes(recipe.dedup, recipe.signals).items():
        yield (
            f"index: ids, text hashes and MinHash of the {index.rows:,} documents in {place}, once "
            f"for each {against.AT_ONCE:,} documents of the run"
        )
    if recipe.dedup.semantic is not None:
        size = sum(f.size or 0 for f in embeddings.listed(recipe.dedup.semantic)) / 1e6
        each = embeddings.needed(recipe.dedup.semantic, 1)
        kept = f"; {each:,} bytes for each document stay in memory" if each else ""
        yield f"embeddings: {size:,.1f} MB{kept}"
    if recipe.signals.minhash and recipe.dedup.verification == "exact":
        yield "near-duplicates: the text of all candidates, to compare it exactly"
        if recipe.mixture is not None and recipe.mixture.guard:
            yield "guard: that of candidates which were kept, once more"
    if recipe.dedup.substrings and recipe.signals.substring_words is not None:
        yield "substrings: the text of documents that seem to share one, once a range of hashes"


def _written_text(recipe: RunConfig, sources: tuple[SourcePlan, ...]) -> int:
    """Bytes at most of what is written beside documents and signals.

    The kept text again for each of corpus, replay and mixture (there once an epoch of its side, as
    ids as much again), and once more as scratch while a mixture is gathered; ids as counting lays
    them by, which nothing compresses.
    """
    times = int(recipe.corpus.materialize)
    times += recipe.replay is not None and recipe.replay.materialize
    written, mixture = times * sum(s.disk_bytes for s in sources), recipe.mixture
    if mixture is None:
        return written
    of_ids, epochs = mixture.format == "tokens", {"new": mixture.epochs}
    for source in sources:
        seen = epochs.get(source.origin, mixture.replay_epochs)
        written += 2 * (1 + of_ids) * seen * source.disk_bytes
        written += of_ids * round(ID_BYTES * source.text_bytes)
    return written
