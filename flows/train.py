"""The command ``openmoat train``: a model learns a mixture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

if TYPE_CHECKING:
    from schemas.training import TrainConfig
    from tasks.forgetting import Question
    from tasks.learning import Request


Mixture = Annotated[
    Path, typer.Argument(help="A mixture of tokens: its folder, or that of its run.")
]
Model = Annotated[
    str,
    typer.Option(help="A local folder with a model, or a fresh one: small, 5M, 25M or 100M."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the model, states and curves.")]
Batch = Annotated[int, typer.Option(min=1, help="Rows at once; fewer take less memory.")]
Accumulation = Annotated[int, typer.Option(min=1, help="Batches of a step.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the mixture.")]
MaxSteps = Annotated[
    Optional[int],  # noqa: UP045  (Typer evaluates it)
    typer.Option(min=1, help="Stop there; the schedule ends.", show_default="all rows"),
]
Peak = Annotated[float, typer.Option(help="Highest learning rate.")]
Schedule = Annotated[
    Literal["cosine", "infinite", "constant"],
    typer.Option(help="How the rate goes (docs/train.md)."),
]
WarmUp = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Share of the steps in which it rises.")
]
FloorShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Last rate, as a share of the peak.")
]
ConstantShare = Annotated[
    float, typer.Option(min=0.001, max=1.0, help="Infinite: rate of the third phase, likewise.")
]
CoolDown = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Infinite: share of steps of the second phase.")
]
Cooling = Annotated[
    Literal["cosine", "inverse_sqrt"], typer.Option(help="Infinite: how it cools down.")
]
Anneal = Annotated[
    float, typer.Option(min=0.0, max=1.0, help="Infinite: share of steps of the last phase.")
]
WeightDecay = Annotated[float, typer.Option(min=0.0, help="Of matrices.")]
ClipNorm = Annotated[float, typer.Option(help="Longest gradient; others are cut.")]
Precision = Annotated[
    Literal["float32", "bf16"], typer.Option(help="bf16: products in half precision.")
]
Neftune = Annotated[
    float, typer.Option(min=0.0, help="Noise on embeddings (NEFTune): 5 to 15; 0 is none.")
]
Lora = Annotated[
    Optional[int],  # noqa: UP045  (as above)
    typer.Option(min=1, help="Train adapters of this rank only.", show_default="all of it"),
]
Isolate = Annotated[
    bool,
    typer.Option("--isolate", help="Packed rows: a document does not see the one before it."),
]
LossWeights = Annotated[
    bool, typer.Option(help="Weigh tokens by the mixture's loss_weight (C-RLFT).")
]
Checkpointing = Annotated[bool, typer.Option("--checkpointing", help="Less memory for more time.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of noise, dropout, what is fresh.")]
Threads = Annotated[
    int, typer.Option(min=1, help="Of the CPU; with one, the same to the bit each time.")
]
StateSteps = Annotated[int, typer.Option(min=1, help="Steps from state to state, to go on from.")]
Keep = Annotated[int, typer.Option(min=1, help="Last states that are kept.")]
Tokenizer = Annotated[
    Optional[Path],  # noqa: UP045  (as above)
    typer.Option(help="With a fresh model: the mixture's tokenizer.", show_default="of its run"),
]
HeldOut = Annotated[
    Optional[list[str]],  # noqa: UP045  (as above)
    typer.Option(
        metavar="NAME=FILES",
        help="Old data that is measured beside the validation split.",
        show_default=False,
    ),
]
New = Annotated[
    Optional[list[str]],  # noqa: UP045  (as above)
    typer.Option(metavar="NAME=FILES", help="New data, likewise.", show_default=False),
]
MostTokens = Annotated[
    int, typer.Option(min=1, help="Tokens of a domain that are measured, at most.")
]
Measure = Annotated[bool, typer.Option(help="Measure what was forgotten (docs/forgetting.md).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def train(
    mixture: Mixture,
    *,
    model: Model,
    out: Out,
    batch: Batch = 8,
    accumulation: Accumulation = 1,
    epochs: Epochs = 1,
    max_steps: MaxSteps = None,
    peak: Peak = 3e-4,
    schedule: Schedule = "cosine",
    warm_up: WarmUp = 0.01,
    floor_share: FloorShare = 0.1,
    constant_share: ConstantShare = 0.5,
    cool_down: CoolDown = 0.3,
    cooling: Cooling = "cosine",
    anneal: Anneal = 0.1,
    weight_decay: WeightDecay = 0.1,
    clip_norm: ClipNorm = 1.0,
    precision: Precision = "float32",
    neftune: Neftune = 0.0,
    lora: Lora = None,
    isolate: Isolate = False,
    loss_weights: LossWeights = True,
    checkpointing: Checkpointing = False,
    seed: Seed = 0,
    threads: Threads = 1,
    state_steps: StateSteps = 100,
    keep: Keep = 2,
    tokenizer: Tokenizer = None,
    held_out: HeldOut = None,
    new: New = None,
    most_tokens: MostTokens = 200_000,
    measure: Measure = True,
    json: Json = False,
) -> None:
    """Train a model on a mixture, or go on with it (needs the extra `train`)."""
    from flows.forgetting import named
    from tasks.forgetting import Question
    from tasks.held_out import Take
    from tasks.learning import Request
    from tasks.training.measure import How

    rates = {
        "schedule": schedule, "peak": peak, "warm_up": warm_up, "floor_share": floor_share,
        "constant_share": constant_share, "cool_down": cool_down, "cooling": cooling,
        "anneal": anneal,
    }  # fmt: skip
    config = _config(
        {
            "batch_rows": batch, "accumulation": accumulation, "epochs": epochs,
            "max_steps": max_steps, "rates": rates, "weight_decay": weight_decay,
            "clip_norm": clip_norm, "precision": precision, "neftune_alpha": neftune,
            "loss_weights": loss_weights, "isolate": isolate, "checkpointing": checkpointing,
            "lora": None if lora is None else {"rank": lora, "alpha": 2.0 * lora}, "seed": seed,
        }
    )  # fmt: skip
    question = Question(
        before="", after="", old=named(held_out or [], "--held-out"), new=named(new or [], "--new"),
        take=Take(most_tokens), how=How(batch=batch), threads=threads,
    )  # fmt: skip
    request = Request(
        str(mixture), model, str(out), config, state_steps, keep, threads,
        None if tokenizer is None else str(tokenizer),
    )  # fmt: skip
    _run(request, question if measure else None, json=json)


def _config(given: dict[str, Any]) -> TrainConfig:
    """Check options together. Raises :class:`ConfigError`."""
    from pydantic import ValidationError

    from schemas.errors import ConfigError
    from schemas.training import TrainConfig

    try:
        return TrainConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        told = first.get("ctx", {})
        place = ".".join(map(str, first["loc"])) or "options"
        raise ConfigError(
            str(told.get("key", place)),
            got=str(told.get("got", first["input"])),
            wanted=str(told.get("wanted", first["msg"])),
            way_out=str(told.get("way_out", "Give another value (docs/train.md).")),
        ) from error


def _run(request: Request, question: Question | None, *, json: bool) -> None:
    from flows import terminal
    from flows.settings import quiet_prefect
    from tasks import learning

    checked = learning.check(request)  # Prefect takes seconds to start
    quiet_prefect()
    with terminal.progress():
        from flows.train_step import train_step

        train_step(request, question, checked)
    from tasks.steps import training

    trained, found = training.read(request.out)
    if json:
        told = None if found is None else found.model_dump(mode="json")
        terminal.print_json(
            {"out": request.out, **trained.model_dump(mode="json"), "forgetting": told}
        )
        return
    terminal.show_sections(
        one for one in training.sections(request.out, trained, found) if one.lines is None
    )
