"""The arms: what each one replays, how much, and what its pipeline knew. Pure."""

from __future__ import annotations

from typing import Final

from schemas.experiment import Arm

NONE: Final = "none"
TRUE, CONTROL = "true", "old control"
RANDOM, SHARES, DSIR, WRONG, SELF = "random", "shares", "plain DSIR", "wrong domain", "self"
CARD, TOKENIZER, GENERATIONS, SAMPLE = (
    "surrogate: card",
    "surrogate: tokenizer",
    "surrogate: generations",
    "surrogate: sample",
)
KNOWS: Final = {
    TRUE: "the old data",
    CONTROL: "the old data",
    RANDOM: "nothing",
    SHARES: "the card",
    CARD: "the card",
    TOKENIZER: "the tokenizer",
    GENERATIONS: "the checkpoint",
    SELF: "the checkpoint",
    WRONG: "nothing",
    DSIR: "a sample",
    SAMPLE: "a sample",
}
"""What a pipeline was given beside the open pool and the tokenizer that budgets are counted in."""
OPEN: Final = frozenset({TRUE, CONTROL, SAMPLE, DSIR})
"""Arms whose pipeline sees old text: upper bounds, never the headline."""
CLOSED: Final = (CARD, TOKENIZER, GENERATIONS)
"""Surrogates of what is known of a closed model."""
OF_POOL: Final = (RANDOM, SHARES, CARD, TOKENIZER, GENERATIONS, SELF, WRONG)
"""Shards of the process that is given no old text."""
OF_SAMPLE: Final = (DSIR, SAMPLE)
FEW, MANY = 0.05, 0.25
ALPHA: Final = 5.0
"""Of NEFTune: the least that its authors tried (arXiv 2310.05914, table 5)."""
PASSES: Final = 10
"""Of arms that learn few new texts, each as often: what is overfitted, and whether replay or noise
mask it."""
FEW_TEXTS: Final = f"{NONE}, few texts"


def named(replay: str, share: float) -> str:
    """Return the name of an arm."""
    return f"{replay} {share * 100:g} %"


def _arm(replay: str, share: float) -> Arm:
    return Arm(name=named(replay, share), replay=replay, share=share, knows=KNOWS[replay])


def full() -> tuple[Arm, ...]:
    """Return all arms."""
    card = _arm(CARD, MANY)
    few = [_few(Arm(name=NONE)), _few(card)]
    both = (RANDOM, SHARES, DSIR, CARD, TOKENIZER, GENERATIONS, SAMPLE, SELF)
    return (
        Arm(name=NONE),
        *(_arm(TRUE, share) for share in (0.01, FEW, MANY, 0.5)),
        Arm(name=CONTROL, replay=CONTROL, share=1.0, knows=KNOWS[CONTROL]),
        *(_arm(replay, share) for replay in both for share in (FEW, MANY)),
        _arm(WRONG, MANY),
        *_with_noise(Arm(name=NONE), card),
        card.model_copy(update={"name": f"{card.name}, ramp", "schedule": "ramp"}),
        card.model_copy(
            update={"name": f"{card.name}, dissimilar first", "order": "dissimilar_first"}
        ),
        *few,
        *_with_noise(*few),
    )


def _with_noise(*some: Arm) -> list[Arm]:
    return [
        one.model_copy(update={"name": f"{one.name}, NEFTune", "neftune_alpha": ALPHA})
        for one in some
    ]


def _few(one: Arm) -> Arm:
    return one.model_copy(update={"name": f"{one.name}, few texts", "passes": PASSES})


def small() -> tuple[Arm, ...]:
    """Return the arms of the small form."""
    return (Arm(name=NONE), *(_arm(replay, FEW) for replay in (TRUE, RANDOM, SAMPLE)))


def shown() -> tuple[Arm, ...]:
    """Return the arms of the page that shows what models write."""
    return (Arm(name=NONE), _arm(CARD, MANY))


def pipelines(arms: tuple[Arm, ...]) -> dict[str, tuple[str, ...]]:
    """Return the shards that arms need: of the process without old text, and of that with some."""
    wanted = {arm.replay for arm in arms}
    found = {"closed": OF_POOL, "sample": OF_SAMPLE}
    some = {name: tuple(r for r in own if r in wanted) for name, own in found.items()}
    return {name: own for name, own in some.items() if own}


def largest(arms: tuple[Arm, ...], replay: str) -> float:
    """Return the largest share of a kind of replay: smaller ones are a part of the same draw."""
    return max((arm.share for arm in arms if arm.replay == replay), default=0.0)
