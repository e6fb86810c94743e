"""What ``datasets`` writes into the Parquet schema of its own files: the feature of a column. Pure.

With it, files of a mixture are read with the same features wherever they lie and whichever of them
is read first.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa

from schemas.errors import SchemaError

KEY: Final = b"huggingface"
"""Key of the schema's metadata; its value is ``{"info": {"features": ...}}`` as JSON."""
NAMES: Final = {pa.float16(): "float16", pa.float32(): "float32", pa.float64(): "float64"}
"""Types whose names in Arrow are others."""


def with_features(schema: pa.Schema) -> pa.Schema:
    """Return the schema with its columns described in the metadata as ``datasets`` describes them.

    Raises SchemaError for a column of a type that no table of a mixture has.
    """
    features = {field.name: _feature(field.type, field.name) for field in schema}
    body = json.dumps({"info": {"features": features}}).encode()
    return schema.with_metadata({**(schema.metadata or {}), KEY: body})


def _feature(kind: pa.DataType, name: str) -> dict[str, Any]:
    """A type as ``datasets.Features.to_dict`` has it."""
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type, f"{name}.{field.name}") for field in kind}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type, name), "_type": "List"}
    if pa.types.is_large_list(kind):
        return {"feature": _feature(kind.value_type, name), "_type": "LargeList"}
    if pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return {"dtype": NAMES.get(kind, str(kind)), "_type": "Value"}
    raise SchemaError(
        f"column {name}",
        got=f"type {kind}",
        wanted="numbers, text, structs, and lists of these",
        way_out="Give the column one of these types in schemas/mixture.py.",
    )
