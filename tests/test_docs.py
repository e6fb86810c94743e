"""What the pages say is true: commands run, links lead somewhere, tables name the columns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows import reference
from flows.cli import app
from schemas import mixture, tables
from schemas.bases import bases
from schemas.config import SelectConfig, Source
from schemas.shipped import names
from tasks.recipe import load, parse

if TYPE_CHECKING:
    import pyarrow as pa
    from typer import Typer

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("data/*/*.md")])
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\bopenmoat ([a-z][a-z-]*)([^`\n#]*)")
CHEAP = ("openmoat plan ", "openmoat verify ", "openmoat inspect ", "openmoat --help")

each_page = pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [body for name, body in found if name == language]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    """Give a folder with what the README speaks of: ``result/``, ``mine.toml`` and the sample."""
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("desk")
    (folder / "data").symlink_to(ROOT / "data")
    sample = ROOT / "data" / "sample"
    pipeline(load(str(sample / "recipe.toml")), str(folder / "result"), workers=2)
    recipe = readme_recipe()
    places = {
        "/data/dolma/documents/wiki": sample / "notes.jsonl",
        "/data/dolma/documents/books/*.json.gz": sample / "letters" / "*.txt",
        "/data/reports": sample / "howto.jsonl",
        "/models/base": folder / "result" / "tokenizer",
    }
    for written, real in places.items():
        assert f'"{written}"' in recipe
        recipe = recipe.replace(f'"{written}"', f'"{real}"')
    (folder / "mine.toml").write_text(recipe, encoding="utf-8")
    return folder


def readme_recipe() -> str:
    recipe, *_ = blocks(ROOT / "README.md", "toml")  # others are parts
    return recipe


def run_in(desk: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where an activated environment would find it, off line."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "HF_HOME": str(desk / "hub"), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=desk, env=env, capture_output=True, text=True, check=False)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        if not link.startswith("https://"):
            assert (page.parent / link.partition("#")[0]).exists(), link


def command_names(some: Typer | None) -> set[str]:
    commands = [] if some is None else some.registered_commands
    return {str(c.name or getattr(c.callback, "__name__", "")) for c in commands}


@each_page
def test_commands_and_recipes_named_exist(page: Path) -> None:
    commands = command_names(app)
    groups = {g.name: command_names(g.typer_instance) for g in app.registered_groups}
    code = [body for _, body in BLOCK.findall(page.read_text(encoding="utf-8"))]
    code += re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text(encoding="utf-8")))
    for name, rest in COMMAND.findall("\n".join(code)):
        argument = rest.split()[0] if rest.split() else ""
        assert name in commands or argument in groups.get(name, ()), f"{name} {argument}"
        if name in {"run", "plan", "corpus", "replay", "mixture"} and argument.islower():
            assert argument.endswith(".toml") or argument in names("recipes"), argument


def test_the_reference_pages_are_current() -> None:
    written = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    assert written == reference.page(), "run: python -m flows.reference recipe > docs/recipe.md"
    written = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")
    assert written == reference.signals_page(), "run: python -m flows.reference signals > docs/…"


def test_the_readmes_recipe_is_a_recipe(tmp_path: Path) -> None:
    recipe = parse(tomllib.loads(readme_recipe()), where="README.md", folder=tmp_path)
    assert recipe.mixture is not None


def test_the_page_of_init_counts_the_families_and_names_their_mixtures() -> None:
    page = (ROOT / "docs" / "init.md").read_text(encoding="utf-8")
    assert f"Of {len(names('models'))} families" in page
    known = {base.mixture.name for base in bases()} - {None}
    assert known <= set(re.findall(r"`([a-z0-9.-]+)`", page))


def test_every_fragment_of_a_source_has_known_keys() -> None:
    for body in blocks(ROOT / "docs" / "add-a-source.md", "toml"):
        written = tomllib.loads(body)
        SelectConfig.model_validate(written.pop("select", {}), strict=False)
        for fragment in written.get("ingest", {}).get("sources", [written]):
            assert set(fragment) <= set(Source.model_fields), body


def test_cheap_commands_of_the_pages_run(desk: Path) -> None:
    lines = [line for page in PAGES for body in blocks(page, "sh") for line in body.splitlines()]
    commands = sorted({line.partition("#")[0].strip() for line in lines if line.startswith(CHEAP)})
    assert len(commands) >= 4
    for command in commands:
        done = run_in(desk, "bash", "-c", command)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


def test_the_readmes_python_loads_a_result(desk: Path) -> None:
    code = "\n".join(blocks(ROOT / "README.md", "python"))
    done = run_in(desk, sys.executable, "-c", f"{code}\nprint(data, train.count_rows())")
    assert done.returncode == 0, done.stderr
    for expected in ("replay", "new", "train: Dataset", "validation: Dataset"):
        assert expected in done.stdout


@pytest.mark.parametrize(
    ("heading", "schema"),
    [
        ("mixture/", mixture.TEXT),
        ("decisions/", tables.DECISIONS),
        ("decisions/removed/", tables.REMOVED),
        ("documents/", tables.DOCUMENTS),
        ("rejects/", tables.REJECTS),
    ],
)
def test_the_tables_of_columns_are_complete(heading: str, schema: pa.Schema) -> None:
    text = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## {heading}\n")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert [n for row in rows for n in re.findall(r"`(\w+)`", row.split("|")[1])] == schema.names


def test_the_readmes_tree_names_what_is_there() -> None:
    (tree,) = [body for body in blocks(ROOT / "README.md", "") if "Makefile" in body]
    folder = Path()
    for line in tree.splitlines():
        nested = line.startswith(("├", "└"))
        entry = re.split(r"\s{2,}", line.lstrip("├└─ "), maxsplit=1)[0]
        paths = line.split() if line.startswith("README.md") else entry.split(", ")
        for path in paths:
            found = list(ROOT.glob(str(folder / path) if nested else path))
            assert found, path
        folder = folder if nested else Path(entry)
