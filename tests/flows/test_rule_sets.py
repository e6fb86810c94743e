"""Rule sets, overrides and rules of the user's in a run; and the alarm where too much would go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from schemas.errors import ConfigError, SourceError
from tasks import ledger, preflight
from tasks.recipe import load
from tasks.verify import verify
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "pages"

[[ingest.sources]]
name = "web"
url = "web.jsonl"

[[ingest.sources]]
name = "scripts"
url = "scripts.jsonl"

[select]
"""
SCRIPT = "def f_{n}(x):\n    # it is one of {n}, to be of use\n    return x[{n}] * {n}\n"


def write(folder: Path, select: str) -> Path:
    recipe = folder / "recipe.toml"
    if not recipe.exists():
        write_sources(folder)
    recipe.write_text(RECIPE + select)
    return recipe


def write_sources(folder: Path) -> None:
    folder.mkdir()
    web = [corpora.prose((i,)) for i in range(40)]
    scripts = ["".join(SCRIPT.format(n=100 * i + k) for k in range(9)) for i in range(20)]
    for name, texts in (("web", web), ("scripts", scripts)):
        rows = "".join(json.dumps({"id": f"{i}", "text": t}) + "\n" for i, t in enumerate(texts))
        (folder / f"{name}.jsonl").write_text(rows)


def run(recipe: Path, out: Path) -> pl.DataFrame:
    """Run as far as the decisions; return them beside their sources."""
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), goal="corpus")
    frames = [
        pl.concat(
            [
                pl.read_parquet(out / "documents" / shard.file, columns=["source"]),
                pl.read_parquet(out / "decisions" / shard.file),
            ],
            how="horizontal",
        )
        for shard in ledger.read(str(out), "ingest").shards
    ]
    return pl.concat(frames)


def reasons(frame: pl.DataFrame, source: str) -> set[str]:
    return set(frame.filter(pl.col("source") == source)["drop_reasons"].explode().drop_nulls())


def test_the_alarm_names_the_rule_and_shows_five_and_what_it_says_helps(tmp_path: Path) -> None:
    recipe, out = write(tmp_path / "in", "gopher = false\ncode.min_alphanumeric = 0.7"), tmp_path
    with pytest.raises(SourceError) as caught:
        run(recipe, out / "out")
    error = caught.value
    assert error.exit_code == 3
    assert error.where == "source 'scripts'"
    assert "20 of 20 documents dropped, 20 of them for code_frac_alphanumeric" in error.got
    assert "select.code.min_alphanumeric" in error.got
    assert error.wanted == "at most 0.9 of them (select.max_drop_share)"
    assert error.way_out.count("scripts.jsonl, position ") == 5
    assert error.way_out.count("code_frac_alphanumeric = 0.") == 5
    assert error.way_out.count("): 'def f_") == 5
    assert not (out / "out" / "decisions" / "manifest.json").exists()

    write(tmp_path / "in", "gopher = false\ncode.min_alphanumeric = 0.7\nmax_drop_share = 1.0")
    frame = run(recipe, out / "out")
    assert frame.group_by("source").agg(pl.col("keep").sum()).sort("source").rows() == [
        ("scripts", 0),
        ("web", 40),
    ]
    assert ledger.read_run(str(out / "out")).stages["ingest"].shards_reused == 2
    assert all(f.ok for f in verify(str(out / "out")))


def test_overrides_and_own_rules_measure_nothing_again(tmp_path: Path) -> None:
    recipe, out = write(tmp_path / "in", "max_drop_share = 1.0"), tmp_path / "out"
    frame = run(recipe, out)
    assert "gopher_frac_words_with_letter" in reasons(frame, "scripts")
    write(
        tmp_path / "in",
        """
[[select.overrides]]
sources = ["scripts"]
gopher = false
code = {}

[[select.rules]]
name = "few_comments"
drop_where = "code_frac_lines_comment < 0.3 AND code_frac_alphanumeric < 0.7"
""",
    )
    frame = run(recipe, out)
    assert reasons(frame, "scripts") == set()
    assert frame.filter(pl.col("source") == "scripts")["keep"].all()
    assert ledger.read_run(str(out)).stages["ingest"].shards_reused == 2
    assert all(f.ok for f in verify(str(out)))


def test_a_wrong_expression_is_found_before_anything_is_read(tmp_path: Path) -> None:
    rule = '[[select.rules]]\nname = "mine"\ndrop_where = "n_byte > 3"'
    recipe = load(str(write(tmp_path / "in", rule)))
    with pytest.raises(ConfigError, match=r"'n_byte'.*Did you mean 'n_bytes'"):
        preflight.check(recipe, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
