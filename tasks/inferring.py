"""The mixture of a tokenizer's text, from files: its merges, and texts of candidate sources.

Candidates are read by the readers of sources, each document once; the mechanism is
:mod:`tasks.replay.merges`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ConfigError
from schemas.inferred import InferredMixture, InferredSource, SelfTested
from schemas.sources import is_fit_name
from tasks import storage
from tasks.measured import Fields, Seen, bounded, measured, source_of
from tasks.replay.merges import STEPS, formats, inference, words
from tasks.replay.merges import self_test as testing
from tasks.replay.merges.dealing import Dealer
from tasks.replay.merges.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.replay.merges.dealing import Sides
    from tasks.replay.merges.inference import Inferred
    from tasks.replay.merges.self_test import SelfTest
    from tasks.replay.merges.verdict import Verdict
    from tasks.replay.merges.words import Table

CONFIG: Final = SignalsConfig(minhash=False)
LOOKED_AT: Final = 1_000
"""Tokens of a rank file that are taken apart to find the first merges."""
READ_TOKENS: Final = 16_000_000
"""Of a source, at four bytes each: of a larger one a sample is read, by seeded hash."""
FILES: Final = ("tokenizer.json", "tokenizer.model", "tekken.json", "merges.txt")
"""What a folder is looked through for, the first that is there."""


class Asked(NamedTuple):
    """What is looked for: places of each candidate source, and how the answer is tested."""

    sources: Mapping[str, Sequence[str]]
    self_test: bool = True
    tokenizers: int = testing.TOKENIZERS
    seed: int = 0
    text_field: str = "text"
    pattern: str | None = None


def named(given: Sequence[str]) -> dict[str, list[str]]:
    """Return the places of each source from texts NAME=PATH. ConfigError for what is none."""
    found: dict[str, list[str]] = {}
    for one in given:
        name, mark, place = one.partition("=")
        if not mark or not place or not is_fit_name(name):
            raise ConfigError(
                "--source",
                got=repr(one),
                wanted="NAME=PATH",
                way_out="Name the source and say where its text lies: --source wiki=data/wiki.",
            )
        found.setdefault(name, []).append(place)
    places = [place for own in found.values() for place in own]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"--source {twice}",
            got="the same place twice",
            wanted="each once: sources that are the same cannot be told apart",
            way_out="Leave one of them out.",
        )
    return found


def infer(tokenizer: str, asked: Asked) -> InferredMixture:
    """Return the mixture of a tokenizer's text among candidate sources.

    ``tokenizer``: a file as its makers publish it, or a folder that holds one. ConfigError for what
    is no byte-pair encoding, for one source only, and for sources with too little text.
    """
    if len(asked.sources) < inference.LEAST_SOURCES:
        raise ConfigError(
            "openmoat infer-mixture",
            got="one source" if asked.sources else "no source",
            wanted="two or more",
            way_out="Give text of every kind that the tokenizer's text may have been: "
            "--source NAME=PATH, again for each.",
        )
    file, body = _tokenizer(tokenizer)
    merges = formats.read(body, where=file, pattern=asked.pattern, most=LOOKED_AT).first(STEPS)
    sides = {name: _dealt(name, places, asked) for name, places in asked.sources.items()}
    table = words.table({name: one.candidate for name, one in sides.items()}, merges.splitting)
    answer = inference.inferred(table, merges)
    test = None
    if asked.self_test:
        plan = testing.Plan(asked.seed, asked.tokenizers, around=answer.shares)
        test = testing.run(table, {n: one.others for n, one in sides.items()}, merges, plan)
    return InferredMixture(
        tokenizer=storage.name_of(file),
        tokenizer_digest=xxhash.xxh3_128_hexdigest(body),
        kind=merges.kind,
        left_out=sum(one.left_out for one in sides.values()),
        seed=asked.seed,
        **_told(answer, table, test),
    )


def _tokenizer(given: str) -> tuple[str, bytes]:
    """Find and read a tokenizer's file."""
    choices = [given, *(storage.join(given, name) for name in FILES)]
    for place in choices:
        if storage.is_file(place):
            return place, storage.read_bytes(place)
    raise ConfigError(
        given,
        got="a folder without one" if storage.exists(given) else "no such file",
        wanted=f"a tokenizer: {formats.FORMATS}",
        way_out="Give the file as the model's makers publish it, or the folder that holds it.",
    )


def _dealt(name: str, places: Sequence[str], asked: Asked) -> Sides:
    """Read a source and deal its documents out. ConfigError where there is too little text."""
    where = f"--source {name}"
    source = source_of(name, places, fields=Fields(asked.text_field), where=where)
    source = bounded(source, READ_TOKENS, where=where, seed=asked.seed)
    dealer, seen = Dealer(seed=asked.seed, both=asked.self_test), Seen()
    for documents, _ in measured(source, CONFIG, seen, where=where):
        dealer.add(documents.column(c.TEXT).to_pylist())
    sides = dealer.sides()
    _check_size(name, sides, seen, asked)
    return sides


def _check_size(name: str, sides: Sides, seen: Seen, asked: Asked) -> None:
    both = (sides.candidate, sides.others)
    size, times = sum(map(_size, both)), 2 if asked.self_test else 1
    if min(map(_size, both[:times])) >= words.LEAST_BYTES:
        return
    got = f"{size:,} bytes of different text in {seen.documents:,} documents"
    if seen.rejects:
        got += f" ({seen.rejects:,} records could not be read)"
    half = "; half of it is for the self-test" if asked.self_test else ""
    raise ConfigError(
        f"--source {name}",
        got=got,
        wanted=f"some {times * words.LEAST_BYTES:,} or more, megabytes are better{half}",
        way_out="Give more of it, in several documents, or leave the source out. Is its text in "
        f"another field than {asked.text_field!r}? Then name it with --text-field.",
    )


def _size(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def _told(answer: Inferred, table: Table, test: SelfTest | None) -> dict[str, object]:
    """What is said of an answer: no shares where none can be vouched for."""
    said = verdict(answer, test)
    return {
        "merges": answer.n_steps,
        "unseen": answer.unseen,
        "fit": answer.fit,
        "standing": said.standing.value,
        "says": said.says,
        "nearest": said.nearest,
        "self_test": None if test is None else _tested(test),
        "sources": {name: _source(i, answer, said, table) for i, name in enumerate(answer.sources)},
    }


def _source(i: int, answer: Inferred, said: Verdict, table: Table) -> InferredSource:
    vouched = said.shares is not None
    return InferredSource(
        documents=int(table.n_texts[i]),
        text_bytes=int(table.n_bytes[i]),
        share=None if said.shares is None else float(said.shares[i]),
        low=None if said.low is None else float(said.low[i]),
        high=None if said.high is None else float(said.high[i]),
        curve=float(answer.curve[i]) if vouched else None,
        logistic=float(answer.logistic[i]) if vouched else None,
    )


def _tested(test: SelfTest) -> SelfTested:
    n = len(test.fits)
    return SelfTested(
        tokenizers=n,
        level=min(testing.LEVEL, n / (n + 1)),
        error=test.error,
        even=test.of_even,
        worst_fit=float(test.fits.max()),
    )
