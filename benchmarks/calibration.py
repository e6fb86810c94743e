"""How often the certificate's verdict is right: pairs of sides from real documents, known apart."""

from __future__ import annotations

import math
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks import command, documents, measuring, printing
from schemas.certificate import CLOSE, DIFFERENT, INDISTINGUISHABLE
from schemas.errors import OpenmoatError
from tasks.replay import features, labels, packed, passages, strata
from tasks.replay.certificate import gate
from tasks.replay.certificate.differences import compared
from tasks.replay.certificate.texts import CHARS_PER_TOKEN
from tasks.replay.certificate.verdict import Seen, verdict
from tasks.replay.sides import effective

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tasks.replay.features import Floats as Points
    from tasks.replay.sides import Floats, Ints

FOLDERS: Final = (
    *(f"dolma/documents/{n}" for n in ("wiki", "news", "science", "code", "docs", "legal")),
    *("german/laws", "german/manpages"),
)
QUICK_DOCUMENTS: Final = 250
SIZES: Final = {400: 350_000, 800: 680_000}
"""Tokens of a side that has as many effective documents, and some more."""
CLASSES: Final = {"same": 0.0, "10 points": 0.1, "20 points": 0.2, "a fifth missing": 0.2}
MISSING: Final = "a fifth missing"
RANDOM, QUOTA = "random", "quota"
"""Shards of documents at random, and of as many tokens of each source as are wanted."""
ROUNDS: Final = (
    *((400, RANDOM, kind) for kind in CLASSES),
    *((800, RANDOM, kind) for kind in CLASSES),
    *((800, QUOTA, kind) for kind in CLASSES if kind != MISSING),
)
POOLED: Final = 3
"""A part in so many documents is the pool, which sources are learnt from."""
TRIES: Final = 400
LEAST_SHARE: Final = 0.03
Z_95: Final = 1.959964
AIM: Final = 0.95
NOT_DONE: Final = """\
Documents are the first 4,000 characters or so of real ones (a passage each), and a token is four
characters. The reference is drawn at random, document by document, from a mixture of eight sources
at shares by chance; the shard likewise, or by quota, as shards are that meet shares. Off by so many
points is moved between sources by chance. No document is on both sides, nor in the pool that
sources are learnt from. Of a fifth that is missing, the pool has nothing either. Directions of the
space are fitted once, on the documents of all draws."""


class Corpus(NamedTuple):
    """Documents as points, the source of each, their tokens, and which are the pool's."""

    names: tuple[str, ...]
    points: Points
    sources: Ints
    tokens: Ints
    pooled: NDArray[np.bool_]


Judges = dict[int | None, gate.Judge]


class Shares(NamedTuple):
    """What the two sides of a draw are of."""

    reference: Floats
    shard: Floats


class Drawn(NamedTuple):
    """A draw: n_eff of the smaller side, verdicts with labels and without."""

    n_eff: float
    labelled: str
    unlabelled: str
    could_have_seen: float
    corrected: float


def corpus(*, quick: bool) -> Corpus:
    """Read documents, one passage of each, and make them points."""
    texts: list[str] = []
    sources: list[int] = []
    for number, folder in enumerate(FOLDERS):
        for place, text in enumerate(documents.read(folder)):
            if quick and place == QUICK_DOCUMENTS:
                break
            if len(text) >= documents.LEAST_CHARS:
                texts.append(text)
                sources.append(number)
    if not texts:
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got="no documents below it",
            wanted=f"the folders {', '.join(FOLDERS)}",
            way_out="Set OPENMOAT_DATA to the folder of real data.",
        )
    cut = passages.cut(pa.array(texts, pa.large_string()))
    firsts = np.flatnonzero(cut.starts == 0)
    counts = packed.of(cut.texts.take(pa.array(firsts)))
    keys = passages.keys([str(i) for i in range(len(texts))], cut)[firsts]
    space = features.fit([(counts, features.sample(keys, seed=0))], seed=0)
    points = np.concatenate(list(features.batches(space, counts)))
    tokens = (cut.ends - cut.starts)[firsts] // CHARS_PER_TOKEN + 1
    pooled = np.random.default_rng(0).integers(0, POOLED, len(texts)) == 0
    names = tuple(folder.rsplit("/", 1)[-1] for folder in FOLDERS)
    return Corpus(names, points, np.array(sources), tokens, pooled)


def taught(some: Corpus, sources: Sequence[int]) -> gate.Judge:
    """Return a classifier of some sources of the pool."""
    rows = np.flatnonzero(some.pooled & np.isin(some.sources, sources))
    numbers = np.searchsorted(np.array(sources), some.sources[rows])
    weights = labels.taught(some.points[rows], numbers, len(sources))
    return gate.Judge(gate.LABELS, some.names, None, weights, None, None)  # type: ignore[arg-type]


def mixed(chance: np.random.Generator, kind: str) -> Shares:
    """Return shares by chance, and those of a shard that is so far off."""
    off, size = CLASSES[kind], len(FOLDERS)
    while True:
        own = chance.dirichlet(np.full(size, 2.0))
        order = chance.permutation(size)
        if kind == MISSING:
            own[order[0]] = 0.0
            own *= (1 - off) / own.sum()
            own[order[0]] = off
            loses, gains = order[:1], order[1:]
        else:
            loses, gains = np.split(order, [int(chance.integers(1, size - 1))])
        if own.min() < LEAST_SHARE or own[loses].sum() < off:
            continue
        other = own.copy()
        other[loses] -= off * own[loses] / own[loses].sum()
        other[gains] += off * own[gains] / own[gains].sum()
        return Shares(own, np.maximum(0.0, other))


def dealt(
    some: Corpus, shares: Shares, tokens: int, chance: np.random.Generator, shard: str
) -> tuple[Ints, Ints] | None:
    """Draw documents of both sides; none where a source has too few."""
    left = [chance.permutation(np.flatnonzero(~some.pooled & (some.sources == s))).tolist()
            for s in range(len(FOLDERS))]  # fmt: skip
    lengths = np.bincount(some.sources, some.tokens) / np.bincount(some.sources)
    reference = _at_random(some, left, shares.reference / lengths, tokens, chance)
    if shard == QUOTA:
        own = _by_quota(some, left, shares.shard * tokens)
    else:
        own = _at_random(some, left, shares.shard / lengths, tokens, chance)
    return None if reference is None or own is None else (reference, own)


def _at_random(
    some: Corpus, left: list[list[int]], rates: Floats, tokens: int, chance: np.random.Generator
) -> Ints | None:
    """Take documents of sources at some rates until there are so many tokens."""
    rows: list[int] = []
    total = 0
    while total < tokens:
        for source in chance.choice(len(rates), 64, p=rates / rates.sum()).tolist():
            if total < tokens:
                if not left[source]:
                    return None
                rows.append(left[source].pop())
                total += int(some.tokens[rows[-1]])
    return np.array(rows)


def _by_quota(some: Corpus, left: list[list[int]], quotas: Floats) -> Ints | None:
    """Take documents of each source until it has its tokens."""
    rows: list[int] = []
    for own, quota in zip(left, quotas.tolist(), strict=True):
        total = 0
        while quota - total > total + int(some.tokens[own[-1]]) - quota if own else total < quota:
            if not own:
                return None
            rows.append(own.pop())
            total += int(some.tokens[rows[-1]])
    return np.array(rows)


def judged(some: Corpus, rows: tuple[Ints, Ints], judge: gate.Judge, seed: Sequence[int]) -> Drawn:
    """Return the verdicts on two sides."""
    reference, shard = rows
    n_eff = [effective(own, some.tokens[own]) for own in (shard, reference)]
    both = some.points[np.concatenate([shard, reference])]
    centres = strata.centres(both, gate.clusters_of(min(n_eff)), seed=seed[-1])
    clusters = judge._replace(weights=None, centres=centres)
    found = []
    for one in (judge, clusters):
        sides = [
            gate.summed(np.arange(len(own)), some.tokens[own], gate.told(one, some.points[own]))
            for own in (shard, reference)
        ]
        found.append(compared(sides[0], sides[1], seed=seed))
    size = (n_eff[0], n_eff[1])
    return Drawn(
        min(n_eff),
        verdict(Seen(size, found[0], found[1])),
        verdict(Seen(size, None, found[1])),
        found[0].could_have_seen,
        found[0].corrected,
    )


def draws(
    some: Corpus, judges: Judges, about: tuple[int, str, str], options: argparse.Namespace
) -> Iterator[Drawn]:
    """Yield draws of a class, of sides with as many effective documents or more.

    ``judges`` are classifiers without one source, or with all.
    """
    size, shard, kind = about
    for place in range(options.draws):
        for again in range(TRIES):
            own = (options.seed, size, list(CLASSES).index(kind), int(shard == QUOTA), place, again)
            chance = np.random.default_rng(own)
            shares = mixed(chance, kind)
            rows = dealt(some, shares, SIZES[size], chance, shard)
            if rows is None or min(effective(r, some.tokens[r]) for r in rows) < size:
                continue
            gone = int(shares.shard.argmin()) if kind == MISSING else None
            if gone not in judges:
                judges[gone] = taught(some, [s for s in range(len(FOLDERS)) if s != gone])
            yield judged(some, rows, judges[gone], own)
            break
        else:
            raise OpenmoatError(
                "bench-calibration",
                got=f"too few documents for n_eff {size}",
                wanted="as many as the whole of the real data has",
                way_out="Leave out --quick.",
            )


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the interval of 95 % of a share (Wilson 1927)."""
    share, spread = right / of, Z_95**2 / of
    middle = (share + spread / 2) / (1 + spread)
    off = Z_95 * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - off), min(1.0, middle + off)


RIGHT: Final = {
    "same": {INDISTINGUISHABLE},
    "10 points": {CLOSE},
    "20 points": {DIFFERENT},
    MISSING: {CLOSE, DIFFERENT},
}
RIGHT_WITHOUT: Final = {**RIGHT, "10 points": {DIFFERENT}}
"""Without labels there are two verdicts."""


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, judge, count."""
    some = corpus(quick=options.quick)
    judges: Judges = {}
    rows, aims = [], {}
    for size, shard, kind in ROUNDS:
        if size not in options.n_eff:
            continue
        measuring.note(f"n_eff {size}, {shard}, {kind}")
        found = list(draws(some, judges, (size, shard, kind), options))
        for how, right in (("labels", RIGHT), ("clusters", RIGHT_WITHOUT)):
            own = [d.labelled if how == "labels" else d.unlabelled for d in found]
            about = {"n_eff_least": size, "shard": shard, "class": kind, "by": how}
            rows.append({**about, **_right(own, right[kind]), **_medians(found)})
            measuring.note(f"  {how}: {rows[-1]['verdicts']}")
            if kind != "10 points" or (how == "labels" and size == max(SIZES)):
                name = f"{kind}, {shard}, {how}, n_eff {size}: upper end of the interval"
                aims[name] = (AIM, ">=", rows[-1]["high"])
    return {
        "bench": "calibration",
        "versions": {name: version(name) for name in ("openmoat", "numpy", "numba")},
        "machine": printing.machine(),
        "quick": options.quick,
        "seed": options.seed,
        "draws": options.draws,
        "documents": len(some.tokens),
        "rows": rows,
        "aims": printing.aims({} if options.quick else aims),
    }


def _right(own: list[str], right: set[str]) -> dict[str, Any]:
    """Return how many verdicts are right, and which there are."""
    hits = sum(one in right for one in own)
    low, high = wilson(hits, len(own))
    return {
        "right": round(hits / len(own), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "verdicts": {v: own.count(v) for v in sorted(set(own))},
    }


def _medians(found: list[Drawn]) -> dict[str, Any]:
    return {
        "n_eff": round(float(np.median([d.n_eff for d in found]))),
        "corrected": round(float(np.median([d.corrected for d in found])), 4),
        "could_have_seen": round(float(np.median([d.could_have_seen for d in found])), 4),
    }


def shown(result: dict[str, Any]) -> str:
    """The figures as a table."""
    heads = ("class", "shard", "by", "n_eff", "right", "95 % interval", "verdicts")
    lines = [
        (
            row["class"],
            row["shard"],
            row["by"],
            f"{row['n_eff']}",
            f"{100 * row['right']:.1f} %",
            f"{100 * row['low']:.1f} to {100 * row['high']:.1f}",
            ", ".join(f"{n} {name}" for name, n in row["verdicts"].items()),
        )
        for row in result["rows"]
    ]
    draws = f"{result['draws']} draws a class, seed {result['seed']}"
    parts = [
        f"{draws}; {result['documents']:,} documents.",
        printing.table(heads, lines),
        NOT_DONE,
    ]
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("calibration", __doc__, rounds="not used here")
    parser.add_argument("--draws", type=int, choices=range(1, 10_000), metavar="N", default=None,
                        help="draws a class (300)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the draws; constants were chosen "
                        "on 1000 and later ones (1)")  # fmt: skip
    parser.add_argument("--n-eff", type=int, choices=list(SIZES), action="append", default=None,
                        help="only draws of so many effective documents or more")  # fmt: skip
    given = command.chosen(parser, arguments)
    given.n_eff = given.n_eff or ([min(SIZES)] if given.quick else list(SIZES))
    given.draws = given.draws or (5 if given.quick else 300)
    return given


def main() -> None:
    """Draw, print."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
