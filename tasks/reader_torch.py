"""Where the reader meets PyTorch, which openmoat neither needs nor loads by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tasks.reader import Reader


def worker() -> tuple[int, int]:
    """Number of the loader's worker that this process is, and how many there are; else 0 of 1.

    Looked up only where PyTorch is loaded: nobody else starts such workers.
    """
    torch = sys.modules.get("torch.utils.data")
    info = torch.get_worker_info() if torch is not None else None
    return (0, 1) if info is None else (info.id, info.num_workers)


def dataset(reader: Reader, *, batches: bool) -> Any:  # noqa: ANN401  (torch is not installed here)
    """Return a reader as a dataset of PyTorch; raises :class:`ConfigError` without PyTorch."""
    try:
        from torch.utils.data import IterableDataset
    except ImportError as error:
        raise ConfigError(
            "Reader.torch",
            got="no PyTorch in this environment",
            wanted="torch.utils.data",
            way_out="Install torch here, or iterate over the reader itself, which needs none.",
        ) from error
    kind: Any = type("Rows", (_Rows, IterableDataset), {"__reduce__": _reduced})
    return kind(reader, batches)


def _reduced(self: Any) -> tuple[Any, ...]:  # noqa: ANN401  (a class made above)
    """Be made again in another process, where its class is not known by name."""
    return _again, (self.reader, self.batches)


def _again(reader: Reader, batches: bool) -> Any:  # noqa: ANN401, FBT001  (pickle gives both)
    return dataset(reader, batches=batches)


class _Rows:
    """A reader's rows or batches, and the state that stateful loaders ask for."""

    def __init__(self, reader: Reader, batches: bool) -> None:  # noqa: FBT001  (see above)
        self.reader, self.batches = reader, batches

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.reader.arrays() if self.batches else iter(self.reader)

    def __len__(self) -> int:
        rows = len(self.reader)
        return -(-rows // self.reader.batch_rows) if self.batches else rows

    def set_epoch(self, epoch: int) -> None:
        self.reader.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        return self.reader.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.reader.load_state_dict(state)
