"""The first look at a text, over UTF-8 bytes. Importing this imports Numba."""
# ruff: noqa: ANN401, C901, PLR2004

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tasks.characters import swar
from tasks.ingest.normalise.controls import COMPOSING, CONTROLS


@njit(cache=True, nogil=True)
def look(data: Any, offsets: Any, harmless: Any, out: Any) -> None:
    """Write down what each text between ``offsets`` may need: of the bits CONTROLS and COMPOSING.

    ``harmless`` says which second and third bytes behind E2 are those of a harmless character.
    """
    for i in range(len(offsets) - 1):
        at, stop, found = offsets[i], offsets[i + 1], 0
        while at < stop:
            at = swar.past_plain(data, at, stop)
            if at == stop:
                break
            byte = np.int64(data[at])
            if byte < 0x80:
                if (byte < 32 and byte not in {9, 10}) or byte == 127:
                    found |= CONTROLS
                at += 1
            elif byte < 0xC2:  # inside a character
                at += 1
            elif byte == 0xC2:  # U+0080 to U+00BF: controls up to 9F
                if at + 1 >= stop or data[at + 1] < 0xA0:
                    found |= CONTROLS | COMPOSING
                at += 2
            elif byte == 0xE2:  # U+2000 to U+2FFF
                if at + 2 >= stop or not harmless[data[at + 1], data[at + 2]]:
                    found |= CONTROLS | COMPOSING
                at += 3
            elif byte < 0xCC:  # Latin letters
                at += 2
            else:  # U+0300 and what follows
                found |= COMPOSING
                at += 1
        out[i] = found
