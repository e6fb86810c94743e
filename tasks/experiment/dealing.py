"""Documents dealt out to parts that have nothing in common, and cut into passages.

A document's part is a hash of its text: the same for any number of sources and in any order. What
is like a document of an earlier part (:mod:`tasks.overlap`, at 0.8) is left out of a later one, so
that neither the old text that is held out nor the pool holds copies of what was learned.
"""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ConfigError
from schemas.experiment import PARTS, PASSAGES, Dealt, Gate
from schemas.manifest import Shard
from schemas.tables import conform
from tasks import hashing, overlap, storage
from tasks.measured import Fields, Seen, measured, source_of
from tasks.replay import passages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.experiment import Part, Setting, Sizes

WHERE: Final = "openmoat experiment"
DEALT: Final = "dealt.json"
SEED: Final = 0
"""Parts are the same for every seed of the experiment: so is what is held out."""
LEAST_CHARS: Final = 200
OLD: Final[dict[Part, float]] = {
    "old_train": 0.4, "old_valid": 0.45, "old_held": 0.6, "pool": 1.0,
}  # fmt: skip
NEW: Final[dict[Part, float]] = {"new_train": 0.75, "new_valid": 0.8, "new_held": 1.0}
FOREIGN: Final[dict[Part, float]] = {"pool": 1.0}
"""Of a source's documents, by chance: those below a number are of the part (and of none before)."""


def dealt(data: str, setting: Setting, sizes: Sizes, out: str) -> Dealt:
    """Write a file of passages for each part, and ``dealt.json`` last; return that.

    ``data``: the folder that the setting's places lie in. Raises :class:`ConfigError` where one of
    them has no documents, or a part is left without any.
    """
    frames = {part: [pl.DataFrame(schema=_schema())] for part in PARTS}
    for source, place in setting.places.items():
        for part, frame in _parts(source, _limits(source, setting), storage.join(data, place),
                                  sizes).items():  # fmt: skip
            frames[part].append(frame)
    whole = {part: pl.concat(some) for part, some in frames.items()}
    found = _gated(whole)
    gate: dict[str, Gate] = {}
    for part in PARTS:
        kept, left_out = found[part]
        some = _bounded(kept, setting, sizes) if part == "pool" else kept
        cut = _cut(some, sizes.passage_chars)
        write_passages(part_file(out, part), cut)
        gate[part] = Gate(documents=whole[part].height, left_out=left_out, kept=kept.height,
                          passages=cut.height)  # fmt: skip
    _check(gate)
    told = Dealt(setting=setting, gate=gate, seconds=time.process_time())
    storage.write_model(storage.join(out, DEALT), told)
    return told


def part_file(folder: str, part: str) -> str:
    """Return where the passages of a part lie."""
    return storage.join(folder, f"{part}.parquet")


def write_passages(location: str, frame: pl.DataFrame) -> None:
    """Write passages (:data:`schemas.experiment.PASSAGES`)."""
    table = conform(frame.to_arrow(), PASSAGES)
    name, digest = storage.name_of(location), hashing.table_digest(table)
    shard = Shard(file=name, rows=table.num_rows, digest=digest)
    storage.write_table(location, table, PASSAGES, shard=shard)


def read_passages(location: str) -> pl.DataFrame:
    """Read passages."""
    return pl.DataFrame(pl.from_arrow(storage.read_table(location)))


def mixed(frame: pl.DataFrame, *, seed: int, stage: str) -> pl.DataFrame:
    """Return passages in an order by seeded hash."""
    order = pl.Series("order", hashing.seeded(frame["id"], seed=seed, stage=stage))
    return frame.with_columns(order).sort("order", "id").drop("order")


def _schema() -> dict[str, Any]:
    return dict.fromkeys(("id", c.SOURCE, c.TEXT), pl.String)


def _limits(source: str, setting: Setting) -> Mapping[Part, float]:
    if source in setting.old:
        return OLD
    return NEW if source in setting.new else FOREIGN


def _parts(
    source: str, limits: Mapping[Part, float], place: str, sizes: Sizes
) -> dict[Part, pl.DataFrame]:
    """Return a source's documents by part, each in an order by hash."""
    every = {hashing.text_hash(text): text for text in _texts(source, place, sizes)}
    names = sorted(every)
    order = np.argsort(hashing.seeded(names, seed=SEED, stage=f"experiment {source}"))
    taken, size = list[str](), 0
    for i in order.tolist():
        if size < sizes.source_chars:
            taken.append(names[i])
            size += len(every[names[i]])
    chances = [hashing.chance(name, seed=SEED, stage="experiment parts") for name in taken]
    at = np.searchsorted(list(limits.values()), chances, side="right").tolist()
    frame = pl.DataFrame(
        {"id": taken, c.SOURCE: [source] * len(taken), c.TEXT: [every[name] for name in taken]},
        schema=_schema(),
    )
    return {part: frame.filter(pl.Series(at) == i) for i, part in enumerate(limits)}


def _texts(source: str, place: str, sizes: Sizes) -> Iterator[str]:
    config, seen = SignalsConfig(minhash=False), Seen()
    of = source_of(source, [place], fields=Fields(), where=place)
    for documents, _ in measured(of, config, seen, where=place):
        for text in documents.column(c.TEXT).to_pylist():
            if len(text.strip()) >= LEAST_CHARS:
                yield text[: sizes.document_chars]


def _gated(
    whole: Mapping[Part, pl.DataFrame],
) -> dict[Part, tuple[pl.DataFrame, dict[str, int]]]:
    """Return the documents of each part that are like none of an earlier one, and the others."""
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        files = {part: storage.join(scratch, f"{part}.parquet") for part in whole}
        for part, frame in whole.items():
            write_passages(files[part], frame.with_columns(pl.col("id").alias("document")))
        some = [files[part] for part in PARTS if whole[part].height]
        pairs = pl.DataFrame(pl.from_arrow(overlap.of_files(some, overlap.Question()).pairs))
    found = {}
    for at, part in enumerate(PARTS):
        gone, left_out = set[str](), dict[str, int]()
        for before in PARTS[:at]:
            both = (pl.col(c.LEFT_SET) == files[before]) & (pl.col(c.RIGHT_SET) == files[part])
            matched = set(pairs.filter(both)[c.RIGHT_ID]) - gone
            gone |= matched
            left_out[before] = len(matched)
        found[part] = whole[part].filter(~pl.col("id").is_in(sorted(gone))), left_out
    return found


def _bounded(pool: pl.DataFrame, setting: Setting, sizes: Sizes) -> pl.DataFrame:
    """Return as much of each old source as is wanted, and as much foreign text as of all these."""
    old = sizes.pool_chars
    foreign = old * len(setting.old) // max(1, len(setting.foreign))
    chars = pl.col(c.TEXT).str.len_chars()
    before = (chars.cum_sum() - chars).over(c.SOURCE)
    limit = pl.when(pl.col(c.SOURCE).is_in(sorted(setting.old))).then(old).otherwise(foreign)
    return pool.filter(before < limit)


def _cut(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the passages of documents in an order by hash, whatever document they are of."""
    names = frame["id"].to_list()
    texts = pa.chunked_array([pa.array(frame[c.TEXT].to_list(), pa.large_string())])
    found = passages.cut(texts, most=most)
    owners = found.documents.tolist()
    ids = [f"{names[i]}@{start}" for i, start in zip(owners, found.starts.tolist(), strict=True)]
    cut = pl.DataFrame(
        {
            "id": ids,
            "document": [names[i] for i in owners],
            c.SOURCE: frame[c.SOURCE].gather(owners),
            c.TEXT: found.texts.to_pylist(),
        },
        schema={"id": pl.String, "document": pl.String, c.SOURCE: pl.String, c.TEXT: pl.String},
    )
    return mixed(cut, seed=SEED, stage="experiment passages")


def _check(gate: Mapping[str, Gate]) -> None:
    for part, told in gate.items():
        if not told.passages:
            raise ConfigError(
                WHERE,
                got=f"no documents for {part.replace('_', ' ')}",
                wanted="some for every part",
                way_out="Give a folder of data with more documents of each source (--data).",
            )
