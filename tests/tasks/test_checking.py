"""``openmoat check`` on a folder of a mixture: each mistake, with the message a user would see."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from flows import cli
from schemas import columns as c
from schemas.errors import ConfigError
from schemas.mixture import LAYOUT
from tasks import checking
from tasks.checking import Asked, check
from tasks.mixture import checks
from tasks.steps import handoff
from tests import corpora, mixtures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[Path], object]

NOTHING = Asked()
SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve documents in either split, a fourth of them replay; tokenizer and cards beside."""
    out = tmp_path_factory.mktemp("run")
    mixtures.written(out, {split: documents(split) for split in SPLITS}, row_format="tokens")
    handoff.write_card.fn(str(out))
    return out


def documents(split: str) -> list[mixtures.Document]:
    found = []
    for i in range(12):
        said = corpora.prose((split, i), 12 + i % 5)
        turns = [{"role": "user", "content": said}, {"role": "assistant", "content": said}]
        content = said if i % 3 else turns
        found.append(mixtures.Document(f"{split}-{i % 4}", content, is_replay=i % 4 == 0))
    return found


@pytest.fixture(scope="module")
def made(run: Path) -> Path:
    return run / "mixture"


@pytest.fixture(scope="module")
def tokenizer(run: Path) -> Path:
    return run / "tokenizer"


def wrong(folder: Path, asked: Asked = NOTHING) -> dict[str, str]:
    return {f.statement: f.detail for f in check(str(folder), asked) if not f.ok}


def test_a_sound_mixture_has_nothing_wrong_also_where_it_was_moved(
    run: Path, tokenizer: Path, tmp_path: Path
) -> None:
    asked = Asked(max_length=512, tokenizer=str(tokenizer), ranks=2)
    assert wrong(run, asked) == {}
    moved = tmp_path / "elsewhere"
    shutil.copytree(run / "mixture", moved)
    assert wrong(moved, asked) == {}
    said = {f.statement for f in check(str(moved), asked)}
    assert checking.TOKENIZER in said
    assert checks.UNENDED.format(end_id=0) in said


def rewrite(name: str, change: Callable[[list[dict[str, Any]]], object]) -> Change:
    """Change the rows of a shard, and leave its schema."""

    def apply(folder: Path) -> None:
        at = folder / name
        table = pq.read_table(at)
        rows = table.to_pylist()
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows, table.schema), at)

    return apply


def edit(name: str, old: str, new: str) -> Change:
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))


def add_column(folder: Path) -> None:
    at = folder / "train/train-00000-of-00002.parquet"
    table = pq.read_table(at)
    pq.write_table(table.append_column("position_ids", table.column(c.INPUT_IDS)), at)


def lose_labels(folder: Path) -> None:
    table = pq.read_table(folder / FIRST)
    names, rows = table.column_names, table.to_pylist()
    rows[1][c.LABELS] = None
    loose = pa.schema([field.with_nullable(nullable=True) for field in table.schema])
    pq.write_table(pa.Table.from_pylist(rows, loose).select(names), folder / FIRST)


def unmanifested(folder: Path) -> None:
    (folder / "manifest.json").unlink()


FIRST = "train/train-00000-of-00002.parquet"
CASES: dict[str, tuple[Change, str, str]] = {
    "a shard is gone": (
        lambda folder: (folder / FIRST).unlink(),
        checking.SHARDS,
        FIRST,
    ),
    "a row is gone": (
        rewrite(FIRST, lambda rows: rows.pop(2)),
        f"train: {checking.ORDER}",
        f"{FIRST} row 2, train/train-00001-of-00002.parquet row 0",
    ),
    "a row is changed": (
        rewrite(FIRST, lambda rows: rows[1].update(source="another")),
        checking.SHARDS,
        FIRST,
    ),
    "nothing to learn": (
        rewrite(FIRST, lambda rows: rows[1].update(labels=[-100] * len(rows[1]["labels"]))),
        checks.UNLEARNED,
        f"1 rows, such as {FIRST} row 1",
    ),
    "no view": (edit("README.md", "---\n", "+++\n"), checking.VIEWS, "README.md has no views"),
    "no card": (lambda folder: (folder / "README.md").unlink(), checking.VIEWS, "is not there"),
    "a view without files": (
        edit("README.md", "train/*.parquet", "training/*.parquet"),
        checking.VIEWS,
        "default: no file is training/*.parquet",
    ),
    "a view without a column": (
        edit("README.md", "labels]", "labels, loss_mask]"),
        checking.VIEWS,
        "default: train/*.parquet has no loss_mask",
    ),
    "text in the view of trainers": (
        edit("README.md", "labels]", "labels, text, doc_id]"),
        checking.VIEWS,
        "default: trainers cannot have text, doc_id in it",
    ),
    "a column that trainers mistake": (add_column, checking.COLUMNS, "position_ids"),
    "no manifest": (unmanifested, checking.MANIFEST, "is not there, or no manifest"),
    "no layout": (edit("manifest.json", LAYOUT, "another"), checking.MANIFEST, "have no layout"),
    "labels are missing": (lose_labels, checking.SHARDS, "1 missing lists of tokens"),
    "a broken shard": (
        lambda folder: (folder / FIRST).write_bytes((folder / FIRST).read_bytes()[:-100]),
        checking.SHARDS,
        "a Parquet shard",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_told(made: Path, tmp_path: Path, case: str) -> None:
    change, statement, said = CASES[case]
    folder = tmp_path / "mixture"
    shutil.copytree(made, folder)
    change(folder)
    assert said in wrong(folder)[statement]


def test_rows_longer_than_the_context_are_counted_with_their_places(made: Path) -> None:
    found = wrong(made, Asked(max_length=8))
    assert list(found) == [checks.LONG.format(max_length=8)]
    assert "24 rows, such as train/train-00000-of-00002.parquet row 0" in found.popitem()[1]


def test_another_tokenizer_is_told_by_its_digest(
    made: Path, tokenizer: Path, tmp_path: Path
) -> None:
    other = tmp_path / "tokenizer.json"
    found = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    found.add_tokens(["<one more>"])
    found.save(str(other))
    said = wrong(made, Asked(tokenizer=str(other)))
    assert list(said) == [checking.TOKENIZER]
    assert "its ids mean other text" in said[checking.TOKENIZER]


def test_a_number_of_ranks_that_shards_do_not_share_evenly(made: Path) -> None:
    found = wrong(made, Asked(ranks=3))
    assert list(found) == [checking.WORLD.format("train")]
    assert "2 shards, 3 ranks" in found.popitem()[1]


def test_where_there_is_no_mixture_or_no_tokenizer(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got no mixture, wanted a folder with train"):
        check(str(tmp_path), Asked())
    with pytest.raises(ConfigError, match=r"--tokenizer: got .*nowhere"):
        check(str(made), Asked(tokenizer=str(tmp_path / "nowhere")))


def test_the_command_prints_findings_and_tells_by_its_exit_code(made: Path) -> None:
    def checked(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["check", str(made), *arguments])
        return result.exit_code, result.output

    code, said = checked("--max-length", "4096")
    assert (code, "FAILED" in said, "statements hold" in said) == (0, False, True)
    code, said = checked("--max-length", "8", "--json")
    body = json.loads(said.splitlines()[-1])
    assert (code, body["ok"]) == (4, False)
