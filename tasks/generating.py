"""A local checkpoint's own text in one Parquet file, by shards, so that a killed run goes on.

A shard of :data:`ROWS` rows is written to the folder ``OUT.parts``; when there are tokens enough,
all rows up to there become ``OUT`` and the folder goes. A row's seed is a hash of the run's seed
and the row's number, so that more tokens are the same rows and more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.manifest import Shard
from schemas.tables import GENERATIONS, conform
from tasks import hashing, storage
from tasks.replay import generations
from tasks.training import checkpoint, extra, texts
from tasks.training.sampling import How

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.training.checkpoint import Checkpoint

VERSION: Final = "generate-1"
COMMAND: Final = "openmoat generate"
ROWS: Final = 32
"""Rows of a shard: whatever the batch, so that a run can go on with a smaller one."""
PARTS: Final = ".parts"


class Request(NamedTuple):
    """What is asked for: so many tokens of a checkpoint in a local folder.

    ``prompts``: a file with a prompt a line, used in turn. ``chat``: conversations.
    """

    folder: str
    tokens: int
    seed: int = 0
    how: How = How()
    prompts: str | None = None
    chat: bool = False


class Answer(NamedTuple):
    """What there is: rows, their tokens, how many the model ended itself, shards found and made.

    ``dropped``, ``dropped_tokens``: rows, and their tokens, that each filter of
    :mod:`tasks.replay.generations` would drop; the file holds them all. ``device`` is None where
    nothing had to be sampled.
    """

    rows: int
    tokens: int
    finished: int
    reused: int
    made: int
    device: str | None
    dropped: dict[str, int]
    dropped_tokens: dict[str, int]


def of_checkpoint(
    request: Request, out: str, told: Callable[[int], None] = lambda _: None
) -> Answer:
    """Sample a checkpoint; ``told`` hears of the tokens there are after each shard.

    Raises :class:`ConfigError` for a folder that is no checkpoint, without the extra ``train``, and
    where ``out`` holds something else.
    """
    checkpoint.check(request.folder, storage.list_names(request.folder))
    prompts = _prompts(request.prompts)
    key = _key(request, prompts)
    whole = hashing.digest(key, request.tokens)
    if storage.exists(out):
        _check_same(out, whole)
        return _answer(storage.read_table(out), reused=1, made=0, device=None)
    extra.needed(COMMAND)
    folder = out + PARTS
    shards = _Shards(request, prompts, key, folder)
    with storage.claimed(folder):
        storage.sweep_temporaries(folder)
        tables = _tables(shards, request.tokens, told)
        table = _up_to(pa.concat_tables(tables), request.tokens)
        digest = hashing.table_digest(table)
        shard = Shard(file=storage.name_of(out), rows=table.num_rows, digest=digest, key=whole)
        storage.write_table(out, table, GENERATIONS, shard=shard)
        storage.remove(folder)
    device = shards.model.device if shards.model is not None else None
    return _answer(table, reused=len(tables) - shards.made, made=shards.made, device=device)


def _tables(shards: _Shards, wanted: int, told: Callable[[int], None]) -> list[pa.Table]:
    """Return shards until there are tokens enough; leave no empty folder where that fails."""
    tables, tokens = list[pa.Table](), 0
    try:
        while tokens < wanted:
            tables.append(shards.table(len(tables)))
            tokens += int(np.sum(tables[-1].column(c.N_TOKENS).to_numpy()))
            told(tokens)
    finally:
        if not storage.list_names(shards.folder):
            storage.remove(shards.folder)
    return tables


class _Shards:
    """Shards that are there, or are made; the model is loaded when one has to be."""

    def __init__(self, request: Request, prompts: Sequence[str], key: str, folder: str) -> None:
        self._request, self._prompts, self._key, self.folder = request, prompts, key, folder
        self.model: Checkpoint | None = None
        self.made = 0

    def table(self, number: int) -> pa.Table:
        file = storage.join(self.folder, f"part-{number:06d}.parquet")
        key = hashing.digest(self._key, number)
        known = storage.read_shard(file)
        if known is not None and known.key == key:
            return storage.read_table(file)
        if self.model is None:
            self.model = checkpoint.load(self._request.folder)
        table = self._written(self.model, number)
        digest = hashing.table_digest(table)
        shard = Shard(file=storage.name_of(file), rows=table.num_rows, digest=digest, key=key)
        storage.write_table(file, table, GENERATIONS, shard=shard)
        self.made += 1
        return table

    def _written(self, model: Checkpoint, number: int) -> pa.Table:
        numbers = range(number * ROWS, (number + 1) * ROWS)
        drawn = hashing.seeded(map(str, numbers), seed=self._request.seed, stage=VERSION)
        seeds = (drawn >> np.uint64(1)).astype(np.int64)
        prompts = [self._prompts[i % len(self._prompts)] for i in numbers]
        write = texts.conversed if self._request.chat else texts.written
        rows = write(model, seeds.tolist(), prompts, self._request.how)
        if not any(row.n_tokens for row in rows):
            raise ConfigError(
                self._request.folder,
                got=f"a model that ends {len(rows)} of {len(rows)} texts before their first token",
                wanted="one that writes",
                way_out="Give --prompts, or look at its tokens for beginning and end.",
            )
        table = pa.table(
            {
                c.TEXT: pa.array([row.text for row in rows], pa.large_string()),
                c.N_TOKENS: pa.array([row.n_tokens for row in rows], pa.int64()),
                c.SEED: pa.array(seeds),
                c.FINISHED: pa.array([row.finished for row in rows]),
                c.MESSAGES: pa.array(
                    [row.messages for row in rows], GENERATIONS.field(c.MESSAGES).type
                ),
            }
        )
        return conform(table, GENERATIONS)


def _prompts(file: str | None) -> list[str]:
    """Return the lines of a file that say something; one that is empty where there is no file."""
    if file is None:
        return [""]
    try:
        lines = storage.read_bytes(file).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_prompts(file, str(error)) from error
    found = [line for line in lines if line.strip()]
    if not found:
        raise _bad_prompts(file, "no line with a prompt")
    return found


def _bad_prompts(file: str, got: str) -> ConfigError:
    return ConfigError(
        f"--prompts {file}",
        got=got,
        wanted="a text file in UTF-8 with a prompt a line",
        way_out="Correct the path or the file, or leave the option out.",
    )


def _key(request: Request, prompts: Sequence[str]) -> str:
    """Return what tells rows apart: neither batch nor device, nor how many of them."""
    names = storage.list_names(request.folder)
    stamps = [(storage.stamp(storage.join(request.folder, name)) or ())[1:] for name in names]
    how = (request.how.temperature, request.how.length, request.chat, request.seed)
    return hashing.digest(VERSION, ROWS, names, stamps, how, list(prompts))


def _check_same(out: str, key: str) -> None:
    known = storage.read_shard(out)
    if known is None or known.key != key:
        raise ConfigError(
            f"--out {out}",
            got="a file that is there, of another command",
            wanted="a new one, or the result of this very command",
            way_out="Choose another --out, or remove the file.",
        )


def _up_to(table: pa.Table, tokens: int) -> pa.Table:
    """Return the rows up to the one with which there are so many tokens."""
    after = np.cumsum(table.column(c.N_TOKENS).to_numpy())
    return table.slice(0, int(np.searchsorted(after, tokens)) + 1).combine_chunks()


def _answer(table: pa.Table, *, reused: int, made: int, device: str | None) -> Answer:
    frame = pl.DataFrame(table.select([c.N_TOKENS, c.FINISHED]))
    tokens = frame[c.N_TOKENS].to_numpy()
    told = [
        text if turns is None else generations.turns(turns)
        for text, turns in zip(
            table.column(c.TEXT).to_pylist(), table.column(c.MESSAGES).to_pylist(), strict=True
        )
    ]
    cleaned = generations.cleaned(told, tokens)
    return Answer(
        rows=table.num_rows,
        tokens=int(tokens.sum()),
        finished=int(frame[c.FINISHED].sum()),
        reused=reused,
        made=made,
        device=device,
        dropped=cleaned.dropped,
        dropped_tokens=cleaned.dropped_tokens,
    )
