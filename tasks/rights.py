"""Whose text a mixture is: documents and tokens by licence, and the lists that it was freed by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import columns as c
from schemas.mixture import RIGHTS
from tasks import ledger, storage
from tasks.licenses import spdx

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST: Final = 100
"""Characters of a licence that are shown."""
READ: Final = (c.DOC_ID, c.SOURCE, c.LICENSE, c.TOKENS)


def told(out: str, files: Iterable[str]) -> dict[str, Any]:
    """Return what a mixture's manifest says of rights, from its shards as they are written.

    ``{"rights": {"licenses": {source: [{"license", "documents", "tokens"}]}, "opt_out": {kind:
    {"entries", "digest"}}}}``. Lists are those that lie beside the decisions.
    """
    return {
        RIGHTS: {
            "licenses": by_license(out, files),
            "opt_out": ledger.read(out, "select").details.get("opt_out", {}),
        }
    }


def by_license(out: str, files: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return, for each source, documents and tokens of each licence, the most tokens first.

    By SPDX name where a licence is recognised, null where none is stated. Documents that are cut or
    seen again count once, their tokens as often as they stand there.
    """
    schema = {c.DOC_ID: pl.String, c.SOURCE: pl.String, c.LICENSE: pl.String, c.TOKENS: pl.Int64}
    documents = pl.DataFrame(schema=schema)
    for file in files:
        at = storage.join(ledger.folder(out, "mixture"), file)
        parts = [_of_documents(pl.DataFrame(table)) for table in storage.read_batches(at, READ)]
        documents = _sums(pl.concat([documents, *parts]))
    names = {name: spdx(name or "")[:LONGEST] or None for name in documents[c.LICENSE].unique()}
    named = documents.with_columns(pl.col(c.LICENSE).replace_strict(names, return_dtype=pl.String))
    sums = named.group_by(c.SOURCE, c.LICENSE).agg(
        pl.len().cast(pl.Int64).alias("documents"), pl.col(c.TOKENS).sum()
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sums.sort(c.SOURCE, -pl.col(c.TOKENS), c.LICENSE).to_dicts():
        found.setdefault(row.pop(c.SOURCE), []).append(row)
    return found


def _of_documents(frame: pl.DataFrame) -> pl.DataFrame:
    """A row a document: a packed row holds pieces of several."""
    packed = frame.schema[c.DOC_ID] == pl.List
    return _sums(frame.explode(frame.columns) if packed else frame)


def _sums(frame: pl.DataFrame) -> pl.DataFrame:
    sums = frame.group_by(c.DOC_ID, c.SOURCE, c.LICENSE).agg(pl.col(c.TOKENS).sum())
    return sums.select(READ)
