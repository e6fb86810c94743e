"""The certificate: how near a shard comes to a reference, in numbers with their noise.

1. :mod:`~tasks.replay.certificate.texts`: what is looked at of each side, and how it is dealt out.
2. :mod:`~tasks.replay.certificate.gate`: shares of kinds of text, by
   :mod:`~tasks.replay.certificate.differences` from what chance makes of the same documents.
3. :mod:`~tasks.replay.certificate.divergences`, :mod:`~tasks.replay.certificate.two_sample`,
   :mod:`~tasks.replay.certificate.cross_perplexity`: printed beside, with floors; none of them
   judges.
4. :mod:`~tasks.replay.certificate.verdict`: one sentence by a rule.

Functions of texts and seeds. The same texts give the same certificate, in whatever order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.certificate import Certificate, TextSet, rounded
from schemas.errors import ConfigError
from tasks import version
from tasks.replay.certificate import cross_perplexity, divergences, two_sample, verdict
from tasks.replay.certificate import texts as t
from tasks.replay.certificate.gate import Sides, gates, has
from tasks.replay.certificate.texts import How, Texts, Tokenizer, Whole
from tasks.replay.certificate.verdict import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.replay.certificate.gate import Found
    from tasks.replay.certificate.texts import Measured

__all__ = ["How", "Texts", "Tokenizer", "Whole", "certified"]

FEW_TOKENS: Final = 100_000
"""Below so many a side, the divergence of hashed pairs of words is noise."""
BY_CHARACTERS: Final = "characters / 4"


def certified(
    shard: Texts,
    reference: Texts,
    *,
    random: Texts | None = None,
    pool: Texts | None = None,
    how: How = How(),  # noqa: B008  (immutable)
) -> Certificate:
    """Return the certificate of a shard.

    ``random`` is a random draw of the pool to print beside. Of ``pool``, sources are learnt; it
    needs ``sources``, and without it the gate goes by clusters. Raises :class:`ConfigError` for a
    side without text; a reference that is too small gets a certificate that says so, and no
    verdict.
    """
    sides = _measured(shard, reference, random, pool, how)
    by_labels, by_clusters, warnings = gates(sides, how)
    seen = _seen(by_labels, by_clusters)
    found = verdict.verdict(seen)
    splits = t.splits(sides.shard, sides.reference, sides.random, how)
    one, other, own, drawn = divergences.parts(sides, splits[0])
    beside = divergences.divergences(sides, splits)
    halved = beside is not None
    names = dict(zip(("shard", "reference"), how.names, strict=True))
    return Certificate(
        openmoat=version.installed(),
        verdict=found,
        sentence=verdict.sentence(seen, found, how.names, how.provenance),
        warnings=(*warnings, *_warnings(sides, beside.tokens if beside else 0)),
        provenance=how.provenance,
        shard=_told(sides.shard, names["shard"]),
        reference=_told(sides.reference, names["reference"]),
        random=sides.random and _told(sides.random, "random draw"),
        pool=sides.pool and _told(sides.pool, "pool"),
        tokens_by=BY_CHARACTERS if how.tokenizer is None else how.tokenizer.name,
        seed=how.seed,
        most_tokens=how.most_tokens,
        labels=by_labels and by_labels.gate,
        clusters=by_clusters.gate,
        divergences=beside,
        two_sample=two_sample.two_sample(own, one, other, drawn, how) if halved else None,
        cross_perplexity=(
            cross_perplexity.cross_perplexity(own, (one, other), drawn) if halved else None
        ),
        lengths=divergences.lengths(sides),
    )


def _measured(
    shard: Texts, reference: Texts, random: Texts | None, pool: Texts | None, how: How
) -> Sides:
    most = how.most_tokens
    own, other = (t.measured(some, how, most_tokens=2 * most) for some in (shard, reference))
    for side, name in ((own, how.names[0]), (other, how.names[1])):
        if not side.side.size:
            raise ConfigError(
                name,
                got="no text",
                wanted="documents to compare",
                way_out="Name a file that holds some.",
            )
    drawn = None if random is None else t.measured(random, how, most_tokens=most)
    learnt = None
    if pool is not None:  # its tokens count for nothing, and it has most of them
        rough = how._replace(tokenizer=None)
        learnt = t.measured(pool, rough, most_tokens=4 * most, by_source=True)
    return Sides(own, other, _some(drawn), _some(learnt))


def _some(side: Measured | None) -> Measured | None:
    return side if side is not None and side.side.size else None


def _seen(by_labels: Found | None, by_clusters: Found) -> Seen:
    gate = by_clusters.gate
    n_eff = (gate.n_eff_shard, gate.n_eff_reference)
    return Seen(n_eff, by_labels and by_labels.difference, by_clusters.difference)


def _told(side: Measured, name: str) -> TextSet:
    return TextSet(
        name=name,
        documents=side.whole.documents,
        characters=side.whole.characters,
        digest=side.whole.digest,
        sampled_documents=int(side.side.documents.max()) + 1,
        sampled_tokens=side.tokens,
        n_eff=rounded(side.n_eff) or 0.0,
    )


def _warnings(sides: Sides, tokens: int) -> Iterator[str]:
    if not tokens:
        yield "The reference cannot be halved: no figure has a floor, so none is given."
    elif tokens < FEW_TOKENS:
        yield (
            f"Distances are of {tokens:,} tokens a side, for which the reference has to be halved: "
            f"below {FEW_TOKENS:,}, those of words say little."
        )
    same = int(has(sides.reference.hashes, sides.shard.hashes).sum())
    if same:
        yield (
            f"The shard has {same:,} of {sides.reference.side.size:,} passages of the reference "
            "itself: it is nearer to it than to the rest of the original."
        )
    if sides.pool is not None and sides.pool.sources is None:
        yield "The pool's sources are not known: shares are by clusters."
