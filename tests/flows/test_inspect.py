"""Why one document was dropped: every answer is held against the tables of a real run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from typer.testing import CliRunner

from schemas.config import RunConfig
from schemas.errors import ConfigError, ManifestError
from tasks import inspection, ledger, storage
from tasks.recipe import load
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.inspection import Inspected

pytestmark = pytest.mark.usefixtures("prefect")

SECTIONS = """
[select.opt_out]
urls = "lists/urls.txt"
ids = "lists/ids.txt"
domains = "lists/domains.txt"

[select.licenses]
allow = ["CC0-*", "MIT"]

[[select.rules]]
name = "long"
drop_where = "gopher_word_count > 125 AND lang = 'en'"

[[select.overrides]]
sources = ["books"]
gopher = { max_mean_word_length = 5.6 }

[corpus]
materialize = true
"""
ADDRESS = "someone@example.org"
LONG_WORD = f"\n{ADDRESS} {'x' * 900}"


def write(folder: Path) -> Path:
    """Three sources with a document for each kind of reason."""
    news, books, laws = (corpora.records(n, k) for n, k in RECORDS.items())
    for i, row in enumerate(news):
        row["url"] = f"https://www.news.example/{i}/"
    news[1]["text"] = laws[1]["text"]
    news[2]["text"] += LONG_WORD
    news[3]["text"] = f"mail to {ADDRESS} \x9b31m and be the one that they have"
    news[4]["url"] = "http://a.closed.example:80/x"
    news.append({"id": "news-5", "text": "Another. " + news[5]["text"], "license": "MIT"})
    books[0]["license"] = "CC BY-NC 4.0"
    books[1].pop("license")
    books[2]["text"] = books[3]["text"].removesuffix(".") + " indeed."
    books[4] |= {"text": "", "opt_out": True}
    for name, rows in (("news", news), ("books", books), ("laws", laws)):
        corpora.write_shards(folder / name, rows, 2)
    (folder / "news" / "bad.jsonl").write_text("not json\n")
    (folder / "lists").mkdir()
    (folder / "lists" / "ids.txt").write_text("laws-1\nnews-9\n")
    (folder / "lists" / "urls.txt").write_text("http://news.example/8\n")
    (folder / "lists" / "domains.txt").write_text("closed.example\n")
    recipe = corpora.recipe(folder, extra=SECTIONS)
    recipe.write_text(recipe.read_text().replace(
        f'"{folder}/books"', f'"{folder}/books"\nopt_out_field = "opt_out"'
    ).replace("[select]", "[select]\nexempt = []"))  # fmt: skip
    return recipe


RECORDS = {"news": 40, "books": 40, "laws": 20}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("inspected")
    pipeline(load(str(write(folder / "in"))), str(folder / "out"))
    return folder / "out"


def table(out: Path, stage: str) -> pl.DataFrame:
    """All rows of a stage in the order of its manifest, with the place of each."""
    shards = ledger.read(str(out), stage).shards
    folder = ledger.folder(str(out), stage)
    return pl.concat(
        [
            pl.read_parquet(f"{folder}/{s.file}").with_row_index("in_row").with_columns(
                in_shard=pl.lit(s.file)
            )
            for s in shards
        ]
    )  # fmt: skip


def one(out: Path, asked: str) -> Inspected:
    (found,) = inspection.inspect(str(out), asked).documents
    return found


def reason(out: Path, asked: str) -> Any:
    (found,) = one(out, asked).reasons
    return found


def command(*arguments: object) -> tuple[int, str]:
    from flows import cli

    result = CliRunner().invoke(cli.app, ["inspect", *map(str, arguments)])
    return result.exit_code, result.output


def test_every_answer_is_that_of_the_tables(out: Path) -> None:
    documents, decisions = table(out, "ingest"), table(out, "select")
    signals = table(out, "signals")
    config = RunConfig.model_validate(ledger.read_run(str(out)).recipe, strict=False)
    reasons = set()
    for said, decided, measured in zip(
        documents.iter_rows(named=True),
        decisions.iter_rows(named=True),
        signals.iter_rows(named=True),
        strict=True,
    ):
        found = [
            d
            for d in inspection.inspect(str(out), said["doc_id"]).documents
            if (d.shard, d.row) == (said["in_shard"], said["in_row"])
        ]
        assert len(found) == 1
        for name in ("record_id", "source", "location", "position", "url", "license", "opt_out"):
            assert getattr(found[0], name) == said[name]
        assert found[0].keep == decided["keep"]
        assert [r.name for r in found[0].reasons] == decided["drop_reasons"]
        assert found[0].signals["n_bytes"] == measured["n_bytes"]
        for r in found[0].reasons:
            reasons.add(r.name.partition(":")[0])
            if r.name in measured:
                check_limit(r, measured, config)
        check_twin(found[0], decided, documents, decisions)
        check_places(out, found[0])
    assert reasons == {
        *("opt_out", "license", "repeated_id", "exact_duplicate", "near_duplicate", "empty"),
        *("gopher_word_count", "gopher_mean_word_length", "rule"),
        *("gopher_frac_words_with_letter", "gopher_stop_word_count"),
    }


def check_limit(r: Any, measured: dict[str, Any], config: RunConfig) -> None:
    """The value is the measured one and beyond the limit, and the recipe has that at the key."""
    value = r.measured[r.name]
    assert value == measured[r.name]
    assert (r.least is None) != (r.most is None)
    limit = r.least if r.most is None else r.most
    assert value < limit if r.most is None else value > limit
    place: Any = config
    for key in r.key.split("."):
        place = place[0] if isinstance(place, tuple) else place
        place = getattr(place, key)
    assert place == limit


def check_twin(
    found: Inspected, decided: dict[str, Any], documents: pl.DataFrame, decisions: pl.DataFrame
) -> None:
    if decided["matched_id"] is None:
        assert found.twin is None
        return
    assert found.twin is not None
    at = documents.filter(pl.col("doc_id") == found.twin.doc_id)
    kept = decisions.filter((pl.col("doc_id") == found.twin.doc_id) & pl.col("keep")).height
    assert found.twin.doc_id == decided["matched_id"]
    assert (found.twin.location, found.twin.position) in at.select("location", "position").rows()
    assert found.twin.keep == (kept > 0)
    assert found.twin.similarity == decided["similarity"]


def check_places(out: Path, found: Inspected) -> None:
    """What is said to be in a file is there; what is not said is nowhere."""
    for stage in ("corpus", "replay", "mixture"):
        taken = table(out, stage).filter(pl.col("doc_id") == found.doc_id).height
        assert (stage in found.written) == (taken > 0 and found.keep is True)
    for written in found.written.values():
        row = storage.read_row(str(out / written.shard), written.row)
        assert row["doc_id"] == found.doc_id
        assert row.get("tokens") == written.tokens
    assert ("corpus" in found.written) == (found.keep is True)


def test_reasons_are_said_with_figure_limit_and_key(out: Path) -> None:
    assert reason(out, "news-2").said == (
        "12.81, at most 10 (select.gopher.max_mean_word_length)"
    )  # fmt: skip
    assert reason(out, "news-8").said == "listed as news.example/8 (select.opt_out.urls)"
    assert reason(out, "news-9").said == "listed as news-9 (select.opt_out.ids)"
    assert reason(out, "news-4").said == "listed as closed.example (select.opt_out.domains)"
    assert one(out, "books-4").reasons[0].said == "its record says so"
    assert one(out, "books-0").reasons[0].said == (
        "'CC-BY-NC-4.0'; allowed: CC0-*, MIT (select.licenses.allow)"
    )
    assert one(out, "books-1").reasons[0].key == "select.licenses.unstated"
    long = reason(out, "news-6")
    assert long.said == (
        "gopher_word_count > 125 AND lang = 'en', where gopher_word_count = 126, lang = en "
        "(select.rules 'long'.drop_where)"
    )
    assert long.measured == {"gopher_word_count": 126, "lang": "en"}


def test_an_overrides_limit_is_the_one_that_is_named(out: Path) -> None:
    found = [r for i in range(40) for r in one(out, f"books-{i}").reasons]
    keys = {r.key for r in found if r.name == "gopher_mean_word_length"}
    assert "select.overrides.gopher.max_mean_word_length" in keys


def test_a_repeated_id_shows_all_its_rows(out: Path) -> None:
    found = inspection.inspect(str(out), "news-5")
    assert found.found == 2
    gone = [d for d in found.documents if not d.keep]
    assert gone
    assert any("the same id as" in r.said for d in gone for r in d.reasons)


def test_a_document_is_found_by_beginning_and_by_its_records_id(out: Path) -> None:
    whole = one(out, "laws-3")
    for asked in (whole.doc_id[:8], whole.doc_id[:20], whole.doc_id.upper(), f" {whole.doc_id}\n"):
        assert one(out, asked) == whole


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("laws-33", "none of the 101 documents"),
        ("laws-33", "Records that could not be read (1) have no id"),
        ("abc", "needs 8 digits"),
        ("LAWS-1", "Near it: 'laws-1'"),
        ("", "a doc_id, its first digits"),
    ],
)
def test_an_unknown_id_is_answered_with_the_way_out(out: Path, asked: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        inspection.inspect(str(out), asked)
    assert said in str(error.value)
    assert "rejects/*.parquet" in str(error.value)


def test_a_mistyped_digit_finds_the_id_that_was_meant(out: Path) -> None:
    whole = one(out, "laws-3").doc_id
    wrong = whole[:13] + ("0" if whole[13] != "0" else "1") + whole[14:]
    for asked in (wrong, wrong[:16]):
        with pytest.raises(ConfigError, match=f"Near it: {whole}"):
            inspection.inspect(str(out), asked)


def test_a_records_id_in_two_sources_is_not_guessed(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    for shard in ledger.read(str(copy), "ingest").shards:
        at = copy / "documents" / shard.file
        frame = pl.read_parquet(at)
        frame.with_columns(pl.col("record_id").str.replace("laws-2$", "news-2")).write_parquet(at)
    with pytest.raises(ConfigError) as error:
        inspection.inspect(str(copy), "news-2")
    assert "2 documents of that id" in str(error.value)
    assert one(out, "laws-2").doc_id in str(error.value)
    assert one(copy, one(out, "laws-2").doc_id[:9]).record_id == "news-2"


def stopped(out: Path, copy: Path, *stages: str) -> Path:
    """A copy of a run as it is when it was stopped after these stages."""
    shutil.copytree(out, copy)
    run = ledger.read_run(str(copy))
    kept = {name: record for name, record in run.stages.items() if name in stages}
    storage.write_model(
        ledger.run_location(str(copy)), run.model_copy(update={"stages": kept})
    )  # fmt: skip
    for stage in run.stages.keys() - set(stages):
        (copy / ledger.FOLDERS[stage] / "manifest.json").unlink()
    return copy


def test_a_run_that_was_stopped_says_what_is_missing(out: Path, tmp_path: Path) -> None:
    whole = one(out, "laws-3")
    early = one(stopped(out, tmp_path / "early"), "laws-3")
    assert (early.keep, early.signals, early.excerpt) == (None, {}, whole.excerpt)
    assert (early.source, early.origin) == ("laws", "new")
    assert early.notes == (
        "documents/ is not finished: there may be more of them",
        "no signals yet",
        "no decision yet",
        "the same command as before goes on with the run",
    )
    measured = one(stopped(out, tmp_path / "measured", "ingest", "signals"), "laws-3")
    assert (measured.keep, measured.signals) == (None, whole.signals)
    decided = one(stopped(out, tmp_path / "decided", "ingest", "signals", "select"), "laws-3")
    assert (decided.keep, decided.written) == (True, {})
    assert "mixture/ is not made yet" in decided.notes
    code, said = command(tmp_path / "early", "laws-3")
    assert (code, "not decided yet" in said, "no signals yet" in said) == (0, True, True)


def test_a_folder_that_was_changed_is_no_answer(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    for shard in ledger.read(str(copy), "select").shards:
        at = copy / "decisions" / shard.file
        pl.read_parquet(at).reverse().write_parquet(at)
    with pytest.raises(ManifestError, match="openmoat verify"):
        inspection.inspect(str(copy), "news-2")
    with pytest.raises(ManifestError, match=r"run\.json"):
        inspection.inspect(str(tmp_path), "news-2")


def test_the_command_says_the_same_in_lines_and_as_one_object(out: Path) -> None:
    code, lines = command(out, "news-2")
    assert code == 0
    assert (
        "gopher_mean_word_length  12.81, at most 10 (select.gopher.max_mean_word_length)\n" in lines
    )
    assert "news/part-000.jsonl.gz, position 2\n" in lines
    assert "101 documents looked at" in lines
    code, body = command(out, "news-2", "--json")
    said = json.loads(body)
    (document,) = said["documents"]
    assert (code, said["found"], said["looked_at"]) == (0, 1, 101)
    assert document["reasons"][0]["measured"] == {
        "gopher_mean_word_length": pytest.approx(12.6, 0.1)
    }
    assert document["signals"].keys() == set(table(out, "signals").columns) - {
        *("doc_id", "in_row", "in_shard")
    }


def test_an_answer_loads_nothing_that_it_does_not_need(out: Path) -> None:
    code = (
        "import sys\nfrom flows import cli\nfrom typer.testing import CliRunner\n"
        f"result = CliRunner().invoke(cli.app, ['inspect', {str(out)!r}, 'news-2'])\n"
        "assert result.exit_code == 0, result.output\n"
        "print([m for m in ('prefect', 'numba', 'datasets', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_nothing_that_a_terminal_obeys_and_no_address_is_shown(out: Path) -> None:
    _, lines = command(out, "news-3")
    assert ADDRESS not in lines
    assert "\x9b" not in lines
    _, lines = command(out, "news-2")
    assert len(one(out, "news-2").excerpt) <= 200


def test_a_kept_document_that_was_not_drawn_says_so(out: Path) -> None:
    drawn = set(table(out, "replay")["doc_id"])
    news = [one(out, f"news-{i}") for i in range(10, 40)]
    left = [d for d in news if d.keep and d.doc_id not in drawn]
    assert left
    assert {d.notes for d in left} == {("not drawn into the replay: its budget was full",)}
