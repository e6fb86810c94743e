"""Ids and masks of conversations are those that transformers gives with the same template."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer as Library

from schemas import columns as c
from schemas.mixture import TokenizerSaid
from schemas.tables import MESSAGE
from tasks import tokens
from tasks.encoding import Encoder
from tasks.mixture.templates import FORMATS
from tests.real_data import real_data

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
HUGGING_FACE = "tokenizers/ai2_olmo_eval/allenai_gpt-neox-olmo-dolma-v1_5.json"
MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
)


def conversations() -> list[list[dict[str, str]]]:
    """Alpaca's rows that LLaMA-Factory ships, and some that are harder."""
    (at,) = (real_data() / "instruct/llamafactory").rglob("alpaca_en_demo.json")
    rows = json.loads(at.read_text())[:300]
    asked = [f"{row['instruction']}\n{row['input']}".strip() for row in rows]
    found = [_turns(q, row["output"]) for q, row in zip(asked, rows, strict=True)]
    hard = ["  spaces before", "after  ", "\n\n", "漢字 🇩🇪 é", "<|im_end|> within", "x" * 500]
    return [*found, *(_turns(text, other) for text in hard for other in hard), _turns(*hard)]


def _turns(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(contents)]


@pytest.mark.parametrize("template", [MARKED, FORMATS["chatml"]], ids=["jinja", "named"])
def test_conversations_are_encoded_as_by_transformers(template: Any, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    library = Library.from_file(str(real_data() / HUGGING_FACE))
    library.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    library.save(str(tmp_path / "tokenizer.json"))
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tmp_path / "tokenizer.json"), chat_template=MARKED
    )
    ours = tokens.load((tmp_path / "tokenizer.json").read_bytes(), where="here")
    talks = conversations()
    documents = pa.table(
        {
            c.TEXT: pa.array([""] * len(talks), pa.large_string()),
            c.MESSAGES: pa.array(talks, pa.list_(MESSAGE)),
        }
    )
    with Encoder(ours, TokenizerSaid(kind="", digest="", size=0), template) as encoder:
        found = encoder.encode(documents, "")
    own = zip(pairwise(found.ids.offsets.tolist()), talks, strict=True)
    for (start, end), talk in own:
        wanted = theirs.apply_chat_template(
            talk, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        assert found.ids.values[start:end].tolist() == wanted["input_ids"]
        mask = found.learned.values[start:end].astype(int).tolist()
        assert mask == wanted["assistant_masks"], talk
