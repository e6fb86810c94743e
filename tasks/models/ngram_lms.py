"""n-gram language models: trained on a recipe's sources, or given as a folder or a KenLM file."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from schemas.errors import ConfigError
from schemas.models import ScoreModel
from tasks import hashing, storage
from tasks.models import files
from tasks.models.files import Made
from tasks.models.reading import Part, Reader, part
from tasks.ngram_lm.model import VERSION as LM_VERSION
from tasks.ngram_lm.training import WORD_BYTES, Counting

if TYPE_CHECKING:
    from schemas.config import Source
    from schemas.quality import NgramLmConfig

VERSION: Final = "ngram-lm-1"
HELD_OUT: Final = 0.02
"""Share of the training texts, by seeded hash, that the model is not trained on but judged by."""
SOURCES: Final = "sources"


def where(config: NgramLmConfig) -> str:
    """Return what errors call it."""
    of = f" for {', '.join(config.languages)}" if config.languages else ""
    return f"signals.ngram_lms {config.name!r}{of}"


def texts(config: NgramLmConfig) -> list[tuple[str, tuple[Source, ...]]]:
    """Return the sources that it is trained on, by their part."""
    return [(SOURCES, config.sources)]


def parts(config: NgramLmConfig) -> list[Part]:
    """List the files that it is trained on. Raises :class:`ConfigError` where there is none."""
    return [part(sources, where(config), name) for name, sources in texts(config)]


def key(config: NgramLmConfig, listed: list[Part], seed: int) -> list[object]:
    """Return what a trained one depends on."""
    settings = config.model_copy(update={"name": "", "languages": (), "sources": ()})
    return [VERSION, LM_VERSION, settings, [p.keys() for p in listed], seed]


def train(
    config: NgramLmConfig, listed: list[Part], seed: int, memory_bytes: int, out: str
) -> Made:
    """Return the model, what was read, and what it says of texts that it was not trained on.

    Raises :class:`ConfigError` where its words take more than ``memory_bytes``.
    """
    reader, counting, held = Reader(out), Counting(config.order), list[pa.ChunkedArray]()
    for texts, hashes in reader.texts(listed[0]):
        out_of_it = np.array([_chance(h, seed) < HELD_OUT for h in hashes], np.bool_)
        counting.add(texts.filter(pa.array(~out_of_it)))
        held.append(texts.filter(pa.array(out_of_it)))
        size = counting.n_words * WORD_BYTES[config.order - 1] + sum(t.nbytes for t in held)
        size += reader.n_bytes
        if size > memory_bytes:
            raise _too_much(config, counting.n_words, size, memory_bytes)
    if not counting.n_words:
        raise ConfigError(
            where(config),
            got="text without a word",
            wanted="text to train on",
            way_out="Add to its sources.",
        )
    try:
        model = counting.model(min_count=config.min_count)
    except ConfigError as error:
        raise error.at(where(config)) from error
    nats, words = model.cross_entropy(pa.chunked_array(_chunks(held), pa.large_string()))
    told = {
        "words": counting.n_words,
        "ngrams": [len(logs) for logs in model.logs],
        "held_out": {"texts": len(words), "words": int(words.sum()), "nats": math.fsum(nats)},
    }
    return Made(model.about(), model.arrays(), model.digest, reader.read, told)


def _chance(text_hash: str, seed: int) -> float:
    return hashing.chance(text_hash, seed=seed, stage="ngram_lm")


def _chunks(held: list[pa.ChunkedArray]) -> list[pa.Array]:
    return [chunk for column in held for chunk in column.chunks]


def _too_much(config: NgramLmConfig, words: int, size: int, memory_bytes: int) -> ConfigError:
    return ConfigError(
        where(config),
        got=f"{words:,} words so far, which take {size / 1e9:.1f} GB while it is trained",
        wanted=f"what fits into {memory_bytes / 1e9:.1f} GB (--memory-limit)",
        way_out="Read less of its sources (sample = { tokens = 5_000_000 }), or raise "
        "--memory-limit.",
    )


@lru_cache(maxsize=16)
def _content(file: str, _stamp: tuple[int, ...] | None, where: str) -> str:
    """Return the digest of a file, which may be larger than the memory; read once if unchanged."""
    (listed,) = storage.list_inputs(file, where=where)
    with storage.open_input(listed, scratch="") as raw:
        return raw.finish()


def given(config: NgramLmConfig) -> ScoreModel:
    """Return a model that exists. Raises :class:`ConfigError` where it is not as it should be."""
    place = str(config.path)
    if not storage.is_file(place):
        return files.given("ngram_lm", config, where(config))
    of_it = [place, *filter(None, [config.pieces])]
    return ScoreModel(
        name=config.name,
        kind="kenlm",
        languages=config.languages,
        digest=hashing.digest([_content(f, storage.stamp(f), where(config)) for f in of_it]),
        place=place,
        pieces=config.pieces,
        trained=False,
    )
