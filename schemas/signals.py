"""Every signal: its column, unit, definition and source. The table, and the page about it.

What the rules' definitions have in common (word, line, paragraph …) stands in :data:`TERMS`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

from schemas import columns as c

COUNT, SHARE, TEXT = pa.int64(), pa.float64(), pa.string()

TERMS: Final = """\
- **Classes of characters** are those of Unicode 16.0, whatever Python's own version is. A
  **character** is a code point.
- **Word**: a run of characters that are no white space, with its punctuation and its case.
- **Line**: what stands between two `\\n` and holds a word, without white space at its ends.
  **Paragraph**: neighbouring lines with no line without a word between them.
- Shares of lines and words are 0 for a text without words.
- A text most of whose letters belong to scripts written without spaces (`script_frac_unspaced`
  above .5: Chinese, Japanese, Thai, Lao, Burmese, Khmer) has no words in this sense. What is
  measured by words is null there, and a rule about it does not apply."""


class Signal(NamedTuple):
    """A column of ``signals``: its type, unit and definition; null where a text has none of it."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False


def _share(name: str, meaning: str, unit: str = "0 to 1") -> Signal:
    return Signal(name, SHARE, unit, meaning)


def _by_words(name: str, kind: pa.DataType, unit: str, meaning: str) -> Signal:
    return Signal(name, kind, unit, meaning, nullable=True)


IDENTITY: Final = (
    Signal(c.DOC_ID, TEXT, "hex", "the document"),
    Signal(
        c.DOCUMENT_DIGEST,
        TEXT,
        "hex xxh3_128",
        "of the whole row of `documents` but `location` and `position`",
    ),
    Signal(c.TEXT_HASH, TEXT, "hex xxh3_128", "of the text: equal texts are exact duplicates"),
    Signal(c.N_BYTES, COUNT, "bytes", "the text's length in UTF-8"),
    Signal(
        c.COMPRESSION_RATIO,
        SHARE,
        "ratio",
        "bytes of the text for each byte of it in LZ4's block format, greedily matched",
    ),
)

PARAGRAPH_LANGUAGE: Final = pa.struct([("lang", pa.string()), ("share", pa.float64())])

LANGUAGE: Final = (
    Signal(
        c.LANG,
        TEXT,
        "code",
        "the model's label (lid.176: ISO 639) for the first `lang_bytes` bytes; `und` for texts "
        "too short to tell or more like code than prose",
    ),
    Signal(c.LANG_PROB, SHARE, "0 to 1", "its probability by the model; 0 for `und`"),
    Signal(
        c.LANG_SHARE,
        SHARE,
        "0 to 1",
        "share of the bytes that stand in paragraphs of that language, with `lang_paragraphs`",
        nullable=True,
    ),
    Signal(
        c.LANG_PARAGRAPHS,
        pa.list_(PARAGRAPH_LANGUAGE),
        "code, 0 to 1",
        "languages of the paragraphs with their shares of the bytes, with `lang_paragraphs`",
        nullable=True,
    ),
    _share("script_frac_unspaced", "letters of scripts written without spaces, of all letters"),
)

GOPHER: Final = (
    _by_words(c.GOPHER_WORD_COUNT, COUNT, "words", "words"),
    _by_words(c.GOPHER_MEAN_WORD_LENGTH, SHARE, "characters", "a word's mean length"),
    _by_words(
        c.GOPHER_SYMBOL_TO_WORD_RATIO,
        SHARE,
        "a word",
        "hash signs, or ellipses (`…`, `...`), for each word: the larger of the two",
    ),
    _share(
        c.GOPHER_BULLET_LINES,
        "lines that start with a bullet, or with `-` or `*` that white space or their end follows",
    ),
    _share(c.GOPHER_ELLIPSIS_LINES, "lines that end with an ellipsis"),
    _by_words(c.GOPHER_ALPHABETIC_WORDS, SHARE, "0 to 1", "words with at least one letter"),
    _by_words(
        c.GOPHER_STOP_WORDS,
        COUNT,
        "0 to 8",
        "different ones of the eight stop words of its language (`und`: of English); null for "
        "languages without a list",
    ),
)

REPETITION: Final = (
    _share("gopher_frac_dupe_lines", "lines with an equal one before them"),
    _share("gopher_frac_chars_dupe_lines", "characters in those, of all lines' characters"),
    _share("gopher_frac_dupe_paragraphs", "paragraphs with an equal one before them"),
    _share("gopher_frac_chars_dupe_paragraphs", "characters in those, of all paragraphs' lines"),
    *(
        _by_words(
            f"gopher_frac_chars_top_{n}gram",
            SHARE,
            "0 to 1",
            f"the words' characters in occurrences of the most frequent {n}-gram, each once; of "
            "several the longest, then the first; 0 if none occurs twice",
        )
        for n in (2, 3, 4)
    ),
    *(
        _by_words(
            f"gopher_frac_chars_dupe_{n}grams",
            SHARE,
            "0 to 1",
            f"the words' characters in any {n}-gram that occurs twice or more, each once",
        )
        for n in (5, 6, 7, 8, 9, 10)
    ),
)

C4: Final = (
    _share(
        "c4_frac_lines_end_with_terminal_punctuation",
        "lines whose last character ends a sentence or is a quotation mark, and not `...`",
    ),
    _by_words("c4_frac_lines_few_words", SHARE, "0 to 1", "lines of fewer than 5 words"),
    _share("c4_frac_lines_javascript", "lines with the word JavaScript, in any case"),
    _share("c4_frac_lines_policy", "lines with a phrase such as `privacy policy`, in any case"),
    _by_words(
        "c4_frac_lines_kept",
        SHARE,
        "0 to 1",
        "lines that none of these four remove, and with no word of more than 1,000 characters",
    ),
    _by_words(
        "c4_sentence_count",
        COUNT,
        "sentences",
        "in those lines; what is left of a line after its last full stop is one too",
    ),
    Signal("c4_lorem_ipsum_count", COUNT, "times", "`lorem ipsum`, in any case"),
    Signal("c4_curly_bracket_count", COUNT, "times", "`{` or `}`"),
)

FINEWEB: Final = (
    _share(
        "fineweb_frac_lines_end_with_punctuation",
        "lines whose last character ends a sentence or is a quotation mark",
    ),
    _share("fineweb_frac_short_lines", "lines of 30 characters or fewer"),
    _share(
        "fineweb_frac_chars_dupe_lines",
        "characters in lines with an equal one before them, of all characters but `\\n`",
    ),
    _by_words("fineweb_newlines_per_word", SHARE, "a word", "`\\n` for each word"),
)

REFINEDWEB: Final = (
    _share("refinedweb_frac_lines_uppercase", "lines more than half in upper case"),
    _share("refinedweb_frac_lines_digits", "lines of digits only"),
    _share("refinedweb_frac_lines_counter", "lines that count something, such as `3 likes`"),
    _by_words("refinedweb_frac_lines_one_word", SHARE, "0 to 1", "lines of one word"),
    _by_words("refinedweb_frac_words_flagged", SHARE, "0 to 1", "words in lines of these four"),
)

CODE: Final = (
    _share("code_mean_line_length", "between `\\n`, blank ones too", "characters"),
    Signal("code_max_line_length", COUNT, "characters", "the longest of them"),
    _share("code_frac_alphanumeric", "letters and decimal digits, of all characters"),
    _share(
        "code_frac_lines_comment",
        "lines that begin as comments do in the common languages (`#`, `//`, `/*`, `*`, `--` …)",
    ),
    Signal(
        "code_generated_count",
        COUNT,
        "times",
        "phrases such as `auto-generated` in the first five lines with a word",
    ),
)

SPAN: Final = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
    ]
)

PII: Final = (
    Signal(
        c.SPANS,
        pa.list_(pa.field("item", SPAN, nullable=False)),
        "characters",
        "personal data and secrets: `email`, `phone`, `ip`, `iban`, `card`, `secret`, without "
        "overlap; `text[start:end]` is each",
    ),
)

NORMALISATION: Final = tuple(
    Signal(name, COUNT, "characters", f"changed before this text was written: {what}")
    for name, what in (
        (c.NORMALISE_FRONT_MATTER, "front matter"),
        (c.NORMALISE_REPAIR, "broken encodings"),
        (c.NORMALISE_ENTITIES, "HTML entities"),
        (c.NORMALISE_CONTROLS, "control characters and line ends"),
        (c.NORMALISE_NFC, "characters composed (NFC)"),
        (c.NORMALISE_ZERO_WIDTH, "characters without width"),
        (c.NORMALISE_LOOKALIKES, "look-alikes of ASCII"),
        (c.NORMALISE_BOILERPLATE, "lines that repeat on most pages"),
    )
)

PIECE: Final = pa.struct(
    [
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),
    ]
)

EVAL_GRAM: Final = pa.struct(
    [
        pa.field(c.GRAM, pa.uint32(), nullable=False),
        pa.field(c.WORD, pa.uint32(), nullable=False),
        pa.field(c.START, pa.int32(), nullable=False),
        pa.field(c.END, pa.int32(), nullable=False),
    ]
)

SCORE: Final = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
    ]
)

QUALITY: Final = (
    Signal(
        c.SCORES,
        pa.list_(pa.field("item", SCORE, nullable=False)),
        "0 to 1, or perplexity a word",
        "what each of `classifiers` and `ngram_lms` says: its name, and the probability or the "
        "perplexity; a value is null for texts without words and for languages that the model is "
        "not for; null without models. Rules call each `score_<name>`",
        nullable=True,
    ),
)

TWINS: Final = (
    Signal(
        c.MINHASH_BANDS,
        pa.list_(pa.uint64()),
        "hashes",
        "near-duplicates share one; null for texts without shingles, or without `minhash`",
        nullable=True,
    ),
    Signal(
        c.MINHASH_SKETCH,
        pa.binary(),
        "bytes",
        "MinHash: a byte of each permutation's least value, for estimates of similarity",
        nullable=True,
    ),
    Signal(
        c.PIECES,
        pa.list_(pa.field("item", PIECE, nullable=False)),
        "bytes",
        "lines (kind 0), paragraphs (1) and anchors of runs of words (2) that other documents may "
        "have too, each with its hash; null without `line_words`, `paragraph_words` and "
        "`substring_words`, and for conversations",
        nullable=True,
    ),
    Signal(
        c.EVALS,
        pa.list_(pa.field("item", EVAL_GRAM, nullable=False)),
        "words, bytes",
        "rows of 8 words that items of `evals` have too (of an item of fewer, all of them): their "
        "number in `evals/grams-….parquet`, the number of the first word, and the bytes; null "
        "without `evals`",
        nullable=True,
    ),
    Signal(c.ATTRIBUTES, pa.large_string(), "JSON", "attributes that came with it", nullable=True),
)

REPETITION_SOURCE: Final = (
    "Ibid. RedPajama-v2 and Dolma multiply the top n-gram's length by its count, which can exceed "
    "1 where occurrences overlap; datatrove counts one that occurs once, and leaves the first "
    "occurrence out of duplicate n-grams. Here each character counts once, as the paper says."
)
C4_SOURCE: Final = (
    "Raffel et al., arXiv 1910.10683, section 2.2, with the numbers of its newest version (5 "
    "words, 3 sentences); datatrove and Dolma have those of the first (3 words, 5 sentences)."
)
REFINEDWEB_SOURCE: Final = (
    "Penedo et al., arXiv 2306.01116, appendix G.2. Its patterns of short lines (`sign-in`, "
    "`read more …`) are not published."
)

GROUPS: Final = (
    ("The document", "", IDENTITY),
    ("Language and script", "Joulin et al., arXiv 1607.01759.", LANGUAGE),
    ("Gopher, quality", "Rae et al., arXiv 2112.11446, table A1.", GOPHER),
    ("Gopher, repetition", REPETITION_SOURCE, REPETITION),
    ("C4", C4_SOURCE, C4),
    ("FineWeb", "Penedo et al., arXiv 2406.17557, section 3.6.", FINEWEB),
    ("RefinedWeb", REFINEDWEB_SOURCE, REFINEDWEB),
    ("Code", "Codex, arXiv 2107.03374; StarCoder, arXiv 2305.06161.", CODE),
    ("Models", "Defined in `tasks/classifier` and `tasks/ngram_lm`.", QUALITY),
    ("Personal data", "", PII),
    ("Normalisation", "", NORMALISATION),
    ("Near-duplicates, and what came along", "", TWINS),
)
"""Title, source, columns."""

ALL: Final = tuple(signal for _, _, group in GROUPS for signal in group)

NUMERIC: Final = tuple(s.name for s in ALL if s.type in {COUNT, SHARE})
"""What a threshold or an expression may be about, beside ``lang``."""
