"""Where the first pass spends its CPU time: the same work as ``pass1_openmoat``, with clocks.

``python -m benchmarks.contenders.pass1_stages INPUT SMALL FOLDER LANGUAGE`` prints a JSON object,
CPU seconds by stage. The functions that a stage calls are replaced by ones that look at the clock
before and after; that costs a few microseconds a call, of which most are one a batch.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import pass1_openmoat
from benchmarks.measuring import note
from schemas.config import Source
from tasks import hashing, reading
from tasks.ingest import documents
from tasks.signals import measure as signals
from tasks.storage.shards import ShardWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS = ("tasks.signals", "schemas.tables")
READ, REST = "unpack, parse, records", "the rest"


class Clock:
    """CPU seconds of this process by stage, each without the stages that it calls."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._stages = [REST]
        self._since = time.process_time()

    def _switch(self) -> None:
        now = time.process_time()
        self.spent[self._stages[-1]] += now - self._since
        self._since = now

    def clocked(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """The same function, its time counted for a stage."""

        @wraps(function)
        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401  (whatever it is)
            self._switch()
            self._stages.append(stage)
            try:
                return function(*given, **named)
            finally:
                self._switch()
                self._stages.pop()

        return timed

    def drawn(self, batches: Iterator[Any], stage: str) -> Iterator[Any]:
        """The same batches, the time that they take to come counted for a stage."""
        following = self.clocked(lambda: next(batches, None), stage)
        while (batch := following()) is not None:
            yield batch


def install(clock: Clock) -> None:
    """Put clocks before the functions that the pass is made of."""
    for name, value in list(vars(signals).items()):
        # Whatever it calls for a batch is a signal, or makes the table of them.
        ours = isinstance(value, FunctionType) and value.__module__.startswith(OURS)
        if ours and name != "measure":
            setattr(signals, name, clock.clocked(value, f"signals: {name.strip('_')}"))
    places: tuple[tuple[Any, str, str], ...] = (
        (signals, "measure", "signals: columns and table"),
        (hashing, "text_hashes", "signals: text_hash"),
        (hashing, "row_digests", "row digests, documents and signals"),
        (documents, "normalise_texts", "normalise"),
        (documents, "to_documents", "document table"),
    )
    for place, name, stage in places:
        setattr(place, name, clock.clocked(getattr(place, name), stage))
    write, batches = ShardWriter.write, reading.UnitReader.batches

    def written(self: ShardWriter, table: Any) -> None:  # noqa: ANN401  (a table)
        stage = "signals" if "text_hash" in table.column_names else "documents"
        clock.clocked(write, f"write {stage}")(self, table)

    ShardWriter.write = written  # type: ignore[method-assign]
    reading.UnitReader.batches = lambda self: clock.drawn(batches(self), READ)  # type: ignore[method-assign]


def main(given: Path, small: Path, folder: Path, language: str) -> dict[str, float]:
    """Warm up on the small input, then look at the clocks while the other one is read."""
    clock, config = Clock(), pass1_openmoat.config_of(language)
    install(clock)
    pass1_openmoat.copy(Source(name="bench", url=(str(small),)), folder / "small", config)
    clock.spent.clear()
    rows = pass1_openmoat.copy(Source(name="bench", url=(str(given),)), folder / "out", config)
    clock.clocked(note, REST)(f"{rows:,} documents")
    return dict(clock.spent)


if __name__ == "__main__":
    given_, small_, folder_ = map(Path, sys.argv[1:4])
    print(json.dumps(main(given_, small_, folder_, sys.argv[4])))
