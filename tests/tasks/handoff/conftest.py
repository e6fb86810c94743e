from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.steps import handoff
from tests import corpora
from tests.mixtures import Document, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Made = Callable[..., Path]


def documents(name: str, n: int, *, chat: bool = True, text: bool = True) -> list[Document]:
    """Return replay and new text, and conversations of various lengths."""
    found = []
    for i in range(n):
        words = 8 + 7 * (i % 5)
        if text and (i % 3 or not chat):
            found.append(Document(f"{name}-text", corpora.prose((name, i), words), i % 2 == 0))
        elif chat:
            found.append(Document(f"{name}-chat", turns(f"{name}-{i}", words), loss_weight=0.25))
    return found


def turns(seed: str, words: int) -> list[dict[str, str]]:
    """Return a conversation of two questions and two answers."""
    roles = ("user", "assistant") * 2
    return [
        {"role": role, "content": corpora.prose((seed, i), words).replace("\n", " ")}
        for i, role in enumerate(roles)
    ]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a run's folder with a mixture of some format, and what is handed over with it."""
    found: dict[Any, Path] = {}

    def make(row_format: str, row_tokens: int | None = None, **kinds: bool) -> Path:
        key = (row_format, row_tokens, *sorted(kinds.items()))
        if key not in found:
            out = tmp_path_factory.mktemp(row_format)
            splits = {
                "train": documents("a", 90, **kinds),
                "validation": documents("b", 9, **kinds),
            }
            written(out, splits, row_format=row_format, row_tokens=row_tokens)  # type: ignore[arg-type]
            handoff.write_card.fn(str(out))
            found[key] = out
        return found[key]

    return make
