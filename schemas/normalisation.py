"""What a source's texts are freed of beyond what every text is freed of."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from schemas.recipe import Section

KINDS: Final = (
    "front_matter",
    "repair",
    "entities",
    "controls",
    "nfc",
    "zero_width",
    "lookalikes",
    "boilerplate",
)
"""Kinds of changes, each counted in characters of the text before: ``documents.changes`` has those
that happened, ``signals`` has ``normalise_<kind>`` for all."""


class NormaliseConfig(Section):
    """What is changed in a source's texts on request. All of it is off by default.

    Line ends, control characters and Unicode NFC are seen to in every text, asked or not.
    """

    repair: bool = Field(
        default=False,
        description="Repair text that was decoded by the wrong charset, line by line: `GrÃ¼ÃŸe` "
        "becomes `Grüße` (ftfy's `fix_encoding`).",
    )
    entities: bool = Field(
        default=False,
        description="Replace left-over HTML references that end in a semicolon (`&amp;`, `&#8211;`,"
        " `&#x1F;`) by their character, one level deep: `&amp;lt;` stays. Not for source code and "
        "pages about HTML.",
    )
    zero_width: bool = Field(
        default=False,
        description="Remove characters without width: zero-width and no-break spaces of no width "
        "(U+200B, U+FEFF), word joiners (U+2060), soft hyphens (U+00AD). A zero-width space "
        "beside a letter of a South-East Asian script stays (it parts words there), and so do "
        "joiners (U+200C, U+200D) and marks of direction.",
    )
    lookalikes: bool = Field(
        default=False,
        description="Replace full-width and mathematical letters and digits, half-width katakana, "
        "Latin ligatures and special spaces by the plain ones, and Cyrillic or Greek letters "
        "inside an otherwise Latin word by the Latin letters that look the same. Superscripts, "
        "fractions and full-width punctuation stay.",
    )
    front_matter: bool = Field(
        default=False,
        description="Take YAML between `---` lines off the text's beginning and keep it in the "
        "metadata, under `front_matter`.",
    )
    boilerplate: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="Remove lines that stand in at least this share of the source's documents, "
        "say 0.5. They are found in a sample of 4,096 documents, which takes a read of the source "
        "of its own; a source of less than 20 different documents keeps all lines.",
    )
