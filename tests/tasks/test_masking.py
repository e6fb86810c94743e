"""Masks in the place of spans."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.masking import KINDS, MASKS, Kind, MaskingConfig, Style
from tasks import tokens
from tasks.ingest.items import excerpt
from tasks.masking import mask, mask_all
from tasks.signals import pii
from tests.real_data import real_data
from tests.tasks.signals.test_pii import FOUND, FRAMES, TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERYTHING = MaskingConfig(kinds=KINDS)
CONFIGS = st.builds(
    MaskingConfig,
    kinds=st.lists(st.sampled_from(KINDS), min_size=1).map(tuple),
    style=st.sampled_from(list(MASKS)),
)


def column(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def masked(*texts: str, config: MaskingConfig = EVERYTHING) -> list[str]:
    found: list[str] = mask_all(column(*texts), config, pii.spans)[0].to_pylist()
    return found


def span(start: int, end: int, kind: Kind) -> dict[str, Any]:
    return {"start": start, "end": end, "kind": kind}


def test_spans_of_the_recipes_kinds_are_replaced_and_counted() -> None:
    texts = column("漢 a@b.de, é", "nothing", "c@d.de e@f.de 91.50.44.33")
    spans = pa.array(
        [
            [span(2, 8, "email")],
            [],
            [span(0, 6, "email"), span(7, 13, "email"), span(14, 25, "ip")],
        ],
        pii.SPANS,
    )
    config = MaskingConfig(kinds=("email", "phone"))
    found, counts = mask(texts, pa.chunked_array([spans]), config)
    assert found.to_pylist() == ["漢 <EMAIL>, é", "nothing", "<EMAIL> <EMAIL> 91.50.44.33"]
    assert found.type == pa.large_string()
    email = [KINDS.index("email")]
    assert counts[:, email].ravel().tolist() == [1, 0, 2]
    assert counts.sum() == 3


def test_nothing_to_mask_is_the_same_column() -> None:
    for texts in (column(), column("a", ""), pa.chunked_array([], pa.large_string())):
        found, counts = mask_all(texts, EVERYTHING, pii.spans)
        assert found.equals(texts)
        assert (counts.shape, counts.any()) == ((len(texts), len(KINDS)), np.False_)


@pytest.mark.parametrize("style", list(MASKS))
@pytest.mark.parametrize("kind", KINDS)
def test_no_mask_is_found_again(style: Style, kind: Kind) -> None:
    words = (
        "",
        "Tel. ",
        "fax ",
        "password = ",
        "visa card ",
        "+1 ",
        "x@y.de/",
        "IBAN ",
        "version ",
    )
    texts = [frame.format(word + MASKS[style][kind]) for frame in FRAMES for word in words]
    config = MaskingConfig(kinds=KINDS, style=style)
    for text, once in zip(texts, masked(*texts, config=config), strict=True):
        assert once == text.replace("x@y.de/", MASKS[style]["email"] + "/")


@pytest.mark.parametrize(("kind", "what"), [(k, w) for k, some in FOUND.items() for w in some])
def test_nothing_is_left_of_what_is_masked(kind: Kind, what: str) -> None:
    texts = [frame.format(what) for frame in FRAMES]
    assert masked(*texts) == [frame.format(MASKS["tag"][kind]) for frame in FRAMES]


@settings(max_examples=300)
@given(st.lists(TEXTS, max_size=5), CONFIGS)
def test_masking_again_changes_nothing(texts: list[str], config: MaskingConfig) -> None:
    once, counts = mask_all(column(*texts), config, pii.spans)
    again, more = mask_all(once, config, pii.spans)
    assert again.to_pylist() == once.to_pylist()
    assert not more.any()
    kinds = {k for spans in pii.spans(once).to_pylist() for k in (s["kind"] for s in spans)}
    assert not kinds & set(config.kinds)
    changed = [a != b for a, b in zip(texts, once.to_pylist(), strict=True)]
    assert (counts.sum(axis=1) > 0).tolist() == changed


@given(st.lists(TEXTS, max_size=6), st.data())
def test_each_text_is_masked_by_itself(texts: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(texts)))
    chunks = pa.chunked_array([pa.array(t, pa.large_string()) for t in (texts[:at], texts[at:])])
    found, _ = mask_all(chunks, EVERYTHING, pii.spans)
    assert found.to_pylist() == [one for text in texts for one in masked(text)]


@pytest.mark.parametrize("what", [what for some in FOUND.values() for what in some])
def test_excerpts_of_rejects_hide_it_too(what: str) -> None:
    for frame in (*FRAMES, "x" * 40 + " {}", '{{"text": "{}", }}', "." * 180 + " {}" + " ?" * 700):
        shown = excerpt(frame.format(what))
        assert pii.spans(pa.array([shown], pa.large_string())).to_pylist() == [[]], shown
        pieces = [piece for piece in re.split(r"\W+", what) if len(piece) > 4]
        assert not any(piece in shown for piece in pieces), shown


def test_a_mask_that_frees_what_stood_beside_it_hides_that_too() -> None:
    assert masked("joe@mail.org/91.50.44.33") == ["<EMAIL>/<IP>"]
    only = MaskingConfig(kinds=("email",))
    assert masked("joe@mail.org/91.50.44.33", config=only) == ["<EMAIL>/91.50.44.33"]


def test_dolmas_masks_are_tokens_of_olmos_tokenizer() -> None:
    at = real_data() / "tokenizers/ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json"
    tokenizer = tokens.load(at.read_bytes(), where=str(at))
    masks = MASKS["dolma"]
    counts = tokens.count(tokenizer, [masks["email"], masks["phone"], masks["ip"]])
    assert counts == [1, 1, 1]
    known = {t["content"] for t in json.loads(at.read_bytes())["added_tokens"]}
    assert {masks["email"], masks["phone"], masks["ip"]} <= known


def test_every_style_masks_every_kind_and_no_two_alike() -> None:
    for masks in MASKS.values():
        assert set(masks) == set(KINDS)
        assert _all_different(list(masks.values()))


def _all_different(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values)
