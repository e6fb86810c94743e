"""SentencePiece's ``*.model``, as Llama 1 and 2, Gemma and older Mistral models have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xxhash

from tasks.hashing import digest
from tasks.tokens.split import Splitter
from tasks.tokens.tokenizer import Ends, Located, Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SentencePiece(Tokenizer):
    """A SentencePiece model. Its control pieces are the special tokens."""

    kind = "sentencepiece"

    def __init__(self, body: bytes) -> None:
        """Raise ValueError for what is none."""
        from sentencepiece import SentencePieceProcessor

        try:
            self.library = SentencePieceProcessor(model_proto=body or b"nothing")
        except RuntimeError as error:  # it names lines of C++
            raise ValueError("no SentencePiece model, nor anything else that is known") from error
        self.size = self.library.get_piece_size()
        self.digest = digest(self.kind, xxhash.xxh3_128_hexdigest(body))
        numbers = (n for n in range(self.size) if self.library.is_control(n))
        self._special = {self.library.id_to_piece(n): n for n in numbers}
        self._splitter = Splitter(self._special)

    def id_of(self, name: str) -> int | None:
        """Return the id of a token by its name; None where it has none of this name."""
        found: int = self.library.piece_to_id(name)
        return found if self.library.id_to_piece(found) == name else None

    def name_of(self, number: int) -> str | None:
        """Return the name of a token; None where there is none of this id."""
        return self.library.id_to_piece(number) if 0 <= number < self.size else None

    def special(self) -> list[str]:
        """Return the names of special tokens, in the order of their ids."""
        return list(self._special)

    def own(self) -> Ends:
        """Return what the model itself names."""
        ids = (self.library.eos_id(), self.library.bos_id(), self.library.pad_id())
        return Ends(*(number if number >= 0 else None for number in ids))

    def places(self, text: str) -> NDArray[np.int64]:
        """Return where each token of a plain text begins, in code points."""
        return self._plain(text).starts

    def _encode(self, texts: list[str]) -> list[NDArray[np.int32]]:
        return list(self.library.encode(texts, return_type="numpy"))

    def _locate(self, texts: list[str]) -> list[Located]:
        return [self._splitter.locate(text, self._plain) for text in texts]

    def _plain(self, text: str) -> Located:
        found = self.library.encode(text, return_type="offset_mapping")
        places = np.array(found["offsets"], np.int64).reshape(-1, 2)
        return Located(np.array(found["ids"], np.int32), places[:, 0], places[:, 1])
