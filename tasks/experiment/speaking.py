"""What models write after the beginnings of old text: in which language, and how varied.

The same beginnings and the same chance for every model: what differs is the model.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.experiment import Continuation, Speech, Spoken
from tasks import hashing, storage, tokens
from tasks.experiment.dealing import part_file, read_passages
from tasks.shingles import words
from tasks.signals.language import language
from tasks.training import building, checkpoint, sampling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from schemas.experiment import SpeakRequest

SPOKEN: Final = "spoken.json"
REAL: Final = "the text itself"
COMMAND: Final = "openmoat experiment speaking"
PROMPT, LENGTH, BATCH = 32, 128, 32
"""Tokens of a beginning and of what is written, at most; texts at a time."""
EACH: Final = 40
"""Beginnings of each domain."""
SIGNALS: Final = SignalsConfig(minhash=False)


def spoken(request: SpeakRequest) -> Spoken:
    """Sample every model and write ``spoken.json``."""
    building.settle()
    models = {n: checkpoint.load(f, command=COMMAND) for n, f in request.models.items()}
    first = next(iter(models.values()))
    held = read_passages(part_file(request.parts, "old_held"))
    begun = list(_beginnings(held, sorted(request.setting.old), first.tokenizer))
    speeches = [_speech(name, model, begun, request.seed) for name, model in models.items()]
    read = first.tokenizer
    parts = [
        (source, _text(read, ids[:PROMPT]), _text(read, ids[PROMPT:])) for source, ids in begun
    ]
    real = _told(REAL, parts)
    told = Spoken(prompt_tokens=PROMPT, length=LENGTH, real=real, speeches=tuple(speeches))
    storage.write_model(storage.join(request.out, SPOKEN), told)
    return told


def _beginnings(
    held: pl.DataFrame, sources: Sequence[str], tokenizer: Any  # noqa: ANN401  (a library's)
) -> Iterator[tuple[str, list[int]]]:  # fmt: skip
    """Yield the first tokens of passages, of each source as many, where they are long enough."""
    for source in sources:
        found = 0
        for text in held.filter(held[c.SOURCE] == source)[c.TEXT].to_list():
            ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])[: PROMPT + LENGTH]
            if len(ids) == PROMPT + LENGTH and found < EACH:
                found += 1
                yield source, ids


def _speech(
    name: str, model: checkpoint.Checkpoint, begun: Sequence[tuple[str, list[int]]], seed: int
) -> Speech:
    drawn = hashing.seeded(map(str, range(len(begun))), seed=seed, stage="experiment speaking")
    asked = [
        sampling.Asked((*model.begins, *ids[:PROMPT]), int(number) >> 1)
        for (_, ids), number in zip(begun, drawn.tolist(), strict=True)
    ]
    how = sampling.How(length=LENGTH, batch=BATCH)
    # An end is drawn like any token, and writing goes on behind it: all are as long.
    written = sampling.sampled(model, asked, how, ())
    return _told(
        name,
        [
            (source, _text(model.tokenizer, ids[:PROMPT]), _text(model.tokenizer, one.tokens))
            for (source, ids), one in zip(begun, written, strict=True)
        ],
    )


def _text(tokenizer: Any, ids: Sequence[int]) -> str:  # noqa: ANN401  (a library's)
    found = str(tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))
    return found.replace(tokens.END_OF_TEXT, "\n\n")


def _told(name: str, some: Sequence[tuple[str, str, str]]) -> Speech:
    texts = [text for _, _, text in some]
    langs = language(pa.chunked_array([pa.array(texts, pa.large_string())]), SIGNALS)[c.LANG]
    return Speech(
        model=name,
        languages={lang: n / max(1, len(some)) for lang, n in Counter(langs).most_common()},
        distinct=(distinct(texts, 1), distinct(texts, 2), distinct(texts, 3)),
        continuations=tuple(
            Continuation(source=source, prompt=prompt, text=text, lang=lang)
            for (source, prompt, text), lang in zip(some, langs, strict=True)
        ),
    )


def distinct(texts: Sequence[str], n: int) -> float:
    """Return how many of all runs of ``n`` words are different (distinct-n, arXiv 1510.03055)."""
    runs = [tuple(own[i : i + n]) for own in map(words, texts) for i in range(len(own) - n + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0
