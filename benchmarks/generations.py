"""What is concluded from a model's text: how far shares are off, and when none are given.

Real documents stand for the text: those of the folder of real data are dealt out to three as
``benchmarks.mixture_inference`` does it. Of one third is the pool; passages of another one are the
generations of a model that was trained on a hidden mixture: each is drawn by the shares, and counts
as a generation of its own. ``--validation`` takes the last third, which the limits were chosen on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks import command, documents, leaks, mixture_inference, printing
from schemas.errors import OpenmoatError
from tasks.replay import generations, packed, passages
from tasks.replay.sides import Side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.generations import Told

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FOREIGN: Final = "laws"
"""Not of the pool, which is English."""
CHARS: Final = 2_000
CHARS_PER_TOKEN: Final = 4
SIZES: Final = (200, 400, 1_000)
LARGEST: Final = SIZES[-1]
FEWEST: Final = 4
CHAT: Final = ("alpaca_en_demo.json", "alpaca_zh_demo.json")
QUICK_TRIALS: Final = 2
STAGE: Final = "bench-generations"


class Texts(NamedTuple):
    """Passages with the source of each (its number), and how long documents are, tokens."""

    side: Side
    sources: Ints
    lengths: Floats


def passages_of(some: dict[str, list[str]], names: list[str], prefix: str) -> Texts:
    """Cut documents into passages as long as generations are."""
    every = [(text, i) for i, name in enumerate(names) for text in some[name]]
    column = pa.array([text for text, _ in every], pa.large_string())
    cut = passages.cut(column, most=CHARS)
    keys = passages.keys([f"{prefix}/{i}" for i in range(len(every))], cut)
    tokens = (cut.ends - cut.starts) // CHARS_PER_TOKEN + 1
    owners = np.array([number for _, number in every])
    lengths = np.bincount(owners[cut.documents], tokens) / np.bincount(owners)
    side = Side(packed.of(cut.texts), keys, cut.documents, tokens)
    return Texts(side, owners[cut.documents], lengths)


def drawn(side: Side, rows: Ints) -> Side:
    """Take passages as generations, each on its own; one that comes again is another."""
    firsts, body = side.counts.firsts, side.counts.body
    parts = [body[firsts[i] : firsts[i + 1]] for i in rows]
    limits = np.cumsum([0, *map(len, parts)])
    numbers = np.arange(len(rows))
    keys = np.column_stack([numbers, numbers]).astype(np.uint64)
    return Side(packed.Packed(limits, np.concatenate(parts)), keys, numbers, side.tokens[rows])


def hidden(chance: np.random.Generator, names: list[str]) -> Floats:
    """Draw shares, uniform on the simplex of 4 sources or more."""
    size = int(chance.integers(FEWEST, len(names) + 1))
    shares = np.zeros(len(names))
    shares[chance.choice(len(names), size, replace=False)] = chance.dirichlet(np.ones(size))
    return shares


def written(chance: np.random.Generator, texts: Texts, shares: Floats, size: int) -> Side:
    """Draw so many generations of a mixture."""
    rows: list[int] = []
    for source, n in enumerate(chance.multinomial(size, shares).tolist()):
        own = np.flatnonzero(texts.sources == source)
        rows += chance.choice(own, n, replace=n > len(own)).tolist()
    return drawn(texts.side, np.array(rows))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Conclude from hidden mixtures, from these without their largest source, from foreign text."""
    parts = mixture_inference.dealt()
    if not parts.candidates["wiki"]:
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got="no documents below it",
            wanted=f"the folders {', '.join(mixture_inference.PLACES.values())}",
            way_out="Set OPENMOAT_DATA to the folder of real data.",
        )
    names = [name for name in mixture_inference.PLACES if name != FOREIGN]
    pool = passages_of(parts.candidates, names, "pool")
    texts = passages_of(parts.others if options.validation else parts.known, names, "text")
    chance = np.random.default_rng(options.seed)
    trials = QUICK_TRIALS if options.quick else options.trials
    rows: list[dict[str, Any]] = []
    began = time.process_time()
    for number in range(trials):
        shares = hidden(chance, names)
        for size in SIZES:
            found = _told(written(chance, texts, shares, size), pool, names)
            rows.append({"mixture": number, "generations": size} | _row(found, shares, texts))
        rows.append(
            {"mixture": number, "generations": LARGEST} | _missing(chance, texts, pool, shares)
        )
    spent = time.process_time() - began
    return {
        "sources": names,
        "trials": rows,
        "foreign": _foreign(parts.known, pool, names),
        "dropped": _dropped(),
        "cpu_seconds_an_answer": round(spent / len(rows), 2),
    }


def _told(some: Side, pool: Texts, names: list[str]) -> Told:
    return generations.told(some, pool.side, pool.sources, names=names, seed=0)


def _row(found: Told, shares: Floats, texts: Texts) -> dict[str, Any]:
    """Compare an answer with the hidden shares of documents, and with those of tokens."""
    row: dict[str, Any] = {
        "standing": str(found.standing),
        "other": 100 * found.other,
        "hidden": _points(shares),
    }
    if found.documents is None or found.tokens is None:
        return row
    tokens = generations.of_tokens(shares, texts.lengths)
    off = np.abs(found.documents.shares - shares)
    row |= {
        "shares": _points(found.documents.shares),
        "error": 100 * float(off.mean()),
        "worst": 100 * float(off.max()),
        "tv": float(off.sum() / 2),
        "tokens_tv": float(np.abs(found.tokens.shares - tokens).sum() / 2),
        "even": 100 * float(np.abs(1 / len(shares) - shares).mean()),
    }
    for name, some, wanted in (
        ("inside", found.documents, shares),
        ("tokens_inside", found.tokens, tokens),
    ):
        if some.low is not None and some.high is not None:
            inside = (some.low <= wanted + 1e-9) & (wanted <= some.high + 1e-9)
            row[name] = float(inside.mean())
    return row


def _missing(
    chance: np.random.Generator, texts: Texts, pool: Texts, shares: Floats
) -> dict[str, Any]:
    """Conclude the same of a pool that lacks the largest source."""
    largest = int(shares.argmax())
    left = [i for i in range(len(shares)) if i != largest]
    rows = np.flatnonzero(pool.sources != largest)
    side = drawn(pool.side, rows)._replace(
        keys=pool.side.keys[rows], documents=pool.side.documents[rows]
    )
    without = Texts(side, np.searchsorted(left, pool.sources[rows]), pool.lengths[left])
    found = _told(written(chance, texts, shares, LARGEST), without, [str(i) for i in left])
    return {
        "standing": str(found.standing),
        "other": 100 * found.other,
        "missing": 100 * float(shares[largest]),
    }


def _points(shares: Floats) -> list[float]:
    return [round(100 * share, 1) for share in shares.tolist()]


def _foreign(known: dict[str, list[str]], pool: Texts, names: list[str]) -> dict[str, Any]:
    """Say what is concluded from text of which the pool has nothing."""
    sets = {
        "German laws": known[FOREIGN],
        "manual pages": list(documents.read("german/manpages")),
        "the UDHR in 532 languages": list(documents.read("languages")),
        "conversations, English": _turns(CHAT[0]),
        "conversations, Chinese": _turns(CHAT[1]),
    }
    found = {}
    for name, some in sets.items():
        texts = passages_of({"": [text for text in some if text.strip()]}, [""], name)
        rows = np.random.default_rng(0).permutation(texts.side.size)[:LARGEST]
        told = _told(drawn(texts.side, np.sort(rows)), pool, names)
        found[name] = {
            "generations": len(rows),
            "standing": str(told.standing),
            "other": 100 * told.other,
        }
    return found


def _turns(file: str) -> list[str]:
    path = leaks.root() / "instruct" / "llamafactory" / file
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        generations.turns(
            [
                {"role": "user", "content": f"{row['instruction']}\n{row.get('input') or ''}"},
                {"role": "assistant", "content": row["output"]},
            ]
        )
        for row in rows
    ]


def _dropped() -> dict[str, Any]:
    """Say how many passages of real text the filter of loops would drop."""
    found: dict[str, Any] = {}
    places = mixture_inference.PLACES | {"manpages": "german/manpages", "udhr": "languages"}
    for name, place in places.items():
        column = pa.array(documents.read(place), pa.large_string())
        texts = passages.cut(column, most=CHARS).texts.to_pylist()[:: 1 + len(column) // 100]
        cleaned = generations.cleaned(texts, np.ones(len(texts), np.int64))
        found[name] = {"passages": len(texts), "loops": cleaned.dropped["loop"]}
    return found


def shown(result: dict[str, Any]) -> str:
    """Say it for people."""
    lines = [f"pool: {', '.join(result['sources'])}; shares in points of a hundred"]
    keys = ("error", "worst", "even", "other", "tv", "inside", "tokens_tv", "tokens_inside")
    whole = [row for row in result["trials"] if "missing" not in row]
    body = []
    for size in SIZES:
        some = [row for row in whole if row["generations"] == size]
        means = [np.mean([row[k] for row in some if k in row] or [np.nan]) for k in keys]
        given = sum("error" in row for row in some)
        body.append([str(size), f"{given} of {len(some)}", *(f"{mean:.3g}" for mean in means)])
    lines.append(printing.table(["generations", "shares given", *keys], body))
    body = [
        [str(row["mixture"]), f"{row['missing']:.0f}", f"{row['other']:.1f}", row["standing"]]
        for row in result["trials"]
        if "missing" in row
    ]
    lines.append(printing.table(["without the largest", "missing", "other", "standing"], body))
    body = [
        [name, str(row["generations"]), f"{row['other']:.1f}", row["standing"]]
        for name, row in result["foreign"].items()
    ]
    lines.append(printing.table(["foreign", "generations", "other", "standing"], body))
    body = [[n, str(r["passages"]), str(r["loops"])] for n, r in result["dropped"].items()]
    lines.append(printing.table(["real text", "passages", "called loops"], body))
    lines.append(f"CPU seconds an answer: {result['cpu_seconds_an_answer']}")
    return "\n\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    made = argparse.ArgumentParser(prog="make bench-generations", description=__doc__)
    made.add_argument("--quick", action="store_true", help="two hidden mixtures")
    made.add_argument("--json", action="store_true", help="the last line is all figures as JSON")
    made.add_argument("--trials", type=int, default=12, help="hidden mixtures")
    made.add_argument("--seed", type=int, default=21)
    made.add_argument("--validation", action="store_true", help="what limits were chosen on")
    command.run(made.parse_args(arguments), measured, shown)


if __name__ == "__main__":
    main(sys.argv[1:])
