"""The model that a run begins with and the one it ends with: folders, and the tokenizer's files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.config import TokenizerConfig
from schemas.errors import ConfigError
from tasks import ledger, preflight, storage, tokenizer_files, tokens
from tasks.hashing import digest
from tasks.tokens.beside import BESIDE
from tasks.training import building, checkpoint

if TYPE_CHECKING:
    from schemas.mixture import Layout, TokenizerSaid
    from schemas.training import TrainConfig

MODEL, ADAPTER = "model", "adapter"
CONFIG: Final = "tokenizer_config.json"
OF_MODEL: Final = ("config.json", "generation_config.json")
"""Files beside a tokenizer that the model itself writes."""


def is_fresh(model: str) -> bool:
    """Whether a model is named by its shape, rather than by a folder."""
    return model in building.SHAPES


def check(model: str, said: TokenizerSaid) -> None:
    """Raise :class:`ConfigError` where a model's folder is none, or its tokenizer another one."""
    if is_fresh(model):
        return
    names = storage.list_names(model)
    if not names:
        raise ConfigError(
            f"--model {model}",
            got="no folder with files",
            wanted=f"a local folder with a model, or {', '.join(building.SHAPES)} for a fresh one",
            way_out="Correct the path, or download the model first (for example "
            "`hf download ID --local-dir FOLDER`).",
        )
    checkpoint.check(model, names)
    found, own = preflight.tokenizer(TokenizerConfig(path=model))
    if own != said.digest:
        raise ConfigError(
            f"--model {model}",
            got=f"the tokenizer {own[:12]} ({found.size:,} ids)",
            wanted=f"{said.digest[:12]} ({said.kind}, {said.size:,} ids), which made the mixture",
            way_out="To this model the mixture's ids mean other text. Build it anew with "
            f'path = "{model}" in [tokenizer], or train the model that it was made for.',
        )


def key(model: str, layout: Layout) -> str:
    """Return the digest of what a run begins with."""
    if is_fresh(model):
        return digest(building.SHAPES[model], layout.tokenizer, length(layout))
    names = [n for n in storage.list_names(model) if n.endswith((checkpoint.WEIGHTS, ".json"))]
    return digest(names, [storage.file_digest(storage.join(model, name)) for name in names])


def length(layout: Layout) -> int:
    """Tokens that a fresh model can look at: a packed row, or what is usual."""
    return layout.row_tokens or building.LENGTH


def begun(model: str, layout: Layout, config: TrainConfig) -> Any:  # noqa: ANN401  (a model)
    """Return the model, with fresh adapters where they are asked for."""
    made = base(model, layout, config)
    return made if config.lora is None else building.adapted(made, config.lora, seed=config.seed)


def resumed(model: str, layout: Layout, config: TrainConfig, state: str) -> Any:  # noqa: ANN401
    """Return the model as a state has it: its folder, or that of its adapters."""
    if config.lora is None:
        return building.load(state)
    return building.with_adapter(base(model, layout, config), state)


def base(model: str, layout: Layout, config: TrainConfig) -> Any:  # noqa: ANN401  (a model)
    """Return the model as it was before."""
    if is_fresh(model):
        return building.fresh(model, layout.tokenizer, seed=config.seed, length=length(layout))
    return building.load(model)


def check_fits(model: Any, layout: Layout, longest: int, *, where: str) -> None:  # noqa: ANN401
    """Raise :class:`ConfigError` where a model has too few ids, or looks at too few tokens."""
    there, most = building.ids(model), checkpoint.most(model)
    if there < layout.tokenizer.size:
        raise ConfigError(
            f"--model {where}",
            got=f"embeddings for {there:,} ids",
            wanted=f"{layout.tokenizer.size:,}, as many as the mixture's tokenizer has",
            way_out="Train the model that the mixture was made for.",
        )
    if most is not None and longest > most:
        raise ConfigError(
            f"--model {where}",
            got=f"a model that looks at {most:,} tokens",
            wanted=f"{longest:,}, as the mixture's longest row has",
            way_out=f"Build the mixture with row_tokens = {most} or less in [mixture].",
        )


def write(out: str, trained: Any, beside: dict[str, bytes]) -> str:  # noqa: ANN401  (a model)
    """Write the model, and the adapters that were merged into it apart; return the model's folder.

    ``beside``: its tokenizer's files.
    """
    if hasattr(trained, "merge_and_unload"):
        _saved(storage.join(out, ADAPTER), trained, {})
        trained = trained.merge_and_unload()
    return _saved(storage.join(out, MODEL), trained, beside)


def _saved(at: str, model: Any, beside: dict[str, bytes]) -> str:  # noqa: ANN401  (a model)
    storage.remove(at)
    with storage.replacing_folder(at) as folder:
        model.save_pretrained(folder, safe_serialization=True, max_shard_size="2GB")
        for name, body in beside.items():
            storage.write_bytes(storage.join(folder, name), body)
    return at


def tokenizer(model: str, mixture: str, own: str | None, said: TokenizerSaid) -> dict[str, bytes]:
    """Return the tokenizer's files: those of the model that is begun with, or of the mixture's run.

    ``own``: where the latter lie, if not there. Raises :class:`ConfigError`.
    """
    return _of_run(mixture, own, said) if is_fresh(model) else _of_folder(model)


def _of_folder(folder: str) -> dict[str, bytes]:
    """Files of a model's tokenizer."""
    wanted = {*checkpoint.TOKENIZERS, *BESIDE, "merges.txt"} - set(OF_MODEL)
    names = [n for n in storage.list_names(folder) if n in wanted]
    return {name: storage.read_bytes(storage.join(folder, name)) for name in names}


def _of_run(mixture: str, tokenizer: str | None, said: TokenizerSaid) -> dict[str, bytes]:
    """Files of the mixture's tokenizer, for a fresh model. Raises :class:`ConfigError`."""
    near = [
        storage.join(run, ledger.FOLDERS["tokenizer"])
        for run in (mixture, storage.beside(mixture, "."))
    ]
    for place in near if tokenizer is None else [tokenizer]:
        with suppress(ConfigError):
            files = tokenizer_files.read(TokenizerConfig(path=place))
            if tokens.load(files.body, where=place).digest == said.digest:
                own = {n: b for n, b in files.beside.items() if n not in OF_MODEL}
                return {CONFIG: tokenizer_config(said), **own, files.name: files.body}
    raise ConfigError(
        mixture if tokenizer is None else f"--tokenizer {tokenizer}",
        got="no tokenizer of this mixture beside it"
        if tokenizer is None
        else "another tokenizer, or none",
        wanted=f"{said.digest[:12]} ({said.kind}, {said.size:,} ids), to go with a fresh model",
        way_out="Name the run's folder, which has it, or give it with --tokenizer.",
    )


def tokenizer_config(said: TokenizerSaid) -> bytes:
    """What transformers needs to know so that it takes ``tokenizer.json`` as it is."""
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": said.end_of_text,
              "bos_token": said.end_of_text}  # fmt: skip
    return orjson.dumps(config, option=orjson.OPT_INDENT_2) + b"\n"
