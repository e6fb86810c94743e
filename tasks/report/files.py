"""A page in the forms that people open: HTML, Markdown, and its plot as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.report import page
from tasks.report.markdown import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.section import Section


def files(name: str, title: str, about: str, some: Sequence[Section]) -> dict[str, str]:
    """Return ``NAME.html`` and ``NAME.md``, and ``NAME.svg`` where a section plots lines."""
    told = "\n".join(markdown(some, picture=f"{name}.svg"))
    made = {
        f"{name}.html": page.render(title, about, some),
        f"{name}.md": f"# {title}\n\n{about}.\n\n{told}",
    }
    for one in some:
        if one.lines is not None:
            made[f"{name}.svg"] = page.picture(one.lines)
    return made
