"""What can be known wrong before any work: places to read, tokenizer, language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from tasks import storage, tokens

if TYPE_CHECKING:
    from schemas.config import RunConfig, TokenizerConfig

TOKENIZER_FILE = "tokenizer.json"
ELSEWHERE = ("https://", "http://", "hf://")


def check(recipe: RunConfig) -> None:
    """Raise :class:`ConfigError` when a place that the recipe names is empty or unusable.

    Looks at local places only; servers are asked when the run begins.
    """
    for source in recipe.ingest.sources:
        where = f"ingest.sources {source.name!r}"
        for url in (*source.url, *filter(None, [source.url_list])):
            if not url.startswith(ELSEWHERE):
                storage.check_place(url, where=where)
    if recipe.tokenizer is not None and recipe.tokenizer.path is not None:
        tokens.load(tokenizer_bytes(recipe.tokenizer), where="tokenizer.path")
    model = recipe.signals.lang_model
    if model is not None and not storage.is_file(model):
        raise ConfigError(
            "signals.lang_model",
            got=f"{model!r}, where there is no file",
            wanted="fastText's lid.176.ftz",
            way_out="Correct the path, or remove the key to use the copy that is installed.",
        )


def tokenizer_bytes(config: TokenizerConfig) -> bytes:
    """Content of the recipe's ``tokenizer.json``, named itself or by the folder around it."""
    path = str(config.path)
    inside = storage.join(path, TOKENIZER_FILE)
    try:
        return storage.read_bytes(inside if storage.exists(inside) else path)
    except OSError as error:
        raise ConfigError(
            "tokenizer.path",
            got=f"{path!r}: {error.strerror}",
            wanted="a tokenizer.json, or a folder that holds one",
            way_out="Correct the path, or train one with train_vocab_size.",
        ) from error
