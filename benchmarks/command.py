"""What the benches share as commands: a bound for their text, and how they begin and end."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import printing
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable


def megabytes(text: str) -> float:
    """Read how much text is asked for."""
    number = float(text)
    if not 0.1 <= number <= 100_000:  # noqa: PLR2004  (said beside it)
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0.1 to 100,000 MB of text")
    return number


def run(
    options: argparse.Namespace,
    measure: Callable[[argparse.Namespace], dict[str, Any]],
    shown: Callable[[dict[str, Any]], str],
) -> None:
    """Measure, print, say what went wrong in one message."""
    began = time.perf_counter()
    try:
        result = measure(options)
    except OpenmoatError as error:
        sys.exit(str(error))
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(shown(result))
    if options.json:
        print(printing.as_json(result))
