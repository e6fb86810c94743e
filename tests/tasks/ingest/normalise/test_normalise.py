"""The form of every text, and what is changed on request: idempotent, counted, the same in bulk."""

# ruff: noqa: RUF001  (characters that look like others are what is tested)

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.normalisation import KINDS, NormaliseConfig
from tasks.ingest.normalise import MAX_ROUNDS, changes_json, normalise, normalise_texts
from tasks.ingest.normalise.controls import suspects
from tests.real_data import real_texts

REPEATED = frozenset(("Home | About", "---"))
PARTS = (
    *("\n", "\r\n", "\r", "\x0c", "\x0b", "\x85", "\u2028", "\u2029", "\n\n", " ", "\t", "\x1b[1m"),
    *("\x00", "\x1f", "\x7f", "\x80", "\x92", "\x9d", "\x1b", "[0m", "---", "---\na: 1\n---\n"),
    *("A", "e\u0301", "\u0303", "³", "\u212b", "\u0344", "Ã¼", "Ã", "â\x80\x99", "â€", "™"),
    "Â\xa0",
    *("ã\x83\x84", "voilÃ le", "&amp;", "&lt;", "&", "#38;", "am", "p;", "&#13;", "&#112;", "lt;"),
    *("&#x85;", "&nbsp;", "&shy;", "&foo;", "&#55296;", "\u200b", "\u200d", "\ufeff", "\u00ad"),
    *("\u1780", "\u2060", "＆", "ａ", "ﬁ", "𝑥", "\u3000", "\u202f", "\u1820", "ｶ", "ﾞ", "²"),
    *("р\u0430y", "pal", "\u0410", "Ж", "ο", "SMS", "Home | About", "  Home | About \n", "漢字"),
)
TEXT = st.lists(
    st.sampled_from(PARTS) | st.text(st.characters(codec="utf-8"), max_size=4), max_size=25
).map("".join)
SWITCHES = ("repair", "entities", "zero_width", "lookalikes", "front_matter")
CONFIGS = st.none() | st.builds(NormaliseConfig, **{name: st.booleans() for name in SWITCHES})
ALL = NormaliseConfig(
    repair=True, entities=True, zero_width=True, lookalikes=True, front_matter=True
)


@settings(max_examples=400)
@given(TEXT, CONFIGS, st.sampled_from((frozenset(), REPEATED)))
def test_a_second_time_nothing_changes(
    text: str, config: NormaliseConfig | None, repeated: frozenset[str]
) -> None:
    once = normalise(text, config, repeated)
    assert normalise(once.text, config, repeated) == (once.text, {}, ())
    assert unicodedata.is_normalized("NFC", once.text)
    controls = {ch for ch in once.text if unicodedata.category(ch) in ("Cc", "Zl", "Zp")}
    assert controls <= {"\n", "\t"}
    assert set(once.changes) <= set(KINDS)
    assert all(n > 0 for n in once.changes.values())
    if config is None and not repeated:
        assert set(once.changes) <= {"controls", "nfc"}


@settings(max_examples=200)
@given(st.lists(TEXT, max_size=6), CONFIGS)
def test_a_batch_is_its_texts(texts: list[str], config: NormaliseConfig | None) -> None:
    each = [normalise(text, config) for text in texts]
    batch = normalise_texts(texts, config)
    assert batch.text.to_pylist() == [found.text for found in each]
    assert batch.changes.to_pylist() == [changes_json(found.changes) for found in each]
    assert batch.front_matter == {
        row: found.front_matter for row, found in enumerate(each) if found.front_matter
    }


def test_no_character_escapes_the_look_at_the_whole_batch() -> None:
    characters = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    passed = np.flatnonzero(suspects(pa.array(characters, pa.large_string())) == 0)
    harmless = [characters[i] for i in passed]
    assert len(harmless) > 700
    assert [ch for ch in harmless if normalise(f"a{ch}").text != f"a{ch}"] == []
    pairs = "".join(one + two for one in harmless for two in harmless)
    assert unicodedata.normalize("NFC", pairs) == pairs


def test_real_texts_are_the_same_one_by_one_and_together() -> None:
    files = ("dolma/documents/wiki/part-00000", "german/manpages/part-00000")
    texts = [text for file in files for text in real_texts(f"{file}.jsonl.gz", 40)]
    assert normalise_texts(texts).text.to_pylist() == [normalise(text).text for text in texts]


@pytest.mark.parametrize(
    ("raw", "text", "changes"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n", {}),
        ("end of page\x0cnext", "end of page\nnext", {}),
        ("end of page\n\x0cnext", "end of page\nnext", {}),
        ("def f\n\x0c\nclass", "def f\n\nclass", {}),
        ("one\x0btwo\x85three\u2028four\u2029five", "one\ntwo\nthree\nfour\nfive", {}),
        ("tab\tstays\x00\x7f\x92", "tab\tstays", {"controls": 3}),
        ("\x1b[1;31mred\x1b[0m and \x1bmore", "red and more", {"controls": 12}),
        ("surname\x1fname", "surname name", {"controls": 1}),
        ("e\x00\u0301", "é", {"controls": 1, "nfc": 2}),
        ("\u212b", "Å", {"nfc": 1}),
    ],
)
def test_what_happens_to_every_text(raw: str, text: str, changes: dict[str, int]) -> None:
    assert normalise(raw) == (text, changes, ())


@pytest.mark.parametrize(
    ("switch", "raw", "text"),
    [
        ("repair", "GrÃ¼ÃŸe aus KÃ¶ln", "Grüße aus Köln"),
        ("repair", "mixed: dâ\x80\x99accord\nпривет", "mixed: d’accord\nпривет"),
        ("repair", "d\x92accord", "d’accord"),
        ("repair", "schÃ\x85n", "schÅn"),
        ("repair", "Grüße, “quoted” ﬁne ＯＫ", "Grüße, “quoted” ﬁne ＯＫ"),
        ("zero_width", "to\u200bgether \ufeffnow, Do\u00ad\n  nau", "together now, Donau"),
        ("zero_width", "ភាសា\u200bខ្មែរ", "ភាសា\u200bខ្មែរ"),
        ("zero_width", "می\u200cخواهم क्\u200dष 👩\u200d💻", "می\u200cخواهم क्\u200dष 👩\u200d💻"),
    ],
)
def test_what_happens_on_request(switch: str, raw: str, text: str) -> None:
    found = normalise(raw, NormaliseConfig(**{switch: True}))
    assert found.text == text
    assert set(found.changes) == ({switch} if text != raw else set())


def test_counts_are_of_characters_of_the_text_before() -> None:
    found = normalise("&lt;p&gt; \u200bＡＢ\x00 &amp; GrÃ¼n\r\n", ALL)
    assert found.text == "<p> AB & Grün\n"
    counts = {"entities": 13, "zero_width": 1, "lookalikes": 2, "controls": 1, "repair": 2}
    assert found.changes == counts
    assert json.loads(changes_json(found.changes) or "") == counts
    assert changes_json({}) is None


def nested(levels: int) -> str:
    """Return a reference in which the first digit of a reference is a reference, and so on."""
    text = "&#38;"
    for _ in range(levels):
        inner = re.findall(r"&#\d+;", text)[0]
        text = text.replace(inner, f"&#&#{ord(inner[2])};{inner[3:]}")
    return text


def test_a_text_nested_to_keep_it_busy_gets_the_basics_only() -> None:
    assert normalise(nested(3), ALL).text == "&"
    deep = normalise(f"{nested(MAX_ROUNDS)}\r\n\x00", ALL)
    assert deep.text == f"{nested(MAX_ROUNDS)}\n"
    assert deep.changes == {"controls": 1}
    assert normalise(deep.text, ALL) == (deep.text, {}, ())


def test_ftfy_is_not_imported_unless_asked_for() -> None:
    script = (
        "import sys\nfrom tasks.ingest.normalise import normalise\n"
        "from schemas.normalisation import NormaliseConfig\n"
        "normalise('Ã¼', NormaliseConfig(entities=True))\nprint('ftfy' in sys.modules)\n"
        "normalise('Ã¼', NormaliseConfig(repair=True))\nprint('ftfy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\nTrue\n"
