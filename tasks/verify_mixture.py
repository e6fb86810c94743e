"""The proof of a mixture and what it rests on: draws, order, budgets, splits, lineage, counts."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import polars as pl

from schemas import columns as c
from schemas.finding import Finding
from schemas.masking import KINDS
from schemas.tables import CORPUS, MIXTURE, REPLAY
from tasks import draws, kept, ledger, mixture, removal, storage, tokens
from tasks.hashing import seeded, text_hash
from tasks.select import TRAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from schemas.config import MixtureConfig, ReplayConfig, RunConfig
    from schemas.manifest import StageManifest

    Manifests = dict[str, StageManifest]
    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]

ALIGNED = "ingest, signals and select list the same shards"
RECOUNTED_ROWS = 500
LONGEST_LEFT_OUT = 64
"""How many documents that a budget left out are counted, if it falls short: the largest ones."""
TEXT_DIGEST = "found_text_hash"
DRAWN = "drawn.parquet"
NARROW = (c.DOC_ID, c.SOURCE, c.SPLIT)


def checks(out: str, config: RunConfig, manifests: Manifests) -> list[Check]:
    """Checks of what is made of the corpus, each with the stages it reads."""
    proof = Proof(out, config, manifests)
    corpus = {"ingest", "signals", "select"}
    found: list[Check] = [
        ("corpus: it is the kept documents", {*corpus, "corpus"}, proof.corpus),
        ("replay: what its manifest says of the draw", {"replay"}, proof.draw),
        ("replay: every row is a kept document", {*corpus, "replay"}, proof.drawn_lineage),
        ("replay: its text is that of the draw", {"replay"}, proof.replay_text),
        ("replay: its text is of documents", {*corpus, "replay"}, proof.replay_lineage),
        ("mixture: order and counts", {"mixture"}, proof.order),
        ("mixture: its budgets", {"mixture"}, proof.asked),
        ("mixture: its replay tokens", {"mixture", "replay"}, proof.replay_budget),
        ("mixture: its new data", {*corpus, "tokenizer", "mixture"}, proof.new_budget),
        ("mixture: every row is a kept document", {*corpus, "mixture"}, proof.lineage),
        ("mixture: token counts", {"tokenizer", "mixture"}, proof.recount),
        ("mixture: its folders", {"mixture"}, proof.nothing_else),
    ]
    if config.masking is not None:
        found += [
            (f"{stage}: what was masked", {*corpus, stage}, partial(proof.masked, stage))
            for stage in ("corpus", "replay", "mixture")
        ]
    asked = {"replay": config.replay is not None, "mixture": config.mixture is not None}
    return [x for x in found if asked.get(x[0].partition(":")[0], True)]


def decided(out: str, manifests: Manifests) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """For each shard, row by row: decisions; and ids, sources, sizes and text hashes.

    Sizes are without what was removed of kept documents; hashes are of texts as they were read.
    """
    names = ("select", "ingest", "signals")
    for triple in zip(*(manifests[n].shards for n in names), strict=True):
        select, ingest, signals = (
            storage.join(ledger.folder(out, n), s.file) for n, s in zip(names, triple, strict=True)
        )
        decisions = [c.DOC_ID, c.KEEP, c.DROP_REASON, c.CLUSTER_ID, c.SPLIT]
        measured = removal.subtracted(
            _frame(signals, [c.N_BYTES, c.TEXT_HASH]), triple[1].file, out
        )
        yield _frame(select, decisions), _frame(ingest, [c.DOC_ID, c.SOURCE]).hstack(measured)


def _frame(at: str, names: Sequence[str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(storage.read_table(at, names)))


def _hashed(at: str, schema: pa.Schema) -> Iterator[pl.DataFrame]:
    """A file's rows with their text replaced by its hash; no rows come first, for their columns."""
    for table in (schema.empty_table(), *storage.read_batches(at)):
        hashes = [text_hash(t) for t in table.column(c.TEXT).to_pylist()]
        frame = pl.DataFrame(pl.from_arrow(table.drop_columns([c.TEXT])))
        yield frame.with_columns(pl.Series(TEXT_DIGEST, hashes, dtype=pl.String))


class Proof:
    """Checks that share narrow frames of the run, read when the first one needs them."""

    def __init__(self, out: str, config: RunConfig, manifests: Manifests) -> None:
        self._out, self._config, self._manifests = out, config, manifests

    def _at(self, stage: str, *names: str) -> str:
        return storage.join(ledger.folder(self._out, stage), *names)

    @property
    def _replay(self) -> ReplayConfig:
        if self._config.replay is None:
            raise LookupError("[replay] in the recipe")
        return self._config.replay

    @property
    def _mixture(self) -> MixtureConfig:
        if self._config.mixture is None:
            raise LookupError("[mixture] in the recipe")
        return self._config.mixture

    @cached_property
    def _kept(self) -> pl.DataFrame:
        """Kept documents, without text, and where in ``documents/`` each stands."""
        shards = self._manifests["ingest"].shards
        both = zip(shards, decided(self._out, self._manifests), strict=True)
        parts = [
            decisions.hstack(documents.drop(c.DOC_ID))
            .with_row_index(c.ROW)
            .with_columns(
                pl.col(c.ROW).cast(pl.Int64),
                pl.lit(shard.file).alias(c.SHARD),
                pl.lit(shard.source).alias(c.RECIPE_SOURCE),
            )
            .filter(c.KEEP)
            .select(*NARROW, c.N_BYTES, c.TEXT_HASH, c.SHARD, c.ROW, c.RECIPE_SOURCE)
            for shard, (decisions, documents) in both
        ]
        return self._as_written(pl.concat(parts))

    def _as_written(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Kept documents with the hash of their text as it is written, and what masks hide."""
        masking = self._config.masking
        kinds = [] if masking is None else list(KINDS)
        columns: dict[str, Any] = {c.ROW: pl.Int64, c.TEXT_HASH: pl.String}
        columns |= dict.fromkeys(kinds, pl.Int64)
        parts = [pl.DataFrame(schema={**columns, c.SHARD: pl.String})]
        for (shard,), own in frame.partition_by(c.SHARD, as_dict=True).items():
            removed = removal.of_shard(str(shard), self._out)
            if masking is None and removed is None:
                parts.append(own.select(*columns, c.SHARD))
                continue
            rows, texts = own[c.ROW].to_list(), [c.TEXT, c.SOURCE]
            for numbers, table in kept.rows_of(self._out, str(shard), rows, columns=texts):
                found, counts = kept.masked(table, masking)
                hashes = [text_hash(t) for t in found.column(c.TEXT).to_pylist()]
                part = pl.DataFrame({c.ROW: numbers, c.TEXT_HASH: hashes})
                if kinds:
                    part = part.hstack(pl.DataFrame(counts, schema=kinds, orient="row"))
                parts.append(part.with_columns(pl.lit(str(shard)).alias(c.SHARD)))
        written = pl.concat(parts)
        return frame.drop(c.TEXT_HASH).join(written, on=[c.SHARD, c.ROW], how="left")

    def masked(self, stage: str) -> Iterator[Finding]:
        """What the manifest says was masked is what masks hide in the documents that it has."""
        if stage == "replay" and not self._replay.materialize:
            return
        own = self._kept
        if stage != "corpus":  # which has all of them
            ids = (self._drawn if stage == "replay" else self._rows)[c.DOC_ID]
            own = own.filter(pl.col(c.DOC_ID).is_in(ids.implode()))
        sums = own.group_by(c.SOURCE).agg(pl.col(*KINDS).sum()).sort(c.SOURCE).to_dicts()
        found = {
            row[c.SOURCE]: {kind: row[kind] for kind in KINDS if row[kind]}
            for row in sums
            if any(row[kind] for kind in KINDS)
        }
        said = self._manifests[stage].details.get("masked", {})
        hidden = sum(n for kinds in found.values() for n in kinds.values())
        statement = f"{stage}: its manifest counts what was masked"
        yield Finding.same(statement, said, found, f"{hidden:,} spans")

    @cached_property
    def _drawn(self) -> pl.DataFrame:
        return _frame(self._at("replay", DRAWN))

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """The mixture's rows without text, with the split as decisions name it."""
        names = {name: split for split, name in mixture.SPLIT_NAMES.items()}
        empty = pl.DataFrame(pl.from_arrow(MIXTURE.empty_table())).drop(c.TEXT)
        text = pl.Series(TEXT_DIGEST, [], dtype=pl.String)
        parts = [empty.with_columns(text, pl.lit("").alias(c.SPLIT))]
        for shard in self._manifests["mixture"].shards:
            split = pl.lit(names[shard.file.partition("/")[0]]).alias(c.SPLIT)
            parts += [
                f.with_columns(split) for f in _hashed(self._at("mixture", shard.file), MIXTURE)
            ]
        return pl.concat(parts)

    def corpus(self) -> Iterator[Finding]:
        """The materialized corpus holds the kept documents and their text."""
        parts = [
            frame.select(*NARROW, TEXT_DIGEST)
            for shard in self._manifests["corpus"].shards
            for frame in _hashed(self._at("corpus", shard.file), CORPUS)
        ]
        wanted = self._kept.select(*NARROW, pl.col(c.TEXT_HASH).alias(TEXT_DIGEST))
        found = pl.concat([wanted.clear(), *parts])
        detail = f"{wanted.height:,} kept documents, {found.height:,} in corpus/"
        same = _sorted(found).equals(_sorted(wanted))
        yield Finding("corpus: its rows are the kept documents, with their text", same, detail)

    def draw(self) -> Iterator[Finding]:
        """What the manifest says was asked and drawn of each source, recomputed."""
        details, drawn = self._manifests["replay"].details, self._drawn
        found = draws.achieved(drawn, self._replay.shares, details["targets"][TRAIN])
        detail = "; ".join(
            f"{source}: asked {f['asked_tokens']:,} tokens, drew {f['tokens']:,}"
            for source, f in found.items()
        )
        statement = "replay: its manifest says what was asked and drawn of each source"
        yield Finding.same(statement, details["sources"], found, detail)
        foreign = sorted(set(drawn[c.SOURCE]) - found.keys())
        statement = "replay: only sources of its shares are drawn from"
        yield Finding(statement, not foreign, ", ".join(foreign))

    def drawn_lineage(self) -> Iterator[Finding]:
        """Every drawn row is a kept document, at the place and in the split that are said."""
        said = self._drawn.select(*NARROW, c.SHARD, c.ROW)
        lost = said.join(self._kept, on=said.columns, how="anti").height
        statement = "replay: every drawn row is a kept document of its split, and stands once"
        again = said.height - said[c.DOC_ID].n_unique()
        detail = f"{said.height:,} rows, {lost:,} not kept, {again:,} repeated"
        yield Finding(statement, lost == again == 0, detail)

    def replay_text(self) -> Iterator[Finding]:
        """Where the drawn text is written too, it is that of the drawn rows."""
        if not self._replay.materialize:
            return
        columns = [*NARROW, c.TOKENS]
        wanted = self._drawn.select(columns)
        parts = [frame.select(columns) for frame in self._texts()]
        found = pl.concat([wanted.clear(), *parts])
        detail = f"{wanted.height:,} drawn, {found.height:,} in replay/text/"
        same = _sorted(found).equals(_sorted(wanted))
        yield Finding("replay: the rows of replay/text are the drawn ones", same, detail)

    def replay_lineage(self) -> Iterator[Finding]:
        """Where the drawn text is written too, it is the text of the kept documents."""
        if not self._replay.materialize:
            return
        wanted = self._kept.select(c.DOC_ID, pl.col(c.TEXT_HASH).alias(TEXT_DIGEST))
        parts = [frame.select(wanted.columns) for frame in self._texts()]
        texts = pl.concat([wanted.clear(), *parts])
        wrong = texts.join(wanted, on=texts.columns, how="anti").height
        statement = "replay: every row of replay/text is the text of its document"
        yield Finding(statement, wrong == 0, f"{wrong:,} of {texts.height:,} are not")

    def _texts(self) -> Iterator[pl.DataFrame]:
        for name in storage.list_names(self._at("replay", "text")):
            if name.endswith(".parquet"):
                yield from _hashed(self._at("replay", "text", name), REPLAY)

    def order(self) -> Iterator[Finding]:
        """Positions, and the counts of the manifest, are those of the rows."""
        rows = self._rows
        placed = rows.with_columns(pl.int_range(pl.len()).over(c.SPLIT).alias("place"))
        ok = bool((placed["place"] == placed[c.POSITION]).all())
        detail = f"{rows.height:,} rows"
        yield Finding("mixture: rows stand in their order, without gaps", ok, detail)
        once = rows[c.DOC_ID].n_unique() == rows.height
        yield Finding("mixture: no document stands twice or in both splits", once)
        said = self._manifests["mixture"].details["achieved"]
        statement = "mixture: its manifest says what the rows come to"
        yield Finding.same(statement, said, mixture.achieved(rows))

    def _train(self, origin: str) -> list[int]:
        """Tokens of each training row of one origin."""
        wanted = (pl.col(c.SPLIT) == TRAIN) & (pl.col(c.ORIGIN) == origin)
        return self._rows.filter(wanted)[c.TOKENS].to_list()

    def _wanted(self) -> dict[str, int]:
        return draws.asked(self._mixture, sum(self._train("new")))

    def asked(self) -> Iterator[Finding]:
        """What the manifest says was asked is what the recipe asks for."""
        wanted = {f"{origin}_tokens": n for origin, n in self._wanted().items()}
        found = {"replay_share": self._mixture.replay_share, **wanted}
        said = self._manifests["mixture"].details["asked"]
        yield Finding.same("mixture: what was asked is what the recipe asks for", said, found)

    def replay_budget(self) -> Iterator[Finding]:
        """The replay rows are a drawn shard, or its start, within one of its documents.

        Drawing stops within half a document of the target, or short of it where only documents are
        left that are longer than what is missing: :func:`tasks.budget.draw`. A shard that falls
        short by more than its longest document is refused.
        """
        have, wanted = sum(self._train("replay")), self._wanted()["replay"]
        train = self._drawn.filter(pl.col(c.SPLIT) == TRAIN)[c.TOKENS].to_list()
        longest = max(train, default=0) if wanted else 0
        detail = f"asked {wanted:,}, found {have:,}, longest document drawn {longest:,}"
        statement = "mixture: replay tokens are within one document of what was asked"
        yield Finding(statement, abs(have - wanted) <= longest, detail)
        replayed = self._rows.filter(pl.col(c.ORIGIN) == "replay").select(*NARROW, c.TOKENS)
        foreign = replayed.join(self._drawn, on=replayed.columns, how="anti").height
        statement = "mixture: every replay row was drawn for the replay shard"
        yield Finding(statement, foreign == 0, f"{replayed.height:,} rows, {foreign:,} were not")

    def new_budget(self) -> Iterator[Finding]:
        """All new data is in; or, where the recipe sets a total, as much as it leaves room for."""
        fresh = self._kept.filter(pl.col(c.RECIPE_SOURCE).is_in(list(self._config.new)))
        left_out = fresh.join(self._rows, on=c.DOC_ID, how="anti")
        if self._mixture.total_tokens is None:
            detail = f"{fresh.height:,} kept documents, {left_out.height:,} of them left out"
            yield Finding("mixture: all new data is in", left_out.height == 0, detail)
            return
        sizes, wanted = self._train("new"), self._wanted()["new"]
        have, longest = sum(sizes), max(sizes, default=0)
        if wanted - have > longest:  # then one that is longer must have been passed over
            longest = self._longest(left_out.filter(pl.col(c.SPLIT) == TRAIN))
        detail = f"asked {wanted:,}, found {have:,}, longest document {longest:,}"
        statement = "mixture: new tokens are within one document of what was asked"
        yield Finding(statement, abs(have - wanted) <= longest, detail)

    def _longest(self, frame: pl.DataFrame) -> int:
        """Tokens of the longest document among those of the most bytes."""
        tokenizer = self._tokenizer()
        largest = frame.sort(c.N_BYTES, c.DOC_ID, descending=True).head(LONGEST_LEFT_OUT)
        longest = 0
        for (shard,), part in largest.partition_by(c.SHARD, as_dict=True).items():
            rows = part[c.ROW].to_list()
            for _, table in kept.rows_of(
                self._out, str(shard), rows, columns=[c.TEXT], masking=self._config.masking
            ):
                counts = tokens.count(tokenizer, table.column(c.TEXT).to_pylist())
                longest = max(longest, *counts)
        return longest

    def lineage(self) -> Iterator[Finding]:
        """Every row is the text of a kept document, in its split, of its source and origin."""
        origins = {s.name: s.origin for s in self._config.ingest.sources}
        found = self._rows.join(self._kept, on=c.DOC_ID, how="left", suffix="_decided")
        origin = pl.col(c.RECIPE_SOURCE).replace_strict(
            origins, default=None, return_dtype=pl.String
        )
        for statement, holds in (
            ("is the text of a kept document", pl.col(c.TEXT_HASH) == pl.col(TEXT_DIGEST)),
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

    def _tokenizer(self) -> Any:  # noqa: ANN401
        at = self._at("tokenizer", "tokenizer.json")
        return tokens.load(storage.read_bytes(at), where=at)

    def recount(self) -> Iterator[Finding]:
        """Count a seeded sample of rows again with the run's tokenizer."""
        tokenizer, rows = self._tokenizer(), self._rows
        order = pl.Series("order", seeded(rows[c.DOC_ID], seed=0, stage="verify"))
        sample = set(rows.with_columns(order).sort("order").head(RECOUNTED_ROWS)[c.DOC_ID])
        wrong = counted = 0
        for shard in self._manifests["mixture"].shards:
            path = self._at("mixture", shard.file)
            for table in storage.read_batches(path, [c.DOC_ID, c.TEXT, c.TOKENS]):
                part = pl.DataFrame(pl.from_arrow(table)).filter(pl.col(c.DOC_ID).is_in(sample))
                counts = tokens.count(tokenizer, part[c.TEXT].to_list())
                wrong += sum(a != b for a, b in zip(counts, part[c.TOKENS], strict=True))
                counted += part.height
        detail = f"{counted:,} rows counted again, {wrong:,} differ"
        yield Finding("mixture: token counts are the tokenizer's", wrong == 0, detail)

    def nothing_else(self) -> Iterator[Finding]:
        """A glob over the mixture's folders finds its shards and no other file."""
        listed = {s.file for s in self._manifests["mixture"].shards}
        there = {
            f"{split}/{name}"
            for split in mixture.SPLIT_NAMES.values()
            for name in storage.list_names(self._at("mixture", split))
        }
        foreign = sorted(there - listed)
        yield Finding("mixture: its folders hold nothing else", not foreign, ", ".join(foreign))


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)
