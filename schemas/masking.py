"""The recipe's section ``masking``: what is hidden in the text as it is written."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import Field

from schemas.recipe import Section

Kind = Literal["secret", "iban", "card", "ip", "email", "phone"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Kinds of spans, in the order that decides between finds of the same length."""
Style = Literal["tag", "dolma", "example"]

MASKS: Final[dict[Style, dict[Kind, str]]] = {
    "tag": {
        "secret": "<SECRET>",
        "iban": "<IBAN>",
        "card": "<CARD>",
        "ip": "<IP>",
        "email": "<EMAIL>",
        "phone": "<PHONE>",
    },
    # The last three are Dolma's (arXiv 2402.00159, section 3.1), and tokens of OLMo's tokenizers.
    "dolma": {
        "secret": "|||SECRET|||",
        "iban": "|||IBAN|||",
        "card": "|||CARD_NUMBER|||",
        "ip": "|||IP_ADDRESS|||",
        "email": "|||EMAIL_ADDRESS|||",
        "phone": "|||PHONE_NUMBER|||",
    },
    # What is nobody's: FineWeb's address at a domain of RFC 2606, RFC 5737's first one, and a
    # number that North America keeps for fiction. The others have no such value.
    "example": {
        "secret": "XXXXXXXX",
        "iban": "XX00 XXXX XXXX XXXX",
        "card": "XXXX XXXX XXXX XXXX",
        "ip": "192.0.2.1",
        "email": "email@example.com",
        "phone": "202-555-0100",
    },
}
"""What stands in the place of a span. None of it is found again."""


class MaskingConfig(Section):
    """Personal data and secrets that are masked wherever text is written. Left out: none are.

    Tokens are counted, and a tokenizer is trained, on the text so masked. `documents/` keeps the
    text as it was read, and `url` and `metadata` stay as they are.
    """

    kinds: tuple[Kind, ...] = Field(
        min_length=1,
        strict=False,
        description="What is masked: e-mail addresses, telephone numbers, internet addresses, "
        "accounts (IBAN), cards, secrets (keys, tokens, passwords).",
    )
    style: Style = Field(
        default="tag",
        description="What stands in its place: `tag` writes `<EMAIL>`, `dolma` what Dolma has "
        "(`|||EMAIL_ADDRESS|||`, which is one token to OLMo's tokenizers), `example` what reads "
        "like it but is nobody's (`email@example.com`, `192.0.2.1`, `202-555-0100`).",
    )
    exempt: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Sources, by the name that their documents have, in which nothing is masked "
        "(licences with their contacts, for example).",
    )
