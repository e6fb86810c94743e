"""Words, lines and what is counted by code points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks import characters
from tasks.characters import swar
from tasks.signals.rules import names
from tasks.signals.rules.fields import (
    ALPHANUMERIC,
    BULLET_LINES,
    CHARACTERS,
    CURLY_BRACKETS,
    ELLIPSES,
    FOUND_STOP_WORDS,
    HASHES,
    L_CHARS,
    L_DIGITS,
    L_FROM,
    L_LAST,
    L_LONG_WORD,
    L_OPENS,
    L_SENTENCES,
    L_SOLID,
    L_TO,
    L_UPPER,
    L_WORD,
    L_WORDS,
    LETTERS,
    LINES,
    LONGEST_LINE,
    NEWLINES,
    UNSPACED_LETTERS,
    W_CHARS,
    W_FROM,
    W_TO,
    WORD_CHARACTERS,
    WORDS,
    WORDS_WITH_LETTER,
)
from tasks.signals.rules.stop_words import STOP_WORDS

SPACE, LETTER, DIGIT = characters.SPACE, characters.LETTER, characters.DIGIT
PUNCTUATION, UPPER, UNSPACED = characters.PUNCTUATION, characters.UPPER, characters.UNSPACED
TERMINAL = characters.TERMINAL
LONG_WORD = names.LONG_WORD
STOP_WORD_BYTES = max(len(word.encode()) for some in STOP_WORDS.values() for word in some)


@njit(cache=True, nogil=True)
def lower(byte: Any) -> Any:
    """ASCII lower case; every other byte stays."""
    return byte + 32 if 65 <= byte <= 90 else byte


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
    text: Any,
    starts: Any,
    content: Any,
    ascii_classes: Any,
    bullets: Any,
    stop_words: Any,
    words: Any,
    lines: Any,
    out: Any,
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
    line_sentences = bullet = length_start = line_start = long_word = 0
    while i <= end:
        at = i
        cp, kind = 10, SPACE
        if i == end:  # the text's end closes what is open, as a line's end does
            i += 1
        else:
            cp = text[i] + 0  # int64 from here on
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
                kind = content[starts[cp >> 8] + (cp & 255)] + 0
            else:
                kind = ascii_classes[cp] + 0
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
                long_word |= word_size > LONG_WORD
                letters += word_letters
                with_letter += word_letters > 0
                line_sentences += closes
                line_to, line_chars = at, until - line_start
                if at - word_from <= STOP_WORD_BYTES:
                    size = at - word_from
                    mark = np.uint64(1) << np.uint64(8 * size)  # so that a NUL at the end counts
                    packed = np.int64(swar.lower(swar.load(text, word_from, size)) | mark)
                    for k in range(len(stop_words)):
                        if stop_words[k] == packed:
                            stops |= 1 << k
                if word_from == line_from and word_size == 1:
                    first = text[word_from]
                    bullet |= first in (45, 42)  # hyphen, asterisk
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
            line[L_OPENS], line[L_LONG_WORD] = opens, long_word
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
                upper = solid = digits = line_sentences = long_word = 0
                bullet = cp >= 0x80 and is_bullet(cp, bullets)
        last = kind
        if kind & LETTER:
            word_letters += 1
            upper += kind & UPPER != 0
            unspaced += kind & UNSPACED != 0
            closes = False
            dots = 0
            run = i  # most of most texts: ASCII letters up to the next other character
            size = 8
            while size == 8 and i + 8 <= end:
                eight = swar.load(text, i, 8)
                marks = swar.letters(eight)
                size = swar.run(marks)
                if size:
                    upper += swar.upper(eight, marks, size)
                    i += size
            while size == 8 and i < end and ascii_classes[text[i]] & LETTER:
                upper += ascii_classes[text[i]] & UPPER != 0
                i += 1
            if i > run:
                last = ascii_classes[text[i - 1]] + 0
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
            curly += cp in (123, 125)
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
