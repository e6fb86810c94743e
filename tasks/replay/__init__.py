"""Replay shards that stand in for a base model's original distribution: which passages of a pool.

1. :mod:`~tasks.replay.passages`: documents are cut into passages, the unit that is drawn.
2. :mod:`~tasks.replay.packed`: hashed n-grams of passages, about a byte for each that is different.
3. :mod:`~tasks.replay.features`: passages as points, near where they have words in common.
4. Kinds of text that target and pool share, and the target's share of each:
   :mod:`~tasks.replay.strata` without labels, :mod:`~tasks.replay.labels` by the pool's sources;
   :mod:`~tasks.replay.matched` leaves out, without labels, what is hardly like the target.
5. :mod:`~tasks.replay.quotas` and :mod:`~tasks.replay.selection`: passages of the pool for a budget
   of tokens, by one of several arms.
6. What the shard is to be like, as far as it is known: :mod:`~tasks.replay.profiles`; and what a
   model's own text says of that: :mod:`~tasks.replay.generations`.

Everything is a pure function of arrays and seeds. What is drawn does not depend on the order in
which passages come: :mod:`~tasks.replay.order`.
"""
