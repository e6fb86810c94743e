"""Column names, each spelled once."""

from __future__ import annotations

from typing import Final

DOC_ID: Final = "doc_id"
SOURCE: Final = "source"
RECORD_ID: Final = "record_id"
URL: Final = "url"
TEXT: Final = "text"
MESSAGES: Final = "messages"
LICENSE: Final = "license"
OPT_OUT: Final = "opt_out"
LOCATION: Final = "location"
POSITION: Final = "position"
METADATA: Final = "metadata"

DOCUMENT_DIGEST: Final = "document_digest"
TEXT_HASH: Final = "text_hash"
N_BYTES: Final = "n_bytes"
LANG: Final = "lang"
LANG_PROB: Final = "lang_prob"
MINHASH_BANDS: Final = "minhash_bands"
MINHASH_SKETCH: Final = "minhash_sketch"

GOPHER_WORD_COUNT: Final = "gopher_word_count"
GOPHER_MEAN_WORD_LENGTH: Final = "gopher_mean_word_length"
GOPHER_SYMBOL_TO_WORD_RATIO: Final = "gopher_symbol_to_word_ratio"
GOPHER_BULLET_LINES: Final = "gopher_frac_lines_start_with_bullet"
GOPHER_ELLIPSIS_LINES: Final = "gopher_frac_lines_end_with_ellipsis"
GOPHER_ALPHABETIC_WORDS: Final = "gopher_frac_words_with_letter"
GOPHER_STOP_WORDS: Final = "gopher_stop_word_count"

KEEP: Final = "keep"
DROP_REASON: Final = "drop_reason"
DROP_REASONS: Final = "drop_reasons"
MATCHED_ID: Final = "matched_id"
LEVEL: Final = "level"
SIMILARITY: Final = "similarity"
CLUSTER_ID: Final = "cluster_id"
SPLIT: Final = "split"
WEIGHT: Final = "weight"

REASON: Final = "reason"
EXCERPT: Final = "excerpt"

ORIGIN: Final = "origin"
TOKENS: Final = "tokens"
ROW: Final = "row"
SHARD: Final = "shard"

RANK: Final = "rank"
BROKEN: Final = "broken_rules"
TWIN_KIND: Final = "twin_kind"
TWIN_ROW: Final = "twin_row"
CLUSTER_ROW: Final = "cluster_row"
