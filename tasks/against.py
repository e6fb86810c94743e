"""Which documents of a run an index has already: looked up before they are compared among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.levels import EXACT, LEVELS
from tasks import index
from tasks.index import folder, matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.config import DedupConfig, SignalsConfig
    from schemas.index import Index

WHERE: Final = "dedup.against"
AT_ONCE: Final = matching.ASKED_ROWS
"""Documents that are looked up in one pass over an index."""
KNOWN: Final[dict[str, Any]] = {**matching.FOUND}


def indexes(config: DedupConfig, signals: SignalsConfig) -> dict[str, Index]:
    """Open the recipe's indexes, by location; each file of them is looked at.

    Raises :class:`ConfigError` for one that is not there or was made with other settings or by
    another version, :class:`ManifestError` for a damaged one.
    """
    found = {}
    for place in config.against:
        if not folder.is_there(place):
            raise ConfigError(
                WHERE,
                got=f"{place!r}, where there is no index",
                wanted="a folder that `openmoat index build` made",
                way_out="Correct the path (a relative one is seen from the recipe's folder), or "
                f"build it from an earlier run: openmoat index build RUN --out {place}",
            )
        found[place] = index.read(place)
        folder.check_settings(place, found[place], signals, where=f"{WHERE}: [signals]")
    return found


def look_up(place: str, signals: pl.LazyFrame, *, rows: int, threshold: float) -> pl.DataFrame:
    """Return ``row, matched_id, level, similarity`` of the documents that an index has.

    ``signals`` has ``row, text_hash, minhash_bands, minhash_sketch`` of so many ``rows``. Of each
    document the best match is told. In memory are :data:`AT_ONCE` documents with all their matches.
    """
    found = [pl.DataFrame(schema=KNOWN)]
    for start in range(0, rows, AT_ONCE):
        some = index.matches(place, signals.slice(start, AT_ONCE), threshold=threshold)
        found.append(best([some]))
    return pl.concat(found)


def best(found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return each row's best match in any index: the same text first, then the likest."""
    every = pl.concat([pl.DataFrame(schema=KNOWN), *found])
    order = [pl.col(c.ROW), pl.col(c.LEVEL) != LEVELS[EXACT], -pl.col(c.SIMILARITY)]
    return every.sort(*order, c.MATCHED_ID).unique(c.ROW, keep="first", maintain_order=True)


def check_new(kept: pl.Series, known: pl.DataFrame) -> None:
    """Refuse an index that has all that a run ``kept`` before, which was most likely added to it.

    ``kept`` are rows of the same documents. Raises :class:`ConfigError`: the run would drop itself.
    """
    if kept.len() and kept.is_in(known[c.ROW].implode()).all():
        raise ConfigError(
            WHERE,
            got=f"an index that has all {kept.len():,} documents that this run has kept before",
            wanted="one from before the run was appended to it: else the run drops itself",
            way_out="Name a copy of the index from before, or leave the run as it is; to decide "
            "by this index all the same, choose another --out.",
        )
