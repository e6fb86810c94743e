"""How Prefect runs for the command line: on its own, no telemetry, no chatter."""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import shutil
import sqlite3
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

from schemas.errors import OpenmoatError

OPT_IN = "OPENMOAT_PREFECT"
"""Set to ``own``, the user's Prefect (server, profile, database) records the runs."""
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
ELSEWHERE = (
    "PREFECT_PROFILE",
    "PREFECT_API_URL",  # unset and not empty: with an empty one Prefect loses its events
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_LOGGING_SETTINGS_PATH",
    "PREFECT_LOCAL_STORAGE_PATH",
    "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
)
"""What would lead a run to another server, database, profile or folder of the user's."""
CHATTY = ("EventsWorker", "APILogWorker")
"""Loggers of Prefect outside of ``prefect``: they warn of what is still queued at the end."""


def quiet_prefect() -> None:
    """Keep Prefect to itself; must come before it is imported.

    A run depends on neither the user's home, profile nor server: what Prefect notes down lies in a
    temporary folder that is removed at the end (its tables are kept for the next run, where
    there is a cache folder). With ``OPENMOAT_PREFECT=own`` only what the user
    has not set is set. Raises :class:`OpenmoatError` where no temporary folder can be made.
    """
    # Here and not where it is imported: filters that are set beside another import may be lost.
    warnings.filterwarnings("ignore", module=r"pydantic\.")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if os.environ.get(OPT_IN) == "own":
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        return
    for name in ELSEWHERE:
        os.environ.pop(name, None)
    home = Path(_home().name)
    os.environ.update(QUIET)
    os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
    os.environ["PREFECT_HOME"] = str(home)
    os.environ["PREFECT_PROFILES_PATH"] = str(home / "profiles.toml")


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    """One folder a process. It is removed at exit, after what Prefect does there: it came first."""
    try:
        home = tempfile.TemporaryDirectory(prefix="openmoat-prefect-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OpenmoatError(
            "temporary files",
            got=error.strerror or str(error),
            wanted="a folder for them",
            way_out="Set TMPDIR to a folder that can be written to.",
        ) from error
    database, kept = Path(home.name) / "prefect.db", _kept_database()
    with contextlib.suppress(OSError):
        shutil.copyfile(kept, database)
        return home
    database.unlink(missing_ok=True)
    atexit.register(_keep_database, database, kept)
    return home


def _kept_database() -> Path:
    """Where a database with all tables is kept, because making them takes eight seconds."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(cache) / "openmoat" / f"prefect-{version('prefect')}.db"


def _keep_database(database: Path, kept: Path) -> None:
    """Put a copy of a run's database where the next run finds it, if that can be done."""
    half = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError, sqlite3.Error):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as made,
            contextlib.closing(sqlite3.connect(half)) as copy,
        ):
            if not made.execute("SELECT count(*) FROM alembic_version").fetchone()[0]:
                return
            made.backup(copy)
        half.replace(kept)
    with contextlib.suppress(OSError):
        half.unlink(missing_ok=True)
