"""What is known of bases: every fact with its source, and names found as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.bases import Base, alike, bases, find, nearest
from schemas.published import published
from schemas.shipped import names

ROOT = Path(__file__).parents[2]


def made(**changes: Any) -> Base:
    fact = {"says": "So.", "source": "this test", "verified": True}
    whole = {
        "name": "made-up",
        "title": "Made up",
        "ids": ["me/made-up"],
        "model_types": ["made"],
        "vocab_sizes": [10],
        "mixture": {"status": "unknown", **fact},
        "tokenizer": {"kind": "byte-level BPE", "merges": True, **fact},
        "context": {"tokens": 10, **fact},
        "license": fact,
    }
    return Base.model_validate(whole | changes)


@pytest.mark.parametrize("base", bases(), ids=lambda base: base.name)
def test_every_shipped_base_is_found_by_its_ids_and_its_mixture_is_shipped(base: Base) -> None:
    assert base.name in names("models")
    for one in (*base.ids, *base.aliases, base.name):
        assert find(one) == (base, False)
    for one in base.chat_ids:
        assert find(one) == (base, True)
    if base.mixture.name is not None:
        mixture = published(base.mixture.name)
        assert mixture.status == base.mixture.status
    if base.mixture.status == "estimated":
        assert not base.mixture.verified


def test_the_file_names_the_base() -> None:
    assert [base.name for base in bases()] == names("models")


def test_no_two_bases_have_one_id() -> None:
    every = [one.lower() for base in bases() for one in (*base.ids, *base.chat_ids, *base.aliases)]
    assert sorted(every) == sorted(set(every))


@pytest.mark.parametrize(
    ("name", "base", "chat"),
    [
        ("allenai/OLMo-2-1124-7B", "olmo-2", False),
        ("OLMO-2-1124-7b", "olmo-2", False),
        ("olmo2", "olmo-2", False),
        ("gpt2", "gpt-2", False),
        ("EleutherAI/pythia-1.4b-deduped", "pythia", False),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3", True),
        ("Qwen/Qwen3-8B", "qwen-3", True),
        ("microsoft/phi_2", "phi", False),
    ],
)
def test_names_as_people_write_them(name: str, base: str, *, chat: bool) -> None:
    found = find(name)
    assert found is not None
    assert (found.base.name, found.chat) == (base, chat)


def test_strangers_are_not_found_but_the_nearest_are_named() -> None:
    assert find("allenai/OLMo-9") is None
    assert find("") is None
    assert "mistralai/Mistral-7B-v0.1" in nearest("mistralai/Mistral-7B-v0.2")
    assert nearest("~~~~") == []


def test_a_config_may_be_that_of_one_base_or_of_several() -> None:
    assert [b.name for b in alike("olmo2", 100352)] == ["olmo-2"]
    assert {"llama-1", "llama-2", "tinyllama"} <= {b.name for b in alike("llama", 32000)}
    assert alike("llama", 7) == []
    assert alike(None, 32000) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ids": []}, "at least 1 item"),
        ({"context": {"tokens": 0, "says": "So.", "source": "x", "verified": True}}, "tokens"),
        ({"license": {"says": "MIT.", "verified": True}}, "source"),
        ({"license": {"says": "", "source": "x", "verified": True}}, "says"),
        ({"size": 7}, "size"),
    ],
)
def test_a_fact_without_its_source_is_none(changes: dict[str, Any], said: str) -> None:
    assert made().name == "made-up"
    with pytest.raises(ValidationError, match=said):
        made(**changes)


def test_an_unknown_mixture_has_no_name() -> None:
    fact = {"says": "So.", "source": "x", "verified": False, "status": "unknown"}
    with pytest.raises(ValidationError, match="unknown has no name"):
        made(mixture={**fact, "name": "llama-1"})


def test_the_wheel_has_every_kind_of_shipped_file() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for kind in ("recipes", "mixtures", "models"):
        assert f'"data/{kind}" = "schemas/_shipped/{kind}"' in settings
        assert settings.count(f'"data/{kind}"') == 3
