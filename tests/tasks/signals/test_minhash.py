"""Sketches against datasketch called plainly, and what they estimate against the exact figure."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from operator import eq
from typing import Any

import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from schemas import columns as c
from schemas.config import SignalsConfig
from tasks.shingles import shingles
from tasks.signals.minhash import minhash
from tasks.signals.minhash.library import SHINGLES_AT_ONCE, band_keys, compact, hashes
from tasks.sketches import likeness
from tests.real_data import real_texts
from tests.tasks.signals.texts import ANY_TEXT, real_documents

CONFIG = SignalsConfig()
SENTENCE = (
    "The moat keeps what the castle already knows, while the garden outside grows new things."
)


def measured(*texts: str, config: SignalsConfig = CONFIG) -> list[tuple[list[int], bytes]]:
    """Return bands and sketch of each text."""
    frame = minhash(pa.array(texts, pa.large_string()), config)
    return list(zip(*frame.to_dict(as_series=False).values(), strict=True))


def sketches(*texts: str, config: SignalsConfig = CONFIG) -> list[bytes]:
    """Return the sketch of each text."""
    return [sketch for _, sketch in measured(*texts, config=config)]


def reference(text: str, config: SignalsConfig = CONFIG) -> tuple[Any, Any]:
    """Band keys and sketch of one text, by a sketcher of its own, one shingle after the other."""
    pieces = set(hashes(text, config))
    sketcher = MinHash(
        num_perm=config.minhash_bands * config.minhash_rows,
        seed=config.minhash_seed,
        hashfunc=int,
        scheme="affine32",
    )
    for piece in pieces:
        sketcher.update(piece)
    values = sketcher.digest().tolist()
    return (band_keys(values, config.minhash_rows), compact(values)) if pieces else (None, None)


def agreement(left: bytes, right: bytes) -> float:
    """Estimate the Jaccard similarity."""
    return float(likeness(len(left))[sum(map(eq, left, right))])


@given(
    st.lists(ANY_TEXT, max_size=4),
    st.builds(
        SignalsConfig,
        minhash_engine=st.sampled_from(("kernel", "datasketch")),
        shingle_words=st.integers(1, 6),
        shingle_characters=st.none() | st.integers(1, 9),
        minhash_bands=st.integers(1, 9),
        minhash_rows=st.integers(1, 5),
        minhash_seed=st.integers(0, 9),
    ),
)
def test_equals_plain_datasketch_on_any_text(texts: list[str], config: SignalsConfig) -> None:
    # With something behind them: the last bytes of all are read in another way.
    found = measured(*texts, "A last text " * 4, config=config)
    assert found[:-1] == measured(*texts, config=config)
    assert found[:-1] == [reference(text, config) for text in texts]


def test_equals_plain_datasketch_on_real_documents() -> None:
    texts = [text[:20_000] for text in real_documents()[::9]]
    assert measured(*texts) == [reference(text) for text in texts]


def test_a_document_of_many_batches_equals_plain_datasketch() -> None:
    for n in (SHINGLES_AT_ONCE - 1, SHINGLES_AT_ONCE, SHINGLES_AT_ONCE + 1, 4_090, 9_000):
        text = " ".join(f"w{i}" for i in range(n + 4))
        assert measured(text) == [reference(text)]


def test_the_same_shingles_make_the_same_sketch() -> None:
    shouted = SENTENCE.upper().replace(" ", "\n -- ")
    repeated = "one two three four five " * 3 + "one two three four"
    once = "one two three four five " + "one two three four"
    assert measured(SENTENCE) == measured(shouted)
    assert set(shingles(repeated, 5)) == set(shingles(once, 5))
    assert measured(repeated) == measured(once)


def test_a_text_without_words_has_neither_bands_nor_sketch() -> None:
    frame = minhash(pa.array(["", " \n", "?!", "word"], pa.large_string()), CONFIG)
    assert frame[c.MINHASH_BANDS].is_null().to_list() == [True, True, True, False]
    assert frame[c.MINHASH_SKETCH].is_null().to_list() == [True, True, True, False]


def test_band_keys_tell_bands_apart_and_follow_their_rows() -> None:
    config = SignalsConfig(minhash_bands=6, minhash_rows=2)
    (bands, sketch), (other_bands, other_sketch) = measured(
        SENTENCE, SENTENCE + " And more.", config=config
    )
    rows, other_rows = ([s[i : i + 2] for i in range(0, 12, 2)] for s in (sketch, other_sketch))
    assert len(set(bands)) == 6
    assert [a == b for a, b in zip(bands, other_bands, strict=True)] == [
        a == b for a, b in zip(rows, other_rows, strict=True)
    ]


def test_the_same_values_in_two_bands_make_two_keys() -> None:
    one, other = band_keys([7, 7, 7, 7], 2)
    assert one != other
    assert band_keys([7, 7, 8, 7], 2)[0] == one


def test_the_estimate_is_near_the_exact_similarity_on_real_near_duplicates() -> None:
    texts = real_texts("dolma/documents/legal/part-00000.jsonl.gz", 400)
    results, meetings = measured(*texts), defaultdict(list)
    for row, (bands, sketch) in enumerate(results):
        for key in bands if sketch else ():
            meetings[key].append(row)
    pairs = sorted({pair for rows in meetings.values() for pair in combinations(rows, 2)})[:300]
    sets = [set(shingles(text, 5)) for text in texts]
    exact = [len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs]
    errors = [
        agreement(results[a][1], results[b][1]) - true
        for (a, b), true in zip(pairs, exact, strict=True)
    ]
    assert len([true for true in exact if true < 1]) > 50
    assert max(map(abs, errors)) < 0.2
    assert sum(map(abs, errors)) / len(errors) < 0.05


@pytest.mark.parametrize("seed", [0, 2])
def test_another_seed_makes_another_sketch(seed: int) -> None:
    assert sketches(SENTENCE) != sketches(SENTENCE, config=SignalsConfig(minhash_seed=seed))


def test_golden_sketch() -> None:
    [(bands, sketch)] = measured(SENTENCE)
    assert len(bands) == 18
    assert len(sketch) == 108
    assert xxhash.xxh3_128_hexdigest(sketch) == "3e0adf47cf1a35e80a6b0e5b527eadc1"
    assert bands[0] == 11_432_615_291_376_546_308
