"""The sources of a recipe that is drafted: where open text of each part of a mixture is read."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.published import OpenSource

WIDTH: Final = 96
"""Of lines of comment."""
DIGITS: Final = 6
POOL_FACTOR: Final = 20
"""Tokens that are read of a dataset with several parts, for each that is wanted of them."""
PROSE_FREE: Final = frozenset(
    ["github", "starcoder", "the-stack", "the-stack-markdown", "code", "algebraic-stack"]
)
"""Parts that are code: rules about prose are not for them."""


class Pool(NamedTuple):
    """What is read: parts with their share and place; what cannot be had, with its share and why.

    ``tokens``: of replay that are wanted in all, about.
    """

    had: Mapping[str, tuple[float, OpenSource]]
    lost: Mapping[str, tuple[float, str]]
    tokens: int

    @property
    def by_set(self) -> bool:
        """Whether some dataset holds several parts, which its records name."""
        return any(place.set_field for _, place in self.had.values())

    @property
    def prose_free(self) -> list[str]:
        """Names of the sources that are code."""
        return [called(n, place) for n, (_, place) in self.had.items() if n in PROSE_FREE]

    def shares(self) -> dict[str, float]:
        """Shares of what can be had, by the names that sources have; in all 1 to six digits."""
        total = sum(share for share, _ in self.had.values())
        found = {
            called(n, place): round(share / total, DIGITS) for n, (share, place) in self.had.items()
        }
        largest = max(found, key=found.__getitem__)
        found[largest] = round(found[largest] + 1 - sum(found.values()), DIGITS)
        return found


def comment(text: str, *, indent: str = "") -> Iterator[str]:
    """Yield a text as lines of comment; what it is indented by stands before all but the first."""
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
    return (f"# {line}" for line in lines)


def quoted(text: str) -> str:
    """Return a text as TOML writes it (a basic string; JSON's escapes are TOML's)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def called(name: str, place: OpenSource) -> str:
    """Return what a part is called in tables: by its records where they name it."""
    return place.set_name or name


def pool_blocks(pool: Pool) -> Iterator[list[str]]:
    """Yield the blocks of a recipe's old sources, each as lines."""
    yield [
        "# The old distribution. `revision`: write the commit that the dataset's page shows under",
        '# "Files and versions"; a branch such as main moves, and tomorrow other rows are read.',
    ]
    shares, seen = pool.shares(), set[str]()
    for name, (_, place) in pool.had.items():
        if place.set_field is None:
            yield _block(name, place, shares[name])
        elif str(place.hub) not in seen:
            seen.add(str(place.hub))
            yield _together(pool, place)


def _block(name: str, place: OpenSource, share: float) -> list[str]:
    lines = [*_remarks(place), "[[ingest.sources]]", f"name = {quoted(name)}"]
    lines[-1] = f"{lines[-1]:40}# {share:.2%} of the replay"
    return [*lines, *_keys(place)]


def _together(pool: Pool, place: OpenSource) -> list[str]:
    """One block for a dataset whose records say which part they are of."""
    own = [p for _, p in pool.had.values() if p.hub == place.hub and p.set_field]
    parts = ", ".join(str(p.set_name) for p in own)
    remarks = dict.fromkeys(_remark(p) for p in own if _remark(p))
    name = str(place.hub).rpartition("/")[2].lower()
    return [
        *comment(f"One dataset with several parts: {parts}. {' '.join(remarks)}"),
        "[[ingest.sources]]",
        f"name = {quoted(name)}",
        *_keys(place),
        f"source_field = {quoted(str(place.set_field))}",
        "# Its parts are found as it is read, so say how much of it.",
        f"sample = {{ tokens = {POOL_FACTOR * pool.tokens} }}",
    ]


def _keys(place: OpenSource) -> Iterator[str]:
    yield f"url = {quoted(f'hf://{place.hub}')}"
    if place.subset:
        yield f"subset = {quoted(place.subset)}"
    if place.split != "train":
        yield f"split = {quoted(place.split)}"
    yield 'revision = "main"'
    if place.text_field != "text":
        yield f"text_field = {quoted(place.text_field)}"
    if place.license:
        yield f"license = {quoted(place.license)}"


def _remarks(place: OpenSource) -> list[str]:
    return list(comment(_remark(place)))


def _remark(place: OpenSource) -> str:
    kind = "Stands in for the original part." if place.stand_in else ""
    doubt = "" if place.verified else "See first whether the dataset is there and as said here."
    return " ".join(filter(None, [kind, place.note, doubt]))
