"""Spans of personal data and secrets in texts.

**What a span is**: from where to where, in code points and without the last one, so that
``text[start:end]`` is it in Python, as Dolma's spans are; and its kind. They are in order and do
not overlap: finds that overlap become one span, from the first's start to the last's end, of the
kind of the longest find; of equally long ones the kind decides that stands first in :data:`KINDS`.
So masking never leaves half of one behind.

Precision goes before recall: a mask over good text is damage. :mod:`.names` has the constants with
their sources, ``tests/tasks/signals/pii_reference.py`` the definitions in plain Python. In short:

- ``email``: RFC 5321's form without quoted parts: letters (Latin ones with their marks too),
  digits and ``._%+-``, an apostrophe between letters; ``@``; labels, the last one a top-level
  domain. Not under domains for documentation (RFC 2606), not ``git@``, not ``@name@host``, not
  before a bracket, which would be a call. Shared addresses (``info@``) are addresses too.
- ``phone``: ``+`` and a country's code, 8 to 15 digits (ITU-T E.164); North American numbers that
  hyphens, dots or brackets divide (``(212) 555-1234``), without those of fiction (555-01xx); French
  ones in pairs; else any of 7 to 13 digits after a word such as *Tel.*, *fax* or ☎. No dates,
  sums, decimals, codes of sections, standard book numbers.
- ``ip``: IPv4 and global IPv6 addresses, of hosts that may be a person's: no network's, none of
  IANA's special registries. Not what may be a version or a section: after such a word, after a
  letter and ``/`` or ``-`` (``Firefox/3.6.28.99``), or with fewer than two numbers above 31, which
  costs 0.7 % of all addresses.
- ``iban``: by country length and form (ISO 13616), and the remainder of 97; in groups of four or
  unbroken, in capital letters.
- ``card``: an issuer's prefix and length (ISO/IEC 7812), Luhn's check digit; in printed groups, or
  unbroken after a word about cards.
- ``secret``: private keys in PEM (RFC 7468), also cut off ones; JSON Web Tokens (RFC 7519); keys of
  AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI, Hugging Face, npm, PyPI in their documented
  forms; and what looks random in ``password = "…"`` and the like. No examples, no placeholders.

What peers find that this does not, on purpose: Dolma's taggers take ``x@y`` before white space, any
ten digits in groups 3-3-4 and any four dotted numbers below 256 (versions, private addresses);
datatrove's formatter any ``x@y.z``, and public IPv4 addresses wherever they stand. What neither
finds: secrets, cards, IBANs, IPv6, telephone numbers outside North America. Not found here either:
names, postal addresses, ``a at b dot c``, non-Latin e-mail addresses, passwords that are words.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from schemas.masking import KINDS
from tasks import compiled

__all__ = ["KINDS", "SPANS", "VERSION", "spans"]

VERSION: Final = "pii-1"
"""Of the definitions: it stands in the key of whatever was masked by them."""
SPANS: Final = pa.list_(
    pa.field(
        "item",
        pa.struct(
            [
                pa.field("start", pa.int32(), nullable=False),
                pa.field("end", pa.int32(), nullable=False),
                pa.field("kind", pa.string(), nullable=False),
            ]
        ),
        nullable=False,
    )
)
MAX_BYTES: Final = 2**31 - 1
"""Spans count the characters of one text in 32 bits."""


def spans(texts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the spans of each of ``texts`` (large_string, no nulls), as :data:`SPANS`."""
    find = compiled.load("tasks.signals.pii.kernel").find
    kinds = pa.array(KINDS, pa.string())
    parts = []
    for chunk in compiled.chunks(texts):
        data, offsets = compiled.buffers(chunk)
        if (longest := int(np.diff(offsets).max(initial=0))) > MAX_BYTES:
            raise ValueError(f"a text of {longest} bytes; wanted at most {MAX_BYTES}: split it")
        counts = np.zeros(len(chunk), np.int64)
        found = find(data, offsets, counts)
        limits = pa.array(np.cumsum([0, *counts]), pa.int32())
        columns = [pa.array(found[:, 0]), pa.array(found[:, 1]), kinds.take(pa.array(found[:, 2]))]
        items = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
        parts.append(pa.ListArray.from_arrays(limits, items, type=SPANS))
    return pa.chunked_array(parts, SPANS)
