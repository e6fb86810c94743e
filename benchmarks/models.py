"""What models cost beside scikit-learn, fasttext-predict and KenLM; what Noisy Student is worth."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import command, jobs, learning, measuring, peers, printing
from benchmarks.jobs import OWN, Entry
from benchmarks.measuring import MB, Contender
from schemas.errors import OpenmoatError

if TYPE_CHECKING:
    import argparse

AT: Final = "benchmarks.contenders"
SKLEARN, FASTTEXT, KENLM = "scikit-learn", "fasttext-predict", "KenLM"
DOCUMENTS, FEW, LEARNED, TEXT_MB, SEEDS = 20_000, 4_000, 5_000, 200.0, 8
QUICK_DOCUMENTS, QUICK_FEW, QUICK_LEARNED, QUICK_MB, QUICK_SEEDS = 400, 100, 200, 2.0, 2
JOBS: Final = {
    "classifier": "scores of a classifier",
    "ngrams-3": "perplexity, order 3",
    "ngrams-5": "perplexity, order 5",
    "fasttext": "scores of a fastText classifier",
    "train": "training a classifier",
    "train-count": "of that, counting n-grams",
    "train-fit": "of that, the rest",
    "train-ngrams-3": "training an n-gram model, order 3",
    "train-ngrams-5": "training an n-gram model, order 5",
    "pass1-first-1000": "first pass, without models",
    "pass1-models": "first pass, with a classifier and an n-gram model of order 3",
}
PEERS: Final = {
    SKLEARN: ("classifier", "train", "train-count", "train-fit"),
    KENLM: ("ngrams-3", "ngrams-5"),
}
AIMS: Final = {"ngrams-3": 20, "classifier": 40, "pass1-models": 12}
"""MB a CPU second."""
NOT_DONE: Final = """\
The classifier has n-grams of one and two words in 2^18 buckets, openmoat's and scikit-learn's
(HashingVectorizer, LogisticRegression, both with their defaults otherwise); scikit-learn sees the
first texts only, its training too. fastText's model has two labels, words and two-word n-grams, of
dim 100, and numbers by seed. KenLM's are ARPA files of plain counts of the texts that openmoat's
n-gram models learned from, cut at white space; its Python module scores a text as one line. Loading
models and reading texts is start-up. The first pass is that of bench-signals, without MinHash. CPU
seconds are medians of the rounds, without start-up; MB are a million bytes, of text."""


def entries(homes: dict[str, str]) -> list[Entry]:
    """Who does the jobs; ``homes``: the interpreters of the peers that there are."""
    found = []
    for job in JOBS:
        if job.startswith("pass1"):
            argument = job.removeprefix("pass1-")
            one = Contender(OWN, f"{AT}.pass1_openmoat", (argument,))
            found.append(Entry(job, one, "pass1"))
            continue
        found.append(Entry(job, Contender(OWN, f"{AT}.models_openmoat", (job,)), "rules"))
        if job == "fasttext":
            found.append(Entry(job, Contender(FASTTEXT, f"{AT}.models_fasttext"), "rules"))
        if SKLEARN in homes and job in PEERS[SKLEARN]:
            one = Contender(SKLEARN, f"{AT}.models_sklearn", (job,), homes[SKLEARN])
            found.append(Entry(job, one, "few"))
        if KENLM in homes and job in PEERS[KENLM]:
            one = Contender(KENLM, f"{AT}.models_kenlm", (job[-1],), homes[KENLM])
            found.append(Entry(job, one, "rules"))
    return found


def peers_of(options: argparse.Namespace, versions: dict[str, str]) -> dict[str, str]:
    """The interpreters that have the peers; their versions are written down.

    KenLM has to be compiled where there is no wheel of it: it is left out where that fails.
    """
    if options.quick or options.no_peers:
        return {}
    found = {SKLEARN: peers.interpreter(options.models, peers.MODELS)}
    versions |= peers.versions(found[SKLEARN], peers.MODELS)
    try:
        found[KENLM] = peers.interpreter(options.kenlm, peers.KENLM)
        versions |= peers.versions(found[KENLM], peers.KENLM)
    except OpenmoatError as error:
        if options.kenlm is not None:
            raise
        found.pop(KENLM, None)
        measuring.note(f"KenLM is left out: {error}")
    return found


def memory(desk: Path) -> list[dict[str, Any]]:
    """Of each order of n-gram models, how much memory a word takes while one is made."""
    found = []
    for order in (3, 5):
        measuring.note(f"Memory of training an n-gram model of order {order}")
        places = map(str, (desk / "rules.jsonl", desk / "small.jsonl", order))
        told = json.loads(measuring.in_process(f"{AT}.models_memory", *places))
        found.append(told | {"bytes_a_word": round(told["bytes"] / told["words"], 1)})
    return found


def shown(result: dict[str, Any]) -> str:
    """The figures as tables."""
    parts = [
        _about(result),
        jobs.table(result["runs"], JOBS),
        _same(result["fasttext"]),
        "\n".join(map(_memory, result["memory"])),
        NOT_DONE,
        learning.shown(result["few_labels"]),
    ]
    parts += [printing.aim(name, **aim) for name, aim in result["aims"].items()]
    return "\n\n".join(parts)


def _same(found: dict[str, Any]) -> str:
    return (
        f"fastText's classifier: {found['differing']:,} of {found['documents']:,} probabilities "
        f"differ from the library's, {found['spaced']:,} of them of texts with white space that is "
        f"not fastText's; the farthest by {found['farthest']:g}."
    )


def _memory(found: dict[str, Any]) -> str:
    return (
        f"Training of order {found['order']}: {found['bytes_a_word']:g} bytes a word, of "
        f"{found['words']:,} words."
    )


def _about(result: dict[str, Any]) -> str:
    about = result["input"]
    many, pass1, learned = about["rules"], about["pass1"], about["learned"]
    return (
        f"{many['documents']:,} texts in memory, {many['text_bytes'] / MB:.1f} MB, "
        f"{about['positive']:,} of them of the kind that classifiers look for; scikit-learn: the "
        f"first {about['few']['documents']:,}.\nModels have learned from {learned['documents']:,} "
        f"others, {learned['text_bytes'] / MB:.1f} MB.\nFirst pass: {pass1['documents']:,} "
        f"documents, {pass1['text_bytes'] / MB:.0f} MB. Rounds: {result['rounds']}."
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do all that the options ask for."""
    versions = {name: version(name) for name in ("openmoat", "numba", "fasttext-predict")}
    homes = peers_of(options, versions)
    result: dict[str, Any] = {
        "bench": "models",
        "versions": versions,
        "machine": printing.machine(),
        "quick": options.quick,
        "rounds": options.rounds,
    }
    with tempfile.TemporaryDirectory(prefix="openmoat-bench-") as folder:
        desk, quick = Path(folder), ("quick",) if options.quick else ()
        measuring.note("Making texts and models: a minute or two")
        sizes = [str(n) for n in (options.documents, options.few, options.learned, options.mb)]
        about = json.loads(
            measuring.in_process("benchmarks.model_files", str(desk), *sizes, *quick)
        )
        result["input"] = about
        result["runs"] = jobs.run_all(entries(homes), desk, about, options.rounds)
        same = measuring.in_process(f"{AT}.models_fasttext", str(desk / "few.jsonl"), "compare")
        result["fasttext"] = json.loads(same)
        result["memory"] = memory(desk)
    result["few_labels"] = learning.measure(options.seeds, quick=options.quick)
    # A small text and one round are for seeing that it runs; they prove nothing.
    result["aims"] = printing.aims({} if options.quick else _aims(result["runs"]))
    return result


def _aims(runs: list[dict[str, Any]]) -> dict[str, tuple[float, str, float]]:
    own = {run["job"]: run["mb_per_cpu_second"] for run in runs if run["contender"] == OWN}
    return {f"{JOBS[job]}, MB a CPU second": (least, ">=", own[job]) for job, least in AIMS.items()}


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser("models", __doc__, rounds="medians count")
    parser.add_argument("--mb", type=command.megabytes, help=f"MB for the first pass ({TEXT_MB:g})")
    parser.add_argument("--documents", type=int, help=f"texts in memory ({DOCUMENTS:,})")
    parser.add_argument("--few", type=int, help=f"of them, for scikit-learn ({FEW:,})")
    parser.add_argument("--learned", type=int, help=f"texts that models learn ({LEARNED:,})")
    parser.add_argument("--seeds", type=int, help=f"draws of few labels ({SEEDS})")
    parser.add_argument("--models", metavar="PYTHON", help="a Python that has scikit-learn")
    parser.add_argument("--kenlm", metavar="PYTHON", help="a Python that has kenlm")
    given = command.chosen(parser, arguments)
    quick = (QUICK_DOCUMENTS, QUICK_FEW, QUICK_LEARNED, QUICK_MB, QUICK_SEEDS)
    whole = (DOCUMENTS, FEW, LEARNED, TEXT_MB, SEEDS)
    for name, size in zip(
        ("documents", "few", "learned", "mb", "seeds"), quick if given.quick else whole, strict=True
    ):
        setattr(given, name, getattr(given, name) or size)
    return given


def main() -> None:
    """Measure and print what the command line asks for."""
    command.run(options_of(sys.argv[1:]), measure, shown)


if __name__ == "__main__":
    main()
