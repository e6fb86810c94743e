"""Held-out text by domain, as tokens of a model: of files, and of a mixture's validation split.

Of each domain the first documents by seed are taken, whole, until there are tokens enough. Which
these are does not depend on the order of files and records.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ConfigError
from schemas.mixture import NO_LOSS
from tasks import hashing, reader_files
from tasks.drawing import Draw, candidates
from tasks.measured import Fields, Seen, measured, nothing, source_of
from tasks.reader import Reader
from tasks.training.batches import REPLAY
from tasks.training.forgetting import Named
from tasks.training.measure import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from schemas.forgetting import Side
    from schemas.mixture import Layout
    from tasks.tokens import Tokenizer

CONFIG: Final = SignalsConfig(minhash=False)
STAGE: Final = "held-out"
SPLIT: Final = "validation"
CHARS_PER_TOKEN: Final = 8
"""More than text has, so that there are tokens enough of what is kept."""


class Held(NamedTuple):
    """A domain and what is scored of it."""

    named: Named
    texts: list[Text]


class Speaker(NamedTuple):
    """What turns text into a model's tokens, and these into text again.

    ``begins``: whether a text begins with a token of its own; else its first one is not scored.
    """

    tokenizer: Tokenizer
    decode: Callable[[list[int]], str]
    begins: bool


class Take(NamedTuple):
    """How much of a domain, in which order, and where records have their text."""

    most_tokens: int = 200_000
    seed: int = 0
    text_field: str = "text"


def of_files(name: str, side: Side, location: str, speaker: Speaker, take: Take) -> Held:
    """Return a domain of files. Raises :class:`ConfigError` where they hold no text."""
    seen, draw = Seen(), Draw(take.most_tokens * CHARS_PER_TOKEN)
    source = source_of("held-out", [location], fields=Fields(take.text_field), where=location)
    for documents, frame in measured(source, CONFIG, seen, where=location):
        draw.add(candidates(documents, frame[c.TEXT_HASH].to_list(), seed=take.seed, stage=STAGE))
    texts = [text for text in draw.table().column(c.TEXT).to_pylist() if text]
    if not texts:
        raise nothing(location, seen)
    return Held(Named(name, side, seen.documents), of_texts(texts, speaker, take.most_tokens))


def of_texts(texts: Sequence[str], speaker: Speaker, most_tokens: int) -> list[Text]:
    """Return the first texts that have so many tokens; of a longer one its beginning."""
    found, left = list[Text](), most_tokens
    for text in texts:
        if left <= 0:
            break
        some = text[: most_tokens * CHARS_PER_TOKEN]
        ids = speaker.tokenizer.encoded([some]).values.astype(np.int64)
        if len(ids):
            own = ids[:most_tokens]
            start = 0 if speaker.begins else 1
            told = _part(some, start, len(own), len(ids), speaker)
            found.append(Text(own, np.ones(len(own), np.bool_), len(told.encode())))
            left -= len(own)
    return found


def _part(text: str, first: int, last: int, of: int, speaker: Speaker) -> str:
    """Return what tokens ``first`` up to ``last`` of a text stand for."""
    if first == 0 and last == of:
        return text
    places = [*speaker.tokenizer.places(text).tolist(), len(text)]
    return text[places[min(first, of)] : places[last]]


def of_mixture(folder: str, speaker: Speaker, take: Take) -> Iterator[Held]:
    """Yield the sources of a mixture's validation split, replay as old and new as new.

    Raises :class:`ConfigError` for a mixture of another tokenizer, or of no tokens, and
    :class:`ManifestError` for one without such a split.
    """
    _, manifest = reader_files.find(folder)
    layout = reader_files.layout_of(manifest)
    if (
        layout is None
        or layout.format != "tokens"
        or (layout.tokenizer.digest != speaker.tokenizer.digest)
    ):
        said = "another tokenizer's ids"
        if layout is None or layout.format != "tokens":
            said = "text" if layout is None else layout.format
        raise ConfigError(
            f"--mixture {folder}",
            got=f"a mixture of {said}",
            wanted="one of the model's tokens, whose validation split can be scored",
            way_out="Give held-out text as files: --held-out NAME=FILES, --new NAME=FILES.",
        )
    documents = _documents(folder, layout)
    special = {speaker.tokenizer.id_of(name) for name in speaker.tokenizer.special()}
    sources = {key[:2] for key in documents}
    for side, source in sorted(sources, key=lambda one: (one[0] != REPLAY, one[1])):
        own = [key for key in documents if key[:2] == (side, source)]
        order = hashing.seeded([key[2] for key in own], seed=take.seed, stage=STAGE)
        texts, left = list[Text](), take.most_tokens
        for at in np.argsort(order, kind="stable").tolist():
            if left <= 0:
                break
            text = _scored(*documents[own[at]], speaker, special)
            if text.scored.any():
                texts.append(text)
                left -= int(text.scored.sum())
        if texts:
            yield Held(Named(source, "old" if side == REPLAY else "new", len(own)), texts)


Key = tuple[str, str, str]
"""Origin, source and id of a document, or of a passage of one."""
Tokens = tuple[list[int], list[int]]
"""Ids and labels."""


def _documents(folder: str, layout: Layout) -> dict[Key, Tokens]:
    """Read documents of the split; of packed rows, their pieces are put together again."""
    packed = layout.row_tokens is not None
    columns = [c.INPUT_IDS, c.LABELS, c.DOC_ID, c.SOURCE, c.ORIGIN, c.START]
    reader = Reader(folder, SPLIT, columns=[*columns, *PIECES] if packed else columns)
    found: dict[Key, dict[int, Tokens]] = {}
    for table in reader.batches():
        for row in table.to_pylist():
            for key, at, tokens in _pieces(row) if packed else [_whole(row)]:
                found.setdefault(key, {}).setdefault(at, tokens)
    return {
        key: ([i for at in sorted(own) for i in own[at][0]],
              [i for at in sorted(own) for i in own[at][1]])
        for key, own in found.items()
    }  # fmt: skip


PIECES: Final = (c.TOKENS, c.ENDS, c.TOKEN_START)


def _whole(row: dict[str, Any]) -> tuple[Key, int, Tokens]:
    key = row[c.ORIGIN], row[c.SOURCE], f"{row[c.DOC_ID]}:{row[c.START] or 0}"
    return key, 0, (row[c.INPUT_IDS], row[c.LABELS])


def _pieces(row: dict[str, Any]) -> Iterator[tuple[Key, int, Tokens]]:
    sizes = [n + ends for n, ends in zip(row[c.TOKENS], row[c.ENDS], strict=True)]
    bounds = np.cumsum([0, *sizes]).tolist()
    for piece, (start, stop) in enumerate(pairwise(bounds)):
        own = f"{row[c.DOC_ID][piece]}:{row[c.START][piece] or 0}"
        key = row[c.ORIGIN], row[c.SOURCE][piece], own
        tokens = row[c.INPUT_IDS][start:stop], row[c.LABELS][start:stop]
        yield key, row[c.TOKEN_START][piece], tokens


def _scored(
    ids: list[int], labels: list[int], speaker: Speaker, special: Container[int | None]
) -> Text:
    """Score what is learned of a document, and no special token."""
    scored = np.array([a != NO_LOSS and i not in special for i, a in zip(ids, labels, strict=True)])
    if not speaker.begins:
        scored[:1] = False
    told = speaker.decode([i for i, on in zip(ids, scored, strict=True) if on])
    return Text(np.array(ids, np.int64), scored, len(told.encode()))
