"""A model is trained on a mixture's folder: what it goes on from, and what it leaves.

``OUT/model`` (and ``adapter``), ``curve.parquet``, ``states/`` and, when all is done,
``training.json``. The same request again goes on from the last state; killed and gone on with, a
run gives what it would have given, to the bit on one thread of a CPU.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow.compute as pc

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.training import TrainConfig, Trained, TrainKey
from tasks import learning_models, learning_states, ledger, reader_files, storage
from tasks.hashing import digest
from tasks.reader import Reader
from tasks.storage import claim
from tasks.training import batches, building, checkpoint, extra, loop, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.mixture import Layout
    from tasks.training.loop import Learner, Point

VERSION: Final = "train-1"
COMMAND: Final = "openmoat train"
TRAINED: Final = "training.json"
SPLIT, VALIDATION = "train", "validation"


class Request(NamedTuple):
    """A mixture's folder, a model (a folder, or a shape of building.SHAPES), and how.

    ``state_steps``: a state is written every so many steps; ``keep``: so many last ones are kept.
    ``tokenizer``: goes with a fresh model, where the mixture's run has it not.
    """

    mixture: str
    model: str
    out: str
    config: TrainConfig = TrainConfig()
    state_steps: int = 100
    keep: int = 2
    threads: int = 1
    tokenizer: str | None = None


def train(
    request: Request,
    told: Callable[[Point, int], None] = lambda _point, _of: None,
    *,
    checked: TrainKey | None = None,
) -> Trained:
    """Train, or go on; ``told`` hears of each step and of how many there are.

    ``checked``: what :func:`check` returned, so that the model's files are not read for it again.
    Raises :class:`ConfigError` for what does not go together, :class:`ManifestError` for what is
    damaged, :class:`TrainingError` where training cannot go on.
    """
    extra.needed(COMMAND)
    reader, layout = _reader(request)
    key = checked or _key(request, reader, layout)
    known = _finished(request.out, key)
    if known is not None:
        return known
    # What cuBLAS needs to give the same sums again; read when a GPU is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    building.settle(request.threads)
    with storage.claimed(request.out), building.enough_memory(request.config.batch_rows):
        done = _trained(request, reader, layout, key, told)
    storage.write_model(storage.join(request.out, TRAINED), done)
    return done


def check(request: Request) -> TrainKey:
    """Return what a run rests on; raise what :func:`train` would before it loads the model.

    But for damaged files of a state: only what goes on with them reads them.
    """
    extra.needed(COMMAND)
    reader, layout = _reader(request)
    key = _key(request, reader, layout)
    if _finished(request.out, key) is None:
        learning_states.last(request.out, key)
    return key


def _key(request: Request, reader: Reader, layout: Layout) -> TrainKey:
    """Return what a run rests on. Raises :class:`ConfigError` where it does not go together."""
    if request.config.lora is not None:
        extra.peft(COMMAND)
    learning_models.check(request.model, layout.tokenizer)
    claim.check_own(request.out, "a training run", others=(ledger.RUN,))
    return TrainKey(
        config=digest(VERSION, request.config),
        mixture=reader.digest,
        model=learning_models.key(request.model, layout),
    )


def _finished(out: str, key: TrainKey) -> Trained | None:
    """Return what a run says that is done; ConfigError where it is another one."""
    at = storage.join(out, TRAINED)
    if not storage.exists(at):
        return None
    known = storage.read_model(at, Trained)
    learning_states.check_key(out, known.key, key)
    return known


def _trained(
    request: Request, reader: Reader, layout: Layout, key: TrainKey,
    told: Callable[[Point, int], None],
) -> Trained:  # fmt: skip
    """Go on from the last state to the end, and write the model and the curve."""
    config, total = request.config, steps(reader, request.config)
    beside = learning_models.tokenizer(
        request.model, request.mixture, request.tokenizer, layout.tokenizer
    )
    found = learning_states.latest(request.out, key)
    own, points = _begun(request, layout, found), [] if found is None else found.points
    learning_models.check_fits(own.model, layout, _longest(reader, layout), where=request.model)
    if config.isolate:
        building.check_isolation(own.model)
    if found is not None:
        reader.load_state_dict(found.state.reader)
    went_on, constant = len(points), _constant(config, total)
    some = _batches(reader, layout, total - went_on)
    for point in loop.steps(own, some, config, total=total, last=points[-1] if points else None):
        points.append(point)
        told(point, total)
        if point.step == constant or point.step % request.state_steps == 0 < total - point.step:
            reached = learning_states.Reached(points, reader.state_dict(), key, beside)
            learning_states.write(request.out, own, reached)
            learning_states.keep(request.out, request.keep, always=constant)
    learning_states.write_curve(storage.join(request.out, learning_states.CURVE_FILE), points)
    trained, every = _parameters(own.model)
    model = learning_models.write(request.out, own.model, beside)
    return Trained(
        key=key, config=config, mixture=request.mixture, base=request.model, model=model,
        steps=total, resumed_at=went_on, rows=min(total * config.step_rows, len(reader)),
        tokens=points[-1].tokens, parameters=every, trained_parameters=trained,
        device=own.device, last=points[-1]._asdict(),
    )  # fmt: skip


def _constant(config: TrainConfig, total: int) -> int:
    """Return the last step of an infinite schedule's constant phase: more data goes on from it."""
    return rates.phases(config.rates, total).constant if config.rates.schedule == "infinite" else 0


def steps(reader: Reader, config: TrainConfig) -> int:
    """Return the number of steps; the last one may have fewer rows."""
    every = -(-len(reader) // config.step_rows)
    return every if config.max_steps is None else min(every, config.max_steps)


def _reader(request: Request) -> tuple[Reader, Layout]:
    """Open the mixture in its order. Raises :class:`ConfigError` where it holds no ids."""
    _, manifest = reader_files.find(request.mixture)
    layout = reader_files.layout_of(manifest)
    if layout is None or layout.format != "tokens":
        raise ConfigError(
            request.mixture,
            got="a mixture of text" if layout is None else f"a mixture of {layout.format}",
            wanted="one of tokens: a model learns ids",
            way_out='Build it with format = "tokens" in [mixture] (and row_tokens, to pack rows).',
        )
    packed = (c.ENDS,) if layout.row_tokens is not None else ()
    reader = Reader(
        request.mixture,
        SPLIT,
        columns=(*batches.COLUMNS, *packed),
        epochs=request.config.epochs,
        batch_rows=request.config.step_rows,
    )
    if not len(reader):
        raise ConfigError(
            request.mixture,
            got="a mixture without rows",
            wanted="something to learn",
            way_out="Raise the token budget of the recipe.",
        )
    return reader, layout


def has_validation(mixture: str) -> bool:
    """Whether a mixture has a validation split."""
    _, manifest = reader_files.find(mixture)
    return any(shard.file.startswith(f"{VALIDATION}/") for shard in manifest.shards)


def _begun(request: Request, layout: Layout, found: learning_states.Found | None) -> Learner:
    """Return a model and its optimizer, fresh or as a state has them."""
    config, device = request.config, checkpoint.device(COMMAND)
    if found is None:
        model = learning_models.begun(request.model, layout, config)
        return loop.learner(model, config, device)
    state = storage.join(found.folder, learning_states.MODEL)
    model = learning_models.resumed(request.model, layout, config, state)
    own = loop.learner(model, config, device)
    learning_states.restore(own, found)
    return own


def _batches(reader: Reader, layout: Layout, number: int) -> Iterator[batches.Batch]:
    said = layout.tokenizer
    padding = next((i for i in (said.padding_id, said.end_id) if i is not None), 0)
    tables = islice(reader.batches(), number)
    return (batches.of_table(table, padding=padding) for table in tables)


def _longest(reader: Reader, layout: Layout) -> int:
    """Tokens of the longest row, with the one that ends it."""
    if layout.row_tokens is not None:
        return layout.row_tokens
    lengths = Reader(reader.folder, SPLIT, columns=[c.TOKENS]).batches()
    return 1 + max(int(pc.max(table.column(c.TOKENS)).as_py()) for table in lengths)


def _parameters(model: Any) -> tuple[int, int]:  # noqa: ANN401  (a model)
    """Return how many numbers of a model are trained, and how many it has."""
    every = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, on in every if on), sum(n for n, _ in every)
