"""What tiktoken's rank files leave out: how a text is split before, and the special tokens.

A family is told by the number of its ranks. Patterns and special tokens are facts that the makers
publish: OpenAI's with tiktoken (``tiktoken_ext.openai_public``), Meta's with Llama 3.1
(``models/llama3/tokenizer.py`` of llama-models), Alibaba's with Qwen (``tokenization_qwen.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

END_OF_TEXT: Final = "<|endoftext|>"


class Family(NamedTuple):
    """Pattern and special tokens that go with a rank file."""

    name: str
    pattern: str
    special: Mapping[str, int]
    end: str = END_OF_TEXT
    begin: str | None = None
    padding: str | None = None


_R50K: Final = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K: Final = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_ENDINGS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_O200K: Final = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDINGS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDINGS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_REST: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA_3: Final = _ENDINGS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST
_QWEN: Final = _ENDINGS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST

_FIM: Final = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


def _numbered(first: int, *names: str) -> dict[str, int]:
    return {name: first + place for place, name in enumerate(names)}


def _reserved(*numbers: int) -> list[str]:
    return [f"<|reserved_special_token_{number}|>" for number in numbers]


_LLAMA_3_SPECIAL: Final = _numbered(
    128_000,
    "<|begin_of_text|>",
    "<|end_of_text|>",
    *_reserved(0, 1),
    "<|finetune_right_pad_id|>",
    *_reserved(2),
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    *_reserved(*range(3, 248)),
)
_QWEN_SPECIAL: Final = _numbered(
    151_643, END_OF_TEXT, "<|im_start|>", "<|im_end|>", *(f"<|extra_{n}|>" for n in range(205))
)

FAMILIES: Final[Mapping[int, Family]] = {
    50_256: Family("r50k_base", _R50K, {END_OF_TEXT: 50_256}),
    50_280: Family("p50k_base", _R50K, {END_OF_TEXT: 50_256}),
    100_256: Family(
        "cl100k_base",
        _CL100K,
        _numbered(100_257, END_OF_TEXT, *_FIM) | {"<|endofprompt|>": 100_276},
    ),
    199_998: Family("o200k_base", _O200K, {END_OF_TEXT: 199_999, "<|endofprompt|>": 200_018}),
    128_000: Family(
        "llama-3",
        _LLAMA_3,
        _LLAMA_3_SPECIAL,
        end="<|end_of_text|>",
        begin="<|begin_of_text|>",
        padding="<|finetune_right_pad_id|>",
    ),
    151_643: Family("qwen", _QWEN, _QWEN_SPECIAL),
}
"""By number of ranks. GPT-2's are those of ``r50k_base``."""
