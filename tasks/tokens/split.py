"""Special tokens in rendered text, for libraries that do not look for them themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tasks.tokens.tokenizer import Located

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Splitter:
    """Cuts texts at the names of special tokens; what stands between is encoded on its own."""

    def __init__(self, special: Mapping[str, int]) -> None:
        self._special = dict(special)
        longest_first = sorted(special, key=lambda name: (-len(name), name))
        self._names = re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    def locate(self, text: str, plain: Callable[[str], Located]) -> Located:
        """Return the tokens of a text; ``plain`` encodes what has no special tokens."""
        parts, at = [_NOTHING], 0
        for piece in self._names.split(text) if self._special else [text]:
            if piece in self._special:
                places = (np.array([at], np.int64), np.array([at + len(piece)], np.int64))
                parts.append(Located(np.array([self._special[piece]], np.int32), *places))
            elif piece:
                own = plain(piece)
                parts.append(Located(own.ids, own.starts + at, own.ends + at))
            at += len(piece)
        return Located(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.ends for part in parts]),
        )


_NOTHING = Located(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
