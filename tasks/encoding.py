"""Documents to ids and loss masks, as the run's recipe has them: texts, and conversations.

A conversation is rendered by the chat template, where the recipe names one; without one it is its
plain text. All tokens of a plain text are learned; of a conversation, what the assistant says.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from schemas import columns as c
from schemas.errors import SchemaError
from schemas.mixture import CHAT_ROW, TEXT_ROW
from tasks import tokenizer_files
from tasks.counted import NO_TOKENS
from tasks.hashing import digest
from tasks.mixture import templates
from tasks.mixture.templates import Format, Rendered
from tasks.ragged import Lists, sums
from tasks.rendering import Renderer
from tasks.tokens import joined

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from schemas.config import BudgetConfig
    from schemas.mixture import TokenizerSaid
    from tasks.tokens import Tokenizer

    Messages = Sequence[Mapping[str, str]]

VERSION: Final = "encoding-2"
AT_ONCE: Final = 100
"""Conversations that are handed to a template of one's own: all are done again if one ends it."""
SHOWN: Final = 200
NOTHING_LEARNED: Final = "no turn of the assistant"


class Encoded(NamedTuple):
    """Documents as ids.

    - ``ids``: of each (int32), without the token that ends a document, which rows put behind it.
    - ``learned``: whether each token is.
    - ``kinds``: ``text`` or ``chat``.
    - ``refused``: why a document is not fit to be learned from; it has no ids then. None: it is.
    - ``texts``: what was encoded, rendered; None where ids were read from disk.
    """

    ids: Lists
    learned: Lists
    kinds: list[str]
    refused: list[str | None]
    texts: list[str] | None

    @property
    def tokens(self) -> NDArray[np.int64]:
        """Tokens of each document."""
        return np.diff(self.ids.offsets)

    @property
    def supervised(self) -> NDArray[np.int64]:
        """Tokens of each document that are learned."""
        if self.learned.values.all():
            return self.tokens
        return sums(self.learned)


class Encoder:
    """Encodes documents, as a context: a template of one's own runs in a process beside.

    ``digest``: all that its answers depend on. It is the tokenizer's where there is no template.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        said: TokenizerSaid,
        template: Format | str | None = None,
        *,
        prefixes: Mapping[str, str] | None = None,
        special: Mapping[str, str] | None = None,
    ) -> None:
        """``prefixes``: before the first user's turn, by recipe source.

        ``special``: ``bos_token`` and ``eos_token`` for a template in Jinja.
        """
        self.tokenizer, self.said = tokenizer, said
        self._template, self._prefixes = template, dict(prefixes or {})
        self._special = dict(special or {})
        self._renderer: Renderer | None = None
        self._open, self._entered = ExitStack(), False
        self.digest = tokenizer.digest
        if template is not None:
            own = (repr(template), sorted(self._prefixes.items()), sorted(self._special.items()))
            self.digest = digest(VERSION, tokenizer.digest, *own)

    @classmethod
    def of(cls, config: BudgetConfig, out: str) -> Self:
        """Return the encoder of a run, whose tokenizer is there already.

        ManifestError where tokenizer or template are others than those that the run began with.
        """
        tokenizer, said = tokenizer_files.load(out), tokenizer_files.of_manifest(out)
        name, template = config.chat_template, None
        if name is not None:
            template = tokenizer_files.template(name, tokenizer_files.of_run(out))
        tokenizer_files.check_same(said, tokenizer, template, out)
        prefixes = {s: own.condition_prefix for s, own in config.conditions.items()}
        return cls(
            tokenizer,
            said,
            template,
            prefixes={source: prefix for source, prefix in prefixes.items() if prefix},
            special=special_names(tokenizer, said),
        )

    @property
    def renders(self) -> bool:
        """Whether conversations are rendered, and so their turns asked for."""
        return self._template is not None

    def __enter__(self) -> Self:
        """Begin; what renders is started when the first conversation comes."""
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self._entered, self._renderer = False, None
        self._open.close()

    def encode(self, documents: pa.Table, source: str) -> Encoded:
        """Encode documents of a recipe's source.

        Reads ``text`` and, where the recipe has a chat template, ``messages``; both as they are
        written.
        """
        texts: list[str] = documents.column(c.TEXT).to_pylist()
        chats = self._chats(documents, source)
        spans: dict[int, list[tuple[int, int]]] = {}
        refused: list[str | None] = [None] * len(texts)
        for row, outcome in zip(chats, self._rendered(list(chats.values())), strict=True):
            if isinstance(outcome, SchemaError):
                texts[row], refused[row] = "", _short(outcome)
            else:
                texts[row], spans[row] = outcome
        ids, learned = self._encoded(texts, chats.keys(), spans)
        found = Encoded(
            ids,
            learned,
            [CHAT_ROW if row in chats else TEXT_ROW for row in range(len(texts))],
            refused,
            texts,
        )
        return _judged(_open_ended(found, self.said.end_id))

    def texts(self, documents: pa.Table, source: str) -> list[str]:
        """Return what documents are as text: rendered, where they are conversations."""
        texts: list[str] = documents.column(c.TEXT).to_pylist()
        chats = self._chats(documents, source)
        for row, outcome in zip(chats, self._rendered(list(chats.values())), strict=True):
            texts[row] = "" if isinstance(outcome, SchemaError) else outcome.text
        return texts

    def _chats(self, documents: pa.Table, source: str) -> dict[int, Messages]:
        """Return the conversations among documents, by row, as they are rendered."""
        if self._template is None or c.MESSAGES not in documents.column_names:
            return {}
        prefix = self._prefixes.get(source, "")
        turns = enumerate(documents.column(c.MESSAGES).to_pylist())
        return {row: _prefixed(own, prefix) for row, own in turns if own is not None}

    def _rendered(self, chats: list[Messages]) -> list[Rendered | SchemaError]:
        if isinstance(self._template, Format):
            return [_tried(messages, self._template) for messages in chats]
        found: list[Rendered | SchemaError] = []
        for start in range(0, len(chats), AT_ONCE):
            some = chats[start : start + AT_ONCE]
            found += self._started().render_all(some, where=["messages"] * len(some))
        return found

    def _started(self) -> Renderer:
        if self._renderer is None:
            if not self._entered:
                raise RuntimeError("an encoder with a template in Jinja is used as a context")
            renderer = Renderer(str(self._template), tokens=self._special)
            self._renderer = self._open.enter_context(renderer)
        return self._renderer

    def _encoded(
        self, texts: list[str], chats: Collection[int], spans: Mapping[int, list[tuple[int, int]]]
    ) -> tuple[Lists, Lists]:
        """Encode plain texts and rendered ones, each in its way, and put them in order again."""
        plain = [row for row in range(len(texts)) if row not in chats]
        ids = self.tokenizer.encoded([texts[row] for row in plain])
        learned = Lists(np.ones(len(ids.values), np.bool_), ids.offsets)
        if not chats:
            return ids, learned
        own = self.tokenizer.rendered(
            [texts[row] for row in chats], [spans.get(row, []) for row in chats]
        )
        order = np.argsort([*plain, *chats])
        return _ordered(ids, own[0], order), _ordered(learned, own[1], order)


def special_names(tokenizer: Tokenizer, said: TokenizerSaid) -> dict[str, str]:
    """Return ``bos_token`` and ``eos_token`` by name, as templates in Jinja ask for them."""
    begin = None if said.begin_id is None else tokenizer.name_of(said.begin_id)
    names = {"bos_token": begin, "eos_token": said.end_of_text}
    return {key: name for key, name in names.items() if name is not None}


def _prefixed(messages: Messages, prefix: str) -> Messages:
    """Put a condition before what the first user says."""
    if not prefix:
        return messages
    first = next((n for n, m in enumerate(messages) if m["role"] == templates.USER), None)
    return [
        {**turn, "content": prefix + turn["content"]} if number == first else turn
        for number, turn in enumerate(messages)
    ]


def _tried(messages: Messages, form: Format) -> Rendered | SchemaError:
    try:
        return templates.rendered(messages, form)
    except SchemaError as error:
        return error


def _short(error: SchemaError) -> str:
    return f"{error.got}, wanted {error.wanted}"[:SHOWN]


def _open_ended(found: Encoded, end: int | None) -> Encoded:
    """Take the end-of-text token from conversations that end with it: rows put one behind each."""
    last = found.ids.offsets[1:] - 1
    chats = np.array([kind == CHAT_ROW for kind in found.kinds], bool) & (found.tokens > 0)
    ended = chats & (found.ids.values[np.maximum(last, 0)] == end) if chats.any() else chats
    if end is None or not ended.any():
        return found
    keep = np.ones(len(found.ids.values), bool)
    keep[last[ended]] = False
    offsets = np.concatenate([[0], np.cumsum(found.tokens - ended)]).astype(np.int64)
    ids, learned = (Lists(part.values[keep], offsets) for part in (found.ids, found.learned))
    return found._replace(ids=ids, learned=learned)


def _judged(found: Encoded) -> Encoded:
    """Refuse what has no tokens, and conversations of which nothing is learned; drop their ids."""
    n_tokens, supervised = found.tokens.tolist(), found.supervised.tolist()
    refused = [
        why or (NO_TOKENS if not n else None if learned else NOTHING_LEARNED)
        for why, n, learned in zip(found.refused, n_tokens, supervised, strict=True)
    ]
    if not any(why is not None and n for why, n in zip(refused, n_tokens, strict=True)):
        return found._replace(refused=refused)
    good = np.array([why is None for why in refused])
    keep = np.repeat(good, n_tokens)
    offsets = np.concatenate([[0], np.cumsum(np.where(good, n_tokens, 0))]).astype(np.int64)
    ids, learned = (Lists(part.values[keep], offsets) for part in (found.ids, found.learned))
    return found._replace(ids=ids, learned=learned, refused=refused)


def _ordered(first: Lists, second: Lists, order: NDArray[np.int64]) -> Lists:
    """Return the lists of two, one after the other, in another order."""
    parts = [
        one.values[start:end]
        for one in (first, second)
        for start, end in pairwise(one.offsets.tolist())
    ]
    return joined([parts[place] for place in order], first.values.dtype.type)
