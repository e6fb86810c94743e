"""The second training: an arm's rows, the base's model, an optimizer anew; and what it loses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas import columns as c
from schemas.experiment import Outcome
from tasks import learning_models, storage
from tasks.experiment import arms, basing, rows, training
from tasks.experiment.dealing import WHERE, mixed, part_file, read_passages
from tasks.training import building, checkpoint

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from schemas.experiment import ArmRequest
    from tasks.experiment.rows import Rows
    from tasks.tokens import Tokenizer

OUTCOME: Final = "outcome.json"


def ran(request: ArmRequest) -> Outcome:
    """Train an arm and write ``outcome.json``."""
    building.settle()
    sizes, shares = request.sizes, request.setting.old
    by = basing.tokenizer_of(request.base)
    some, is_replay = _rows(request, by)
    valid = basing.held_out(request.parts, shares, sizes, by, valid=True)
    model = building.load(basing.model_of(request.base))
    model.to(checkpoint.device(WHERE))
    how = training.config(sizes, sizes.peak, seed=request.seed, alpha=request.arm.neftune_alpha)
    seen = some.taken(np.flatnonzero(~is_replay)).first(sizes.held_rows * len(request.setting.new))
    seen_before = training.mean_loss(model, seen)
    points = [training.at_point(model, 0, valid, shares)]
    every = max(1, sizes.steps // sizes.points)
    points += [
        training.at_point(model, point.step, valid, shares)
        for point in training.trained(model, some, is_replay, how)
        if point.step % every == 0 or point.step == sizes.steps
    ]
    held = basing.held_out(request.parts, shares, sizes, by)
    told = Outcome(
        arm=request.arm,
        seed=request.seed,
        losses=training.losses_of(model, held, seen, shares),
        seen_before=seen_before,
        points=tuple(points),
        rows=some.size,
        replay_rows=int(is_replay.sum()),
        config=how,
        seconds=time.process_time(),
    )
    if request.keep:
        own = basing.model_of(request.base)
        beside = {name: storage.read_bytes(storage.join(own, name)) for name in basing.BESIDE}
        learning_models.write(request.out, model, beside)
    storage.write_model(storage.join(request.out, OUTCOME), told)
    return told


def _rows(request: ArmRequest, by: Tokenizer) -> tuple[Rows, NDArray[np.bool_]]:
    """Return the rows of both sides as they stand. New rows are the same ones in every arm."""
    arm, sizes = request.arm, request.sizes
    replay = _replay(request, by)
    new = rows.at_shares(
        read_passages(part_file(request.parts, "new_train")),
        dict.fromkeys(request.setting.new, 1 / len(request.setting.new)),
        sizes.tokens * rows.MARGIN,
        by,
    )
    how = rows.How(by, sizes.row_tokens, seed=request.seed)
    away = None
    if arm.order == "dissimilar_first" and replay is not None:
        away = rows.distances_to(replay, new)
    of_new = rows.rows(new, how)
    if away is not None:  # of the same rows as without, in another order
        kept = round((1 - arm.share) * sizes.rows)
        of_new = rows.rows(new, how, away=away).only(of_new.first(kept).names)
    if arm.passes > 1:
        every = round((1 - arm.share) * sizes.rows)
        few = of_new.first(-(-every // arm.passes))
        of_new = rows.repeated(few, arm.passes, seed=request.seed)
    of_replay = None if replay is None else rows.rows(replay, how)
    return rows.laid_out(arm, of_replay, of_new, sizes.rows)


def _replay(request: ArmRequest, by: Tokenizer) -> pl.DataFrame | None:
    """Return an arm's replay, as much as it needs: old text, or the first of a drawn shard."""
    arm, sizes = request.arm, request.sizes
    if arm.replay is None:
        return None
    budget = arm.share * sizes.tokens * rows.MARGIN
    if arm.replay in {arms.TRUE, arms.CONTROL}:
        return _old(request, budget, by)
    drawn = read_passages(str(request.shard))
    return drawn.head(rows.first_texts(drawn[c.TEXT].to_list(), budget, by))


def _old(request: ArmRequest, budget: float, by: Tokenizer) -> pl.DataFrame:
    """Return old passages that the base was trained on, by seed, at the card's shares."""
    shares = request.setting.old
    seen = basing.first_text(request.parts, shares, request.sizes, by)
    order = mixed(seen, seed=request.seed, stage="experiment true replay")
    return rows.at_shares(order, shares, budget, by)
