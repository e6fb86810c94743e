"""datatrove's filters of C4's and FineWeb's rules, in steps from ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.definitions import ours
from benchmarks.definitions.datatrove_gopher import EMPTY, TOKENS, UNSPACED
from benchmarks.definitions.steps import Document, State, Step
from tasks import characters as ch
from tasks.signals.rules import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SENTENCES, LOREM, CURLY = "c4_sentence_count", "c4_lorem_ipsum_count", "c4_curly_bracket_count"
MARKS = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
THEIR_ENDS = (".", "?", "!", '"', "'")
ENDS = "ends of lines: only . ? ! \" ', no other script's"


@dataclass(frozen=True)
class Rules:
    """C4's rules with what differs between ours and theirs."""

    least_words: int = names.FEW_WORDS
    brackets: str = "{}"
    anywhere: bool = True
    """Curly brackets and lorem ipsum count in every line, not only in what is left."""
    unspaced: bool = False
    their_ends: bool = False
    remove_marks: bool = False
    longest_word: int | None = None
    their_sentences: bool = False
    splitlines: bool = False


def judged(document: Document, state: State, rules: Rules) -> None:
    """Count sentences, lorem ipsum and brackets."""
    counts = [0, 0, 0]
    for line in _lines(document.text, rules):
        for k, found in enumerate(_of_line(line, rules, document.theirs["sentences"])):
            counts[k] += found
    if rules.anywhere:
        counts[1] = document.text.translate(ours.TO_LOWER).count(names.LOREM_IPSUM[0])
        counts[2] = sum(map(document.text.count, rules.brackets))
    nothing = document.values[SENTENCES] is None and not rules.unspaced
    state.values |= {SENTENCES: None if nothing else counts[0], LOREM: counts[1], CURLY: counts[2]}


def _lines(text: str, rules: Rules) -> list[str]:
    if rules.splitlines:
        return [line.strip() for line in text.splitlines()]
    return ours.lines_of(text)


def _of_line(line: str, rules: Rules, sentences: Mapping[str, int]) -> tuple[int, int, int]:
    """Sentences, lorem ipsum and brackets of a line, 0 where it is left out."""
    words = line.split() if rules.splitlines else ours.words_of(line)
    if rules.longest_word is not None and any(len(word) > rules.longest_word for word in words):
        return 0, 0, 0
    if rules.remove_marks:
        line = MARKS.sub("", line)
    if not _ends(line, rules) or len(words) < rules.least_words:
        return 0, 0, 0
    lowered = line.lower() if rules.splitlines else line.translate(ours.TO_LOWER)
    lorem = int(names.LOREM_IPSUM[0] in lowered)
    if names.JAVASCRIPT[0] in lowered:
        return 0, lorem, 0
    brackets = sum(map(line.count, rules.brackets))
    if any(phrase in lowered for phrase in names.POLICY):
        return 0, lorem, brackets
    return (sentences[line] if rules.their_sentences else _sentences(line)), lorem, brackets


def _ends(line: str, rules: Rules) -> bool:
    if line.endswith("..."):
        return False
    if rules.their_ends:
        return line.endswith(THEIR_ENDS)
    return line[-1:] in ours.of_class(ch.TERMINAL | ch.QUOTE)


def _sentences(line: str) -> int:
    ends = [_closes(word) for word in ours.words_of(line)]
    return sum(ends) + (not ends[-1]) if ends else 0


def _closes(word: str) -> bool:
    return word.rstrip(ours.aside())[-1:] in ours.of_class(ch.TERMINAL)


def _c4() -> Iterator[Step]:
    rules = Rules()
    # Nothing changes here, or plain Python and the kernel differ: that would be our mistake.
    yield Step("unexplained", partial(judged, rules=rules))
    yield Step("5 sentences a page (3 here)", _five_sentences)
    for cause, changes in (
        ("3 words a line (5 here)", {"least_words": 3}),
        ("only { is a curly bracket, } is none", {"brackets": "{"}),
        ("{ and lorem ipsum count only in lines that are left", {"anywhere": False}),
        (UNSPACED, {"unspaced": True}),
        (ENDS, {"their_ends": True}),
        ("marks such as [1] are removed first", {"remove_marks": True}),
        ("lines with a word of more than 1,000 characters go", {"longest_word": 1_000}),
        ("sentences: spaCy's", {"their_sentences": True}),
        ("lines end at carriage returns and the like too; Python's white space", {"splitlines": 1}),
    ):
        rules = replace(rules, **changes)
        yield Step(cause, partial(judged, rules=rules))


def _five_sentences(_: Document, state: State) -> None:
    state.limits[SENTENCES] = (5, None)


C4 = tuple(_c4())
PUNCTUATED, SHORT = "fineweb_frac_lines_end_with_punctuation", "fineweb_frac_short_lines"
DUPES, LIST = "fineweb_frac_chars_dupe_lines", "fineweb_newlines_per_word"


def no_lines(document: Document, state: State) -> None:
    """A text without a word is dropped by a rule of its own."""
    state.values["empty"] = float(not document.lines)
    state.limits["empty"] = (None, 0.0)


def one_percent(_: Document, state: State) -> None:
    """The threshold of the code, not of the paper's text."""
    least, _most = state.limits[DUPES]
    state.limits[DUPES] = (least, 0.01)


def every_script(document: Document, state: State) -> None:
    """Line feeds a word, whatever the script."""
    state.values[LIST] = ours.share(document.text.count("\n"), len(document.words))


def their_signs(document: Document, state: State) -> None:
    """Ends of our lines by their list of signs."""
    signs = tuple(document.theirs["terminal"])
    found = sum(line.endswith(signs) for line in document.lines)
    state.values[PUNCTUATED] = ours.share(found, len(document.lines))


def as_they_stand(document: Document, state: State) -> None:
    """Lines with the white space at their ends."""
    lines = [line for line in document.text.split("\n") if line.strip()]
    signs = tuple(document.theirs["terminal"])
    _, size = ours.repeats(lines)
    state.values |= {
        PUNCTUATED: ours.share(sum(line.endswith(signs) for line in lines), len(lines)),
        SHORT: ours.share(sum(len(line) <= names.SHORT_LINE for line in lines), len(lines)),
        DUPES: ours.share(size, len(document.text.replace("\n", ""))),
    }


def their_words(document: Document, state: State) -> None:
    """Line feeds for each of their words."""
    state.values[LIST] = ours.share(document.text.count("\n"), len(document.tokens))


FINEWEB = (
    Step(EMPTY.replace("an empty text", "a text without a word"), no_lines),
    Step("0.01 of the characters in repeated lines", one_percent),
    Step(UNSPACED, every_script),
    Step("ends of lines: their list of signs, no quotation marks", their_signs),
    Step("lines with the white space at their ends", as_they_stand),
    Step(TOKENS, their_words),
)
