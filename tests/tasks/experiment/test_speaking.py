"""What is said of continuations: how varied they are, and in which language."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.experiment import Continuation, Speech, Spoken
from tasks.experiment.speaking import distinct
from tasks.report import speaking


def test_distinct_n_by_hand() -> None:
    texts = ["a b a b", "a b"]
    assert distinct(texts, 1) == 2 / 6
    assert distinct(texts, 2) == 2 / 4  # "a b" three times, "b a"; none across two texts
    assert distinct(["a"], 2) == 0.0


@given(st.lists(st.text("ab ", max_size=20), max_size=5), st.integers(1, 3))
def test_distinct_n_is_a_share_and_repeating_a_text_does_not_raise_it(
    texts: list[str], n: int
) -> None:
    found = distinct(texts, n)
    assert 0.0 <= found <= 1.0
    assert distinct(texts * 2, n) <= found


def test_the_same_beginning_stands_above_all_models() -> None:
    def speech(name: str, lang: str) -> Speech:
        each = tuple(
            Continuation(source=source, prompt=f"begin {i}", text=f"{name} {i}", lang=lang)
            for i, source in enumerate(["wiki"] * 4 + ["code"] * 3)
        )
        return Speech(model=name, languages={lang: 1.0}, distinct=(1.0, 1.0, 1.0),
                      continuations=each)  # fmt: skip

    spoken = Spoken(prompt_tokens=2, length=2, real=speech("real", "en"),
                    speeches=(speech("before", "en"), speech("none", "de")))  # fmt: skip
    pairs = list(speaking._beside(spoken))
    assert [pair.title for pair in pairs] == ["wiki", "wiki", "code", "code"]
    assert pairs[2].text == "begin 4 …"
    assert [one.pieces[0][1] for one in pairs[2].excerpts] == ["before 4", "none 4"]
    assert speaking._row(spoken.speeches[1])[:4] == ("none", "0%", "100%", "0%")
