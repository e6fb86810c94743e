"""The whole table of signals: its shape, its rows' independence, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.tables import DOCUMENTS, SIGNALS, conform
from tasks import hashing
from tasks.signals.measure import measure
from tests.tasks.signals.texts import ANY_TEXT, real_documents

CONFIG = SignalsConfig()


def documents(texts: list[str], *, location: str = "here.jsonl") -> pa.Table:
    """Make a table of documents around some texts."""
    n = len(texts)
    table = pa.table(
        {
            c.DOC_ID: pa.array([hashing.doc_id("test", None, text) for text in texts], pa.string()),
            c.SOURCE: pa.array(["test"] * n, pa.string()),
            c.TEXT: pa.array(texts, pa.large_string()),
            c.OPT_OUT: pa.array([False] * n, pa.bool_()),
            c.LOCATION: pa.array([location] * n, pa.string()),
            c.POSITION: pa.array(range(n), pa.int64()),
        }
    )
    return conform(table, DOCUMENTS)


def in_parts(table: pa.Table, size: int) -> pa.Table:
    """Measure ``size`` rows at a time."""
    parts = [measure(table.slice(i, size), CONFIG) for i in range(0, table.num_rows, size)]
    return pa.concat_tables(parts)


def test_rows_stand_beside_their_documents() -> None:
    texts = ["", "Grüße aus dem Burggraben, der alles Alte bewahrt.", "short"]
    signals = measure(documents(texts), CONFIG)
    assert signals.schema == SIGNALS
    assert signals[c.DOC_ID].to_pylist() == [hashing.doc_id("test", None, t) for t in texts]
    assert signals[c.TEXT_HASH].to_pylist() == [hashing.text_hash(t) for t in texts]
    assert signals[c.N_BYTES].to_pylist() == [len(t.encode()) for t in texts]
    assert signals[c.LANG].to_pylist() == ["und", "de", "und"]
    assert signals[c.GOPHER_WORD_COUNT].to_pylist() == [0, 8, 1]
    assert [b and len(b) for b in signals[c.MINHASH_BANDS].to_pylist()] == [None, 18, 18]
    assert [s and len(s) for s in signals[c.MINHASH_SKETCH].to_pylist()] == [None, 108, 108]


def test_no_documents() -> None:
    assert measure(documents([]), CONFIG) == SIGNALS.empty_table()
    assert measure(DOCUMENTS.empty_table(), CONFIG) == SIGNALS.empty_table()


def test_the_documents_digest_leaves_out_where_it_lay() -> None:
    texts = ["one", "two"]
    here, there = documents(texts), documents(texts, location="there.parquet").slice(1)
    digests = measure(here, CONFIG)[c.DOCUMENT_DIGEST].to_pylist()
    assert digests[1:] == measure(there, CONFIG)[c.DOCUMENT_DIGEST].to_pylist()
    kept = [name for name in here.column_names if name not in {c.LOCATION, c.POSITION}]
    assert digests == [digest.hex() for digest in hashing.row_digests(here.select(kept))]
    assert len(set(digests)) == 2


@settings(max_examples=25)
@given(st.lists(ANY_TEXT, max_size=6), st.integers(1, 3))
def test_batches_do_not_matter_for_any_text(texts: list[str], size: int) -> None:
    table = documents(["", *texts])
    assert in_parts(table, size).equals(measure(table, CONFIG))


def test_batches_do_not_matter_for_real_documents() -> None:
    table = documents(list(real_documents()[::5]))
    whole = measure(table, CONFIG)
    assert in_parts(table, 17).equals(whole)
    rechunked = pa.concat_tables([table.slice(0, 7), table.slice(7)])
    assert measure(rechunked, CONFIG).equals(whole)


@pytest.mark.parametrize("module", ["tasks.shingles", "tasks.signals", "tasks.signals.measure"])
def test_importing_is_cheap(module: str) -> None:
    heavy = {"prefect", "datasets", "torch", "transformers", "datasketch", "ftlangdetect"}
    heavy |= {"fasttext"}
    script = f"import sys, {module}\nprint(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
