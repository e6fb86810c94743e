"""Lines that repeat on most pages of a source: found in a sample of it, removed from its texts.

The sample is that of the documents with the least seeded hashes of their ids, so it is the same for
any order, any split of the source, and any number of workers; and two samples make one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Final

from tasks import hashing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

SAMPLED: Final = 4_096
MIN_DOCUMENTS: Final = 20
"""In fewer documents "most" says little, and nothing is removed."""
MIN_REPEATED: Final = 3
MAX_REPEATED: Final = 1_000
"""So many lines at most are removed: those that stand in most documents."""
END_LINES: Final = 100
"""So many lines of a document's beginning and of its end are looked at: there pages repeat."""
MAX_LINE_CHARS: Final = 500

Entry = tuple[int, str, tuple[str, ...]]
"""Seeded hash of a document's id, the id, its lines (sorted, each once)."""


@dataclass(frozen=True, slots=True)
class LineSample:
    """Lines of the documents with the least hashes, by hash; at most :data:`SAMPLED` of them."""

    entries: tuple[Entry, ...] = ()

    def merged(self, other: LineSample) -> LineSample:
        """Return the sample of both parts."""
        entries = sorted({*self.entries, *other.entries})
        return LineSample(tuple(entries[:SAMPLED]))


def sampled(
    sample: LineSample, ids: Sequence[str], texts: Sequence[str], *, seed: int
) -> LineSample:
    """Return the sample with some documents added.

    ``texts`` are normalised, boilerplate aside. A document without a line that could be boilerplate
    is left out and does not count.
    """
    hashes = hashing.seeded(ids, seed=seed, stage="boilerplate").tolist()
    full = len(sample.entries) == SAMPLED
    most = sample.entries[-1][0] if full else None
    new = [
        (h, i, lines)
        for h, i, text in zip(hashes, ids, texts, strict=True)
        if (most is None or h <= most) and (lines := _lines(text))
    ]
    return sample.merged(LineSample(tuple(new))) if new else sample


def _lines(text: str) -> tuple[str, ...]:
    """Lines at both ends that hold a letter, white space around them gone, each once."""
    stripped = [line for raw in text.split("\n") if (line := raw.strip())]
    ends = chain(stripped[:END_LINES], stripped[END_LINES:][-END_LINES:])
    return tuple(sorted({line for line in ends if _may_repeat(line)}))


def _may_repeat(line: str) -> bool:
    return len(line) <= MAX_LINE_CHARS and any(map(str.isalpha, line))


def repeated(sample: LineSample, share: float) -> tuple[str, ...]:
    """Return the lines, sorted, that stand in at least ``share`` of the sampled documents.

    Documents with the same lines count once: a page that stands there a thousand times is a
    duplicate, not boilerplate.
    """
    documents = {lines for _, _, lines in sample.entries}
    if len(documents) < MIN_DOCUMENTS:
        return ()
    least = max(MIN_REPEATED, ceil(share * len(documents)))
    counts = Counter(chain.from_iterable(documents))
    found = sorted((-n, line) for line, n in counts.items() if n >= least)
    return tuple(sorted(line for _, line in found[:MAX_REPEATED]))


def without_lines(text: str, repeated: AbstractSet[str]) -> tuple[str, int]:
    """Remove these lines, white space around them aside; also how many characters that were.

    Blank lines that a removed line leaves next to each other, or at the text's beginning, become
    one, or none.
    """
    if not repeated:
        return text, 0
    lines = text.split("\n")
    if repeated.isdisjoint(map(str.strip, lines)):
        return text, 0
    rest = "\n".join(_kept(lines, repeated))
    return rest, len(text) - len(rest)


def _kept(lines: list[str], repeated: AbstractSet[str]) -> Iterator[str]:
    after_removed, after_blank = False, True
    for line in lines:
        stripped = line.strip()
        if stripped in repeated:
            after_removed = True
        elif stripped or not (after_removed and after_blank):
            yield line
            after_removed = after_removed and not stripped
            after_blank = not stripped
