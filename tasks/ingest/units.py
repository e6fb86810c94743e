"""Cutting a source's files into units of work, and taking a sample of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.addresses import public
from tasks.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schemas.config import Source
    from schemas.manifest import InputFile, Unit

VERSION = "ingest-3"
NAMED = 3
CUT_EVERY = 64
"""A group of small files ends after about so many, where a file's own hash says so; a file added
tomorrow then changes one group and not all that follow it."""
SPREAD = 4
"""A sample is taken from files that hold about so many times its bytes, not from the first alone:
neighbours in a file are often alike (one site, one day)."""


@dataclass(frozen=True)
class Taken:
    """A file or a part of one, and the share of its documents that a sample takes."""

    file: InputFile
    rate: float = 1.0


def group(files: Iterable[InputFile], *, unit_bytes: float) -> Iterator[tuple[InputFile, ...]]:
    """Yield files in the order of their URLs: large ones alone, small ones together."""
    held: list[InputFile] = []
    for file in sorted(files, key=_place):
        size = unit_bytes if file.n_bytes is None else file.n_bytes
        if held and sum(f.n_bytes or 0 for f in held) + size > unit_bytes:
            yield tuple(held)
            held = []
        held.append(file)
        if size >= unit_bytes or int(digest(file.location), 16) % CUT_EVERY == 0:
            yield tuple(held)
            held = []
    if held:
        yield tuple(held)


def _place(file: InputFile) -> tuple[str, int]:
    """Where a file or part lies; a new signature in its address makes it no other."""
    return public(file.url), 0 if file.part is None else file.part.start


def sampled(
    files: Sequence[InputFile],
    n_bytes: float,
    *,
    seed: int,
    parts: Callable[[InputFile], list[InputFile]],
) -> list[Taken]:
    """Take about ``n_bytes`` (as stored) of the files, by seeded hash of the end of their URLs.

    ``parts`` cuts a file where its format allows it. All that is taken is taken whole but for the
    last one, of whose documents a part is taken: so in the mean a sample has the size that is
    asked, and a larger one of the same seed holds most of a smaller one. Files of unknown size
    count as the mean of the others. The last NAMED parts of a URL count, so that the same files
    below another folder are the same sample.
    """
    unknown = _mean(files)

    def size_of(file: InputFile) -> float:
        return unknown if file.n_bytes is None else float(file.n_bytes)

    def chance(file: InputFile) -> tuple[str, str, int]:
        end = public(file.url).split("/")[-NAMED:]
        return digest("sample", seed, end, file.part), *_place(file)

    if n_bytes >= total(files):
        return [Taken(f) for f in files]
    candidates = _up_to(SPREAD * n_bytes, sorted(files, key=chance), size_of)
    pieces = sorted((p for f in candidates for p in parts(f)), key=chance)
    taken, left = [], n_bytes
    for piece in _up_to(n_bytes, pieces, size_of):
        taken.append(Taken(piece, min(1.0, left / max(1.0, size_of(piece)))))
        left -= size_of(piece)
    return taken


def known_size(files: Sequence[InputFile]) -> int | None:
    """Bytes of some files; None where the size of one is unknown."""
    sizes = [f.n_bytes for f in files]
    return None if None in sizes else sum(n or 0 for n in sizes)


def total(files: Sequence[InputFile]) -> float:
    """Bytes of some files, those of unknown size counted as the mean of the others."""
    unknown = _mean(files)
    return sum(unknown if f.n_bytes is None else f.n_bytes for f in files)


def _mean(files: Sequence[InputFile]) -> float:
    sizes = [f.n_bytes for f in files if f.n_bytes is not None]
    return max(1.0, sum(sizes) / len(sizes)) if sizes else 1.0


def _up_to(
    n_bytes: float, files: Sequence[InputFile], size_of: Callable[[InputFile], float]
) -> list[InputFile]:
    """The first files that hold so many bytes together."""
    found: list[InputFile] = []
    held = 0.0
    for file in files:
        if held >= n_bytes:
            break
        found.append(file)
        held += size_of(file)
    return found


def keyed(unit: Unit, source: Source) -> Unit:
    """Name a unit by all that its documents depend on: version, format, the source, its inputs."""
    left_out = {"url", "url_list", "origin", "sample"}
    config = source.model_dump(mode="json", exclude=left_out)
    # The seed of a sample matters only where documents are taken by it.
    seed = source.sample.seed if source.sample is not None and unit.rate < 1.0 else 0
    files = [_unsigned(f) for f in unit.files]
    beside = [{name: _unsigned(f) for name, f in others.items()} for others in unit.beside]
    rest = (unit.rate, seed, beside, unit.repeated)
    return unit.model_copy(update={"key": digest(VERSION, unit.format, config, files, rest)})


def _unsigned(file: InputFile) -> InputFile:
    return file.model_copy(update={"url": public(file.url)})
