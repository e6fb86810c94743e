from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, not of the code.
settings.register_profile("openmoat", deadline=None)
settings.load_profile("openmoat")

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tasks.storage.server import Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine that may misbehave, and a client that does not pause for long."""
    from tasks.storage import attempts
    from tests.tasks.storage.server import serving

    monkeypatch.setattr(attempts, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Give flows a server and a database of their own, once a session: starting takes long."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield
