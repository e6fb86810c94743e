from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses import public
from schemas.config import IngestConfig, Source
from schemas.errors import OpenmoatError, SourceError
from schemas.manifest import InputFile
from tasks import storage
from tasks.inputs import list_units
from tasks.storage import answers, attempts, download, partial
from tests.tasks.ingest.reading import lines, numbered
from tests.tasks.storage.server import Page, Server, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = numbered(2_000)
BODY = gzip.compress(lines(ROWS))


def stored(url: str, scratch: Path) -> bytes:
    """The bytes as a run gets them: listed, then fetched; nothing of them is left lying."""
    (file,) = storage.list_inputs(url, where="here")
    with storage.open_input(file, scratch=str(scratch)) as raw:
        body = raw.read()
        assert raw.finish() == xxhash.xxh3_128_hexdigest(body)
    assert list(scratch.iterdir()) == []
    return body


def texts(url: str, scratch: Path) -> list[str]:
    return [json.loads(line)["text"] for line in gzip.decompress(stored(url, scratch)).splitlines()]


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


def test_without_tag_or_date_a_dropped_connection_is_tried_from_the_start(
    server: Server, tmp_path: Path
) -> None:
    page = Page(BODY, cuts=[len(BODY) // 2, 10])
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert server.ranges == [None] * 3


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
        (Page(BODY, cuts=[100] * 9), "in each of 4 attempts, after 100 of "),
        (Page(BODY, chunked=True, cuts=[100] * 9), "in each of 4 attempts, after 100 of "),
        (Page(BODY, cuts=[100] * 9, reset=True), "in each of 4 attempts"),
        (Page(BODY, said_length=len(BODY) + 9), "in each of 4 attempts"),
        (Page(BODY, statuses=[204]), "HTTP status 204 No Content"),
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
    monkeypatch.setattr(attempts, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(SourceError, match="Check the address"):
        download.identify(url)


def test_a_file_that_changed_since_it_was_listed(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.jsonl", Page(BODY, {"ETag": '"v1"'}))
    listed = download.identify(url)
    server.pages["/a.jsonl"].headers["ETag"] = '"v2"'
    with (
        pytest.raises(SourceError, match=r'than the one that was listed \("v2" instead of "v1"\)'),
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


# --- going on where it broke off -------------------------------------------------------------

TAG = {"ETag": '"v1"'}
DATE = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
HALF = len(BODY) // 2


@settings(max_examples=25)
@given(
    drops=st.lists(st.floats(0.02, 0.2), min_size=1, max_size=8),
    headers=st.sampled_from([TAG, DATE, TAG | DATE]),
    chunked=st.booleans(),
)
def test_however_often_it_drops_no_byte_is_missing_or_doubled(
    server_of_all: Server,
    tmp_path_factory: pytest.TempPathFactory,
    drops: list[float],
    headers: dict[str, str],
    *,
    chunked: bool,
) -> None:
    cuts = [int(share * len(BODY)) for share in drops]
    page = Page(BODY, headers, cuts=list(cuts), chunked=chunked)
    url = server_of_all.put(f"/{len(server_of_all.requests)}.json.gz", page)
    server_of_all.ranges.clear()
    assert stored(url, tmp_path_factory.mktemp("scratch")) == BODY
    ends = [sum(cuts[: i + 1]) for i in range(len(cuts))]
    ends = [end for end in ends if end < len(BODY)]
    assert server_of_all.ranges == [None, *(f"bytes={end}-" for end in ends)]


@pytest.fixture(scope="module")
def server_of_all() -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch, serving() as found:
        patch.setattr(attempts, "PAUSE_SECONDS", 0.001)
        patch.setenv("no_proxy", "127.0.0.1")
        yield found


@pytest.mark.parametrize("tag", ['W/"v1"', "v1"])
def test_a_weak_tag_proves_nothing(server: Server, tmp_path: Path, tag: str) -> None:
    url = server.put("/a.json.gz", Page(BODY, DATE | {"ETag": tag}, cuts=[HALF]))
    assert texts(url, tmp_path) == EXPECTED
    assert server.ranges == [None, None]


def test_a_reset_in_the_middle(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[HALF], reset=True))
    assert texts(url, tmp_path) == EXPECTED
    assert server.ranges == [None, f"bytes={HALF}-"]


def test_trouble_between_two_pieces_keeps_the_first(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[HALF], statuses=[200, 503, 429]))
    assert texts(url, tmp_path) == EXPECTED
    assert server.ranges == [None] + [f"bytes={HALF}-"] * 3


def test_a_server_that_knows_no_ranges(server: Server, tmp_path: Path) -> None:
    page = Page(BODY, TAG, cuts=[HALF, HALF], ranges=False)
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert server.ranges == [None, f"bytes={HALF}-", None]


@pytest.mark.parametrize(
    "said",
    [f"bytes 0-{len(BODY) - 1}/{len(BODY)}", f"bytes {HALF + 1}-{len(BODY) - 1}/*", "bytes", ""],
)
def test_a_range_that_is_not_the_one_asked_for(server: Server, tmp_path: Path, said: str) -> None:
    page = Page(BODY, TAG, cuts=[HALF], said_range=said or " ")
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert server.ranges == [None, f"bytes={HALF}-", None]


def test_all_came_but_the_end_was_not_told(server: Server, tmp_path: Path) -> None:
    page = Page(BODY, TAG, chunked=True, cuts=[len(BODY)], head_statuses=[405])
    url = server.put("/a.json.gz", page)
    with storage.open_input(InputFile(url=url, version='"v1"'), scratch=str(tmp_path)) as raw:
        assert raw.read() == BODY
    assert server.ranges == [None, f"bytes={len(BODY)}-"]


@pytest.mark.parametrize(
    "then",
    [
        Page(b"?" * len(BODY), {"ETag": '"v2"'}),
        Page(b"?" * (len(BODY) + 1), TAG),
        Page(b"?" * HALF, TAG),
        Page(b"?" * len(BODY), {"ETag": '"v2"'}, ranges=False),
    ],
)
def test_a_file_that_changes_between_two_pieces(server: Server, tmp_path: Path, then: Page) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[HALF], then=then))
    with pytest.raises(SourceError, match="another file than the one that was listed"):
        stored(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_gives_a_little_each_time_is_followed_to_the_end(
    server: Server, tmp_path: Path
) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[len(BODY) // 30] * 30))
    assert texts(url, tmp_path) == EXPECTED
    assert server.count("GET") == 31


def test_a_server_that_gives_a_byte_each_time_is_not(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[1] * len(BODY)))
    with pytest.raises(SourceError, match="in each of 4 attempts, after 4 of"):
        stored(url, tmp_path)
    assert server.count("GET") == 4


def test_a_connection_that_crawls_counts_as_dropped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "TIMEOUT_SECONDS", 0.05)
    url = server.put("/a.json.gz", Page(BODY, TAG, drip=0.01))
    with pytest.raises(SourceError, match=r"ReadTimeout \(\d+ bytes in 0 seconds\) in each of 4"):
        stored(url, tmp_path)


def test_a_server_is_waited_for_as_it_wishes(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    page = Page(BODY, {"Retry-After": "7"}, statuses=[429, 503])
    assert texts(server.put("/a.json.gz", page), tmp_path) == EXPECTED
    assert waited.count(7.0) == 2


# --- what is left for the next run -----------------------------------------------------------


def broken_off(server: Server, scratch: Path, headers: dict[str, str]) -> str:
    """Fetch half of a file; then its server is gone."""
    url = server.put("/a.json.gz", Page(BODY, headers, cuts=[HALF], statuses=[200] + [500] * 4))
    with pytest.raises(SourceError, match="HTTP status 500"):
        stored(url, scratch)
    server.ranges.clear()
    return url


@pytest.mark.parametrize("headers", [TAG, DATE])
def test_the_next_run_goes_on(server: Server, tmp_path: Path, headers: dict[str, str]) -> None:
    url = broken_off(server, tmp_path, headers)
    (left,) = tmp_path.iterdir()
    assert left.stat().st_size == HALF
    assert "json" not in left.name, "an address never forms a path"
    assert texts(url, tmp_path) == EXPECTED
    assert server.ranges == [f"bytes={HALF}-"]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}])
def test_what_cannot_be_told_apart_from_another_version_is_not_kept(
    server: Server, tmp_path: Path, headers: dict[str, str]
) -> None:
    url = broken_off(server, tmp_path, headers)
    assert list(tmp_path.iterdir()) == []
    assert texts(url, tmp_path) == EXPECTED


def test_what_is_not_confirmed_by_the_answer_is_not_kept(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, cuts=[HALF], statuses=[200] + [500] * 4))
    listed = InputFile(url=url, size=len(BODY), version='"v1"')
    with pytest.raises(SourceError), storage.open_input(listed, scratch=str(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_version_starts_anew_and_the_old_one_goes(server: Server, tmp_path: Path) -> None:
    url = broken_off(server, tmp_path, TAG)
    server.put("/a.json.gz", Page(BODY, {"ETag": '"v2"'}))
    assert texts(url, tmp_path) == EXPECTED
    assert server.ranges == [None]


def test_a_whole_file_whose_reading_was_broken_off_is_not_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG))
    with (
        pytest.raises(ZeroDivisionError),
        storage.open_input(download.identify(url), scratch=str(tmp_path)),
    ):
        raise ZeroDivisionError
    assert texts(url, tmp_path) == EXPECTED
    assert server.count("GET") == 1


def test_a_killed_process_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, drip=0.001))
    code = (
        "import sys\nfrom tasks import storage\nfrom tasks.storage import download\n"
        "file = download.identify(sys.argv[1])\n"
        "with storage.open_input(file, scratch=sys.argv[2]): pass\n"
    )
    scratch = tmp_path / "scratch"
    process = subprocess.Popen([sys.executable, "-c", code, url, str(scratch)])
    deadline = time.monotonic() + 60
    while not [p for p in scratch.glob("*") if p.stat().st_size > 10]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (left,) = scratch.iterdir()
    have = left.stat().st_size
    storage.sweep_temporaries(str(tmp_path))
    server.put("/a.json.gz", Page(BODY, TAG))
    assert texts(url, scratch) == EXPECTED
    assert server.ranges == [None, f"bytes={have}-"]


def test_two_workers_never_write_into_one(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, TAG, cuts=[HALF]))
    file = download.identify(url)
    found: list[bytes] = []

    def work() -> None:
        with storage.open_input(file, scratch=str(tmp_path)) as raw:
            found.append(raw.read())
            together.wait(10)

    together = threading.Barrier(4)
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [BODY] * 4
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_needs_any_more_is_cleared(server: Server, tmp_path: Path) -> None:
    broken_off(server, tmp_path, TAG)
    url = server.put("/b.json.gz", Page(BODY, TAG))
    (tmp_path / "mixture-1").mkdir()
    with storage.open_input(download.identify(url), scratch=str(tmp_path)) as raw:
        partial.clear(str(tmp_path))
        assert raw.read() == BODY
        assert len(list(tmp_path.glob("*.part"))) == 1, "the one in hand"
    assert [p.name for p in tmp_path.iterdir()] == ["mixture-1"]
    partial.clear(str(tmp_path / "nowhere"))


def test_a_full_disk_gets_its_room_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = partial.Partial.write

    def write(self: partial.Partial, data: bytes) -> None:
        whole(self, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(partial.Partial, "write", write)
    url = server.put("/a.json.gz", Page(BODY, TAG))
    with pytest.raises(OpenmoatError, match="got a full disk"):
        stored(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- what servers say that is not so ---------------------------------------------------------

EXCUSE = b"\n<!DOCTYPE html><title>Sign in</title>"


@pytest.mark.parametrize("name", ["a.json.gz", "a.zip", "a.csv", "a.tar", "a.jsonl.zst?x=1"])
def test_a_web_page_in_the_place_of_data(server: Server, tmp_path: Path, name: str) -> None:
    page = Page(EXCUSE, {"Content-Type": "text/html; charset=utf-8"})
    server.put(f"/{name.partition('?')[0]}", page)
    server.put("/login", page)
    url = f"{server.address}/{name}"
    with pytest.raises(SourceError) as caught:
        stored(url, tmp_path)
    assert f"{url}: got a web page ({url.partition('?')[0]}), wanted a data file" in str(
        caught.value
    )
    moved = Page(headers={"Location": "/login"}, statuses=[302], head_statuses=[302])
    server.put(f"/{name.partition('?')[0]}", moved)
    with pytest.raises(SourceError, match=r"got a web page \(.*/login\)"):
        stored(url, tmp_path)


def test_a_web_page_only_where_the_file_was_listed_is_called_by_its_name(
    server: Server, tmp_path: Path
) -> None:
    page = Page(EXCUSE, {"Content-Type": "text/html"}, head_length=len(BODY))
    with pytest.raises(SourceError, match="got a web page"):
        stored(server.put("/a.json.gz", page), tmp_path)


def test_data_that_its_server_calls_a_web_page_is_read(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, {"Content-Type": "text/html"}))
    assert texts(url, tmp_path) == EXPECTED
    url = server.put("/a.html", Page(EXCUSE, {"Content-Type": "text/html"}))
    assert stored(url, tmp_path) == EXCUSE


def test_a_length_of_nothing_is_not_believed(server: Server, tmp_path: Path) -> None:
    url = server.put("/a.json.gz", Page(BODY, head_length=0))
    assert download.identify(url).size == len(BODY)
    assert texts(url, tmp_path) == EXPECTED
    assert stored(server.put("/empty.jsonl", Page(b"")), tmp_path) == b""


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(BODY, head_length=10), f"listed ({len(BODY):,} bytes instead of 10)"),
        (Page(BODY, head_length=10, chunked=True), "more than the 10 bytes that were announced"),
        (Page(BODY, DATE, then=None, head_length=10**9), "bytes instead of 1,000,000,000"),
    ],
)
def test_lengths_that_contradict_each_other(
    server: Server, tmp_path: Path, page: Page, said: str
) -> None:
    url = server.put("/a.json.gz", page)
    with pytest.raises(SourceError) as caught:
        stored(url, tmp_path)
    assert said in str(caught.value)
    assert server.count("GET") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_tag_that_is_weak_at_times_and_one_that_is_missing_at_times(
    server: Server, tmp_path: Path
) -> None:
    for headers in ({"ETag": 'W/"v1"'}, DATE, {}):
        url = server.put("/a.json.gz", Page(BODY, headers))
        for version in ('"v1"', DATE["Last-Modified"]):
            listed = InputFile(url=url, size=len(BODY), version=version)
            with storage.open_input(listed, scratch=str(tmp_path)) as raw:
                assert raw.read() == BODY


def test_a_redirect_never_leaves_encryption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"Location": "http://mirror.example/a.jsonl?sig=1"})
        return httpx.Response(200, content=BODY)

    open_road = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)
    monkeypatch.setattr(download, "client", lambda: open_road)
    for look in (download.identify, lambda url: storage.head(InputFile(url=url), 5)):
        with pytest.raises(SourceError) as caught:
            look("https://host.example/a.jsonl")
        assert str(caught.value).startswith(
            "https://host.example/a.jsonl: got a redirect to http://mirror.example/a.jsonl, which"
        )
    with pytest.raises(SourceError, match="not encrypted"):
        stored("https://host.example/a.jsonl", tmp_path)


# --- addresses that open the file to whoever has them ----------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/a%20b.gz?part=1&x=%2F", None),
        ("https://h.example/a.gz", None),
        ("http://[::bad/a.jsonl", None),
        ("https://h.example/a.gz?X-Amz-Date=1&X-Amz-Signature=s&part=1", "?part=1"),
        ("https://h.example/a.gz?token=abc", ""),
        ("https://h.example/a.gz?sv=1&se=2&sr=b&sp=r&sig=s&snapshot=3", "?snapshot=3"),
        ("https://h.example/a.gz?sr=1", None),
    ],
)
def test_signatures_are_not_shown(url: str, shown: str | None) -> None:
    assert public(url) == (url if shown is None else f"https://h.example/a.gz{shown}")


def test_an_error_shows_no_signature(server: Server) -> None:
    with pytest.raises(SourceError) as caught:
        download.identify(f"{server.address}/gone.jsonl?token=geheim")
    assert "geheim" not in str(caught.value)
    assert str(caught.value).startswith(f"{server.address}/gone.jsonl: got HTTP status 404")
