"""The rules as one compiled pass over the bytes of each text. See the package for the definitions.

All of it is in one module, because a cached kernel does not notice a change in another one. Import
it through :func:`tasks.signals.rules.compiled.load`, which says where the machine code is kept.
"""
# ruff: noqa: ANN401, C901, PLR0912, PLR0913, PLR0915, PLR2004

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks import characters
from tasks.signals.rules import names

SPACE, LETTER, DIGIT = characters.SPACE, characters.LETTER, characters.DIGIT
PUNCTUATION, UPPER, UNSPACED = characters.PUNCTUATION, characters.UPPER, characters.UNSPACED
TERMINAL, QUOTE = characters.TERMINAL, characters.QUOTE
FEW_WORDS, SHORT_LINE = names.FEW_WORDS, names.SHORT_LINE
GENERATED_WITHIN_LINES = names.GENERATED_WITHIN_LINES

# Columns of the matrix of counts.
CHARACTERS, NEWLINES, LETTERS, UNSPACED_LETTERS, ALPHANUMERIC, LONGEST_LINE = range(0, 6)
WORDS, WORD_CHARACTERS, WORDS_WITH_LETTER, FOUND_STOP_WORDS, HASHES, ELLIPSES = range(6, 12)
CURLY_BRACKETS, LINES, LINE_CHARACTERS, BULLET_LINES, ELLIPSIS_LINES = range(12, 17)
SHORT_LINES, PUNCTUATED_LINES, TERMINAL_LINES, FEW_WORD_LINES, JAVASCRIPT_LINES = range(17, 22)
POLICY_LINES, C4_LINES, C4_SENTENCES, LOREM, UPPER_LINES, DIGIT_LINES = range(22, 28)
COUNTER_LINES, ONE_WORD_LINES, FLAGGED_WORDS, COMMENT_LINES, GENERATED_MARKS = range(28, 33)
DUPE_LINES, DUPE_LINE_CHARACTERS, PARAGRAPHS, PARAGRAPH_CHARACTERS = range(33, 37)
DUPE_PARAGRAPHS, DUPE_PARAGRAPH_CHARACTERS, TOP_2GRAM = range(37, 40)
DUPE_5GRAM = TOP_2GRAM + 3

# Columns of a word; bytes are counted from the text's first.
W_FROM, W_TO, W_CHARS = 0, 1, 2
WORD_FIELDS = 3
# Columns of a line, and of a paragraph (the first four only).
L_FROM, L_TO, L_CHARS, L_WORD, L_WORDS, L_UPPER, L_SOLID, L_DIGITS, L_LAST = range(9)
L_SENTENCES, L_OPENS = 9, 10
LINE_FIELDS = 11

ROOM = 1 << 16
"""Words and lines that there is always room for."""

# Kinds of phrases.
P_LOREM, P_JAVASCRIPT, P_POLICY, P_GENERATED, P_COUNTED, P_COMMENT = range(6)

STOP_WORD_BYTES = max(len(word) for word in names.STOP_WORDS)
MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio


@njit(cache=True, nogil=True)
def lower(byte: Any) -> Any:
    """ASCII lower case; every other byte stays."""
    return byte + 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def starts_with(text: Any, at: int, end: int, phrases: Any, first: int, last: int) -> bool:
    """Tell whether ``text[at:end]`` begins with ``phrases[first:last]``."""
    if end - at < last - first:
        return False
    for k in range(last - first):
        if lower(text[at + k]) != phrases[first + k]:
            return False
    return True


@njit(cache=True, nogil=True)
def is_bullet(code_point: int, bullets: Any) -> bool:
    """Tell whether it is one of the bullets."""
    for k in range(len(bullets)):
        if bullets[k] == code_point:
            return True
    return False


@njit(cache=True, nogil=True)
def units(text: Any) -> tuple[int, int]:
    """Return at most how many words and lines there are."""
    words, lines, after = 1, 1, True
    for byte in text:
        if byte == 10:
            lines += 1
        ascii_space = byte == 32 or 9 <= byte <= 13
        # White space that is not ASCII begins with one of these bytes.
        if (ascii_space or byte == 0xC2 or 0xE1 <= byte <= 0xE3) and not after:
            words += 1
        after = ascii_space
    return words, lines


@njit(cache=True, nogil=True)
def scan(
    text: Any, starts: Any, content: Any, ascii_classes: Any, bullets: Any, stop_words: Any,
    words: Any, lines: Any, out: Any,
) -> tuple[int, int]:
    """Find the words and lines of a text, and count what is counted by code points."""
    end = len(text)
    n_words = n_lines = 0
    chars = newlines = letters = unspaced = alphanumeric = longest = 0
    word_chars = with_letter = stops = hashes = ellipses = curly = bullet_lines = 0
    in_word = closes = in_line = False
    opens = True
    dots = i = 0
    # Of the word and the line that are open; written down when they end.
    word_from = word_start = word_letters = 0
    line_from = line_to = line_chars = line_word = upper = solid = digits = last = 0
    line_sentences = bullet = length_start = line_start = 0
    while i <= end:
        at = i
        cp, kind = 10, SPACE
        if i == end:  # the text's end closes what is open, as a line's end does
            i += 1
        else:
            cp = np.int64(text[i])
            i += 1
            if cp >= 0x80:
                if cp < 0xE0:
                    cp, width = cp & 0x1F, 2
                elif cp < 0xF0:
                    cp, width = cp & 0x0F, 3
                else:
                    cp, width = cp & 0x07, 4
                if at + width > end:  # cannot be in UTF-8; the column may come from anywhere
                    cp, width = 0xFFFD, 1
                while i < at + width:
                    cp = (cp << 6) | (text[i] & 0x3F)
                    i += 1
                if cp > 0x10FFFF:
                    cp = 0xFFFD
            kind = np.int64(content[np.int64(starts[cp >> 8]) + (cp & 255)])
            chars += 1
        if kind & SPACE:
            if in_word:
                in_word = False
                dots = 0
                until = chars - (at < end)  # characters before the white space
                word_size = until - word_start
                words[n_words, W_FROM], words[n_words, W_TO] = word_from, at
                words[n_words, W_CHARS] = word_size
                n_words += 1
                word_chars += word_size
                solid += word_size
                letters += word_letters
                with_letter += word_letters > 0
                line_sentences += closes
                line_to, line_chars = at, until - line_start
                if at - word_from <= STOP_WORD_BYTES:
                    packed = 1  # so that a leading NUL counts
                    for k in range(word_from, at):
                        packed = (packed << 8) | lower(np.int64(text[k]))
                    for k in range(len(stop_words)):
                        if stop_words[k] == packed:
                            stops |= 1 << k
                if word_from == line_from and word_size == 1:
                    first = text[word_from]
                    bullet |= first == 45 or first == 42  # hyphen, asterisk
            if cp != 10:
                continue
            longest = max(longest, chars - (at < end) - length_start)
            length_start = chars
            newlines += at < end
            if not in_line:
                opens = True
                continue
            in_line = False
            line = lines[n_lines]
            line[L_FROM], line[L_TO], line[L_CHARS] = line_from, line_to, line_chars
            line[L_WORD], line[L_WORDS] = line_word, n_words - line_word
            line[L_UPPER], line[L_SOLID], line[L_DIGITS] = upper, solid, digits
            # What is left without an end is a sentence too.
            line[L_LAST], line[L_SENTENCES] = last, line_sentences + (not closes)
            line[L_OPENS] = opens
            bullet_lines += bullet
            alphanumeric += digits
            n_lines += 1
            opens = False
            continue
        if not in_word:
            in_word = True
            word_from = at
            word_start = chars - 1
            word_letters = 0
            closes = False
            if not in_line:
                in_line = True
                line_from, line_word = at, n_words
                line_start = chars - 1
                upper = solid = digits = line_sentences = 0
                bullet = cp >= 0x80 and is_bullet(cp, bullets)
        last = kind
        if kind & LETTER:
            word_letters += 1
            upper += kind & UPPER != 0
            unspaced += kind & UNSPACED != 0
            closes = False
            dots = 0
            run = i  # most of most texts: ASCII letters up to the next other character
            while i < end and ascii_classes[text[i]] & LETTER:
                last = np.int64(ascii_classes[text[i]])
                upper += last & UPPER != 0
                i += 1
            word_letters += i - run
            chars += i - run
            continue
        if kind & DIGIT:
            digits += 1
        if kind & TERMINAL:
            closes = True
        elif not kind & PUNCTUATION:
            closes = False
        if cp == 46:
            dots += 1
            if dots == 3:
                dots = 0
                ellipses += 1
        else:
            dots = 0
            ellipses += cp == 0x2026
            hashes += cp == 35
            curly += cp == 123 or cp == 125
    found = 0
    for k in range(len(stop_words)):
        found += (stops >> k) & 1
    out[CHARACTERS], out[NEWLINES], out[LETTERS] = chars, newlines, letters
    out[UNSPACED_LETTERS], out[ALPHANUMERIC] = unspaced, alphanumeric + letters
    out[LONGEST_LINE], out[WORDS], out[WORD_CHARACTERS] = longest, n_words, word_chars
    out[WORDS_WITH_LETTER], out[FOUND_STOP_WORDS] = with_letter, found
    out[HASHES], out[ELLIPSES], out[CURLY_BRACKETS] = hashes, ellipses, curly
    out[LINES], out[BULLET_LINES] = n_lines, bullet_lines
    return n_words, n_lines


@njit(cache=True, nogil=True)
def is_counter(
    text: Any, line: Any, words: Any, phrases: Any, phrase_from: Any, phrase_kind: Any
) -> bool:
    """Tell whether a line is a number and what it counts: ``3 likes``, ``1.2K Views``."""
    if line[L_WORDS] != 2:
        return False
    at, end = words[line[L_WORD], W_FROM], words[line[L_WORD], W_TO]
    if not 48 <= text[at] <= 57:
        return False
    suffix = lower(text[end - 1])
    if suffix == 107 or suffix == 109 or suffix == 98:  # k m b
        end -= 1
    for k in range(at, end):
        if not (48 <= text[k] <= 57 or text[k] == 44 or text[k] == 46):
            return False
    at, end = words[line[L_WORD] + 1, W_FROM], words[line[L_WORD] + 1, W_TO]
    while end > at and not 97 <= lower(text[end - 1]) <= 122:
        end -= 1
    for p in range(len(phrase_kind)):
        if phrase_kind[p] == P_COUNTED and phrase_from[p + 1] - phrase_from[p] == end - at:
            if starts_with(text, at, end, phrases, phrase_from[p], phrase_from[p + 1]):
                return True
    return False


@njit(cache=True, nogil=True)
def judge_lines(
    text: Any, lines: Any, n_lines: int, words: Any, phrases: Any, phrase_from: Any,
    phrase_kind: Any, anchors: Any, chains: Any, hits: Any, out: Any,
) -> None:
    """Count the lines that each rule speaks of.

    A phrase is looked for where its rarest letter, the anchor, stands: ``chains`` leads from a byte
    (either case) to the first phrase with that anchor, and from phrase to phrase.
    """
    for n in range(n_lines):
        line = lines[n]
        at, end = line[L_FROM], line[L_TO]
        dotted = end - at >= 3 and text[end - 1] == 46 and text[end - 2] == 46 and text[end - 3] == 46
        ellipsis = dotted or (
            end - at >= 3
            and text[end - 1] == 0xA6 and text[end - 2] == 0x80 and text[end - 3] == 0xE2
        )
        punctuated = line[L_LAST] & (TERMINAL | QUOTE) != 0
        terminal = punctuated and not dotted
        for kind in range(P_GENERATED + 1):
            hits[kind] = 0
        for k in range(at, end):
            p = chains[text[k]]
            while p >= 0:
                first, begin = phrase_from[p], k - anchors[p]
                if begin >= at and lower(text[begin]) == phrases[first]:
                    if starts_with(text, begin, end, phrases, first, phrase_from[p + 1]):
                        hits[phrase_kind[p]] += 1
                p = chains[256 + p]
        few = line[L_WORDS] < FEW_WORDS
        out[LINE_CHARACTERS] += line[L_CHARS]
        out[ELLIPSIS_LINES] += ellipsis
        out[SHORT_LINES] += line[L_CHARS] <= SHORT_LINE
        out[PUNCTUATED_LINES] += punctuated
        out[TERMINAL_LINES] += terminal
        out[FEW_WORD_LINES] += few
        out[JAVASCRIPT_LINES] += hits[P_JAVASCRIPT] > 0
        out[POLICY_LINES] += hits[P_POLICY] > 0
        out[LOREM] += hits[P_LOREM]
        if n < GENERATED_WITHIN_LINES:
            out[GENERATED_MARKS] += hits[P_GENERATED]
        if terminal and not few and hits[P_JAVASCRIPT] == 0 and hits[P_POLICY] == 0:
            out[C4_LINES] += 1
            out[C4_SENTENCES] += line[L_SENTENCES]
        upper = line[L_UPPER] * 2 > line[L_SOLID]
        digits = line[L_DIGITS] == line[L_SOLID]
        one = line[L_WORDS] == 1
        counter = 48 <= text[at] <= 57 and is_counter(
            text, line, words, phrases, phrase_from, phrase_kind
        )
        out[UPPER_LINES] += upper
        out[DIGIT_LINES] += digits
        out[ONE_WORD_LINES] += one
        out[COUNTER_LINES] += counter
        if upper or digits or one or counter:
            out[FLAGGED_WORDS] += line[L_WORDS]
        if not 97 <= lower(text[at]) <= 122:  # no mark of a comment begins with a letter
            for p in range(len(phrase_kind)):
                if phrase_kind[p] == P_COMMENT and starts_with(
                    text, at, end, phrases, phrase_from[p], phrase_from[p + 1]
                ):
                    out[COMMENT_LINES] += 1
                    break


@njit(cache=True, nogil=True)
def table_mask(n: int) -> int:
    """Return the size, less one, of a hash table of ``n`` keys: a power of two, half empty."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size - 1


@njit(cache=True, nogil=True)
def number_spans(text: Any, spans: Any, n: int, slots: Any, keys: Any, ids: Any) -> None:
    """Give each of ``n`` spans of bytes the number of the first equal one."""
    mask = table_mask(n)
    slots[: mask + 1] = -1
    for s in range(n):
        at, end = np.int64(spans[s, 0]), np.int64(spans[s, 1])
        short = end - at <= 8
        mixed = piece = np.uint64(0)
        first = at
        while first + 8 < end:
            piece = np.uint64(0)
            for k in range(first, first + 8):
                piece = (piece << np.uint64(8)) | np.uint64(text[k])
            mixed = (mixed ^ piece) * MIXER
            mixed ^= mixed >> np.uint64(29)
            first += 8
        piece = np.uint64(0)
        for k in range(first, end):
            piece = (piece << np.uint64(8)) | np.uint64(text[k])
        mixed = (mixed ^ piece) * MIXER
        key = np.int64(piece)  # a short span whole, or else the last bytes of it
        slot = np.int64(mixed >> np.uint64(32)) & mask
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = s
                keys[slot] = key
                ids[s] = s
                break
            if keys[slot] == key and spans[other, 1] - spans[other, 0] == end - at:
                there = np.int64(spans[other, 0]) - at
                same = True
                if not short:
                    for k in range(at, end):
                        if text[k] != text[there + k]:
                            same = False
                            break
                if same:
                    ids[s] = other
                    break
            slot = (slot + 1) & mask


@njit(cache=True, nogil=True)
def keep_repeated(ids: Any, places: Any, n: int, times: Any) -> int:
    """Of the ``n`` places keep those whose number occurs again; return how many."""
    for p in range(n):
        times[ids[places[p]]] = 0
    for p in range(n):
        times[ids[places[p]]] += 1
    left = 0
    for p in range(n):
        k = places[p]
        if times[ids[k]] < 2:
            ids[k] = -1
        else:
            places[left] = k
            left += 1
    return left


@njit(cache=True, nogil=True)
def lengthen(ids: Any, places: Any, n: int, grams: int, slots: Any, keys: Any) -> int:
    """Turn numbers of repeated (n-1)-grams into numbers of n-grams, in place; return how many.

    An n-gram is the pair of the two (n-1)-grams in it, and is unique if one of them is: so only
    ``places`` is looked at, where one is repeated, and few are left after the first steps.
    """
    mask = table_mask(n)
    slots[: mask + 1] = -1
    left = 0
    for p in range(n):
        k = places[p]
        if k >= grams or ids[k + 1] < 0:
            ids[k] = -1
            continue
        places[left] = k
        left += 1
        key = (np.int64(ids[k]) << 32) | np.int64(ids[k + 1])
        slot = np.int64((np.uint64(key) * MIXER) >> np.uint64(32)) & mask
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = k
                keys[slot] = key
                ids[k] = k
                break
            if keys[slot] == key:
                ids[k] = other
                break
            slot = (slot + 1) & mask
    return left


@njit(cache=True, nogil=True)
def covered(ids: Any, places: Any, left: int, n: int, only: int, until: Any) -> int:
    """Characters of the words in the n-grams at ``places``, each word once.

    ``only`` is the number of the n-gram that is meant, or -1 for all of them.
    """
    total = reached = 0
    for p in range(left):
        k = places[p]
        if only < 0 or ids[k] == only:
            total += until[k + n] - until[max(k, reached)]
            reached = k + n
    return total


@njit(cache=True, nogil=True)
def top(ids: Any, places: Any, left: int, n: int, times: Any, until: Any) -> int:
    """Return the number of the most frequent n-gram; of several the longest, then the first."""
    best, most, longest = -1, 0, 0
    for p in range(left):
        k = places[p]
        if ids[k] == k:
            length = until[k + n] - until[k]
            if times[k] > most or (times[k] == most and length > longest):
                best, most, longest = k, times[k], length
    return best


@njit(cache=True, nogil=True)
def repeat_words(
    text: Any, words: Any, n_words: int, slots: Any, keys: Any, ids: Any, times: Any, places: Any,
    until: Any, out: Any,
) -> None:
    """Measure the most frequent 2- to 4-grams and the duplicate 5- to 10-grams."""
    until[0] = 0
    for k in range(n_words):
        until[k + 1] = until[k] + words[k, W_CHARS]
        places[k] = k
    number_spans(text, words, n_words, slots, keys, ids)
    left = keep_repeated(ids, places, n_words, times)
    for n in range(2, 11):
        left = lengthen(ids, places, left, n_words - n + 1, slots, keys)
        left = keep_repeated(ids, places, left, times)
        if left == 0:
            return
        if n <= 4:
            best = top(ids, places, left, n, times, until)
            out[TOP_2GRAM + n - 2] = covered(ids, places, left, n, best, until)
        else:
            out[DUPE_5GRAM + n - 5] = covered(ids, places, left, n, -1, until)


@njit(cache=True, nogil=True)
def repeat_lines(
    text: Any, lines: Any, n_lines: int, slots: Any, keys: Any, ids: Any, out: Any
) -> None:
    """Count the lines, then the paragraphs, that have an equal one before them.

    The lines are overwritten by the paragraphs.
    """
    number_spans(text, lines, n_lines, slots, keys, ids)
    for k in range(n_lines):
        if ids[k] != k:
            out[DUPE_LINES] += 1
            out[DUPE_LINE_CHARACTERS] += lines[k, L_CHARS]
    n = 0
    for k in range(n_lines):
        # Read before written: the paragraph's row may be this line's.
        at, end, chars = lines[k, L_FROM], lines[k, L_TO], lines[k, L_CHARS]
        if lines[k, L_OPENS]:
            n += 1
            lines[n - 1, L_FROM] = at
            lines[n - 1, L_CHARS] = 0
        lines[n - 1, L_TO] = end
        lines[n - 1, L_CHARS] += chars
    number_spans(text, lines, n, slots, keys, ids)
    for k in range(n):
        out[PARAGRAPH_CHARACTERS] += lines[k, L_CHARS]
        if ids[k] != k:
            out[DUPE_PARAGRAPHS] += 1
            out[DUPE_PARAGRAPH_CHARACTERS] += lines[k, L_CHARS]
    out[PARAGRAPHS] = n


@njit(cache=True, nogil=True)
def measure(
    data: Any, offsets: Any, starts: Any, content: Any, ascii_classes: Any, bullets: Any,
    stop_words: Any, phrases: Any, phrase_from: Any, phrase_kind: Any, anchors: Any, chains: Any,
    counts: Any,
) -> None:
    """Fill ``counts``, a row a text, with what ``names.COUNTS`` names."""
    n_words = n_lines = 1
    for row in range(len(offsets) - 1):
        some_words = some_lines = (offsets[row + 1] - offsets[row]) // 2 + 1
        if some_words > ROOM:  # worth a look at the text
            some_words, some_lines = units(data[offsets[row] : offsets[row + 1]])
        n_words, n_lines = max(n_words, some_words), max(n_lines, some_lines)
    words = np.empty((n_words + 1, WORD_FIELDS), np.int32)
    lines = np.empty((n_lines + 1, LINE_FIELDS), np.int32)
    most = max(n_words, n_lines)
    size = table_mask(most) + 1
    slots, keys = np.empty(size, np.int32), np.empty(size, np.int64)
    ids, times = np.empty(most + 1, np.int32), np.empty(most + 1, np.int32)
    places = np.empty(most + 1, np.int32)
    until = np.empty(n_words + 1, np.int32)
    hits = np.zeros(P_COMMENT + 1, np.int32)
    for row in range(len(offsets) - 1):
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        out[:] = 0
        n_words, n_lines = scan(
            text, starts, content, ascii_classes, bullets, stop_words, words, lines, out
        )
        judge_lines(
            text, lines, n_lines, words, phrases, phrase_from, phrase_kind, anchors, chains,
            hits, out,
        )
        repeat_words(text, words, n_words, slots, keys, ids, times, places, until, out)
        repeat_lines(text, lines, n_lines, slots, keys, ids, out)
