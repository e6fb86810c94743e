"""A shard that stays open, and of which row groups are read one by one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import ManifestError
from tasks.storage import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class OpenShard:
    """A Parquet file whose footer is read once. ``group_rows``: the rows of each row group.

    Pages are checked against their checksums as they are read; nothing is read ahead, so that what
    was read is not kept.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        with self._mended():
            self._file = pq.ParquetFile(location, page_checksum_verification=True, pre_buffer=False)
            said = self._file.metadata
            self.group_rows = [said.row_group(i).num_rows for i in range(said.num_row_groups)]
            self.schema: pa.Schema = self._file.schema_arrow

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read some columns of a row group, a chunk a column where that is possible."""
        with self._mended():
            return self._file.read_row_group(group, columns=list(columns), use_threads=False)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    @contextlib.contextmanager
    def _mended(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ManifestError(
                self.location,
                got=local.first_line(error),
                wanted="a whole Parquet shard, as openmoat wrote it",
                way_out="Copy it anew from where the mixture was made, or remove it and run the "
                "recipe again: it alone is made anew.",
            ) from error
