"""How much of a text says something new: its bytes for each byte that it can be stored in.

The **compression ratio** is size / size compressed, as in Shaib et al. (arXiv 2403.00553), so that
more repetition is more. They use gzip, whose output differs between builds; here it is LZ4's block
format (``doc/lz4_Block_format.md`` of github.com/lz4/lz4) by a matcher that is defined here, so
that a text has one ratio everywhere. Nothing is written: only the bytes are counted.

Greedily from the front, at each place up to 12 bytes before the end (where the format's last match
may begin):

- four bytes, as a little-endian number times 2654435761 modulo 2^32, say by their top 13 bits which
  of 8,192 slots they belong to; the slot has the last place that was looked at and belongs there,
  and from now on has this one;
- if that is at most 65,535 bytes back and has the same four bytes, they and all equal ones behind
  them, up to 5 bytes before the end, are a match; what stands behind it is looked at next;
- if not, the next place is one further, and one more for every 64 places without a match since the
  last one, as in LZ4.

Each match is a byte, the literals before it, two bytes, and what lengths take that do not fit into
the first byte: 1 + (length - 15) // 255 for 15 literals or more, and so for a match's bytes above
four. What is left at the end is a byte and literals.

Ratios of the first 2,500 bytes of real texts, the 1st, 50th and 99th in a hundred; zlib's median
beside them. A longer text has a higher ratio (encyclopaedia articles as a whole, 40 kB: 1.61), and
below a few hundred bytes it is close to 1.

====================  =====  ======  =====  ====
text                  1 %    median  99 %   zlib
====================  =====  ======  =====  ====
encyclopaedia, news   1.21   1.31    1.48   2.02
532 languages         1.28   1.51    1.99   2.48
licences              1.32   1.46    1.72   2.23
German laws           1.35   1.53    2.11   2.27
Python code           1.31   1.64    2.60   2.51
JSON                  1.20   2.83    6.74   4.51
half of it twice      2.22   2.42    2.77   3.60
one line, 20 times    16.1   17.9    21.7   20.3
base64                1.00   1.00    1.00   1.30
====================  =====  ======  =====  ====
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from schemas import columns as c
from tasks import compiled

if TYPE_CHECKING:
    import pyarrow as pa

KERNEL: Final = "tasks.signals.compression.kernel"


def compression_ratio(texts: pa.Array | pa.ChunkedArray) -> pl.Series:
    """Return bytes / bytes compressed of each text (float64); 1 for an empty one, null for a null.

    A text of incompressible bytes is a little below 1, the shortest at 0.5.
    """
    measure = compiled.load(KERNEL).sizes

    parts = [pl.Series(c.COMPRESSION_RATIO, [], pl.Float64)]
    for chunk in compiled.chunks(texts):
        data, offsets = compiled.buffers(chunk)
        sizes = np.zeros(len(chunk), np.int64)
        measure(data, offsets, sizes)
        lengths = np.diff(offsets)
        ratios = pl.Series(c.COMPRESSION_RATIO, np.where(lengths > 0, lengths / sizes, 1.0))
        missing = pl.Series(chunk.is_null().to_numpy(zero_copy_only=False))
        parts.append(ratios.set(missing, None) if chunk.null_count else ratios)
    return pl.concat(parts)
