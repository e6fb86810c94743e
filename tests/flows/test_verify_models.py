"""What verify notices of models, scores and decisions by them that were changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas import columns as c
from schemas.manifest import SCORES
from tasks import verify_models
from tasks.verify import verify
from tests.flows.test_models import NGRAM_LM, folder_of, run, write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")


def failed(out: Path) -> set[str]:
    return {finding.statement for finding in verify(str(out)) if not finding.ok}


def test_another_model_and_other_scores(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path), out)
    assert not failed(out)
    weights = folder_of(out, "cooking") / "model.safetensors"
    intact = weights.read_bytes()
    weights.write_bytes(intact[:-40] + bytes(8) + intact[-32:])
    assert verify_models.WHOLE in failed(out)
    weights.write_bytes(intact)
    (signals,) = (out / "signals").glob("*.parquet")
    table = pq.read_table(signals)
    scores = table.column(c.SCORES).to_pylist()
    scores[3][0]["value"] += 1e-6
    place = table.schema.get_field_index(c.SCORES)
    table = table.set_column(place, table.field(place), pa.array(scores, table.field(place).type))
    pq.write_table(table, signals)
    assert verify_models.SCORED in failed(out)
    assert verify_models.WHOLE not in failed(out)


def test_other_cuts_and_decisions_by_perplexity(tmp_path: Path) -> None:
    out = tmp_path / "out"
    parts = '[[select.perplexity]]\nname = "kitchen"\nkeep = ["head"]\nleast_documents = 10\n'
    run(write(tmp_path, models=NGRAM_LM, select=parts), out)
    assert not failed(out)
    (decisions,) = (out / "decisions").glob("*.parquet")
    table, intact = pl.read_parquet(decisions), decisions.read_bytes()
    goes = table[c.DROP_REASONS].list.contains("perplexity:kitchen")
    kept = table.with_columns(pl.lit([], pl.List(pl.String)).alias(c.DROP_REASONS))
    kept.filter(goes).vstack(table.filter(~goes)).write_parquet(decisions)
    assert verify_models.PARTED in failed(out)
    decisions.write_bytes(intact)
    assert not failed(out)
    at = out / "decisions" / "manifest.json"
    told = json.loads(at.read_text())
    told["details"][SCORES]["cuts"]["kitchen"]["en"][0] += 1
    at.write_text(json.dumps(told))
    assert verify_models.PARTED in failed(out)
