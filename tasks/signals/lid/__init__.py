"""Language by a fastText model, read into arrays and scored over the UTF-8 of a column of texts."""

from __future__ import annotations

from tasks.signals.lid.model import Model, read_model
from tasks.signals.lid.score import languages

__all__ = ["Model", "languages", "read_model"]
