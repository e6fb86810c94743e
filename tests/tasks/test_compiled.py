"""Where the machine code of kernels lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tasks import compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_folder_that_cannot_be_written_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert compiled.folder().parent == tmp_path
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert compiled.folder().name.startswith("openmoat-kernels-")


def test_nothing_has_buffers_too() -> None:
    for texts in (pa.array([], pa.large_string()), pa.array(["", ""], pa.large_string())):
        data, limits = compiled.buffers(texts)
        assert limits.tolist() == [0] * (len(texts) + 1)
        assert not data.flags.writeable
        assert not limits.flags.writeable


def test_kernels_see_one_kind_of_array_wherever_texts_are_from() -> None:
    limits = pa.array([0, 1], pa.int64()).buffers()[1]
    for memory in (pa.py_buffer(b"a"), pa.py_buffer(bytearray(b"a"))):
        texts = pa.LargeStringArray.from_buffers(1, limits, memory)
        assert not any(array.flags.writeable for array in compiled.buffers(texts))
