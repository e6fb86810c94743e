"""Spans of texts replaced by masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.masking import KINDS, MASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from schemas.manifest import Masked
    from schemas.masking import MaskingConfig

    Counts = NDArray[np.int64]


def mask(
    texts: pa.ChunkedArray, spans: pa.ChunkedArray, config: MaskingConfig
) -> tuple[pa.ChunkedArray, Counts]:
    """Replace spans of the recipe's kinds; return the texts, and what was replaced in each.

    ``texts``: large_string, no nulls; ``spans``: a list of {start, end, kind} a text, in code
    points, in order, without overlaps. The counts have a row a text, a column a kind of ``KINDS``.
    """
    counts = np.zeros((len(texts), len(KINDS)), np.int64)
    some = np.flatnonzero(pc.list_value_length(spans).to_numpy())
    places = pa.array(some)
    changed, rows = [], []
    for row, text, found in zip(
        some.tolist(), texts.take(places).to_pylist(), spans.take(places).to_pylist(), strict=True
    ):
        chosen = [span for span in found if span["kind"] in config.kinds]
        if chosen:
            changed.append(_replaced(text, chosen, MASKS[config.style]))
            rows.append(row)
            np.add.at(counts[row], [KINDS.index(span["kind"]) for span in chosen], 1)
    return _put(texts, rows, changed), counts


def _replaced(text: str, spans: list[dict[str, Any]], masks: dict[Any, str]) -> str:
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span["start"]], masks[span["kind"]]]
        end = span["end"]
    return "".join([*parts, text[end:]])


def _put(texts: pa.ChunkedArray, rows: Any, changed: Any) -> pa.ChunkedArray:  # noqa: ANN401
    """Return the texts with those at ``rows`` replaced."""
    if not len(rows):
        return texts
    chosen = np.zeros(len(texts), np.bool_)
    chosen[rows] = True
    whole = pa.concat_arrays(texts.chunks) if texts.num_chunks != 1 else texts.chunk(0)
    found = pc.replace_with_mask(whole, pa.array(chosen), pa.array(changed, pa.large_string()))
    return pa.chunked_array([found])


def by_source(sources: pa.ChunkedArray, counts: Counts) -> Masked:
    """Sum up counts by source and kind, without those that are 0."""
    found: Masked = {}
    rows = np.flatnonzero(counts.any(axis=1))
    for source, own in zip(sources.take(pa.array(rows)).to_pylist(), counts[rows], strict=True):
        _add(found, source, dict(zip(KINDS, own.tolist(), strict=True)))
    return found


def total(parts: Iterable[Masked]) -> Masked:
    """Add up what was masked in several files, in the order of the sources' names."""
    found: Masked = {}
    for part in parts:
        for source, kinds in part.items():
            _add(found, source, kinds)
    return dict(sorted(found.items()))


def details(parts: Iterable[Masked]) -> dict[str, Masked]:
    """Return what a manifest says of it: nothing where nothing was masked."""
    found = total(parts)
    return {"masked": found} if found else {}


def _add(found: Masked, source: str, kinds: Mapping[str, int]) -> None:
    own = found.setdefault(source, {})
    for kind, n in kinds.items():
        if n:
            own[kind] = own.get(kind, 0) + n


def mask_all(
    texts: pa.ChunkedArray,
    config: MaskingConfig,
    find: Callable[[pa.ChunkedArray], pa.ChunkedArray],
) -> tuple[pa.ChunkedArray, Counts]:
    """Mask until nothing is found, so that masking once more would change nothing.

    A mask is other context than what it hides: a number that followed a letter may stand alone now.
    So texts that changed are looked at again, and their counts added up.
    """
    texts, counts = mask(texts, find(texts), config)
    rows = np.flatnonzero(counts.any(axis=1))
    while len(rows):
        some = texts.take(pa.array(rows))
        masked, more = mask(some, find(some), config)
        again = np.flatnonzero(more.any(axis=1))
        counts[rows] += more
        rows = rows[again]
        texts = _put(texts, rows, masked.take(pa.array(again)).to_pylist())
    return texts, counts
