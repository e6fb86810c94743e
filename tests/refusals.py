"""Commands that have to refuse, run in this process: a new one takes a second each."""

from __future__ import annotations

from typer.testing import CliRunner

from flows.cli import app
from schemas.errors import OpenmoatError


def refusal(command: str, *arguments: object) -> str:
    """Run a command that has to stop with exit code 2, in this process; return what it says."""
    result = CliRunner().invoke(app, [command, *map(str, arguments)])
    if isinstance(result.exception, OpenmoatError):
        assert result.exception.exit_code == 2
        return str(result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    return " ".join(result.output.split())
