"""Models of KenLM's (.arpa, .arpa.gz, binary), such as CCNet's, where ``kenlm`` is installed.

As Wenzek et al. 2020 (CCNet, arXiv 1911.00359) score web pages: a text is cut at its line breaks;
a line is cut into tokens; each line begins with ``<s>`` and ends with ``</s>``, which is predicted
like a word; and ``perplexity = 10 ** (-sum of log10 p / (tokens + lines))``. A line without tokens
is left out, so that blank lines cost nothing.

Tokens are what the model was trained on, and only its maker knows what that was. CCNet's are
pieces of SentencePiece over text in lower case, without accents, digits as 0 and punctuation
replaced. Here a line is cut by a function that is given, or by a SentencePiece model where
``sentencepiece`` is installed (the line as it is: nothing is normalised but what that model itself
normalises); else into the words of the line in lower case between white space. A model that takes
other tokens than it learnt finds every text strange.

The words are not those of :mod:`tasks.shingles`: perplexities compare with those of the same model
only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import ConfigError
from tasks import compiled
from tasks.ngram_lm.model import perplexity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    Cut = Callable[[str], Sequence[str]]


def lower_words(line: str) -> list[str]:
    """Return what stands between white space, in lower case."""
    return line.lower().split()


@dataclass(frozen=True, eq=False)
class KenlmModel:
    """A model of KenLM's, and how a line is cut for it. Scoring holds the interpreter's lock."""

    model: Any
    cut: Cut

    def cross_entropy(
        self, texts: pa.Array | pa.ChunkedArray
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the nats and the tokens, ends of lines among them, of each text of a column."""
        rows = [self._of(text) for chunk in compiled.chunks(texts) for text in chunk.to_pylist()]
        nats = np.array([nats for nats, _ in rows], np.float64)
        return nats, np.array([tokens for _, tokens in rows], np.int64)

    def perplexity(self, texts: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
        """Return the perplexity of each text, NaN where it has no tokens."""
        return perplexity(*self.cross_entropy(texts))

    def _of(self, text: str | None) -> tuple[float, int]:
        lines = [tokens for line in (text or "").split("\n") if (tokens := self.cut(line))]
        scores = (self.model.score(" ".join(tokens), bos=True, eos=True) for tokens in lines)
        return -math.log(10.0) * math.fsum(scores), sum(len(tokens) + 1 for tokens in lines)


def load(path: str, *, pieces: str | None = None, cut: Cut = lower_words) -> KenlmModel:
    """Load a model of KenLM's from a file of this machine.

    ``pieces`` is the file of a SentencePiece model, which then cuts lines; else ``cut`` does, into
    tokens without white space. Raises ConfigError where a package is not installed, or a file is
    not what it has to be.
    """
    kenlm = _imported("kenlm", path, "Run `pip install kenlm`: it needs a C++ compiler.")
    if pieces is not None:
        cut = _pieces(pieces)
    try:
        return KenlmModel(kenlm.Model(path), cut)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(path, error, "a model that KenLM made, of an order it reads") from error


def _pieces(path: str) -> Cut:
    package = _imported("sentencepiece", path, "Run `pip install sentencepiece`.")
    try:
        processor = package.SentencePieceProcessor(model_file=path)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error, "a model of SentencePiece") from error

    def cut(line: str) -> list[str]:
        found: list[str] = processor.encode(line, out_type=str)
        return found

    return cut


def _imported(package: str, path: str, way_out: str) -> Any:  # noqa: ANN401  (they have no types)
    try:
        return import_module(package)
    except ImportError as error:
        raise ConfigError(
            path, got=f"no package `{package}`", wanted="it to be installed", way_out=way_out
        ) from error


def _unreadable(path: str, error: Exception, wanted: str) -> ConfigError:
    said = " ".join(str(error).split())
    return ConfigError(
        path, got=f"a file that was refused ({said})", wanted=wanted, way_out="Name another file."
    )
