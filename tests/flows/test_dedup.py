"""Duplicates through the whole path: real ones, planted ones, and which of them stays."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas import columns as c
from tasks import inspection, ledger, storage
from tasks.recipe import load
from tasks.shingles import shingles
from tests import corpora
from tests.real_data import real_data

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "twins"

[[ingest.sources]]
name = "web"
url = "{place}"
{source}

[select]
gopher = false
languages = []
max_drop_share = 1.0

[dedup]
{dedup}
"""


def decided(
    tmp_path: Path, place: str, *, dedup: str = "", source: str = "", **options: Any
) -> pl.DataFrame:
    """Run a recipe as far as the decisions; return them with the documents' text and address."""
    from flows.build_corpus import build_corpus

    recipe, out = tmp_path / "recipe.toml", str(tmp_path / f"out-{len(list(tmp_path.iterdir()))}")
    recipe.write_text(RECIPE.format(place=place, dedup=dedup, source=source))
    config = load(str(recipe))
    ledger.open_run(out, config, version="0", goal="corpus")
    build_corpus(config, out, **options)
    parts = []
    for shard in ledger.read(out, "select").shards:
        decisions = storage.read_table(storage.join(ledger.folder(out, "select"), shard.file))
        at = storage.join(ledger.folder(out, "ingest"), shard.file)
        documents = storage.read_table(at, [c.TEXT, c.URL, c.SOURCE])
        parts.append(pl.DataFrame(decisions).hstack(pl.DataFrame(documents)))
    return pl.concat(parts)


def jaccard(left: str, right: str) -> float:
    one, other = set(shingles(left, 5)), set(shingles(right, 5))
    return len(one & other) / len(one | other)


def similarities(frame: pl.DataFrame) -> list[tuple[float, float]]:
    """Stated and exact similarity of every near-duplicate to its kept twin."""
    texts = dict(frame.filter(c.KEEP).select(c.DOC_ID, c.TEXT).iter_rows())
    near = frame.filter(pl.col(c.LEVEL) == "near")
    return [
        (stated, jaccard(text, texts[matched]))
        for stated, text, matched in near.select(c.SIMILARITY, c.TEXT, c.MATCHED_ID).iter_rows()
    ]


def test_licences_with_known_duplicates(tmp_path: Path) -> None:
    """Software licences: 40 byte-exact copies, about 150 redundant documents in all."""
    legal = str(real_data() / "dolma/documents/legal")
    estimated = decided(tmp_path, legal, dedup='verification = "estimated"\nthreshold = 0.75')
    reasons = Counter(estimated[c.DROP_REASON])
    assert reasons["exact_duplicate"] == 40
    assert 100 <= reasons["near_duplicate"] <= 140
    assert max(abs(stated - true) for stated, true in similarities(estimated)) < 0.15
    exact = decided(tmp_path, legal)
    found = similarities(exact)
    assert 100 <= len(found) <= 120
    assert all(stated == true >= 0.8 for stated, true in found)


def test_ranges_of_keys_do_not_show(tmp_path: Path) -> None:
    legal = str(real_data() / "dolma/documents/legal")
    columns = [c.DOC_ID, c.KEEP, c.DROP_REASONS, c.MATCHED_ID, c.SIMILARITY, c.SPLIT]
    whole, parts = (decided(tmp_path, legal, memory_bytes=b) for b in (10**9, 300_000))
    assert whole.select(columns).equals(parts.select(columns))


def page(i: int, url: str | None, words: str = "", text: str | None = None) -> dict[str, Any]:
    text = corpora.prose(f"page {i}") if text is None else text
    return {"id": str(i), "text": f"{text} {words}".strip(), "url": url}


def write(tmp_path: Path, rows: list[dict[str, Any]]) -> str:
    place = tmp_path / "pages.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(place)


def test_one_address_stays_once_where_the_recipe_asks(tmp_path: Path) -> None:
    urls = ["http://www.example.org/a", "https://example.org/a/#top", "https://example.org/b", None]
    place = write(tmp_path, [page(i, url) for i, url in enumerate([*urls, None])])
    assert decided(tmp_path, place)[c.KEEP].all()
    frame = decided(tmp_path, place, dedup="urls = true")
    assert frame[c.DROP_REASON].drop_nulls().to_list() == ["repeated_url"]
    dropped = frame.filter(~pl.col(c.KEEP)).row(0, named=True)
    kept = frame.filter(pl.col(c.DOC_ID) == dropped[c.MATCHED_ID]).row(0, named=True)
    assert {dropped[c.URL], kept[c.URL]} == set(urls[:2])
    assert (dropped[c.LEVEL], dropped[c.SIMILARITY], kept[c.KEEP]) == ("url", None, True)
    assert dropped[c.CLUSTER_ID] == kept[c.DOC_ID]


def test_the_longer_text_stays_then_what_the_recipe_prefers(tmp_path: Path) -> None:
    text = corpora.prose("the same")
    rows = [page(i, None, "more " * i, text) | {"source": name} for i, name in enumerate("abc")]
    place = write(tmp_path, rows)
    by = 'source_field = "source"'
    longest = decided(tmp_path, place, source=by).filter(c.KEEP)
    assert longest[c.SOURCE].to_list() == ["c"]
    first = decided(tmp_path, place, source=by, dedup='source_priority = ["b"]').filter(c.KEEP)
    assert first[c.SOURCE].to_list() == ["b"]
    best = decided(tmp_path, place, source=by, dedup='quality = "compression_ratio"')
    assert best.filter(c.KEEP).height == 1


def test_twins_that_differ_in_form_only(tmp_path: Path) -> None:
    """Composed and decomposed accents are one text; case and white space make no difference."""
    text = corpora.prose("the same") + " caf\u00e9"
    forms = [text, text.replace("\u00e9", "e\u0301"), text.upper(), text.replace(" ", "  ")]
    frame = decided(tmp_path, write(tmp_path, [page(i, None, "", t) for i, t in enumerate(forms)]))
    assert frame[c.KEEP].sum() == 1
    assert set(frame[c.SIMILARITY].drop_nulls()) == {1.0}
    assert Counter(frame[c.DROP_REASON])["exact_duplicate"] == 1


def test_documents_of_one_word_or_none(tmp_path: Path) -> None:
    texts = ["Yes", "yes.", "No", "?!", "?!", "\u00a0 \n", ""]
    frame = decided(tmp_path, write(tmp_path, [page(i, None, "", t) for i, t in enumerate(texts)]))
    kept = [text.lower().strip(".") for text in frame.filter(c.KEEP)[c.TEXT]]
    assert sorted(kept) == ["?!", "no", "yes"]
    wanted = {"near_duplicate": 1, "exact_duplicate": 1, "empty": 2}
    assert Counter(frame[c.DROP_REASON].drop_nulls()) == wanted
    twin = frame.filter(pl.col(c.DROP_REASON) == "near_duplicate")
    assert twin[c.SIMILARITY].to_list() == [1.0]


def test_what_went_for_a_twin_that_went_names_the_one_that_stays(tmp_path: Path) -> None:
    text = corpora.prose("the same")
    almost = text.replace("river", "stream", 1)
    rows = [page(1, None, "and more", text), page(2, None, "", almost), page(3, None, "", almost)]
    rows.append(page(2, None, "", "Another text of the second page's id."))
    frame = decided(tmp_path, write(tmp_path, rows))
    stays = frame.row(0, named=True)[c.DOC_ID]
    assert frame[c.KEEP].to_list() == [True, False, False, False]
    assert frame[c.MATCHED_ID].to_list() == [None, *[stays] * 3]
    assert frame[c.LEVEL].to_list() == [None, *["near"] * 3]
    (out,) = tmp_path.glob("out-*")
    said = {
        r.name: r.said
        for asked in ("2", "3")
        for document in inspection.inspect(str(out), asked).documents
        for r in document.reasons
    }
    for name, like in (("exact_duplicate", "text"), ("repeated_id", "id")):
        assert f"the same {like} as a document that is dropped (near_duplicate) for" in said[name]
        assert f"for {stays} (web, " in said[name]
        assert "which is kept" in said[name]
    assert "similarity to that one 0." in said["exact_duplicate"]
    assert "similarity" not in said["repeated_id"]
