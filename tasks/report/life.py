"""The life of one document, as headings with facts below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.guard import LEFT_OUT_BY, REASONS
from tasks.report.document import document_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.tracing import Drawn, Life, Placed

    Facts = list[tuple[str, str]]

SHOWN: Final = 20
"""Ranks and places that are shown one by one."""


def life_facts(life: Life) -> Iterator[tuple[str, Facts]]:
    """Yield a heading and (name, fact) pairs, in the order in which things happened."""
    (title, facts), *rest = document_facts(life.document)
    yield title, facts
    yield "Input", list(_input(life))
    if life.changes:
        changes = [(kind, f"{n:,} characters") for kind, n in life.changes.items()]
        yield "Changed by normalisation", changes
    yield from ((name, some) for name, some in rest if name in {"Why", "Removed from its text"}
                or name.startswith("Twin"))  # fmt: skip
    if life.cluster is not None:
        others = ", ".join(life.cluster.others)
        said = f"{life.cluster.documents:,} documents in {life.cluster.cluster_id}: {others}"
        yield "Cluster", [("", said)]
    if life.document.keep is not None:
        yield "Rights", list(_rights(life))
    if life.document.keep:
        yield "Guard", [("", _guard(life))]
        yield from _taken(life)
    for name, some in rest:
        if name == "Note":
            told = [(said, what) for said, what in some if not what.startswith(LEFT_OUT_BY)]
        else:
            told = some
        yield from [(name, told)] * (bool(told) and name in {"Note", "Begins"})


def _input(life: Life) -> Iterator[tuple[str, str]]:
    read = life.input
    if read is None:
        yield "file", "not known: its manifest names no such input"
        return
    size = "size not known" if read.size is None else f"{read.size:,} bytes"
    yield "file", f"{read.url} ({size}, {read.records:,} records)"
    yield "digest", read.digest or "none: it came from a server, see its version"
    if read.version:
        yield "version", read.version


def _rights(life: Life) -> Iterator[tuple[str, str]]:
    yield "licence", life.document.license or "not stated"
    if not life.opt_out_lists:
        yield "opt-out", "no list was asked for; records that say so themselves count"
    for one in life.opt_out_lists:
        yield f"opt-out {one.kind}", f"{one.entries:,} entries, digest {one.digest}"


def _guard(life: Life) -> str:
    found = life.left_out
    if found is not None:
        said = f"left out: it {REASONS[found.reason]}: {found.matched_source}, {found.matched_id}"
        return f"{said} ({found.level}, {found.similarity:.2f})"
    return "nothing in common was found" if life.guarded else "there is none"


def _taken(life: Life) -> Iterator[tuple[str, Facts]]:
    corpus = life.document.written.get("corpus")
    if corpus is not None:
        yield "Corpus", [(corpus.split, f"row {corpus.row:,} of {corpus.shard}")]
    if life.drawn:
        yield "Drawn for replay", _some([_rank(one) for one in life.drawn])
    if life.mixture:
        yield "In the mixture", _some([_place(one) for one in life.mixture])


def _some(facts: Facts) -> Facts:
    more = len(facts) - SHOWN
    return [*facts[:SHOWN], *[("", f"and {more:,} more, with --json")] * (more > 0)]


def _rank(one: Drawn) -> tuple[str, str]:
    passage = "" if one.start is None else f", characters {one.start:,} to {one.end:,}"
    return one.split, f"rank {one.rank:,} of {one.of:,}, {one.tokens:,} tokens{passage}"


def _place(one: Placed) -> tuple[str, str]:
    said = f"position {one.position:,}, epoch {one.epoch}: row {one.row:,} of {one.shard}"
    if one.start is not None:
        said += f", characters {one.start:,} to {one.end:,}"
    if one.piece is None:
        return one.split, f"{said}, {one.tokens:,} tokens"
    start = one.token_start or 0
    said += f", piece {one.piece + 1} at ids {one.first:,} to {one.last:,}: "
    said += f"its tokens {start:,} to {start + one.tokens:,}"
    return one.split, said + " and the end-of-text token" * bool(one.ends)
