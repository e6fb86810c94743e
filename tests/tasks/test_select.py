"""Rules at their boundaries, whom they judge, and how documents are held out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas import columns as c
from schemas import signals
from schemas.config import GopherThresholds, SelectConfig
from schemas.errors import ConfigError
from schemas.selection import RULE_SETS, LicensesConfig
from tasks import select
from tasks.hashing import digest
from tasks.opt_outs import Lists
from tasks.rules import parse
from tasks.rules import rules as rules_of
from tasks.signals.rules import rules

if TYPE_CHECKING:
    import random
    from pathlib import Path

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
GOOD = {s.name: None for s in signals.ALL if s.name in signals.NUMERIC} | GOOD
KINDS = {s.name: pl.Int64 if s.type == pa.int64() else pl.Float64 for s in signals.ALL}
KINDS = {name: kind for name, kind in KINDS.items() if name in signals.NUMERIC}
ALL = SelectConfig(apply_to="all")


def reasons(config: SelectConfig = ALL, /, **signals: Any) -> list[str]:
    """Return the rules that a document breaks that is good but for some signals."""
    frame = pl.DataFrame([GOOD | signals], schema_overrides=KINDS)
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
    texts = pa.chunked_array([["", " \n\t\u3000"]], pa.large_string())
    empty = rules(texts, pl.Series(["und", "und"])).to_dicts()
    for row in empty:
        for origin in ("replay", "new"):
            config = SelectConfig(exempt=("web",))
            assert reasons(config, **row, **{c.ORIGIN: origin}) == ["empty"]
        assert reasons(ALL, **row)[:2] == ["empty", c.GOPHER_WORD_COUNT]


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


# ---- rule sets


def on(name: str, **keys: Any) -> SelectConfig:
    """Return a configuration with one rule set and no other."""
    return SelectConfig.model_validate({"apply_to": "all", "gopher": False, name: keys or True})


@pytest.mark.parametrize("name", RULE_SETS)
def test_each_limit_is_about_a_signal_and_keeps_what_equals_it(name: str) -> None:
    config = on(name)
    for rule in rules_of(config):
        column = str(rule.column)
        step = 1 if KINDS[column] == pl.Int64 else 1e-9
        for limit, beyond in ((rule.least, -step), (rule.most, step)):
            if limit is not None:
                assert reasons(config, **{column: limit}) == []
                assert reasons(config, **{column: limit + beyond}) == [rule.name]
        assert reasons(config, **{column: None}) == []
    assert {rule.column for rule in rules_of(config)} <= set(signals.NUMERIC)
    keys = {key for rule in rules_of(config) for key in (rule.least_key, rule.most_key) if key}
    assert keys == {f"select.{name}.{key}" for key in type(getattr(config, name)).model_fields}


def test_rule_sets_with_one_signal_are_told_apart() -> None:
    config = SelectConfig.model_validate({"apply_to": "all", "dolma": True})
    broken = reasons(config, **{c.GOPHER_STOP_WORDS: 1})
    assert broken == [c.GOPHER_STOP_WORDS, f"dolma:{c.GOPHER_STOP_WORDS}"]


def test_overrides_speak_of_languages_and_sources() -> None:
    config = SelectConfig.model_validate(
        {
            "apply_to": "all",
            "overrides": [
                {"languages": ["de", "fi"], "gopher": {"max_mean_word_length": 12.0}},
                {"sources": ["scripts"], "gopher": False, "code": {"max_line_length": 50}},
                {"languages": ["fi"], "gopher": {"min_words": 10}},
            ],
        }
    )
    long = {c.GOPHER_MEAN_WORD_LENGTH: 11.0, "code_max_line_length": 60}
    assert reasons(config, **long) == [c.GOPHER_MEAN_WORD_LENGTH]
    assert reasons(config, **long, **{c.LANG: "de"}) == []
    assert reasons(config, **{c.LANG: "de", c.GOPHER_WORD_COUNT: 20}) == [c.GOPHER_WORD_COUNT]
    assert reasons(config, **long, **{c.LANG: "fi", c.GOPHER_WORD_COUNT: 20}) == []
    assert reasons(config, **long, **{c.RECIPE_SOURCE: "scripts"}) == ["code_max_line_length"]
    frame = pl.DataFrame(
        [GOOD | long, GOOD | long | {c.LANG: "de"}, GOOD | long | {c.SOURCE: "scripts"}]
    )
    found = select.reasons(frame, config).to_list()
    assert found == [[c.GOPHER_MEAN_WORD_LENGTH], [], ["code_max_line_length"]]
    assert select.reasons(frame.clear(), config).to_list() == []


def test_reasons_stand_in_one_order_whatever_else_is_judged_beside() -> None:
    """Documents are judged some at a time: as their files have them."""
    config = SelectConfig.model_validate(
        {
            "apply_to": "all",
            "overrides": [{"sources": ["zips"], "code": {"max_line_length": 50}}],
            "rules": [{"name": "few", "drop_where": "gopher_word_count < 90"}],
        }
    )
    bad = GOOD | {c.GOPHER_WORD_COUNT: 20, "code_max_line_length": 60}
    one = bad | {c.SOURCE: "zips"}
    alone = reasons(config, **one)
    beside = select.reasons(pl.DataFrame([bad, one], schema_overrides=KINDS), config).to_list()
    assert alone == beside[1] == [c.GOPHER_WORD_COUNT, "code_max_line_length", "rule:few"]


def overriding(*overrides: dict[str, Any], **keys: Any) -> SelectConfig:
    """Return a configuration with some overrides."""
    return SelectConfig.model_validate({"apply_to": "all", "overrides": overrides, **keys})


def test_what_an_override_writes_down_is_what_counts() -> None:
    finnish = {"languages": ["fi"]}
    base = {"gopher": {"min_words": 10}}
    one = overriding({**finnish, "gopher": {"max_mean_word_length": 12.0}}, **base)
    other = overriding(
        {**finnish, "gopher": {"max_mean_word_length": 12.0, "min_words": 50}}, **base
    )
    short = {c.LANG: "fi", c.GOPHER_WORD_COUNT: 20}
    assert (reasons(one, **short), reasons(other, **short)) == ([], [c.GOPHER_WORD_COUNT])
    assert digest(one) != digest(other)
    for config in (one, other):
        again = SelectConfig.model_validate_json(config.model_dump_json())
        assert rules_of(again, again.overrides) == rules_of(config, config.overrides)
        assert digest(again) == digest(config)


def test_each_limit_is_named_where_the_recipe_says_it() -> None:
    config = overriding(
        {"languages": ["fi"], "gopher": {"max_words": 40}}, gopher={"min_words": 10}
    )
    (words, *_) = rules_of(config, config.overrides)
    assert (words.least, words.most) == (10, 40)
    assert words.least_key == "select.gopher.min_words"
    assert words.most_key == "select.overrides.gopher.max_words"


def test_limits_that_together_leave_nothing_are_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"overrides, number 1.gopher.min_words.*not to be above"
    ):
        overriding({"languages": ["fi"], "gopher": {"min_words": 200}}, gopher={"max_words": 100})


def test_what_has_no_language_is_kept_where_it_is_named() -> None:
    nothing = {c.LANG: "und", c.LANG_PROB: 0.0}
    assert reasons(SelectConfig(apply_to="all", languages=("en", "und")), **nothing) == []
    assert reasons(SelectConfig(apply_to="all", languages=("en",)), **nothing) == ["language"]


# ---- rules of the user's own


def own(expression: str) -> SelectConfig:
    """Return a configuration with one rule and no other."""
    rule = {"name": "mine", "drop_where": expression}
    return SelectConfig.model_validate({"apply_to": "all", "gopher": False, "rules": [rule]})


@pytest.mark.parametrize(
    ("expression", "dropped"),
    [
        ("gopher_word_count > 99", True),
        ("gopher_word_count > 99 and lang = 'en'", True),
        ("lang in ('de', 'fr') or gopher_word_count between 1 and 50", False),
        ("NOT (lang_prob < .95)", False),
        ("coalesce(c4_sentence_count, 0) < 3", True),
        ("c4_sentence_count < 3", False),
        ("c4_sentence_count IS NULL", True),
        ("greatest(gopher_word_count, 200) = 200", True),
        ("CASE WHEN lang LIKE 'e%' THEN gopher_word_count * 2 > 150 ELSE FALSE END", True),
        ("lang = 'it''s'", False),
    ],
)
def test_an_expression_drops_what_it_is_true_of(expression: str, *, dropped: bool) -> None:
    found = reasons(own(expression), c4_sentence_count=None)
    assert found == (["rule:mine"] if dropped else [])


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("gopher_word_cuont > 3", "'gopher_word_cuont'.*Did you mean 'gopher_word_count'"),
        ("text LIKE '%x%'", "'text', which is no signal"),
        ("gopher_word_count + 1", "Int64 and not true or false"),
        ("gopher_word_count >", "unable to parse|true or false"),
        ("gopher_word_count > avg(gopher_word_count)", "'avg'"),
        ("row_number() over (order by n_bytes) > 3", "'row_number'"),
        ("n_bytes > 3; drop table x", "';"),
        ("n_bytes > 3 -- and so on", "a comment"),
        ("n_bytes > /* 3 */ 4", "a comment"),
        ("now() > n_bytes", "'now'"),
        ('"n_bytes" > 3', "'\"n_bytes"),
        ("lang > 3 AND", "true or false"),
        ("lang = 5", "true or false"),
        ("lang > 5", "true or false"),
        ("length(gopher_word_count) > 1", "true or false"),
        ("gopher_word_count BETWEEN 'a' AND 'b'", "true or false"),
        ("CASE WHEN lang THEN 1 ELSE 0 END = 1", "true or false"),
        ("coalesce(lang, gopher_word_count) > 1", "true or false"),
    ],
)
def test_an_expression_says_what_is_wrong_with_it(expression: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse(expression, "rule:mine")
    assert caught.value.where == "select.rules 'mine'.drop_where"


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT a FROM read_csv('{place}')) > 0",
        "n_bytes IN (SELECT a FROM read_csv('{place}'))",
        "EXISTS (TABLE read_csv('{place}'))",
        "read_csv('{place}') > n_bytes",
        "'x' = (from read_csv('{place}'))",
    ],
)
def test_an_expression_reads_no_file(expression: str, tmp_path: Path) -> None:
    place = tmp_path / "secret.csv"
    place.write_text("a,hunter2\n1,2\n")
    with pytest.raises(ConfigError) as caught:
        parse(expression.format(place=place), "rule:mine")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_expression_is_a_rule_or_a_mistake_of_the_recipe(expression: str) -> None:
    with suppress(ConfigError, ValidationError):
        assert reasons(own(expression)) in ([], ["rule:mine"])


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
