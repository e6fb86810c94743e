"""The rule, case by case, and that the sentence says no more."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.replay.certificate.differences import Difference
from tasks.replay.certificate.verdict import Seen, sentence, verdict


def difference(corrected: float, p: float = 0.01, seen: float = 0.1) -> Difference:
    """Return a difference of this TV*, where chance makes none."""
    return Difference(corrected, 0.0, 0.0, corrected**2, 0.0, p, p, seen, 0.0, 0.0)


NOT_APART = difference(0.0, p=0.6)


@pytest.mark.parametrize(
    ("n_eff", "labels", "clusters", "wanted"),
    [
        (900, NOT_APART, NOT_APART, "indistinguishable"),
        (900, difference(0.04), NOT_APART, "indistinguishable"),  # a trifle
        (900, difference(0.3, p=0.2), NOT_APART, "indistinguishable"),  # chance
        (900, difference(0.09), NOT_APART, "close"),
        (900, difference(0.2), NOT_APART, "different"),
        (399, difference(0.09), NOT_APART, "different"),  # too few for three verdicts
        (399, NOT_APART, NOT_APART, "indistinguishable"),
        (139, NOT_APART, NOT_APART, "none"),
        (139, difference(0.5), difference(0.5), "none"),
        (900, difference(0.0, p=0.6, seen=0.24), NOT_APART, "none"),  # would not have been seen
        (900, NOT_APART, difference(0.13), "close"),  # what labels do not tell
        (900, NOT_APART, difference(0.2), "different"),
        (900, NOT_APART, difference(0.11), "indistinguishable"),
        (900, None, NOT_APART, "indistinguishable"),
        (900, None, difference(0.06), "indistinguishable"),
        (900, None, difference(0.08), "different"),
        (200, None, difference(0.0, p=0.9, seen=0.25), "none"),
    ],
)
def test_the_rule(n_eff: float, labels: Any, clusters: Difference, wanted: str) -> None:
    seen = Seen((n_eff, 2_000.0), labels, clusters)
    assert verdict(seen) == wanted
    assert verdict(Seen((2_000.0, n_eff), labels, clusters)) == wanted


def test_the_sentence_says_what_was_compared_and_how_sure_it_is() -> None:
    names = ("mine.parquet", "theirs.jsonl")
    seen = Seen((900.0, 700.0), NOT_APART, NOT_APART)
    said = sentence(seen, "indistinguishable", names, "generations")
    for part in ("at this size", *names, "stands in for the original", "900 and 700", "10 points"):
        assert part in said
    seen = Seen((900.0, 700.0), NOT_APART, difference(0.2))
    said = sentence(seen, verdict(seen), names, "sample")
    assert said.startswith("Different: ")
    assert "20 points apart" in said
    assert "sources do not tell" in said
    few = Seen((12.0, 700.0), NOT_APART, NOT_APART)
    assert "140 effective documents" in sentence(few, verdict(few), names, "other")
    unseen = Seen((150.0, 700.0), None, difference(0.0, p=0.9, seen=0.25))
    assert "25 points" in sentence(unseen, verdict(unseen), names, "other")
