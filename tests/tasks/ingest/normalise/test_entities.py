# ruff: noqa: RUF001  (characters that look like others are what is tested)

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.normalise.entities import without_entities


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("fish &amp; chips &quot;to go&quot; &#39;now&#39;", "fish & chips \"to go\" 'now'"),
        ("&#8211;&#x2013;&#X2013;&ndash;", "––––"),
        ("AT&amp;T;, black&amp;white;", "AT&T;, black&white;"),
        ("&#10;&#9;|&NewLine;|&Tab;|&#13;", "\n\t|\n|\t|\r"),
        ("&#146;&#x85;", "’…"),  # what browsers show
        ("&nGt;", "≫⃒"),  # one name, two characters
    ],
)
def test_left_over_references_are_replaced(raw: str, text: str) -> None:
    found, changed = without_entities(raw)
    assert found == text
    assert changed > 0


@pytest.mark.parametrize(
    "raw",
    [
        *("&amp", "&copy 2024", "&notit;", "&;", "&#;", "&#x;", "& amp;", "AT&T", "a&b;"),
        *("&#0;", "&#7;", "&#127;", "&#129;", "&#xD800;", "&#xDFFF;", "&#xFFFE;", "&#1114112;"),
        *("&#99999999999;", "&#٣٨;", "&amp;lt;", "&amp;amp;", "&#38;#60;", "&AMP;#x3c;"),
    ],
)
def test_what_is_none_or_is_meant_to_be_shown_stays(raw: str) -> None:
    assert without_entities(raw) == (raw, 0)


@given(st.text("abc <>\"'&;é漢", max_size=30))
def test_escaping_is_undone_where_no_reference_was_written_out(text: str) -> None:
    if html.unescape(text) == text and html.unescape(text.replace("&", "&amp;")) == text:
        escaped = html.escape(text)
        assert without_entities(escaped)[0] in (text, html.unescape(escaped))
