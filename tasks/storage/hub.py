"""Datasets of the Hugging Face Hub, streamed by ``datasets``; or local folders laid out alike."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.errors import SourceError
from schemas.manifest import InputFile
from tasks.hashing import digest
from tasks.storage.local import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datasets import IterableDataset

    from schemas.config import Source

SCHEME = "hf://"
MARK = "#"
TIMEOUT_SECONDS = 60.0
"""How long the Hub may be silent when it is first asked; its own client would wait for ever."""
ONE_SHARD_A_FILE = ("arrow", "csv", "json", "pandas", "parquet", "text", "xml")
"""Builders of ``datasets`` whose shards are the split's files, in their order."""
_SCRIPT = (
    "Script datasets are refused because they run foreign code; list the dataset's files in a "
    "url_list instead (see the recipe dolma-urls)."
)
_OTHER = (
    "Check the name, revision, subset and split on the dataset's page, and the network; or "
    "download the dataset and give its folder as url."
)


def list_shards(url: str, source: Source) -> list[InputFile]:
    """One entry for each shard of the dataset's split, at a fixed commit.

    The entry's url is ``<dataset>#<shard>-of-<shards>``, its version the commit (or, for a local
    folder, what tells that a file in it changed), its size in bytes that of the file behind the
    shard, where it is one file. Raises :class:`SourceError` with the way out.
    """
    name = _name(url)
    remote = url.startswith(SCHEME)
    version, sizes = _commit(name, source) if remote else (_local_version(name), {})
    opened = _open(name, source.subset, source.split, version)
    shards, found = opened.rows.num_shards, list[int | None]()
    with _reachable(name):
        found += [sizes.get(f) if remote else Path(f).stat().st_size for f in opened.files]
    return [
        InputFile(url=f"{url}{MARK}{i}-of-{shards}", size=size, version=version)
        for i, size in enumerate(found if len(found) == shards else [None] * shards)
    ]


class BrokenShard(Exception):  # noqa: N818  (it names what was read)
    """A local shard whose rows cannot be read from here on."""


def rows(file: InputFile, source: Source) -> Iterator[dict[str, Any]]:
    """Stream the rows of one shard that :func:`list_shards` named.

    Where it breaks: :class:`BrokenShard` for a local folder, for the Hub (where it may be the
    network) :class:`SourceError`.
    """
    url, _, part = file.url.rpartition(MARK)
    index, shards = (int(x) for x in part.split("-of-"))
    name = _name(url)
    dataset = _open(name, source.subset, source.split, file.version)
    try:
        with _reachable(file.url):
            yield from dataset.rows.shard(num_shards=shards, index=index)
    except SourceError as error:
        if url.startswith(SCHEME):
            raise
        raise BrokenShard(error.got) from error


def _name(url: str) -> str:
    """What ``load_dataset`` calls it. It prefers a folder of that name to the Hub: we do not."""
    if not url.startswith(SCHEME):
        return url
    name = url.removeprefix(SCHEME).strip("/").removeprefix("datasets/")
    if os.path.exists(name):  # noqa: PTH110  (never raises, unlike Path)
        raise SourceError(
            url,
            got=f"a file or folder called {name!r} here, which would be read instead",
            wanted="the dataset of the Hub",
            way_out="Start openmoat in another folder; for the local one, write its path as url "
            'and format = "hub".',
        )
    return name


class _Opened(NamedTuple):
    """A split's rows, and its files in the order of its shards: none where these are not files."""

    rows: IterableDataset
    files: tuple[str, ...]


@functools.lru_cache(maxsize=16)
def _open(name: str, subset: str | None, split: str, version: str) -> _Opened:
    """Open a dataset, once for all its shards: each opening asks the Hub for its list of files."""
    from datasets import load_dataset_builder

    revision = None if Path(name).is_dir() else version
    with _reachable(name):
        builder = load_dataset_builder(name, subset, revision=revision)
        found = builder.as_streaming_dataset(split=split)
        one_each = builder.name in ONE_SHARD_A_FILE
        files = (builder.config.data_files or {}).get(split, ()) if one_each else ()
        if found.features is not None:  # CSV tells them only as it is read, and decodes nothing
            found = found.decode(enable=False)  # pictures and sounds stay the bytes that they are
        return _Opened(found, tuple(map(str, files)))


def _commit(name: str, source: Source) -> tuple[str, dict[str, int]]:
    """The commit that a revision names, and its files with their bytes: one question."""
    from huggingface_hub import HfApi

    with _reachable(name):
        found = HfApi().dataset_info(
            name, revision=source.revision, files_metadata=True, timeout=TIMEOUT_SECONDS
        )
    commit = found.sha or str(source.revision)
    place = f"{SCHEME}datasets/{name}@{commit}"
    sizes = {f"{place}/{f.rfilename}": f.size for f in found.siblings or () if f.size is not None}
    return commit, sizes


def _local_version(name: str) -> str:
    """Digest of the folder's visible files: names, sizes, times."""
    folder = Path(name)
    with _reachable(name):
        if not folder.is_dir():
            raise FileNotFoundError("there is no such folder")
        stats = [(p.relative_to(folder), p.stat()) for p in sorted(folder.rglob("*"))]
    seen = [(str(n), s) for n, s in stats if not any(part.startswith(".") for part in n.parts)]
    return digest([(n, s.st_size, s.st_mtime_ns) for n, s in seen])


@contextlib.contextmanager
def _reachable(name: str) -> Iterator[None]:
    """Turn what the libraries raise, which is anything, into one error with the way out."""
    try:
        yield
    except Exception as error:
        script = "dataset scripts" in str(error).lower()  # a name may hold "script" too
        raise SourceError(
            name,
            got=f"{type(error).__name__} ({first_line(error)})",
            wanted="a dataset without a loading script" if script else "the dataset's rows",
            way_out=_SCRIPT if script else _OTHER,
        ) from error
