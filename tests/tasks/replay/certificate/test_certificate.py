"""Certificates of real documents: what is the same, what lacks a fifth, and what is too little."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from schemas.certificate import Certificate
from schemas.errors import ConfigError
from tasks.replay.certificate import How, certified
from tests.tasks.replay.certificate.made import (
    KINDS,
    POOL,
    REFERENCE,
    SHARD,
    documents,
    of,
    texts,
    turned,
)
from tests.tasks.signals.kernels import imports_numba

if TYPE_CHECKING:
    from tasks.replay.certificate import Texts

HOW = How(names=("shard", "held out"), most_tokens=400_000)


def langs(some: Texts) -> Texts:
    assert some.sources is not None
    return some._replace(langs=["py" if kind == "code" else "en" for kind in some.sources])


@cache
def same() -> Certificate:
    shard, reference = langs(texts(SHARD)), langs(texts(REFERENCE))
    drawn = langs(texts(POOL, ("news", "science"), 300))  # all that the pool has of these
    return certified(shard, reference, random=drawn, pool=texts(POOL), how=HOW)


@cache
def lacking(*, labelled: bool, pooled: str | None = None) -> Certificate:
    """Return a certificate of a shard without a fifth of the reference."""
    kinds = [kind for kind in KINDS if kind != "docs"]
    pool = texts(POOL, KINDS if pooled else kinds) if labelled else None
    return certified(texts(SHARD, kinds, 165), texts(REFERENCE), pool=pool, how=HOW)


def test_other_documents_of_the_same_kinds_are_not_told_apart() -> None:
    found = same()
    assert found.verdict == "indistinguishable"
    assert "at this size" in found.sentence
    assert found.labels is not None
    assert any("news, science" in warning for warning in found.warnings)
    assert found.labels.accuracy is not None
    assert found.labels.accuracy > 0.8
    assert {share.name for share in found.labels.shares} == set(KINDS)
    assert sum(share.shard for share in found.labels.shares) == pytest.approx(1, abs=1e-4)
    assert min(found.labels.n_eff_shard, found.labels.n_eff_reference) > 400


def test_figures_stand_beside_their_floor_and_the_random_draw() -> None:
    found = same()
    assert found.divergences is not None
    for figure in (found.divergences.js, found.divergences.kl, found.divergences.length_ks,
                   found.divergences.language_tv):  # fmt: skip
        assert figure.value is not None
        assert figure.floor is not None
        assert figure.random is not None
        assert figure.ratio is not None
        assert figure.ratio == pytest.approx(figure.value / figure.floor, rel=1e-4)
    js = found.divergences.js
    assert js.ratio is not None
    assert js.random is not None
    assert js.floor is not None
    assert js.ratio < 1.3 < js.random / js.floor
    assert found.divergences.unigram_js.value is None  # no tokenizer was given
    surprise = found.cross_perplexity
    assert surprise is not None
    assert surprise.gap is not None
    assert surprise.gap_random is not None
    assert surprise.gap < 0.1 < surprise.gap_random
    assert found.labels is not None
    assert found.labels.corrected_random is not None
    assert found.labels.corrected_random > 0.3


def test_passages_of_the_same_kinds_cannot_be_told_and_others_can() -> None:
    found = same().two_sample
    assert found is not None
    assert found.auc.value is not None
    assert found.auc.random is not None
    assert found.auc.value < 0.6
    assert found.auc.random > 0.75
    away = lacking(labelled=False).two_sample
    assert away is not None
    words = {word.text for word in away.of_the_reference}
    assert words & {"ref", "class", "func", "mod", "module", "python", "the", "data"}
    assert all(word.reference > word.shard for word in away.of_the_reference)


@pytest.mark.parametrize("labelled", [False, True])
def test_a_fifth_missing_is_never_indistinguishable(labelled: bool) -> None:  # noqa: FBT001
    found = lacking(labelled=labelled)
    assert found.verdict in {"close", "different"}
    assert found.clusters is not None
    assert found.clusters.uncovered.value is not None
    assert found.clusters.uncovered.value > 0.08


def test_a_fifth_missing_that_the_pool_has_is_named() -> None:
    found = lacking(labelled=True, pooled="docs")
    assert found.verdict == "different"
    assert found.labels is not None
    shares = {share.name: share for share in found.labels.shares}
    assert shares["docs"].reference > 0.15
    assert shares["docs"].shard < 0.05


def test_the_same_texts_in_another_order_are_the_same_bytes() -> None:
    how = HOW._replace(most_tokens=50_000)
    sides = [texts(SHARD, each=40), texts(REFERENCE, each=40), texts(POOL, each=40)]
    bodies = []
    for seed in (None, 1):
        shard, reference, pool = [s if seed is None else turned(s, seed) for s in sides]
        found = certified(shard, reference, random=pool, pool=pool, how=how)
        bodies.append(found.model_dump_json())
    assert bodies[0] == bodies[1]
    assert Certificate.model_validate_json(bodies[0]).seed == 0
    other = certified(sides[0], sides[1], how=how._replace(seed=5))
    assert other.shard.digest == found.shard.digest


def test_of_a_reference_of_twelve_documents_there_is_no_verdict() -> None:
    found = certified(texts(SHARD, each=60), texts(REFERENCE, ("news",), 12), how=HOW)
    assert found.verdict == "none"
    assert "140 effective documents" in found.sentence
    assert any("say little" in warning for warning in found.warnings)


def test_one_document_has_no_floor() -> None:
    found = certified(texts(SHARD, ("news",), 30), of(documents()["news"][:1]), how=HOW)
    assert (found.verdict, found.divergences, found.two_sample) == ("none", None, None)
    assert any("cannot be halved" in warning for warning in found.warnings)


def test_a_reference_compared_with_itself_says_so() -> None:
    some = texts(REFERENCE, each=60)
    found = certified(some, some, how=HOW)
    assert any("of the reference itself" in warning for warning in found.warnings)
    assert found.clusters is not None
    assert (found.clusters.tv.value, found.clusters.p) == (0, 1)
    assert found.cross_perplexity is None  # nothing is held out


def test_a_target_in_a_language_that_the_pool_lacks_is_different() -> None:
    said = "Die Verordnung Nummer {} regelt die Anwendung der Vorschriften im Bereich {}. "
    german = [said.format(i, i % 7) * 12 for i in range(400)]
    reference = of(german)._replace(langs=["de"] * len(german))
    shard = langs(texts(SHARD, each=80))
    found = certified(shard, reference, pool=texts(POOL, each=60), how=HOW)
    assert found.verdict in {"different", "close"}
    assert found.divergences is not None
    assert found.divergences.language_tv.value == pytest.approx(1)
    assert found.clusters is not None
    assert found.clusters.uncovered.value is not None
    assert found.clusters.uncovered.value > 0.9


def test_sources_of_few_documents_are_named_and_not_told_apart() -> None:
    pool = texts(POOL, each=40)
    assert pool.sources is not None
    sources = ["rare" if i < 4 else kind for i, kind in enumerate(pool.sources)]
    found = certified(
        texts(SHARD, each=40), texts(REFERENCE, each=40), pool=pool._replace(sources=sources),
        how=HOW,
    )  # fmt: skip
    assert any("rare" in warning for warning in found.warnings)
    assert found.labels is not None
    assert "rare" not in {share.name for share in found.labels.shares}


def test_without_sources_of_the_pool_clusters_judge() -> None:
    pool = texts(POOL, each=40)._replace(sources=None)
    found = certified(texts(SHARD, each=40), texts(REFERENCE, each=40), pool=pool, how=HOW)
    assert found.labels is None
    assert any("not known" in warning for warning in found.warnings)


@pytest.mark.parametrize("empty", [[], [""]])
def test_an_empty_side_is_refused(empty: list[str]) -> None:
    for sides in ((of(empty), texts(SHARD, each=5)), (texts(SHARD, each=5), of(empty))):
        with pytest.raises(ConfigError, match="no text"):
            certified(*sides, how=HOW)


def test_importing_the_package_imports_no_compiler() -> None:
    assert not imports_numba("tasks.replay.certificate")
