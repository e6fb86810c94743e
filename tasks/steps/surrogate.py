"""Steps of ``build_replay`` that draw by text: measure the pool, draw, certify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import columns as c
from schemas.config import (
    BudgetConfig,
    MaskingConfig,
    SignalsConfig,
)
from schemas.manifest import Frozen, StageManifest
from schemas.replay import BY_SHARES, Unit
from schemas.tables import DRAWN, conform
from tasks import draws, kept, ledger, progress, storage, tokenizer_files, tokens, written
from tasks.encoding import Encoder
from tasks.hashing import digest, table_digest
from tasks.replay.selection import RANDOM
from tasks.report import certificate as certificates
from tasks.select import TRAIN
from tasks.steps import planned, replay
from tasks.steps.artifacts import tell
from tasks.steps.policy import step
from tasks.surrogate import certificate, pool, profile, splits, target
from tasks.surrogate.certificate import Run, Sides
from tasks.surrogate.splits import Asked, Drawing
from tasks.surrogate.target import Own, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.replay import ReplayConfig
    from tasks.replay.sides import Ints
    from tasks.surrogate.drawing import Count, Kinds
    from tasks.tokens import Tokenizer

VERSION = "surrogate-1"
STAGE = "passages"
TARGET_FILE = "target.json"
DOCUMENTS = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.RECIPE_SOURCE, pa.string(), nullable=False),
        pa.field(c.SPLIT, pa.string(), nullable=False),
        pa.field(c.SHARD, pa.string(), nullable=False),
        pa.field(c.ROW, pa.int64(), nullable=False),
        pa.field(c.N_BYTES, pa.int64(), nullable=False),
    ]
)
"""Documents of the pool."""


class Plan(Frozen):
    """Where the pool's measurements lie, and of which documents shards they are."""

    key: str
    scratch: str
    unit: Unit
    masking: MaskingConfig | None = None
    sources: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    finished: bool = False


@step
def plan_pool(config: BudgetConfig, old: list[str], out: str) -> Plan:
    """Decide which documents the pool has; the list is written beside the scratch files."""
    wanted = _replay(config)
    own = [] if wanted.target is None else _target_keys(wanted)
    masks = kept.mask_key(config.masking)
    key = digest(VERSION, pool.VERSION, config, old, own, replay.upstream(out), *masks)
    plan = Plan(
        key=key,
        scratch=storage.join(out, ledger.SCRATCH, f"{STAGE}-{key}"),
        unit=wanted.drawn_by,
        masking=config.masking,
        sources=tuple(wanted.pool(tuple(old))),
    )
    if replay.standing(out, key) is not None:
        return plan.model_copy(update={"finished": True})
    if wanted.text_target is not None:  # what it is refused for is known before the pool is read
        read = target.read(wanted.text_target, out, seed=config.seed)
        storage.write_model(storage.join(plan.scratch, TARGET_FILE), read)
    ledger.begin(out, "replay")
    frame = pool.of_trained(pool.documents(_of_sources(wanted, old, config, out), wanted))
    ordered = frame.sort(c.SHARD, c.ROW).select(DOCUMENTS.names)
    shards = planned.write(plan.scratch, ordered, DOCUMENTS)
    progress.expect(STAGE, int(frame[c.N_BYTES].sum()))
    return plan.model_copy(update={"shards": shards})


def _replay(config: BudgetConfig) -> ReplayConfig:
    assert config.replay is not None  # noqa: S101  (the flow asks for it)
    return config.replay


def _target_keys(config: ReplayConfig) -> list[Any]:
    assert config.target is not None  # noqa: S101  (asked before)
    if config.target.shares_file is not None:
        return [splits.inferred(config.target)]
    return [target.VERSION, target.part(config.target).keys()]


def _of_sources(
    wanted: ReplayConfig, old: Sequence[str], config: BudgetConfig, out: str
) -> pl.DataFrame:
    """Return kept documents of sources that may be drawn."""
    frame = kept.load(out, seed=config.seed, masking=config.masking)
    frame = frame.filter(pl.col(c.RECIPE_SOURCE).is_in(wanted.pool(tuple(old))))
    if wanted.arm in BY_SHARES and wanted.text_target is None:
        found = splits.shares(wanted)
        splits.check_sources(found, sorted(frame[c.SOURCE].unique()), wanted)
        frame = frame.filter(pl.col(c.SOURCE).is_in([n for n, share in found.items() if share > 0]))
    return frame


@step
def measure_pool(plan: Plan, name: str, out: str) -> str:
    """Measure the pool's documents of a shard, one file a split; what stands is not done again."""
    own = planned.read(plan.scratch, [name], DOCUMENTS)
    for split in pool.SPLITS:
        some, at = own.filter(pl.col(c.SPLIT) == split), _measured_at(plan, name, split)
        if storage.read_shard(at) is None:
            pool.write(at, pool.measure(out, name, some, unit=plan.unit, masking=plan.masking))
    progress.advance(STAGE, documents=own.height, n_bytes=int(own[c.N_BYTES].sum()))
    return name


def _measured_at(plan: Plan, name: str, split: str) -> str:
    return storage.join(plan.scratch, f"{split}-{name}")


@step
def draw_surrogate(
    plan: Plan, config: BudgetConfig, signals: SignalsConfig, out: str
) -> tuple[StageManifest, bool]:
    """Draw from what was measured, certify and write it; say whether it stood already."""
    known = replay.standing(out, plan.key)
    if known is not None:
        return known, True
    wanted, tokenizer = _replay(config), tokenizer_files.load(out)
    frame = planned.read(plan.scratch, plan.shards, DOCUMENTS)
    asked = Asked(wanted, _tokens(config, out), config.seed)
    target_of = _read(wanted, plan)
    guide = None if target_of is None else target_of.guide
    drawing = Drawing(asked, _pools(plan, frame), guide, _counting(out, tokenizer, config.masking))
    drawn, details = drawing.both()
    details["without_documents"] = sorted(set(plan.sources) - set(frame[c.RECIPE_SOURCE]))
    told = replay.Told(frame.height, details, profile.of_shares(wanted))
    if target_of is not None:
        run = Run(out, signals, config.masking, config.seed)
        told = _of_target(told, run, target_of, drawing.kinds, tokenizer)
        told = _certified(told, run, target_of.texts, (drawing, drawn), tokenizer)
    manifest = replay.lay_by(drawn, config, plan.key, out, told=told)
    storage.remove(plan.scratch)
    return manifest, False


def _read(config: ReplayConfig, plan: Plan) -> Own | None:
    if config.text_target is None:
        return None
    texts = storage.read_model(storage.join(plan.scratch, TARGET_FILE), Target)
    return Own(config.text_target, texts, target.guide(texts.guide, plan.unit))


def _of_target(
    told: replay.Told, run: Run, own: Own, kinds: Kinds | None, tokenizer: Tokenizer
) -> replay.Told:
    """Add what was read of the target, and its profile."""
    sizes = tokens.count(tokenizer, own.guide.texts.to_pylist())
    found = profile.of_text(own, tokens=np.array(sizes, np.int64), kinds=kinds, signals=run.signals)
    read = {**own.texts.read, "digest": own.texts.digest}
    return told._replace(profile=found, details={**told.details, "target": read})


def _pools(plan: Plan, frame: pl.DataFrame) -> dict[str, pool.Pool]:
    return {
        split: pool.load(
            [(name, _measured_at(plan, name, split)) for name in plan.shards],
            frame.filter(pl.col(c.SPLIT) == split),
        )
        for split in pool.SPLITS
    }


def _certified(
    told: replay.Told,
    run: Run,
    texts: Target,
    drew: tuple[Drawing, pl.DataFrame],
    tokenizer: Tokenizer,
) -> replay.Told:
    """Add the certificate, by what drawing did not see; none where nothing is there to compare."""
    drawing, drawn = drew
    train = drawn.filter(pl.col(c.SPLIT) == TRAIN)
    if not texts.held_out or not train.height:
        return told
    drawn_rows = conform(train.select(DRAWN.names).to_arrow(), DRAWN)
    sides = Sides(
        shard=train,
        random=drawing.draw(TRAIN, RANDOM).places,
        pool=drawing.pool,
        held_out=texts.held_out,
        provenance=texts.provenance,
        digest=table_digest(drawn_rows, leave_out=replay.PLACE),
    )
    found = certificate.certificate(run, sides, tokenizer, "the run's tokenizer")
    tell("replay-certificate", certificates.sections(found))
    return told._replace(certificate=found)


def _tokens(config: BudgetConfig, out: str) -> dict[str, int]:
    """Return the tokens of each split that the recipe asks for."""
    with Encoder.of(config, out) as encoder:
        frame = draws.documents(config, encoder, out)
        return draws.replay_targets(config, draws.new_data(frame, config, encoder=encoder, out=out))


def _counting(out: str, tokenizer: Tokenizer, masking: MaskingConfig | None) -> Count:
    """Return what counts places exactly, as they are written: an extra read of their documents."""

    def count(places: pl.DataFrame) -> Ints:
        found = np.zeros(places.height, np.int64)
        numbered = places.select(c.SHARD, c.ROW, c.START, c.END).with_row_index("at")
        for (name,), own in sorted(numbered.partition_by(c.SHARD, as_dict=True).items()):
            read = written.rows(out, str(name), own, columns=[c.TEXT], masking=masking)
            for said, table, _ in read:
                sizes = tokens.count(tokenizer, table.column(c.TEXT).to_pylist())
                found[said["at"].to_numpy()] = sizes
        return found

    return count
