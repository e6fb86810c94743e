"""What is found out before any work: the language model, and where results go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from schemas.config import RunConfig
from schemas.errors import ConfigError
from tasks import preflight, storage

if TYPE_CHECKING:
    from pathlib import Path

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "wiki").mkdir(parents=True)
    (folder / "wiki" / "a.jsonl").write_text('{"text": "a"}\n')
    return folder


def recipe(url: Path | str, **sections: Any) -> RunConfig:
    ingest = {"sources": [{"name": "wiki", "url": str(url)}]}
    return RunConfig.model_validate({"name": "x", "ingest": ingest, **sections})


def test_a_good_place_is_left_as_it_was(data: Path, tmp_path: Path) -> None:
    preflight.check(recipe(data))
    preflight.check(recipe(data), str(tmp_path / "new" / "er" / "out"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
    (tmp_path / "out").mkdir()
    preflight.check(recipe(data), str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_relative_place(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preflight.check(recipe(data), "openmoat-out/x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
    with pytest.raises(ConfigError, match="source 'wiki'"):
        preflight.check(recipe(data), "data/out")


def test_a_model_of_the_right_name_and_other_content(data: Path, tmp_path: Path) -> None:
    model = tmp_path / "lid.176.ftz"
    model.write_bytes(b"not it")
    with pytest.raises(ConfigError, match="a file of 6 bytes with sha256"):
        preflight.check(recipe(data, signals={"lang_model": str(model)}))


def test_a_model_in_the_variable_is_checked_too(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lid.176.ftz").write_bytes(b"not it")
    monkeypatch.setenv("FTLANG_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="a file of 6 bytes with sha256"):
        preflight.check(recipe(data))


@pytest.mark.parametrize("out", ["{tmp}/file", "{tmp}/file/out", "/proc/x/out", "{tmp}/{long}"])
def test_places_that_cannot_be_written_to(data: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("")
    place = out.format(tmp=tmp_path, long="x" * 300)
    with pytest.raises(ConfigError, match="wanted a folder that can be written to") as caught:
        preflight.check(recipe(data), place)
    assert caught.value.exit_code == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "file"]


def test_a_name_that_is_not_utf_8(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a name that is not UTF-8") as caught:
        preflight.check(recipe(data), f"{tmp_path}/\udcff")
    str(caught.value).encode()


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_folder_without_permission(data: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for out in (locked, locked / "out"):
        with pytest.raises(ConfigError, match="Permission denied"):
            preflight.check(recipe(data), str(out))


def test_what_was_made_is_taken_away_when_a_later_step_fails(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="File name too long"):
        preflight.check(recipe(data), str(tmp_path / "new" / ("x" * 300)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_a_folder_with_other_files_is_not_taken(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigError, match=r"with other files \('thesis.tex'\).*owns its folder"):
        preflight.check(recipe(data), str(out))
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]
    (out / "run.json").write_text("{}")
    preflight.check(recipe(data), str(out))


def test_a_run_that_has_just_begun_and_an_empty_disk_are_taken(data: Path, tmp_path: Path) -> None:
    (tmp_path / "disk" / "lost+found").mkdir(parents=True)
    preflight.check(recipe(data), str(tmp_path / "disk"))
    with storage.claimed(str(tmp_path / "begun")):
        (tmp_path / "begun" / "documents").mkdir()
        preflight.check(recipe(data), str(tmp_path / "begun"))


@pytest.mark.parametrize(
    ("url", "out"),
    [
        ("data", "data"),
        ("data", "data/out"),
        ("data", "link/out"),
        ("link", "data/out"),
        ("data/wiki/a.jsonl", "data"),
        ("data/w*", "data/wiki/out"),
        ("data/*", "data/out"),
        ("data/*", "data/out/deeper"),
        ("data/*/a.jsonl", "data"),
        ("data/**/*.jsonl", "data/out"),
        ("link/*", "data/out"),
    ],
)
def test_results_and_sources_lie_apart(data: Path, tmp_path: Path, url: str, out: str) -> None:
    (tmp_path / "link").symlink_to(data)
    with pytest.raises(ConfigError, match="source 'wiki'"):
        preflight.check(recipe(tmp_path / url), str(tmp_path / out))
    assert sorted(p.name for p in data.iterdir()) == ["wiki"]


@pytest.mark.parametrize(
    ("url", "out"),
    [
        ("data/wiki", "data/out"),
        ("data/wiki", "data/wiki-out"),
        ("data/w*", "data/out"),
        ("data/*/a.jsonl", "data/out"),
        ("data/wiki/a.jsonl", "data/wiki/out"),
        ("data/wiki/*.jsonl", "data/wiki/out"),
        ("data/wiki/**/*.jsonl", "data/out"),
    ],
)
def test_neighbours_are_apart(data: Path, tmp_path: Path, url: str, out: str) -> None:
    preflight.check(recipe(tmp_path / url), str(tmp_path / out))


def test_a_list_of_urls_below_the_results(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "urls.txt").write_text(str(data / "wiki"))
    source = {"name": "listed", "url_list": str(tmp_path / "out" / "urls.txt")}
    config = RunConfig.model_validate({"name": "x", "ingest": {"sources": [source]}})
    with pytest.raises(ConfigError, match="source 'listed'"):
        preflight.check(config, str(tmp_path / "out"))


def test_opt_out_lists_are_read_before_any_work(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "list.txt"
    config = recipe(data, select={"opt_out": {"domains": str(place)}})
    with pytest.raises(ConfigError, match="No such file") as caught:
        preflight.check(config)
    assert caught.value.where == f"select.opt_out.domains: {place}"
    place.write_bytes(b"\x1f\x8bno gzip")
    with pytest.raises(ConfigError, match="a text file on this machine"):
        preflight.check(config)
    place.write_text("example.org\nhttps://example.org/\n")
    with pytest.raises(ConfigError, match="wanted a domain such as") as caught:
        preflight.check(config)
    assert caught.value.where.endswith("list.txt, line 2")
    place.write_text("example.org\n")
    preflight.check(config)
    both = recipe(data, select={"opt_out": {"ids": [str(place), str(data / "wiki" / "a.jsonl")]}})
    assert preflight.opt_out_lists(both.select.opt_out).ids == {"example.org", '{"text": "a"}'}


def test_a_target_that_the_run_would_write_into(data: Path, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "a.jsonl").write_text('{"text": "a"}\n')
    target = {"sample": str(tmp_path / "sample")}
    replay = {"arm": "surrogate", "target": target}
    asked = recipe(data, tokenizer={"train_vocab_size": 300}, replay=replay)
    preflight.check(asked, str(tmp_path / "out"))
    with pytest.raises(ConfigError, match=r"a folder in which replay\.target\.sample is read"):
        preflight.check(asked, str(tmp_path / "sample" / "out"))
