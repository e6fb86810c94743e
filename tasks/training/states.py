"""An optimizer's numbers as tensors by name, and back; files of them are safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.errors import ManifestError
from tasks.training import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tasks.training.loop import Learner

ON_CPU: Final = "step"
"""Value of AdamW that stays there, whatever the model runs on."""
FILE_BYTES: Final = 2 * 10**9
"""Tensors of a file, about; so that no more of them than that are in memory twice."""


def tensors(own: Learner) -> dict[str, Any]:
    """Return the optimizer's numbers: ``<parameter>|<what>``."""
    found = {}
    for name, parameter in own.model.named_parameters():
        for what, value in own.optimizer.state.get(parameter, {}).items():
            found[f"{name}|{what}"] = value.detach().cpu().contiguous()
    return found


def files(own: Learner) -> Iterator[tuple[str, bytes]]:
    """Yield the optimizer's numbers as files, name and content."""
    extra.needed("openmoat train")
    from safetensors.torch import save

    some: dict[str, Any] = {}
    number = size = 0
    for name, tensor in tensors(own).items():
        if size and size + tensor.nbytes > FILE_BYTES:
            yield f"optimizer-{number:05d}.safetensors", save(some)
            some, number, size = {}, number + 1, 0
        some[name], size = tensor, size + tensor.nbytes
    yield f"optimizer-{number:05d}.safetensors", save(some)


def restore(own: Learner, bodies: Mapping[str, bytes], *, where: str) -> None:
    """Give the optimizer the numbers of such files. Raises :class:`ManifestError`."""
    extra.needed("openmoat train")
    from safetensors.torch import load

    found = {name: value for body in bodies.values() for name, value in load(body).items()}
    by_name = {n: p for n, p in own.model.named_parameters() if p.requires_grad}
    known = {name.rpartition("|")[0] for name in found}
    if known != set(by_name):
        raise ManifestError(
            where,
            got=f"an optimizer of {len(known):,} tensors",
            wanted=f"one of the {len(by_name):,} that are trained",
            way_out="Begin anew with another --out.",
        )
    for name, value in found.items():
        parameter, what = by_name[name.rpartition("|")[0]], name.rpartition("|")[2]
        there = value if what == ON_CPU else value.to(own.device)
        own.optimizer.state[parameter][what] = there
