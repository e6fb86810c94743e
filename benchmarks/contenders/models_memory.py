"""Memory that openmoat's n-gram models take while they are made, for a word that they learn from.

``python -m benchmarks.contenders.models_memory INPUT SMALL ORDER`` prints a JSON object: words, and
the bytes by which the process grew at most, beyond texts and compiled code.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from benchmarks.contenders.models_openmoat import learned
from benchmarks.contenders.signals_openmoat import texts_of
from schemas.errors import OpenmoatError

PROCESS = Path("/proc/self")


def peak_from_now() -> None:
    """Begin to look for the peak anew: reading the texts took more than holding them."""
    (PROCESS / "clear_refs").write_text("5")


def peak() -> int:
    """Return the most bytes that this process held since then."""
    found = re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text("ascii"))
    if found is None:
        raise OpenmoatError(
            str(PROCESS), got="no VmHWM", wanted="a Linux that tells it", way_out="Use another."
        )
    return int(found[1]) << 10


def main(given: Path, small: Path, order: int) -> dict[str, int]:
    """Warm up on the small input, then see how much more the other one takes."""
    learned(texts_of(small), order)
    texts = texts_of(given)
    peak_from_now()
    before = peak()
    words = learned(texts, order)
    return {"order": order, "words": words, "bytes": peak() - before}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
