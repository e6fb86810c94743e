"""Rows of mixtures as arrays: weights by document, padding, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from schemas import columns as c
from schemas.mixture import NO_LOSS
from tasks.reader import Reader
from tasks.training import batches, losses
from tests.corpora import prose
from tests.mixtures import Document, written
from tests.tasks.training.models import whole

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

DOCUMENTS = [
    Document("a" if i % 2 else "b", prose(("batches", i), 12), i % 2 == 0, 0.5 + i % 2)
    for i in range(20)
]


def read(folder: Path, row_tokens: int | None) -> pa.Table:
    written(folder, {"train": DOCUMENTS}, row_format="tokens", row_tokens=row_tokens)
    packed = (c.ENDS,) if row_tokens else ()
    reader = Reader(folder, columns=(*batches.COLUMNS, *packed), batch_rows=1_000)
    return next(reader.batches())


@pytest.mark.parametrize("row_tokens", [None, 24])
def test_each_token_has_the_weight_of_its_document(tmp_path: Path, row_tokens: int | None) -> None:
    table = read(tmp_path, row_tokens)
    batch = batches.of_table(table, padding=3)
    assert batch.rows == table.num_rows
    for number, row in enumerate(table.to_pylist()):
        n = len(row[c.INPUT_IDS])
        there = row[c.ATTENTION_MASK].count(1)
        assert batch.ids[number, :n].tolist() == row[c.INPUT_IDS]
        assert set(batch.ids[number, n:].tolist()) <= {3}
        assert set(batch.labels[number, n:].tolist()) <= {NO_LOSS}
        wanted = row[c.LOSS_WEIGHT]
        if row_tokens:
            sizes = [size + end for size, end in zip(row[c.TOKENS], row[c.ENDS], strict=True)]
            wanted = [w for w, k in zip(wanted, sizes, strict=True) for _ in range(k)]
        else:
            wanted = [wanted] * there
        assert batch.weights[number, :there].tolist() == wanted
        assert not batch.weights[number, there:].any()
        assert (batch.pieces[number] >= 0).sum() == there
        assert batch.is_replay[number] == (row[c.ORIGIN] == "replay")


def test_parts_are_the_rows_no_wider_than_they_need(tmp_path: Path) -> None:
    batch = batches.of_table(read(tmp_path, None))
    parts = list(batch.parts(3))
    assert [part.rows for part in parts] == [3] * 6 + [2]
    assert sum(part.tokens for part in parts) == batch.tokens
    assert sum(part.learned for part in parts) == batch.learned
    assert all(part.attention[:, -1].any() for part in parts)
    assert sum((part.documents for part in parts), ()) == batch.documents


def test_a_document_alone_sees_itself_only_and_is_counted_from_its_first_token() -> None:
    pieces = np.array([[0, 0, 1, 1, 1, -1]])
    assert losses.places(pieces).tolist() == [[0, 1, 0, 1, 2, 0]]
    seen = [[j for j in range(6) if not losses.hidden(pieces)[0, i, j]] for i in range(6)]
    assert seen == [[0], [0, 1], [2], [2, 3], [2, 3, 4], [5]]
    batch = whole(np.arange(6)[None])._replace(pieces=pieces)
    assert batch.isolated().labels.tolist() == [[NO_LOSS, 1, NO_LOSS, 3, 4, NO_LOSS]]
