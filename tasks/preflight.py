"""What can be known wrong before any work: places, tokenizer, model, lists, rules, indexes."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas import quality
from schemas.errors import ConfigError
from tasks import against, embeddings, opt_outs, rules, storage, tokenizer_files, tokens
from tasks.mixture import schedules
from tasks.signals import language
from tasks.storage import claim, inputs

if TYPE_CHECKING:
    from schemas.config import RunConfig, SignalsConfig, Source, TargetConfig, TokenizerConfig
    from schemas.selection import OptOutConfig
    from tasks.tokens import Tokenizer

GZIP = b"\x1f\x8b"
ELSEWHERE = ("https://", "http://", "hf://")


def check(recipe: RunConfig, out: str | None = None) -> None:
    """Raise :class:`ConfigError` when a place that the recipe names is empty or unusable.

    Looks at local places only; servers are asked when the run begins. ``out``, where it is given,
    has to be a folder for this run alone; nothing is left in it, and a tokenizer of the Hub is
    looked at too.
    """
    for source in recipe.ingest.sources:
        where = f"ingest.sources {source.name!r}"
        for url in _local_places(source):
            storage.check_place(url, where=where)
    _check_tokenizer(recipe, hub=out is not None)
    _check_model(recipe.signals)
    _check_models(recipe.signals)
    for some in recipe.signals.evals:
        for url in some.url:
            if not url.startswith(ELSEWHERE):
                storage.check_place(url, where=f"signals.evals {some.name!r}")
    if recipe.replay is not None and recipe.replay.target is not None:
        _check_target(recipe.replay.target)
    if recipe.mixture is not None:
        schedules.check(recipe.mixture.schedule, recipe.mixture.replay_share)
    opt_out_lists(recipe.select.opt_out)
    rules.check(recipe.select, [quality.score(name) for name in recipe.signals.scores()])
    against.indexes(recipe.dedup, recipe.signals)
    embeddings.check(recipe.dedup.semantic)
    if out is not None:
        _check_out(recipe, out)


def _check_target(target: TargetConfig) -> None:
    places = [*target.text, *filter(None, [target.shares_file])]
    for place in places:
        if not place.startswith(ELSEWHERE):
            storage.check_place(place, where=f"replay.target.{target.by}")


def _local_places(source: Source) -> list[str]:
    places = [*source.url, *filter(None, [source.url_list])]
    return [place for place in places if not place.startswith(ELSEWHERE)]


def _check_model(signals: SignalsConfig) -> None:
    model = signals.lang_model
    if model is not None and not storage.is_file(model):
        raise ConfigError(
            "signals.lang_model",
            got=f"{model!r}, where there is no file",
            wanted="fastText's lid.176.ftz",
            way_out="Correct the path, or remove the key to use the copy that is installed.",
        )
    language.prepare_model(signals)


def _check_models(signals: SignalsConfig) -> None:
    """Models that documents are scored by, and the places of what they are trained on."""
    for where, source in _training(signals):
        for url in _local_places(source):
            storage.check_place(url, where=f"{where} {source.name!r}")
    if signals.scores():
        from tasks import models

        models.check(signals)


def _training(signals: SignalsConfig) -> list[tuple[str, Source]]:
    """Sources that models are trained on, each with what errors call its model."""
    if not signals.scores():
        return []
    from tasks import models

    return models.sources(signals)


def _check_out(recipe: RunConfig, out: str) -> None:
    for source in (*recipe.ingest.sources, *(s for _, s in _training(recipe.signals))):
        for place in _local_places(source):
            if inputs.overlaps(place, out):
                raise ConfigError(
                    f"--out {out}",
                    got=f"a folder in which the source {source.name!r} is read, or that lies in "
                    f"it ({place})",
                    wanted="one apart from all sources: the next run would read its own results",
                    way_out="Choose another --out.",
                )
    if recipe.replay is not None and recipe.replay.target is not None:
        _check_apart(recipe.replay.target, out)
    claim.check_writable(out)
    other = claim.holds_other_files(out)
    if other is not None:
        raise ConfigError(
            f"--out {out}",
            got=f"a folder with other files ({other!r})",
            wanted="an empty or new one, or the folder of a run: a run owns its folder",
            way_out="Choose an empty or new folder.",
        )


def _check_apart(target: TargetConfig, out: str) -> None:
    for place in target.text:
        if not place.startswith(ELSEWHERE) and inputs.overlaps(place, out):
            raise ConfigError(
                f"--out {out}",
                got=f"a folder in which replay.target.{target.by} is read, or that lies in it "
                f"({place})",
                wanted="one apart from the target: the next run would go by its own results",
                way_out="Choose another --out.",
            )


def tokenizer(config: TokenizerConfig) -> tuple[Tokenizer, str]:
    """Return the recipe's tokenizer and its digest, made once while its file stays the same."""
    return _tokenizer(tokenizer_files.read(config).body, str(config.path))


@lru_cache(maxsize=1)
def _tokenizer(body: bytes, where: str) -> tuple[Tokenizer, str]:
    found = tokens.load(body, where=where)
    return found, found.digest


def _check_tokenizer(recipe: RunConfig, *, hub: bool) -> None:
    """The tokenizer, its chat template, and what ends a document where rows are of tokens."""
    config = recipe.tokenizer
    if config is None:
        return
    if config.path is None:
        tokenizer_files.check_template(config, tokenizer_files.of_trained(config, b""))
        return
    if config.path.startswith(ELSEWHERE) and not hub:
        return
    files = tokenizer_files.read(config)
    found = tokens.load(files.body, where="tokenizer.path")
    said = tokenizer_files.said(config, files, found)
    tokenizer_files.check_template(config, files)
    if recipe.mixture is not None and recipe.mixture.format == "tokens":
        tokenizer_files.check_end(said, found)


def opt_out_lists(config: OptOutConfig | None) -> opt_outs.Lists:
    """Read the recipe's opt-out lists, each entry checked. Raises :class:`ConfigError`."""
    if config is None:
        return opt_outs.Lists()
    found = {
        kind: frozenset[str]().union(
            *(entries(p, kind, where=f"select.opt_out.{kind}: {p}") for p in getattr(config, kind))
        )
        for kind in ("ids", "urls", "domains")
    }
    return opt_outs.Lists(**found)


def entries(place: str, kind: str, *, where: str) -> frozenset[str]:
    """Read a list of ids, addresses or domains. Raises :class:`ConfigError` naming ``where``."""
    try:
        content = storage.read_bytes(place)
        if content.startswith(GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(
            where,
            got=getattr(error, "strerror", None) or str(error),
            wanted="a text file on this machine, one entry a line",
            way_out="Correct the path; a list on a server has to be downloaded first.",
        ) from error
    return opt_outs.read(content, kind=kind, where=where)
