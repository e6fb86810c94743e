"""Replay drawn by text: the target and the pool read, and what is drawn, from a run's files.

1. :mod:`~tasks.surrogate.target`: the text that the shard is to be like, in two parts: what drawing
   goes by, and what it never sees.
2. :mod:`~tasks.surrogate.pool`: n-grams of the kept text of the replay sources, an extra read whose
   files are removed when the shard is drawn.
3. :mod:`~tasks.surrogate.drawing`: kinds of text, and passages of them, counted exactly in tokens.

What is measured and chosen is told in :mod:`tasks.replay`; here it meets storage.
"""
