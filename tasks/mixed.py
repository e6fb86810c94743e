"""The rows of a written mixture as narrow frames, a row a piece of a document, in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.mixture import PACKED, TEXT
from tasks import storage
from tasks.hashing import text_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_DIGEST: Final = "found_text_hash"
"""Hash of the text that stands in a row; null where there is none."""
SAID: Final = tuple(n for n in TEXT.names if n not in (c.TEXT, c.URL))
PLACES: Final = (c.TOKEN_START, c.ENDS)
LISTED: Final = tuple(f.name for f in PACKED if pa.types.is_list(f.type))


def pieces(location: str, *, text: bool = False, url: bool = False) -> Iterator[pl.DataFrame]:
    """Yield what a shard's rows say of their pieces, a batch after the other.

    Columns of :data:`SAID` and :data:`PLACES` (of rows that are documents: the whole of them, and
    an end that is null), ``text`` hashed and ``url`` on request (null in packed rows).
    """
    yield nothing(text=text, url=url)
    there = storage.columns(location)
    names = [n for n in (*SAID, *PLACES, c.URL * url, c.TEXT * text) if n in there]
    packed = c.TOKEN_START in there
    for table in storage.read_batches(location, names):
        frame = pl.DataFrame(pl.from_arrow(table))
        if packed:
            frame = frame.explode([n for n in frame.columns if n in LISTED and n in names])
        yield _told(frame, text=text, url=url)


def _told(frame: pl.DataFrame, *, text: bool, url: bool) -> pl.DataFrame:
    missing = {c.TOKEN_START: pl.lit(0, pl.Int64), c.ENDS: pl.lit(None, pl.Boolean)}
    missing |= {c.URL: pl.lit(None, pl.String)} if url else {}
    frame = frame.with_columns(w.alias(n) for n, w in missing.items() if n not in frame.columns)
    if text:
        texts = frame[c.TEXT].to_list() if c.TEXT in frame.columns else [None] * frame.height
        hashes = [None if t is None else text_hash(t) for t in texts]
        frame = frame.with_columns(pl.Series(TEXT_DIGEST, hashes, pl.String))
    return frame.select(nothing(text=text, url=url).columns)


def nothing(*, text: bool = False, url: bool = False) -> pl.DataFrame:
    """Return no pieces."""
    own = pl.DataFrame(pl.from_arrow(pa.schema([TEXT.field(n) for n in SAID]).empty_table()))
    added = [pl.Series(c.TOKEN_START, [], pl.Int64), pl.Series(c.ENDS, [], pl.Boolean)]
    added += [pl.Series(c.URL, [], pl.String)] * url
    return own.with_columns(*added, *[pl.Series(TEXT_DIGEST, [], pl.String)] * text)
