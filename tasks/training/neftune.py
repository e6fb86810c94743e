"""Noise on embeddings while a model learns (NEFTune, arXiv 2310.05914, algorithm 1).

``X + alpha / sqrt(L d) eps``, eps uniform in [-1, 1): L tokens of the row, d the width. L is the
row's own length without padding, of packed rows all of it; padding gets no noise.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.training import extra

if TYPE_CHECKING:
    from collections.abc import Iterator


class Noise:
    """Noise for the next pass: ``attention`` (rows, length) tells tokens from padding."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.attention: Any = None

    def added(self, embedded: Any) -> Any:  # noqa: ANN401  (tensors)
        """Return embeddings (rows, length, width) with noise, from PyTorch's global generator."""
        torch, _ = extra.needed("NEFTune")
        there = self.attention.to(embedded.device, embedded.dtype)[..., None]
        lengths = there.sum(dim=1, keepdim=True).clamp(min=1)
        scale = self.alpha / (lengths * embedded.shape[-1]).sqrt()
        noise = torch.empty_like(embedded).uniform_(-1, 1)
        return embedded + noise * scale * there


@contextmanager
def noisy(model: Any, alpha: float) -> Iterator[Noise | None]:  # noqa: ANN401  (a model)
    """Add noise to what a model's embeddings give while it is in training mode.

    Set ``attention`` before each pass. Nothing is done where ``alpha`` is 0.
    """
    if not alpha:
        yield None
        return
    noise = Noise(alpha)

    def hook(module: Any, _given: Any, embedded: Any) -> Any:  # noqa: ANN401  (PyTorch's)
        return noise.added(embedded) if module.training else embedded

    handle = model.get_input_embeddings().register_forward_hook(hook)
    try:
        yield noise
    finally:
        handle.remove()
