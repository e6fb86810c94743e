"""What ``trace`` tells of one document: its whole life in a run."""

from __future__ import annotations

from schemas.inspection import Inspected
from schemas.manifest import Frozen


class Input(Frozen):
    """The file that a document was read from, as it was: its digest, or its server's version."""

    url: str
    size: int | None
    digest: str | None
    version: str
    records: int


class Cluster(Frozen):
    """Documents that are the same, or nearly so: how many, and the first others by id."""

    cluster_id: str
    documents: int
    others: tuple[str, ...]


class LeftOut(Frozen):
    """What the guard left a document out for; ``reason`` is one of :data:`schemas.guard.REASONS`.

    ``matched_source`` and ``matched_id``: of another document, or an evaluation set and its item.
    """

    reason: str
    matched_source: str
    matched_id: str
    level: str
    similarity: float


class Drawn(Frozen):
    """Where in the draw of its split a document, or a passage of it, stands: ``rank`` from 1."""

    split: str
    rank: int
    of: int
    tokens: int
    start: int | None = None
    end: int | None = None


class Placed(Frozen):
    """Where a document, a passage or a piece of one stands in the mixture.

    ``row`` is the row in the shard, ``position`` in the split, both from 0; ``digest`` is that of
    the shard's rows. Of a packed row the
    document's tokens from ``token_start`` on stand at ids ``first`` up to but without ``last``, and
    ``ends`` tells whether the end-of-text token is among them.
    """

    split: str
    shard: str
    digest: str
    row: int
    position: int
    epoch: int
    tokens: int
    start: int | None = None
    end: int | None = None
    piece: int | None = None
    token_start: int | None = None
    first: int | None = None
    last: int | None = None
    ends: bool | None = None


class OptOutList(Frozen):
    """A list of who opted out, as it was when decisions were made; it is laid by beside them."""

    kind: str
    entries: int
    digest: str


class Life(Frozen):
    """One document from its file to the rows it is trained on in.

    ``changes``: characters of the text that normalisation changed, by kind. ``guarded``: whether
    the run has a guard; ``notes`` say what there is not, and why.
    """

    document: Inspected
    input: Input | None = None
    changes: dict[str, int]
    cluster: Cluster | None = None
    guarded: bool = False
    left_out: LeftOut | None = None
    opt_out_lists: tuple[OptOutList, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    mixture: tuple[Placed, ...] = ()


class Trace(Frozen):
    """Documents of the id that was asked for: one, or more where it came again (``found``)."""

    out: str
    asked: str
    looked_at: int
    found: int
    documents: tuple[Life, ...]
