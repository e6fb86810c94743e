"""Rules at their boundaries, whom they judge, and how documents are held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import GopherThresholds, SelectConfig
from schemas.selection import LicensesConfig
from tasks import select
from tasks.opt_outs import Lists
from tasks.signals.gopher import gopher

if TYPE_CHECKING:
    import random

GOOD: dict[str, Any] = {
    c.SOURCE: "web",
    c.RECIPE_SOURCE: "web",
    c.ORIGIN: "replay",
    c.LANG: "en",
    c.LANG_PROB: 0.9,
    c.GOPHER_WORD_COUNT: 100,
    c.GOPHER_MEAN_WORD_LENGTH: 5.0,
    c.GOPHER_SYMBOL_TO_WORD_RATIO: 0.0,
    c.GOPHER_BULLET_LINES: 0.0,
    c.GOPHER_ELLIPSIS_LINES: 0.0,
    c.GOPHER_ALPHABETIC_WORDS: 1.0,
    c.GOPHER_STOP_WORDS: 4,
}
ALL = SelectConfig(apply_to="all")


def reasons(config: SelectConfig = ALL, /, **signals: Any) -> list[str]:
    """Return the rules that a document breaks that is good but for some signals."""
    frame = pl.DataFrame([GOOD | signals])
    found: list[str] = select.reasons(frame, config).to_list()[0]
    return found


@pytest.mark.parametrize(
    ("signal", "allowed", "broken"),
    [
        (c.GOPHER_WORD_COUNT, (50, 100_000), (49, 100_001)),
        (c.GOPHER_MEAN_WORD_LENGTH, (3.0, 10.0), (2.999, 10.001)),
        (c.GOPHER_SYMBOL_TO_WORD_RATIO, (0.1,), (0.1001,)),
        (c.GOPHER_BULLET_LINES, (0.9,), (0.9001, 1.0)),
        (c.GOPHER_ELLIPSIS_LINES, (0.3,), (0.3001,)),
        (c.GOPHER_ALPHABETIC_WORDS, (0.8, 1.0), (0.7999, 0.0)),
        (c.GOPHER_STOP_WORDS, (2, 8), (1, 0)),
    ],
)
def test_thresholds_are_those_of_the_paper(
    signal: str, allowed: tuple[Any, ...], broken: tuple[Any, ...]
) -> None:
    for value in allowed:
        assert reasons(**{signal: value}) == []
    for value in broken:
        assert reasons(**{signal: value}) == [signal]


def test_each_threshold_can_be_moved() -> None:
    loose = GopherThresholds(
        min_words=1,
        max_words=1_000_000,
        min_mean_word_length=0,
        max_mean_word_length=99,
        max_symbol_to_word_ratio=9,
        max_bullet_lines=1,
        max_ellipsis_lines=1,
        min_words_with_letter=0,
        min_stop_words=0,
    )
    signals: dict[str, Any] = {
        c.GOPHER_WORD_COUNT: 1,
        c.GOPHER_MEAN_WORD_LENGTH: 99.0,
        c.GOPHER_SYMBOL_TO_WORD_RATIO: 9.0,
        c.GOPHER_BULLET_LINES: 1.0,
        c.GOPHER_ELLIPSIS_LINES: 1.0,
        c.GOPHER_ALPHABETIC_WORDS: 0.0,
        c.GOPHER_STOP_WORDS: 0,
    }
    assert reasons(SelectConfig(apply_to="all", gopher=loose), **signals) == []
    # All that are broken, in the order in which they are always named.
    assert reasons(**signals) == list(signals)


def test_gopher_can_be_switched_off() -> None:
    off = SelectConfig.model_validate({"apply_to": "all", "gopher": False})
    assert reasons(off, **{c.GOPHER_WORD_COUNT: 1}) == []
    assert reasons(off, **{c.GOPHER_WORD_COUNT: 0}) == ["empty"]


def test_rules_judge_replay_only_unless_asked() -> None:
    short: dict[str, Any] = {c.GOPHER_WORD_COUNT: 3}
    new = short | {c.ORIGIN: "new"}
    assert reasons(SelectConfig(), **short) == [c.GOPHER_WORD_COUNT]
    assert reasons(SelectConfig(), **new) == []
    assert reasons(ALL, **new) == [c.GOPHER_WORD_COUNT]


def test_exempt_sources_are_passed_over() -> None:
    config = SelectConfig(apply_to="all", exempt=("web",), languages=("de",))
    short = {c.GOPHER_WORD_COUNT: 3}
    other = {c.SOURCE: "other", c.RECIPE_SOURCE: "other"}
    assert reasons(config, **short) == []
    assert reasons(config, **short, **other) == ["language", c.GOPHER_WORD_COUNT]
    # A record may name a source of its own within that of the recipe.
    assert reasons(config, **short, **{c.SOURCE: "a part of the web"}) == []


def test_an_empty_text_is_dropped_whoever_brought_it() -> None:
    empty = gopher(pl.Series(["", " \n\t\u3000"], dtype=pl.String)).to_dicts()
    for signals in empty:
        for origin in ("replay", "new"):
            config = SelectConfig(exempt=("web",))
            assert reasons(config, **signals, **{c.ORIGIN: origin}) == ["empty"]
        assert reasons(ALL, **signals)[:2] == ["empty", c.GOPHER_WORD_COUNT]


def test_languages() -> None:
    config = SelectConfig(languages=("en", "de"), min_lang_prob=0.5)
    assert reasons(config, **{c.LANG: "de", c.LANG_PROB: 0.5}) == []
    assert reasons(config, **{c.LANG: "de", c.LANG_PROB: 0.49}) == ["language"]
    assert reasons(config, **{c.LANG: "fr", c.LANG_PROB: 1.0}) == ["language"]
    assert reasons(config, **{c.LANG: "und", c.LANG_PROB: 0.0}) == ["language"]
    assert reasons(SelectConfig(), **{c.LANG: "und", c.LANG_PROB: 0.0}) == []


def test_no_documents_have_no_reasons() -> None:
    found = select.reasons(pl.DataFrame([GOOD]).clear(), ALL)
    assert found.dtype == pl.List(pl.String)
    assert found.to_list() == []


# ---- what the law forbids

LICENSES = LicensesConfig(allow=("MIT", "CC-BY-*"), deny=("*-NC-*",))


def forbidden(config: SelectConfig, lists: Lists, *rows: dict[str, Any]) -> list[list[str]]:
    plain = {c.DOC_ID: "0", c.RECORD_ID: None, c.URL: None, c.LICENSE: None, c.OPT_OUT: False}
    kinds = {**dict.fromkeys(plain, pl.String), c.OPT_OUT: pl.Boolean}
    frame = pl.DataFrame([plain | row for row in rows], schema=kinds)
    found: list[list[str]] = select.legal(frame, config, lists).to_list()
    return found


def test_licences_and_opt_outs_are_named() -> None:
    lists = Lists(ids=frozenset({"1"}), domains=frozenset({"gone.org"}))
    rows: list[dict[str, Any]] = [
        {c.LICENSE: "MIT License"},
        {c.LICENSE: "CC BY-NC 4.0"},
        {},
        {c.DOC_ID: "1", c.LICENSE: "mit"},
        {c.OPT_OUT: True, c.LICENSE: "GPL"},
        {c.LICENSE: "GPL OR MIT", c.URL: "https://www.gone.org"},
    ]
    assert forbidden(SelectConfig(licenses=LICENSES), lists, *rows) == [
        [],
        ["license"],
        ["license"],
        ["opt_out"],
        ["opt_out", "license"],
        ["opt_out", "license"],
    ]
    assert forbidden(SelectConfig(), Lists(), *rows) == [[], [], [], [], ["opt_out"], []]
    assert forbidden(SelectConfig(licenses=LICENSES), lists) == []


def test_no_exemption_makes_lawful_what_is_not() -> None:
    config = SelectConfig(apply_to="replay", exempt=("web",), licenses=LICENSES)
    row = {c.SOURCE: "web", c.ORIGIN: "new", c.LICENSE: "GPL-3.0"}
    kinds = {**dict.fromkeys([*row, c.DOC_ID], pl.String), c.OPT_OUT: pl.Boolean}
    frame = pl.DataFrame([row | {c.DOC_ID: "0", c.OPT_OUT: False}], schema=kinds)
    assert select.legal(frame, config, Lists()).to_list() == [["license"]]


# ---- held out


def clusters(*counts: int, kept: bool = True) -> pl.DataFrame:
    """Return rows of as many clusters for each source."""
    rows = [
        {c.SOURCE: f"source {s}", c.CLUSTER_ID: f"{s}-{i}", c.KEEP: kept}
        for s, n in enumerate(counts)
        for i in range(n)
    ]
    return pl.DataFrame(rows, schema={c.SOURCE: pl.String, c.CLUSTER_ID: pl.String, c.KEEP: bool})


def held_out(frame: pl.DataFrame, share: float, seed: int = 0) -> list[bool]:
    """Return which rows are held out."""
    return (select.splits(frame, valid_share=share, seed=seed) == select.VALID).to_list()


def test_the_share_is_held_out() -> None:
    for share in (0.02, 0.5, 0.9):
        assert sum(held_out(clusters(20_000), share)) / 20_000 == pytest.approx(share, abs=0.01)


def test_no_share_and_all_of_it() -> None:
    frame = clusters(500, 2, 1)
    assert not any(held_out(frame, 0.0))
    assert all(held_out(frame, 1.0))
    assert held_out(clusters(0), 0.5) == []


def test_a_source_of_one_cluster_stays_in_training() -> None:
    assert not any(held_out(clusters(1), 1e-9))
    assert not any(held_out(clusters(5, kept=False), 1e-9))


@st.composite
def shared_clusters(draw: st.DrawFn) -> pl.DataFrame:
    """Rows whose clusters reach across sources."""
    one = st.tuples(st.integers(0, 3), st.integers(0, 6), st.booleans())
    rows = draw(st.lists(one, max_size=25))
    return pl.DataFrame(
        [{c.SOURCE: f"s{s}", c.CLUSTER_ID: f"c{i}", c.KEEP: keep} for s, i, keep in rows],
        schema={c.SOURCE: pl.String, c.CLUSTER_ID: pl.String, c.KEEP: pl.Boolean},
    )


@settings(max_examples=60)
@given(
    shared_clusters(),
    st.sampled_from([1e-6, 0.1, 0.5]),
    st.integers(0, 50),
    st.randoms(use_true_random=False),
)
def test_splits_go_by_cluster_and_every_source_has_both(
    frame: pl.DataFrame, share: float, seed: int, chance: random.Random
) -> None:
    held = held_out(frame, share, seed)
    split_of: dict[str, bool] = {}
    kept: dict[str, set[str]] = {}
    for row, valid in zip(frame.to_dicts(), held, strict=True):
        assert split_of.setdefault(row[c.CLUSTER_ID], valid) == valid
        if row[c.KEEP]:
            kept.setdefault(row[c.SOURCE], set()).add(row[c.CLUSTER_ID])
    for of_source in kept.values():
        if len(of_source) > 1:
            assert any(split_of[cluster] for cluster in of_source)
    order = chance.sample(range(len(held)), len(held))
    assert held_out(frame[pl.Series(order, dtype=pl.UInt32)], share, seed) == [
        held[i] for i in order
    ]
