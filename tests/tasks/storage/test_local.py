from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from schemas.errors import ConfigError, ManifestError, OpenmoatError
from schemas.manifest import Shard, StageManifest
from schemas.tables import REJECTS
from tasks import storage

if TYPE_CHECKING:
    from collections.abc import Iterator


def everything(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "a.bin"
    storage.write_bytes(str(target), b"one")
    assert storage.read_bytes(str(target)) == b"one"

    def break_off() -> None:
        with storage.replacing(str(target)) as temporary:
            Path(temporary).write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert target.read_bytes() == b"one"
    assert everything(tmp_path) == ["deep/er/a.bin"]


def test_an_exception_while_a_shard_is_written_leaves_nothing(tmp_path: Path) -> None:
    at = str(tmp_path / "a.parquet")
    table = pa.table([["here"], [1], ["why"], ["what"]], schema=REJECTS)

    def break_off() -> None:
        with storage.writing(at, REJECTS) as writer:
            writer.write(table)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert everything(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where the tests may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def full_disk_error(location: str) -> None:
    noise = os.urandom(3_000_000).hex()
    table = pa.table([["here"], [1], ["why"], [noise]], schema=REJECTS)
    with pytest.raises(OpenmoatError) as caught, storage.writing(location, REJECTS) as writer:
        writer.write(table)
    assert "got a full disk" in str(caught.value)
    assert "Free some space and run the same command again" in str(caught.value)
    assert location in str(caught.value)


def test_a_disk_that_is_full(small_disk: Path) -> None:
    full_disk_error(str(small_disk / "a.parquet"))
    with pytest.raises(OpenmoatError, match="full disk"):
        storage.write_bytes(str(small_disk / "a.bin"), bytes(2_000_000))
    assert everything(small_disk) == []


def test_a_disk_that_says_so_only_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    full_disk_error(str(tmp_path / "a.parquet"))
    assert everything(tmp_path) == []


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "file" / "a", tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(OpenmoatError, match="Choose another --out"):
            storage.write_bytes(str(place), b"x")
    with (
        pytest.raises(OpenmoatError, match="Choose another --out"),
        storage.claimed(str(tmp_path / "file" / "out")),
    ):
        pass
    assert everything(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV, errno.EROFS, errno.ELOOP])
def test_a_folder_that_cannot_be_made(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mkdir(self: Path, *_a: object, **_k: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", mkdir)
    with pytest.raises(OpenmoatError, match="Choose another --out"):
        storage.write_bytes(str(tmp_path / "a"), b"x")
    with pytest.raises(OpenmoatError, match="Choose another --out"), storage.claimed("out"):
        pass


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), storage.replacing(str(tmp_path / "a")):
        raise ConnectionError("no route")


def test_only_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    code = "import os; print(os.getpid())"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (tmp_path / "sub").mkdir()
    names = {
        f"sub/.a.parquet.{dead.stdout.strip()}-0123abcd.tmp": True,
        ".b.99999999999999999999-0123abcd.tmp": True,
        f".c.{os.getpid()}-0123abcd.tmp": False,
        f".d.{os.getppid()}-0123abcd.tmp": False,
        ".e.tmp": False,
        f"f.{dead.stdout.strip()}-0123abcd.tmp": False,
        "g.parquet": False,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"")
    folder = tmp_path / f".export.{dead.stdout.strip()}-0123abcd.tmp"
    (folder / "train").mkdir(parents=True)
    assert storage.sweep_temporaries(str(tmp_path)) == 3
    assert not folder.exists()
    assert everything(tmp_path) == sorted(name for name, swept in names.items() if not swept)
    assert storage.sweep_temporaries(str(tmp_path / "nowhere")) == 0


def test_one_run_a_folder(tmp_path: Path) -> None:
    with (
        storage.claimed(str(tmp_path)),
        pytest.raises(ConfigError, match=f"process {os.getpid()}"),
        storage.claimed(str(tmp_path)),
    ):
        pass
    with storage.claimed(str(tmp_path)):
        pass


@pytest.mark.parametrize("body", [None, b"", b"{", b"[]", b'{"stage": "x"}', b"\xff"])
def test_a_manifest_that_cannot_be_read(tmp_path: Path, body: bytes | None) -> None:
    at = tmp_path / "manifest.json"
    if body is not None:
        at.write_bytes(body)
    with pytest.raises(ManifestError) as caught:
        storage.read_model(str(at), StageManifest)
    assert str(at) in str(caught.value)
    assert "Run the recipe again" in str(caught.value)


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    shard = Shard(file="a", rows=1, digest="ff", source="\x1b[31m näme")
    storage.write_model(str(tmp_path / "m.json"), shard)
    assert storage.read_model(str(tmp_path / "m.json"), Shard) == shard


def test_names_folders_and_removal(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"")
    (tmp_path / "a").mkdir()
    assert storage.list_names(str(tmp_path)) == ["b"]
    assert storage.list_names(str(tmp_path / "nowhere")) == []
    for name in ("a", "b", "nowhere"):
        storage.remove(str(tmp_path / name))
        assert not storage.exists(str(tmp_path / name))
    assert storage.free_bytes(str(tmp_path / "not" / "yet")) > 0
    assert not storage.exists("x" * 5_000)
    assert not storage.is_file("a\0b")
