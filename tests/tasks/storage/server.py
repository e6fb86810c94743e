"""A small web server with the bad habits of large ones."""

from __future__ import annotations

import contextlib
import threading
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
    """Bytes after which the connection is dropped."""
    said_length: int | None = None
    head_length: bool = True


class Server:
    """Pages by path, and every request that came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str]] = []

    def put(self, path: str, page: Page) -> str:
        self.pages[path] = page
        return f"{self.address}{path}"

    def count(self, method: str) -> int:
        return sum(m == method for m, _ in self.requests)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.answer(head=True)

        def do_GET(self) -> None:
            self.answer(head=False)

        def answer(self, *, head: bool) -> None:
            path = self.path.partition("?")[0]
            found.requests.append((self.command, path))
            page = found.pages.get(path)
            statuses = [] if page is None else page.head_statuses if head else page.statuses
            status = statuses.pop(0) if statuses else 200 if page else 404
            self.send_response(status)
            if page is None or status >= 400:
                self.send_header("content-length", "0")
                self.end_headers()
                return
            for name, value in page.headers.items():
                self.send_header(name, value)
            length = len(page.body) if page.said_length is None else page.said_length
            if page.head_length or not head:
                self.send_header("content-length", str(length))
            self.end_headers()
            if head:
                return
            cut = page.cuts.pop(0) if page.cuts else None
            with contextlib.suppress(OSError):
                self.wfile.write(page.body[:cut])
            if cut is not None or length != len(page.body):
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Server(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
