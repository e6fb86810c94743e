"""The folder that `Dataset.save_to_disk` writes, of the three columns that trainers take.

Written as the rows are read: the library itself would first lay them out in its cache, whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from schemas.exported import SplitSaid
from schemas.mixture import LEARNED
from tasks import storage
from tasks.hashing import digest
from tasks.mixture import flat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.reader import Reader

FILE_TOKENS = 1 << 27
"""Of a file, about; at nine bytes a token some 1.2 GB."""
INFO, STATE, SPLITS = "dataset_info.json", "state.json", "dataset_dict.json"


def write(reader: Reader, out: str) -> SplitSaid:
    """Write a split: Arrow streams, and what `datasets` wants to know of them."""
    below = storage.join(out, reader.split)
    schema = pa.schema([reader.schema.field(name) for name in LEARNED])
    names: list[str] = []
    rows = tokens = learned = 0
    batches = (table.select(LEARNED).cast(schema) for table in reader.batches())
    for part in _parts(batches):
        names.append(f"data-{len(names):05d}.arrow")
        with storage.streaming(storage.join(below, names[-1]), schema) as file:
            for table in part:
                file.write_table(table)
                found = flat.flat(table)
                rows, tokens = rows + table.num_rows, tokens + len(found.ids)
                learned += int(found.learned.sum())
    _describe(below, names, schema, reader)
    return SplitSaid(rows=rows, tokens=tokens, learned=learned)


def _parts(tables: Iterator[pa.Table]) -> Iterator[Iterator[pa.Table]]:
    """Yield the tables of one file after the other; each has to be read before the next."""
    following = next(tables, None)

    def one() -> Iterator[pa.Table]:
        nonlocal following
        held = 0
        while following is not None and held < FILE_TOKENS:
            table, following = following, next(tables, None)
            held += table.nbytes // 9
            yield table

    while following is not None:
        yield one()


def _describe(below: str, names: list[str], schema: pa.Schema, reader: Reader) -> None:
    from datasets import Features

    features = Features.from_arrow_schema(schema).to_dict()
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": digest(reader.digest, reader.split)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": reader.split,
    }
    storage.write_bytes(storage.join(below, INFO), orjson.dumps({"features": features}))
    storage.write_bytes(storage.join(below, STATE), orjson.dumps(state))


def finish(out: str, splits: list[str]) -> None:
    """Say which splits there are, so that the folder loads as one `DatasetDict`."""
    storage.write_bytes(storage.join(out, SPLITS), orjson.dumps({"splits": splits}))
