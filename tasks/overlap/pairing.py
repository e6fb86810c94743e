"""Which documents of several sets are the same, or nearly so: the table ``pairs``.

Documents of one text in one set are one *kind*. Kinds of different sets are compared: of equal
texts by their hash, others where they share a band key, by the kernels of deduplication
(:func:`tasks.dedup.across`). What is found of a kind holds for all of its documents.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from schemas import columns as c
from schemas.levels import EXACT, LEVELS, NEAR
from schemas.tables import PAIRS, conform
from tasks import comparing, dedup

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from schemas.config import SignalsConfig
    from tasks.comparing import Read

    Ints = np.ndarray[Any, np.dtype[np.int64]]

MATCHES: Final = 8
"""Documents of another set that are listed for one document: the likest ones."""
VERIFIED: Final = 4 * MATCHES
"""As many are compared exactly, where texts can be read: estimates may mistake their order."""
MEASURED: Final[dict[str, pl.DataType]] = {
    c.DOC_ID: pl.String(),
    c.TEXT_HASH: pl.String(),
    c.MINHASH_BANDS: pl.List(pl.UInt64),
    c.MINHASH_SKETCH: pl.Binary(),
}
_SET, _KIND, _OTHER, _OTHER_SET = "set", "kind", "other", "other_set"


class How(NamedTuple):
    """From which similarity on two documents are near, and what it takes to find that out.

    With ``read``, which gives the texts of some rows (they count through all sets), similarity is
    exact; else it is estimated from sketches.
    """

    threshold: float
    memory_bytes: int = dedup.MEMORY_BYTES
    read: Read | None = None


def overlap(
    sets: Mapping[str, pl.LazyFrame | pl.DataFrame], how: How, *, config: SignalsConfig
) -> pa.Table:
    """Return ``PAIRS`` of documents of different sets, the left one of the set that comes first.

    Each set has ``doc_id, text_hash, minhash_bands, minhash_sketch``, measured with ``config``. A
    pair is ``exact`` where the texts are equal, else ``near``. Every document that is found to have
    a match in another set is in a pair; of its matches in each other set the :data:`MATCHES`
    likest are listed (of equals those of the lesser text hash and id), and any that list it as
    theirs. Texts without a word have no match. Which pairs there are depends neither on the order
    of sets nor on ``memory_bytes``.
    """
    frames = [frame.lazy().select(pl.col(n).cast(k) for n, k in MEASURED.items())
              for frame in sets.values()]  # fmt: skip
    documents = pl.concat(starmap(_told, enumerate(frames))).with_row_index(c.ROW)
    documents = _kinds(documents.with_columns(pl.col(c.ROW).cast(pl.Int64)), config)
    found = _equal(documents)
    if config.minhash and documents.height:
        sketches = pl.concat(f.select(c.MINHASH_BANDS, c.MINHASH_SKETCH) for f in frames)
        near = _near(sketches.with_row_index(c.ROW), documents, how, config)
        found = pl.concat([found, near])
    return conform(_table(_listed(found, documents), documents, list(sets)).to_arrow(), PAIRS)


def _told(number: int, frame: pl.LazyFrame) -> pl.DataFrame:
    has_words = pl.col(c.MINHASH_SKETCH).is_not_null().alias("has_words")
    narrow = frame.select(c.DOC_ID, c.TEXT_HASH, has_words).collect(engine="streaming")
    return narrow.select(pl.lit(number, pl.Int64).alias(_SET), pl.all())


def _kinds(documents: pl.DataFrame, config: SignalsConfig) -> pl.DataFrame:
    """Order documents as they are preferred, and number their kinds: ``kind``, ``copy`` from 0."""
    if config.minhash:
        documents = documents.filter("has_words")
    by_kind = [_SET, c.TEXT_HASH]
    ordered = documents.drop("has_words").sort(*by_kind, c.DOC_ID, c.ROW)
    new = (pl.struct(by_kind).rle_id()).cast(pl.Int64)
    numbered = ordered.with_columns(new.alias(_KIND))
    return numbered.with_columns(pl.int_range(pl.len()).over(_KIND).alias("copy"))


def _equal(documents: pl.DataFrame) -> pl.DataFrame:
    """Return kinds of one text: ``kind, other, similarity``, both ways round."""
    kinds = documents.filter(pl.col("copy") == 0).select(_SET, _KIND, c.TEXT_HASH)
    both = kinds.join(kinds.rename({_SET: _OTHER_SET, _KIND: _OTHER}), on=c.TEXT_HASH)
    met = both.filter(pl.col(_SET) != pl.col(_OTHER_SET))
    return met.select(_KIND, _OTHER, pl.lit(1.0).alias(c.SIMILARITY))


def _near(
    sketches: pl.LazyFrame, documents: pl.DataFrame, how: How, config: SignalsConfig
) -> pl.DataFrame:
    """Return kinds that are near, but not equal: ``kind, other, similarity``, both ways round."""
    # The first document of each kind takes part for all of it.
    firsts = documents.filter(pl.col("copy") == 0)
    every = int(sketches.select(pl.len()).collect().item())
    ranks, kinds, sets = (np.full(every, -1, np.int64) for _ in range(3))
    rows = firsts[c.ROW].to_numpy()
    ranks[rows], kinds[rows], sets[rows] = np.arange(len(rows)), firsts[_KIND], firsts[_SET]
    most = MATCHES if how.read is None else VERIFIED
    among = dedup.Sets(ranks, sets, most + 1)  # one of them may be equal
    threshold = how.threshold - comparing.MARGIN * (how.read is not None)
    texts = firsts.sort(_KIND)[c.TEXT_HASH]
    parts = [pl.DataFrame(schema=dedup.PAIR)]
    for span in dedup.spans(len(rows), config, how.memory_bytes):
        found = dedup.across(sketches, among, span, config=config, threshold=threshold)
        ones, others = (texts.gather(kinds[found[n].to_numpy()]) for n in (c.ROW, c.TWIN_ROW))
        parts.append(_likest(found.filter(ones != others), ranks, sets, most))
    found = _likest(pl.concat(parts).unique(), ranks, sets, most)
    if how.read is not None:
        found = comparing.exactly(_once(found), how.read, config)
        found = found.filter(pl.col(c.SIMILARITY) >= how.threshold)
    ones, others = (pl.Series(kinds[found[n].to_numpy()]) for n in (c.ROW, c.TWIN_ROW))
    one = pl.DataFrame({_KIND: ones, _OTHER: others, c.SIMILARITY: found[c.SIMILARITY]})
    return pl.concat([one, one.select(pl.col(_OTHER).alias(_KIND), pl.col(_KIND).alias(_OTHER),
                                      c.SIMILARITY)]).unique()  # fmt: skip


def _likest(found: pl.DataFrame, ranks: Ints, sets: Ints, most: int) -> pl.DataFrame:
    """Return of each row and other set so many of the likest, of equals the preferred ones."""
    twins = found[c.TWIN_ROW].to_numpy()
    ordered = found.with_columns(rank=ranks[twins], twin_set=sets[twins]).sort(
        c.ROW, "twin_set", -pl.col(c.SIMILARITY), "rank"
    )
    among = pl.int_range(pl.len()).over(c.ROW, "twin_set") < most
    return ordered.filter(among).select(*dedup.PAIR)


def _once(found: pl.DataFrame) -> pl.DataFrame:
    """Return each pair one way round."""
    both = (c.ROW, c.TWIN_ROW)
    return found.with_columns(
        pl.min_horizontal(both).alias(c.TWIN_ROW), pl.max_horizontal(both).alias(c.ROW)
    ).unique()


def _listed(found: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of documents, ``row, twin_row, level, similarity``, once, the left one first."""
    own = documents.select(_KIND, c.TEXT_HASH)
    heads = documents.filter(pl.col("copy") < MATCHES).select(
        pl.col(_KIND).alias(_OTHER), pl.col(c.ROW).alias(c.TWIN_ROW), "copy", _SET,
        pl.col(c.TEXT_HASH).alias("other_text"),
    )  # fmt: skip
    texts = own.unique(_KIND)
    exact = pl.col(c.TEXT_HASH) == pl.col("other_text")
    matches = (
        found.join(texts, on=_KIND)
        .join(heads, on=_OTHER)
        .with_columns(exact.alias("exact"))
        .sort(_KIND, _SET, ~pl.col("exact"), -pl.col(c.SIMILARITY), "other_text", "copy")
        .filter(pl.int_range(pl.len()).over(_KIND, _SET) < MATCHES)
    )
    level = pl.when("exact").then(pl.lit(LEVELS[EXACT])).otherwise(pl.lit(LEVELS[NEAR]))
    both = matches.join(documents.select(_KIND, c.ROW), on=_KIND).select(
        pl.min_horizontal(c.ROW, c.TWIN_ROW).alias(c.ROW),
        pl.max_horizontal(c.ROW, c.TWIN_ROW).alias(c.TWIN_ROW),
        level.alias(c.LEVEL),
        c.SIMILARITY,
    )
    return both.unique([c.ROW, c.TWIN_ROW])


def _table(pairs: pl.DataFrame, documents: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Name documents and sets; by sets, then in the order of the left ones, the likest first."""
    told = documents.select(c.ROW, c.DOC_ID, _SET)
    left = told.rename({c.DOC_ID: c.LEFT_ID, _SET: c.LEFT_SET})
    right = told.rename({c.ROW: c.TWIN_ROW, c.DOC_ID: c.RIGHT_ID, _SET: c.RIGHT_SET})
    named = pairs.join(left, on=c.ROW).join(right, on=c.TWIN_ROW)
    near = pl.col(c.LEVEL) == LEVELS[NEAR]
    named = named.sort(c.LEFT_SET, c.RIGHT_SET, c.ROW, near, -pl.col(c.SIMILARITY), c.TWIN_ROW)
    by_number = pl.Series(names, dtype=pl.String)
    sets = [by_number.gather(named[n]).alias(n) for n in (c.LEFT_SET, c.RIGHT_SET)]
    return named.with_columns(*sets).select(PAIRS.names)
