"""The version that runs."""

from __future__ import annotations

from importlib.metadata import version


def installed() -> str:
    """Version of the installed distribution."""
    return version("openmoat")
