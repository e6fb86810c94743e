from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from schemas.config import Source
from schemas.errors import SourceError
from tasks.storage import hub
from tests.tasks.storage.hub_server import COMMIT, NAME, serving_dataset

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [[f"file {i}, row {j} " * (i + 1) for j in range(3 + i)] for i in range(3)]


def parquet(texts: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), sink)
    return sink.getvalue()


def jsonl(texts: list[str]) -> bytes:
    return "".join(json.dumps({"text": t}) + "\n" for t in texts).encode()


def packed(texts: list[str]) -> bytes:
    return gzip.compress(jsonl(texts), mtime=0)


def csv(texts: list[str]) -> bytes:
    return "".join(f"{t}\n" for t in ["text", *(f'"{t}"' for t in texts)]).encode()


KINDS = {"parquet": parquet, "jsonl": jsonl, "jsonl.gz": packed, "csv": csv}


def write(folder: Path, kind: str) -> list[int]:
    """Write three files as on the Hub; return their sizes."""
    (folder / "data").mkdir(parents=True)
    bodies = [KINDS[kind](texts) for texts in TEXTS]
    for i, body in enumerate(bodies):
        (folder / "data" / f"train-{i:05d}-of-00003.{kind}").write_bytes(body)
    return [len(body) for body in bodies]


def local(folder: Path, **keys: Any) -> Source:
    return Source(name="x", url=(str(folder),), format="hub", **keys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_has_the_size_of_its_file_and_its_rows(tmp_path: Path, kind: str) -> None:
    sizes = write(tmp_path / "set", kind)
    (tmp_path / "link").symlink_to(tmp_path / "set")
    for folder in (tmp_path / "set", tmp_path / "link", tmp_path / "set" / ".." / "set"):
        source = local(folder)
        shards = hub.list_shards(str(folder), source)
        assert [s.size for s in shards] == sizes
        assert [[r["text"] for r in hub.rows(s, source)] for s in shards] == TEXTS


def test_a_single_file_and_another_split(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_bytes(jsonl([name] * 5))
    for split in ("train", "test"):
        (shard,) = hub.list_shards(str(tmp_path), local(tmp_path, split=split))
        assert shard.size == (tmp_path / f"{split}.jsonl").stat().st_size


def test_a_size_is_not_made_up_where_shards_are_not_the_splits_files(tmp_path: Path) -> None:
    write(tmp_path, "jsonl")
    shards = hub.list_shards(str(tmp_path), local(tmp_path, split="train+train"))
    assert [s.size for s in shards] == [None] * 6


def on_the_hub(code: str, cwd: Path, **environment: str) -> str:
    """Run code in a process of its own: the Hub's address is read when its library is imported.

    It ends without Python's last steps: Arrow's threads let go of a file's last buffer some moments
    after its last row, and Python, when it is ending, ends them in a way that ends the process too
    (apache/arrow#45214). No command of ours is over that soon after its last row.
    """
    own = {"PYTHONPATH": str(ROOT), "HF_HOME": str(cwd / "home"), "no_proxy": "127.0.0.1"}
    before = (
        "import json\nfrom schemas.config import Source\nfrom schemas.errors import SourceError\n"
        "from tasks.storage import hub\n"
        f"url = 'hf://{NAME}'\nsource = Source(name='x', url=(url,), revision='v1')\n"
    )
    after = "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"
    result = subprocess.run(
        [sys.executable, "-c", before + code + after],
        env=os.environ | own | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


LIST = """
shards = hub.list_shards(url, source)
print(json.dumps({
    "shards": [s.model_dump() for s in shards],
    "texts": [[row["text"] for row in hub.rows(s, source)] for s in shards],
}))
"""
REFUSED = """
try:
    hub.list_shards(url, source)
except SourceError as error:
    print(error)
"""


def test_a_dataset_of_the_hub_is_fixed_at_its_commit_and_its_sizes_cost_no_question(
    tmp_path: Path,
) -> None:
    files = {f"data/train-{i}.parquet": parquet(texts) for i, texts in enumerate(TEXTS)}
    with serving_dataset(files) as (address, asked):
        said = json.loads(on_the_hub(LIST, tmp_path, HF_ENDPOINT=address))
    assert said["texts"] == TEXTS
    assert [s["url"] for s in said["shards"]] == [f"hf://{NAME}#{i}-of-3" for i in range(3)]
    assert {s["version"] for s in said["shards"]} == {COMMIT}
    assert [s["size"] for s in said["shards"]] == [len(body) for body in files.values()]
    assert sum("blobs=true" in question for question in asked) == 1
    assert not [question for question in asked if "/main" in question]


def test_a_script_dataset_of_the_hub_is_refused_with_the_reason(tmp_path: Path) -> None:
    files = {"name.py": b"raise SystemExit('foreign code ran')\n"}
    with serving_dataset(files) as (address, _):
        said = on_the_hub(REFUSED, tmp_path, HF_ENDPOINT=address)
    assert said.startswith(f"{NAME}: got RuntimeError (Dataset scripts are no longer supported")
    assert "wanted a dataset without a loading script" in said
    assert "list the dataset's files in a url_list instead (see the recipe dolma-urls)" in said


def test_a_hub_that_is_silent_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(hub, "TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        source = Source(name="x", url=(f"hf://{NAME}",), revision="v1")
        started = time.monotonic()
        with pytest.raises(SourceError) as caught:
            hub.list_shards(f"hf://{NAME}", source)
    assert f"{NAME}: got ReadTimeout" in str(caught.value)
    assert "download the dataset and give its folder as url" in str(caught.value)
    assert time.monotonic() - started < 20


def test_a_name_that_holds_the_word_is_not_taken_for_a_script(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        hub.list_shards(str(tmp_path / "transcripts"), local(tmp_path / "transcripts"))
    assert "Script datasets" not in str(caught.value)
