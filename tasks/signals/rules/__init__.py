r"""Signals of the published rule sets, from one compiled pass over the text; no thresholds.

Common to all of them:

- **classes** of code points are those of :mod:`tasks.characters` (Unicode 16.0); **word**: a
  maximal run of code points that are no white space, with its punctuation and its case;
- **line**: what stands between two ``\n`` and holds a word, without white space at its ends;
  **paragraph**: neighbouring lines with no line without a word between them;
- **character**: a code point. Shares of lines and words are 0 for a text without words;
- a text most of whose letters belong to scripts written without spaces
  (``script_frac_unspaced`` > .5) has no words in this sense: what is measured by words
  (:data:`BY_WORDS`) is null there, except the count of words itself, which says what it counts.

**Gopher** (arXiv 2112.11446, table A1). Quality as in :mod:`tasks.signals.gopher`. Repetition:

- ``gopher_frac_dupe_lines``, ``…_paragraphs``: share of them that have an equal one before them;
  ``gopher_frac_chars_dupe_lines``, ``…_paragraphs``: share of the characters in lines
  (paragraphs) that those hold. (Dolma counts the first of them too.)
- ``gopher_frac_chars_top_<n>gram``, n from 2 to 4: share of the words' characters in occurrences
  of the most frequent n-gram, each character once; 0 if none occurs twice. Of several equally
  frequent the longest counts, then the first. (RedPajama-v2 and Dolma multiply by the count, which
  can exceed 1 where occurrences overlap; datatrove counts one that occurs once.)
- ``gopher_frac_chars_dupe_<n>grams``, n from 5 to 10: share of the words' characters in any
  occurrence of an n-gram that occurs twice, each character once, which is the paper's wording and
  RedPajama-v2's. (datatrove leaves out the first occurrence, Dolma counts overlaps twice;
  RedPajama-v2 removes punctuation and case first.)

**C4** (arXiv 1910.10683, section 2.2, numbers since its version 3):

- ``c4_frac_lines_end_with_terminal_punctuation``: the last character ends a sentence
  (Sentence_Terminal, of any script) or is a quotation mark, and it is no ``...``;
- ``c4_frac_lines_few_words``: fewer than 5 words; ``c4_frac_lines_javascript``,
  ``c4_frac_lines_policy``: with the word, or a phrase of :data:`names.POLICY`, in any case;
- ``c4_frac_lines_kept``: lines that none of these remove; ``c4_sentence_count``: sentences in
  them. A sentence ends with a word whose last character is Sentence_Terminal, other punctuation
  after it aside; what is left of the line after the last one is a sentence too;
- ``c4_lorem_ipsum_count``, ``c4_curly_bracket_count``: the phrase, and ``{`` or ``}``.

**FineWeb** (arXiv 2406.17557, section 3.6):

- ``fineweb_frac_lines_end_with_punctuation``: as C4's, ``...`` included;
  ``fineweb_frac_short_lines``: 30 characters or fewer;
- ``fineweb_frac_chars_dupe_lines``: characters of duplicate lines, of all but ``\n``;
  ``fineweb_newlines_per_word``: the list ratio.

**RefinedWeb** (arXiv 2306.01116, appendix G.2): shares of lines that are flagged.

- ``refinedweb_frac_lines_uppercase``: more than half of the characters but white space are upper
  case; ``…_digits``: all of them are digits; ``…_counter``: a number and one of
  :data:`names.COUNTED`; ``…_one_word``;
- ``refinedweb_frac_words_flagged``: share of the words in flagged lines (the paper drops a
  document above .05). Its patterns of short lines ("sign-in", "read more …") are not published.

**Code** (Codex, arXiv 2107.03374; StarCoder, arXiv 2305.06161). Lines are those between ``\n``,
blank ones too, ``\r`` and white space included:

- ``code_mean_line_length``, ``code_max_line_length``: characters;
  ``code_frac_alphanumeric``: letters and decimal digits, of all characters;
- ``code_frac_lines_comment``: share of lines with a word that begin with one of
  :data:`names.COMMENT_MARKS` (StarCoder parses each language; this does not);
- ``code_generated_count``: phrases of :data:`names.GENERATED` in the first 5 lines with a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from tasks import characters, compiled
from tasks.signals.rules import names
from tasks.signals.rules.columns import columns

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BYTES: Final = 2**31 - 1
"""The kernel counts bytes of one text in 32 bits."""


def rules(texts: pa.ChunkedArray) -> pl.DataFrame:
    """Measure every rule of ``texts`` (large_string, no nulls): one row a text."""
    return columns(counts(texts))


def counts(texts: pa.ChunkedArray) -> pl.DataFrame:
    """Return what :data:`names.COUNTS` names of each text, as int64."""
    found = np.zeros((len(texts), len(names.COUNTS)), dtype=np.int64)
    tables, row = _tables(), 0
    measure = compiled.load("tasks.signals.rules.kernel").measure
    for chunk in compiled.chunks(texts):
        data, offsets = compiled.buffers(chunk)
        if (longest := int(np.diff(offsets).max(initial=0))) > MAX_BYTES:
            raise ValueError(f"a text of {longest} bytes; wanted at most {MAX_BYTES}: split it")
        measure(data, offsets, *tables, found[row : row + len(chunk)])
        row += len(chunk)
    return pl.DataFrame(found, schema=dict.fromkeys(names.COUNTS, pl.Int64), orient="row")


def _tables() -> tuple[np.ndarray[Any, Any], ...]:
    """Return what the kernel looks things up in."""
    kinds = (
        *(names.LOREM_IPSUM, names.JAVASCRIPT, names.POLICY, names.GENERATED, names.COUNTED),
        names.COMMENT_MARKS,
    )
    phrases = [(phrase.encode(), kind) for kind, some in enumerate(kinds) for phrase in some]
    anywhere = kinds.index(names.GENERATED)  # the others are looked for in one place only
    anchors = [_anchor(phrase) if kind <= anywhere else -1 for phrase, kind in phrases]
    chains = np.full(256 + len(phrases), -1, dtype=np.int64)
    for number, ((phrase, _), anchor) in enumerate(zip(phrases, anchors, strict=True)):
        if anchor >= 0:
            letter = phrase[anchor : anchor + 1]
            chains[256 + number] = chains[letter[0]]
            chains[[letter[0], letter.upper()[0]]] = number
    ascii_classes = np.zeros(256, dtype=np.uint16)
    ascii_classes[:128] = characters.classes()[:128]
    return (
        *characters.blocks(),
        ascii_classes,
        np.array([ord(bullet) for bullet in names.BULLETS], dtype=np.int64),
        np.array([int.from_bytes(b"\1" + w.encode()) for w in names.STOP_WORDS], dtype=np.int64),
        np.frombuffer(b"".join(phrase for phrase, _ in phrases), np.uint8),
        np.cumsum([0, *(len(phrase) for phrase, _ in phrases)], dtype=np.int64),
        np.array([kind for _, kind in phrases], dtype=np.int64),
        np.array(anchors, dtype=np.int64),
        chains,
    )


def _anchor(phrase: bytes) -> int:
    """Return the place of the byte that is rarest in text; what is not listed is commoner."""
    rank = {byte: place for place, byte in enumerate(b"@jqxzkvbygwf-pmucl")}
    return min(range(len(phrase)), key=lambda k: rank.get(phrase[k], len(rank)))
