"""Datasets of the Hugging Face Hub, streamed by ``datasets``; or a local folder laid out like one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import SourceError
from schemas.manifest import InputFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datasets import IterableDataset

    from schemas.config import Source

SCHEME = "hf://"
MARK = "#"


def list_shards(url: str, source: Source) -> list[InputFile]:
    """One entry for each shard of the dataset's split, at a fixed commit.

    The entry's url is ``<dataset>#<shard>-of-<shards>``, its version the commit (or, for a local
    folder, what tells that a file in it changed). Raises :class:`SourceError` with the way out.
    """
    name = url.removeprefix(SCHEME).rstrip("/").removeprefix("datasets/")
    version = _local_version(Path(name)) if Path(name).is_dir() else _commit(name, source)
    shards = _open(name, source, version).num_shards
    return [InputFile(url=f"{url}{MARK}{i}-of-{shards}", version=version) for i in range(shards)]


def rows(file: InputFile, source: Source) -> Iterator[dict[str, Any]]:
    """Stream the rows of one shard that :func:`list_shards` named."""
    url, _, part = file.url.rpartition(MARK)
    name = url.removeprefix(SCHEME).rstrip("/").removeprefix("datasets/")
    index, shards = (int(x) for x in part.split("-of-"))
    with _reachable(name):
        yield from _open(name, source, file.version).shard(num_shards=shards, index=index)


def _open(name: str, source: Source, version: str) -> IterableDataset:
    from datasets import load_dataset

    revision = None if Path(name).is_dir() else version
    with _reachable(name):
        return load_dataset(
            name, source.subset, split=source.split, streaming=True, revision=revision
        )


def _commit(name: str, source: Source) -> str:
    from huggingface_hub import HfApi

    with _reachable(name):
        found = HfApi().dataset_info(name, revision=source.revision).sha
    return found or str(source.revision)


def _local_version(folder: Path) -> str:
    from tasks.hashing import digest

    stats = [(str(p.relative_to(folder)), p.stat()) for p in sorted(folder.rglob("*"))]
    return digest([(n, s.st_size, s.st_mtime_ns) for n, s in stats])


@contextlib.contextmanager
def _reachable(name: str) -> Iterator[None]:
    """Turn what the libraries raise into one error with the way out."""
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except (DatasetsError, HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        got = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        way_out = "Check the name, revision, subset and split on the dataset's page."
        if "script" in str(error).lower():
            way_out = (
                "Script datasets are refused because they run foreign code; list the dataset's "
                "files in a url_list instead (see the recipe dolma-urls)."
            )
        elif isinstance(error, OSError):
            way_out = "Check the network, or point url at a local copy of the dataset's folder."
        raise SourceError(
            name, got=got, wanted="a dataset without a loading script", way_out=way_out
        ) from error
