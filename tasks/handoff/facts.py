"""What the files for trainers need to know of a mixture."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.mixture import Layout
    from schemas.views import View


class Facts(NamedTuple):
    """Of one mixture."""

    layout: Layout
    views: tuple[View, ...]
    longest: int
    """Tokens of its longest row, the end-of-text token included."""
    digest: str

    @property
    def room(self) -> int:
        """Tokens that a trainer has to leave a row: its own template may take more than ours."""
        return self.longest if self.layout.format == "tokens" else 2 * self.longest

    @property
    def validation(self) -> bool:
        """Whether it has held-out rows."""
        return "validation" in self.views[0].splits

    def has(self, name: str) -> bool:
        """Whether there is a view of this name."""
        return any(view.name == name for view in self.views)

    def fill(self, template: str, **more: object) -> str:
        """Return a template with ``$`` names in place: those of the mixture, and ``more``."""
        tokenizer = self.layout.tokenizer
        return Template(template).substitute(
            digest=self.digest,
            longest=self.longest,
            room=self.room,
            ids=tokenizer.size,
            tokenizer=f"{tokenizer.kind}, digest {tokenizer.digest}",
            padding=tokenizer.end_id if tokenizer.padding_id is None else tokenizer.padding_id,
            **more,
        )
