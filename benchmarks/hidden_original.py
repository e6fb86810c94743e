"""How near each arm's shard comes to an original that is hidden from it, on real documents."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks import command, measuring, nearness, originals, printing
from benchmarks.originals import SIX
from tasks.replay import labels, matched, strata
from tasks.replay.selection import Given, Settings, select
from tasks.replay.sides import Side, Strata, effective, tokens_by

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from benchmarks.originals import Cell, Corpus
    from tasks.replay.selection import Selection

BUDGET: Final = 300_000
VALIDATION: Final = tuple((mixture, seed) for mixture in (0, 1, 2) for seed in (1, 2, 3))
"""Cells that whatever was chosen was chosen on."""
TEST: Final = tuple((mixture, seed) for mixture in (11, 12, 13) for seed in (101, 102, 103))
QUICK_CHARS, QUICK_TARGET, QUICK_BUDGET = 1_000_000, 300_000, 30_000
"""Characters of each source and of the target, tokens of a shard, where it is to be quick."""
RANDOM, SHARES, EM, LABELS, CLUSTERS, MATCHED, DSIR = (
    "random draw",
    "shares, oracle",
    "shares, EM labels",
    "surrogate, EM labels",
    "surrogate, clusters",
    "surrogate, matched",
    "dsir, as published",
)
ARMS: Final = (RANDOM, SHARES, EM, LABELS, CLUSTERS, MATCHED, DSIR)
COLUMNS: Final = {
    "js_floor": ("JS/floor", ".2f"),
    "gap": ("XE gap", "+.3f"),
    "tv": ("share TV", ".3f"),
    "foreign": ("foreign", ".3f"),
    "ks": ("length KS", ".3f"),
    "auc": ("AUC", ".3f"),
    "n_eff": ("n_eff", ".0f"),
    "uncovered": ("uncovered", ".3f"),
}
NOTES: Final = """\
Mean ± standard deviation over cells, and the worst cell. JS/floor: divergence of hashed 1+2-grams
from what is held out, over that of an equal draw of the original. XE gap: nats a word that a
trigram model of the shard needs more, on other held-out text, than one of as much of the original.
Share TV and foreign: by true sources. AUC: a classifier that asks shard or original, folds by
document. `matched` and `clusters` know no labels; `oracle` knows the target's. With EM labels,
`other` is the share that no source of the pool explains."""


class Room(NamedTuple):
    """A cell, both sides, and what the pool's passages are of."""

    corpus: Corpus
    cell: Cell
    target: Side
    pool: Side
    budget: int
    seed: int

    def drawn(self, arm: str, of: Strata | None, clamp: float = 0.3) -> Selection:
        """Draw a shard."""
        settings = Settings(seed=self.seed, clamp=clamp)
        given = Given(self.target, of)
        return select(arm, self.pool, given, budget=self.budget, settings=settings)


def room(corpus: Corpus, mixture: int, seed: int, *, sizes: tuple[int, int], missing: bool) -> Room:
    """Deal documents out. ``missing``: the pool lacks the source that is nearest to a fifth.

    ``sizes``: characters of the target, tokens of the budget.
    """
    shares = originals.mixture(mixture)
    lacks = int(np.abs(shares - 0.2).argmin()) if missing else None
    cell = originals.cell(corpus, shares, seed, missing=lacks, chars=sizes[0])
    target, pool = originals.part(corpus, cell.target), originals.part(corpus, cell.pool)
    return Room(corpus, cell, target, pool, sizes[1], seed)


def shards(of: Room) -> dict[str, tuple[Selection, dict[str, float]]]:
    """Draw a shard by each arm; beside it, what the strata say."""
    names, sources = _sources(of)
    by = labels.labelled(of.target, of.pool, sources, names=names, seed=of.seed)
    other = {"other": by.other}
    alike = matched.matched(of.target, of.pool, budget=of.budget, seed=of.seed)
    return {
        RANDOM: (of.drawn("random", None), {}),
        SHARES: (of.drawn("shares", _oracle(of, names, sources)), {}),
        EM: (of.drawn("shares", by.strata), other),
        LABELS: (of.drawn("surrogate", by.strata), other),
        CLUSTERS: (of.drawn("surrogate", strata.clustered(of.target, of.pool, seed=of.seed)), {}),
        MATCHED: (of.drawn("surrogate", alike, matched.CLAMP), {}),
        DSIR: (of.drawn("dsir", None), {}),
    }


def _sources(of: Room) -> tuple[list[str], Any]:
    """Return the sources that the pool has ten documents of, and each passage's number of these."""
    every = of.corpus.sources[of.cell.pool]
    pairs = np.unique(np.column_stack([every, of.pool.documents]), axis=0)
    many = np.bincount(pairs[:, 0], minlength=len(of.corpus.names)) >= labels.LEAST_DOCUMENTS
    kept = np.flatnonzero(many)
    # What is too rare to be learnt counts as the last of the others.
    numbers = np.minimum(np.searchsorted(kept, every), len(kept) - 1)
    return [of.corpus.names[i] for i in kept.tolist()], numbers


def _oracle(of: Room, names: list[str], sources: Any) -> Strata:  # noqa: ANN401  (an array)
    """Return the target's true shares of the sources that the pool has."""
    tokens = tokens_by(of.corpus.sources[of.cell.target], of.target.tokens, len(of.corpus.names))
    shares = np.array([tokens[of.corpus.names.index(name)] for name in names])
    return Strata(sources, shares / tokens.sum())


def tried(own: Room) -> dict[str, Any]:
    """Draw all shards of a cell and measure them."""
    corpus = own.corpus
    original = nearness.original(corpus, own.cell, budget=own.budget, seed=own.seed)
    found = {}
    for arm, (selection, more) in shards(own).items():
        figures = nearness.nearness(original, own.cell.pool[selection.chosen])
        uncovered = selection.report.uncovered
        found[arm] = figures | more | ({} if uncovered is None else {"uncovered": uncovered})
    foreign = own.pool.tokens[corpus.sources[own.cell.pool] >= len(SIX)].sum()
    return {
        "target_mb": round(_mb(corpus, own.cell.target), 2),
        "target_n_eff": round(effective(own.target.documents, own.target.tokens)),
        "pool": own.pool.size,
        "pool_tokens": int(own.pool.tokens.sum()),
        "pool_foreign": round(float(foreign / own.pool.tokens.sum()), 3),
        "floor": original.floor,
        "arms": {arm: {k: round(v, 5) for k, v in one.items()} for arm, one in found.items()},
    }


def _mb(corpus: Corpus, rows: Any) -> float:  # noqa: ANN401  (an array)
    return sum(len(text.encode()) for text in corpus.texts.take(rows).to_pylist()) / measuring.MB


def summed(cells: list[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Return of each arm and figure the mean, the standard deviation and the worst."""
    found: dict[str, dict[str, list[float]]] = {}
    for arm in cells[0]["arms"]:
        found[arm] = {}
        for name in (*COLUMNS, "other"):
            some = [cell["arms"][arm][name] for cell in cells if name in cell["arms"][arm]]
            if some:
                worst = min(some) if name == "n_eff" else max(some)
                every = (float(np.mean(some)), float(np.std(some)), worst)
                found[arm][name] = [round(one, 5) for one in every]
    return found


def aims(result: Mapping[str, Any]) -> dict[str, tuple[float, str, float]]:
    """What was aimed at, for means over cells."""
    cells = result["cells"]
    own, em, oracle = cells[MATCHED], cells[LABELS], cells[SHARES]
    wanted: dict[str, tuple[float, str, float]] = {}
    for name, arm, most in (("without labels", own, 0.06), ("with labels", em, 0.02)):
        wanted |= {
            f"{name}, JS/floor": (1.0, "<", arm["js_floor"][0]),
            f"{name}, XE gap less that of oracle shares": (
                1e-9,
                "<",
                round(arm["gap"][0] - oracle["gap"][0], 4),
            ),
            f"{name}, share TV": (most, "<", arm["tv"][0]),
            f"{name}, foreign": (0.02, "<", arm["foreign"][0]),
            f"{name}, length KS": (0.08, "<", arm["ks"][0]),
            f"{name}, grouped AUC": (0.56, "<", arm["auc"][0]),
        }
    return wanted


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Try all cells; and one of each mixture with a source missing from the pool."""
    measuring.note("Reading documents: a minute")
    quick = options.quick
    most = QUICK_CHARS if quick else originals.MOST_CHARS
    sizes = (QUICK_TARGET, QUICK_BUDGET) if quick else (originals.TARGET_CHARS, BUDGET)
    corpus = originals.corpus(most_chars=most, whole=options.whole)
    cells = VALIDATION if options.validation else TEST
    found: dict[str, list[dict[str, Any]]] = {"cells": [], "missing": []}
    for mixture, seed in cells[:1] if quick else cells:
        for name, every in found.items():
            if name == "cells" or seed == cells[0][1]:
                measuring.note(f"Mixture {mixture}, seed {seed}, {name}")
                own = room(corpus, mixture, seed, sizes=sizes, missing=name == "missing")
                every.append({"mixture": mixture, "seed": seed} | tried(own))
    result: dict[str, Any] = {
        "bench": "hidden-original",
        "versions": {name: version(name) for name in ("openmoat", "pyarrow", "numba")},
        "machine": printing.machine(),
        "quick": quick,
        "unit": "documents" if options.whole else "passages",
        "on": "validation" if options.validation else "test",
        "budget_tokens": sizes[1],
        "input": [{k: v for k, v in cell.items() if k != "arms"} for cell in found["cells"]],
        "every_cell": found,
        **{name: summed(every) for name, every in found.items()},
    }
    return result | {"aims": printing.aims({} if quick else aims(result))}


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    given = result["input"]
    several = {k: [cell[k] for cell in given] for k in given[0]}
    about = (
        f"{len(given)} {result['on']} cells of {len(set(several['mixture']))} mixtures; shards of "
        f"{result['budget_tokens']:,} tokens by {result['unit']}; targets of "
        f"{min(several['target_mb'])} to {max(several['target_mb'])} MB, effective documents "
        f"{min(several['target_n_eff'])} to {max(several['target_n_eff'])}; pools of "
        f"{min(several['pool']):,} to {max(several['pool']):,} {result['unit']}, foreign "
        f"{min(several['pool_foreign'])} to {max(several['pool_foreign'])}."
    )
    parts = [about, _table(result["cells"])]
    parts += ["A fifth of the original is missing from the pool:", _table(result["missing"]), NOTES]
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _table(found: Mapping[str, Mapping[str, list[float]]]) -> str:
    columns = COLUMNS | {"other": ("other", ".3f")}
    rows = []
    for arm, figures in found.items():
        means, worst = [arm], ["  worst"]
        for name, (_, form) in columns.items():
            mean, sd, most = figures.get(name, (None, None, None))
            means.append("" if mean is None else f"{mean:{form}} ± {sd:{form.lstrip('+')}}")
            worst.append("" if most is None else f"{most:{form}}")
        rows += [means, worst]
    return printing.table(("", *(head for head, _ in columns.values())), rows)


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("hidden-original", __doc__, rounds="there is one of each cell")
    parser.add_argument("--validation", action="store_true",
                        help="cells that choices were made on, not fresh ones")  # fmt: skip
    parser.add_argument("--whole", action="store_true", help="draw whole documents")
    return command.chosen(parser, arguments)


def main() -> None:
    """Measure, print."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
