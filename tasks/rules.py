"""The rules of a recipe as data: which signal, which limits, for which documents."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas import columns as c
from schemas import quality, signals
from schemas.errors import ConfigError
from schemas.selection import RULE_SETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from schemas.config import SelectConfig
    from schemas.rule_sets import RuleSet
    from schemas.selection import Override

LANGUAGE: Final = "language"
OWN: Final = "rule:"
ATTRIBUTE: Final = "attribute:"
SCORE: Final = "score:"


@dataclass(frozen=True)
class Rule:
    """One rule. ``name`` is the reason that decisions give for what breaks it.

    ``least`` and ``most`` are the limits of ``column`` that are still kept, each None where there
    is none, with their keys in the recipe; or ``expression`` is true of what is dropped. A null
    breaks no rule.
    """

    name: str
    column: str | None = None
    least: float | None = None
    most: float | None = None
    least_key: str | None = None
    most_key: str | None = None
    expression: str | None = None

    def broken(self) -> pl.Expr:
        """Tell of each row whether it breaks the rule; never null."""
        import polars as pl

        if self.expression is not None:
            return parse(self.expression, self.name).fill_null(value=False)
        least = -math.inf if self.least is None else self.least
        most = math.inf if self.most is None else self.most
        return (~pl.col(str(self.column)).is_between(least, most)).fill_null(value=False)


def matching(config: SelectConfig, *, lang: str, sources: Sequence[str]) -> tuple[Override, ...]:
    """Return the overrides that speak of a document; ``sources`` are all names its source has."""
    return tuple(
        o
        for o in config.overrides
        if (not o.languages or lang in o.languages)
        and (not o.sources or not set(o.sources).isdisjoint(sources))
    )


def rules(config: SelectConfig, overrides: tuple[Override, ...] = ()) -> tuple[Rule, ...]:
    """Return the rules for documents that ``overrides`` speak of, in the order of their reasons.

    The languages that a recipe keeps are no such rule: see :mod:`tasks.select`.
    """
    found: list[Rule] = []
    for name in RULE_SETS:
        thresholds, places = _thresholds(name, config, overrides)
        if thresholds is not None:
            found += _of_set(name, thresholds, places)
    for own in config.rules:
        found.append(Rule(f"{OWN}{own.name}", expression=own.drop_where))
    for one in config.attributes:
        column = attribute_column(one.name)
        keys = ("select.attributes.min", "select.attributes.max")
        found.append(Rule(f"{ATTRIBUTE}{one.name}", column, one.min, one.max, *keys))
    for rule in config.scores:
        column = quality.score(rule.name)
        keys = ("select.scores.min", "select.scores.max")
        found.append(Rule(f"{SCORE}{rule.name}", column, rule.min, rule.max, *keys))
    return tuple(found)


def names(config: SelectConfig) -> tuple[str, ...]:
    """Return the names of all rules that any document may be judged by, in the order of reasons."""
    found: list[str] = []
    for name in RULE_SETS:
        sets = (getattr(some, name) for some in (config, *config.overrides))
        asked = next((one for one in sets if one), None)
        if asked is not None:
            found += [_rule_name(name, limit.column) for limit in asked.limits]
    found += [f"{OWN}{own.name}" for own in config.rules]
    found += [f"{ATTRIBUTE}{one.name}" for one in config.attributes]
    found += [f"{SCORE}{rule.name}" for rule in config.scores]
    return tuple(found)


def _thresholds(
    name: str, config: SelectConfig, overrides: tuple[Override, ...]
) -> tuple[RuleSet | None, dict[str, str]]:
    """Return a rule set as overrides leave it, and where the recipe says each key of it."""
    thresholds: RuleSet | None = getattr(config, name)
    here, there = f"select.{name}", f"select.overrides.{name}"
    places = dict.fromkeys(type(thresholds).model_fields, here) if thresholds else {}
    for override in overrides:
        other = getattr(override, name)
        if other is False:
            thresholds = None
        elif other is not None and thresholds is None:
            thresholds, places = other, dict.fromkeys(type(other).model_fields, there)
        elif other is not None and thresholds is not None:
            thresholds = thresholds.changed(other)
            places |= dict.fromkeys(other.model_fields_set, there)
    return thresholds, places


def check(config: SelectConfig, scores: Sequence[str] = ()) -> None:
    """Raise :class:`ConfigError` where an expression is none, or about a score there is not.

    ``scores``: the columns of those that there are.
    """
    for own in config.rules:
        parse(own.drop_where, own.name)
        for word in scores_in(own.drop_where):
            if word not in scores:
                raise _unknown(own.name, word, (*COLUMNS, *scores))


def attribute_column(name: str) -> str:
    """Column with an attribute as a number, null where a document has none."""
    return f"{c.ATTRIBUTES}.{name}"


def _rule_name(rule_set: str, column: str) -> str:
    """Return how reasons call a rule: by the signal, after the set's name if that is another's."""
    return column if column.startswith(rule_set.partition("_")[0]) else f"{rule_set}:{column}"


def _of_set(name: str, thresholds: RuleSet, places: dict[str, str]) -> Iterator[Rule]:
    for column, least, most in thresholds.limits:
        yield Rule(
            _rule_name(name, column),
            column,
            None if least is None else getattr(thresholds, least),
            None if most is None else getattr(thresholds, most),
            None if least is None else f"{places[least]}.{least}",
            None if most is None else f"{places[most]}.{most}",
        )


# --- expressions ------------------------------------------------------------------------------

COLUMNS: Final = (*signals.NUMERIC, c.LANG)
WORDS: Final = frozenset(
    (
        *("and", "or", "not", "in", "is", "null", "between", "like", "ilike", "true", "false"),
        *("case", "when", "then", "else", "end", "abs", "ceil", "coalesce", "exp", "floor"),
        *("greatest", "least", "length", "ln", "log10", "nullif", "round", "sign", "sqrt"),
    )
)
"""What each row can be judged by alone, and the same in every run."""
TOKEN: Final = re.compile(
    r"(?P<blank>\s+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^']|'')*')"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|<>|!=|[=<>+\-*/%(),])",
    re.ASCII,
)


def parse(expression: str, name: str) -> pl.Expr:
    """Read a rule of the user's; raise :class:`ConfigError` for all but comparisons of signals.

    Looked at word by word before Polars sees it: that reads files and addresses which an SQL
    expression names (``(SELECT … FROM read_csv(…))``) while it parses.
    """
    import polars as pl

    _check_words(expression, name)
    kinds = {s.name: pl.Int64 if s.type == signals.COUNT else pl.Float64 for s in signals.ALL}
    schema = {column: kinds[column] for column in signals.NUMERIC} | {c.LANG: pl.String}
    schema |= dict.fromkeys(scores_in(expression), pl.Float64)
    nothing = {column: [None] for column in schema}
    try:
        parsed = pl.sql_expr(expression)
        # Tried on a row: that types do not go together is not always seen before.
        kind = pl.DataFrame(nothing, schema=schema).select(found=parsed).schema["found"]
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0][:160]
        raise _wrong(name, f"{expression[:80]!r} ({first})") from error
    if kind != pl.Boolean:
        raise _wrong(name, f"{expression[:80]!r}, which is {kind} and not true or false")
    return parsed


def scores_in(expression: str) -> list[str]:
    """Return the columns of scores that an expression names, each once."""
    words = (found["word"] for found in TOKEN.finditer(expression))
    return list(dict.fromkeys(word for word in words if word and _is_score(word)))


def _is_score(word: str) -> bool:
    return word.startswith(quality.PREFIX)


def _check_words(expression: str, name: str) -> None:
    at = 0
    if "--" in expression or "/*" in expression:
        raise _wrong(name, f"a comment in {expression[:80]!r}")
    while at < len(expression):
        token = TOKEN.match(expression, at)
        if token is None:
            raise _wrong(name, f"{expression[at : at + 20]!r} in {expression[:80]!r}")
        word = token["word"]
        known = word is None or word in COLUMNS or word.lower() in WORDS or _is_score(word)
        if not known:
            raise _unknown(name, str(word))
        at = token.end()


def _unknown(name: str, word: str, known: Sequence[str] = COLUMNS) -> ConfigError:
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return ConfigError(
        _place(name),
        got=f"{word!r}, which is no signal that can be compared",
        wanted="numbers among the signals, lang, and plain comparisons",
        way_out=f"Did you mean {near[0]!r}?" if near else "docs/signals.md names them all.",
    )


def _wrong(name: str, got: str) -> ConfigError:
    return ConfigError(
        _place(name),
        got=got,
        wanted="an SQL expression over signals that is true or false",
        way_out="For example: code_frac_alphanumeric < 0.3 AND lang = 'en' (docs/signals.md).",
    )


def _place(name: str) -> str:
    return f"select.rules {name.removeprefix(OWN)!r}.drop_where"
