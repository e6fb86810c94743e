"""How Prefect runs for the command line: no server needed, no telemetry, no chatter."""

from __future__ import annotations

import os

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    # The in-process server logs apart, and stopping it can cut off its recorder with a traceback.
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    # The first flow on a new database takes longer than Prefect's own 20 seconds on two cores.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def quiet_prefect() -> None:
    """Set what the user has not set; must come before Prefect is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
