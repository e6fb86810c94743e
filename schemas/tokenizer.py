"""The recipe's section ``tokenizer``: what counts tokens, and makes text of conversations."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from schemas.recipe import Section, is_absent, wrong


class TokenizerConfig(Section):
    """The tokenizer that budgets are counted in: one that exists, or one trained on old data."""

    path: str | None = Field(
        default=None,
        description="A `tokenizer.json`, tiktoken's ranks (`*.tiktoken`), SentencePiece's "
        "`*.model`, Mistral's `tekken.json`; a folder that holds one of them; or "
        "`hf://owner/model` with `revision`.",
    )
    revision: str | None = Field(
        default=None, exclude_if=is_absent, description="Git revision of an `hf://` model."
    )
    end_of_text: str | None = Field(
        default=None,
        exclude_if=is_absent,
        description="The token that ends a document, such as `<|endoftext|>`. Needed where the "
        "files beside the tokenizer do not say.",
    )
    chat_template: str | None = Field(
        default=None,
        exclude_if=is_absent,
        description="How conversations become text: `chatml`, `qwen2.5`, `llama-2`, `llama-3`, "
        "`mistral`, `gemma`, `openchat`; `model`, the one that lies beside the tokenizer; or the "
        "path of a Jinja template. Without it they are mixed as plain text.",
    )
    train_vocab_size: int | None = Field(
        default=None,
        ge=257,
        le=1_000_000,
        description="Train a byte-level BPE of this size on the kept replay documents instead.",
    )
    train_mb: float = Field(
        default=16.0, gt=0, description="Megabytes (10^6 bytes) of text to train it on, at most."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.path is None) == (self.train_vocab_size is None):
            raise wrong(
                "",
                got="both path and train_vocab_size" if self.path else "no tokenizer",
                wanted="one of path (take it) and train_vocab_size (train it)",
                way_out="Give the path of the model's tokenizer.json; for a model that is made "
                "from nothing, a size such as 32000.",
            )
        return self
