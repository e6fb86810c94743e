"""Lines, paragraphs and runs of words that documents share: gone from the text as it is written."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import SourceError
from schemas.manifest import REMOVED_PARTS, Shard
from schemas.tables import REMOVED
from tasks import ledger, pieces, storage, tokens
from tasks.hashing import table_digest
from tasks.inspection import inspect
from tasks.plan import plan
from tasks.recipe import load
from tasks.report.document import document_facts
from tasks.report.plan import plan_sections
from tasks.report.removed import removed as report
from tasks.steps.dedup import Found
from tasks.verify import verify
from tests import corpora
from tests.real_data import real_data

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.plan import Plan

pytestmark = pytest.mark.usefixtures("prefect")

FOOTER = "Subscribe to our letters and read every story that the harbour has to tell.\n"
NOTICE = corpora.prose("notice", 48)
ASKED = {"line_words": 10, "paragraph_words": 30, "substring_words": 40}
RECIPE = """
name = "shared"

[[ingest.sources]]
name = "web"
url = "{place}"
{source}

[signals]
{signals}

[select]
gopher = false
max_drop_share = 1.0
valid_share = 0.1

[dedup]
{dedup}

[corpus]
materialize = true
"""


def run(
    folder: Path, place: str, signals: dict[str, int], *, dedup: str = "", source: str = "",
    **options: Any,
) -> Path:  # fmt: skip
    """Run a recipe as far as the corpus; return the run's folder."""
    from flows.build_corpus import build_corpus

    recipe, out = folder / "recipe.toml", folder / f"out-{len(list(folder.iterdir()))}"
    asked = "\n".join(f"{name} = {number}" for name, number in signals.items())
    recipe.write_text(RECIPE.format(place=place, signals=asked, dedup=dedup, source=source))
    config = load(str(recipe))
    ledger.open_run(str(out), config, version="0", goal="corpus")
    build_corpus(config, str(out), **options)
    return out


def removed(out: Path) -> pl.DataFrame:
    """What kept documents lose, with the text that goes, in the order of ids."""
    files = sorted((out / "decisions/removed").glob("*.parquet"))
    parts = [
        pl.read_parquet(file).join(
            pl.read_parquet(out / "documents" / file.name).with_row_index(c.ROW).select(
                pl.col(c.ROW).cast(pl.Int64), c.TEXT
            ),
            on=c.ROW,
        )
        for file in files
    ]  # fmt: skip
    spans = pl.concat(parts).sort(c.DOC_ID, c.START)
    texts = [t.encode()[a:b].decode() for t, a, b in spans.select(c.TEXT, c.START, c.END).rows()]
    return spans.with_columns(pl.Series(c.TEXT, texts)).drop(c.ROW)


def written(out: Path) -> dict[str, str]:
    frame = pl.read_parquet(out / "corpus/*.parquet")
    return dict(frame.select(c.DOC_ID, c.TEXT).iter_rows())


def spaced(text: str) -> str:
    return " ".join(text.split())


def documents(n: int = 40) -> list[dict[str, Any]]:
    """Pages of their own words: half with a footer, some with a notice in their midst."""
    rows = corpora.records("page", n)
    for i, row in enumerate(rows):
        lines = row["text"].splitlines()
        if i % 5 == 1:
            lines.insert(3 + i % 3, "\n" + NOTICE.replace("\n", " ") + "\n")
        if i % 5 == 2:
            lines[4] += " " + spaced(NOTICE) + " And so on."
        row["text"] = "\n".join(lines) + "\n" + FOOTER * (i % 2)
    rows.append({"id": "mostly", "text": rows[3]["text"][:-200] + "A few words of its own."})
    return rows


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    corpora.write_jsonl(folder / "in.jsonl.gz", documents())
    return run(folder, str(folder / "in.jsonl.gz"), ASKED, dedup="near = false")


def test_each_is_written_once(finished: Path) -> None:
    texts = list(written(finished).values())
    every = "\n".join(texts)
    assert sum(FOOTER.strip() in text for text in texts) == 1
    assert spaced(every).count(spaced(NOTICE)) == 1
    levels = Counter(removed(finished)[c.LEVEL])
    assert levels["line"] >= 15
    assert levels["paragraph"] + levels["substring"] >= 12


def test_what_goes_can_be_read_where_it_is_said_to_be(finished: Path) -> None:
    texts, spans = written(finished), removed(finished)
    assert spans.height > 30
    for text, twin in spans.select(c.TEXT, c.MATCHED_ID).iter_rows():
        assert spaced(text) in spaced(texts[twin])


def test_nothing_else_goes(finished: Path) -> None:
    """What is written and what is removed make up what was read, in its order."""
    spans, texts = removed(finished), written(finished)
    read = pl.read_parquet(finished / "documents/*.parquet")
    for doc_id, text in read.select(c.DOC_ID, c.TEXT).iter_rows():
        if doc_id not in texts:
            continue
        body, left, at = text.encode(), b"", 0
        for start, end in spans.filter(pl.col(c.DOC_ID) == doc_id).select(c.START, c.END).rows():
            left, at = left + body[at:start], end
        assert (left + body[at:]).decode() == texts[doc_id]


def test_who_would_lose_too_much_goes_as_a_whole(finished: Path) -> None:
    decided = pl.read_parquet(finished / "decisions/*.parquet")
    (gone,) = decided.filter(~pl.col(c.KEEP)).to_dicts()
    read = pl.read_parquet(finished / "documents/*.parquet")
    ids = dict(read.select(c.RECORD_ID, c.DOC_ID).iter_rows())
    assert gone[c.DOC_ID] in {ids["mostly"], ids["page-3"]}
    assert gone[c.MATCHED_ID] in {ids["mostly"], ids["page-3"]}
    assert gone[c.DROP_REASONS] == ["repeated_text"]
    assert gone[c.LEVEL] == "text"
    assert 0.5 < gone[c.SIMILARITY] <= 1.0
    (found,) = inspect(str(finished), gone[c.DOC_ID]).documents
    assert "of its bytes are in others, most in" in found.reasons[0].said
    assert found.reasons[0].key == "dedup.max_removed_share"


def test_who_would_be_left_without_a_word_goes_as_a_whole(tmp_path: Path) -> None:
    rows = [{"id": "page", "text": corpora.prose("page") + "\n" + FOOTER}]
    rows += [{"id": f"blank-{n}", "text": FOOTER + "\n" * n + "\u3000"} for n in (150, 160)]
    rows += [{"id": "word", "text": FOOTER + "\n" * 150 + "x"}]
    rows += [{"id": "copy", "text": rows[1]["text"]}]
    corpora.write_jsonl(tmp_path / "in.jsonl.gz", rows)
    out = run(tmp_path, str(tmp_path / "in.jsonl.gz"), {"line_words": 10}, dedup="near = false")
    assert sorted(text.strip()[-1:] for text in written(out).values()) == [".", "x"]
    decided = pl.read_parquet(out / "decisions/*.parquet")
    gone = decided.filter(~pl.col(c.KEEP)).sort(c.DROP_REASON)
    assert gone[c.DROP_REASON].to_list() == ["exact_duplicate", *["repeated_text"] * 2]
    assert gone[c.SIMILARITY].to_list() == [None, 1.0, 1.0]
    assert set(gone[c.MATCHED_ID]) <= set(written(out))
    (copy,) = inspect(str(out), gone[c.DOC_ID][0]).documents
    assert "the same text as a document that is dropped (repeated_text) for" in copy.reasons[0].said
    assert copy.reasons[0].key is None
    assert removed(out).height == 1
    assert [f for f in verify(str(out)) if not f.ok] == []


def test_inspect_tells_what_went_and_where_it_is(finished: Path) -> None:
    spans = removed(finished)
    doc_id, twin, text = spans.select(c.DOC_ID, c.MATCHED_ID, c.TEXT).row(0)
    (found,) = inspect(str(finished), doc_id).documents
    assert found.removed[0].matched_id == twin
    told = dict(document_facts(found))["Removed from its text"]
    assert twin in told[0][1]
    assert spaced(text)[:40] in told[0][1]


def test_the_manifest_counts_what_is_removed_for_the_report(finished: Path) -> None:
    manifest = ledger.read(str(finished), "select")
    spans = removed(finished)
    counts = manifest.details[REMOVED_PARTS]["web"]
    told = {level: (own["parts"], own["bytes"]) for level, own in counts.items()}
    sizes = spans[c.END] - spans[c.START]
    found = spans.select(c.LEVEL, sizes).group_by(c.LEVEL).agg(pl.len(), pl.col(c.END).sum())
    assert told == {level: (parts, n_bytes) for level, parts, n_bytes in found.iter_rows()}
    (section,) = report(manifest)
    assert section.table is not None
    assert len(section.table.rows) == len(told)


def test_plan_says_what_parts_take(finished: Path, tmp_path: Path) -> None:
    recipe = load(str(finished.parent / "recipe.toml"))
    planned = plan(recipe, str(tmp_path))
    signals = pl.read_parquet(finished / "signals/*.parquet")
    kinds = Counter(piece["kind"] for own in signals[c.PIECES] for piece in own)
    (source,) = planned.sources
    assert source.pieces == kinds.total()
    texts = pl.read_parquet(finished / "documents/*.parquet")[c.TEXT]
    runs = sum(len(pieces.runs(text, ASKED["substring_words"])) for text in texts)
    assert source.parts == pytest.approx(kinds[0] + kinds[1] + runs, rel=0.2)
    found = ["hash", c.ROW, c.START, c.END, "kind"]
    shared = [f for f in (finished / "decisions/near").iterdir() if _columns(f) == found]
    assert 0 < sum(f.stat().st_size for f in shared) <= planned.parts_bytes
    needs = _needs(planned)
    memory = needs["memory beside, for each percent of text that they share"]
    assert memory == pytest.approx(source.parts * 200 / 100 / 1e6)
    less = recipe.dedup.model_copy(update={"substrings": False})
    without = plan(recipe.model_copy(update={"dedup": less}), str(tmp_path))
    assert without.sources[0].parts == without.sources[0].pieces == kinds[0] + kinds[1]
    none = plan(recipe.model_copy(update={"signals": SignalsConfig()}), str(tmp_path))
    assert none.parts_bytes == none.parts_memory_bytes == 0
    assert len(_needs(none)) == len(needs) - 2


def _needs(planned: Plan) -> dict[Any, Any]:
    table = plan_sections(planned)[-1].table
    assert table is not None
    return {row[0]: row[1] for row in table.rows}


def _columns(file: Path) -> list[str]:
    return list(pl.read_parquet_schema(file))


def test_verify_proves_it_and_notices_a_change(finished: Path, tmp_path: Path) -> None:
    findings = verify(str(finished))
    assert [f for f in findings if not f.ok] == []
    assert any("what is removed is of kept documents" in f.statement for f in findings)
    file = next((finished / "decisions/removed").glob("*.parquet"))
    before = file.read_bytes()
    frame = pl.read_parquet(file)
    try:
        frame.with_columns(pl.col(c.END) - 1).write_parquet(file)
        failed = [f for f in verify(str(finished)) if not f.ok]
        assert any(file.name in f.detail for f in failed)
    finally:
        file.write_bytes(before)


def test_parts_of_one_row_in_several_files_are_proved(tmp_path: Path) -> None:
    for name in "abc":
        row = {"id": name, "text": corpora.prose(name) + "\n" + FOOTER}
        corpora.write_jsonl(tmp_path / "in" / f"{name}.jsonl.gz", [row])
    source = "[ingest]\nunit_mb = 0.0001"
    out = run(tmp_path, str(tmp_path / "in"), {"line_words": 10}, source=source)
    assert len(list((out / "decisions/removed").glob("*.parquet"))) == 2
    assert removed(out).height == 2
    assert [f for f in verify(str(out)) if not f.ok] == []


def test_what_was_found_for_other_decisions_is_refused(finished: Path) -> None:
    """As when an index, a list or the tokenizer changes while documents are compared."""
    from tasks.steps.select import decide

    key = ledger.read(str(finished), "select").key
    deciding = load(str(finished.parent / "recipe.toml")).deciding()
    other = deciding.model_copy(update={"seed": deciding.seed + 1})
    with pytest.raises(SourceError, match="changed meanwhile"):
        decide.fn(other, Found(key), str(finished))
    assert ledger.read(str(finished), "select").key == key


def test_lost_file_is_decided_again(tmp_path: Path) -> None:
    corpora.write_jsonl(tmp_path / "in.jsonl.gz", documents(20))
    out = run(tmp_path, str(tmp_path / "in.jsonl.gz"), ASKED)
    before, files = written(out), sorted((out / "decisions/removed").glob("*.parquet"))
    samples = (out / "decisions/samples.json").read_bytes()
    from flows.build_corpus import build_corpus

    for lost in (files[0], out / "decisions/samples.json"):
        lost.unlink()
        build_corpus(load(str(tmp_path / "recipe.toml")), str(out))
        assert sorted((out / "decisions/removed").glob("*.parquet")) == files
        assert (out / "decisions/samples.json").read_bytes() == samples
        assert written(out) == before
    of_another_run = pl.read_parquet(files[0]).head(1).to_arrow().cast(REMOVED)
    entry = Shard(file=files[0].name, rows=1, digest=table_digest(of_another_run))
    storage.write_table(str(files[0]), of_another_run, REMOVED, shard=entry)
    build_corpus(load(str(tmp_path / "recipe.toml")), str(out))
    assert pl.read_parquet(files[0]).height > 1
    assert written(out) == before


def test_same_whatever_the_files_order_and_memory(finished: Path, tmp_path: Path) -> None:
    rows = documents()
    for part in range(4):
        corpora.write_jsonl(tmp_path / "in" / f"{part}.jsonl.gz", rows[::-1][part::4])
    other = run(
        tmp_path,
        str(tmp_path / "in"),
        ASKED,
        dedup="near = false",
        source="[ingest]\nunit_mb = 0.0001",
        memory_bytes=40_000,
    )
    assert len(list((other / "documents").glob("*.parquet"))) == 4
    assert written(other) == written(finished)
    assert removed(other).equals(removed(finished))
    left = sorted(path.name for path in (other / "decisions/near").glob("*.parquet"))
    assert len(left) > 8


def test_whole_sources_lose_nothing_and_switches_measure_nothing_again(tmp_path: Path) -> None:
    corpora.write_jsonl(tmp_path / "in.jsonl.gz", documents(20))
    place = str(tmp_path / "in.jsonl.gz")
    out = run(tmp_path, place, ASKED, dedup='whole = ["web"]')
    assert not list((out / "decisions").glob("removed/*.parquet"))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('whole = ["web"]', "lines = false"))
    from flows.build_corpus import build_corpus

    config = load(str(recipe))
    before = {f.name: f.stat().st_mtime_ns for f in (out / "signals").glob("*.parquet")}
    ledger.open_run(str(out), config, version="0", goal="corpus")
    build_corpus(config, str(out))
    assert {f.name: f.stat().st_mtime_ns for f in (out / "signals").glob("*.parquet")} == before
    assert "line" not in set(removed(out)[c.LEVEL])


def test_mixture_is_cut_masked_counted_and_proved(tmp_path: Path) -> None:
    from flows.pipeline import pipeline

    recipe = corpora.three_sources(tmp_path / "in")
    contact = "\nWrite to joe.public@mail.org about every story of the old harbour.\n"
    for file in sorted((tmp_path / "in").rglob("*.jsonl.gz")):
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        for row in rows[::2]:
            row["text"] += contact
        corpora.write_jsonl(file, rows)
    asked = "[signals]\nline_words = 8\n\n[replay]\nmaterialize = true"
    text = recipe.read_text().replace("[replay]", asked)
    recipe.write_text(text + '\n[masking]\nkinds = ["email"]\n')
    out = tmp_path / "out"
    pipeline(load(str(recipe)), str(out))
    frame = pl.read_parquet(out / "mixture/*/*.parquet")
    assert frame[c.TEXT].str.contains("<EMAIL>").sum() == 1
    at = out / "tokenizer/tokenizer.json"
    tokenizer = tokens.load(at.read_bytes(), where=str(at))
    assert frame[c.TOKENS].to_list() == tokens.count(tokenizer, frame[c.TEXT].to_list())
    assert [f for f in verify(str(out)) if not f.ok] == []


def test_licences_share_no_run_afterwards(tmp_path: Path) -> None:
    """Software licences, which quote each other: compared run by run, in plain Python."""
    words = 50
    place = str(real_data() / "dolma/documents/legal")
    out = run(tmp_path, place, {"substring_words": words}, dedup="max_removed_share = 0.9")
    spans, texts = removed(out), written(out)
    assert spans.height > 300
    tokens_of = {i: [t.hash for t in pieces.tokens(text)] for i, text in texts.items()}
    for text, twin in spans.select(c.TEXT, c.MATCHED_ID).rows()[::17]:
        own = [t.hash for t in pieces.tokens(text)]
        held = set(zip(*(tokens_of[twin][k:] for k in range(words)), strict=False))
        assert set(zip(*(own[k:] for k in range(words)), strict=False)) <= held
    whose: dict[tuple[int, ...], set[str]] = {}
    for doc_id, hashes in tokens_of.items():
        for run_ in zip(*(hashes[k:] for k in range(words)), strict=False):
            whose.setdefault(run_, set()).add(doc_id)
    twice = sum(len(own) > 1 for own in whose.values())
    assert twice < 0.002 * len(whose)


def test_wrong_values_are_refused(tmp_path: Path) -> None:
    for line in ("max_removed_share = 1.0", 'whole = ["wbe"]'):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(RECIPE.format(place="x", signals="", dedup=line, source=""))
        with pytest.raises(Exception, match=line.split()[0]):
            load(str(recipe))
