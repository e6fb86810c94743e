"""The environments in which other programs run: never openmoat's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measuring import ROOT, SHOWN, note
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Home:
    """An environment of its own for programs that can live together."""

    packages: tuple[str, ...]
    option: str
    """Names a Python that has them already."""
    pinned: Path
    place: Path
    size_mb: int
    bare: tuple[str, ...] = ()
    """What is installed last, without the packages that it asks for."""

    @property
    def wanted(self) -> str:
        """All that makes the environment what it is: another text, another environment."""
        return "\n".join((self.pinned.read_text(encoding="utf-8"), *self.bare))


DATATROVE = Home(
    ("datatrove", "datasets", "spacy"),
    "--peers",
    ROOT / "benchmarks" / "requirements-peers.txt",
    ROOT / ".venv-peers" / "datatrove",
    680,
    # It hashes shingles as text; xxhash takes bytes only from version 4 on.
    ("xxhash==3.6.0",),
)
# Another one, because datatrove wants a NumPy from 2 on and dolma one before 2.
DOLMA = Home(
    ("dolma",),
    "--dolma",
    ROOT / "benchmarks" / "requirements-peers-dolma.txt",
    ROOT / ".venv-peers" / "dolma",
    470,
)
DEDUP = Home(
    ("rensa", "gaoya", "datasketch", "text-dedup"),
    "--dedup",
    ROOT / "benchmarks" / "requirements-peers-dedup.txt",
    ROOT / ".venv-peers" / "dedup",
    570,
    ("text-dedup==0.4.0",),
)
MODELS = Home(
    ("scikit-learn",),
    "--models",
    ROOT / "benchmarks" / "requirements-peers-models.txt",
    ROOT / ".venv-peers" / "models",
    300,
)
REPLAY = Home(
    ("data-selection",),
    "--peers",
    ROOT / "benchmarks" / "requirements-peers-replay.txt",
    ROOT / ".venv-peers" / "replay",
    130,
)
# Another one, because it needs a C++ compiler where there is no wheel: then it alone is left out.
KENLM = Home(
    ("kenlm",),
    "--kenlm",
    ROOT / "benchmarks" / "requirements-peers-kenlm.txt",
    ROOT / ".venv-peers" / "kenlm",
    40,
)


def interpreter(named: str | None, home: Home = DATATROVE) -> str:
    """The Python that has the peers: the one that is named, or one made on demand."""
    if named is not None:
        return named
    python, stamp = home.place / "bin" / "python", home.place / home.pinned.name
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != home.wanted:
        note(f"Setting up {home.place}: a minute or three, about {home.size_mb} MB")
        shutil.rmtree(home.place, ignore_errors=True)
        _run(home, sys.executable, "-m", "venv", str(home.place))
        pip = (str(python), "-m", "pip", "--disable-pip-version-check", "-qq")
        _run(home, *pip, "install", "-r", str(home.pinned))
        if home.bare:
            _run(home, *pip, "install", "--no-deps", *home.bare)
        stamp.write_text(home.wanted, encoding="utf-8")
    return str(python)


def versions(python: str, home: Home = DATATROVE) -> dict[str, str]:
    """The peers' versions in an interpreter, which has to have them."""
    asked = (
        "import json; from importlib.metadata import version; "
        f"print(json.dumps({{name: version(name) for name in {home.packages}}}))"
    )
    try:
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise OpenmoatError(
            f"{home.option} {python}",
            got=str(error),
            wanted=f"a Python that has {' and '.join(home.packages)}",
            way_out=f"Install {home.pinned.relative_to(ROOT)} there, or leave {home.option} out.",
        ) from error
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _run(home: Home, *command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(home.place, ignore_errors=True)
        raise OpenmoatError(
            f"{home.place}, the environment of {' and '.join(home.packages)}",
            got=f"{' '.join(command[-3:])}: {(done.stderr or done.stdout)[-SHOWN:].strip()}",
            wanted=f"what {home.pinned.relative_to(ROOT)} names, from a package index",
            way_out="Run it where a package index can be reached, name a Python that has them "
            f"({home.option} /path/to/python), or leave them out (--no-peers or --quick).",
        )
