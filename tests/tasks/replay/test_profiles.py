"""Profiles built from what is published, inferred and counted."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError
from schemas.profile import Profile
from tasks import ngrams
from tasks.replay import packed, profiles
from tasks.replay.generations import Estimate, Standing, Told
from tasks.replay.profiles import About, Rows
from tasks.replay.sides import Strata
from tests.corpora import WORDS

ABOUT = About("some text", "a folder (digest 12)", "passage of up to 4,000 characters")


def rows(n: int, *, seed: int = 0, alike: int = 1) -> Rows:
    """Return texts of a few words, so many of one document after the other."""
    chance = random.Random(seed)
    sizes = [chance.randint(1, 30) for _ in range(n)]
    texts = [" ".join(chance.choices(WORDS, k=size)) for size in sizes]
    return Rows(
        characters=np.array([len(text) for text in texts], np.int64),
        tokens=np.array(sizes, np.int64),
        documents=np.arange(n) // alike,
        counts=packed.of(pa.array(texts, pa.large_string())),
        langs=[None if i % 10 == 0 else "en" if i % 10 < 8 else "de" for i in range(n)],
        sources=["news" if i // alike % 4 else "wiki" for i in range(n)],
    )


def test_what_is_published_has_no_intervals_and_the_rest_is_unknown() -> None:
    found = profiles.of_published("llama-1")
    assert found.sources.provenance == "published"
    assert "2302.13971" in found.sources.basis
    assert found.sources.plain()["github"] == pytest.approx(0.045)
    assert all(one.low is None for one in found.sources.shares.values())
    assert {name for name, part in found.parts().items() if part.provenance == "unknown"} == {
        "languages",
        "lengths",
        "n-grams",
        "strata",
    }
    with pytest.raises(ConfigError, match="llama-1"):
        profiles.of_published("llama-9")


def test_inferred_shares_have_the_widths_that_are_given_within_0_and_1() -> None:
    found = profiles.of_shares(
        {"a": 0.02, "b": 0.9},
        provenance="inferred",
        basis="merges of a tokenizer",
        widths={"a": 0.05, "b": 0.2},
    )
    a, b = found.sources.shares.values()
    assert [a.low, a.high, b.low, b.high] == pytest.approx([0, 0.07, 0.7, 1])
    assert found.sources.other is not None
    assert found.sources.other.share == pytest.approx(0.08)


@pytest.mark.parametrize("shares", [{}, {"a": -0.1, "b": 1.1}, {"a": 0.7, "b": 0.4}])
def test_shares_that_make_no_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"up to 1 in all"):
        profiles.of_shares(shares, provenance="inferred", basis="x")


def test_a_sample_is_counted_in_tokens() -> None:
    some = rows(400)
    found = profiles.of_sample(some, ABOUT)
    news = np.array([source == "news" for source in some.sources or ()])
    share = some.tokens[news].sum() / some.tokens.sum()
    told = found.sources.shares["news"]
    assert told.share == pytest.approx(share)
    assert told.low is not None
    assert told.high is not None
    assert told.low < share < told.high
    assert list(found.languages.shares) == ["en", "de", "unknown"]
    assert found.lengths.tokens is not None
    assert found.lengths.tokens.values[3] == np.quantile(some.tokens, 0.5, method="inverted_cdf")
    assert found.lengths.rows == ABOUT.rows
    assert found.strata.provenance == "unknown"
    counted = packed.sums(some.counts, np.arange(400))
    assert found.ngrams.counted == counted.sum()
    assert found.ngrams.hashing == ngrams.VERSION
    mean = profiles.mean(found)
    assert mean is not None
    np.testing.assert_allclose(mean, counted / counted.sum(), rtol=1e-6)


def test_a_profile_is_the_same_in_any_order_and_when_it_is_read_again() -> None:
    some = rows(60, alike=3)
    turned = Rows(
        some.characters[::-1],
        some.tokens[::-1],
        some.documents[::-1],
        counts=packed.joined([_row(some, i) for i in range(59, -1, -1)]),
        langs=list(some.langs or ())[::-1],
        sources=list(some.sources or ())[::-1],
    )
    found = profiles.of_sample(some, ABOUT)
    assert profiles.of_sample(turned, ABOUT) == found
    again = Profile.model_validate_json(found.model_dump_json())
    assert profiles.digest(again) == profiles.digest(found)
    assert profiles.digest(profiles.of_sample(rows(61), ABOUT)) != profiles.digest(found)


def _row(some: Rows, i: int) -> packed.Packed:
    first, end = some.counts.firsts[i : i + 2].tolist()
    return packed.Packed(np.array([0, end - first]), some.counts.body[first:end])


def test_fewer_documents_make_wider_intervals() -> None:
    widths = []
    for alike in (1, 10):
        told = profiles.of_sample(rows(400, alike=alike), ABOUT).sources.shares["news"]
        assert told.low is not None
        assert told.high is not None
        widths.append(told.high - told.low)
    assert widths[1] > 2 * widths[0]


def test_intervals_of_shares_hold_as_often_as_they_say() -> None:
    """Documents of one kind each, of unequal lengths."""
    chance = np.random.default_rng(4)
    held = []
    for _ in range(400):
        kinds, lengths = chance.random(150) < 0.1, chance.exponential(100, 150) + 1
        n_eff = lengths.sum() ** 2 / np.square(lengths).sum()
        share = np.array([lengths[kinds].sum() / lengths.sum()])
        low, high = profiles.wilson(share, n_eff)
        held.append(low[0] <= 0.1 <= high[0])
    assert 0.92 <= np.mean(held) <= 1


@given(st.floats(0, 1), st.floats(1, 1e6))
def test_an_interval_holds_its_share(share: float, n_eff: float) -> None:
    low, high = profiles.wilson(np.array([share]), n_eff)
    assert 0 <= low[0] <= share <= high[0] <= 1
    assert low[0] < high[0]


def test_strata_without_a_row_have_an_interval_too() -> None:
    strata = Strata(np.zeros(3, np.int64), np.array([0.4, 0.6, 0.0]), np.arange(60) % 2)
    found = profiles.of_sample(rows(60), ABOUT, strata=strata).strata
    assert list(found.shares) == ["0", "1", "2"]
    assert found.shares["2"].share == 0
    assert found.shares["2"].high == pytest.approx(0.0, abs=0.12)
    assert found.shares["2"].high != 0


def told(**more: Any) -> Told:
    shares = np.array([0.7, 0.25])
    some = Estimate(shares, shares - 0.1, shares + 0.05)
    made = Told(
        standing=Standing.FITS,
        sources=("wiki", "news"),
        documents=some,
        tokens=some,
        other=0.05,
        skill=0.9,
        n_eff=300.0,
        level=0.95,
        nearest=("wiki",),
        says="They look like it.",
    )
    return made._replace(**more)


def test_of_generations_everything_is_inferred() -> None:
    found = profiles.of_generations(rows(60), told(), ABOUT, cut=0.4)
    known = [part for name, part in found.parts().items() if name != "strata"]
    assert {part.provenance for part in known} == {"inferred"}
    assert found.sources.plain() == {"wiki": 0.7, "news": 0.25}
    assert found.sources.other is not None
    assert found.sources.other.share == pytest.approx(0.05)
    assert found.sources.shares["news"].high == pytest.approx(0.3)
    assert found.lengths.cut == 0.4


def test_refused_shares_are_unknown_and_the_reason_stands_beside() -> None:
    refused = told(standing=Standing.FOREIGN, documents=None, tokens=None, says="None fits.")
    found = profiles.of_generations(rows(60), refused, ABOUT, cut=0.0)
    assert found.sources.provenance == "unknown"
    assert found.sources.basis == "None fits."
    assert not found.sources.shares
    without = told(tokens=Estimate(np.array([0.7, 0.25]), None, None))
    plain = profiles.of_generations(rows(60), without, ABOUT, cut=0.0).sources
    assert plain.level is None
    assert plain.shares["wiki"].low is None


def test_no_text_is_an_error_that_names_where_it_should_have_been() -> None:
    with pytest.raises(ConfigError, match=r"no text \(a folder"):
        profiles.of_sample(rows(0), ABOUT)
    with pytest.raises(ValueError, match="as many of each"):
        profiles.of_sample(rows(3)._replace(langs=["en"]), ABOUT)
