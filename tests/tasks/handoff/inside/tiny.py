"""Makes a small Llama with random weights and its tokenizer: tiny.py TOKENIZER_JSON FOLDER."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

transformers: Any = import_module("transformers")  # types of which version, no checker knows
CHATML = """\
{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}\
{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}\
{% else %}{{ m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"""
END, PADDING = "<|endoftext|>", "<|padding|>"

file, folder = sys.argv[1:]
tokenizer = transformers.PreTrainedTokenizerFast(
    tokenizer_file=file, eos_token=END, pad_token=PADDING
)
tokenizer.chat_template = CHATML
tokenizer.save_pretrained(folder)
transformers.set_seed(0)
config = transformers.LlamaConfig(
    vocab_size=len(tokenizer),
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=1,
    num_attention_heads=2,
    max_position_embeddings=8192,
    eos_token_id=tokenizer.eos_token_id,
    pad_token_id=tokenizer.pad_token_id,
)
transformers.LlamaForCausalLM(config).save_pretrained(folder)
