"""Step of the tokenizer: the recipe's own, or a byte-level BPE trained on the old corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import columns as c
from schemas.config import (  # noqa: TC001  (Prefect reads the annotations)
    MaskingConfig,
    TokenizerConfig,
)
from schemas.errors import OpenmoatError
from schemas.manifest import Shard, StageManifest
from tasks import kept, ledger, tokenizer_files, tokens
from tasks.budget import PRIORITY
from tasks.hashing import digest, text_hash
from tasks.select import TRAIN
from tasks.steps.policy import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from tasks.tokens.beside import Files

VERSION = "tokenizer-3"


@step
def provide_tokenizer(
    config: TokenizerConfig,
    sources: list[str],
    seed: int,
    out: str,
    masking: MaskingConfig | None = None,
) -> tuple[StageManifest, bool]:
    """Put the tokenizer's files into its folder; return whether it stood there already.

    ``sources`` name what a trained one learns from: the replay sources' kept training documents, in
    seeded order up to ``train_mb`` (of the text as it was read), as they are written.
    """
    if config.path is not None:
        files, rows = tokenizer_files.read(config), 0
        tokenizer = tokens.load(files.body, where=config.path)
        key = digest(VERSION, tokenizer.digest, *_told(config, files))
    else:
        frame, files = chosen(config, sources, seed, out), tokenizer_files.of_trained(config, b"")
        rows = frame.height
        learned_from = (kept.text_hashes(out, frame), *kept.mask_key(masking))
        key = digest(VERSION, config, *learned_from, *_told(config, files))
    known = ledger.finished(out, "tokenizer", key)
    if known is not None and _stands(out, known.digest, files):
        return known, True
    ledger.begin(out, "tokenizer")
    if config.path is None:
        size = int(config.train_vocab_size or 0)
        body = tokens.train(_texts(frame, out, masking), vocab_size=size)
        files = files._replace(body=body)
        tokenizer = tokens.load(body, where="the trained tokenizer")
    said = tokenizer_files.said(config, files, tokenizer)
    files = tokenizer_files.findable(files, tokenizer.kind)
    tokenizer_files.write(files, out)
    manifest = StageManifest(
        stage="tokenizer",
        key=key,
        digest=tokenizer.digest,
        rows_in=rows,
        rows_out=1,
        shards=(Shard(file=files.name, rows=1, digest=tokenizer.digest),),
        details={
            "vocab_size": tokenizer.size,
            "trained": config.path is None,
            tokenizer_files.SAID: said.model_dump(mode="json"),
        },
    )
    ledger.finish(out, manifest)
    return manifest, False


def _told(config: TokenizerConfig, files: Files) -> list[object]:
    """Return what the key has beside the tokenizer: what the recipe and other files say of it."""
    own = [config.end_of_text, config.chat_template]
    return [*own, {name: text_hash(repr(body)) for name, body in sorted(files.beside.items())}]


def _stands(out: str, digest_of_it: str, files: Files) -> bool:
    """Whether the tokenizer lies in the run's folder as it was put there, and what is beside it."""
    try:
        same = tokenizer_files.of_run(out).beside == files.beside
        return same and tokenizer_files.load(out).digest == digest_of_it
    except OpenmoatError:
        return False


def chosen(config: TokenizerConfig, sources: list[str], seed: int, out: str) -> pl.DataFrame:
    """Documents that a tokenizer is trained on: narrow rows, in seeded order."""
    frame = kept.load(out, seed=seed)
    frame = frame.filter(frame[c.RECIPE_SOURCE].is_in(sources) & (frame[c.SPLIT] == TRAIN))
    frame = frame.sort(PRIORITY, c.DOC_ID)
    before = frame[c.N_BYTES].cum_sum() - frame[c.N_BYTES]
    return frame.filter(before < config.train_mb * 1e6)


def _texts(frame: pl.DataFrame, out: str, masking: MaskingConfig | None) -> Iterator[str]:
    for (shard,), rows in sorted(frame.partition_by(c.SHARD, as_dict=True).items()):
        numbers = rows[c.ROW].to_list()
        for _, table in kept.rows_of(out, str(shard), numbers, columns=[c.TEXT], masking=masking):
            yield from table.column(c.TEXT).to_pylist()
