"""Tiny checkpoints with random weights, made where they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tasks import tokens
from tasks.training import batches
from tests.corpora import prose

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def needs_torch() -> None:
    """Skip the test where the extra is not installed."""
    for name in ("torch", "transformers"):
        pytest.importorskip(name, reason=f"no {name}: the extra `train` is not installed")


def whole(ids: NDArray[Any], is_replay: NDArray[np.bool_] | None = None) -> batches.Batch:
    """Return rows of one length as a batch: all of them learned, new unless said otherwise."""
    rows, length = ids.shape
    replay = np.zeros(rows, np.bool_) if is_replay is None else is_replay
    return batches.of_rows(ids, np.full(rows, length), replay, [str(i) for i in range(rows)])


def tiny(folder: Path, *, chat: bool = False, vocab_size: int = 400, seed: int = 0) -> Path:
    """Save a Llama of two layers, and a tokenizer trained on made-up English."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    body = tokens.train([prose(i) for i in range(30)], vocab_size=vocab_size)
    (folder / "raw.json").write_bytes(body)
    end = tokens.END_OF_TEXT
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "raw.json"), bos_token=end, eos_token=end
    )
    if chat:
        names = [f"<|{name}|>" for name in ("user", "assistant", "end")]
        tokenizer.add_special_tokens({"additional_special_tokens": names})
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    (folder / "raw.json").unlink()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.15,  # far enough from uniform to tell distributions apart
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
