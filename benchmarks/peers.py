"""The environment in which other programs run: never openmoat's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measuring import ROOT, SHOWN, note
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from pathlib import Path

PINNED = ROOT / "benchmarks" / "requirements-peers.txt"
PLACE = ROOT / ".venv-peers"
PEERS = ("datatrove", "datasets")
_VERSIONS = f"""\
import json
from importlib.metadata import version
print(json.dumps({{name: version(name) for name in {PEERS}}}))
"""


def interpreter(named: str | None) -> str:
    """The Python that has the peers: the one that is named, or one made on demand in PLACE."""
    if named is not None:
        return named
    python, stamp = PLACE / "bin" / "python", PLACE / PINNED.name
    if not _is_current(stamp):
        note(f"Setting up {PLACE}: a minute or two, about 450 MB")
        shutil.rmtree(PLACE, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(PLACE))
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "-qq")
        _run(*pip, "install", "-r", str(PINNED))
        stamp.write_bytes(PINNED.read_bytes())
    return str(python)


def versions(python: str) -> dict[str, str]:
    """The peers' versions in an interpreter, which has to have them."""
    try:
        done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OpenmoatError(
            f"--peers {python}",
            got=str(error),
            wanted=f"a Python that has {' and '.join(PEERS)}",
            way_out=f"Install {PINNED.relative_to(ROOT)} there, or leave --peers out.",
        ) from error
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _is_current(stamp: Path) -> bool:
    return stamp.is_file() and stamp.read_bytes() == PINNED.read_bytes()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(PLACE, ignore_errors=True)
        raise OpenmoatError(
            f"{PLACE}, the peers' environment",
            got=f"{' '.join(command[-3:])}: {(done.stderr or done.stdout)[-SHOWN:].strip()}",
            wanted=f"what {PINNED.relative_to(ROOT)} names, from a package index",
            way_out="Run it where a package index can be reached, name a Python that has the peers "
            "(--peers /path/to/python), or leave them out (--no-peers or --quick).",
        )
