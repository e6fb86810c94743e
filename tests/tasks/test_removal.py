"""What kept documents lose: cut out of their text at bytes, and looked up in one read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.manifest import StageManifest
from tasks import ledger, removal

if TYPE_CHECKING:
    from pathlib import Path


def decided(out: Path, digests: list[str]) -> None:
    """Write a manifest of decisions, of which so many shards lose something."""
    said = {f"removed/{i}.parquet": found for i, found in enumerate(digests)}
    manifest = StageManifest(
        stage="select", key="", digest="", rows_in=0, rows_out=0, details={removal.DETAIL: said}
    )
    ledger.finish(str(out), manifest)


@given(st.lists(st.text("aé中🙂 \n", max_size=12), min_size=1, max_size=4), st.data())
def test_text_is_what_is_left_and_right_of_what_goes(texts: list[str], data: st.DataObject) -> None:
    spans, wanted = [], []
    for row, text in enumerate(texts):
        cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
        pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
        spans += [(row, len(text[:a].encode()), len(text[:b].encode())) for a, b in pairs]
        gone = {i for a, b in pairs for i in range(a, b)}
        wanted.append("".join(x for i, x in enumerate(text) if i not in gone))
    removed = pl.DataFrame(spans, schema=[c.ROW, c.START, c.END], orient="row")
    removed = removed.cast(pl.Int64)
    table = pa.table({c.TEXT: pa.array(texts, pa.large_string())})
    assert removal.cut(table, range(len(texts)), removed).column(c.TEXT).to_pylist() == wanted
    lost = removal.sizes(removed, len(texts)).to_list()
    both = zip(texts, wanted, strict=True)
    assert lost == [len(a.encode()) - len(b.encode()) for a, b in both]


def test_decisions_made_again_are_noticed(tmp_path: Path) -> None:
    for digests in (["one", "other"], ["another", "other"], []):
        decided(tmp_path, digests)
        assert removal.key("0.parquet", str(tmp_path)) == digests[:1]


def test_thousands_of_shards_are_looked_up_in_a_moment(tmp_path: Path) -> None:
    """The manifest names them all: read anew for each, it would take minutes."""
    decided(tmp_path, [f"{i:032x}" for i in range(20_000)])
    started = time.process_time()
    found = [removal.key(f"{i}.parquet", str(tmp_path)) for i in range(20_000)]
    assert len(found) == 20_000
    assert time.process_time() - started < 10
