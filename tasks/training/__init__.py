"""Models that run: what a checkpoint writes (:mod:`tasks.training.sampling`).

PyTorch and transformers come with the extra ``train`` and are imported where they are called for.
"""
