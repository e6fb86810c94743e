"""Cutting a source's files into units of work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.manifest import InputFile, Unit
from tasks.hashing import MODULUS, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.config import Format, Sample, Source

VERSION = "ingest-1"
NAMED = 3
CUT_EVERY = 64
"""A group of small files ends after about so many, where a file's own hash says so; a file added
tomorrow then changes one group and not all that follow it."""


def group(files: Sequence[InputFile], *, unit_bytes: float) -> Iterator[tuple[InputFile, ...]]:
    """Yield files in the order of their URLs: large ones alone, small ones together."""
    held: list[InputFile] = []
    for file in sorted(files, key=lambda f: f.url):
        size = unit_bytes if file.size is None else file.size
        if held and sum(f.size or 0 for f in held) + size > unit_bytes:
            yield tuple(held)
            held = []
        held.append(file)
        if size >= unit_bytes or int(digest(file.url), 16) % CUT_EVERY == 0:
            yield tuple(held)
            held = []
    if held:
        yield tuple(held)


def sampled(files: Sequence[InputFile], sample: Sample | None) -> list[InputFile]:
    """The files that a sample takes, one at least, by seeded hash of the end of their URLs.

    The last NAMED parts count, so that the same files below another folder are the same sample.
    """
    if sample is None:
        return list(files)
    hashes = {f.url: digest("sample", sample.seed, f.url.split("/")[-NAMED:]) for f in files}
    ranked = sorted(files, key=lambda f: (hashes[f.url], f.url))
    taken = [f for f in ranked if int(hashes[f.url], 16) < sample.share * MODULUS]
    return taken or ranked[:1]


def unit(source: Source, kind: Format, files: tuple[InputFile, ...]) -> Unit:
    """Name a unit by all that its documents depend on: version, format, the source, its inputs."""
    config = source.model_dump(mode="json", exclude={"url", "url_list", "origin", "sample"})
    return Unit(
        source=source.name, format=kind, files=files, key=digest(VERSION, kind, config, *files)
    )
