"""What stands at the places that a plan has of a shard: text as it is written, turns, token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from schemas import columns as c
from tasks import kept_ids, ledger, written
from tasks.mixture.rows import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from schemas.config import BudgetConfig
    from tasks.encoding import Encoder
    from tasks.written import Counts


class Content(NamedTuple):
    """Some places, in the order of row and start, and what stands there.

    ``masked``: what masks hid of each document, by kind, at the first of its places.
    """

    places: pl.DataFrame
    found: Found
    masked: Counts


def of(
    out: str, shard: str, chosen: pl.DataFrame, encoder: Encoder, *, config: BudgetConfig
) -> Iterator[Content]:
    """Yield what stands at the places of a plan's rows of a shard, a batch after the other.

    With ids where the mixture's rows have them: those that counting laid by, and others made anew.
    Conversations are rendered only where rows are text; a passage of one is plain text.
    """
    source = ledger.source_of(out, shard)
    places = chosen.select(c.ROW, c.START, c.END).unique()
    assert config.mixture is not None  # noqa: S101  (there is a plan)
    settings = config.mixture
    tokens = settings.format == "tokens"
    ids = kept_ids.Ids.of(out, shard, encoder, masking=config.masking) if tokens else None
    for own, documents, masked in written.rows(out, shard, places, masking=config.masking):
        if ids is not None:
            encoded = ids.encoded(own, documents, source)
            if settings.row_tokens is not None:
                documents = documents.drop_columns([c.TEXT, c.MESSAGES])  # noqa: PLW2901  (a copy less)
            found = Found(documents, encoded.ids, encoded.learned)
        elif settings.format == "text":
            found = Found(_rendered(kept_ids.plain_passages(documents, own), source, encoder))
        else:
            found = Found(documents)
        yield Content(own, found, masked)


def _rendered(documents: pa.Table, source: str, encoder: Encoder) -> pa.Table:
    texts = pa.array(encoder.texts(documents, source), pa.large_string())
    where = documents.schema.get_field_index(c.TEXT)
    return documents.set_column(where, documents.schema.field(where), texts)
