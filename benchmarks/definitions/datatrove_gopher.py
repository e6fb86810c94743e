"""datatrove's filters of Gopher's quality and repetition rules, in steps from ours."""

from __future__ import annotations

import re
from functools import partial

from benchmarks.definitions import ours
from benchmarks.definitions.steps import Document, State, Step

TOP, DUPES = (2, 3, 4), (5, 6, 7, 8, 9, 10)
WORDS, LENGTH = "gopher_word_count", "gopher_mean_word_length"
SYMBOLS, LETTERS = "gopher_symbol_to_word_ratio", "gopher_frac_words_with_letter"
STOPS = "gopher_stop_word_count"
BULLETS, ELLIPSES = "gopher_frac_lines_start_with_bullet", "gopher_frac_lines_end_with_ellipsis"
OUR_BULLETS = "•‣\u2043∙◦▪▫■□●○◆◇▶►➢➤"
ANY_LANGUAGE = "English stop words, whatever the language"
UNSPACED = "scripts without spaces are judged by words too"
TOKENS = "words: spaCy's tokens, which split off punctuation"
CASE = "stop words in lower case only"
LETTER = "letters: Python's isalpha"
BLANK = "blank lines are lines too (splitlines)"
BULLET = "bullets: only • and -, whatever follows"
OWN_TOKENS = "tokens of punctuation alone are no words (in number and length)"
EMPTY = "an empty text is dropped"


def stop_words(document: Document, state: State) -> None:
    """English ones, different ones, in any case, where there are words at all."""
    if state.values[WORDS] is not None:
        found = {word.translate(ours.TO_LOWER) for word in document.words}
        state.values[STOPS] = len(found & ours.STOP_WORDS)


def _by_words(document: Document, state: State, words: ours.Words) -> None:
    state.values |= {
        WORDS: len(words),
        LENGTH: ours.share(ours.size(words), len(words)),
        SYMBOLS: ours.share(ours.symbols(document.text), len(words)),
        LETTERS: ours.share(ours.with_letter(words), len(words)),
    }


def unspaced(document: Document, state: State) -> None:
    """What is null in ours is measured."""
    if state.values[WORDS] is None or state.values[LENGTH] is None:
        _by_words(document, state, document.words)
        stop_words(document, state)


def lower_case(document: Document, state: State) -> None:
    """Stop words as they are written."""
    state.values[STOPS] = len(set(document.words) & ours.STOP_WORDS)


def tokens(document: Document, state: State) -> None:
    """The other words."""
    _by_words(document, state, document.tokens)
    state.values[STOPS] = len(set(document.tokens) & ours.STOP_WORDS)


def no_punctuation(document: Document, state: State) -> None:
    """Number and length of the words that are more than punctuation."""
    marks = document.theirs["punctuation"]
    words = tuple(word for word in document.tokens if not marks.issuperset(word))
    state.values[WORDS] = len(words)
    state.values[LENGTH] = ours.share(ours.size(words), len(words))


def python_letters(document: Document, state: State) -> None:
    """Letters as Python knows them."""
    found = sum(any(map(str.isalpha, word)) for word in document.tokens)
    state.values[LETTERS] = ours.share(found, len(document.tokens))


def blank_lines(document: Document, state: State) -> None:
    """Shares of all lines, our bullets."""
    lines = document.text.splitlines()
    bullets = sum(_is_bullet(line.lstrip()) for line in lines)
    ends = sum(line.rstrip().endswith(("...", "…")) for line in lines)
    state.values[BULLETS] = ours.share(bullets, len(lines))
    state.values[ELLIPSES] = ours.share(ends, len(lines))


def _is_bullet(line: str) -> bool:
    return line[:1] in OUR_BULLETS if line[:1] not in "-*" else line[1:2].strip() == ""


def their_bullets(document: Document, state: State) -> None:
    """Shares of all lines, their bullets."""
    lines = document.text.splitlines()
    bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
    state.values[BULLETS] = ours.share(bullets, len(lines))


QUALITY = (
    Step(ANY_LANGUAGE, stop_words),
    Step(UNSPACED, unspaced),
    Step(CASE, lower_case),
    Step(TOKENS, tokens),
    Step(OWN_TOKENS, no_punctuation),
    Step(LETTER, python_letters),
    Step(BLANK, blank_lines),
    Step(BULLET, their_bullets),
)


def empty(document: Document, state: State) -> None:
    """A rule of its own."""
    state.values["empty"] = float(document.text == "")
    state.limits["empty"] = (None, 0.0)


def repetition(document: Document, state: State, *, least: int = 2, longest: bool = True) -> None:
    """Our shares of n-grams, whatever the script; the most frequent one as they choose it."""
    words, whole = document.words, ours.size(document.words)
    for n in TOP:
        found = ours.top(words, n, least=least, longest=longest)
        state.values[f"gopher_frac_chars_top_{n}gram"] = ours.share(found, whole)
    for n in DUPES:
        found = ours.duplicated(words, n)
        state.values[f"gopher_frac_chars_dupe_{n}grams"] = ours.share(found, whole)


def raw_lines(document: Document, state: State, *, of_all: bool = False) -> None:
    """Lines and paragraphs as they stand, split at runs of line feeds."""
    text = document.text
    for name, items in (
        ("lines", re.split("\n+", text)),
        ("paragraphs", re.split("\n{2,}", text.strip())),
    ):
        number, size = ours.repeats(items)
        whole = len(text) if of_all else ours.size(items)
        state.values[f"gopher_frac_dupe_{name}"] = number / len(items)
        state.values[f"gopher_frac_chars_dupe_{name}"] = ours.share(size, whole)


def whole_text(document: Document, state: State) -> None:
    """Shares of n-grams of all characters, white space included."""
    words, whole = document.words, len(document.text)
    for n in TOP:
        found = ours.top(words, n, least=1, longest=False)
        state.values[f"gopher_frac_chars_top_{n}gram"] = ours.share(found, whole)
    for n in DUPES:
        found = ours.duplicated(words, n)
        state.values[f"gopher_frac_chars_dupe_{n}grams"] = ours.share(found, whole)


def in_full(document: Document, state: State) -> None:
    """Each occurrence of the most frequent n-gram, with the blanks in it."""
    _their_top(document, state, document.words)


def _their_top(document: Document, state: State, words: ours.Words) -> None:
    for n in TOP:
        best = ours.most_frequent(words, n)
        size = 0 if best is None else len(" ".join(best[0])) * best[1]
        state.values[f"gopher_frac_chars_top_{n}gram"] = ours.share(size, len(document.text))


def later_only(document: Document, state: State) -> None:
    """Repeated n-grams from left to right, none that overlaps, without the first."""
    _their_duplicates(document, state, document.words)


def _their_duplicates(document: Document, state: State, words: ours.Words) -> None:
    for n in DUPES:
        size = _repeated(words, n)
        state.values[f"gopher_frac_chars_dupe_{n}grams"] = ours.share(size, len(document.text))


def _repeated(words: ours.Words, n: int) -> int:
    seen: set[str] = set()
    size = at = 0
    while at <= len(words) - n:
        gram = "".join(words[at : at + n])
        if gram in seen:
            size += len(gram)
            at += n
        else:
            seen.add(gram)
            at += 1
    return size


def their_words(document: Document, state: State) -> None:
    """The other words."""
    _their_top(document, state, document.tokens)
    _their_duplicates(document, state, document.tokens)


REPETITION = (
    Step(EMPTY, empty),
    Step(UNSPACED, repetition),
    Step("lines and paragraphs as they stand, split at runs of line feeds", raw_lines),
    Step("repeated lines: share of the whole text", partial(raw_lines, of_all=True)),
    Step("an n-gram that occurs once can be the most frequent", partial(repetition, least=1)),
    Step(
        "of equally frequent n-grams the first, not the longest",
        partial(repetition, least=1, longest=False),
    ),
    Step("n-grams: share of the whole text, white space included", whole_text),
    Step("the most frequent n-gram with the blanks in it, overlaps each time", in_full),
    Step("repeated n-grams: the first copy does not count, none overlaps", later_only),
    Step(TOKENS, their_words),
)
