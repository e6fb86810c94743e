"""Where a tokenizer's files lie: at the recipe's place, on the Hub, in a run's folder."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from schemas.errors import ConfigError, ManifestError
from schemas.mixture import TokenizerSaid
from tasks import ledger, storage, tokens
from tasks.hashing import digest
from tasks.mixture.templates import FORMATS
from tasks.rendering import Renderer
from tasks.tokens.beside import BESIDE, TEMPLATE, Files, candidates, chat_template, ends

if TYPE_CHECKING:
    from schemas.config import TokenizerConfig
    from tasks.mixture.templates import Format
    from tasks.tokens import Tokenizer

SAID: Final = "said"
"""Key of the tokenizer's manifest details: :class:`schemas.mixture.TokenizerSaid`."""
FIRST: Final = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""In a folder that holds several, the first of these is taken."""
OTHERS: Final = (".model", ".tiktoken")
NAMES: Final = {
    "tokenizers": "tokenizer.json",
    "tekken": "tekken.json",
    "tiktoken": "tokenizer.tiktoken",
    "sentencepiece": "tokenizer.model",
}
"""By kind, what a file is called in a run's folder whose own name would not be found in one."""
MODEL: Final = "model"
TRAINED: Final = "tokenizer.json"


def read(config: TokenizerConfig) -> Files:
    """Return the files of the recipe's tokenizer, with the chat template that it names.

    ``path`` names a file, a folder that holds one, or ``hf://owner/model``. Raises
    :class:`ConfigError` where there is none, SourceError where the Hub cannot be reached.
    """
    path = str(config.path)
    if path.startswith(storage.hub.SCHEME):
        path = storage.model_files(path, config.revision, (*FIRST, *_endings(), *BESIDE))
    found = _at(path, str(config.path))
    if config.chat_template is None or named(config.chat_template):
        return found
    return found._replace(beside={**found.beside, TEMPLATE: _template(config.chat_template)})


def _endings() -> list[str]:
    return [f"*{ending}" for ending in OTHERS]


def _at(path: str, asked: str) -> Files:
    inside = _inside(path)
    at = path if inside is None else storage.join(path, inside)
    try:
        body = storage.read_bytes(at)
    except OSError as error:
        raise ConfigError(
            "tokenizer.path",
            got=f"{asked!r}: {_why(error)}",
            wanted="a tokenizer.json, *.tiktoken, *.model or tekken.json, or a folder with one",
            way_out="Correct the path, or train one with train_vocab_size.",
        ) from error
    places = {name: storage.beside(at, name) for name in BESIDE if name != storage.name_of(at)}
    beside = {name: storage.read_bytes(p) for name, p in places.items() if storage.is_file(p)}
    return Files(storage.name_of(at), body, beside)


def _why(error: OSError) -> str | None:
    is_folder = isinstance(error, IsADirectoryError)
    return "a folder in which there is none" if is_folder else error.strerror


def findable(files: Files, kind: str) -> Files:
    """Return files whose tokenizer has a name by which it is found in a folder: most have."""
    if files.name in FIRST or files.name.endswith(OTHERS):
        return files
    return files._replace(name=NAMES[kind])


def _inside(path: str) -> str | None:
    """Return which file of a folder is the tokenizer; None where there is none, or no folder."""
    names = storage.list_names(path)
    some = [name for name in names if name.endswith(OTHERS)]
    return next((name for name in (*FIRST, *sorted(some)) if name in names), None)


def _template(path: str) -> bytes:
    try:
        return storage.read_bytes(path)
    except OSError as error:
        raise ConfigError(
            "tokenizer.chat_template",
            got=f"{path!r}: {error.strerror}",
            wanted=f"{', '.join(FORMATS)}, {MODEL}, or the path of a Jinja template",
            way_out="Correct the name or the path.",
        ) from error


def named(chat_template: str) -> bool:
    """Whether a chat template is named, rather than the path of one."""
    return chat_template in FORMATS or chat_template == MODEL


def template(name: str, files: Files) -> Format | str:
    """Return the format of a name, or the Jinja template that lies beside the tokenizer."""
    if name in FORMATS:
        return FORMATS[name]
    found = chat_template(files.beside)
    if found is None:
        raise ConfigError(
            "tokenizer.chat_template",
            got=f"{name!r}, and no chat template beside the tokenizer",
            wanted=f"{TEMPLATE}, or tokenizer_config.json with a chat_template",
            way_out=f"Name one of {', '.join(FORMATS)}, or give the path of a Jinja template.",
        )
    return found


def check_template(config: TokenizerConfig, files: Files) -> None:
    """Raise :class:`ConfigError` for a chat template that is not there, or no Jinja."""
    if config.chat_template is None:
        return
    found = template(config.chat_template, files)
    if isinstance(found, str):
        with Renderer(found, where="tokenizer.chat_template"):
            pass


def said(config: TokenizerConfig, files: Files, tokenizer: Tokenizer) -> TokenizerSaid:
    """Return what is recorded of a tokenizer. Raises :class:`ConfigError` for what contradicts."""
    end = tokens.END_OF_TEXT if config.path is None else None
    found = ends(tokenizer, files, end_of_text=config.end_of_text or end)
    name = config.chat_template
    own = None if name is None else template(name, files)
    return TokenizerSaid(
        kind=tokenizer.kind,
        digest=tokenizer.digest,
        size=tokenizer.size,
        end_of_text=None if found.end is None else tokenizer.name_of(found.end),
        end_id=found.end,
        begin_id=found.begin,
        padding_id=found.padding,
        chat_template=name,
        template_digest=_digest(own),
    )


def _digest(own: Format | str | None) -> str | None:
    return None if own is None else digest("chat_template", repr(own))


def check_end(found: TokenizerSaid, tokenizer: Tokenizer) -> None:
    """Raise :class:`ConfigError` where nothing ends a document, which rows of tokens need."""
    if found.end_id is None:
        raise ConfigError(
            "tokenizer.end_of_text",
            got="a tokenizer without a token that ends a document, as far as its files say",
            wanted='one for mixture.format = "tokens": each document ends with it',
            way_out=candidates(tokenizer),
        )


def of_trained(config: TokenizerConfig, body: bytes) -> Files:
    """Return the files of a tokenizer that was trained, with the chat template that is named."""
    name = config.chat_template
    own = {} if name is None or named(name) else {TEMPLATE: _template(name)}
    return Files(TRAINED, body, own)


def write(files: Files, out: str) -> None:
    """Put a tokenizer's files into the run's folder under their names; others go."""
    folder = ledger.folder(out, "tokenizer")
    for name in storage.list_names(folder):
        storage.remove(storage.join(folder, name))
    for name, body in {files.name: files.body, **files.beside}.items():
        storage.write_bytes(storage.join(folder, name), body)


def of_run(out: str) -> Files:
    """Return the files of the run's tokenizer. Raises :class:`ManifestError` where it has none."""
    folder, manifest = ledger.folder(out, "tokenizer"), ledger.read(out, "tokenizer")
    return _at(storage.join(folder, manifest.shards[0].file), folder)


def of_manifest(out: str) -> TokenizerSaid:
    """Return what the run says of its tokenizer. Raises :class:`ManifestError`."""
    found = ledger.read(out, "tokenizer").details.get(SAID)
    if found is None:
        raise ManifestError(
            ledger.folder(out, "tokenizer"),
            got="a manifest of an earlier version, which does not say what ends a document",
            wanted=f"what is said of the tokenizer ({SAID})",
            way_out="Run the recipe again with the same --out.",
        )
    return TokenizerSaid.model_validate(found)


def check_same(
    known: TokenizerSaid, tokenizer: Tokenizer, own: Format | str | None, out: str
) -> None:
    """Raise :class:`ManifestError` for a tokenizer or template that the run did not begin with."""
    for what, found, wanted in (
        ("tokenizer", tokenizer.digest, known.digest),
        ("chat template", _digest(own), own and known.template_digest),
    ):
        if found != wanted:
            raise ManifestError(
                ledger.folder(out, "tokenizer"),
                got=f"a {what} of digest {str(found)[:12]}",
                wanted=f"{str(wanted)[:12]}, by which the run has counted: its ids are of no other",
                way_out="Run the recipe again with the same --out, which counts and mixes anew.",
            )


def load(out: str) -> Tokenizer:
    """Return the run's tokenizer, made once while its file stays the same."""
    name = ledger.read(out, "tokenizer").shards[0].file
    at = storage.join(ledger.folder(out, "tokenizer"), name)
    return _load(at, storage.stamp(at))


@lru_cache(maxsize=2)
def _load(at: str, _stamp: tuple[int, ...] | None) -> Tokenizer:
    return tokens.load(storage.read_bytes(at), where=at)
