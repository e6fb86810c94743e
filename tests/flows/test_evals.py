"""Evaluation sets, as a user has them: named in a recipe, looked for in documents, told of."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.levels import EVAL_ITEM
from schemas.manifest import EVALS
from schemas.samples import Samples
from schemas.tables import CORPUS, EVAL_ITEMS, REMOVED
from tasks import eval_sets, leaks, ledger, storage
from tasks.inspection import inspect
from tasks.plan import plan
from tasks.recipe import load
from tasks.report.evals import evals as report
from tasks.report.removed import removed
from tasks.verify import verify
from tasks.verify_evals import ANEW, CUT, LAID_BY, STATEMENT, WRITTEN
from tests import corpora

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

pytestmark = pytest.mark.usefixtures("prefect")

RECIPE = """
name = "evals"

[[ingest.sources]]
name = "web"
url = "web.jsonl"

[[signals.evals]]
name = "riddles"
url = "riddles.jsonl"
fields = ["question", "answer.text"]

[select]
gopher = false
max_drop_share = 1.0

[dedup]
near = false

[decontaminate]
{decontaminate}
"""
QUESTION = (
    "Where do the herons of the northern marsh sleep when the river has frozen over at night?"
)
TEMPLATE = "Which of the following statements about the matter at hand is not true?"
LICENCE = "Permission is hereby granted, free of charge, to any person who obtains a copy of it."
ITEMS = [
    {"id": "r1", "question": QUESTION, "answer": {"text": "On one leg"}},
    {"id": "r2", "question": TEMPLATE, "answer": {"text": LICENCE}},
]
PAIRS = [(QUESTION, "On one leg"), (TEMPLATE, LICENCE)]
CHANGED = QUESTION.replace("herons", "storks")
PLANTED = {
    "verbatim": f"Before it. {QUESTION} And after it.",
    "reflowed": QUESTION.replace(" ", "\n"),
    "recased": QUESTION.upper().replace("?", " ?!"),
    "changed": CHANGED,
    "split": QUESTION.replace("when", "\n\nwhen"),
}


def write(folder: Path, *, decontaminate: str = "", items: Iterable[object] = ITEMS) -> Path:
    """A recipe, its items, and documents: planted ones, licensed ones, and others."""
    documents = [
        {"id": name, "text": f"{text}\n\n{corpora.prose(name, 60)}"}
        for name, text in PLANTED.items()
    ]
    documents += [
        {"id": f"l{i}", "text": f"{LICENCE}\n\n{corpora.prose(f'l{i}', 60)}"} for i in range(40)
    ]
    documents += [{"id": f"o{i}", "text": corpora.prose(f"o{i}", 60)} for i in range(40)]
    (folder / "web.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents))
    (folder / "riddles.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items))
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(decontaminate=decontaminate))
    return recipe


def run(recipe: Path, out: Path) -> pl.DataFrame:
    """Return the decisions, with the records' own ids."""
    from flows.build_corpus import build_corpus

    config = load(str(recipe))
    ledger.open_run(str(out), config, version="0", goal="corpus")
    build_corpus(config, str(out))
    shards = ledger.read(str(out), "ingest").shards
    parts = [
        pl.read_parquet(out / "documents" / s.file, columns=[c.RECORD_ID]).hstack(
            pl.read_parquet(out / "decisions" / s.file)
        )
        for s in shards
    ]
    return pl.concat(parts)


def gone(decisions: pl.DataFrame) -> set[str]:
    return set(decisions.filter(pl.col(c.DROP_REASON) == EVAL_ITEM)[c.RECORD_ID])


def test_documents_with_items_go_whatever_was_done_to_them_and_licences_stay(
    tmp_path: Path,
) -> None:
    decisions = run(write(tmp_path), tmp_path / "out")
    assert gone(decisions) == set(PLANTED)
    assert decisions[c.KEEP].sum() == 80
    hits = leaks.read(str(tmp_path / "out"))
    common = hits.filter(pl.col(c.COMMON))
    assert common.height == 40
    assert set(common[c.ITEM_ID]) == {"r2"}
    assert set(common[c.FIELD]) == {"answer.text"}
    assert all(finding.ok for finding in verify(str(tmp_path / "out")))


def test_it_is_told_why_and_from_where(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path), out)
    (document,) = inspect(str(out), "changed").documents
    (said,) = (reason.said for reason in document.reasons)
    assert "13 of the 17 words of riddles r1 (question), 13 in a row" in said
    manifests = (ledger.read(str(out), "select"), ledger.read(str(out), "signals"))
    leaking, sets = report(*manifests)
    assert leaking.table is not None
    assert leaking.table.rows == (("riddles", "web", 5, 1, 45, 2),)
    assert sets.table is not None
    assert sets.table.rows == (("riddles", 4, 1, 0),)


def test_the_report_shows_items_beside_documents_with_what_both_have_marked(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    mail = "Write to mary@example.org for more."
    documents = {
        name: f"{corpora.prose(name, 60)}\n\n{text} {mail}" for name, text in PLANTED.items()
    }
    documents |= {f"l{i}": f"{LICENCE}\n\n{corpora.prose(f'l{i}', 60)}" for i in range(40)}
    run(paragraphs(tmp_path, documents, recipe=""), out)
    samples = storage.read_model(str(out / "decisions/samples.json"), Samples)
    assert [(leak.item_id, leak.common) for leak in samples.leaks] == [("r1", False), ("r2", True)]
    own, usual = samples.leaks
    for passage in (own.item, own.document):
        marked = " ".join(piece for mark, piece in passage if mark).casefold()
        assert "of the northern marsh sleep when the river has frozen" in marked
    assert own.document[0] == (False, "…")
    assert own.document[-1][1].endswith("Write to <email> for more.")
    assert [piece for mark, piece in usual.item if mark] == [LICENCE.removesuffix(".")]
    *_, section = report(ledger.read(str(out), "select"), None, samples)
    assert [beside.title for beside in section.beside] == ["riddles in web"] * 2
    assert section.beside[1].text.endswith("only by rows of words that are common in the source.")


def test_reports_only_where_it_is_asked_to_or_a_source_is_exempt(tmp_path: Path) -> None:
    for words in ('action = "report"', 'exempt = ["web"]'):
        decisions = run(write(tmp_path, decontaminate=words), tmp_path / "out")
        assert not gone(decisions)
        assert leaks.read(str(tmp_path / "out")).height == 45


def test_a_source_is_exempt_whatever_its_records_call_themselves(tmp_path: Path) -> None:
    recipe = write(tmp_path, decontaminate='exempt = ["web"]')
    recipe.write_text(recipe.read_text().replace('.jsonl"\n', '.jsonl"\nsource_field = "id"\n', 1))
    assert not gone(run(recipe, tmp_path / "out"))


def test_other_limits_measure_nothing_again_and_other_items_do(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path), out)
    before = ledger.read(str(out), "signals")
    other = RECIPE.format(decontaminate="covered_share = 0.8\nrun_words = 20")
    (tmp_path / "recipe.toml").write_text(other)
    assert gone(run(tmp_path / "recipe.toml", out)) == set(PLANTED) - {"changed"}
    assert ledger.read(str(out), "signals").shards == before.shards
    (tmp_path / "riddles.jsonl").write_text(json.dumps(ITEMS[1]))
    run(tmp_path / "recipe.toml", out)
    assert ledger.read(str(out), "signals").shards != before.shards
    assert not gone(run(tmp_path / "recipe.toml", out))


def test_a_recipe_without_sets_leaves_no_hits_of_an_earlier_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    recipe = write(tmp_path)
    run(recipe, out)
    text = recipe.read_text()
    start, end = text.index("[[signals.evals]]"), text.index("[select]")
    recipe.write_text(text[:start] + text[end : text.index("[decontaminate]")])
    assert not gone(run(recipe, out))
    assert not (out / "decisions" / "evals").exists()
    assert EVALS not in ledger.read(str(out), "select").details


@pytest.mark.parametrize(
    ("items", "got"),
    [
        ([{"id": 1, "prompt": QUESTION}], "no text in the field 'question', in 1 records"),
        ([{"id": 1, "question": QUESTION, "answer": {}}], "no text in the field 'answer.text'"),
    ],
)
def test_a_field_that_no_record_has_is_refused(
    tmp_path: Path, items: list[object], got: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        run(write(tmp_path, items=items), tmp_path / "out")
    assert got in refused.value.got
    assert refused.value.where == "signals.evals 'riddles'"


def test_empty_items_and_items_in_another_script_are_no_trouble(tmp_path: Path) -> None:
    chinese = "北方沼泽的苍鹭在夜里河水结冰时睡在哪里"
    items = [
        {"question": "", "answer": {"text": " "}},
        {"question": chinese, "answer": {"text": QUESTION}},
    ]
    recipe = write(tmp_path, items=items)
    with (tmp_path / "web.jsonl").open("a") as file:
        file.write(json.dumps({"id": "zh", "text": f"问题 {chinese} 吗"}) + "\n")
    assert gone(run(recipe, tmp_path / "out")) == {"zh", *PLANTED}


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "feather", "datasets"])
def test_sets_of_every_format_have_the_same_items(tmp_path: Path, kind: str) -> None:
    rows = [{"id": f"r{i}", "question": q, "answer": a} for i, (q, a) in enumerate(PAIRS)]
    at, table = tmp_path / f"set.{kind}", pl.DataFrame(rows)
    if kind == "datasets":
        pytest.importorskip("datasets").Dataset.from_list(rows).save_to_disk(str(at))
    elif kind == "jsonl":
        table.write_ndjson(at)
    else:
        getattr(table, {"feather": "write_ipc"}.get(kind, f"write_{kind}"))(at)
    recipe = write(tmp_path)
    text = recipe.read_text().replace("riddles.jsonl", at.name).replace("answer.text", "answer")
    recipe.write_text(text)
    signals = load(str(recipe)).signals
    laid_by = eval_sets.lay_by(signals, 10**9, str(tmp_path / "out"))
    assert laid_by.sets == {"riddles": {"items": 4, "too_short": 1, "unreadable": 0}}
    items = eval_sets.items(laid_by, str(tmp_path / "out"))
    assert set(items.select(c.ITEM_ID, c.FIELD, c.EXCERPT).iter_rows()) == {
        (row["id"], name, row[name]) for row in rows for name in ("question", "answer")
    }


def test_records_without_the_field_are_counted_and_the_others_are_items(tmp_path: Path) -> None:
    items = [
        {"id": 1, "question": QUESTION},
        {"id": 2, "answer": {"text": LICENCE}},
        {"id": 3, "question": None, "answer": "no object"},
        ["no record"],
        {"question": TEMPLATE, "answer": {"text": 5}},
    ]
    recipe = write(tmp_path, items=items)
    laid_by = eval_sets.lay_by(load(str(recipe)).signals, 10**9, str(tmp_path / "out"))
    found = eval_sets.items(laid_by, str(tmp_path / "out"))
    assert found.select(c.ITEM_ID, c.FIELD).rows() == [
        ("1", "question"),
        ("riddles.jsonl:5", "question"),
        ("2", "answer.text"),
    ]
    assert laid_by.sets == {"riddles": {"items": 3, "too_short": 0, "unreadable": 7}}
    assert gone(run(recipe, tmp_path / "out")) == set(PLANTED)


def test_items_in_german_and_within_each_other(tmp_path: Path) -> None:
    german = "Über sieben Brücken mußt du gehen, sieben dunkle Jahre überstehn, siebenmal wirst du"
    inner = "sieben dunkle Jahre überstehn, siebenmal wirst du"
    items = [
        {"id": "outer", "question": german, "answer": {"text": LICENCE}},
        {"id": "inner", "question": inner},
    ]
    recipe = write(tmp_path, items=items)
    texts = {"all": german.upper().replace("SS", "ß"), "part": f"Er sang: {inner}."}
    rows = [{"id": i, "text": f"{t}\n\n{corpora.prose(i, 60)}"} for i, t in texts.items()]
    (tmp_path / "web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out"
    assert gone(run(recipe, out)) == {"all", "part"}
    ids = dict(pl.read_parquet(out / "documents/*.parquet")[[c.DOC_ID, c.RECORD_ID]].iter_rows())
    hits = leaks.read(str(out))
    told = {(ids[document], item) for document, item in hits[[c.DOC_ID, c.ITEM_ID]].iter_rows()}
    assert told == {("all", "outer"), ("all", "inner"), ("part", "inner")}


def test_a_set_that_is_far_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "large.jsonl").open("w") as file:
        for i in range(60_000):
            words = " ".join(f"{i * k:x}" for k in range(1, 60))
            file.write(json.dumps({"question": words}) + "\n")
    recipe = write(tmp_path)
    recipe.write_text(recipe.read_text().replace("riddles.jsonl", "large.jsonl"))
    signals = load(str(recipe)).signals
    with pytest.raises(ConfigError) as refused:
        eval_sets.lay_by(signals, 30_000_000, str(tmp_path / "out"))
    n_grams = int(refused.value.got.partition(" ")[0].replace(",", ""))
    assert n_grams < 60_000 * 52 / 5
    assert "a worker's part of --memory-limit" in refused.value.wanted
    assert not (tmp_path / "out" / "evals").exists()


def test_sets_that_do_not_fit_into_memory_are_refused(tmp_path: Path) -> None:
    from flows.build_corpus import build_corpus

    config = load(str(write(tmp_path)))
    ledger.open_run(str(tmp_path / "out"), config, version="0", goal="corpus")
    with pytest.raises(ConfigError, match="--memory-limit"):
        build_corpus(config, str(tmp_path / "out"), memory_bytes=1_000)


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (
            RECIPE[RECIPE.index("[[signals") : RECIPE.index("[select]")],
            "",
            "decontaminate",
        ),
        ("riddles.jsonl", "nowhere.jsonl", "signals.evals"),
    ],
)
def test_a_wrong_recipe_is_refused_before_the_run(
    tmp_path: Path, before: str, after: str, where: str
) -> None:
    from tasks import preflight

    recipe = write(tmp_path)
    recipe.write_text(recipe.read_text().replace(before, after))
    with pytest.raises(ConfigError) as refused:
        preflight.check(load(str(recipe)))
    assert where in refused.value.where


def test_the_plan_names_the_sets_and_what_they_take(tmp_path: Path) -> None:
    config = load(str(write(tmp_path)))
    (size,) = (read for read in plan(config, str(tmp_path / "out")).extra_reads if "eval" in read)
    assert size.startswith("evaluation sets: 0.0 MB")
    recipe = write(tmp_path, decontaminate=PARAGRAPHS)
    recipe.write_text(recipe.read_text() + "\n[signals]\nline_words = 10\n")
    reads = plan(load(str(recipe)), str(tmp_path / "out")).extra_reads
    told = [read.partition(",")[0] for read in reads if read.startswith("decontamination")]
    assert told == [
        "decontamination: the text of documents that have an item",
        "decontamination: the text of documents that lose lines",
    ]


@pytest.mark.parametrize("action", ["drop", "report"])
def test_hits_that_somebody_changed_are_noticed(tmp_path: Path, action: str) -> None:
    out = tmp_path / "out"
    run(write(tmp_path, decontaminate=f'action = "{action}"'), out)
    at = out / "decisions" / "evals" / "hits.parquet"
    pl.read_parquet(at).with_columns(~pl.col(c.COMMON)).write_parquet(at)
    assert broken(out) == [STATEMENT, ANEW]


def broken(out: Path) -> list[str]:
    """Return what verify finds to be untrue."""
    return [finding.statement for finding in verify(str(out)) if not finding.ok]


PARAGRAPHS = 'action = "drop_paragraphs"\n\n[corpus]\nmaterialize = true'
FOOTER = "Subscribe to our letters and read every story that the harbour has to tell."


def paragraphs(folder: Path, documents: dict[str, str], *, recipe: str = PARAGRAPHS) -> Path:
    """A recipe that drops paragraphs, over documents of its own."""
    made = write(folder, decontaminate=recipe)
    rows = ({"id": name, "text": text} for name, text in documents.items())
    (folder / "web.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


def written(out: Path) -> dict[str, str]:
    """Return the corpus by the records' own ids."""
    ids = pl.read_parquet(out / "documents/*.parquet", columns=[c.DOC_ID, c.RECORD_ID])
    texts = pl.read_parquet(out / "corpus/*.parquet", columns=[c.DOC_ID, c.TEXT])
    return dict(ids.join(texts, on=c.DOC_ID).select(c.RECORD_ID, c.TEXT).iter_rows())


def test_only_the_paragraphs_with_the_item_go_where_the_recipe_says_so(tmp_path: Path) -> None:
    before, after = corpora.prose("before", 60), corpora.prose("after", 60)
    documents = {name: f"{before} {name}.\n\n{text}\n\n{after}" for name, text in PLANTED.items()}
    documents |= {
        "mostly": f"{QUESTION} {before}\n\n{corpora.prose('rest', 20)}",
        "only": f"{QUESTION}\n\n. . .",
        "none": before,
    }
    out = tmp_path / "out"
    decisions = run(paragraphs(tmp_path, documents), out)
    assert gone(decisions) == {"mostly", "only"}
    texts = written(out)
    assert texts == {"none": before} | {name: f"{before} {name}.\n\n{after}" for name in PLANTED}
    assert not broken(out)
    sizes = {name: len(text.encode()) for name, text in texts.items()}
    manifest = ledger.read(str(out), "select")
    assert manifest.details["sources"]["web"]["kept_bytes"] == sum(sizes.values())
    (document,) = inspect(str(out), "split").documents
    (part,) = document.removed
    assert (part.level, part.matched_id, part.item) == (EVAL_ITEM, None, "riddles r1 (question)")
    (section,) = removed(manifest)
    assert section.table is not None
    (told,) = section.table.rows
    lost = sum(len(text.encode()) + 2 for text in PLANTED.values())
    assert told[:4] == ("web", "paragraphs with eval items", len(PLANTED), lost)


def test_what_others_have_and_what_items_have_goes_once(tmp_path: Path) -> None:
    """A footer, in a paragraph with an item and out of it, and the paragraph as a whole twice."""
    own = {name: corpora.prose(name, 80) for name in ("first", "second", "third")}
    documents = {
        "first": f"{QUESTION}\n{FOOTER}\n\n{own['first']}",
        "second": f"{own['second']}\n{FOOTER}\n\n{QUESTION}\n{FOOTER}",
        "third": f"{own['third']}\n{FOOTER}\n",
    }
    recipe = paragraphs(tmp_path, documents)
    recipe.write_text(recipe.read_text() + "\n[signals]\nline_words = 10\nparagraph_words = 12\n")
    out = tmp_path / "out"
    run(recipe, out)
    texts = written(out)
    assert texts["first"] == own["first"]
    kept = [texts[name] for name in ("second", "third")]
    assert sorted(FOOTER in text for text in kept) == [False, True]
    assert all(text.startswith(own[name]) for name, text in texts.items())
    assert not broken(out)


def test_a_line_stays_where_the_halves_of_an_item_would_come_together(tmp_path: Path) -> None:
    first, second = QUESTION[: QUESTION.index("sleep")], QUESTION[QUESTION.index("sleep") :]
    halves = (first.removeprefix("Where do the "), second.removesuffix(" over at night?"))
    items = [{"id": 1, "question": " ".join(halves), "answer": {"text": LICENCE}}]
    documents = {
        "aa": f"{corpora.prose('long', 200)}\n{FOOTER}\n",
        "halves": f"{halves[0]}\n{FOOTER}\n{halves[1]}\n{corpora.prose('other', 60)}",
        "footer": f"{corpora.prose('more', 60)}\n{FOOTER}\n",
    }
    for action, stays in (('action = "report"', False), ('action = "drop"', True)):
        recipe = paragraphs(tmp_path, documents, recipe=f"{action}\n\n[corpus]\nmaterialize = true")
        (tmp_path / "riddles.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items))
        recipe.write_text(recipe.read_text() + "\n[signals]\nline_words = 10\n")
        out = tmp_path / "out"
        run(recipe, out)
        texts = written(out)
        assert [FOOTER in texts[name] for name in documents] == [True, stays, False]
        assert not broken(out)


def test_conversations_and_sources_that_are_whole_lose_no_paragraphs(tmp_path: Path) -> None:
    talk = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": corpora.prose("answer", 90)},
    ]
    recipe = paragraphs(tmp_path, {"page": f"{QUESTION}\n\n{corpora.prose('page', 90)}"})
    (tmp_path / "talk.jsonl").write_text(json.dumps({"id": "talk", "messages": talk}))
    more = '[[ingest.sources]]\nname = "talk"\nurl = "talk.jsonl"\nformat = "chat"\n\n'
    text = recipe.read_text().replace("[[signals.evals]]", f"{more}[[signals.evals]]")
    recipe.write_text(text)
    assert gone(run(recipe, tmp_path / "out")) == {"talk"}
    assert not broken(tmp_path / "out")
    recipe.write_text(text.replace("near = false", 'near = false\nwhole = ["web"]'))
    assert gone(run(recipe, tmp_path / "out")) == {"talk", "page"}
    assert not broken(tmp_path / "out")


def rewritten(at: Path, change: pl.Expr, schema: pa.Schema) -> None:
    """Write a table again, changed, as one who covers it up would."""
    table = pl.read_parquet(at).with_columns(change).to_arrow().cast(schema)
    shard = storage.read_shard(str(at))
    assert shard is not None
    storage.write_table(str(at), table, schema, shard=shard)


def test_an_item_that_was_put_back_is_noticed(tmp_path: Path) -> None:
    documents = {"page": f"{QUESTION}\n\n{corpora.prose('page', 90)}"}
    out = tmp_path / "out"
    run(paragraphs(tmp_path, documents), out)
    assert not broken(out)
    (at,) = (out / "corpus").glob("*.parquet")
    rewritten(at, pl.lit(documents["page"]).alias(c.TEXT), CORPUS)
    assert f"corpus: {WRITTEN}" in broken(out)
    (at,) = (out / "decisions/removed").glob("*.parquet")
    rewritten(at, pl.col(c.END) - 1, REMOVED)
    assert CUT in broken(out)


def test_all_that_is_written_is_without_the_paragraphs(tmp_path: Path) -> None:
    """Corpus, replay and mixture, their counts of tokens, and the report."""
    from flows.pipeline import pipeline

    recipe = corpora.three_sources(tmp_path / "in")
    planted = 0
    for file in sorted((tmp_path / "in").rglob("*.jsonl.gz")):
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
        for row in rows[::3]:
            row["text"] += f"\n\n{QUESTION} Write to joe.public@mail.org.\n\nThe end."
            planted += 1
        corpora.write_jsonl(file, rows)
    (tmp_path / "riddles.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    text = recipe.read_text().replace("[replay]", "[replay]\nmaterialize = true", 1)
    sets = RECIPE[RECIPE.index("[[signals") : RECIPE.index("[select]")]
    sets = sets.replace("riddles.jsonl", str(tmp_path / "riddles.jsonl"))
    common = PARAGRAPHS.replace("\n", "\ncommon_documents = 1000\n", 1)
    recipe.write_text(
        f'{text}\n{sets}\n[decontaminate]\n{common}\n\n[masking]\nkinds = ["email"]\n'
    )
    out = tmp_path / "out"
    pipeline(load(str(recipe)), str(out))
    assert planted > 20
    for place in ("corpus/*.parquet", "replay/text/*.parquet", "mixture/*/*.parquet"):
        frame = pl.read_parquet(out / place)
        assert not frame[c.TEXT].str.contains("herons").any()
        assert frame[c.TEXT].str.ends_with("The end.").any()
    findings = verify(str(out))
    assert [finding for finding in findings if not finding.ok] == []
    judged = {f.statement for f in findings if f.statement.endswith(WRITTEN)}
    assert judged == {f"{stage}: {WRITTEN}" for stage in ("corpus", "replay", "mixture")}
    page = (out / "report.html").read_text()
    assert "Eval items beside documents" in page
    assert "<mark>Where do the herons of the northern marsh" in page
    assert "joe.public" not in page


def test_a_duplicate_goes_as_such_and_the_one_that_stays_loses_the_paragraph(
    tmp_path: Path,
) -> None:
    text = f"{QUESTION}\n\n{corpora.prose('page', 90)}"
    out = tmp_path / "out"
    decisions = run(paragraphs(tmp_path, {"one": text, "other": text}), out)
    assert sorted(decisions[c.DROP_REASON].to_list(), key=str) == [None, "exact_duplicate"]
    assert list(written(out).values()) == [corpora.prose("page", 90)]
    assert leaks.read(str(out)).height == 2
    assert not broken(out)


def test_items_that_somebody_changed_are_noticed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write(tmp_path), out)
    (at,) = (out / "evals").glob("items-*.parquet")
    rewritten(at, pl.lit("another text").alias(c.EXCERPT), EVAL_ITEMS)
    assert broken(out) == [LAID_BY]
