"""What ``openmoat advise`` reads: new data, replay, and the losses of pilots."""

from __future__ import annotations

import csv
import io
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from schemas import columns as c
from schemas.advice import Pilot
from schemas.config import SignalsConfig
from schemas.errors import ConfigError
from tasks import storage
from tasks.measured import Fields, Seen, bounded, measured, source_of
from tasks.replay import shift
from tasks.signals.language import language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.advice import Measured

CONFIG: Final = SignalsConfig(minhash=False)
READ_TOKENS: Final = 4_000_000
"""Of a side, at four bytes each: of more a sample is read, by seeded hash."""
LONGEST: Final = 100_000
"""Characters that are taken of a document: else a single one decides."""
FORMATS: Final = "a .csv, .toml or .json file with replay_share, old_loss and new_loss of each run"


class Sides(NamedTuple):
    """Places of new data and of replay, and the fields of their texts."""

    new: Sequence[str]
    replay: Sequence[str]
    new_field: str = "text"
    replay_field: str = "text"


def distance(sides: Sides, *, seed: int = 0) -> Measured:
    """Return how far new data is from replay. ConfigError where either has no text."""
    new = _documents("--new", sides.new, sides.new_field, seed)
    old = _documents("--replay", sides.replay, sides.replay_field, seed)
    apart = shift.language_tv(_languages(new), _languages(old))
    return shift.measured(_counted(new, seed), _counted(old, seed), apart)


def _counted(documents: pa.Table, seed: int) -> shift.Side:
    return shift.Side(documents.column(c.TEXT), documents.column(c.DOC_ID).to_pylist(), seed=seed)


def _documents(option: str, places: Sequence[str], field: str, seed: int) -> pa.Table:
    """Read documents of a side: what a sample of it takes, their beginnings."""
    where = f"{option} {places[0]}"
    source = source_of(option.lstrip("-"), places, fields=Fields(field), where=where)
    source = bounded(source, READ_TOKENS, where=where, seed=seed)
    seen, parts = Seen(), list[pa.Table]()
    for documents, _ in measured(source, CONFIG, seen, where=where):
        some = documents.select([c.DOC_ID, c.TEXT])
        cut = pc.utf8_slice_codeunits(some.column(c.TEXT), 0, LONGEST)
        parts.append(some.set_column(1, c.TEXT, cut))
    table = pa.concat_tables(parts) if parts else None
    if table is None or not pc.sum(pc.binary_length(table.column(c.TEXT))).as_py():
        raise ConfigError(
            where,
            got=f"no text in {seen.documents:,} documents",
            wanted=f"records with a text in the field {field!r}",
            way_out=f"Name the field that holds the text with {option}-field.",
        )
    return table


def _languages(documents: pa.Table) -> pl.DataFrame:
    texts = documents.column(c.TEXT)
    lengths = pl.Series("n_bytes", pc.binary_length(texts), pl.Int64)
    return language(texts, CONFIG).select(pl.col(c.LANG).alias("lang")).with_columns(lengths)


def pilots(place: str) -> list[Pilot]:
    """Read the losses of pilots. ConfigError for what cannot be read, with the row."""
    if not storage.is_file(place):
        raise ConfigError(
            f"--pilots {place}", got="no such file", wanted=FORMATS, way_out="Correct the path."
        )
    rows = _rows(place, storage.read_bytes(place))
    if not rows:
        raise ConfigError(
            f"--pilots {place}", got="no run", wanted=FORMATS, way_out="Write a row for each run."
        )
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(Pilot.model_validate(row))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "its row"
            raise ConfigError(
                f"--pilots {place}, run {number}",
                got=f"{key}: {first['msg'][:1].lower()}{first['msg'][1:]}",
                wanted="replay_share from 0 up to 1 (or 5%), old_loss, and new_loss or none",
                way_out="Mend that row.",
            ) from error
    return found


def _rows(place: str, body: bytes) -> list[Any]:
    try:
        text = body.decode("utf-8-sig")
        if place.endswith(".json"):
            found = orjson.loads(text)
        elif place.endswith(".toml"):
            found = tomllib.loads(text)
        else:
            return [_filled(row) for row in csv.DictReader(io.StringIO(text))]
    except (UnicodeDecodeError, orjson.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"--pilots {place}", got=str(error), wanted=FORMATS, way_out="Mend the file."
        ) from error
    rows = found.get("pilots") if isinstance(found, dict) else found
    if isinstance(rows, list):
        return rows
    raise ConfigError(
        f"--pilots {place}",
        got="no list of runs",
        wanted=FORMATS,
        way_out="Write [[pilots]] above each run in TOML, a list of objects in JSON.",
    )


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    """A row of CSV without its empty fields."""
    return {
        (key or "a column without a name").strip(): value.strip()
        for key, value in row.items()
        if isinstance(value, str) and value.strip()
    }
