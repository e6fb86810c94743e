"""A certificate as sections: the verdict, shares, distances with floors, what gives it away."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from schemas.section import Bars, Panel, Section, Strip, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.certificate import (
        Certificate,
        CrossPerplexity,
        Figure,
        Gate,
        Lengths,
        Share,
        Shared,
        TwoSample,
    )

PARTS: Final = 5
"""Kinds of text that a chart tells apart: the page has as many colours."""
SHOWN: Final = 12
REST: Final = "all others"
FIGURES: Final = ("shard", "floor", "ratio", "random draw")
LABELS: Final = (
    "Shares of tokens by source, told by a classifier that was learnt on the pool{right}. TV* is "
    "what is left of their total variation (TV) when what chance makes of the same documents is "
    "taken away."
)
CLUSTERS: Final = (
    "Shares of tokens in clusters of both sides together: kinds of text, whatever their source."
)
DISTANCES: Final = (
    "Floor: the same between halves of the reference, as large as what is compared. At a ratio of "
    "1 the shard is as near as the reference is to itself. None of these judges."
)
TOLD: Final = (
    "A classifier that tells passages of the shard from those of the reference, on documents that "
    "it has not seen; .5 is chance. It does not judge, but names what gives the shard away: how "
    "often in a million words."
)
SURPRISE: Final = (
    "Held-out text of the reference under trigram models of as much text of each side; the floor "
    "is the model of the reference's other documents."
)
LENGTHS: Final = "Passages by tokens: up to 4,000 characters of a document."


def sections(certificate: Certificate) -> Iterator[Section]:
    """Yield what a page and the terminal show of a certificate."""
    yield Section("Certificate", _opening(certificate), _sides(certificate))
    for gate in (certificate.labels, certificate.clusters):
        if gate is not None:
            yield from _gate(gate)
    if certificate.divergences is not None:
        yield Section("Distances", DISTANCES, _distances(certificate))
    if certificate.cross_perplexity is not None:
        yield _surprise(certificate.cross_perplexity)
    if certificate.two_sample is not None:
        yield _told(certificate.two_sample)
    if certificate.lengths is not None:
        yield Section("Lengths", LENGTHS, panels=(_panel(certificate.lengths),))
    if certificate.shared:
        yield from _shared(certificate.shared)


def _opening(certificate: Certificate) -> str:
    looked = (
        f"Up to {certificate.most_tokens:,} tokens a side are looked at (by "
        f"{certificate.tokens_by}), whole documents by seed {certificate.seed}."
    )
    return " ".join([certificate.sentence, *certificate.warnings, looked])


def _sides(certificate: Certificate) -> Table:
    rows = []
    told = (
        ("shard", certificate.shard),
        (f"reference ({certificate.provenance})", certificate.reference),
        ("random draw", certificate.random),
        ("pool", certificate.pool),
    )
    for name, side in told:
        if side is not None:
            facts = (side.documents, side.characters, side.sampled_documents, side.sampled_tokens)
            rows.append((name, side.name, *facts, round(side.n_eff)))
    header = ("side", "name", "documents", "characters", "looked at", "tokens of these", "n_eff")
    return Table(header, tuple(rows))


def _gate(gate: Gate) -> Iterator[Section]:
    by_labels = gate.by == "labels"
    title = "Shares of sources" if by_labels else "Shares of clusters"
    facts = (
        f"TV {gate.tv.value:.3f} (chance: {gate.tv.floor or 0:.3f}"
        f"{_drawn(gate.tv.random)}), TV* {gate.corrected:.3f}, p {gate.p:.2f} of "
        f"{gate.permutations} permutations by document; {gate.tokens:,} tokens a side, n_eff "
        f"{gate.n_eff_shard:,.0f} and {gate.n_eff_reference:,.0f}. A difference of "
        f"{gate.could_have_seen:.3f} would have been seen in 19 of 20 draws. Of the reference, "
        f"{100 * (gate.uncovered.value or 0):.1f} % is in kinds that the shard has less than a "
        f"quarter of (chance: {100 * (gate.uncovered.floor or 0):.1f} %)."
    )
    right = "" if gate.accuracy is None else f" (right about {100 * gate.accuracy:.0f} % of it)"
    about = f"{LABELS.format(right=right) if by_labels else CLUSTERS} {facts}"
    shown = _few(gate.shares, SHOWN)
    rows = tuple((s.name, 100 * s.reference, 100 * s.shard, _percent(s.random)) for s in shown)
    table = Table(("kind", "reference, %", "shard, %", "random draw, %"), rows)
    yield Section(title, about, table, _bars(gate.shares))


def _drawn(value: float | None) -> str:
    return "" if value is None else f"; random draw: {value:.3f}"


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _few(shares: Sequence[Share], most: int) -> list[Share]:
    """Return so many shares at most, the last one all others."""
    if len(shares) <= most:
        return list(shares)
    kept, rest = list(shares[: most - 1]), shares[most - 1 :]
    drawn = [s.random for s in rest if s.random is not None]
    other = rest[0].model_copy(
        update={
            "name": REST,
            "reference": sum(s.reference for s in rest),
            "shard": sum(s.shard for s in rest),
            "random": sum(drawn) if drawn else None,
        }
    )
    return [*kept, other]


def _bars(shares: Sequence[Share]) -> Bars:
    few = _few(shares, PARTS)
    rows = [
        ("reference", tuple(100 * s.reference for s in few)),
        ("shard", tuple(100 * s.shard for s in few)),
    ]
    if all(s.random is not None for s in few):
        rows.append(("random draw", tuple(100 * (s.random or 0.0) for s in few)))
    return Bars("%", tuple(s.name for s in few), tuple(rows))


def _distances(certificate: Certificate) -> Table:
    found = certificate.divergences
    assert found is not None  # noqa: S101  (asked before)
    names = {
        "JS of words and pairs, bits": found.js,
        "KL of words and pairs, bits": found.kl,
        "JS of the tokenizer's tokens, bits": found.unigram_js,
        "TV of languages": found.language_tv,
        "KS of lengths": found.length_ks,
        "Wasserstein of lengths, tokens": found.length_wasserstein,
    }
    rows = [(name, *_cells(figure)) for name, figure in names.items() if figure.value is not None]
    return Table((f"at {found.tokens:,} tokens a side", *FIGURES), tuple(rows))


def _cells(figure: Figure) -> tuple[str | None, ...]:
    return tuple(
        None if value is None else f"{value:.4g}"
        for value in (figure.value, figure.floor, figure.ratio, figure.random)
    )


def _surprise(found: CrossPerplexity) -> Section:
    rows = (
        ("nats a word", *_cells(found.nats_per_word)),
        ("nats a byte", *_cells(found.nats_per_byte)),
    )
    gap = "" if found.gap is None else f" The gap is {found.gap:+.3f} nats a word"
    drawn = "" if found.gap_random is None else f", the random draw's {found.gap_random:+.3f}"
    text = f"{SURPRISE}{gap}{drawn}{'.' if gap else ''}"
    header = (f"at {found.tokens:,} tokens a side", *FIGURES)
    return Section("Held-out text", text, Table(header, rows))


def _told(found: TwoSample) -> Section:
    if found.auc.value is None:
        area = "There are too few documents for an AUC."
    else:
        # A floor is another draw of the same thing here, and a ratio of areas says nothing.
        beside = (
            "" if found.auc.floor is None else f"; the reference's halves {found.auc.floor:.3f}"
        )
        drawn = _drawn(found.auc.random)
        area = f"AUC {found.auc.value:.3f} ({found.low:.3f} to {found.high:.3f}{beside}{drawn})."
    rows = tuple(
        (
            *((one.text, round(one.shard), round(one.reference)) if one else (None,) * 3),
            *((two.text, round(two.shard), round(two.reference)) if two else (None,) * 3),
        )
        for one, two in zip_longest(found.of_the_shard, found.of_the_reference)
    )
    header = ("more in the shard", "shard", "reference", "more in the reference", "shard",
              "reference")  # fmt: skip
    return Section("What gives the shard away", f"{TOLD} {area}", Table(header, rows))


def _panel(found: Lengths) -> Panel:
    sides = {"reference": found.reference, "shard": found.shard, "random draw": found.random}
    known = {name: heights for name, heights in sides.items() if heights is not None}
    top = max(max(heights) for heights in known.values()) or 1.0
    last = found.edges[-1]
    strips = tuple(
        Strip(
            label=name,
            heights=tuple(h / top for h in heights),
            figure="",
            said=f"{name}: share of passages by tokens",
        )
        for name, heights in known.items()
    )
    return Panel(
        title="Passages by tokens",
        text="share of passages",
        edges=tuple(edge / last for edge in found.edges),
        kept=(0, len(found.edges) - 1),
        limits=(),
        ends=("0", f"{last:,}"),
        strips=strips,
    )


def _shared(found: Sequence[Shared]) -> Iterator[Section]:
    header = ("with", "documents of the shard with a match", "of", "documents matched", "of",
              "exact pairs", "near pairs")  # fmt: skip
    rows = tuple(
        (s.right, s.left_matched, s.left_documents, s.right_matched, s.right_documents,
         s.exact_pairs, s.near_pairs)
        for s in found
    )  # fmt: skip
    text = f"Near: Jaccard similarity of {found[0].threshold:g} or more."
    yield Section("Near-duplicates", text, Table(header, rows))
    pairs = tuple((p.left, s.right, p.right, f"{p.similarity:.3f}") for s in found for p in s.pairs)
    if pairs:
        yield Section(
            "Likest pairs", "", Table(("of the shard", "set", "of it", "similarity"), pairs)
        )
