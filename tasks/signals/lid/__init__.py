"""Language by a fastText model, read into arrays and scored over the UTF-8 of a column of texts."""

from __future__ import annotations

from tasks.signals.lid.model import Model, read_model
from tasks.signals.lid.paragraphs import paragraphs, shares
from tasks.signals.lid.score import languages, readable

__all__ = ["Model", "languages", "paragraphs", "read_model", "readable", "shares"]
