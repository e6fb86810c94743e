"""The reader: a mixture's rows in one global order, for any rank, worker and epoch.

>>> from tasks.reader import Reader
>>> for row in Reader("out", rank=0, world=8):  # dict of NumPy arrays and Python values
...     row["input_ids"], row["labels"]

Row ``i`` of the order belongs to rank ``i mod world``; any row is found without reading those
before it; what was read is a few numbers, from which any world size goes on exactly.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.errors import ConfigError, ManifestError
from tasks import reader_files, reader_torch
from tasks.mixture import arrays
from tasks.mixture.dealing import Hand
from tasks.reader_files import Files
from tasks.reader_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    import pyarrow as pa

    from schemas.mixture import Layout

State = dict[str, Any]
"""``manifest``, ``split``, ``epoch``, ``row``: rows consumed by all ranks of this epoch. In a
worker of a loader also ``hand`` and ``taken``: of which worker, and how many of its rows."""


class Progress(NamedTuple):
    """Rows from ``start`` on (from the start of epoch 0) are dealt; of these a hand has read."""

    start: int
    hand: Hand
    taken: int


@dataclass(eq=False)
class Reader:
    """Rows of one split of a mixture; iterate over it, or over :meth:`batches`, again and again.

    - ``folder``: of a run, or its folder mixture/, or a copy of that.
    - ``columns``: else what is learned from: ids, mask and labels, or turns and text.
    - ``rank`` of ``world`` reads every world-th row.
    - ``epoch``: where a pass begins; it goes over ``epochs`` of them (None: that one alone).
    - ``batch_rows``: rows of a batch, and rows that are fetched at a time.
    - ``worker_rows``: neighbouring rows that one of several workers of a loader takes. With the
      loader's own batch size it yields the order exactly, else nearly; workers that yield batches
      take whole ones, whatever is said here.
    - ``equal``: leave out the last rows, fewer than ``world``, that not every rank would get.

    Raises :class:`ManifestError` for a folder that is not whole, :class:`ConfigError` for a
    question that cannot be answered.
    """

    folder: str | PathLike[str]
    split: str = "train"
    _: KW_ONLY
    columns: Sequence[str] | None = None
    rank: int = 0
    world: int = 1
    epoch: int = 0
    epochs: int | None = None
    batch_rows: int = 64
    worker_rows: int = 1
    equal: bool = False
    _start: int | None = field(default=None, init=False, repr=False)
    _resumed: tuple[Hand, int] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._check()
        where, manifest = reader_files.find(str(self.folder))
        self.digest: str = manifest.digest
        self.layout: Layout | None = reader_files.layout_of(manifest)
        self._files = Files(where, manifest, self.split)
        self.names = reader_files.selected(self.columns, self._files.schema, where=where)
        self._begin, self._count = self.epoch, 1 if self.epochs is None else self.epochs
        name = f"{self.digest} {self.split}"
        self._rows = Rows(self._files, self.names, name=name, layout=self.layout)
        self._progress = Progress(self._first, Hand(), 0)

    def _check(self) -> None:
        for name, least in (("world", 1), ("epoch", 0), ("batch_rows", 1), ("worker_rows", 1)):
            if getattr(self, name) < least:
                raise _asked(str(self.folder), f"{name}={getattr(self, name)}", f"{least} or more")
        if not 0 <= self.rank < self.world:
            raise _asked(
                str(self.folder), f"rank={self.rank}", f"0 to {self.world - 1}, below world"
            )
        if self.epochs is not None and self.epochs < 1:
            raise _asked(str(self.folder), f"epochs={self.epochs}", "1 or more, or None for one")

    def _at_least_0(self, name: str, value: int) -> None:
        if value < 0:
            raise _asked(str(self.folder), f"{name}={value}", "0 or more")

    # Where reading is: rows are counted from the start of epoch 0.

    @property
    def rows(self) -> int:
        """Rows of the split: of one epoch, for all ranks."""
        return self._files.rows

    @property
    def schema(self) -> pa.Schema:
        """All columns of the shards, with their types."""
        return self._files.schema

    @property
    def _first(self) -> int:
        return self._begin * self.rows

    @property
    def _last(self) -> int:
        return (self._begin + self._count) * self.rows

    def __len__(self) -> int:
        """Rows that one pass of this rank yields, over all workers, from the start."""
        return Hand(self.rank, self.world).count(self._whole(self._last - self._first))

    def _whole(self, rows: int) -> int:
        return rows // self.world * self.world if self.equal else rows

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass begin with another epoch."""
        self._at_least_0("epoch", epoch)
        self._begin, self._start, self._resumed = epoch, None, None
        self._progress = Progress(self._first, Hand(), 0)

    def seek(self, row: int, *, epoch: int | None = None) -> None:
        """Let the next pass begin at a row of the global order, of ``epoch`` (else as it is).

        The rows from there on are dealt to ranks anew, beginning with rank 0.
        """
        number = self._begin if epoch is None else epoch
        self._at_least_0("epoch", number)
        begin = number if self.epochs is None else self._begin
        last = begin + self._count - 1
        if not (begin <= number <= last and 0 <= row <= self.rows):
            raise _asked(
                str(self.folder),
                f"row {row:,} of epoch {number}",
                f"0 to {self.rows:,}, of epochs {begin} to {last}",
            )
        start = number * self.rows + row
        self._begin, self._start, self._resumed = begin, start, None
        self._progress = Progress(start, Hand(), 0)

    def state_dict(self) -> State:
        """What has been read, as small JSON; the same for all ranks that have read as many rows."""
        start, hand, taken = self._progress
        if hand.workers > 1:
            return {**self.state_at(start - self._first), "hand": asdict(hand), "taken": taken}
        return self.state_at(min(start + taken * hand.world, self._last) - self._first)

    def state_at(self, rows: int) -> State:
        """The state after all ranks together have read so many rows of this pass.

        For loaders with workers, which read ahead: a training loop knows its steps, so ``rows`` is
        steps x rows of a batch x ranks.
        """
        self._at_least_0("rows", rows)
        epoch, row = divmod(self._first + rows, max(1, self.rows))
        if row == 0 and rows and self._first + rows == self._last:
            epoch, row = epoch - 1, self.rows
        return {"manifest": self.digest, "split": self.split, "epoch": epoch, "row": row}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, of this world size or another. Raises :class:`ManifestError`."""
        for name, own in (("manifest", self.digest), ("split", self.split)):
            if state.get(name) != own:
                raise ManifestError(
                    str(self.folder),
                    got=f"a state of {name} {state.get(name)}",
                    wanted=f"one of {name} {own}, which is read here",
                    way_out="Read the mixture that the training run was begun with, "
                    "or begin without a state.",
                )
        if not {"epoch", "row"} <= state.keys():
            raise ManifestError(
                str(self.folder),
                got=f"a state of {', '.join(state)}",
                wanted="one with epoch and row, as state_dict() gives it",
                way_out="Keep states whole, or seek(row, epoch=…) to where reading was.",
            )
        self.seek(int(state["row"]), epoch=int(state["epoch"]))
        if "hand" in state:
            self._resumed = (Hand(**state["hand"]), int(state["taken"]))
            self._progress = Progress(self._progress.start, *self._resumed)

    # What is read.

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield rows: lists of numbers as NumPy arrays, all else as Python values."""
        return self._each(self._begun(self.worker_rows))

    def batches(self) -> Iterator[pa.Table]:
        """Yield Arrow tables of ``batch_rows`` rows, the last one of fewer; not copied if whole.

        A worker of a loader takes whole batches in turn.
        """
        return self._tables(self._begun(self.batch_rows))

    def arrays(self) -> Iterator[dict[str, Any]]:
        """Yield :meth:`batches` as NumPy arrays (:func:`tasks.mixture.arrays.batch`)."""
        return map(arrays.batch, self.batches())

    def torch(self, *, batches: bool = False) -> Any:  # noqa: ANN401  (torch is not installed here)
        """Return a ``torch.utils.data.IterableDataset`` of rows, or of :meth:`arrays`."""
        return reader_torch.dataset(self, batches=batches)

    def _begun(self, run: int) -> Progress:
        """Begin a pass: where it starts, and whose rows this process reads of it."""
        start = self._first if self._start is None else self._start
        worker, workers = reader_torch.worker()
        hand = Hand(self.rank, self.world, worker, workers, run if workers > 1 else 1)
        self._progress = Progress(start, hand, self._taken(hand))
        self._start, self._resumed = None, None
        return self._progress

    def _tables(self, now: Progress) -> Iterator[pa.Table]:
        total = now.hand.count(self._whole(self._last - now.start))
        while now.taken < total:
            last = min(now.taken + self.batch_rows, total)
            table = self._rows.table(now.start + now.hand.rows(now.taken, last))
            now = self._progress = now._replace(taken=last)
            yield table

    def _each(self, now: Progress) -> Iterator[dict[str, Any]]:
        taken = now.taken
        for table in self._tables(now):
            for row in arrays.rows(table):
                taken += 1
                self._progress = now._replace(taken=taken)
                yield row

    def _taken(self, hand: Hand) -> int:
        """Rows of a pass that a worker's state says were read."""
        if self._resumed is None:
            return 0
        was, taken = self._resumed
        if was != hand:
            raise ConfigError(
                str(self.folder),
                got=f"the state of {was}",
                wanted=f"one of {hand}, as the loader has now",
                way_out="Give the loader as many workers as it had, or resume from "
                "reader.state_at(rows that all ranks have read), which fits any.",
            )
        return taken


def _asked(folder: str, got: str, wanted: str) -> ConfigError:
    return ConfigError(folder, got=got, wanted=wanted, way_out="Mend what the reader is asked for.")
