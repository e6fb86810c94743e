from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING

import pytest

from schemas.config import IngestConfig, Source
from schemas.errors import OpenmoatError, SourceError
from schemas.manifest import InputFile
from tasks import storage
from tasks.inputs import UnitReader, list_units
from tasks.storage import download
from tests.tasks.ingest.reading import lines, numbered
from tests.tasks.storage.server import Page, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = numbered(2_000)
BODY = gzip.compress(lines(ROWS))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as found:
        yield found


def texts(url: str, scratch: Path) -> list[str]:
    source = Source(name="web", url=(url,))
    found = []
    for unit in list_units(IngestConfig(sources=(source,))).units:
        reader = UnitReader(unit, source, scratch=str(scratch))
        for documents, rejects in reader.batches():
            assert rejects.num_rows == 0
            found += documents.column("text").to_pylist()
    assert list(scratch.iterdir()) == []
    return found


EXPECTED = [row["text"] for row in ROWS]


def test_a_file_is_identified_then_read_whole(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, {"ETag": '"v1"'}))
    assert download.identify(url) == InputFile(url=url, size=len(BODY), version='"v1"')
    assert texts(url, tmp_path / "scratch") == EXPECTED
    assert server.count("GET") == 1


def test_a_changed_tag_makes_another_unit(server: Server) -> None:
    url = server.put("/a.jsonl", Page(BODY, {"ETag": '"v1"'}))
    source = Source(name="web", url=(url,))
    (one,) = list_units(IngestConfig(sources=(source,))).units
    server.pages["/a.jsonl"].headers["ETag"] = '"v2"'
    (two,) = list_units(IngestConfig(sources=(source,))).units
    assert one.key != two.key


@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_that_refuses_head_is_asked_by_get(
    server: Server, tmp_path: Path, status: int
) -> None:
    page = Page(
        BODY, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, head_statuses=[status] * 9
    )
    url = server.put("/a.json.gz", page)
    found = download.identify(url)
    assert (found.size, found.version) == (len(BODY), "Thu, 01 Jan 2026 00:00:00 GMT")
    assert texts(url, tmp_path) == EXPECTED


def test_trouble_that_passes(server: Server, tmp_path: Path) -> None:
    page = Page(BODY, statuses=[500, 429], head_statuses=[503], cuts=[5_000])
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert (server.count("HEAD"), server.count("GET")) == (2, 4)


def test_a_dropped_connection_is_tried_again_from_the_start(server: Server, tmp_path: Path) -> None:
    page = Page(BODY, cuts=[len(BODY) // 2, 10])
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert server.count("GET") == 3


def test_a_redirect_is_followed_and_the_address_stays(server: Server, tmp_path: Path) -> None:
    server.put("/new.json.gz", Page(BODY))
    moved = Page(b"", {"Location": "/new.json.gz"}, statuses=[302] * 9, head_statuses=[302] * 9)
    url = server.put("/old.json.gz", moved)
    assert download.identify(url).url == url
    assert texts(url, tmp_path) == EXPECTED


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_a_server_that_calls_gzip_an_encoding(
    server: Server, tmp_path: Path, encoding: str
) -> None:
    members = gzip.compress(lines(ROWS[:900])) + gzip.compress(lines(ROWS[900:]))
    page = Page(members, {"Content-Encoding": encoding})
    assert texts(server.put("/a.jsonl", page), tmp_path) == EXPECTED


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (None, "HTTP status 404"),
        (Page(BODY, head_statuses=[500] * 9), "HTTP status 500 Internal Server Error in each of 4"),
        (Page(BODY, statuses=[500] * 9), "HTTP status 500"),
        (Page(BODY, cuts=[100] * 9), "in each of 4 attempts"),
        (Page(BODY, statuses=[401] * 9), "HTTP status 401 Unauthorized"),
        (Page(BODY, {"Content-Encoding": "br"}), "'br'"),
        (
            Page(b"", {"Location": "/a.jsonl"}, statuses=[302] * 99, head_statuses=[302] * 99),
            "redirects",
        ),
    ],
)
def test_trouble_that_stays_stops_with_the_address_and_the_way_out(
    server: Server, tmp_path: Path, page: Page | None, said: str
) -> None:
    url = f"{server.address}/a.jsonl" if page is None else server.put("/a.jsonl", page)
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        texts(url, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{url}: got ")
    assert said in message
    assert "Check the address in a browser" in message
    assert caught.value.exit_code == 3
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.jsonl", "https://", "http://[::bad/a.jsonl"])
def test_no_server_at_all(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(SourceError, match="Check the address"):
        download.identify(url)


def test_a_file_that_changed_since_it_was_listed(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.jsonl", Page(BODY, {"ETag": '"v1"'}))
    listed = download.identify(url)
    server.pages["/a.jsonl"].headers["ETag"] = '"v2"'
    with (
        pytest.raises(SourceError, match="another file than the one that was listed"),
        storage.open_input(listed, scratch=str(tmp_path)),
    ):
        pass


def test_the_start_of_a_file(server: Server) -> None:
    url = server.put("/a.jsonl", Page(BODY, statuses=[503]))
    file = InputFile(url=url)
    assert storage.head(file, 100) == BODY[:100]
    assert storage.head(file, -1) == BODY
    assert storage.head(file, 10**9) == BODY


def test_a_scratch_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    url = server.put("/a.jsonl", Page(BODY))
    with (
        pytest.raises(OpenmoatError, match="wanted a place to write to"),
        storage.open_input(InputFile(url=url), scratch=str(tmp_path / "file" / "x")),
    ):
        pass


def test_a_list_of_addresses(server: Server, tmp_path: Path) -> None:
    urls = [server.put(f"/{i}.json.gz", Page(gzip.compress(lines([ROWS[i]])))) for i in range(40)]
    (tmp_path / "local.jsonl").write_bytes(lines([{"text": "here"}]))
    body = "\ufeff# Dolma\r\n\r\n" + "\r\n".join(urls) + "\r\n  local.jsonl  \n" + urls[3] + "\n"
    (tmp_path / "urls.txt").write_text(body, newline="")
    source = Source(name="web", url_list=str(tmp_path / "urls.txt"))
    units = list_units(IngestConfig(sources=(source,))).units
    listed = sorted(f.url for u in units for f in u.files)
    assert listed == sorted([*urls, str(tmp_path / "local.jsonl")])
    server.pages.pop("/17.json.gz")
    with pytest.raises(SourceError, match=r"/17\.json\.gz: got HTTP status 404"):
        list_units(IngestConfig(sources=(source,)))
