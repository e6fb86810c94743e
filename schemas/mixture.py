"""What a mixture's rows are: columns by format, and what its manifest says of them.

One mixture can be written in three formats (:data:`schemas.budgets.RowFormat`):

- ``text``: :data:`TEXT`.
- ``messages``: :data:`MESSAGES`: conversations as turns, other rows as text.
- ``tokens``: :data:`TOKENS`, a document a row, with its text or its turns beside the ids; or with
  ``row_tokens`` :data:`PACKED`, where a row holds pieces of documents and what is said of these
  are lists, a value a piece.

Rows stand in training order, through all shards of a split in the order of the shards' names.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas import columns as c
from schemas.budgets import RowFormat, ScheduleConfig
from schemas.manifest import Frozen
from schemas.tables import MESSAGE

TEXT_ROW, CHAT_ROW = "text", "chat"
"""Values of ``kind``: plain text, and a conversation."""
NO_LOSS: Final = -100
"""The label of a token that is not learned, as PyTorch's cross-entropy has it by default."""
LEARNED: Final = (c.INPUT_IDS, c.ATTENTION_MASK, c.LABELS)
"""The columns that trainers take, and no others: the view ``default`` of tokens."""

_OF_DOCUMENT = (
    pa.field(c.KIND, pa.string(), nullable=False),
    pa.field(c.DOC_ID, pa.string(), nullable=False),
    pa.field(c.SOURCE, pa.string(), nullable=False),
    pa.field(c.LICENSE, pa.string()),
    pa.field(c.TOKENS, pa.int64(), nullable=False),
    pa.field(c.SUPERVISED, pa.int64(), nullable=False),
    pa.field(c.WEIGHT, pa.float64(), nullable=False),
    pa.field(c.START, pa.int64()),
    pa.field(c.END, pa.int64()),
    pa.field(c.SOURCE_CLASS, pa.string()),
    pa.field(c.CONDITION_PREFIX, pa.string()),
    pa.field(c.LOSS_WEIGHT, pa.float64(), nullable=False),
)
"""Of a passage, ``start`` and ``end`` are its code points in the document; null of a whole one.
``tokens`` are without the end-of-text token; ``supervised_tokens`` those of them that are learned.
"""
_OF_ROW = (
    pa.field(c.ORIGIN, pa.string(), nullable=False),
    pa.field(c.EPOCH, pa.int64(), nullable=False),
    pa.field(c.POSITION, pa.int64(), nullable=False),
)
"""``position``: in the split, from 0; ``epoch``: how often its side was seen before."""
_IDS = (
    pa.field(c.INPUT_IDS, pa.list_(pa.int32()), nullable=False),
    pa.field(c.ATTENTION_MASK, pa.list_(pa.int8()), nullable=False),
    pa.field(c.LABELS, pa.list_(pa.int32()), nullable=False),
)
_CONTENT = (
    pa.field(c.TEXT, pa.large_string()),
    pa.field(c.MESSAGES, pa.list_(MESSAGE)),
)
_URL = pa.field(c.URL, pa.string())

TEXT: Final = pa.schema(
    [pa.field(c.TEXT, pa.large_string(), nullable=False), *_OF_ROW, _URL, *_OF_DOCUMENT]
)
MESSAGES: Final = pa.schema([*_CONTENT, *_OF_ROW, _URL, *_OF_DOCUMENT])
TOKENS: Final = pa.schema([*_IDS, *_CONTENT, *_OF_ROW, _URL, *_OF_DOCUMENT])
PACKED: Final = pa.schema(
    [
        *_IDS,
        *_OF_ROW,
        *(pa.field(f.name, pa.list_(f.type), nullable=False) for f in _OF_DOCUMENT),
        pa.field(c.TOKEN_START, pa.list_(pa.int64()), nullable=False),
        pa.field(c.ENDS, pa.list_(pa.bool_()), nullable=False),
    ]
)
"""A piece has the tokens from ``token_start`` on of its document (or passage), ``tokens`` of them;
where ``ends`` is true, the end-of-text token stands behind. Padding fills the row, with no loss."""


def table_schema(row_format: RowFormat, *, packed: bool = False) -> pa.Schema:
    """Return the columns of a format."""
    if row_format == "tokens":
        return PACKED if packed else TOKENS
    return TEXT if row_format == "text" else MESSAGES


class TokenizerSaid(Frozen):
    """Which tokenizer made the ids: ``digest`` tells it from others, ``size`` is above every id.

    ``kind``: the class that encoded (``tokenizers``, ``tiktoken``, ``sentencepiece``, ``tekken``).
    ``chat_template``: as the recipe names it, and its ``template_digest``.
    """

    kind: str
    digest: str
    size: int
    end_of_text: str | None = None
    end_id: int | None = None
    begin_id: int | None = None
    padding_id: int | None = None
    chat_template: str | None = None
    template_digest: str | None = None

    @property
    def filler(self) -> int:
        """The token that fills a row: padding, or where there is none, what ends a document."""
        end = self.end_id or 0
        return end if self.padding_id is None else self.padding_id


class Layout(Frozen):
    """Key ``layout`` of the manifest's details: what the shards hold, and in which order."""

    format: RowFormat
    row_tokens: int | None
    tokenizer: TokenizerSaid
    seed: int
    epochs: int
    replay_epochs: int
    schedule: ScheduleConfig
    order: str


LAYOUT: Final = "layout"
"""Key of the mixture's details: :class:`Layout`."""
RIGHTS: Final = "rights"
"""Key of the mixture's details: licences and opt-out lists (:func:`tasks.rights.told`)."""
