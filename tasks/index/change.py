"""Documents into an index and out of it. Each change is one new ``index.json``."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.index import Index, IndexChange, Piece
from tasks import storage
from tasks.index import folder as files
from tasks.index import runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def build(run: str, folder: str, *, every: bool = False) -> IndexChange:
    """Make an index of a finished run's kept documents, or of ``every`` one.

    Raises :class:`ConfigError` where the folder holds an index already, or anything else.
    """
    given = runs.open_run(run, every=every)
    _check_free(folder)
    with storage.claimed(folder):
        _check_free(folder)
        files.sweep(folder, None)
        return _add(folder, files.empty(files.settings(given.config)), given)


def append(run: str, folder: str, *, every: bool = False) -> IndexChange:
    """Add a finished run's documents to an index.

    A document that is there with the same text is passed over; one with another text replaces it,
    as in an index built of the newest of each id. Deleted ones stay out. Raises
    :class:`ConfigError` where the run's sketches were made with other settings, or another command
    is writing to the index.
    """
    given = runs.open_run(run, every=every)
    files.read(folder)  # before the folder is claimed, which would make it
    with storage.claimed(folder):
        index = files.read(folder)
        files.check_settings(folder, index, given.config, where=run)
        files.sweep(folder, index)
        return _add(folder, index, given)


def delete(folder: str, ids: Collection[str]) -> IndexChange:
    """Take documents out of an index, for good: a later run does not bring them back.

    Ids that no document of the index has are counted as ``unknown`` and stay out as well. Of a part
    the rows stay where they are until half of them are deleted; then it is written anew.
    """
    files.read(folder)
    with storage.claimed(folder):
        index = files.read(folder)
        files.sweep(folder, index)
        before = files.deleted(folder, index)
        asked = pl.DataFrame({c.DOC_ID: sorted(set(ids))}, schema={c.DOC_ID: pl.String})
        new = asked.join(before, on=c.DOC_ID, how="anti")
        known = [_known(folder, part, new) for part in index.parts]
        unknown = new.join(pl.concat([new.clear(), *known]), on=c.DOC_ID, how="anti")
        if new.height:
            gone = pl.concat([before, new])
            counted = zip(index.parts, known, strict=True)
            parts = [p.model_copy(update={"deleted": p.deleted + k.height}) for p, k in counted]
            worn = [p for p in parts if 2 * p.deleted > p.rows]
            whole = [p for p in parts if p not in worn]
            change = {
                "parts": _with(folder, index, whole, _left(folder, worn, gone)),
                "deleted": files.write_deleted(folder, gone, index),
            }
            index = index.model_copy(update=change)
            files.commit(folder, index)
        return _changed(
            folder,
            index,
            deleted=new.height - unknown.height,
            deleted_before=asked.height - new.height,
            unknown=tuple(unknown.sort(c.DOC_ID)[c.DOC_ID]),
        )


def _known(folder: str, part: Piece, ids: pl.DataFrame) -> pl.DataFrame:
    return files.rows(folder, part, [c.DOC_ID]).join(ids, on=c.DOC_ID, how="semi")


def _check_free(folder: str) -> None:
    if files.is_there(folder):
        raise ConfigError(
            f"--out {folder}",
            got="a folder with an index",
            wanted="a new folder",
            way_out="Add to it with `openmoat index append`, or choose another --out.",
        )
    other = storage.list_names(folder)
    if other:
        raise ConfigError(
            f"--out {folder}",
            got=f"a folder with other files ({other[0]!r})",
            wanted="an empty or new one: an index owns its folder",
            way_out="Choose another --out.",
        )


def _add(folder: str, index: Index, given: runs.Run) -> IndexChange:
    found = runs.offered(given)
    gone = files.deleted(folder, index)
    allowed = found.frame.join(gone, on=c.DOC_ID, how="anti", maintain_order="left")
    met = [_met(folder, part, allowed) for part in index.parts]
    same = pl.concat([_MET, *met]).filter("same")
    new = allowed.join(same, on=c.DOC_ID, how="anti", maintain_order="left")
    replaced = [m.filter(~pl.col("same")).select(c.DOC_ID) for m in met]
    if new.height or not files.is_there(folder):
        some = zip(index.parts, replaced, strict=True)
        # Small parts are written with the new rows, so that daily runs do not make many of them.
        least = files.PART_ROWS // 2
        stale = [p for p, old in some if old.height or p.rows - p.deleted < least]
        left = _left(folder, stale, pl.concat([gone, *replaced]))
        whole = [p for p in index.parts if p not in stale]
        parts = _with(folder, index, whole, chain(left, runs.rows(given, new)))
        index = index.model_copy(update={"parts": parts})
        files.commit(folder, index)
    changed = sum(old.height for old in replaced)
    return _changed(
        folder,
        index,
        added=new.height - changed,
        replaced=changed,
        present=same.height,
        kept_out=found.frame.height - allowed.height,
        repeated=found.repeated,
        wordless=found.wordless,
    )


_MET = pl.DataFrame(schema={c.DOC_ID: pl.String, "same": pl.Boolean})


def _met(folder: str, part: Piece, offered: pl.DataFrame) -> pl.DataFrame:
    """Documents of a part that a run offers: ``doc_id``, and whether their text is the ``same``."""
    known = files.rows(folder, part, [c.DOC_ID, c.TEXT_HASH])
    met = known.join(offered.select(c.DOC_ID, offered=c.TEXT_HASH), on=c.DOC_ID)
    return met.select(c.DOC_ID, same=pl.col(c.TEXT_HASH) == pl.col("offered"))


def _left(folder: str, stale: list[Piece], out: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield what is left of parts that are written anew, without the documents that are ``out``."""
    return (files.rows(folder, p).join(out, on=c.DOC_ID, how="anti") for p in stale)


def _with(
    folder: str, index: Index, parts: Collection[Piece], rows: Iterator[pl.DataFrame]
) -> tuple[Piece, ...]:
    """Return parts, and those that ``rows`` become."""
    return (*parts, *files.write_parts(folder, rows, index))


def _changed(folder: str, index: Index, **counts: int | tuple[str, ...]) -> IndexChange:
    pieces = (*index.parts, *filter(None, [index.deleted]))
    stored = [
        f for p in pieces for f in storage.list_inputs(storage.join(folder, p.file), where="")
    ]
    return IndexChange.model_validate(
        {
            **counts,
            "documents": index.rows,
            "parts": len(index.parts),
            "n_bytes": sum(f.size or 0 for f in stored),
        }
    )
