"""Files as they are, compared with an index: read, normalised and measured as a run would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import polars as pl

from schemas import columns as c
from schemas.config import SignalsConfig
from tasks.index import folder as files
from tasks.index import matching
from tasks.measured import RECORD, Fields, Seen, measured, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.index import Index

NAME: Final = "query"


class Answer(NamedTuple):
    """How many records were read and rejected, files passed over, and what records match.

    Of a folder or glob, files of another format than most are passed over. ``matches`` has
    ``location, position, record_id, matched_id, level, similarity``, in the order of the records,
    the best match of each first.
    """

    documents: int
    rejects: int
    passed_over: tuple[str, ...]
    matches: pl.DataFrame

    def records(self) -> list[dict[str, Any]]:
        """Return each record that matches, with all its matches: plain values."""
        told = pl.struct(doc_id=c.MATCHED_ID, level=c.LEVEL, similarity=c.SIMILARITY)
        by_record = self.matches.group_by(*RECORD, maintain_order=True)
        return by_record.agg(told.alias("matches")).to_dicts()


def query(
    location: str, file: str, *, threshold: float, text_field: str = "text", id_field: str = "id"
) -> Answer:
    """Compare what a file, a folder or a glob holds with an index.

    Read by the readers of sources, with the normalisation that each source has by default, and
    measured with the index's settings. Raises :class:`ConfigError` where nothing can be read there,
    :class:`ManifestError` for a damaged index.
    """
    index = files.read(location)
    config = _config(location, index)
    source = source_of(NAME, [file], fields=Fields(text_field, id_field), where=file)
    seen = Seen()
    frames = (frame for _, frame in measured(source, config, seen, where=file))
    answers = [_answer(location, part, threshold) for part in _gathered(frames)]
    none = pl.DataFrame(schema={**RECORD, **matching.FOUND}).drop(c.ROW)
    return Answer(seen.documents, seen.rejects, seen.passed_over, pl.concat([none, *answers]))


def _config(location: str, index: Index) -> SignalsConfig:
    """Settings to measure with; refuses an index of another definition of sketches."""
    own = index.settings.model_dump(exclude={"sketch"}, exclude_none=True)
    config = SignalsConfig(**own)
    files.check_settings(location, index, config, where="this version of openmoat")
    return config


def _gathered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield batches joined until they are worth a pass over the index."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(f.height for f in held) >= matching.ASKED_ROWS:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _answer(location: str, asked: pl.DataFrame, threshold: float) -> pl.DataFrame:
    numbered = asked.with_row_index(c.ROW).with_columns(pl.col(c.ROW).cast(pl.Int64))
    found = matching.matches(location, numbered, threshold=threshold)
    typed = (pl.col(name).cast(kind) for name, kind in RECORD.items())
    placed = numbered.select(c.ROW, *typed)
    told = found.join(placed, on=c.ROW, maintain_order="left")
    return told.select(*RECORD, *[n for n in matching.FOUND if n != c.ROW])
