"""How surprising held-out text of the reference is to who has read the shard only.

Word trigram models (:mod:`tasks.ngram_lm`) of as much text of each side, one vocabulary: of the
shard, of the random draw, and of half of the reference, whose figure is the floor. All are asked
about the other half, and then the other way round; passages of it that the shard or the random draw
has anywhere are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.certificate import CrossPerplexity, Figure, rounded
from tasks.ngram_lm.training import Counting
from tasks.replay.certificate.gate import has

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.ngram_lm.model import NgramModel
    from tasks.replay.certificate.divergences import Part

ORDER: Final = 3


def cross_perplexity(
    shard: Part, halves: tuple[Part, Part], random: Part | None
) -> CrossPerplexity | None:
    """Return nats of held-out text; none where there is none, or nothing to learn from."""
    held = [_held_out(half, [shard, random]) for half in halves]
    if not all(len(some) for some in held):
        return None
    models = [_model(part) for part in (shard, *halves)]
    drawn = None if random is None else _model(random)
    asked = [(held[1], models[1]), (held[0], models[2])]
    of_shard = _nats([(texts, models[0]) for texts, _ in asked])
    floor = _nats(asked)
    of_random = None if drawn is None else _nats([(texts, drawn) for texts, _ in asked])
    if not floor[1]:
        return None
    per_word = [_ratio(some, 1) for some in (of_shard, floor, of_random)]
    per_byte = [_ratio(some, 2) for some in (of_shard, floor, of_random)]
    gaps = [None if x is None or per_word[1] is None else x - per_word[1] for x in per_word]
    return CrossPerplexity(
        order=ORDER,
        tokens=int(shard.side.side.tokens[shard.rows].sum()),
        words=int(floor[1]),
        nats_per_word=Figure.of(*per_word),
        nats_per_byte=Figure.of(*per_byte),
        gap=rounded(gaps[0]),
        gap_random=rounded(gaps[2]),
    )


def _held_out(half: Part, read: Sequence[Part | None]) -> pa.ChunkedArray:
    """Return the passages of a half that none of those who are asked has read."""
    rows = half.rows
    for part in read:
        if part is not None:
            seen = has(half.side.hashes[rows], part.side.hashes)
            rows = rows[~seen]
    return half.side.texts.take(pa.array(rows))


def _model(part: Part) -> NgramModel:
    counting = Counting(ORDER)
    counting.add(part.side.texts.take(pa.array(part.rows)))
    return counting.model()


def _nats(asked: Sequence[tuple[pa.ChunkedArray, NgramModel]]) -> tuple[float, float, float]:
    """Return nats, words and bytes of texts, each by a model."""
    nats = words = n_bytes = 0.0
    for texts, model in asked:
        own, n_words = model.cross_entropy(texts)
        nats += float(own.sum())
        words += float(n_words.sum())
        n_bytes += float(pc.sum(pc.binary_length(texts)).as_py() or 0)
    return nats, words, n_bytes


def _ratio(found: Any, place: int) -> float | None:  # noqa: ANN401
    return None if found is None or not found[place] else found[0] / found[place]
