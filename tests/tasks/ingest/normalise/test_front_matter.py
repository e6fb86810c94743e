from __future__ import annotations

import json

import pytest

from schemas.normalisation import NormaliseConfig
from tasks.ingest.normalise import normalise
from tasks.ingest.normalise.front_matter import with_front_matter
from tests.real_data import real_texts

CONFIG = NormaliseConfig(front_matter=True)


def test_front_matter_is_taken_out_and_kept() -> None:
    raw = "---\r\ntitle: A\ndate: 2024-05-01\n---\r\n\r\nBody --- text\n---\nmore\n"
    found = normalise(raw, CONFIG)
    assert found.text == "Body --- text\n---\nmore\n"
    assert found.changes == {"front_matter": len(raw.replace("\r", "")) - len(found.text)}
    kept = json.loads(with_front_matter('{"id": 7}', found.front_matter) or "")
    assert kept == {"id": 7, "front_matter": {"title": "A", "date": "2024-05-01"}}


def test_nothing_is_lost_where_several_stand_or_the_name_is_taken() -> None:
    found = normalise("---\na: 1\n---\n---\na: 2\n---\nBody", CONFIG)
    assert found.text == "Body"
    kept = json.loads(with_front_matter('{"front_matter": 0}', found.front_matter) or "")
    assert kept == {"front_matter": 0, "front_matter_": [{"a": 1}, {"a": 2}]}
    assert with_front_matter(None, ()) is None
    assert with_front_matter('{"b": 1}', ()) == '{"b": 1}'


@pytest.mark.parametrize(
    "raw",
    [
        "---\nno mapping\n---\nBody",
        "---\na: [1\n---\nBody",
        "---\na: 1\nBody without an end",
        "Body\n---\na: 1\n---\n",
        f"---\na: {1 << 70}\n---\nBody",  # no number of JSON's
        '---\na: "\\ud800"\n---\nBody',  # half a character
        "---\na: &x [1]\nb: *x\n---\nBody",
    ],
)
def test_what_cannot_be_kept_stays_text(raw: str) -> None:
    assert normalise(raw, CONFIG) == (raw, {}, ())


def test_german_laws_lose_only_their_front_matter() -> None:
    texts = [normalise(text).text for text in real_texts("german/laws/part-00000.jsonl.gz")]
    found = [normalise(text, CONFIG) for text in texts]
    assert sum(bool(f.front_matter) for f in found) == sum(t.startswith("---\n") for t in texts)
    for text, new in zip(texts, found, strict=True):
        assert text.endswith(new.text)
        assert len(text) == len(new.text) + new.changes.get("front_matter", 0)
        assert all("Title" in front or "title" in front for front in new.front_matter)
