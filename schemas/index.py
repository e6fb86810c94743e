"""An index of documents' MinHash: its settings, its ``index.json``, the columns of its parts."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from schemas import columns as c
from schemas.manifest import Frozen

VERSION: Final = 1
"""Version of an index folder's own layout."""

INDEXED = pa.schema(
    [
        pa.field(c.DOC_ID, pa.string(), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
        pa.field(c.TEXT_HASH, pa.string(), nullable=False),
        pa.field(c.MINHASH_BANDS, pa.list_(pa.uint64())),
        pa.field(c.MINHASH_SKETCH, pa.binary()),
    ]
)
"""A row a document; without sketch where its text has no shingles, or none were made."""

DELETED = pa.schema([pa.field(c.DOC_ID, pa.string(), nullable=False)])
"""Documents that were asked to go: they stay out of whatever is appended later."""


class IndexSettings(Frozen):
    """All that sketches depend on: those made otherwise tell nothing of one another.

    ``sketch`` names the definition (:data:`tasks.signals.minhash.VERSION`), the others are keys of
    the recipe's section ``signals``; ``shingle_words`` is null where shingles are of characters.
    """

    sketch: str
    minhash: bool
    shingle_words: int | None
    shingle_characters: int | None
    minhash_bands: int
    minhash_rows: int
    minhash_seed: int


class Piece(Frozen):
    """A file of the index. ``digest`` is the hex sum of its row digests; the name holds it too.

    ``deleted`` counts the rows of a part whose documents were deleted since.
    """

    file: str
    rows: int
    digest: str
    deleted: int = 0


class Index(Frozen):
    """``index.json``: what belongs to the index. Files that it does not name do not.

    ``fingerprint`` is the digest of layout version and settings; each file holds it too.
    """

    version: int = VERSION
    openmoat: str
    fingerprint: str
    settings: IndexSettings
    parts: tuple[Piece, ...] = ()
    deleted: Piece | None = None

    @property
    def rows(self) -> int:
        """Documents that can be found."""
        return sum(part.rows - part.deleted for part in self.parts)


class IndexChange(Frozen):
    """What a command did to an index.

    Of the run's documents: ``added``, ``replaced`` (another text of that id was there), ``present``
    (the same text was there), ``kept_out`` (deleted before), ``repeated`` (an id that the run has
    several times) and ``wordless``. Of ids to delete: ``deleted``, ``deleted_before``, ``unknown``
    (no document has them). Then what the index holds now.
    """

    added: int = 0
    replaced: int = 0
    present: int = 0
    kept_out: int = 0
    repeated: int = 0
    wordless: int = 0
    deleted: int = 0
    deleted_before: int = 0
    unknown: tuple[str, ...] = ()
    documents: int = 0
    parts: int = 0
    n_bytes: int = 0
