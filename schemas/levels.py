"""Levels at which a document is a duplicate: as reasons call them, and as decisions do."""

from __future__ import annotations

from typing import Final

INDEXED: Final = "indexed_duplicate"
REPEATED_ID: Final = "repeated_id"
REPEATED_URL: Final = "repeated_url"
EXACT: Final = "exact_duplicate"
NEAR: Final = "near_duplicate"
SEMANTIC: Final = "semantic_duplicate"
REPEATED_TEXT: Final = "repeated_text"
LEVELS: Final = {
    INDEXED: "index",
    REPEATED_ID: "id",
    REPEATED_URL: "url",
    EXACT: "exact",
    NEAR: "near",
    SEMANTIC: "semantic",
    REPEATED_TEXT: "text",
}
"""In the order in which they are looked for."""
EVAL_ITEM: Final = "eval_item"
"""Why a document goes that has an item of an evaluation set; level of a part that does."""
