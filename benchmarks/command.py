"""What the benches share as commands: a bound for their text, and how they begin and end."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks import printing
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    from collections.abc import Callable


QUICK: Final = "a minute: little text, no peers, one round"


def megabytes(text: str) -> float:
    """Read how much text is asked for."""
    number = float(text)
    if not 0.1 <= number <= 100_000:  # noqa: PLR2004  (said beside it)
        raise argparse.ArgumentTypeError(f"got {text}, wanted 0.1 to 100,000 MB of text")
    return number


def parser(name: str, description: str | None, *, rounds: str) -> argparse.ArgumentParser:
    """Begin to read a command line: what every bench takes. ``rounds``: which of them count."""
    made = argparse.ArgumentParser(prog=f"make bench-{name}", description=description)
    made.add_argument("--quick", action="store_true", help=QUICK)
    made.add_argument("--json", action="store_true", help="the last line is all figures as JSON")
    made.add_argument("--no-peers", action="store_true", help="openmoat alone")
    made.add_argument("--peers", metavar="PYTHON", help="a Python that has datatrove and the like")
    made.add_argument("--rounds", type=int, choices=range(1, 100), metavar="N", default=None,
                      help=f"rounds; {rounds} (default 3)")  # fmt: skip
    return made


def chosen(made: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """Read the rest of it: three rounds unless it says otherwise, one where it is to be quick."""
    given = made.parse_args(arguments)
    given.rounds = given.rounds or (1 if given.quick else 3)
    return given


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
