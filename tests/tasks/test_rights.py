"""Documents and tokens by licence, however a mixture's rows are laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas import columns as c
from schemas.manifest import Shard, StageManifest
from tasks import ledger, rights, storage
from tasks.report.rights import opt_out, section

if TYPE_CHECKING:
    from pathlib import Path

LISTS = {"ids": {"entries": 2, "digest": "0123456789abcdef"}}


def write(out: Path, name: str, columns: dict[str, Any], *, packed: bool) -> str:
    kinds = {c.DOC_ID: pa.string(), c.SOURCE: pa.string(), c.LICENSE: pa.string(),
             c.TOKENS: pa.int64()}  # fmt: skip
    schema = pa.schema([(n, pa.list_(k) if packed else k) for n, k in kinds.items()])
    table = pa.Table.from_pydict(columns, schema)
    shard = Shard(file=name, rows=table.num_rows, digest="")
    storage.write_table(str(out / "mixture" / name), table, schema, shard=shard)
    return name


def decided(out: Path, **details: Any) -> None:
    manifest = StageManifest(
        stage="select", key="", digest="", rows_in=0, rows_out=0, details=details
    )
    ledger.finish(str(out), manifest)


def test_documents_count_once_and_tokens_as_often_as_they_stand_there(tmp_path: Path) -> None:
    decided(tmp_path, opt_out=LISTS)
    rows = {
        c.DOC_ID: ["a", "b", "a", "d"],
        c.SOURCE: ["web", "web", "web", "books"],
        c.LICENSE: ["cc by 4.0", None, "cc by 4.0", "CC-BY-4.0"],
        c.TOKENS: [10, 5, 10, 1],
    }
    packed: dict[str, Any] = {
        c.DOC_ID: [["a"], ["b", "a"], ["d"]],
        c.SOURCE: [["web"], ["web", "web"], ["books"]],
        c.LICENSE: [["cc by 4.0"], [None, "cc by 4.0"], ["CC-BY-4.0"]],
        c.TOKENS: [[10], [5, 10], [1]],
    }
    wanted = {
        "books": [{"license": "CC-BY-4.0", "documents": 1, "tokens": 1}],
        "web": [
            {"license": "CC-BY-4.0", "documents": 1, "tokens": 20},
            {"license": None, "documents": 1, "tokens": 5},
        ],
    }
    file = write(tmp_path, "train/a.parquet", rows, packed=False)
    found = rights.told(str(tmp_path), [file])
    assert found == {"rights": {"licenses": wanted, "opt_out": LISTS}}
    files = [write(tmp_path, f"train/p{i}.parquet", {n: [v[i]] for n, v in packed.items()},
                   packed=True) for i in range(3)]  # fmt: skip
    assert rights.told(str(tmp_path), files) == found


def test_they_are_told_with_the_lists_that_the_mixture_was_freed_by() -> None:
    told = {"licenses": {"web": [{"license": None, "documents": 1, "tokens": 5}]}}
    shown = section({**told, "opt_out": LISTS})
    assert shown.table is not None
    assert shown.table.rows == (("web", "not stated", 1, 5),)
    assert shown.text.endswith("opt-out lists of ids (2 entries, digest 0123456789ab).")
    assert opt_out({"opt_out": {}}).startswith("No opt-out list was given")
