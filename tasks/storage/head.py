"""The start of an input, for estimates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import SourceError
from tasks.storage import download

if TYPE_CHECKING:
    from schemas.manifest import InputFile


def head(file: InputFile, n_bytes: int) -> bytes:
    """Return at most ``n_bytes`` from the start of a file; of a remote one no more is fetched."""
    if download.is_remote(file.url):
        return download.head(file.url, n_bytes)
    try:
        with Path(file.url).open("rb") as stream:
            return stream.read(n_bytes)
    except OSError as error:
        raise SourceError(
            file.url,
            got=error.strerror or str(error),
            wanted="a file that can be read",
            way_out="Mend its permissions, or take it out of the recipe.",
        ) from error
