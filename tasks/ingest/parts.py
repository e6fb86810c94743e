"""Cutting one large file where its format allows it, so that several workers can read it."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import Part

if TYPE_CHECKING:
    from schemas.manifest import InputFile

HEAD_BYTES = 1_024
BOM = b"\xef\xbb\xbf"


def is_plain_json_lines(head: bytes) -> bool:
    """Whether a file begins as JSON lines that nothing is wrapped around, UTF-8."""
    return head.removeprefix(BOM).lstrip()[:1] == b"{"


def ranges(file: InputFile, *, at_most: float) -> list[InputFile]:
    """Cut a file of lines into byte ranges of equal size."""
    size = file.size or 0
    count = max(1, math.ceil(size / at_most))
    edges = [size * i // count for i in range(count + 1)]
    return [
        file.model_copy(update={"part": Part(unit="bytes", start=a, end=b, offset=a, size=b - a)})
        for a, b in pairwise(edges)
    ]


def row_groups(file: InputFile, stream: BinaryIO, *, at_most: float) -> list[InputFile]:
    """Cut a Parquet file between row groups; one that cannot be read stays whole.

    The file's bytes are shared out by the sizes that its footer states, without asking where a
    group begins: for some footers with a turned bit pyarrow ends the process when it is asked.
    """
    try:
        about = pq.read_metadata(stream)
        sizes = [max(1, about.row_group(i).total_byte_size) for i in range(about.num_row_groups)]
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        return [file]  # the reader says what is wrong with it
    before = [0, *accumulate(sizes)]
    offsets = [(file.size or 0) * n // before[-1] for n in before] if sizes else [0]
    parts, start = [], 0
    for end in range(1, len(offsets)):
        last = end == len(offsets) - 1
        if last or offsets[end + 1] - offsets[start] > at_most:
            size = offsets[end] - offsets[start]
            part = Part(unit="row_groups", start=start, end=end, offset=offsets[start], size=size)
            parts.append(file.model_copy(update={"part": part}))
            start = end
    return parts if len(parts) > 1 else [file]
