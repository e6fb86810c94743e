# ruff: noqa: RUF001  (characters that look like others are what is tested)

from __future__ import annotations

import unicodedata

import pytest

from tasks.ingest.normalise.lookalikes import CYRILLIC, GREEK, HOMOGLYPHS, without_lookalikes


@pytest.mark.parametrize(
    ("raw", "text", "count"),
    [
        ("Ｈｅｌｌｏ　１２", "Hello 12", 8),
        ("ﬁnal eﬃcient", "final efficient", 2),
        ("𝐛𝑜𝓁𝒹 ℝ ℎ 𝟘𝟗", "bold R h 09", 8),
        ("10\u202f000\u00a0km\u2009!", "10 000 km !", 3),
        ("ｱｲｳｰ", "アイウー", 4),
        ("p\u0430ypal", "paypal", 1),
        ("\u0440\u0430yp\u0430l", "paypal", 3),
        ("\u0420ython \u039dATO Caf\u0435\u0301", "Python NATO Cafe\u0301", 3),
    ],
)
def test_what_stands_for_plain_letters_becomes_them(raw: str, text: str, count: int) -> None:
    assert without_lookalikes(raw) == (text, count)


@pytest.mark.parametrize(
    "raw",
    [
        "Она сказала: «Привет, мир!» ООН НАСА СССР он а в с",
        "Ο άνθρωπος ΑΒΓ ΝΑΤΟ και",
        "x² ½ ™ ①  ℃ Ⅷ µm kΩ H₂O",
        "中文，标点！（全角）：「日本語」・",
        "α-helix μm νe Δx 5σ βcarotene",  # formulas mix alphabets
        "в SMS\u0435, по GPS\u0443",  # Russian endings on foreign abbreviations
        "XМосква Webсайт",  # letters that look like nothing Latin
        "ᠠ\u202fᠡ",  # a part of Mongolian spelling
    ],
)
def test_what_carries_meaning_stays(raw: str) -> None:
    assert without_lookalikes(raw) == (raw, 0)


def test_the_table_is_of_letters_of_one_script_and_of_one_case() -> None:
    assert len(HOMOGLYPHS) == len(CYRILLIC) + len(GREEK)
    for script, table in (("CYRILLIC", CYRILLIC), ("GREEK", GREEK)):
        for number, latin in table.items():
            assert unicodedata.name(chr(number)).startswith(script)
            assert unicodedata.category(chr(number)) == unicodedata.category(latin)
