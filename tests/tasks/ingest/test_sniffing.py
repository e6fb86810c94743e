"""Formats that are seen in the content, where a name does not tell them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Format, IngestConfig, Source
from tasks.ingest.sniffing import sniff
from tasks.inputs import list_units
from tests.real_data import real_data
from tests.tasks.ingest.reading import read

if TYPE_CHECKING:
    from pathlib import Path

TURNS = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
ALPACA = {"instruction": "a", "input": "", "output": "b"}
CASES = [
    (b'{"text": "a"}\n', "jsonl"),
    (b'\xef\xbb\xbf\n {"text": "a"}\n', "jsonl"),
    ('{"text": "a"}\n'.encode("utf-16"), "jsonl"),
    (json.dumps(TURNS).encode(), "chat"),
    (json.dumps([ALPACA, ALPACA], indent=1).encode(), "chat"),
    (b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "chat"),
    (b'[{"chosen_messages": [], "rejected_messages": []}]', "chat"),
    (b'{"chosen": "b", "body": "c"}\n', "jsonl"),
    (json.dumps({"text": "a", **ALPACA}).encode(), "jsonl"),
    (b'{"text": "a"}\n' + json.dumps(ALPACA).encode(), "jsonl"),
    (b"PAR1\x15\x04", "parquet"),
    (b"ARROW1\0\0\xff\xff\xff\xff\x78\0\0\0\x10\0\0\0", "arrow"),
    (b"\xff\xff\xff\xff\x78\0\0\0\x10\0\0\0", "arrow"),
    (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
    (b"WARC/1.0\r\nWARC-Type: warcinfo\r\n", "warc"),
    (b'<doc id="1" url="u" title="t">\n', "wikiextractor"),
    (b'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n', "stackexchange"),
    (b"<!DOCTYPE html>\n<html>", "html"),
    (b"Just some text.", None),
    (b"[1, 2]", None),
    (b"", None),
    (b"\x1f\x8b\x08broken", None),
]


@pytest.mark.parametrize(("head", "kind"), CASES)
def test_the_first_bytes_tell(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind
    if head[:2] != b"\x1f\x8b":
        assert sniff(gzip.compress(head)) == kind


@given(st.binary(max_size=300))
def test_any_bytes_are_looked_at_in_peace(head: bytes) -> None:
    kind = sniff(head)
    assert kind is None or kind in get_args(Format)
    assert sniff(gzip.compress(head)[:-4]) in (kind, None)


def listed(folder: Path, **keys: Any) -> str:
    source = Source.model_validate({"name": "s", "url": str(folder), **keys})
    return list_units(IngestConfig(sources=(source,))).formats["s"]


def test_names_without_endings(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_bytes(b'{"text": "one"}\n')
    (tmp_path / "part-00001").write_bytes(b'{"text": "two"}\n')
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert listed(tmp_path) == "jsonl"
    assert sorted(read(tmp_path).texts) == ["one", "two"]


def test_conversations_need_not_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([ALPACA, ALPACA]))
    assert listed(tmp_path) == "chat"
    (tmp_path / "a.json").write_text(json.dumps(TURNS | {"body": "x"}) + "\n")
    assert listed(tmp_path) == "chat"
    assert listed(tmp_path, text_field="body") == "jsonl"
    assert listed(tmp_path, format="jsonl") == "jsonl"


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("native/wikiextractor", "wikiextractor"),
        ("native/wikinews", "jsonl"),
        ("instruct/llamafactory/alpaca_en_demo.json", "chat"),
        ("instruct/llamafactory/v1_dpo_demo.jsonl", "chat"),
        ("instruct/fastchat/data/dummy_conversation.json", "chat"),
        ("native/llamafactory_pretrain/c4_demo.jsonl", "jsonl"),
    ],
)
def test_published_files(place: str, kind: str) -> None:
    assert listed(real_data() / place) == kind
