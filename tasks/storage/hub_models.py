"""Small files of models on the Hugging Face Hub, through its own cache."""

from __future__ import annotations

from functools import lru_cache

from schemas.errors import SourceError
from tasks.storage.hub import SCHEME, TIMEOUT_SECONDS
from tasks.storage.local import first_line


@lru_cache(maxsize=4)
def model_files(url: str, revision: str | None, patterns: tuple[str, ...]) -> str:
    """Return the local folder with those files of ``hf://owner/model`` that fit the patterns.

    At a git revision, or the newest one. What is in the Hub's cache is not fetched again; where
    the Hub cannot be asked, what is there of that revision is taken. SourceError where nothing is.
    """
    from huggingface_hub import snapshot_download

    name = url.removeprefix(SCHEME).strip("/").removeprefix("models/")
    try:
        return snapshot_download(
            name,
            revision=revision,
            allow_patterns=list(patterns),
            etag_timeout=TIMEOUT_SECONDS,
        )
    except Exception as error:  # whatever the library raises
        raise SourceError(
            url,
            got=f"{type(error).__name__} ({first_line(error)})",
            wanted="the tokenizer's files of a model of the Hub",
            way_out="Check the name, revision and access on the model's page, and the network; or "
            "download its tokenizer files and give their folder as tokenizer.path.",
        ) from error
