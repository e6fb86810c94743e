"""Fuzz all readers, or read one input again.

``python -m tests.fuzz.run FOLDER -max_total_time=600 …`` (libFuzzer's options) keeps its corpus and
what it finds in FOLDER; ``python -m tests.fuzz.run --replay BASE64`` reads that one input.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path


def replay(said: str) -> None:
    """Read one input, and say what came out."""
    from tests.fuzz.cases import decoded
    from tests.fuzz.check import check, smaller

    case = decoded(base64.b64decode(said))
    sys.stdout.write(f"{case}\n")
    with tempfile.TemporaryDirectory() as folder, smaller():
        for item in check(case, Path(folder)):
            sys.stdout.write(f"{item}\n")


def fuzz(folder: Path, options: list[str]) -> None:
    """Run until the time is up or something is found; it ends the process."""
    import atheris

    with atheris.instrument_imports(include=["tasks"]):
        from tests.fuzz.check import SMALLER, check, set_limits
    from tests.fuzz.cases import decoded
    from tests.fuzz.seeds import dictionary, seeds

    set_limits(SMALLER)
    for name in ("corpus", "found", "files"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)
    (folder / "words").write_text(dictionary())
    counts: Counter[str] = Counter()
    found: set[str] = set()

    def one(data: bytes) -> None:
        case = decoded(data)
        counts[case.kind] += 1
        if counts.total() % 200 == 0:
            (folder / "counts.json").write_text(json.dumps(counts))
        try:
            check(case, folder / "files")
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
            where = traceback.extract_tb(error.__traceback__)[-1]
            if (kind := f"{type(error).__name__} {where.filename} {where.lineno}") not in found:
                found.add(kind)
                name = folder / "found" / f"exception-{len(found)}"
                name.write_bytes(data)
                name.with_suffix(".txt").write_text(traceback.format_exc())

    asked = [f"-artifact_prefix={folder}/found/", f"-dict={folder}/words", *options]
    atheris.Setup([sys.argv[0], *asked, str(folder / "corpus")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1] == "--replay":
        replay(sys.argv[2])
    else:
        fuzz(Path(sys.argv[1]), sys.argv[2:])
