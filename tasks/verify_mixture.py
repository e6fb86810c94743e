"""The proof of a mixture and what it rests on: draws, order, budgets, splits, lineage, counts."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.masking import KINDS
from schemas.mixture import TEXT_ROW
from schemas.tables import CORPUS
from tasks import (
    draws,
    guarded,
    kept,
    mixture,
    storage,
    tokenizer_files,
    verify_places,
    verify_replay,
    verify_rows,
)
from tasks.counting import Counting, fit
from tasks.encoding import Encoder
from tasks.mixed import TEXT_DIGEST
from tasks.select import TRAIN
from tasks.verify_frames import HOLDS, NARROW, PLACE, Frames, hashed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.config import RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

ALIGNED = "ingest, signals and select list the same shards"
LONGEST_LEFT_OUT = 64
"""How many documents that a budget left out are counted, if it falls short: the largest ones."""


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of what is made of the corpus, each with the stages it reads."""
    frames = Frames(out, config, manifests)
    proof = Proof(frames)
    corpus = {"ingest", "signals", "select"}
    found: list[Check] = [
        ("corpus: it is the kept documents", {*corpus, "corpus"}, proof.corpus),
        *verify_replay.checks(frames),
        ("mixture: order and counts", {"mixture"}, proof.order),
        ("mixture: its shares along the way", {"mixture"}, proof.shares),
        ("mixture: its budgets", {"mixture"}, proof.asked),
        ("mixture: its replay tokens", {"mixture", "replay"}, proof.replay_budget),
        ("mixture: its new data", {*corpus, "tokenizer", "mixture"}, proof.new_budget),
        ("mixture: every row is a kept document", {*corpus, "mixture"}, proof.lineage),
        (verify_rows.STATEMENT, {*corpus, "tokenizer", "mixture"}, proof.rows),
        (verify_places.ORDER, {*corpus, "mixture"}, partial(verify_places.order, frames)),
        ("mixture: its folders", {"mixture"}, proof.nothing_else),
    ]
    if config.mixture is not None and config.mixture.format == "tokens":
        found.append((verify_places.PADDING, {"mixture"}, partial(verify_places.padding, frames)))
    if config.masking is not None:
        found += [
            (f"{stage}: what was masked", {*corpus, stage}, partial(proof.masked, stage))
            for stage in ("corpus", "replay", "mixture")
        ]
    asked = {"replay": config.replay is not None, "mixture": config.mixture is not None}
    return [x for x in found if asked.get(x[0].partition(":")[0], True)]


class Proof:
    """Checks that share the frames of a run."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def masked(self, stage: str) -> Iterator[Finding]:
        """What the manifest says was masked is what masks hide in the documents that it has."""
        if stage == "replay" and not self._frames.replay.materialize:
            return
        own = self._frames.kept
        if stage != "corpus":  # which has all of them
            ids = (self._frames.drawn if stage == "replay" else self._frames.rows)[c.DOC_ID]
            own = own.filter(pl.col(c.DOC_ID).is_in(ids.implode()))
        sums = own.group_by(c.SOURCE).agg(pl.col(*KINDS).sum()).sort(c.SOURCE).to_dicts()
        found = {
            row[c.SOURCE]: {kind: row[kind] for kind in KINDS if row[kind]}
            for row in sums
            if any(row[kind] for kind in KINDS)
        }
        said = self._frames.manifests[stage].details.get("masked", {})
        hidden = sum(n for kinds in found.values() for n in kinds.values())
        statement = f"{stage}: its manifest counts what was masked"
        yield Finding.same(statement, said, found, f"{hidden:,} spans")

    def corpus(self) -> Iterator[Finding]:
        """The materialized corpus holds the kept documents and their text."""
        parts = [
            frame.select(*NARROW, TEXT_DIGEST)
            for shard in self._frames.manifests["corpus"].shards
            for frame in hashed(self._frames.at("corpus", shard.file), CORPUS)
        ]
        wanted = self._frames.kept.select(*NARROW, pl.col(c.TEXT_HASH).alias(TEXT_DIGEST))
        found = pl.concat([wanted.clear(), *parts])
        detail = f"{wanted.height:,} kept documents, {found.height:,} in corpus/"
        same = _sorted(found).equals(_sorted(wanted))
        yield Finding("corpus: its rows are the kept documents, with their text", same, detail)

    def order(self) -> Iterator[Finding]:
        """Positions, and the counts of the manifest, are those of the rows."""
        rows = self._frames.rows
        step = pl.col(c.POSITION).diff().over(c.SPLIT).fill_null(1)
        first = pl.col(c.POSITION).first().over(c.SPLIT) == 0
        ok = bool(rows.select((step.is_between(0, 1) & first).all()).item())
        if self._frames.layout.row_tokens is None:
            ok = ok and bool(rows.select((step == 1).all()).item())
        detail = f"{rows.select(c.SPLIT, c.POSITION).n_unique():,} rows"
        yield Finding("mixture: rows stand in their order, without gaps", ok, detail)
        apart = rows.select(c.DOC_ID, c.SPLIT).unique().height == rows[c.DOC_ID].n_unique()
        once = apart and all(
            not self._frames.again(own)
            for _, own in self._whole.group_by(c.EPOCH, c.ORIGIN, c.SPLIT)
        )
        yield Finding("mixture: in an epoch no text stands twice, no document in both splits", once)
        broken = self._whole.filter(~pl.col("whole")).height
        detail = f"{self._whole.height:,} documents and passages, {broken:,} are not"
        yield Finding("mixture: what stands in several rows is whole", broken == 0, detail)
        said = self._frames.manifests["mixture"].details
        statement = "mixture: its manifest says what the rows come to"
        found = mixture.told(rows, self._frames.mixture)
        yield Finding.same(statement, {k: said[k] for k in found}, found)

    @cached_property
    def _whole(self) -> pl.DataFrame:
        """Documents and passages of each epoch, put together of their pieces."""
        key = [*NARROW, c.ORIGIN, c.EPOCH, *PLACE]
        before = pl.col(c.TOKENS).cum_sum() - pl.col(c.TOKENS)
        follows = (pl.col(c.TOKEN_START) == before).all()
        ended = pl.col(c.ENDS).is_null().all() | (
            pl.col(c.ENDS).last() & (pl.col(c.ENDS).sum() == 1)
        )
        pieces = self._frames.rows.sort(c.TOKEN_START, maintain_order=True)
        return pieces.group_by(key, maintain_order=True).agg(
            pl.col(c.TOKENS).sum(), (follows & ended.fill_null(value=False)).alias("whole")
        )

    def shares(self) -> Iterator[Finding]:
        """Replay stands where the schedule puts it: packed rows exactly, others by their tokens."""
        config, train = self._frames.mixture, pl.col(c.SPLIT) == TRAIN
        rows = self._frames.rows.filter(train).group_by(c.POSITION).agg(
            pl.col(c.ORIGIN).unique(), pl.col(c.TOKENS).sum()
        ).sort(c.POSITION)  # fmt: skip
        mixed = rows.filter(pl.col(c.ORIGIN).list.len() > 1).height
        is_replay = (rows[c.ORIGIN].list.first() == "replay").to_numpy()
        off, most, unit = mixture.off_schedule(is_replay, rows[c.TOKENS].to_numpy(), config)
        detail = (
            f"at most {off:,.2f} {unit} off, {most:,.2f} allowed; {mixed:,} rows of two origins"
        )
        statement = "mixture: at every row, replay has the share of the schedule"
        yield Finding(statement, off <= most and not mixed, detail)

    def _train(self, origin: str) -> list[int]:
        """Tokens of each document or passage of one origin, of the first epoch of training."""
        wanted = (pl.col(c.SPLIT) == TRAIN) & (pl.col(c.ORIGIN) == origin) & (pl.col(c.EPOCH) == 0)
        return self._whole.filter(wanted)[c.TOKENS].to_list()

    def _once(self) -> dict[str, int]:
        return draws.once(self._frames.mixture, sum(self._train("new")))

    def asked(self) -> Iterator[Finding]:
        """What the manifest says was asked is what the recipe asks for."""
        asked = draws.asked(self._frames.mixture, sum(self._train("new")))
        wanted = {f"{origin}_tokens": n for origin, n in asked.items()}
        found = {"replay_share": self._frames.mixture.replay_share, **wanted}
        said = self._frames.manifests["mixture"].details["asked"]
        yield Finding.same("mixture: what was asked is what the recipe asks for", said, found)

    def replay_budget(self) -> Iterator[Finding]:
        """The replay rows are a drawn shard, or its start, within one of its documents.

        Drawing stops within half a document of the target, or short of it where only documents are
        left that are longer than what is missing: :func:`tasks.budget.draw`. A shard that falls
        short by more than its longest document is refused.
        """
        have, wanted = sum(self._train("replay")), self._once()["replay"]
        train = self._frames.drawn.filter(pl.col(c.SPLIT) == TRAIN)[c.TOKENS].to_list()
        longest = max(train, default=0) if wanted else 0
        detail = f"asked {wanted:,}, found {have:,}, longest document drawn {longest:,}"
        statement = "mixture: replay tokens are within one document of what was asked"
        yield Finding(statement, abs(have - wanted) <= longest, detail)
        columns = [*NARROW, c.TOKENS, *PLACE]
        replayed = self._whole.filter(pl.col(c.ORIGIN) == "replay").select(columns)
        foreign = replayed.join(self._frames.drawn, on=columns, how="anti", nulls_equal=True).height
        statement = "mixture: every replay row was drawn for the replay shard"
        yield Finding(statement, foreign == 0, f"{replayed.height:,} rows, {foreign:,} were not")

    def new_budget(self) -> Iterator[Finding]:
        """All new data is in; or, where the recipe sets a total, as much as it leaves room for."""
        fresh = self._frames.kept.filter(
            pl.col(c.RECIPE_SOURCE).is_in(list(self._frames.config.new))
        )
        fresh = guarded.without(fresh, self._frames.out)
        left_out = self._fit(fresh.join(self._frames.rows, on=c.DOC_ID, how="anti"))
        if self._frames.mixture.total_tokens is None:
            detail = f"{fresh.height:,} kept documents, {left_out.height:,} of them left out"
            detail += " that can be learned from"
            yield Finding("mixture: all new data is in", left_out.height == 0, detail)
            return
        sizes, wanted = self._train("new"), self._once()["new"]
        have, longest = sum(sizes), max(sizes, default=0)
        if wanted - have > longest:  # then one that is longer must have been passed over
            longest = self._longest(left_out.filter(pl.col(c.SPLIT) == TRAIN))
        detail = f"asked {wanted:,}, found {have:,}, longest document {longest:,}"
        statement = "mixture: new tokens are within one document of what was asked"
        yield Finding(statement, abs(have - wanted) <= longest, detail)

    def _fit(self, left_out: pl.DataFrame) -> pl.DataFrame:
        """Those that have tokens to learn, and that the chat template renders."""
        if left_out.is_empty():
            return left_out
        config, out = self._frames.config.budget(), self._frames.out
        with Encoder.of(config, out) as encoder:
            return fit(left_out, Counting.of(config, encoder, out))

    def _longest(self, frame: pl.DataFrame) -> int:
        """Tokens of the longest document among those of the most bytes."""
        tokenizer = tokenizer_files.load(self._frames.out)
        largest = frame.sort(c.N_BYTES, c.DOC_ID, descending=True).head(LONGEST_LEFT_OUT)
        longest = 0
        for (shard,), part in largest.partition_by(c.SHARD, as_dict=True).items():
            rows = part[c.ROW].to_list()
            for _, table in kept.rows_of(
                self._frames.out,
                str(shard),
                rows,
                columns=[c.TEXT],
                masking=self._frames.config.masking,
            ):
                counts = tokenizer.count(table.column(c.TEXT).to_pylist())
                longest = max(longest, *counts)
        return longest

    def lineage(self) -> Iterator[Finding]:
        """Every row is the text of a kept document, in its split, of its source and origin."""
        origins = {s.name: s.origin for s in self._frames.config.ingest.sources}
        rows = self._frames.rows
        text = (pl.col(c.KIND) == TEXT_ROW) & pl.col(TEXT_DIGEST).is_not_null()
        found = self._frames.expected(rows.filter(text))
        others = rows.filter(~text).join(
            self._frames.kept, on=c.DOC_ID, how="left", suffix="_decided"
        )
        others = others.with_columns(pl.col(c.TEXT_HASH).alias(TEXT_DIGEST))
        found = pl.concat([found, others.select(found.columns)])
        origin = pl.col(c.RECIPE_SOURCE).replace_strict(
            origins, default=None, return_dtype=pl.String
        )
        for statement, holds in (
            ("is the text of a kept document, or of its place in one", HOLDS),
            (
                "is in the split its cluster was decided for",
                pl.col(c.SPLIT) == pl.col(f"{c.SPLIT}_decided"),
            ),
            (
                "is of the source and origin of its document",
                (pl.col(c.SOURCE) == pl.col(f"{c.SOURCE}_decided")) & (pl.col(c.ORIGIN) == origin),
            ),
        ):
            wrong = found.filter(~holds.fill_null(value=False)).height
            yield Finding(f"mixture: every row {statement}", wrong == 0, f"{wrong:,} are not")

    def rows(self) -> Iterator[Finding]:
        """A sample of documents stands in the rows as it is encoded anew."""
        yield from verify_rows.findings(self._frames)

    def nothing_else(self) -> Iterator[Finding]:
        """A glob over the mixture's folders finds its shards and no other file."""
        listed = {s.file for s in self._frames.manifests["mixture"].shards}
        there = {
            f"{split}/{name}"
            for split in mixture.SPLIT_NAMES.values()
            for name in storage.list_names(self._frames.at("mixture", split))
        }
        foreign = sorted(there - listed)
        yield Finding("mixture: its folders hold nothing else", not foreign, ", ".join(foreign))


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)
