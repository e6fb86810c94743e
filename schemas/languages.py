"""Codes of languages, as recipes have them."""

from __future__ import annotations

import re
from typing import Final

from schemas.recipe import wrong

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?")


def check_languages(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what cannot be a label of lid.176."""
    for code in value:
        if not LANGUAGE.fullmatch(code):
            raise wrong(
                "",
                got=f"{code[:80]!r}",
                wanted="codes of two or three small letters, such as 'en' or 'de'",
                way_out="Write ISO 639 codes, as lid.176 answers with them; 'eng_Latn' where "
                "another model does.",
            )
    return value
