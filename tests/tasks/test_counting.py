"""Counting keeps what it encodes: ids on disk, refused rows apart, giants as their passages."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from schemas import columns as c
from schemas.errors import SourceError
from schemas.manifest import Shard, StageManifest
from schemas.masking import MaskingConfig
from schemas.mixture import TokenizerSaid
from schemas.tables import DECISIONS, DOCUMENTS, SIGNALS
from tasks import counted, kept, ledger, storage, tokens, written
from tasks.budget import Budget, draw
from tasks.counting import Counting, count_up_to, fit, refused
from tasks.encoding import Encoder
from tasks.kept_ids import Ids
from tasks.mixture.templates import FORMATS
from tests.corpora import prose

if TYPE_CHECKING:
    from tasks.encoding import Encoded
    from tasks.ragged import Lists

TOKENIZER = tokens.load(tokens.train([prose(i) for i in range(20)], vocab_size=400), where="here")
BYTES = tokens.load(tokens.train([], vocab_size=257), where="here")
SAID = TokenizerSaid(kind="tokenizers", digest="", size=400)
ALL = Budget({"laws": 0.5, "chats": 0.5}, float("inf"))
MASKING = MaskingConfig(kinds=("email",))
MESSAGES = DOCUMENTS.field(c.MESSAGES)
MAIL = "Write to jane.doe@mail.org now."


def turns(*contents: str) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(contents)]


def write(out: str, stage: str, file: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    filled = [{f.name: _nothing(f) for f in schema} | row for row in rows]
    at = storage.join(ledger.folder(out, stage), file)
    entry = Shard(file=file, rows=len(rows), digest="")
    storage.write_table(at, pa.Table.from_pylist(filled, schema), schema, shard=entry)


def _nothing(field: pa.Field) -> Any:
    if field.nullable:
        return None
    kind = field.type
    if pa.types.is_list(kind):
        return []
    return "" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else kind_zero(kind)


def kind_zero(kind: pa.DataType) -> Any:
    return False if pa.types.is_boolean(kind) else b"" if pa.types.is_binary(kind) else 0


def run(out: str, sources: dict[str, list[Any]]) -> None:
    """Write documents as a run has them, all kept: texts, and conversations as their turns."""
    shards = []
    for source, rows in sources.items():
        file = f"{source}.parquet"
        texts = [row if isinstance(row, str) else _text(row) for row in rows]
        documents = [
            {
                c.DOC_ID: f"{source}-{i}",
                c.SOURCE: source,
                c.TEXT: text,
                c.MESSAGES: None if isinstance(row, str) else row,
            }
            for i, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]
        write(out, "ingest", file, documents, DOCUMENTS)
        write(out, "signals", file, [{c.N_BYTES: len(t.encode())} for t in texts], SIGNALS)
        kept_rows = [{c.DOC_ID: d[c.DOC_ID], c.KEEP: True, c.SPLIT: "train"} for d in documents]
        write(out, "select", file, kept_rows, DECISIONS)
        shards.append(Shard(file=file, rows=len(rows), digest="", source=source))
    for stage in ("ingest", "signals", "select"):
        manifest = StageManifest(
            stage=stage, key="", digest="", rows_in=0, rows_out=0, shards=tuple(shards)
        )
        ledger.finish(out, manifest)


def _text(row: list[dict[str, Any]]) -> str:
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in row)


SOURCES: dict[str, list[Any]] = {
    "laws": [prose(i, 20 + i) for i in range(30)],
    "chats": [*(turns(f"Question {i}?", prose(i, 9)) for i in range(20)), "A text among them."],
}


class Made(NamedTuple):
    out: str
    by: Counting


def counting(out: str, tokenizer: tokens.Tokenizer = TOKENIZER, **keys: Any) -> Counting:
    keys = {"keep_ids": True} | keys
    template = keys.pop("template", FORMATS["chatml"])
    return Counting(Encoder(tokenizer, SAID, template), out, **keys)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    run(str(tmp_path), SOURCES)
    return Made(str(tmp_path), counting(str(tmp_path)))


def count(by: Counting, wanted: Budget = ALL) -> pl.DataFrame:
    digest = by.encoder.digest
    frame = kept.load(by.out, seed=0, encoder_digest=digest, masking=by.masking)
    return count_up_to(frame, wanted, by=by)


def parts(out: str) -> list[Path]:
    return sorted((Path(out) / "tokens" / "ids").glob("*/*"))


def lists(found: Lists) -> list[list[Any]]:
    return [found.values[a:b].tolist() for a, b in pairwise(found.offsets.tolist())]


def of_kept(by: Counting, frame: pl.DataFrame) -> list[tuple[pl.DataFrame, pa.Table, Encoded]]:
    """Return the ids of rows as a mixture asks for them, shard by shard."""
    found = []
    for (shard,), places in sorted(frame.partition_by(c.SHARD, as_dict=True).items()):
        ids = Ids.of(by.out, str(shard), by.encoder, masking=by.masking)
        for own, table, _ in written.rows(by.out, str(shard), places, masking=by.masking):
            found.append((own, table, ids.encoded(own, table, str(shard).partition(".")[0])))
    return found


def compared(by: Counting, frame: pl.DataFrame) -> int:
    """Compare ids with those made anew of each place; return how many came from disk."""
    from_disk = 0
    for own, table, encoded in of_kept(by, frame):
        passages = own[c.START].is_not_null().to_numpy()
        both = zip(passages, table[c.MESSAGES].to_pylist(), strict=True)
        turned = pa.array([None if cut else own for cut, own in both], MESSAGES.type)
        at = table.schema.get_field_index(c.MESSAGES)
        anew = by.encoder.encode(table.set_column(at, MESSAGES, turned), "")
        assert lists(encoded.ids) == lists(anew.ids)
        assert lists(encoded.learned) == lists(anew.learned)
        assert encoded.kinds == anew.kinds == own[c.KIND].to_list()
        assert encoded.refused == anew.refused == [None] * own.height
        assert encoded.tokens.tolist() == own[c.TOKENS].to_list()
        assert encoded.supervised.tolist() == own[c.SUPERVISED].to_list()
        from_disk += own.height * (encoded.texts is None)
    return from_disk


def test_ids_that_counting_made_are_read_again(made: Made) -> None:
    frame = count(made.by)
    assert frame.height == 51
    assert frame[c.TOKENS].null_count() == 0
    assert frame.filter(pl.col(c.KIND) == "chat").height == 20
    assert (frame[c.SUPERVISED] < frame[c.TOKENS]).sum() == 20
    assert len(parts(made.out)) == 2
    assert compared(made.by, frame) == 51
    before = {at: at.stat().st_mtime_ns for at in parts(made.out)}
    assert count(made.by).equals(frame)
    assert {at: at.stat().st_mtime_ns for at in parts(made.out)} == before


def test_rounds_add_parts_and_rewrite_none(made: Made) -> None:
    small = Budget({"laws": 0.5, "chats": 0.5}, 600)
    count(made.by, small)
    before = {at: at.read_bytes() for at in parts(made.out)}
    frame = count(made.by)
    assert len(parts(made.out)) > len(before) >= 2
    assert {at: at.read_bytes() for at in before} == before
    assert compared(made.by, frame) == 51


def test_what_is_not_there_is_made(made: Made) -> None:
    frame = count(made.by._replace(keep_ids=False))
    assert parts(made.out) == []
    assert compared(made.by, frame) == 0
    assert count(made.by).equals(frame)  # counts are known: nothing is encoded again
    assert parts(made.out) == []


def test_some_that_are_there_and_some_that_are_not(made: Made) -> None:
    count(made.by, Budget({"laws": 0.5, "chats": 0.5}, 300))
    frame = count(made.by._replace(keep_ids=False))
    assert compared(made.by, frame) == 51


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_a_damaged_part_is_made_anew(made: Made, damage: str) -> None:
    frame = count(made.by)
    at = parts(made.out)[1]
    body = at.read_bytes()
    middle = len(body) // 2
    new = {
        "cut": body[:middle],
        "flipped": body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :],
        "foreign": b"something else",
        "empty": b"",
    }
    at.write_bytes(new[damage])
    assert compared(made.by, frame) in {21, 30}
    assert not at.exists()


def test_ids_of_another_tokenizer_are_not_used(made: Made) -> None:
    count(made.by)
    other = counting(made.out, BYTES)
    assert compared(other, count(other._replace(keep_ids=False))) == 0
    # Not even where they stand in its place.
    own = Path(made.out) / "tokens" / "ids" / f"{other.key('laws.parquet')[:16]}-laws.parquet"
    own.mkdir()
    parts(made.out)[-1].rename(own / "00000.arrow")
    frame = count(other._replace(keep_ids=False)).filter(pl.col(c.SOURCE) == "laws")
    assert compared(other, frame) == 0
    assert list(own.iterdir()) == []


def test_masks_hide_what_turns_say(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": [MAIL], "chats": [turns("Whom?", MAIL), turns("a", "b"), MAIL]})
    by = counting(str(tmp_path), masking=MASKING)
    frame = count(by)
    assert compared(by, frame) == 4
    documents = pa.concat_tables(table for _, table, _ in of_kept(by, frame))
    assert "jane" not in str(documents.to_pydict())
    assert documents.column(c.MESSAGES).to_pylist()[0] == turns("Whom?", "Write to <EMAIL> now.")
    exempt = MASKING.model_copy(update={"exempt": ("chats",)})
    (_, table, _), _ = of_kept(by._replace(masking=exempt), frame)
    assert table.column(c.MESSAGES).to_pylist()[0] == turns("Whom?", MAIL)


REFUSED = [turns("only a question"), [{"role": "tool", "content": "x"}], turns("q", "a")]


def test_refused_rows_reach_no_draw_and_are_told(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": ["Text.", "\u200b"], "chats": REFUSED})
    by = counting(str(tmp_path))
    frame = count(by)
    assert sorted(frame[c.DOC_ID]) == ["chats-2", "laws-0", "laws-1"]
    drawn = draw(frame, Budget(ALL.shares, 10_000))
    assert sorted(drawn[c.DOC_ID]) == sorted(frame[c.DOC_ID])
    everything = kept.load(by.out, seed=0)
    assert sorted(fit(everything, by)[c.DOC_ID]) == sorted(frame[c.DOC_ID])
    told = refused(by)
    assert told.select(c.DOC_ID, c.SOURCE, c.ROW, c.KIND, c.REASON).rows() == [
        ("chats-0", "chats", 0, "chat", "no turn of the assistant"),
        ("chats-1", "chats", 1, "chat", "role 'tool' in turn 1, wanted system, user, assistant"),
    ]
    # They are known to be refused when a later run loads what was kept.
    again = kept.load(by.out, seed=0, encoder_digest=by.encoder.digest)
    assert sorted(again[c.DOC_ID]) == ["chats-2", "laws-0", "laws-1"]
    assert compared(by, frame) == 3


def test_too_many_refused_stop_the_run(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": ["Text."], "chats": REFUSED})
    with pytest.raises(SourceError) as caught:
        count(counting(str(tmp_path), max_refused=0.25))
    assert str(caught.value) == (
        "tokenizer.chat_template: got 2 of 3 conversations that it refuses ('chats' chats-0: no "
        "turn of the assistant; 'chats' chats-1: role 'tool' in turn 1, wanted system, user, "
        "assistant), wanted 25% of them at most (mixture.max_refused_share). Name the template of "
        "the model, mend the rows, or raise the share: they are left out then."
    )
    assert caught.value.exit_code == 3
    assert count(counting(str(tmp_path), max_refused=0.7)).height == 2


def test_without_a_template_conversations_are_plain_text(made: Made) -> None:
    by = counting(made.out, template=None)
    frame = count(by)
    assert set(frame[c.KIND]) == {"text"}
    assert (frame[c.SUPERVISED] == frame[c.TOKENS]).all()
    assert compared(by, frame) == 51


LONG = [*(prose(i, 200) for i in range(6)), prose(7, 5), " \n" * 40]


def test_giants_stand_there_as_their_passages(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": LONG, "chats": [turns("q", prose(1, 200)), turns("q", "a")]})
    by = counting(str(tmp_path), most=64)
    frame = count(by)
    texts = frame.filter(pl.col(c.KIND) == "text")
    assert max(texts[c.TOKENS]) <= 64
    assert max(frame.filter(pl.col(c.KIND) == "chat")[c.TOKENS]) > 64  # never cut
    cut = texts.filter(pl.col(c.START).is_not_null()).sort(c.ROW, c.START)
    assert set(cut[c.ROW]) == {0, 1, 2, 3, 4, 5, 7}
    for (row,), own in cut.partition_by(c.ROW, as_dict=True).items():
        ends = own[c.END].to_list()
        assert own[c.START].to_list() == [0, *ends[:-1]]
        assert ends[-1] == len(LONG[int(str(row))])
        assert own[c.N_BYTES].sum() == len(LONG[int(str(row))].encode())
        assert own["priority"].n_unique() == 1
    assert compared(by, frame) == frame.height
    assert count(by).equals(frame)
    drawn = draw(frame, Budget({"laws": 1.0}, 300))
    assert abs(int(drawn[c.TOKENS].sum()) - 300) <= 64
    for own in drawn.partition_by(c.ROW):
        assert own[c.START].to_list() == sorted(own[c.START].to_list())


def test_passages_of_another_length_that_begin_at_the_same_place(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": LONG, "chats": [turns("q", "a")]})
    short, long = (counting(str(tmp_path), most=most) for most in (64, 128))
    first = count(short)
    for by in (long, short, long):
        frame = count(by)
        assert compared(by, frame) == frame.height  # all of them from disk, each as it was cut
    assert count(short).equals(first)
    assert max(first[c.TOKENS]) <= 64 < max(frame[c.TOKENS])


def test_giants_of_masked_text_are_cut_as_it_is_written(tmp_path: Path) -> None:
    run(str(tmp_path), {"laws": [" ".join([MAIL] * 60)], "chats": [turns("q", "a")]})
    by = counting(str(tmp_path), most=32, masking=MASKING)
    frame = count(by)
    assert compared(by, frame) == frame.height > 10
    texts = [t for _, table, _ in of_kept(by, frame) for t in table.column(c.TEXT).to_pylist()]
    assert "".join(texts[1:]) == " ".join(["Write to <EMAIL> now."] * 60)


def test_counts_of_an_earlier_form_are_made_anew(made: Made) -> None:
    at = storage.join(made.out, "tokens", f"{made.by.key('laws.parquet')[:16]}-laws.parquet")
    schema = pa.schema([pa.field(c.ROW, pa.int64()), pa.field(c.TOKENS, pa.int64())])
    table = pa.table({c.ROW: [0], c.TOKENS: [9]}, schema=schema)
    storage.write_table(at, table, schema, shard=Shard(file="laws.parquet", rows=1, digest=""))
    assert counted.read(made.out, "laws.parquet", made.by.key("laws.parquet")).is_empty()
    frame = count(made.by)
    assert compared(made.by, frame) == 51
    assert np.array(frame[c.TOKENS]).min() > 0
