"""The proof of a replay shard: what was drawn, from what, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from schemas import columns as c
from schemas.certificate import Certificate
from schemas.finding import Finding
from schemas.tables import DRAWN, conform
from tasks import draws, ledger, storage
from tasks.hashing import table_digest
from tasks.mixed import TEXT_DIGEST
from tasks.select import TRAIN
from tasks.surrogate import splits
from tasks.verify_frames import HOLDS, NARROW, PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.verify_frames import Frames

    Check = tuple[str, set[str], Callable[[], Iterator[Finding]]]


def checks(frames: Frames) -> list[Check]:
    """Checks of the replay shard, each with the stages it reads."""
    proof, corpus = Proof(frames), {"ingest", "signals", "select"}
    return [
        ("replay: what its manifest says of the draw", {"replay"}, proof.draw),
        ("replay: every row is a kept document", {*corpus, "replay"}, proof.drawn_lineage),
        ("replay: its certificate", {"replay"}, proof.certificate),
        ("replay: its text is that of the draw", {"replay"}, proof.replay_text),
        ("replay: its text is of documents", {*corpus, "replay"}, proof.replay_lineage),
    ]


class Proof:
    """Checks that share the frames of a run."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames

    def draw(self) -> Iterator[Finding]:
        """What the manifest says was asked and drawn of each source, recomputed."""
        details, drawn = self._frames.manifests["replay"].details, self._frames.drawn
        said, target = details["sources"], details["targets"][TRAIN]
        if self._frames.replay.measured:  # shares that were estimated are the manifest's own
            shares = {name: told["share"] for name, told in said.items()}
            found = splits.achieved(drawn, shares, target)
        else:
            found = draws.achieved(drawn, self._frames.replay.shares, target)
        detail = "; ".join(f"{source}: drew {f['tokens']:,} tokens" for source, f in found.items())
        statement = "replay: its manifest says what was asked and drawn of each source"
        yield Finding.same(statement, said, found, detail)
        foreign = sorted(set(drawn[c.SOURCE]) - {n for n in found if found[n]["share"] != 0})
        statement = "replay: only sources that have a share are drawn from"
        yield Finding(statement, not foreign, ", ".join(foreign))

    def drawn_lineage(self) -> Iterator[Finding]:
        """Every drawn row is a kept document, at the place and in the split that are said."""
        said = self._frames.drawn.select(*NARROW, c.SHARD, c.ROW)
        lost = said.join(self._frames.kept, on=said.columns, how="anti").height
        statement = "replay: every drawn row is a kept document of its split, and stands once"
        again = self._frames.again(self._frames.drawn)
        detail = f"{said.height:,} rows, {lost:,} not kept, {again:,} repeated"
        yield Finding(statement, lost == again == 0, detail)

    def certificate(self) -> Iterator[Finding]:
        """The certificate beside the draw is of the drawn rows, and says what the manifest does."""
        said = self._frames.manifests["replay"].details.get("certificate")
        at = self._frames.at("replay", ledger.CERTIFICATE)
        if said is None:
            if self._frames.replay.measured:
                left = "one of an earlier draw" if storage.exists(at) else ""
                yield Finding("replay: no certificate stands beside it", not left, left)
            return
        found = storage.read_model(at, Certificate)
        told = {name: getattr(found, name) for name in said}
        yield Finding.same("replay: its certificate says what the manifest does", said, told)
        train = self._frames.drawn.filter(pl.col(c.SPLIT) == TRAIN)
        rows = conform(train.select(DRAWN.names).to_arrow(), DRAWN)
        same = table_digest(rows, leave_out=(c.SHARD, c.ROW)) == found.shard.digest
        yield Finding("replay: its certificate is of the drawn rows", same, found.shard.digest)

    def replay_text(self) -> Iterator[Finding]:
        """Where the drawn text is written too, it is that of the drawn rows."""
        if not self._frames.replay.materialize:
            return
        columns = [*NARROW, c.TOKENS, *PLACE]
        wanted = self._frames.drawn.select(columns)
        parts = [frame.select(columns) for frame in self._frames.texts()]
        found = pl.concat([wanted.clear(), *parts])
        detail = f"{wanted.height:,} drawn, {found.height:,} in replay/text/"
        same = _sorted(found).equals(_sorted(wanted))
        yield Finding("replay: the rows of replay/text are the drawn ones", same, detail)

    def replay_lineage(self) -> Iterator[Finding]:
        """Where the drawn text is written too, it is the text of the kept documents."""
        if not self._frames.replay.materialize:
            return
        columns = [c.DOC_ID, *PLACE, TEXT_DIGEST]
        parts = [frame.select(columns) for frame in self._frames.texts()]
        texts = pl.concat([self._frames.drawn.clear().select(columns[:-1]), *parts], how="diagonal")
        wrong = self._frames.expected(texts).filter(~HOLDS).height
        statement = "replay: every row of replay/text is the text of its document"
        yield Finding(statement, wrong == 0, f"{wrong:,} of {texts.height:,} are not")


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(frame.columns)
