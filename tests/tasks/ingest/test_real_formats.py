"""Published layouts, as they are published: counts that the files' own descriptions state."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from schemas.config import IngestConfig
from tasks import inputs, reading
from tests.real_data import real_data

DOLMA = "dolma/documents"
TABLE: list[tuple[str, dict[str, Any], int, dict[str, int]]] = [
    (f"{DOLMA}/wiki", {}, 505, {}),
    (f"{DOLMA}/news", {}, 7_924, {}),
    (f"{DOLMA}/science", {}, 3_229, {}),
    (f"{DOLMA}/code", {}, 673, {}),
    (f"{DOLMA}/docs", {}, 497, {}),
    (f"{DOLMA}/legal", {}, 728, {}),
    (f"{DOLMA}/maths", {}, 60, {}),
    ("german/laws", {}, 600, {}),
    ("german/manpages", {}, 908, {}),
    ("languages/udhr.html.jsonl.gz", {"id_field": "path"}, 532, {}),
    ("languages/handbook_html_en_de.jsonl.gz", {"id_field": "path"}, 254, {}),
    ("native/dolma/multiple_files/*.gz", {}, 20, {}),
    ("native/dolma/provided/documents", {}, 10, {}),
    ("native/dolma/warc", {}, 15, {"not_html": 2}),
    ("native/llamafactory_pretrain/c4_demo.jsonl", {}, 300, {}),
    ("native/llamafactory_pretrain/wiki_demo.txt", {}, 1, {}),
    ("native/wikiextractor", {"format": "wikiextractor"}, 52, {}),
    ("native/wikinews", {"format": "jsonl"}, 1_885, {}),
    ("instruct/llamafactory/alpaca_en_demo.json", {"format": "chat"}, 999, {}),
    ("instruct/llamafactory/alpaca_zh_demo.json", {"format": "chat"}, 1_000, {}),
    ("instruct/llamafactory/identity.json", {"format": "chat"}, 91, {}),
    ("instruct/fastchat/data/dummy_conversation.json", {"format": "chat"}, 500, {}),
    ("evals/truthfulqa/TruthfulQA.csv", {"text_field": "Question"}, 817, {}),
    ("evals/gsm8k/train.jsonl", {"text_field": "question"}, 7_473, {}),
]


@pytest.mark.parametrize(("place", "options", "documents", "rejects"), TABLE)
def test_every_record_is_read_in_its_native_format(
    place: str, options: dict[str, Any], documents: int, rejects: dict[str, int], tmp_path: Any
) -> None:
    source = {"name": "real", "url": str(real_data() / place), **options}
    config = IngestConfig.model_validate({"sources": [source]}, strict=False)
    found, reasons = 0, Counter[str]()
    for unit in inputs.list_units(config).units:
        reader = reading.UnitReader(unit, config.sources[0], scratch=str(tmp_path))
        for table, rejected in reader.batches():
            found += table.num_rows
            reasons.update(rejected.column("reason").to_pylist())
    assert (found, dict(reasons)) == (documents, rejects)
