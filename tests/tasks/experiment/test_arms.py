"""Which arms there are, and what the pipelines of these are given."""

from __future__ import annotations

from tasks.experiment import arms, settings, shards


def test_every_arm_has_a_name_of_its_own_and_a_builder() -> None:
    every = arms.full()
    names = [arm.name for arm in every]
    assert len(set(names)) == len(names) == 31
    drawn = {arm.replay for arm in every} - {None, arms.TRUE, arms.CONTROL}
    assert drawn == set(shards.ARMS)


def test_no_closed_pipeline_draws_what_needs_a_sample() -> None:
    kinds = arms.pipelines(arms.full())
    assert not set(kinds["closed"]) & arms.OPEN
    assert set(kinds["sample"]) <= arms.OPEN
    assert set(arms.pipelines(arms.small())) == {"closed", "sample"}


def test_the_card_names_shares_that_make_one_and_the_pool_has_more() -> None:
    for setting in settings.SETTINGS.values():
        assert abs(sum(setting.old.values()) - 1) < 1e-9
        assert set(setting.places) == {*setting.old, *setting.new, *setting.foreign}
        assert not set(setting.new) & {*setting.old, *setting.foreign}
