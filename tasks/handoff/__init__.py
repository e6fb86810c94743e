"""Files beside a mixture that trainers start from: templates, filled with its layout. Pure.

Each trainer's module makes its files from :class:`Facts`, or says why it can take nothing of this
format. All paths in them are relative to the folder of the files, so that the mixture can be moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tasks.handoff import axolotl, llamafactory, torchtitan, transformers, trl
from tasks.handoff.facts import Facts

if TYPE_CHECKING:
    from schemas.handoff import Handed
    from schemas.manifest import StageManifest
    from schemas.mixture import Layout
    from schemas.views import View

OURS: Final = frozenset(
    {
        *(transformers.FILE, transformers.WEIGHTED, trl.FILE, axolotl.FILE, torchtitan.FILE),
        *(llamafactory.FILE, llamafactory.DATA, llamafactory.ROWS),
    }
)
"""What of ours may lie beside a mixture, and would be wrong beside another: files of any format,
and rows that were saved by the line in one of them. All else there is its user's."""


def facts(mixture: StageManifest, layout: Layout, views: tuple[View, ...]) -> Facts:
    """Return what the files need to know of a mixture."""
    longest = max(
        (split["largest_document_tokens"] for split in mixture.details["achieved"].values()),
        default=0,
    )
    return Facts(
        layout=layout,
        views=views,
        longest=layout.row_tokens or longest + 1,
        digest=mixture.digest,
    )


def handed(facts: Facts) -> list[Handed]:
    """Return what there is for each trainer, files or a reason."""
    trainers = (transformers, trl, axolotl, llamafactory, torchtitan)
    return [trainer.handed(facts) for trainer in trainers]
