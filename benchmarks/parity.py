"""Verdicts of openmoat's rules beside those of datatrove's and dolma's own filters.

``python -m benchmarks.parity`` prints Markdown: for each filter how often the two agree, and for
each disagreement the definition that makes it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
import pyarrow as pa

from benchmarks import documents, measuring, peers
from benchmarks.definitions import datatrove_c4, datatrove_gopher, dolma
from benchmarks.definitions.steps import UNEXPLAINED, Document, Finding, Step, compare
from schemas import columns as c
from schemas import rule_sets
from schemas.config import SignalsConfig
from schemas.errors import OpenmoatError
from tasks.signals.language import language
from tasks.signals.rules import rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAMPLE = {
    "dolma/documents/news": 646,
    "native/wikinews": 500,
    "native/llamafactory_pretrain": 300,
    "dolma/documents/science": 400,
    "dolma/documents/wiki": 300,
    "dolma/documents/docs": 400,
    "dolma/documents/code": 500,
    "dolma/documents/legal": 400,
    "dolma/documents/maths": 60,
    "german/laws": 300,
    "german/manpages": 408,
    "languages": 786,
}
"""So many of each folder, from its beginning; empty texts too, as filters see them."""
LONGEST = 10_000
"""Of longer texts the beginning, in characters, as datatrove takes seconds for them."""
AT = "benchmarks.contenders"
Limits = dict[str, tuple[float | None, float | None]]


class Filter(NamedTuple):
    """A filter of theirs, the rules of ours beside it, and the way from one to the other."""

    name: str
    limits: Limits
    steps: Sequence[Step]


def limits_of(rule_set: rule_sets.RuleSet) -> Limits:
    """Least and most that a rule set keeps, by column."""
    return {
        column: (
            None if least is None else getattr(rule_set, least),
            None if most is None else getattr(rule_set, most),
        )
        for column, least, most in rule_set.limits
    }


def filters() -> tuple[Filter, ...]:
    """All that are compared."""
    ours = limits_of(rule_sets.DolmaThresholds())
    punctuation = {dolma.NO_PUNCTUATION: ours.pop(dolma.NO_PUNCTUATION)}
    quality = limits_of(rule_sets.GopherThresholds())
    repetition = limits_of(rule_sets.GopherRepetitionThresholds())
    c4, fineweb = limits_of(rule_sets.C4Thresholds()), limits_of(rule_sets.FineWebThresholds())
    return (
        Filter("datatrove GopherQualityFilter", quality, datatrove_gopher.QUALITY),
        Filter("datatrove GopherRepetitionFilter", repetition, datatrove_gopher.REPETITION),
        Filter("datatrove C4QualityFilter", c4, datatrove_c4.C4),
        Filter("datatrove FineWebQualityFilter", fineweb, datatrove_c4.FINEWEB),
        Filter("dolma gopher_v2", ours, dolma.GOPHER_V2),
        Filter("dolma gopher_v1", ours, dolma.GOPHER_V1),
        Filter("dolma c4_v2, punctuation", punctuation, dolma.PUNCTUATION),
    )


def sample() -> list[str]:
    """Real texts, as they are stored."""
    folder = documents.data()
    if folder is None:
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got="no folder of real data",
            wanted="the folder that the project's tests use",
            way_out="Set OPENMOAT_DATA to it.",
        )
    found = []
    for place, count in SAMPLE.items():
        texts = (text for file in _files(folder / place) for text in _texts(file))
        found += [text[:LONGEST] for text in islice(texts, count)]
    return found


def _files(folder: Path) -> list[Path]:
    return [
        f for f in sorted(folder.iterdir()) if ".jsonl" in f.name or f.name.startswith("wiki_0")
    ]


def _texts(file: Path) -> Iterator[str]:
    content = file.read_bytes()
    content = gzip.decompress(content) if file.suffix == ".gz" else content
    for line in content.splitlines():
        text: str = json.loads(line)["text"]
        yield documents.plain(text) if "html" in file.name else text


def measured(texts: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Our signals of each text, and its language."""
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    langs = language(column, SignalsConfig())[c.LANG]
    return rules(column, langs).to_dicts(), pl.Series(langs).to_list()


def asked(texts: list[str], trove: str, dolma_python: str) -> list[dict[str, Any]]:
    """What the others say of each text."""
    with tempfile.TemporaryDirectory(prefix="openmoat-parity-") as desk:
        given = Path(desk) / "texts.jsonl"
        given.write_text("".join(json.dumps(t) + "\n" for t in texts), encoding="utf-8")
        answers = []
        for name, python in (("parity_datatrove", trove), ("parity_dolma", dolma_python)):
            measuring.note(f"Asking {name.removeprefix('parity_')}: minutes")
            out = Path(desk) / f"{name}.jsonl"
            measuring.in_process(f"{AT}.{name}", str(given), str(out), python=python)
            answers.append([json.loads(line) for line in out.open(encoding="utf-8")])
    (signs, *first), second = answers
    signs["punctuation"] = frozenset(signs["punctuation"])
    return [signs | one | other for one, other in zip(first, second, strict=True)]


def drops(name: str, theirs: dict[str, Any]) -> bool:
    """A filter's own verdict on a text."""
    program, _, what = name.partition(" ")
    if program == "datatrove":
        return theirs["verdicts"][what] is not None
    tagger, _, punctuation = what.partition(", ")
    if punctuation:
        return dolma.drops_for_punctuation(theirs[tagger])
    return dolma.drops(theirs[tagger])


def findings(one: Filter, texts: list[str], values: list[Any], theirs: list[Any]) -> list[Finding]:
    """Compare a filter's verdicts with ours."""
    return [
        compare(
            Document(text, own, other, one.limits),
            one.steps,
            they_drop=drops(one.name, other),
        )
        for text, own, other in zip(texts, values, theirs, strict=True)
    ]


def shown(name: str, found: list[Finding], langs: list[str]) -> str:
    """A filter's table, and the table of its disagreements."""
    both = Counter((f.we_drop, f.they_drop) for f in found)
    english = [f for f, lang in zip(found, langs, strict=True) if lang == "en"]
    equal = f"{_percent(found)} of all texts, {_percent(english)} of the {len(english):,} English."
    lines = [
        f"### {name}\n\nEqual: {equal}\n",
        "| | they keep | they drop |",
        "|---|---|---|",
        f"| **we keep** | {both[False, False]:,} | {both[False, True]:,} |",
        f"| **we drop** | {both[True, False]:,} | {both[True, True]:,} |",
        "\n| their definition | only we drop | only they drop | mostly by |",
        "|---|---|---|---|",
        *_causes(found),
    ]
    return "\n".join(lines)


def _causes(found: list[Finding]) -> list[str]:
    """A row for each cause, the commonest first; what is unexplained comes last, also if 0."""
    causes = Counter({UNEXPLAINED: 0}) + Counter(f.cause for f in found if f.cause)
    causes[UNEXPLAINED] += 0
    ours = Counter(f.cause for f in found if f.cause and f.we_drop)
    rows = []
    for cause, n in sorted(causes.items(), key=lambda one: (one[0] == UNEXPLAINED, -one[1])):
        by = Counter(f.rule for f in found if f.cause == cause and f.rule).most_common(1)
        rule = f"`{by[0][0]}`" if by else ""
        rows.append(f"| {cause} | {ours[cause]:,} | {n - ours[cause]:,} | {rule} |")
    return rows


def _percent(found: list[Finding]) -> str:
    equal = sum(f.we_drop == f.they_drop for f in found)
    return f"{100 * equal / max(1, len(found)):.1f} %"


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has datatrove and spacy")
    parser.add_argument("--dolma", metavar="PYTHON", help="a Python that has dolma")
    parser.add_argument("--every", type=int, default=1, help="only one text in so many")
    options = parser.parse_args()
    try:
        texts = sample()[:: options.every]
        trove = peers.interpreter(options.peers)
        dolma_python = peers.interpreter(options.dolma, peers.DOLMA)
        values, langs = measured(texts)
        theirs = asked(texts, trove, dolma_python)
    except OpenmoatError as error:
        sys.exit(str(error))
    versions = peers.versions(trove) | peers.versions(dolma_python, peers.DOLMA)
    print(f"{len(texts):,} texts; " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".")
    for one in filters():
        print()
        print(shown(one.name, findings(one, texts, values, theirs), langs))


if __name__ == "__main__":
    main()
