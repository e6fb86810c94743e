"""A list of addresses whose server misbehaves: what a run makes of it, and the run after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
import xxhash

from schemas.errors import SourceError
from tasks import ledger
from tasks.recipe import load
from tests import corpora
from tests.tasks.storage.server import Page, Server

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.manifest import StageRecord

pytestmark = pytest.mark.usefixtures("prefect")
FILES = 12


@pytest.fixture
def stored(tmp_path: Path) -> list[bytes]:
    """Twelve files as somebody published them."""
    corpora.write_shards(tmp_path / "in", corpora.records("web", 600), FILES)
    return [path.read_bytes() for path in sorted((tmp_path / "in").iterdir())]


def recipe(folder: Path, place: str) -> Path:
    """A recipe that reads one source; some of its files are a unit of work together."""
    key, _, _ = place.partition(" ")
    path = folder / f"{key}.toml"
    path.write_text(
        f'name = "downloads"\n[ingest]\nunit_mb = 0.02\n[[ingest.sources]]\nname = "web"\n{place}\n'
    )
    return path


def listed(folder: Path, urls: list[str]) -> Path:
    (folder / "urls.txt").write_text("\n".join(urls) + "\n")
    return recipe(folder, f'url_list = "{folder}/urls.txt"')


def run(recipe: Path, out: Path) -> StageRecord:
    """Run as far as the decisions; return what was done of ingest."""
    from flows.pipeline import pipeline

    pipeline(load(str(recipe)), str(out), workers=1, goal="corpus")
    return ledger.read_run(str(out)).stages["ingest"]


def digests(out: Path) -> dict[str, str | None]:
    """Digest of every file by its name, as the manifest has them."""
    files = [file for shard in ledger.read(str(out), "ingest").shards for file in shard.inputs]
    return {file.url.rpartition("/")[2]: file.digest for file in files}


def named(bodies: list[bytes]) -> dict[str, str | None]:
    """What :func:`digests` should be."""
    return {f"part-{i:03d}.jsonl.gz": xxhash.xxh3_128_hexdigest(b) for i, b in enumerate(bodies)}


def bad_habits(bodies: list[bytes]) -> list[Page]:
    """Pages that end well, each in its own way; the last ones are plain."""
    tag, third = {"ETag": '"v1"'}, len(bodies[0]) // 3
    pages = [Page(body, {"ETag": f'"{i}"'}) for i, body in enumerate(bodies)]
    pages[0] = Page(bodies[0], tag, cuts=[third, third])
    pages[1] = Page(bodies[1], tag, cuts=[third], reset=True)
    pages[2] = Page(bodies[2], {"ETag": 'W/"weak"'}, cuts=[third])
    pages[3] = Page(bodies[3], tag, cuts=[third] * 2, chunked=True)
    pages[4] = Page(bodies[4], tag | {"Retry-After": "0"}, statuses=[429, 503], cuts=[third])
    pages[5] = Page(bodies[5], cuts=[third], head_statuses=[405] * 9)
    pages[6] = Page(bodies[6], tag | {"Content-Encoding": "gzip"}, cuts=[third])
    pages[7] = Page(bodies[7], tag, cuts=[third], ranges=False)
    pages[8] = Page(bodies[8], tag, cuts=[len(bodies[8]) // 10] * 9)
    pages[9] = Page(bodies[9], tag, cuts=[third], said_range="bytes 0-1/2")
    return pages


def put(server: Server, pages: list[Page]) -> list[str]:
    return [server.put(f"/part-{i:03d}.jsonl.gz", page) for i, page in enumerate(pages)]


def test_a_server_that_misbehaves_gives_what_the_disk_gives(
    server: Server, stored: list[bytes], tmp_path: Path
) -> None:
    urls = put(server, bad_habits(stored))
    fetched = run(listed(tmp_path, urls), tmp_path / "web")
    read = run(recipe(tmp_path, f'url = "{tmp_path}/in"'), tmp_path / "disk")
    assert fetched.rows_out == read.rows_out == 600
    assert fetched.digest == read.digest
    assert digests(tmp_path / "web") == digests(tmp_path / "disk") == named(stored)
    assert server.count("GET") > 2 * FILES
    assert not list((tmp_path / "web").rglob("*.part"))


def test_a_file_that_never_comes_is_named_and_what_came_is_kept(
    server: Server, stored: list[bytes], tmp_path: Path
) -> None:
    pages = [Page(body, {"ETag": f'"{i}"'}) for i, body in enumerate(stored)]
    urls, half = put(server, pages), len(stored[5]) // 2
    pages[5].cuts, pages[5].statuses = [half], [200] + [500] * 9
    sources, out = listed(tmp_path, urls), tmp_path / "out"
    with pytest.raises(SourceError) as caught:
        run(sources, out)
    assert caught.value.exit_code == 3
    assert f"{urls[5]}: got HTTP status 500 Internal Server Error in each of 4" in str(caught.value)
    assert f"after {half:,} of {len(stored[5]):,} bytes" in str(caught.value)
    kept = list((out / "documents").glob("*.parquet"))
    assert 0 < pl.read_parquet(kept).height < 600
    assert not (out / "documents" / "manifest.json").exists()

    pages[5].statuses.clear()
    server.ranges.clear()
    mended = run(sources, out)
    assert (mended.rows_out, mended.shards_reused) == (600, len(kept))
    assert f"bytes={half}-" in server.ranges, "what had come is not asked for again"
    assert len(server.ranges) < FILES
    assert digests(out) == named(stored)
    assert not list(out.rglob("*.part"))
