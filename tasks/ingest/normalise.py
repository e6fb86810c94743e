"""The form every text has from the first table on: NFC, and newlines as one line feed."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    r"""Return the text in Unicode NFC with ``\r\n`` and ``\r`` as ``\n``."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else unicodedata.normalize("NFC", text)
