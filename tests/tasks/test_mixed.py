from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest

from schemas import columns as c
from schemas.manifest import Shard
from schemas.mixture import table_schema
from tasks import mixed, storage
from tasks.hashing import text_hash
from tasks.mixture import rows
from tasks.mixture.rows import PIECES, Form
from tests.tasks.mixture.test_rows import piece

if TYPE_CHECKING:
    from pathlib import Path

PIECES_OF_TWO = [
    piece(doc_id="a", text="one", input_ids=[1, 2], learned=[True, False], license="mit"),
    piece(doc_id="b", text="two", input_ids=[3], learned=[True], piece=1, ends=False, url="u"),
    piece(doc_id="b", text="two", input_ids=[4], learned=[True], position=1, token_start=1),
]


@pytest.mark.parametrize("form", [Form("text"), Form("tokens"), Form("tokens", 8)])
def test_pieces_of_every_format(form: Form, tmp_path: Path) -> None:
    given = pa.Table.from_pylist(PIECES_OF_TWO, schema=PIECES)
    packed = form.size is not None
    at = str(tmp_path / "a.parquet")
    table = rows.made(given, form)
    schema = table_schema(form.format, packed=packed)
    storage.write_table(at, table, schema, shard=Shard(file="a", rows=3, digest=""))
    found = pl.concat(mixed.pieces(at, text=True, url=True))
    assert found[c.DOC_ID].to_list() == ["a", "b", "b"]
    assert found[c.POSITION].to_list() == [0, 0, 1]
    assert found[c.LICENSE].to_list() == ["mit", None, None]
    assert found[c.TOKENS].to_list() == [2, 1, 1]
    if packed:
        assert found[c.TOKEN_START].to_list() == [0, 0, 1]
        assert found[c.ENDS].to_list() == [True, False, True]
        assert found[mixed.TEXT_DIGEST].to_list() == [None] * 3
        assert found[c.SUPERVISED].to_list() == [1, 1, 1]
    else:
        assert found[mixed.TEXT_DIGEST].to_list() == [text_hash(t) for t in ("one", "two", "two")]
        assert found[c.URL].to_list() == [None, "u", None]
