"""A small Hub: one dataset at one commit, with the answers that ``datasets`` asks for."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "owner/name"
COMMIT = "c0ffee" + "0" * 34


def listing(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Files and folders as the Hub lists them."""
    folders = {path.rpartition("/")[0] for path in files} - {""}
    found: list[dict[str, Any]] = [
        {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in folders
    ]
    return found + [
        {"type": "file", "path": path, "oid": "1" * 40, "size": len(body)}
        for path, body in files.items()
    ]


@contextlib.contextmanager
def serving_dataset(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve a dataset whose tag ``v1`` is COMMIT; yield the address and what is asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            path = urlsplit(self.path).path
            if path in (f"/api/datasets/{NAME}/revision/{at}" for at in ("v1", COMMIT)):
                siblings = [{"rfilename": p, "size": len(body)} for p, body in files.items()]
                self.give(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode())
            elif path.startswith(f"/api/datasets/{NAME}/tree/{COMMIT}"):
                below = path.removeprefix(f"/api/datasets/{NAME}/tree/{COMMIT}").strip("/")
                entries = [e for e in listing(files) if e["path"].startswith(below)]
                self.give(json.dumps([e for e in entries if e["path"] != below]).encode())
            else:
                name = path.removeprefix(f"/datasets/{NAME}/resolve/{COMMIT}/")
                self.give(files.get(name))

        def do_HEAD(self) -> None:
            self.do_GET()

        def give(self, body: bytes | None) -> None:
            part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            whole = body or b""
            first, last = (int(part[1]), int(part[2] or len(whole) - 1)) if part else (0, None)
            given = whole if last is None else whole[first : last + 1]
            self.send_response(404 if body is None else 206 if part else 200)
            if body is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            if part:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(whole)}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{len(whole)}"')
            self.send_header("Content-Length", str(len(given)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(given)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
