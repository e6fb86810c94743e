"""A reason of a decision in words and figures: what was measured, which limit, which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from schemas import columns as c
from schemas import levels, quality
from schemas.config import DecontaminateConfig
from schemas.inspection import Reason
from schemas.manifest import SCORES
from tasks import attributes, leaks, ledger, opt_outs, perplexity, rules, select, storage
from tasks.report.thresholds import limits, number

if TYPE_CHECKING:
    from schemas.config import RunConfig
    from schemas.inspection import Inspected, Twin
    from tasks.rules import Rule

DIGITS: Final = range(4, 18)
ALIKE: Final = {
    levels.REPEATED_ID: "the same id as",
    levels.REPEATED_URL: "the same address as",
    levels.EXACT: "the same text as",
    levels.NEAR: "near to",
    levels.SEMANTIC: "of the same meaning as",
    levels.REPEATED_TEXT: "are in others, most in",
}


class Judge:
    """Tells why one document was dropped, by the recipe and by what was measured of it."""

    def __init__(self, out: str, config: RunConfig, document: Inspected) -> None:
        self._out, self._config, self._document = out, config, document
        sources = (document.source, document.recipe_source)
        lang = str(document.signals.get(c.LANG))
        overrides = rules.matching(config.select, lang=lang, sources=sources)
        self._rules = {rule.name: rule for rule in rules.rules(config.select, overrides)}

    def reason(self, name: str, twin: Twin | None) -> Reason:
        """Return one of the document's reasons, explained; ``twin`` is the duplicate's."""
        if name in levels.LEVELS:
            return self._duplicate(name, twin)
        if name in self._rules:
            rule = self._rules[name]
            return self._limit(rule) if rule.expression is None else self._expression(rule)
        stated = {
            select.OPT_OUT: self._opt_out,
            select.LICENSE: self._license,
            select.EMPTY: lambda: Reason(name=select.EMPTY, said="there is no word in its text"),
            rules.LANGUAGE: self._language,
            levels.EVAL_ITEM: self._leaks,
        }
        if name in stated:
            return stated[name]()
        if name.startswith(perplexity.REASON):
            return self._perplexity(name)
        return Reason(name=name, said="a rule that the recipe in run.json does not have")

    def _duplicate(self, name: str, twin: Twin | None) -> Reason:
        if twin is None:
            return Reason(name=name, said="of a document that is not named")
        if name == levels.INDEXED:
            return self._indexed(twin)
        if twin.level != levels.LEVELS[name]:
            return _for_its_twins(name, twin)
        if name == levels.SEMANTIC:
            return self._semantic(twin)
        key = {levels.EXACT: "dedup.exact", levels.REPEATED_URL: "dedup.urls"}.get(name)
        said, limit, least, most = f"{ALIKE[name]} {_named(twin)}", "", None, None
        if name == levels.NEAR:
            least, key = self._config.dedup.threshold, "dedup.threshold"
            said = f"similarity {_plain(twin.similarity)} to {_named(twin)}"
            limit = f"; near is at least {least:g}"
        if name == levels.REPEATED_TEXT:
            most, key = self._config.dedup.max_removed_share, "dedup.max_removed_share"
            limit = f"; at most {most:g} may be removed"
            said = f"{_plain(twin.similarity)} of its bytes {said}"
        return Reason(
            name=name,
            said=f"{said}{limit}{f' ({key})' if key else ''}",
            measured={c.MATCHED_ID: twin.doc_id, c.SIMILARITY: twin.similarity},
            least=least,
            most=most,
            key=key,
        )

    def _indexed(self, twin: Twin) -> Reason:
        """A document that is not of this run: there is nothing more to tell of it."""
        config = self._config.dedup
        said = f"similarity {_plain(twin.similarity)} to {twin.doc_id}, a document of an index"
        said += f" ({' or '.join(config.against)}); near is at least {config.against_threshold:g}"
        key = "dedup.against_threshold"
        return Reason(
            name=levels.INDEXED,
            said=f"{said} ({key})",
            measured={c.MATCHED_ID: twin.doc_id, c.SIMILARITY: twin.similarity},
            least=config.against_threshold,
            key=key,
        )

    def _semantic(self, twin: Twin) -> Reason:
        config, key = self._config.dedup.semantic, "dedup.semantic.threshold"
        least = None if config is None else config.threshold
        limit = "" if least is None else f"; alike is at least {least:g}"
        return Reason(
            name=levels.SEMANTIC,
            said=f"cosine {_plain(twin.similarity)} to {_named(twin)}{limit} ({key})",
            measured={c.MATCHED_ID: twin.doc_id, c.SIMILARITY: twin.similarity},
            least=least,
            key=key,
        )

    def _limit(self, rule: Rule) -> Reason:
        value = self._value(str(rule.column))
        low = rule.least is not None and value is not None and value < rule.least
        limit, key = (rule.least, rule.least_key) if low else (rule.most, rule.most_key)
        if value is None or limit is None:
            kept = limits(rule.least, rule.most)
            return Reason(name=rule.name, said=f"{_plain(value)}, kept is {kept}")
        words = "at least" if low else "at most"
        return Reason(
            name=rule.name,
            said=f"{_apart(value, limit)}, {words} {number(limit)} ({key})",
            measured={str(rule.column): value},
            least=limit if low else None,
            most=None if low else limit,
            key=key,
        )

    def _value(self, column: str) -> float | None:
        """A signal, or an attribute or a score as the number that rules see."""
        if column.startswith(quality.PREFIX):
            return self._scores().get(column)
        prefix = rules.attribute_column("")
        if not column.startswith(prefix):
            return self._document.signals.get(column)
        name = column.removeprefix(prefix)
        body = self._document.signals.get(c.ATTRIBUTES)
        found = attributes.values(pl.Series([body], dtype=pl.String), [name])
        return None if found[name][0] is None else float(found[name][0])

    def _scores(self) -> dict[str, float | None]:
        told = self._document.signals.get(c.SCORES) or []
        return {quality.score(one["name"]): one["value"] for one in told}

    def _expression(self, rule: Rule) -> Reason:
        signals = {**self._document.signals, **self._scores()}
        words = rules.TOKEN.finditer(str(rule.expression))
        named = dict.fromkeys(w["word"] for w in words if w["word"] in signals)
        measured = {name: signals[name] for name in named}
        said = ", ".join(f"{name} = {_plain(value)}" for name, value in measured.items())
        key = f"select.rules {rule.name.removeprefix(rules.OWN)!r}.drop_where"
        return Reason(
            name=rule.name,
            said=f"{rule.expression}, where {said} ({key})",
            measured=measured,
            key=key,
        )

    def _language(self) -> Reason:
        config, signals = self._config.select, self._document.signals
        lang, chance = signals.get(c.LANG), signals.get(c.LANG_PROB)
        key, least = "select.languages", None
        if lang in config.languages:
            key, least = "select.min_lang_prob", config.min_lang_prob
        wanted = f"kept: {', '.join(config.languages)}" if least is None else f"at least {least:g}"
        return Reason(
            name=rules.LANGUAGE,
            said=f"{lang} of probability {_plain(chance)}, {wanted} ({key})",
            measured={c.LANG: lang, c.LANG_PROB: chance},
            least=least,
            key=key,
        )

    def _perplexity(self, name: str) -> Reason:
        """Which part of its language the document is in."""
        model = name.removeprefix(perplexity.REASON)
        lang, column = str(self._document.signals.get(c.LANG)), quality.score(model)
        value = self._value(column)
        told = ledger.read(self._out, "select").details[SCORES]["cuts"]
        head, middle = told[model][lang]
        keep = next(rule.keep for rule in self._config.select.perplexity if rule.name == model)
        limits = f"head up to {_plain(head)}, middle up to {_plain(middle)}"
        return Reason(
            name=name,
            said=f"perplexity {_plain(value)} ({lang}: {limits}); kept: {', '.join(keep)} "
            "(select.perplexity.keep)",
            measured={column: value},
            key="select.perplexity.keep",
        )

    def _leaks(self) -> Reason:
        """The item that the document has most of."""
        own = leaks.read(self._out).filter(
            (pl.col(c.DOC_ID) == self._document.doc_id) & ~pl.col(c.COMMON)
        )
        share = (pl.col(c.COVERED) / pl.col(c.N_WORDS)).alias("share")
        hit = own.with_columns(share).sort("share", c.ITEM, descending=[True, False]).to_dicts()[0]
        config = self._config.decontaminate or DecontaminateConfig()
        more = f", and {len(own) - 1:,} more" if len(own) > 1 else ""
        return Reason(
            name=levels.EVAL_ITEM,
            said=f"{hit[c.COVERED]:,} of the {hit[c.N_WORDS]:,} words of "
            f"{leaks.named(hit)}, {hit[c.RUN]:,} in a row{more}; at most "
            f"{config.covered_share:g} of them (decontaminate.covered_share), fewer than "
            f"{config.run_words:,} in a row (decontaminate.run_words)",
            measured={c.COVERED: hit["share"], c.RUN: hit[c.RUN]},
            most=config.covered_share,
            key="decontaminate.covered_share",
        )

    def _license(self) -> Reason:
        stated, policy = self._document.license, self._config.select.licenses
        said, key = f"{stated!r}" if stated else "none is stated", "select.licenses"
        if policy is not None and policy.allow:
            said, key = f"{said}; allowed: {', '.join(policy.allow)}", f"{key}.allow"
        if policy is not None and policy.deny:
            said += f"; denied: {', '.join(policy.deny)}"
            key = key if policy.allow else f"{key}.deny"
        key = key if stated else "select.licenses.unstated"
        return Reason(
            name=select.LICENSE, said=f"{said} ({key})", measured={c.LICENSE: stated}, key=key
        )

    def _opt_out(self) -> Reason:
        """Who forbade the use: the record itself, or the first list that names it."""
        said, key = "its record says so", None
        if not self._document.opt_out:
            kind, entry = self._listed()
            key = f"select.opt_out.{kind}" if kind else "select.opt_out"
            said = f"listed as {entry} ({key})" if kind else f"by a list of the recipe ({key})"
        measured = {c.OPT_OUT: self._document.opt_out}
        return Reason(name=select.OPT_OUT, said=said, measured=measured, key=key)

    def _listed(self) -> tuple[str, str]:
        """The list and the entry that name the document, as they were understood."""
        folder = storage.join(ledger.folder(self._out, "select"), opt_outs.FOLDER)
        for kind, entries in self._entries().items():
            if f"{kind}.txt" not in storage.list_names(folder):
                continue
            # Found in the bytes: the lists may have millions of entries.
            body = b"\n" + storage.read_bytes(storage.join(folder, f"{kind}.txt")) + b"\n"
            for entry in entries:
                if f"\n{entry}\n".encode() in body:
                    return kind, entry
        return "", ""

    def _entries(self) -> dict[str, list[str]]:
        """What the lists would have to say to mean the document."""
        document = self._document
        found = {"ids": [document.doc_id, *([document.record_id] if document.record_id else [])]}
        if document.url:
            labels = opt_outs.host_of(document.url).split(".")
            below = [".".join(labels[i:]) for i in range(len(labels))]
            found |= {"urls": [opt_outs.normal_url(document.url)], "domains": below}
        return found


def _for_its_twins(name: str, twin: Twin) -> Reason:
    """What a document goes for where its own twin is dropped for that, too."""
    (went,) = (reason for reason, level in levels.LEVELS.items() if level == twin.level)
    said = f"{ALIKE[name]} a document that is dropped ({went}) for {_named(twin)}"
    measured: dict[str, str | float | None] = {c.MATCHED_ID: twin.doc_id}
    if twin.similarity is not None:
        said += f"; similarity to that one {_plain(twin.similarity)}"
        measured[c.SIMILARITY] = twin.similarity
    return Reason(name=name, said=said, measured=measured)


def _named(twin: Twin) -> str:
    """The twin, where it lies and what became of it."""
    where = f"{twin.source}, {twin.location}, position {twin.position}"
    kept = {True: ", which is kept", False: ", which is dropped too", None: ""}[twin.keep]
    return f"{twin.doc_id} ({where}){kept}"


def _plain(value: object) -> str:
    if isinstance(value, int | float):
        return number(value)
    return "no value" if value is None else str(value)


def _apart(value: float, limit: float) -> str:
    """A value with as many digits as show that it is not the limit."""
    shown = number(value)
    for digits in DIGITS:
        if shown != number(limit):
            break
        shown = f"{value:.{digits}g}"
    return shown
