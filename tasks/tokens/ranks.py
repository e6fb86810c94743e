"""Byte-level BPE by ranks, which tiktoken runs: its own files, and Mistral's ``tekken.json``."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import xxhash

from schemas.errors import ConfigError
from tasks.hashing import digest
from tasks.tokens.families import FAMILIES, Family
from tasks.tokens.split import Splitter
from tasks.tokens.tokenizer import Ends, Located, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CONTINUES, CONTINUED = 0xC0, 0x80
"""Mask of UTF-8 bytes, and what of it those have that begin no code point."""
FAR: Final = 2**30
"""Above every rank."""
TEKKEN_SPECIAL: Final = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    "[TOOL_CONTENT]",
)
"""Special tokens of files that do not name them (before version 7), in the order of their ids."""


class Ranks(Tokenizer):
    """Merges by rank. An id is a rank and ``above``; special tokens have ids of their own."""

    def __init__(
        self, kind: str, body: bytes, ranks: Mapping[bytes, int], family: Family, above: int = 0
    ) -> None:
        import tiktoken

        self.kind = kind
        self.digest = digest(kind, family.name, xxhash.xxh3_128_hexdigest(body))
        self.library = tiktoken.Encoding(
            family.name,
            pat_str=family.pattern,
            mergeable_ranks=dict(ranks),
            # It finds them itself, and is told to take none for one: their numbers do not matter.
            special_tokens={name: FAR + n for n, name in enumerate(family.special)},
        )
        self._family, self._above = family, above
        self._names = {number: name for name, number in family.special.items()}
        self._bytes = {rank: token for token, rank in ranks.items()}
        self._lengths = np.zeros(max(self._bytes) + 1, np.int64)
        self._lengths[list(self._bytes)] = [len(token) for token in self._bytes.values()]
        self.size = max(len(self._lengths) + above, max(self._names, default=-1) + 1)
        self._splitter = Splitter(family.special)

    def id_of(self, name: str) -> int | None:
        """Return the id of a token by its name; None where it has none of this name."""
        if name in self._family.special:
            return self._family.special[name]
        try:
            return int(self.library.encode_single_token(name)) + self._above
        except KeyError:
            return None

    def name_of(self, number: int) -> str | None:
        """Return the name of a token; None where there is none of this id."""
        if number in self._names:
            return self._names[number]
        token = self._bytes.get(number - self._above)
        return None if token is None else token.decode(errors="replace")

    def special(self) -> list[str]:
        """Return the names of special tokens, in the order of their ids."""
        return [name for _, name in sorted(self._names.items())]

    def own(self) -> Ends:
        """Return what the family's makers name."""
        names = (self._family.end, self._family.begin, self._family.padding)
        return Ends(*(None if name is None else self._family.special.get(name) for name in names))

    def places(self, text: str) -> NDArray[np.int64]:
        """Return where each token of a plain text begins, in code points."""
        return self._plain(text).starts

    def _encode(self, texts: list[str]) -> list[NDArray[np.int32]]:
        # One after the other: documents shards are encoded side by side, and it lets go of
        # Python's lock. A pool of threads costs half as much again.
        return [self._ids(text) for text in texts]

    def _locate(self, texts: list[str]) -> list[Located]:
        return [self._splitter.locate(text, self._plain) for text in texts]

    def _ids(self, text: str) -> NDArray[np.int32]:
        ranks = self.library.encode_to_numpy(text, disallowed_special=()).view(np.int32)
        return ranks + np.int32(self._above) if self._above else ranks

    def _plain(self, text: str) -> Located:
        """Tokens of a text without special ones; together their bytes are the text's."""
        ids = self._ids(text)
        ranks = ids - self._above
        begins = np.frombuffer(text.encode(), np.uint8) & CONTINUES != CONTINUED
        points = np.cumsum(begins) - 1
        ends = np.cumsum(self._lengths[ranks])
        starts = ends - self._lengths[ranks]
        return Located(ids, points[starts], points[ends - 1] + 1)


def tiktoken(body: bytes, *, where: str) -> Ranks:
    """Return the tokenizer of a rank file; ConfigError for one of no known family."""
    lines = (line.split() for line in body.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    family = FAMILIES.get(len(ranks))
    if family is None:
        known = ", ".join(f"{own.name} ({n:,})" for n, own in sorted(FAMILIES.items()))
        raise ConfigError(
            where,
            got=f"a tiktoken file of {len(ranks):,} ranks, which does not say how texts are split",
            wanted=f"the ranks of one that is known: {known}",
            way_out="Convert it to a tokenizer.json (transformers does), and give that.",
        )
    return Ranks("tiktoken", body, ranks, family)


def tekken(body: bytes) -> Ranks:
    """Return the tokenizer of a ``tekken.json``: ids are ranks above all special tokens."""
    content: dict[str, Any] = orjson.loads(body)
    config = content["config"]
    above, size = config["default_num_special_tokens"], config["default_vocab_size"]
    given = content.get("special_tokens")
    named = [t["token_str"] for t in sorted(given, key=lambda t: t["rank"])] if given else None
    names = list(named or TEKKEN_SPECIAL)
    names += [f"<SPECIAL_{number}>" for number in range(len(names), above)]
    some = content["vocab"][: size - above]
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in some}
    special = {name: number for number, name in enumerate(names)}
    family = Family("tekken", config["pattern"], special, "</s>", "<s>", "<pad>")
    return Ranks("tekken", body, ranks, family, above)
