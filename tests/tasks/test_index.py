"""An index against a plain comparison of all with all, killed, damaged and misused."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ConfigError, ManifestError
from tasks import index, storage
from tasks.index import folder as files
from tasks.index import matching
from tests import corpora, indexed, strategies
from tests.real_data import real_data, real_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.indexed import Row

SMALL = strategies.SMALL_SKETCHES
THRESHOLD = 0.65  # of six values: four must agree
DEFAULT = SignalsConfig()
ROOT = Path(__file__).resolve().parents[2]


def offered(rows: Sequence[Row]) -> dict[str, Row]:
    """Return what a run has for an index: of rows of an id the one of the least text hash."""
    found: dict[str, Row] = {}
    for row in rows:
        best = found.get(row[c.DOC_ID])
        if row[c.GOPHER_WORD_COUNT] and (best is None or row[c.TEXT_HASH] < best[c.TEXT_HASH]):
            found[row[c.DOC_ID]] = row
    return found


def asked_of(rows: Sequence[Row]) -> pl.DataFrame:
    schema = {name: kind for name, kind in strategies.SCHEMA.items() if name in matching.ASKED}
    narrow = [{name: row[name] for name in schema} for row in rows]
    return pl.DataFrame(narrow, schema=schema).with_row_index(c.ROW)


def texts_of(rows: dict[str, Row]) -> dict[str, str]:
    return {doc_id: row[c.TEXT_HASH] for doc_id, row in rows.items()}


# ---------------------------------------------------------------------------------------------
# Any order of appends and deletions, against a dictionary

Change = tuple[str, Any]


def named_by_sketch(rows: list[Row]) -> list[Row]:
    """Let equal texts have equal sketches, also those of rows that were drawn another time."""
    return [{**row, c.TEXT_HASH: f"{row[c.TEXT_HASH]} {row[c.MINHASH_SKETCH]}"} for row in rows]


DOCUMENTS = strategies.documents().map(named_by_sketch)
IDS = [f"{source}-{number}" for source in sorted(strategies.SOURCES) for number in range(10)]
CHANGES: st.SearchStrategy[list[Change]] = st.lists(
    st.tuples(st.just("append"), DOCUMENTS)
    | st.tuples(st.just("delete"), st.sets(st.sampled_from(IDS), min_size=1, max_size=8)),
    max_size=5,
)


@settings(max_examples=60)
@given(
    first=DOCUMENTS,
    changes=CHANGES,
    asked=DOCUMENTS,
    part_rows=st.sampled_from([2, 5, 1000]),
    pairs=st.sampled_from([1, 7, 1000]),
)
def test_it_answers_as_one_built_of_what_is_left_would(
    first: list[Row], changes: list[Change], asked: list[Row], part_rows: int, pairs: int
) -> None:
    known, gone = offered(first), set[str]()
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PART_ROWS", part_rows)
        patch.setattr(matching, "PAIRS", pairs)
        patch.setattr(matching, "ASKED_ROWS", 4)
        patch.setattr(matching, "COMPARED", 3)
        folder, at = Path(name), f"{name}/index"
        index.build(indexed.write_run(folder / "run", first, SMALL), at)
        for number, (kind, what) in enumerate(changes):
            if kind == "delete":
                change = index.delete(at, what)
                assert change.deleted == len(what & known.keys())
                assert set(change.unknown) == what - gone - known.keys()
                gone |= what
                known = {i: row for i, row in known.items() if i not in what}
            else:
                run = indexed.write_run(folder / f"run-{number}", what, SMALL)
                change = index.append(run, at)
                new = {i: row for i, row in offered(what).items() if i not in gone}
                same = [i for i in new if i in known and texts_of(known)[i] == texts_of(new)[i]]
                assert change.present == len(same)
                assert change.replaced == len(new.keys() & known.keys()) - len(same)
                assert change.added == len(new.keys() - known.keys())
                known |= new
            assert change.documents == len(known)
        assert indexed.held(at) == texts_of(known)
        lazy = asked_of(asked).lazy() if part_rows == 2 else asked_of(asked)
        found = index.matches(at, lazy, threshold=THRESHOLD).rows()
        expected = indexed.answers(asked, known.values(), THRESHOLD)
        assert [f[:3] for f in found] == [e[:3] for e in expected]
        assert [f[3] for f in found] == pytest.approx([e[3] for e in expected])


def some_rows(n: int, seed: int = 0) -> list[Row]:
    chance = random.Random(seed)
    values = [[chance.randrange(3) for _ in range(6)] for _ in range(n)]
    return [strategies.row(f"web-{seed}-{i}", f"{seed} {i}", v) for i, v in enumerate(values)]


def test_only_kept_documents_are_taken_unless_all_are_asked_for(tmp_path: Path) -> None:
    rows = some_rows(6)
    dropped = {rows[1][c.DOC_ID], rows[4][c.DOC_ID]}
    run = indexed.write_run(tmp_path / "run", rows, SMALL, dropped=dropped)
    assert index.build(run, str(tmp_path / "kept")).added == 4
    assert not indexed.held(str(tmp_path / "kept")).keys() & dropped
    assert index.build(run, str(tmp_path / "all"), every=True).added == 6


def test_the_same_run_again_changes_no_file(tmp_path: Path) -> None:
    run, at = indexed.write_run(tmp_path / "run", some_rows(6), SMALL), str(tmp_path / "index")
    index.build(run, at)
    before = {p: p.stat().st_mtime_ns for p in Path(at).rglob("*") if p.name != ".lock"}
    change = index.append(run, at)
    assert (change.added, change.replaced, change.present) == (0, 0, 6)
    assert {p: p.stat().st_mtime_ns for p in Path(at).rglob("*") if p.name != ".lock"} == before


def test_small_parts_become_one(tmp_path: Path) -> None:
    at = str(tmp_path / "index")
    index.build(indexed.write_run(tmp_path / "0", some_rows(3), SMALL), at)
    for day in range(1, 4):
        run = indexed.write_run(tmp_path / str(day), some_rows(3, day), SMALL)
        assert index.append(run, at).parts == 1
    assert len(indexed.held(at)) == 12


def test_deleted_documents_stay_out_and_worn_parts_are_written_anew(tmp_path: Path) -> None:
    rows, at = some_rows(6), str(tmp_path / "index")
    run = indexed.write_run(tmp_path / "run", rows, SMALL)
    index.build(run, at)
    (whole,) = files.read(at).parts
    index.delete(at, [rows[0][c.DOC_ID]])
    assert [(p.file, p.rows, p.deleted) for p in files.read(at).parts] == [(whole.file, 6, 1)]
    index.delete(at, [row[c.DOC_ID] for row in rows[:4]])
    (part,) = files.read(at).parts
    assert (part.rows, part.deleted) == (2, 0)
    change = index.append(run, at)
    assert (change.added, change.kept_out, change.present) == (0, 4, 2)
    assert index.delete(at, [rows[0][c.DOC_ID], "nobody"]).deleted_before == 1


def test_what_it_does_not_name_is_swept_by_the_next_writer(tmp_path: Path) -> None:
    at = tmp_path / "index"
    index.build(indexed.write_run(tmp_path / "run", some_rows(4), SMALL), str(at))
    stray = at / "parts" / f"{'0' * 32}.parquet"
    half = at / "parts" / ".a.parquet.99999999-00000000.tmp"
    for path in (stray, half):
        path.write_bytes(b"half")
    index.matches(str(at), asked_of(some_rows(1)), threshold=THRESHOLD)
    assert stray.exists()
    index.append(indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL), str(at))
    assert not stray.exists()
    assert not half.exists()


def test_a_run_without_minhash_makes_an_index_of_equal_texts(tmp_path: Path) -> None:
    config = SignalsConfig(minhash=False)
    rows = [{**r, c.MINHASH_BANDS: None, c.MINHASH_SKETCH: None} for r in some_rows(3)]
    at = str(tmp_path / "index")
    index.build(indexed.write_run(tmp_path / "run", rows, config), at)
    found = index.matches(at, asked_of(rows), threshold=THRESHOLD)
    assert found[c.MATCHED_ID].to_list() == [r[c.DOC_ID] for r in rows]
    assert set(found[c.LEVEL]) == {"exact"}
    corpora.write_jsonl(tmp_path / "asked.jsonl", [{"text": corpora.prose("other")}])
    assert index.query(at, str(tmp_path / "asked.jsonl"), threshold=0.75).matches.is_empty()


# ---------------------------------------------------------------------------------------------
# Killed

KILLED = """
import os, signal, sys
from pathlib import Path
from tasks import index
from tasks.index import folder
from tasks.storage import shards
folder.PART_ROWS = 8
command, at, what, left = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
def die():
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
def dying(call):
    def inner(*arguments, **named):
        die()
        result = call(*arguments, **named)
        die()
        return result
    return inner
Path.replace, Path.unlink, os.fsync = dying(Path.replace), dying(Path.unlink), dying(os.fsync)
shards.ShardWriter.write = dying(shards.ShardWriter.write)
shards.ShardWriter.close = dying(shards.ShardWriter.close)
index.append(what, at) if command == "append" else index.delete(at, what.split(","))
"""


def killed(command: str, at: Path, what: str, moment: int) -> bool:
    """Run a command that dies at the given moment; return whether it did."""
    arguments = [sys.executable, "-c", KILLED, command, str(at), what, str(moment)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def kill_everywhere(tmp_path: Path, command: str, what: str, after: Callable[[str], object]) -> int:
    """Kill a command at each moment: old or new, and repeated it ends as if never killed."""
    old = tmp_path / "index"
    whole = tmp_path / "whole"
    shutil.copytree(old, whole)
    after(str(whole))
    asked = asked_of([*some_rows(20), *some_rows(12, 1)])
    states = [indexed.held(str(folder)) for folder in (old, whole)]
    told = [index.matches(str(f), asked, threshold=THRESHOLD).rows() for f in (old, whole)]
    assert states[0] != states[1]
    seen, moment = set(), 0
    while True:
        hit = tmp_path / f"hit-{moment}"
        shutil.copytree(old, hit)
        died = killed(command, hit, what, moment)
        state = states.index(indexed.held(str(hit)))
        assert index.matches(str(hit), asked, threshold=THRESHOLD).rows() == told[state]
        seen.add(state)
        after(str(hit))
        after(str(hit))  # what the first one replaced is swept by the second
        assert indexed.held(str(hit)) == states[1]
        assert index.matches(str(hit), asked, threshold=THRESHOLD).rows() == told[1]
        now = files.read(str(hit))
        named = {p.file for p in (*now.parts, *filter(None, [now.deleted]))}
        there = {str(p.relative_to(hit)) for p in hit.rglob("*.*") if p.is_file()}
        assert there == named | {"index.json", ".lock"}
        if not died:
            assert seen == {0, 1}
            return moment
        moment += 1


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an index of twenty documents in three parts, a deleted one among them."""
    monkeypatch.setattr(files, "PART_ROWS", 8)
    rows = some_rows(20)
    at = tmp_path / "index"
    index.build(indexed.write_run(tmp_path / "run", rows, SMALL), str(at))
    index.delete(str(at), [rows[19][c.DOC_ID]])
    return at


@pytest.mark.slow
def test_an_append_killed_at_any_moment(tmp_path: Path, standing: Path) -> None:
    changed = {**some_rows(20)[3], c.TEXT_HASH: "another"}
    run = indexed.write_run(tmp_path / "more", [*some_rows(12, 1), changed], SMALL)
    moments = kill_everywhere(tmp_path, "append", run, lambda at: index.append(run, at))
    assert moments > 20


@pytest.mark.slow
def test_a_deletion_killed_at_any_moment(tmp_path: Path, standing: Path) -> None:
    ids = [row[c.DOC_ID] for row in some_rows(20)[:12]]
    moments = kill_everywhere(tmp_path, "delete", ",".join(ids), lambda at: index.delete(at, ids))
    assert moments > 12


def test_an_append_killed_before_and_after_it_counts(tmp_path: Path, standing: Path) -> None:
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL)
    before = indexed.held(str(standing))
    for moment in (1, 9):
        assert killed("append", standing, run, moment)
        assert indexed.held(str(standing)) == before
    assert index.append(run, str(standing)).added == 4


# ---------------------------------------------------------------------------------------------
# Misused and damaged


def test_a_second_writer_is_refused(tmp_path: Path, standing: Path) -> None:
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL)
    with storage.claimed(str(standing)):
        with pytest.raises(ConfigError, match="writing to"):
            index.append(run, str(standing))
        with pytest.raises(ConfigError, match="writing to"):
            index.delete(str(standing), ["a"])
        assert len(index.matches(str(standing), asked_of(some_rows(1)), threshold=0.99)) >= 1
    assert index.append(run, str(standing)).added == 4


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"minhash_bands": 2}, "got minhash_bands = 2, wanted minhash_bands = 3"),
        ({"minhash_seed": 9}, "minhash_seed = 9"),
        ({"shingle_words": 4}, "shingle_words = 4"),
        ({"shingle_characters": 7}, "shingle_words = none, shingle_characters = 7"),
        ({"minhash": False}, "minhash = false"),
    ],
)
def test_other_settings_are_refused(
    tmp_path: Path, standing: Path, changed: dict[str, Any], said: str
) -> None:
    other = SMALL.model_copy(update=changed)
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), other)
    with pytest.raises(ConfigError, match=said) as caught:
        index.append(run, str(standing))
    assert "build another index" in str(caught.value)


def test_settings_that_sketches_do_not_depend_on_may_differ(tmp_path: Path, standing: Path) -> None:
    other = SMALL.model_copy(update={"lang_bytes": 100, "minhash_engine": "datasketch"})
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), other)
    assert index.append(run, str(standing)).added == 4


def edited(at: Path, **changes: object) -> None:
    body = json.loads((at / "index.json").read_text())
    (at / "index.json").write_text(json.dumps(body | changes))


def first_part(at: Path) -> Path:
    return at / files.read(str(at)).parts[0].file


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def last_deleted(at: Path) -> Path:
    deleted = files.read(str(at)).deleted
    assert deleted is not None
    return at / deleted.file


def swapped(at: Path) -> None:
    one, other, *_ = (at / p.file for p in files.read(str(at)).parts)
    one.write_bytes(other.read_bytes())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda at: edited(at, version=2), "layout version 2"),
        (lambda at: edited(at, parts=3), "parts: "),
        (lambda at: edited(at, fingerprint="0"), "fingerprint"),
        (lambda at: edited(at, unknown=1), "unknown: "),
        (lambda at: (at / "index.json").write_text("[]"), "no JSON object"),
        (lambda at: (at / "index.json").write_text("{"), "no JSON object"),
        (lambda at: (at / "index.json").unlink(), "no such file"),
        (lambda at: first_part(at).unlink(), "no such file"),
        (lambda at: cut(first_part(at)), "cut off or damaged"),
        (lambda at: cut(last_deleted(at)), "cut off or damaged"),
        (swapped, "a part of another index"),
    ],
)
def test_a_damaged_index_is_refused_with_the_way_out(
    tmp_path: Path, standing: Path, damage: Callable[[Path], object], said: str
) -> None:
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL)
    damage(standing)
    for use in (
        lambda: index.matches(str(standing), asked_of(some_rows(2)), threshold=THRESHOLD),
        lambda: index.append(run, str(standing)),
        lambda: index.delete(str(standing), ["a"]),
    ):
        with pytest.raises(ManifestError, match=said) as caught:
            use()
        assert "build the index again" in str(caught.value)


def test_a_part_damaged_in_the_middle_is_refused(standing: Path) -> None:
    path = first_part(standing)
    body = bytearray(path.read_bytes())
    body[4 : len(body) // 2] = bytes(len(body) // 2 - 4)
    path.write_bytes(body)
    with pytest.raises(ManifestError, match="build the index again"):
        index.matches(str(standing), asked_of(some_rows(20)), threshold=THRESHOLD)
    with pytest.raises(ManifestError, match="build the index again"):
        index.delete(str(standing), ["a"])


def test_a_folder_that_is_no_run_or_not_free_is_refused(tmp_path: Path, standing: Path) -> None:
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL)
    with pytest.raises(ConfigError, match="index append"):
        index.build(run, str(standing))
    with pytest.raises(ConfigError, match=r"other files \('run.json'\)"):
        index.build(run, run)
    with pytest.raises(ManifestError, match=r"run\.json"):
        index.append(str(tmp_path / "nothing"), str(standing))
    with pytest.raises(ManifestError, match=r"index\.json"):
        index.append(run, str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
    (Path(run) / "decisions" / "manifest.json").write_text("{}")
    with pytest.raises(ManifestError):
        index.append(run, str(standing))
    assert index.append(run, str(standing), every=True).added == 4


def test_an_unfinished_run_is_refused(tmp_path: Path, standing: Path) -> None:
    run = indexed.write_run(tmp_path / "more", some_rows(4, 1), SMALL)
    body = json.loads((Path(run) / "run.json").read_text())
    del body["stages"]["select"]
    (Path(run) / "run.json").write_text(json.dumps(body))
    with pytest.raises(ManifestError, match=r"decisions are not finished.* --all"):
        index.append(run, str(standing))


@pytest.mark.parametrize("version", ["minhash-0", None])
def test_sketches_of_another_version_are_refused(
    tmp_path: Path, standing: Path, version: str | None
) -> None:
    run = indexed.write_run(tmp_path / "old", some_rows(4, 1), SMALL, sketch=version)
    said = rf"version {version or 'unknown'}.*version minhash-1.*only signals are measured again"
    before = {p: p.read_bytes() for p in standing.rglob("*.*") if p.name != ".lock"}
    with pytest.raises(ManifestError, match=said):
        index.append(run, str(standing))
    with pytest.raises(ManifestError, match=said):
        index.build(run, str(tmp_path / "new"))
    assert {p: p.read_bytes() for p in before} == before
    assert not (tmp_path / "new").exists()
    config = SMALL.model_copy(update={"minhash": False})
    plain = indexed.write_run(tmp_path / "none", some_rows(4, 1), config, sketch=version)
    assert index.build(plain, str(tmp_path / "equal")).added == 4


# ---------------------------------------------------------------------------------------------
# Real texts, and files as they are


def test_the_definition_of_a_sketch_has_a_version() -> None:
    """Where this fails, sketches changed: ``tasks.signals.minhash.VERSION`` has to change too."""
    (row,) = indexed.measured(["a"], [corpora.prose("a sketch")], DEFAULT)
    keys, sketch = row[c.MINHASH_BANDS], row[c.MINHASH_SKETCH]
    assert (files.settings(DEFAULT).sketch, keys[0], sketch[:8].hex()) == PINNED


PINNED = ("minhash-1", 2081060837804609787, "38cf5cab0e68a729")


def test_files_are_read_and_normalised_as_sources_are(tmp_path: Path) -> None:
    text = corpora.prose("mine", 200)
    at = str(tmp_path / "index")
    rows = indexed.measured(["mine", "other"], [text, corpora.prose("other", 200)], DEFAULT)
    index.build(indexed.write_run(tmp_path / "run", rows, DEFAULT), at)
    asked = tmp_path / "asked.jsonl"
    near = text.removesuffix(".") + " indeed."
    lines = [
        {"id": "x", "text": text.replace("\n", "\r\n") + "\x00"},
        {"text": near},
        {"text": "new"},
    ]
    corpora.write_jsonl(asked, lines)
    with asked.open("a") as stream:
        stream.write("no record\n")
    answer = index.query(at, str(asked), threshold=0.75)
    assert (answer.documents, answer.rejects) == (3, 1)
    found = [(r["position"], r["record_id"], r["matches"]) for r in answer.records()]
    assert found[0] == (1, "x", [{"doc_id": "mine", "level": "exact", "similarity": 1.0}])
    assert found[1][:2] == (2, None)
    assert [m["level"] for m in found[1][2]] == ["near"]
    frame = pl.DataFrame({"body": [text], "key": ["k"]})
    frame.write_parquet(tmp_path / "asked.parquet")
    other = index.query(
        at, str(tmp_path / "asked.parquet"), threshold=1.0, text_field="body", id_field="key"
    )
    assert other.matches[c.RECORD_ID].to_list() == ["k"]


def test_nothing_to_read_is_said_of_the_file(tmp_path: Path, standing: Path) -> None:
    with pytest.raises(ConfigError, match=r"^/nothing/here: "):
        index.query(str(standing), "/nothing/here", threshold=0.75)


def test_an_index_of_other_sketches_is_not_asked(
    tmp_path: Path, standing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.signals.minhash.VERSION", "minhash-0")
    with pytest.raises(ConfigError, match="minhash-0"):
        index.query(str(standing), os.devnull, threshold=0.75)


def test_real_texts_in_two_runs_are_as_in_one(tmp_path: Path) -> None:
    places = sorted((real_data() / "dolma/documents").glob("*/part-00000.jsonl.gz"))
    texts = [
        text for place in places for text in real_texts(str(place.relative_to(real_data())), 150)
    ]
    texts = sorted(set(texts))
    random.Random(1).shuffle(texts)
    rows = indexed.measured([f"id-{i}" for i in range(len(texts))], texts, DEFAULT)
    most = len(rows) * 4 // 5
    once, twice = str(tmp_path / "once"), str(tmp_path / "twice")
    index.build(indexed.write_run(tmp_path / "all", rows, DEFAULT), once)
    index.build(indexed.write_run(tmp_path / "most", rows[:most], DEFAULT), twice)
    change = index.append(indexed.write_run(tmp_path / "rest", rows[most:], DEFAULT), twice)
    assert change.added == len(rows) - most
    assert indexed.held(once) == indexed.held(twice)
    edited = [" ".join(text.split(" ")[:-20]) for text in texts[::3]]
    asked = [{"text": text} for text in [*texts[::5], *edited]]
    (tmp_path / "asked.jsonl.gz").write_bytes(
        gzip.compress("".join(json.dumps(a) + "\n" for a in asked).encode())
    )
    answers = [
        index.query(at, str(tmp_path / "asked.jsonl.gz"), threshold=0.75) for at in (once, twice)
    ]
    assert answers[0].matches.equals(answers[1].matches)
    assert len(answers[0].records()) > 0.9 * len(asked)
    measured = indexed.measured([""] * len(asked), [a["text"] for a in asked], DEFAULT)
    expected = indexed.answers(measured[-40:], rows, 0.75)
    found = index.matches(twice, asked_of(measured[-40:]), threshold=0.75).rows()
    assert [f[:3] for f in found] == [e[:3] for e in expected]
