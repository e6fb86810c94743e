"""A line from the depth of a stage to whoever watches: documents and bytes done."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watcher(Protocol):
    """What the command line gives to :func:`watched_by`."""

    def expect(self, stage: str, n_bytes: int) -> None:
        """Say that a stage begins, and how many input bytes it will read."""

    def advance(self, stage: str, *, documents: int, n_bytes: int) -> None:
        """Say that a stage has done so many more documents and input bytes."""

    def say(self, line: str) -> None:
        """Show a line of what goes on."""


_watchers: list[Watcher] = []


@contextlib.contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Send what stages of this process say to ``watcher`` while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def expect(stage: str, n_bytes: int) -> None:
    """Announce a stage's work."""
    for watcher in _watchers:
        watcher.expect(stage, n_bytes)


def advance(stage: str, *, documents: int, n_bytes: int) -> None:
    """Report work done."""
    for watcher in _watchers:
        watcher.advance(stage, documents=documents, n_bytes=n_bytes)


def say(line: str) -> None:
    """Tell in a line what goes on."""
    for watcher in _watchers:
        watcher.say(line)
