"""The parts of the experiment in their folders: what each process is given, and what comes of it.

``OUT/parts``; for each seed ``OUT/seed-0/base``, ``closed`` and ``sample`` (shards), ``arms/NAME``;
at last ``result.json``, ``trajectories.parquet`` and ``report.html``, or ``speaking.html``.
"""

from __future__ import annotations

import platform
import re
import tempfile
from importlib import metadata
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import pyarrow as pa

from schemas.errors import ConfigError
from schemas.experiment import (
    ArmRequest,
    BaseRequest,
    BuildRequest,
    DealRequest,
    Result,
    Setting,
    Sizes,
    SpeakRequest,
)
from schemas.manifest import Shard
from schemas.tables import conform
from tasks import hashing, ledger, storage
from tasks.experiment import arms, basing, figures, process, rows, shards
from tasks.experiment.dealing import mixed, part_file, write_passages
from tasks.storage import claim
from tasks.training import checkpoint, extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.experiment import Arm, Base, Built, Dealt, Outcome, Spoken

T = TypeVar("T")
COMMAND: Final = "openmoat experiment forgetting"
RESULT, TRAJECTORIES = "result.json", "trajectories.parquet"
SAMPLE: Final = "sample"
COURSES: Final = pa.schema(
    [
        pa.field("arm", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("old", pa.float64(), nullable=False),
        pa.field("new", pa.float64(), nullable=False),
    ]
)
"""Where each arm stood in the plane of losses, from before its first step (0) to after the last:
nats a token on validation text."""


class Plan(NamedTuple):
    """What is to be run, and where. ``data``: the folder that the setting's places lie in."""

    data: str
    out: str
    preset: str
    setting: Setting
    sizes: Sizes
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    keep: bool = False

    @property
    def parts(self) -> str:
        """Where the parts lie."""
        return storage.join(self.out, "parts")

    def of(self, seed: int, *names: str) -> str:
        """Return a folder of a seed."""
        return storage.join(self.out, f"seed-{seed}", *names)


def check(plan: Plan) -> None:
    """Raise :class:`ConfigError` where data are not there, --out is another's, or no PyTorch is."""
    for place in plan.setting.places.values():
        if not storage.exists(storage.join(plan.data, place)):
            raise ConfigError(
                f"--data {plan.data}",
                got=f"no {place} below it",
                wanted="the folders and files of the setting: "
                f"{', '.join(plan.setting.places.values())}",
                way_out="Name the folder that holds them with --data, or set OPENMOAT_DATA.",
            )
    claim.check_own(plan.out, "an experiment", others=(ledger.RUN,))
    extra.needed(COMMAND)


def deal(plan: Plan) -> Dealt:
    """Deal documents out."""
    request = DealRequest(data=plan.data, setting=plan.setting, sizes=plan.sizes, out=plan.parts)
    read = [
        (source, file.url.removeprefix(plan.data), file.size, file.version)
        for source, place in plan.setting.places.items()
        for file in storage.list_inputs(storage.join(plan.data, place), where=source)
    ]
    key = process.key_of(process.DEAL, request, hashing.digest(read))
    found: Dealt = process.answered(process.DEAL, request, key)
    return found


def base(plan: Plan, seed: int) -> Base:
    """Train on old text."""
    request = BaseRequest(parts=plan.parts, setting=plan.setting, sizes=plan.sizes, seed=seed,
                          out=plan.of(seed, "base"))  # fmt: skip
    key = process.key_of(process.BASE, request, process.own_key(plan.parts))
    found: Base = process.answered(process.BASE, request, key)
    return found


def build(plan: Plan, seed: int, kind: str) -> Built:
    """Draw the shards of a process that is given one folder, which nothing leads out of."""
    wanted = {one: arms.largest(plan.arms, one) for one in arms.pipelines(plan.arms)[kind]}
    out = plan.of(seed, kind)
    request = BuildRequest(given=".", wanted=wanted, sizes=plan.sizes, seed=seed, out="shards")
    key = process.key_of(process.BUILD, request, process.own_key(plan.of(seed, "base")))
    if not process.stands(out, key):
        storage.remove(out)
        with tempfile.TemporaryDirectory(prefix="openmoat-") as given:
            _give(plan, seed, given, with_sample=kind == SAMPLE)
            process.answered(process.BUILD, request, key, cwd=given)
            made = storage.join(given, "shards")
            for name in sorted(storage.list_names(made), key=lambda name: name == process.KEY):
                body = storage.read_bytes(storage.join(made, name))
                storage.write_bytes(storage.join(out, name), body)
    found: Built = process.answer(process.BUILD, out)
    return found


def _give(plan: Plan, seed: int, folder: str, *, with_sample: bool) -> None:
    own = plan.of(seed, "base")
    shards.give(folder, part_file(plan.parts, "pool"), plan.setting.old, own)
    if with_sample:
        sizes, shares, by = plan.sizes, plan.setting.old, basing.tokenizer_of(own)
        text = basing.first_text(plan.parts, shares, sizes, by)
        order = mixed(text, seed=seed, stage="experiment sample")
        some = rows.at_shares(order, shares, sizes.sample_share * sizes.first_tokens, by)
        write_passages(storage.join(folder, shards.SAMPLE), some)


def arm(plan: Plan, seed: int, own: Arm) -> Outcome:
    """Train an arm."""
    kinds = arms.pipelines(plan.arms)
    kind = next((kind for kind, some in kinds.items() if own.replay in some), None)
    shard = shards.shard_file(plan.of(seed, kind), str(own.replay)) if kind else None
    request = ArmRequest(
        parts=plan.parts,
        base=plan.of(seed, "base"),
        shard=shard,
        arm=own,
        setting=plan.setting,
        sizes=plan.sizes,
        seed=seed,
        out=plan.of(seed, "arms", slug(own.name)),
        keep=plan.keep,
    )
    before = [plan.of(seed, "base"), *([plan.of(seed, kind)] if kind else [])]
    key = process.key_of(process.ARM, request, *map(process.own_key, before))
    found: Outcome = process.answered(process.ARM, request, key)
    return found


def speak(plan: Plan, seed: int) -> Spoken:
    """Let the base and the arms, whose models were kept, go on with old text."""
    folders = {"before": plan.of(seed, "base")} | {
        own.name: plan.of(seed, "arms", slug(own.name)) for own in plan.arms
    }
    request = SpeakRequest(
        parts=plan.parts,
        models={name: basing.model_of(folder) for name, folder in folders.items()},
        setting=plan.setting,
        sizes=plan.sizes,
        seed=seed,
        out=plan.of(seed, "spoken"),
    )
    key = process.key_of(process.SPEAK, request, *map(process.own_key, folders.values()))
    found: Spoken = process.answered(process.SPEAK, request, key)
    return found


def slug(name: str) -> str:
    """Return a name that a folder can have."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")


class Found(NamedTuple):
    """What came of all parts."""

    dealt: Dealt
    bases: Mapping[int, Base]
    built: Mapping[tuple[int, str], Built]
    outcomes: Sequence[Outcome]


def conclude(plan: Plan, found: Found) -> Result:
    """Write the result and the trajectories; return the former."""
    bases = [found.bases[seed] for seed in plan.seeds]
    every = figures.figures(found.outcomes, found.bases)
    result = Result(
        command=_command(plan),
        preset=plan.preset,
        setting=plan.setting,
        sizes=plan.sizes,
        seeds=plan.seeds,
        parameters=bases[0].parameters,
        tokens_per_parameter=bases[0].tokens_per_parameter,
        first_epochs=bases[0].epochs,
        base_old=figures.mean([one.losses.old for one in bases]),
        base_new=figures.mean([one.losses.new for one in bases]),
        arms=every,
        headline=figures.headline(every),
        says=figures.says(every),
        refused=_by_shard({key: one.refused for key, one in found.built.items()}),
        notes=_by_shard({key: one.notes for key, one in found.built.items()}),
        given={kind: one.given for (_, kind), one in found.built.items()},
        shares=_by_shard({key: one.shares for key, one in found.built.items()}),
        gate=found.dealt.gate,
        cpu_seconds=_seconds(found),
        device=checkpoint.device(COMMAND),
        versions={name: metadata.version(name) for name in ("openmoat", "torch", "transformers")}
        | {"python": platform.python_version()},
    )  # fmt: skip
    _write_courses(storage.join(plan.out, TRAJECTORIES), found.outcomes)
    storage.write_model(storage.join(plan.out, RESULT), result)
    return result


def _command(plan: Plan) -> str:
    """Return what is typed for this, without places."""
    size = {"small": "--small", "full": ""}.get(plan.preset, f"--preset {plan.preset}")
    if plan.keep:
        return f"openmoat experiment speaking --setting {plan.setting.name} --preset {plan.preset}"
    parts = [COMMAND, f"--setting {plan.setting.name}", size, f"--seeds {len(plan.seeds)}"]
    return " ".join(filter(None, parts))


def _seconds(found: Found) -> float:
    """Return what all processes took, of CPU."""
    first = sum(one.seconds for one in found.bases.values())
    built = sum(one.seconds for one in found.built.values())
    return found.dealt.seconds + first + built + sum(one.seconds for one in found.outcomes)


def _by_shard(found: Mapping[tuple[int, str], Mapping[str, T]]) -> dict[str, T]:
    """Name what is said of shards by these and their seed."""
    return {
        f"{replay}, seed {seed}": said
        for (seed, _), some in found.items()
        for replay, said in some.items()
    }


def _write_courses(location: str, outcomes: Sequence[Outcome]) -> None:
    every = [{"arm": one.arm.name, "seed": one.seed, **point.model_dump()}
             for one in outcomes for point in one.points]  # fmt: skip
    table = conform(pa.Table.from_pylist(every, COURSES), COURSES)
    shard = Shard(file=TRAJECTORIES, rows=table.num_rows, digest=hashing.table_digest(table))
    storage.write_table(location, table, COURSES, shard=shard)
