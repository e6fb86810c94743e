"""dolma's taggers of Gopher's rules and of C4's about punctuation, in steps from ours.

Its taggers measure; the thresholds are those of its published configuration
(``configs/dolma-v1_5/mixing/cc-head.yaml``), with the n-grams' names as the taggers spell them: as
the configuration spells them, the three rules about the most frequent n-gram never hold.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from benchmarks.definitions import ours
from benchmarks.definitions.datatrove_gopher import (
    ANY_LANGUAGE,
    BULLETS,
    DUPES,
    ELLIPSES,
    LENGTH,
    LETTERS,
    STOPS,
    SYMBOLS,
    TOP,
    UNSPACED,
    WORDS,
    repetition,
    stop_words,
)
from benchmarks.definitions.datatrove_gopher import unspaced as unspaced_quality
from benchmarks.definitions.steps import Document, State, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_PUNCTUATION = "c4_frac_lines_end_with_terminal_punctuation"
LIMITS: Mapping[str, tuple[float, float | None]] = {
    "word_count": (50, 100_000),
    "median_word_length": (3, 10),
    "symbol_to_word_ratio": (0, 0.1),
    "fraction_of_words_with_alpha_character": (0.8, None),
    "required_word_count": (2, None),
    "fraction_of_lines_starting_with_bullet_point": (0, 0.9),
    "fraction_of_lines_ending_with_ellipsis": (0, 0.3),
    "fraction_of_duplicate_lines": (0, 0.3),
    "fraction_of_characters_in_duplicate_lines": (0, 0.3),
    **{
        f"fraction_of_characters_in_most_common_{n}grams": (0, most)
        for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))
    },
    **{
        f"fraction_of_characters_in_duplicate_{n}grams": (0, most)
        for n, most in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))
    },
}


def drops(found: Mapping[str, float]) -> bool:
    """What their configuration says of what a tagger of theirs found."""
    return any(
        name in found and (found[name] < least or (most is not None and found[name] > most))
        for name, (least, most) in LIMITS.items()
    )


def drops_for_punctuation(found: Mapping[str, Any]) -> bool:
    """More than half of the lines do not end in punctuation (their datasheet, appendix N.4)."""
    without, every = found["lines_with_no_ending_punctuation"], found["line_count"]
    return bool(without / every > 0.5)  # noqa: PLR2004  (said above)


def unspaced(document: Document, state: State) -> None:
    """What is null in ours is measured."""
    unspaced_quality(document, state)
    repetition(document, state)


def every_occurrence(document: Document, state: State) -> None:
    """Stop words as often as they occur, in lower case."""
    state.values[STOPS] = sum(word in ours.STOP_WORDS for word in document.words)


def median(document: Document, state: State) -> None:
    """The median length of a word."""
    state.values[LENGTH] = float(statistics.median(map(len, document.words or [""])))


def words_with_symbols(document: Document, state: State) -> None:
    """Words that hold one."""
    found = sum("#" in word or "…" in word for word in document.words)
    state.values[SYMBOLS] = ours.share(found, len(document.words))


def marks(document: Document, state: State) -> None:
    """Bullets and ellipses of lines as they stand."""
    lines = re.split("\n+", document.text)
    bullets = sum(line.startswith(("*", "-")) for line in lines)
    state.values[BULLETS] = bullets / len(lines)
    state.values[ELLIPSES] = sum(line.endswith("…") for line in lines) / len(lines)


def every_copy(document: Document, state: State) -> None:
    """Repeated lines, the first copy included."""
    _repeated(state, document.lines, ours.size(document.lines))


def raw_lines(document: Document, state: State) -> None:
    """Repeated lines as they stand, of the words' characters."""
    _repeated(state, re.split("\n+", document.text), ours.size(document.words))


def blank_lines(document: Document, state: State) -> None:
    """The same with blank lines."""
    lines = document.text.split("\n")
    _repeated(state, lines, ours.size(document.text.split()))
    state.values[BULLETS] = sum(line.startswith(("*", "-")) for line in lines) / len(lines)
    state.values[ELLIPSES] = sum(line.endswith("…") for line in lines) / len(lines)


def _repeated(state: State, lines: list[str], whole: int) -> None:
    twice = {line: n for line, n in Counter(lines).items() if n > 1}
    state.values["gopher_frac_dupe_lines"] = ours.share(sum(twice.values()), len(lines))
    size = sum(len(line) * n for line, n in twice.items())
    state.values["gopher_frac_chars_dupe_lines"] = size / max(whole, 1)


def first_of_equals(document: Document, state: State) -> None:
    """The most frequent n-gram, even if it occurs once; the first of several."""
    words, whole = document.words, ours.size(document.words)
    for n in TOP:
        found = ours.top(words, n, least=1, longest=False)
        state.values[f"gopher_frac_chars_top_{n}gram"] = ours.share(found, whole)


def times_count(document: Document, state: State) -> None:
    """Each occurrence in full, also where two overlap."""
    _their_top(state, document.words)


def _their_top(state: State, words: ours.Words) -> None:
    for n in TOP:
        best = ours.most_frequent(words, n)
        found = 0 if best is None else ours.size(best[0]) * best[1]
        state.values[f"gopher_frac_chars_top_{n}gram"] = ours.share(found, ours.size(words))


def of_occurrences(document: Document, state: State) -> None:
    """Repeated n-grams among all n-grams, by length; a word counts in each that it is in."""
    _their_duplicates(state, document.words)


def _their_duplicates(state: State, words: ours.Words) -> None:
    for n in DUPES:
        sizes = {gram: (ours.size(gram), k) for gram, k in ours.ngrams(words, n)[1].items()}
        every = sum(size * k for size, k in sizes.values())
        twice = sum(size * k for size, k in sizes.values() if k > 1)
        state.values[f"gopher_frac_chars_dupe_{n}grams"] = twice / max(every, 1)


def python_words(document: Document, state: State) -> None:
    """White space and letters as Python knows them."""
    words = tuple(document.text.split())
    state.values |= {
        WORDS: len(words),
        LENGTH: float(statistics.median(map(len, words or [""]))),
        SYMBOLS: ours.share(sum("#" in w or "…" in w for w in words), len(words)),
        LETTERS: ours.share(sum(any(map(str.isalpha, w)) for w in words), len(words)),
        STOPS: sum(word in ours.STOP_WORDS for word in words),
    }
    _their_top(state, words)
    _their_duplicates(state, words)
    _repeated(state, re.split("\n+", document.text), ours.size(words))


GOPHER_V2 = (
    Step(ANY_LANGUAGE, stop_words),
    Step(UNSPACED, unspaced),
    Step("stop words: every occurrence counts, in lower case only", every_occurrence),
    Step("median length of a word, not mean", median),
    Step("symbols: words that hold # or …, and ... is none", words_with_symbols),
    Step("lines as they stand; bullets: only * and -; ellipsis: only …", marks),
    Step("repeated lines: the first copy counts too", every_copy),
    Step("repeated lines: as they stand, of the words' characters", raw_lines),
    Step("the most frequent n-gram may occur once; the first of equals", first_of_equals),
    Step("the most frequent n-gram: overlaps count each time", times_count),
    Step("repeated n-grams: share of all n-grams, by length", of_occurrences),
    Step("white space and letters: Python's", python_words),
)
GOPHER_V1 = (*GOPHER_V2, Step("blank lines are lines, and repeat each other", blank_lines))


def all_lines(document: Document, state: State) -> None:
    """Blank lines are lines that do not end in punctuation."""
    lines = document.text.split("\n")
    share = state.values[NO_PUNCTUATION] or 0.0
    state.values[NO_PUNCTUATION] = share * len(document.lines) / len(lines)


def four_signs(document: Document, state: State) -> None:
    """Their ends of lines."""
    _ending(document, state, (".", "?", "!", '"'), no="...")


def dots_too(document: Document, state: State) -> None:
    """An ellipsis of three full stops is an end."""
    _ending(document, state, (".", "?", "!", '"'))


def _ending(document: Document, state: State, signs: tuple[str, ...], no: str = "\0") -> None:
    lines = [line.strip() for line in document.text.split("\n")]
    found = sum(line.endswith(signs) and not line.endswith(no) for line in lines)
    state.values[NO_PUNCTUATION] = found / len(lines)


PUNCTUATION = (
    Step("blank lines are lines without punctuation", all_lines),
    Step('ends of lines: only . ? ! "', four_signs),
    Step("... ends a line too", dots_too),
)
