"""Replay from an open pool, by what a pipeline is given: all of it lies in one folder.

``pool.parquet``, ``card.json`` (sources and shares, as makers publish them), ``model/`` with the
tokenizer, and for the arm `sample` alone ``sample.parquet``. Shards are drawn by the functions that
recipes end in: :mod:`tasks.replay`, :mod:`tasks.inferring`, :mod:`tasks.generating`. Each is in
drawing order, so that less of it is a smaller shard.
"""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.errors import ConfigError, OpenmoatError
from schemas.experiment import Built
from tasks import generating, inferring, storage
from tasks.experiment import arms, basing, rows
from tasks.experiment.dealing import read_passages, write_passages
from tasks.hashing import digest, text_hashes
from tasks.replay import generations, labels, matched, packed
from tasks.replay.selection import Given, Settings, select
from tasks.replay.sides import Side, Strata, tokens_by
from tasks.training.sampling import How

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.experiment import BuildRequest, Sizes
    from tasks.replay.selection import Selection
    from tasks.tokens import Tokenizer

    Ints = NDArray[np.int64]

BUILT: Final = "built.json"
POOL, CARD, SAMPLE = "pool.parquet", "card.json", "sample.parquet"
LIKE: Final = 4
"""Of shares alone, so many budgets of the pool's own text at these shares stand for a target."""
BATCH: Final = 64


class Room(NamedTuple):
    """The pool and its side, the number of each passage's source, their names, a tokenizer."""

    given: str
    pool: pl.DataFrame
    side: Side
    sources: Ints
    names: tuple[str, ...]
    tokenizer: Tokenizer
    sizes: Sizes
    seed: int


class Drawn(NamedTuple):
    """Passages in drawing order, the shares of sources they were drawn at, and what to say."""

    frame: pl.DataFrame
    shares: dict[str, float]
    note: str = ""


def built(request: BuildRequest) -> Built:
    """Draw the shards that are wanted and write them, then ``built.json``.

    What refuses (shares that cannot be vouched for) is no error here: it is told.
    """
    given, room = tuple(_names(request.given)), _room(request)
    tokens, shares = dict[str, int](), dict[str, dict[str, float]]()
    refused, notes = dict[str, str](), dict[str, str]()
    for replay, share in request.wanted.items():
        budget = round(share * request.sizes.tokens * rows.MARGIN)
        try:
            drawn = ARMS[replay](room, budget)
        except OpenmoatError as error:
            refused[replay] = str(error)
            continue
        write_passages(shard_file(request.out, replay), drawn.frame)
        tokens[replay] = sum(room.tokenizer.count(drawn.frame[c.TEXT].to_list()))
        shares[replay] = drawn.shares or shares_of(room, drawn.frame)
        notes |= {replay: drawn.note} if drawn.note else {}
    told = Built(given=given, tokens=tokens, shares=shares, refused=refused, notes=notes,
                 seconds=time.process_time())  # fmt: skip
    storage.write_model(storage.join(request.out, BUILT), told)
    return told


def shard_file(folder: str, replay: str) -> str:
    """Return where the shard of a kind of replay lies."""
    return storage.join(folder, f"{replay.replace(': ', '-').replace(' ', '-')}.parquet")


def give(folder: str, pool: str, card: Mapping[str, float], base: str) -> None:
    """Lay out what a pipeline is given: copies, so that nothing leads to where they are from."""
    storage.write_bytes(storage.join(folder, POOL), storage.read_bytes(pool))
    storage.write_bytes(storage.join(folder, CARD), orjson.dumps(dict(card)))
    model = basing.model_of(base)
    for name in storage.list_names(model):
        at = storage.join(basing.model_of(folder), name)
        storage.write_bytes(at, storage.read_bytes(storage.join(model, name)))


def _names(folder: str) -> list[str]:
    """Files below a folder."""
    below = [f"{one}/{name}" for one in storage.list_folders(folder)
             for name in storage.list_names(storage.join(folder, one))]  # fmt: skip
    return sorted([*storage.list_names(folder), *below])


def _room(request: BuildRequest) -> Room:
    pool = read_passages(storage.join(request.given, POOL))
    by, names = basing.tokenizer_of(request.given), sorted(pool[c.SOURCE].unique())
    numbers = pool[c.SOURCE].replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    return Room(request.given, pool, _side(pool, by), numbers.to_numpy(), tuple(names), by,
                request.sizes, request.seed)  # fmt: skip


def _side(frame: pl.DataFrame, by: Tokenizer) -> Side:
    texts = frame[c.TEXT].to_list()
    counts = packed.of(pa.chunked_array([pa.array(texts, pa.large_string())]))
    documents = frame["document"].rank("dense").cast(pl.Int64).to_numpy() - 1
    return Side(counts, _keys(frame["id"].to_list()), documents,
                np.maximum(1, np.array(by.count(texts), np.int64)))  # fmt: skip


def _keys(names: Sequence[str]) -> NDArray[np.uint64]:
    hashed = [digest(name) for name in names]
    return np.array([[int(one[:16], 16), int(one[16:32], 16)] for one in hashed], np.uint64)


def _taken(room: Room, selection: Selection, shares: Mapping[str, float] | None = None) -> Drawn:
    frame = room.pool[pl.Series(selection.chosen, dtype=pl.UInt32)]
    return Drawn(frame, dict(shares or {}))


def _random(room: Room, budget: int) -> Drawn:
    return _taken(room, select("random", room.side, budget=budget, settings=_settings(room)))


def _wrong(room: Room, budget: int) -> Drawn:
    """Draw from what the card does not name."""
    foreign = np.flatnonzero(~room.pool[c.SOURCE].is_in(sorted(_card(room))).to_numpy())
    if not foreign.size:
        raise ConfigError("pool", got="no source but those of the card", wanted="foreign text",
                          way_out="Name sources of such text as foreign.")  # fmt: skip
    frame = room.pool[pl.Series(foreign, dtype=pl.UInt32)]
    side = _side(frame, room.tokenizer)
    found = select("random", side, budget=budget, settings=_settings(room))
    return Drawn(frame[pl.Series(found.chosen, dtype=pl.UInt32)], {})


def _shares(room: Room, budget: int) -> Drawn:
    card = _card(room)
    found = select("shares", room.side, Given(strata=_strata(room, card)), budget=budget,
                   settings=_settings(room))  # fmt: skip
    return _taken(room, found, card)


def _by_card(room: Room, budget: int) -> Drawn:
    return _like_shares(room, _card(room), budget)


def _by_tokenizer(room: Room, budget: int) -> Drawn:
    """Draw at the shares that the tokenizer's merges tell."""
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        places = {name: [storage.join(scratch, f"{name}.parquet")] for name in room.names}
        for (name,), own in room.pool.partition_by(c.SOURCE, as_dict=True).items():
            write_passages(places[str(name)][0], own)
        asked = inferring.Asked(sources=places, seed=room.seed)
        told = inferring.infer(basing.model_of(room.given), asked)
    return _like_shares(room, told.shares(), budget)


def _like_shares(room: Room, shares: Mapping[str, float], budget: int) -> Drawn:
    """Draw at some shares what is like the pool's own text at these.

    Of the original nothing is known but shares. So what it is like within a source is taken from
    that source's text: a draw at random of several budgets, by another seed.
    """
    strata = _strata(room, shares)
    other = Settings(seed=room.seed + 1, clamp=1.0)
    like = select("shares", room.side, Given(strata=strata), budget=LIKE * budget, settings=other)
    target = _part(room.side, like.chosen)
    found = select("surrogate", room.side, Given(target, strata), budget=budget,
                   settings=_settings(room))  # fmt: skip
    return _taken(room, found, shares)


def _by_generations(room: Room, budget: int) -> Drawn:
    """Draw what is like the model's own text, at the shares of sources that this tells.

    Where it tells none, by clusters, as a recipe with ``strata = "clusters"`` does; and say so.
    """
    side = _side(_generated(room), room.tokenizer)
    told = generations.told(side, room.side, room.sources, names=room.names, seed=room.seed)
    shares, settings, note = dict[str, float](), _settings(room), ""
    if told.tokens is None:
        note = f"shares of sources refused ({told.standing.value}: {told.says}); drawn by clusters"
        strata = matched.matched(side, room.side, budget=budget, seed=room.seed)
        settings = settings._replace(clamp=matched.CLAMP)
    else:
        strata = Strata(room.sources, told.tokens.shares)
        shares = dict(zip(room.names, told.tokens.shares.tolist(), strict=True))
    found = select("surrogate", room.side, Given(side, strata), budget=budget, settings=settings)
    return _taken(room, found, shares)._replace(note=note)


def _itself(room: Room, budget: int) -> Drawn:
    """Draw from what the model wrote itself."""
    own = _generated(room, least=budget)
    given = Given(generations=_side(own, room.tokenizer))
    found = select("self", room.side, given, budget=budget, settings=_settings(room))
    return Drawn(own[pl.Series(found.chosen, dtype=pl.UInt32)], {})


def _generated(room: Room, *, least: int = 0) -> pl.DataFrame:
    """Sample the checkpoint, as ``openmoat generate`` does, and leave loops and the like out."""
    length = room.sizes.row_tokens
    wanted = max(room.sizes.generated_tokens, round(rows.MARGIN * least))
    with tempfile.TemporaryDirectory(prefix="openmoat-") as scratch:
        out, how = storage.join(scratch, "own.parquet"), How(length=length, batch=BATCH)
        generating.of_checkpoint(
            generating.Request(basing.model_of(room.given), wanted, room.seed, how), out
        )
        table = storage.read_table(out, [c.TEXT, c.N_TOKENS])
    kept = generations.cleaned(table[c.TEXT].to_pylist(), table[c.N_TOKENS].to_numpy()).kept
    texts = table[c.TEXT].take(pa.array(kept))
    names = text_hashes(texts)
    own = {"id": names, "document": names, c.SOURCE: ["self"] * len(names),
           c.TEXT: texts.to_pylist()}  # fmt: skip
    return pl.DataFrame(own).unique("id", keep="first", maintain_order=True)


def _like_sample(room: Room, budget: int) -> Drawn:
    """Draw what is like a sample of the original, by the pool's sources."""
    target = _sample(room)
    found = labels.labelled(target, room.side, room.sources, names=room.names, seed=room.seed)
    shares = dict(zip(room.names, found.strata.shares.tolist(), strict=True))
    drawn = select("surrogate", room.side, Given(target, found.strata), budget=budget,
                   settings=_settings(room))  # fmt: skip
    return _taken(room, drawn, shares)


def _dsir(room: Room, budget: int) -> Drawn:
    found = select("dsir", room.side, Given(_sample(room)), budget=budget,
                   settings=_settings(room))  # fmt: skip
    return _taken(room, found)


def _sample(room: Room) -> Side:
    return _side(read_passages(storage.join(room.given, SAMPLE)), room.tokenizer)


def _card(room: Room) -> dict[str, float]:
    found: dict[str, float] = orjson.loads(storage.read_bytes(storage.join(room.given, CARD)))
    return found


def _strata(room: Room, shares: Mapping[str, float]) -> Strata:
    return Strata(room.sources, np.array([shares.get(name, 0.0) for name in room.names]))


def _settings(room: Room) -> Settings:
    return Settings(seed=room.seed)


def _part(side: Side, places: Ints) -> Side:
    counts = packed.taken(side.counts, places)
    return Side(counts, side.keys[places], side.documents[places], side.tokens[places])


def shares_of(room: Room, frame: pl.DataFrame) -> dict[str, float]:
    """Return the shares of sources in the tokens of a shard."""
    numbers = frame[c.SOURCE].replace_strict(
        list(room.names), range(len(room.names)), default=len(room.names), return_dtype=pl.Int64
    ).to_numpy()  # fmt: skip
    counts = np.array(room.tokenizer.count(frame[c.TEXT].to_list()), np.int64)
    found: Any = tokens_by(numbers, counts, len(room.names) + 1) / max(1, counts.sum())
    return dict(zip(room.names, found[:-1].tolist(), strict=True))


ARMS: Final[dict[str, Callable[[Room, int], Drawn]]] = {
    arms.RANDOM: _random,
    arms.WRONG: _wrong,
    arms.SHARES: _shares,
    arms.CARD: _by_card,
    arms.TOKENIZER: _by_tokenizer,
    arms.GENERATIONS: _by_generations,
    arms.SELF: _itself,
    arms.SAMPLE: _like_sample,
    arms.DSIR: _dsir,
}
