"""Every rule of ``tasks.signals.rules`` in plain Python: this is what defines it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from tasks import characters as ch
from tasks.signals.rules import names
from tasks.signals.rules.columns import BY_WORDS
from tasks.signals.rules.stop_words import ELSE, STOP_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Value = float | None
TO_LOWER = str.maketrans({chr(i): chr(i + 32) for i in range(ord("A"), ord("Z") + 1)})
COUNTER_NUMBER = re.compile(r"[0-9][0-9.,]*[kKmMbB]?", re.ASCII)


@cache
def has(character: str, classes: int) -> bool:
    """Tell whether a code point is of one of ``classes``."""
    return bool(ch.classes()[ord(character)] & classes)


def count(text: Iterable[str], classes: int) -> int:
    """Count the code points of one of ``classes``."""
    return sum(has(character, classes) for character in text)


def share(part: int, whole: int) -> float:
    """Divide, and call nothing of nothing 0."""
    return part / whole if whole else 0.0


def words_of(text: str) -> list[str]:
    """Split at white space."""
    return ["".join(run) for space, run in groupby(text, lambda c: has(c, ch.SPACE)) if not space]


def strip(text: str) -> str:
    """Remove white space from both ends."""
    kept = [i for i, character in enumerate(text) if not has(character, ch.SPACE)]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def lines_of(text: str) -> list[str]:
    """Return the lines that hold a word, stripped."""
    return [line for line in map(strip, text.split("\n")) if line]


def paragraphs_of(text: str) -> list[list[str]]:
    """Return the paragraphs, each as the stripped lines in it."""
    stripped = map(strip, text.split("\n"))
    return [list(run) for full, run in groupby(stripped, key=bool) if full]


def raw_paragraphs_of(text: str) -> list[str]:
    """Return the paragraphs as they stand in the text, stripped at both ends only."""
    runs = groupby(text.split("\n"), key=lambda line: bool(strip(line)))
    return [strip("\n".join(run)) for full, run in runs if full]


def repeated(items: Sequence[str]) -> list[bool]:
    """Tell of each whether an equal one stands before it."""
    seen: set[str] = set()
    found = []
    for item in items:
        found.append(item in seen)
        seen.add(item)
    return found


def covered(words: Sequence[str], n: int, firsts: Iterable[int]) -> float:
    """Share of the words' characters in the n-grams that begin at ``firsts``."""
    inside = {i for first in firsts for i in range(first, first + n)}
    return share(sum(len(words[i]) for i in inside), sum(map(len, words)))


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return the n-grams in order."""
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def top_ngram(words: Sequence[str], n: int) -> float:
    """Share of the most frequent n-gram; of several the longest, then the first."""
    grams = ngrams(words, n)
    times = Counter(grams)
    if not times or max(times.values()) < 2:
        return 0.0
    # A counter keeps the order of first occurrence, and `max` takes the first of equals.
    best = max(times, key=lambda gram: (times[gram], sum(map(len, gram))))
    return covered(words, n, (i for i, gram in enumerate(grams) if gram == best))


def duplicate_ngrams(words: Sequence[str], n: int) -> float:
    """Share of all n-grams that occur twice or more."""
    grams = ngrams(words, n)
    times = Counter(grams)
    return covered(words, n, (i for i, gram in enumerate(grams) if times[gram] > 1))


def gopher(text: str, language: str) -> dict[str, Value]:
    """Gopher's quality and repetition rules."""
    stop_words = set(STOP_WORDS.get(ELSE.get(language, language), ()))
    words, lines = words_of(text), lines_of(text)
    raw, paragraphs = raw_paragraphs_of(text), paragraphs_of(text)
    twice, twice_paragraph = repeated(lines), repeated(raw)
    sizes = [sum(map(len, paragraph)) for paragraph in paragraphs]
    ellipses = text.count("…") + text.count("...")
    bullets = [
        line[0] in names.BULLETS
        or (line[0] in "-*" and (line[1:2] == "" or has(line[1], ch.SPACE)))
        for line in lines
    ]
    return {
        "gopher_word_count": len(words),
        "gopher_mean_word_length": share(sum(map(len, words)), len(words)),
        "gopher_symbol_to_word_ratio": share(max(text.count("#"), ellipses), len(words)),
        "gopher_frac_lines_start_with_bullet": share(sum(bullets), len(lines)),
        "gopher_frac_lines_end_with_ellipsis": share(
            sum(line.endswith(("…", "...")) for line in lines), len(lines)
        ),
        "gopher_frac_words_with_letter": share(
            sum(count(word, ch.LETTER) > 0 for word in words), len(words)
        ),
        "gopher_stop_word_count": len({word.translate(TO_LOWER) for word in words} & stop_words)
        if stop_words
        else None,
        "gopher_frac_dupe_lines": share(sum(twice), len(lines)),
        "gopher_frac_chars_dupe_lines": share(
            sum(len(line) for line, again in zip(lines, twice, strict=True) if again),
            sum(map(len, lines)),
        ),
        "gopher_frac_dupe_paragraphs": share(sum(twice_paragraph), len(paragraphs)),
        "gopher_frac_chars_dupe_paragraphs": share(
            sum(size for size, again in zip(sizes, twice_paragraph, strict=True) if again),
            sum(sizes),
        ),
        **{f"gopher_frac_chars_top_{n}gram": top_ngram(words, n) for n in (2, 3, 4)},
        **{f"gopher_frac_chars_dupe_{n}grams": duplicate_ngrams(words, n) for n in range(5, 11)},
    }


def closes(word: str) -> bool:
    """Tell whether a sentence ends with this word."""
    while word and has(word[-1], ch.PUNCTUATION) and not has(word[-1], ch.TERMINAL):
        word = word[:-1]
    return word != "" and has(word[-1], ch.TERMINAL)


def sentences(line: str) -> int:
    """Count the sentences of a line, the unfinished last one too."""
    ends = [closes(word) for word in words_of(line)]
    return sum(ends) + (not ends[-1])


def holds(line: str, phrases: Sequence[str]) -> int:
    """Count where a phrase begins in the line; ASCII letters in any case."""
    lowered = line.translate(TO_LOWER)
    return sum(lowered.startswith(p, i) for i in range(len(lowered)) for p in phrases)


def c4(text: str) -> dict[str, Value]:
    """C4's rules."""
    lines = lines_of(text)
    terminal = [has(s[-1], ch.TERMINAL | ch.QUOTE) and not s.endswith("...") for s in lines]
    few = [len(words_of(line)) < names.FEW_WORDS for line in lines]
    script = [holds(line, names.JAVASCRIPT) > 0 for line in lines]
    policy = [holds(line, names.POLICY) > 0 for line in lines]
    long = [any(len(word) > names.LONG_WORD for word in words_of(line)) for line in lines]
    kept = [
        line
        for line, *rules in zip(lines, terminal, few, script, policy, long, strict=True)
        if rules == [True, False, False, False, False]
    ]
    return {
        "c4_frac_lines_end_with_terminal_punctuation": share(sum(terminal), len(lines)),
        "c4_frac_lines_few_words": share(sum(few), len(lines)),
        "c4_frac_lines_javascript": share(sum(script), len(lines)),
        "c4_frac_lines_policy": share(sum(policy), len(lines)),
        "c4_frac_lines_kept": share(len(kept), len(lines)),
        "c4_sentence_count": sum(map(sentences, kept)),
        "c4_lorem_ipsum_count": sum(holds(line, names.LOREM_IPSUM) for line in lines),
        "c4_curly_bracket_count": text.count("{") + text.count("}"),
    }


def fineweb(text: str) -> dict[str, Value]:
    """FineWeb's rules."""
    lines = lines_of(text)
    twice = [line for line, again in zip(lines, repeated(lines), strict=True) if again]
    return {
        "fineweb_frac_lines_end_with_punctuation": share(
            sum(has(line[-1], ch.TERMINAL | ch.QUOTE) for line in lines), len(lines)
        ),
        "fineweb_frac_short_lines": share(
            sum(len(line) <= names.SHORT_LINE for line in lines), len(lines)
        ),
        "fineweb_frac_chars_dupe_lines": share(sum(map(len, twice)), len(text.replace("\n", ""))),
        "fineweb_newlines_per_word": share(text.count("\n"), len(words_of(text))),
    }


def is_counter(line: str) -> bool:
    """Tell whether a line is a number and what it counts."""
    words = words_of(line)
    if len(words) != 2 or not COUNTER_NUMBER.fullmatch(words[0]):
        return False
    return re.sub("[^a-z]+$", "", words[1].translate(TO_LOWER)) in names.COUNTED


def refinedweb(text: str) -> dict[str, Value]:
    """RefinedWeb's line rules."""
    lines = lines_of(text)
    solid = [[c for c in line if not has(c, ch.SPACE)] for line in lines]
    upper = [count(line, ch.UPPER) * 2 > len(line) for line in solid]
    digits = [count(line, ch.DIGIT) == len(line) for line in solid]
    counter = [is_counter(line) for line in lines]
    one = [len(words_of(line)) == 1 for line in lines]
    flagged = [any(rules) for rules in zip(upper, digits, counter, one, strict=True)]
    flagged_words = sum(
        len(words_of(line)) for line, bad in zip(lines, flagged, strict=True) if bad
    )
    return {
        "refinedweb_frac_lines_uppercase": share(sum(upper), len(lines)),
        "refinedweb_frac_lines_digits": share(sum(digits), len(lines)),
        "refinedweb_frac_lines_counter": share(sum(counter), len(lines)),
        "refinedweb_frac_lines_one_word": share(sum(one), len(lines)),
        "refinedweb_frac_words_flagged": share(flagged_words, len(words_of(text))),
    }


def code(text: str) -> dict[str, Value]:
    """Signals of source code."""
    raw, lines = text.split("\n"), lines_of(text)
    first = lines[: names.GENERATED_WITHIN_LINES]
    return {
        "code_mean_line_length": sum(map(len, raw)) / len(raw),
        "code_max_line_length": max(map(len, raw)),
        "code_frac_alphanumeric": share(count(text, ch.LETTER | ch.DIGIT), len(text)),
        "code_frac_lines_comment": share(
            sum(line.startswith(names.COMMENT_MARKS) for line in lines), len(lines)
        ),
        "code_generated_count": sum(holds(line, names.GENERATED) for line in first),
    }


def reference(text: str, language: str = "en") -> dict[str, Value]:
    """Measure one text."""
    letters = [character for character in text if has(character, ch.LETTER)]
    unspaced = count(letters, ch.UNSPACED)
    found = gopher(text, language) | c4(text) | fineweb(text) | refinedweb(text) | code(text)
    if unspaced * 2 > len(letters):
        found |= dict.fromkeys(BY_WORDS)
    return dict(sorted((found | {"script_frac_unspaced": share(unspaced, len(letters))}).items()))
