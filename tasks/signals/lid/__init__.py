"""Language by a fastText model, read into arrays and scored over the UTF-8 of a column of texts."""

from __future__ import annotations

from tasks.signals.lid.model import Model, read_model
from tasks.signals.lid.score import have_letters, languages

__all__ = ["Model", "have_letters", "languages", "read_model"]
