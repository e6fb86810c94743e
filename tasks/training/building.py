"""Models to be trained: from a folder, from nothing, with adapters. Always in float32.

Nothing that comes with a checkpoint is run, and nothing is fetched.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ConfigError, TrainingError
from tasks.training import checkpoint, extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.mixture import TokenizerSaid
    from schemas.training import LoraConfig

WHERE: Final = "openmoat train"
LENGTH: Final = 2_048
"""Tokens that a fresh model can look at."""
SHAPES: Final = {
    "small": {"hidden_size": 128, "intermediate_size": 320, "num_hidden_layers": 2,
              "num_attention_heads": 4},
    "5M": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 6,
           "num_attention_heads": 8},
    "25M": {"hidden_size": 512, "intermediate_size": 1_376, "num_hidden_layers": 8,
            "num_attention_heads": 8},
    "100M": {"hidden_size": 768, "intermediate_size": 2_048, "num_hidden_layers": 12,
             "num_attention_heads": 12},
}  # fmt: skip
"""Llamas by about how many parameters they have (embeddings, which are tied, apart)."""
EXHAUSTED: Final = ("out of memory", "can't allocate memory", "not enough memory",
                     "STATUS_ALLOC_FAILED")  # fmt: skip
"""Of CUDA, of the allocators of CPUs, of cuBLAS and cuDNN."""
TO_TRAIN: Final = (
    "Halve --batch and double --accumulation, which gives the same steps; --checkpointing, --lora "
    "and shorter row_tokens of the mixture take less, too. With other options it is another run: "
    "give it another --out."
)
TO_SCORE: Final = "Halve --batch; a smaller --window takes less, too."


def settle(threads: int = 1) -> None:
    """Let the same sums come out the same: as many threads, and no operation that varies.

    On GPUs some operations have no such form: there the last digits may differ.
    """
    torch, transformers = extra.needed(WHERE)
    transformers.utils.logging.disable_progress_bar()  # they are drawn into pipes, too
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=torch.cuda.is_available())
    # peft asks transformers for what it calls otherwise by now; nobody here can mend that.
    warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing", FutureWarning)


def load(folder: str) -> Any:  # noqa: ANN401  (a model)
    """Load a causal language model. Raises :class:`ConfigError`."""
    torch, _ = extra.needed(WHERE)
    wanted = "a causal language model that transformers can load without code of its own"
    way_out = "Download it anew; a model of a newer kind may want a newer transformers."
    with checkpoint.loadable(folder, wanted=wanted, way_out=way_out):
        return checkpoint.causal(folder, torch.float32)


def fresh(shape: str, said: TokenizerSaid, *, seed: int, length: int = LENGTH) -> Any:  # noqa: ANN401
    """Return a Llama with random weights and an id for each of a tokenizer."""
    torch, transformers = extra.needed(WHERE)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=said.size,
        bos_token_id=said.end_id if said.begin_id is None else said.begin_id,
        eos_token_id=said.end_id,
        max_position_embeddings=length,
        tie_word_embeddings=True,
        **SHAPES[shape],
    )
    return transformers.LlamaForCausalLM(config)


def adapted(model: Any, config: LoraConfig, *, seed: int) -> Any:  # noqa: ANN401  (a model)
    """Put fresh adapters beside all linear layers (but the last); only they are to be trained."""
    torch, _ = extra.needed(WHERE)
    peft = extra.peft(WHERE)
    torch.manual_seed(seed)
    own = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, own)


def with_adapter(model: Any, folder: str) -> Any:  # noqa: ANN401  (a model)
    """Put adapters of a folder beside a model's layers, to be trained further."""
    peft = extra.peft(WHERE)
    return peft.PeftModel.from_pretrained(model, folder, is_trainable=True)


def ids(model: Any) -> int:  # noqa: ANN401  (a model)
    """Return for how many ids a model has embeddings."""
    return int(model.get_input_embeddings().num_embeddings)


def check_isolation(model: Any) -> None:  # noqa: ANN401  (a model)
    """Raise :class:`ConfigError` for a model whose attention takes no mask of its own."""
    kind = getattr(model.config, "_attn_implementation", None)
    if kind not in ("sdpa", "eager") or checkpoint.most(model) is None:
        raise ConfigError(
            "isolate",
            got=f"a {model.config.model_type} with attention {kind!r}",
            wanted="one with attention over all tokens (sdpa, eager), which takes a mask",
            way_out="Leave isolate out, or build the mixture without row_tokens: a document a row.",
        )


@contextmanager
def enough_memory(
    batch_rows: int, *, where: str = WHERE, way_out: str = TO_TRAIN
) -> Iterator[None]:
    """Turn what PyTorch says of memory that is not enough into one error with the way out."""
    torch, _ = extra.needed(WHERE)
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_it = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not is_it and not any(said in str(error) for said in EXHAUSTED):
            raise
        raise TrainingError(
            where,
            got=f"not enough memory for {batch_rows:,} rows at once "
            f"({next(iter(str(error).strip().splitlines()), 'out of memory')})",
            wanted="a batch that fits",
            way_out=way_out,
        ) from error
