"""What budgets come to, counted from documents on disk: new data, replay, and what is cut of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from schemas import columns as c
from schemas.config import BudgetConfig, MixtureConfig, ReplayConfig
from schemas.errors import BudgetError
from schemas.manifest import Shard, StageManifest
from schemas.mixture import TokenizerSaid
from schemas.tables import DOCUMENTS
from tasks import budget, counted, draws, ledger, storage, tokens
from tasks.budget import Budget
from tasks.counting import Counting, count_up_to
from tasks.encoding import Encoder
from tasks.select import TRAIN, VALID

if TYPE_CHECKING:
    from pathlib import Path

# Trained on nothing: a token a byte.
TOKENIZER = tokens.load(tokens.train([], vocab_size=257), where="here")
ENCODER = Encoder(TOKENIZER, TokenizerSaid(kind="tokenizers", digest="", size=257))
SHARES = {"web": 0.75, "books": 0.25}
Pool = tuple[pl.DataFrame, str]


def put(out: str, shard: str, source: str, sizes: list[int]) -> list[dict[str, Any]]:
    """Write documents of these lengths to a shard; return narrow rows, every tenth held out."""
    rows: list[dict[str, Any]] = [
        {
            c.DOC_ID: f"{source}-{i}",
            c.SOURCE: source,
            c.TEXT: "x" * n,
            c.OPT_OUT: False,
            c.LOCATION: "",
            c.POSITION: i,
        }
        for i, n in enumerate(sizes)
    ]
    at = storage.join(ledger.folder(out, "ingest"), shard)
    table = pa.Table.from_pylist(rows, schema=DOCUMENTS)
    storage.write_table(at, table, DOCUMENTS, shard=Shard(file=shard, rows=len(rows), digest=""))
    return [
        {
            c.DOC_ID: row[c.DOC_ID],
            c.SOURCE: source,
            c.RECIPE_SOURCE: source,
            c.SPLIT: VALID if i % 10 == 9 else TRAIN,
            c.N_BYTES: len(row[c.TEXT]),
            c.SHARD: shard,
            c.ROW: i,
            budget.PRIORITY: i * 7_919 % 1_000,
            c.TOKENS: None,
        }
        for i, row in enumerate(rows)
    ]


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Two sources of replay and two of new data, on disk; return narrow rows and the folder."""
    out = str(tmp_path)
    sizes = {
        "web": [10 + i % 40 for i in range(400)],
        "books": [60 + i * 37 % 300 for i in range(60)],
        "laws": [50 + i % 100 for i in range(90)],
        "code": [20 + i % 9 for i in range(50)],
    }
    rows = [r for name, n in sizes.items() for r in put(out, f"{name}.parquet", name, n)]
    decided = StageManifest(
        stage="select", key="", digest="", rows_in=len(rows), rows_out=len(rows), shards=()
    )
    ledger.finish(out, decided)
    return pl.DataFrame(
        rows, schema_overrides={c.TOKENS: pl.Int64, budget.PRIORITY: pl.UInt64}
    ), out


def config(
    *, total: int | None = None, share: float = 0.25, target: int | None = None
) -> BudgetConfig:
    """Return what budgets rest on."""
    return BudgetConfig(
        replay=ReplayConfig(shares=SHARES, target_tokens=target),
        mixture=MixtureConfig(replay_share=share, total_tokens=total),
        new=("laws", "code"),
        valid_share=0.1,
        seed=0,
    )


def new_data(pool: Pool, config: BudgetConfig) -> pl.DataFrame:
    return draws.new_data(pool[0], config, encoder=ENCODER, out=pool[1])


def replay(pool: Pool, config: BudgetConfig, targets: dict[str, int]) -> pl.DataFrame:
    return draws.replay(pool[0], config, targets, encoder=ENCODER, out=pool[1])


def tokens_of(frame: pl.DataFrame, split: str = TRAIN, source: str | None = None) -> int:
    own = frame.filter(pl.col(c.SPLIT) == split)
    own = own if source is None else own.filter(pl.col(c.SOURCE) == source)
    return int(own[c.TOKENS].sum())


def test_without_a_total_all_new_data_is_taken_and_replay_comes_on_top(pool: Pool) -> None:
    new = new_data(pool, config())
    own = pool[0].filter(pl.col(c.SOURCE).is_in(["laws", "code"]))
    assert sorted(new[c.DOC_ID]) == sorted(own[c.DOC_ID])
    assert (new[c.TOKENS] == new[c.N_BYTES]).all()
    targets = draws.replay_targets(config(), new)
    assert targets[TRAIN] == round(tokens_of(new) / 3)
    assert targets[VALID] == tokens_of(new, VALID)
    drawn = replay(pool, config(), targets)
    assert abs(tokens_of(drawn) - targets[TRAIN]) <= 105  # half of the longest ordinary book
    for source, share in SHARES.items():
        assert abs(tokens_of(drawn, source=source) - share * targets[TRAIN]) <= 359
    mixed = draws.replay_for_mixture(drawn, MixtureConfig(replay_share=0.25), new)
    assert mixed.equals(drawn)


def test_with_a_total_replay_displaces_new_data(pool: Pool) -> None:
    new = new_data(pool, config(total=4_000))
    assert abs(tokens_of(new) - 3_000) <= 50
    assert abs(tokens_of(new, VALID) - 333) <= 50
    assert set(new[c.SOURCE]) == {"laws", "code"}
    targets = draws.replay_targets(config(total=4_000), new)
    assert targets[TRAIN] == 1_000
    drawn = replay(pool, config(total=4_000), targets)
    assert abs(tokens_of(drawn) - 1_000) <= 105
    # Not much more than that was counted.
    counts = [counted.read(pool[1], f"{n}.parquet", ENCODER.digest) for n in SHARES]
    assert sum(int(n[c.TOKENS].sum()) for n in counts) < 2_500


def test_a_budget_of_one_token(pool: Pool) -> None:
    with pytest.raises(BudgetError) as caught:
        new_data(pool, config(total=1, share=0.0))
    assert str(caught.value) == (
        "mixture.total_tokens: got 1 for new data, whose first document has 20 tokens, wanted room "
        "for one document at least. Raise mixture.total_tokens, or cut documents with "
        "mixture.max_doc_tokens."
    )
    targets = {TRAIN: 1, VALID: 1}
    drawn = replay(pool, config(target=1), targets)
    assert drawn.filter(pl.col(c.SPLIT) == TRAIN).is_empty()
    assert set(drawn[c.SOURCE]) == {"web", "books"}  # each source holds out a document


def test_new_sources_are_drawn_from_as_one(pool: Pool) -> None:
    new = new_data(pool, config(total=4_000))
    train = new.filter(pl.col(c.SPLIT) == TRAIN)
    assert train[budget.PRIORITY].is_sorted()
    origin = pool[0].select(c.DOC_ID, c.SOURCE)
    assert new.select(c.DOC_ID, c.SOURCE).equals(
        new.select(c.DOC_ID).join(origin, on=c.DOC_ID, how="left", maintain_order="left")
    )


def test_too_little_new_data(pool: Pool) -> None:
    with pytest.raises(
        BudgetError, match=r"mixture\.total_tokens: got 8,\d\d\d tokens of new data"
    ) as caught:
        new_data(pool, config(total=1_000_000))
    found = re.search(r"At this share ([\d,]+) tokens in all would fit", str(caught.value))
    assert found is not None
    fits = int(found[1].replace(",", ""))
    assert tokens_of(new_data(pool, config(total=fits))) == tokens_of(new_data(pool, config()))
    with pytest.raises(BudgetError):
        new_data(pool, config(total=fits + 2))


def test_a_share_of_a_few_tokens_has_room_for_no_document(pool: Pool) -> None:
    asked = config(total=600, share=0.01)
    new = new_data(pool, asked)
    drawn = replay(pool, asked, draws.replay_targets(asked, new))
    assert asked.mixture is not None
    with pytest.raises(BudgetError) as caught:
        draws.replay_for_mixture(drawn, asked.mixture, new)
    assert str(caught.value) == (
        "mixture.replay_share: got 6 replay tokens, and a replay shard in which no document had "
        "room, wanted room for one document at least. Raise mixture.total_tokens or replay_share "
        "(or replay.target_tokens, where it is set), cut documents with mixture.max_doc_tokens, or "
        "replay nothing (replay_share = 0)."
    )


def test_too_little_replay(pool: Pool) -> None:
    with pytest.raises(BudgetError, match=r"in source 'web'.* these shares 13,920 replay tokens"):
        replay(pool, config(), {TRAIN: 1_000_000, VALID: 10})
    assert abs(tokens_of(replay(pool, config(), {TRAIN: 13_920, VALID: 10})) - 13_920) <= 105


def test_a_share_of_replay_of_its_own_size_is_cut_to_what_the_mixture_wants(pool: Pool) -> None:
    asked = config(total=4_000, target=6_000)
    new = new_data(pool, asked)
    targets = draws.replay_targets(asked, new)
    assert targets[TRAIN] == 6_000
    drawn = replay(pool, asked, targets)
    assert abs(tokens_of(drawn) - 6_000) <= 105
    assert asked.mixture is not None
    cut = draws.replay_for_mixture(drawn, asked.mixture, new)
    assert abs(tokens_of(cut) - 1_000) <= 105
    assert abs(tokens_of(cut, source="web") - 750) <= 359
    train = cut.filter(pl.col(c.SPLIT) == TRAIN)[c.DOC_ID].to_list()
    assert train[:10] == drawn[c.DOC_ID].to_list()[:10]
    held = cut.filter(pl.col(c.SPLIT) == VALID)
    assert held.equals(drawn.filter(pl.col(c.SPLIT) == VALID))
    # In drawing order, so that the shares hold at every prefix.
    places = {doc_id: i for i, doc_id in enumerate(drawn[c.DOC_ID])}
    assert [places[i] for i in train] == sorted(places[i] for i in train)


def test_a_giant_in_a_replay_shard_is_passed_over_when_it_is_cut() -> None:
    sizes = [10, 10, 5_000, *[10] * 50]
    drawn = pl.DataFrame(
        {
            c.DOC_ID: [f"i{i}" for i in range(len(sizes))],
            c.SOURCE: ["web"] * len(sizes),
            c.SPLIT: [TRAIN] * len(sizes),
            c.TOKENS: sizes,
            c.N_BYTES: sizes,
            budget.PRIORITY: range(len(sizes)),
        },
        schema_overrides={budget.PRIORITY: pl.UInt64},
    )
    cut = draws._cut(drawn, 300)
    assert cut[c.TOKENS].to_list() == [10] * 30
    assert cut.columns == drawn.columns
    assert cut[c.SOURCE].unique().to_list() == ["web"]


def test_a_share_of_replay_that_is_too_small(pool: Pool) -> None:
    asked = config(total=4_000, target=100)
    new = new_data(pool, asked)
    drawn = replay(pool, asked, draws.replay_targets(asked, new))
    assert asked.mixture is not None
    with pytest.raises(BudgetError, match=r"replay\.target_tokens: got a replay shard of"):
        draws.replay_for_mixture(drawn, asked.mixture, new)


def test_every_source_holds_out_a_document_at_least(pool: Pool) -> None:
    drawn = replay(pool, config(), {TRAIN: 500, VALID: 1})
    held = drawn.filter(pl.col(c.SPLIT) == VALID)
    assert sorted(held[c.SOURCE]) == ["books", "web"]
    new = new_data(pool, config(total=40, share=0.0))
    assert new.filter(pl.col(c.SPLIT) == VALID).height == 1


def test_no_replay(pool: Pool) -> None:
    asked = config(share=0.0)
    new = new_data(pool, asked)
    targets = draws.replay_targets(asked, new)
    assert targets[TRAIN] == 0
    drawn = replay(pool, asked, targets)
    assert tokens_of(drawn) == 0
    assert asked.mixture is not None
    rest = draws.replay_for_mixture(drawn, asked.mixture, new)
    assert tokens_of(rest) == 0
    assert set(rest[c.SPLIT]) <= {VALID}  # what was held out tells how much is forgotten


def test_a_source_without_a_share_gives_nothing(pool: Pool) -> None:
    asked = BudgetConfig(
        replay=ReplayConfig(shares={"web": 1.0, "books": 0.0}, target_tokens=500),
        mixture=None,
        new=(),
        valid_share=0.1,
        seed=0,
    )
    new = draws.new_data(pool[0], asked, encoder=ENCODER, out=pool[1])
    assert new.height == 0
    targets = draws.replay_targets(asked, new)
    assert targets == {TRAIN: 500, VALID: 56}
    assert set(replay(pool, asked, targets)[c.SOURCE]) == {"web"}


def test_the_order_of_rows_does_not_matter(pool: Pool) -> None:
    frame, out = pool
    shuffled = (frame.sample(fraction=1, shuffle=True, seed=4), out)
    asked = config(total=4_000)
    assert new_data(shuffled, asked).equals(new_data(pool, asked))
    targets = {TRAIN: 1_000, VALID: 100}
    assert replay(shuffled, asked, targets).equals(replay(pool, asked, targets))


def test_counts_are_kept_and_do_not_change_a_draw(pool: Pool) -> None:
    frame, out = pool
    wanted = Budget(SHARES, 900)
    by = Counting(ENCODER, out)
    first = count_up_to(frame, wanted, by=by)
    # A later run knows more counts than this draw needs.
    count_up_to(frame, Budget(SHARES, 4_000), by=by)
    known = pl.concat(
        counted.read(out, shard, ENCODER.digest).with_columns(pl.lit(shard).alias(c.SHARD))
        for shard in ("web.parquet", "books.parquet")
    )
    assert known.select(c.SHARD, c.ROW).is_unique().all()
    told = frame.update(known.select(c.SHARD, c.ROW, c.TOKENS), on=[c.SHARD, c.ROW])
    assert told[c.TOKENS].null_count() < first[c.TOKENS].null_count()
    assert budget.to_count(told, wanted).height == 0
    names = [c.DOC_ID, c.TOKENS]
    assert budget.draw(told, wanted).select(names).equals(budget.draw(first, wanted).select(names))
