"""What shards say of their columns, and that ``datasets`` reads and would write the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import mixture
from schemas.errors import SchemaError
from schemas.tables import DOCUMENTS
from tasks.mixture.features import KEY, with_features

if TYPE_CHECKING:
    from pathlib import Path

OTHER = pa.schema(
    [
        ("a", pa.large_list(pa.float32())),
        ("b", pa.struct([("c", pa.uint8()), ("d", pa.list_(pa.list_(pa.bool_())))])),
        ("e", pa.float16()),
    ]
)
SCHEMAS = [mixture.TEXT, mixture.MESSAGES, mixture.TOKENS, mixture.PACKED, DOCUMENTS, OTHER]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_as_datasets_would_write_it(schema: pa.Schema) -> None:
    from datasets import Features

    ours, theirs = with_features(schema), Features.from_arrow_schema(schema)
    assert json.loads(ours.metadata[KEY]) == json.loads(theirs.arrow_schema.metadata[KEY])
    assert Features.from_arrow_schema(ours) == theirs
    assert ours.equals(schema)


@pytest.mark.parametrize("schema", SCHEMAS[:4])
def test_a_file_is_read_with_these_types(schema: pa.Schema, tmp_path: Path) -> None:
    from datasets import Features, load_dataset

    row = pa.schema([field.with_nullable(True) for field in schema])  # noqa: FBT003
    pq.write_table(pa.Table.from_pylist([{}], with_features(row)), tmp_path / "a.parquet")
    found = load_dataset("parquet", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache"))
    assert found["train"].features == Features.from_arrow_schema(schema)


def test_metadata_that_was_there_stays() -> None:
    schema = with_features(mixture.TEXT.with_metadata({"k": "v"}))
    assert schema.metadata[b"k"] == b"v"
    assert with_features(schema).metadata == schema.metadata


def test_types_that_no_mixture_has() -> None:
    schema = pa.schema([("a", pa.struct([("b", pa.list_(pa.dictionary(pa.int8(), pa.string())))]))])
    with pytest.raises(SchemaError, match=r"column a.b: got type dictionary"):
        with_features(schema)
