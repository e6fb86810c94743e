"""A small web server with the bad habits of large ones."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Page:
    """What a path answers. ``statuses`` and ``cuts`` are used up, one a GET (HEAD) at a time."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    head_statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    """Bytes of an answer after which the connection is dropped."""
    said_length: int | None = None
    head_length: int | None = None
    ranges: bool = True
    """Whether it answers ``Range`` with the rest, when ``If-Range`` fits its tag or date."""
    said_range: str | None = None
    """What ``Content-Range`` is told instead of the truth."""
    chunked: bool = False
    reset: bool = False
    """Dropped connections are reset instead of closed."""
    drip: float = 0.0
    """Seconds between two bytes."""
    then: Page | None = None
    """What the path answers after the first GET."""

    @property
    def validator(self) -> str | None:
        return self.headers.get("ETag") or self.headers.get("Last-Modified")


class Server:
    """Pages by path, and every request that came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str]] = []
        self.ranges: list[str | None] = []
        """What each GET asked for as ``Range``."""

    def put(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return f"{self.address}{path}"

    def count(self, method: str) -> int:
        return sum(m == method for m, _ in self.requests)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    found: Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.found.ranges.append(self.headers.get("Range"))
        self.answer(head=False)

    def answer(self, *, head: bool) -> None:
        path = self.path.partition("?")[0]
        self.found.requests.append((self.command, path))
        page = self.found.pages.get(path)
        statuses = [] if page is None else page.head_statuses if head else page.statuses
        status = statuses.pop(0) if statuses else 200 if page else 404
        if page is None or status >= 400:
            self.send_response(status)
            for name, value in {} if page is None else page.headers.items():
                if name == "Retry-After":
                    self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if page.then is not None and not head:
            self.found.pages[path] = page.then
        self.give(page, status, 0 if head or status != 200 else self.first_byte(page), head=head)

    def first_byte(self, page: Page) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fits = self.headers.get("If-Range") in (None, page.validator)
        return int(asked[1]) if asked and page.ranges and fits else 0

    def give(self, page: Page, status: int, start: int, *, head: bool) -> None:
        whole = len(page.body)
        body = page.body[start:]
        if start:
            status = 206 if body else 416
        self.send_response(status)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if start:
            told = f"bytes {start}-{whole - 1}/{whole}" if body else f"bytes */{whole}"
            self.send_header("content-range", page.said_range or told)
        length = len(body) if page.said_length is None else page.said_length
        if head and page.head_length is not None:
            length = page.head_length
        if page.chunked and not head:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(length))
        self.end_headers()
        if not head:
            cut = page.cuts.pop(0) if page.cuts else None
            with contextlib.suppress(OSError):
                self.send_body(body[:cut], page, broken=cut is not None)
            if cut is not None or length != len(body):
                self.drop(page)

    def send_body(self, body: bytes, page: Page, *, broken: bool) -> None:
        if page.drip:
            for i in range(len(body)):
                self.wfile.write(body[i : i + 1])
                time.sleep(page.drip)
        elif page.chunked:
            if body:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))
            if not broken:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(body)

    def drop(self, page: Page) -> None:
        self.close_connection = True
        if page.reset:
            time.sleep(0.05)  # what was sent arrives before the reset throws the rest away
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.wfile.close()
            self.rfile.close()
            self.connection.close()


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients hang up here; that is no news."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    class Own(Handler):
        pass

    with Quiet(("127.0.0.1", 0), Own) as server:
        Own.found = Server(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Own.found
        finally:
            server.shutdown()
            thread.join()
