"""A language model from a local folder: its weights from safetensors, its code from transformers.

Nothing that comes with a checkpoint is run: no code of its own, no pickles. Nothing is fetched.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.errors import ConfigError
from tasks.training import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WEIGHTS: Final = ".safetensors"
GIVEN: Final = {"local_files_only": True, "trust_remote_code": False}
"""Of whatever is loaded from a folder."""
PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt")
CONFIG: Final = "config.json"
TOKENIZERS: Final = (
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
)


class Checkpoint(NamedTuple):
    """A model that can be asked, and its tokenizer.

    - ``begins``: the tokens that a text begins with: that of its beginning or, where there is
      none, that of the end of the text before; neither, and there are none.
    - ``ends``: tokens that end a text.
    - ``most``: tokens that the model can look at, if it says so.
    - ``device``: what it runs on.
    """

    model: Any
    tokenizer: Any
    begins: tuple[int, ...]
    ends: frozenset[int]
    most: int | None
    device: str


def check(where: str, names: Sequence[str]) -> None:
    """Raise :class:`ConfigError` where a folder of such files is no checkpoint that can be read."""
    wanted, got, way_out = None, "", ""
    if not names:
        got, wanted = "no folder with files", "a local folder with a model"
        way_out = "Download the model first (for example `hf download ID --local-dir FOLDER`)."
    elif CONFIG not in names:
        got, wanted = f"no {CONFIG}", "the folder of a transformers model"
        way_out = f"Give the folder that holds {CONFIG}, the weights and the tokenizer."
    elif not any(name.endswith(WEIGHTS) for name in names):
        pickles = [name for name in names if name.endswith(PICKLES)]
        got = f"weights as pickles ({pickles[0]})" if pickles else "no weights"
        wanted = f"weights in {WEIGHTS} files: a pickle can run anything"
        way_out = "Take the model's safetensors, or convert it where you trust it."
    elif not any(name in names for name in TOKENIZERS):
        got, wanted = "no tokenizer", f"one of {', '.join(TOKENIZERS)}"
        way_out = "Put the model's tokenizer beside its weights."
    if wanted is not None:
        raise ConfigError(where, got=got, wanted=wanted, way_out=way_out)


def load(folder: str, *, command: str = "openmoat generate") -> Checkpoint:
    """Load a checkpoint, onto a GPU where there is one. Raises :class:`ConfigError`."""
    torch, transformers = extra.needed(command)
    own = device(command)
    transformers.utils.logging.disable_progress_bar()  # they are drawn into pipes, too
    wanted = "a model and a tokenizer that transformers can load without code of their own"
    way_out = "Look at the folder; a model of a newer kind may want a newer transformers."
    with loadable(folder, wanted=wanted, way_out=way_out):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **GIVEN)
        # Half precision is slow on CPUs, and not of the same digits on each.
        model = causal(folder, "auto" if own == "cuda" else torch.float32)
    model.to(own).eval()
    begins, ends = _limits(tokenizer, model)
    return Checkpoint(model, tokenizer, begins, ends, most(model), own)


def device(command: str) -> str:
    """Return what models run on."""
    torch, _ = extra.needed(command)
    return "cuda" if torch.cuda.is_available() else "cpu"


def causal(folder: str, dtype: Any) -> Any:  # noqa: ANN401  (PyTorch's; a model)
    """Return the causal language model of a folder.

    Raises what transformers raises, and ValueError for weights that are not there: transformers
    warns of them, and makes random ones up.
    """
    _, transformers = extra.needed("checkpoint")
    model, told = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        use_safetensors=True,
        weights_only=True,
        dtype=dtype,
        output_loading_info=True,
        **GIVEN,
    )
    missing = sorted(told["missing_keys"])
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise ValueError(f"weights without {missing[0]}{more}")
    return model


@contextmanager
def loadable(folder: str, *, wanted: str, way_out: str) -> Iterator[None]:
    """Turn what the libraries raise of a folder into one :class:`ConfigError`."""
    try:
        yield
    except Exception as error:  # whatever the libraries raise of what they were given
        raise ConfigError(
            folder,
            got=next(iter(str(error).strip().splitlines()), type(error).__name__),
            wanted=wanted,
            way_out=way_out,
        ) from error


def most(model: Any) -> int | None:  # noqa: ANN401  (a model)
    """Return how many tokens a model can look at, if it says so."""
    found = getattr(model.config, "max_position_embeddings", None)
    return found if isinstance(found, int) else None


def _limits(tokenizer: Any, model: Any) -> tuple[tuple[int, ...], frozenset[int]]:  # noqa: ANN401
    """Return what a text begins with, and what ends it."""
    configs = (tokenizer, getattr(model, "generation_config", None), model.config)
    ends = {token for one in configs for token in _tokens(one, "eos_token_id")}
    begins = next(filter(None, (_tokens(one, "bos_token_id") for one in configs)), [])
    first = begins or _tokens(tokenizer, "eos_token_id") or sorted(ends)
    return tuple(first[:1]), frozenset(ends)


def _tokens(config: object, name: str) -> list[int]:
    found = getattr(config, name, None)
    every = found if isinstance(found, list) else [found]
    return [token for token in every if isinstance(token, int)]
