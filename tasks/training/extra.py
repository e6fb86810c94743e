"""The extra ``train``: PyTorch, transformers and peft, imported in functions only."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from schemas.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

WAY_OUT: Final = (
    'Install them: pip install "openmoat[train]"; in a checkout, make train (which takes '
    "PyTorch's build for CPUs where the index has one)."
)


def needed(where: str) -> tuple[ModuleType, ModuleType]:
    """Return PyTorch and transformers. Raises :class:`ConfigError` where they are not there."""
    try:
        return import_module("torch"), import_module("transformers")
    except ImportError as error:
        raise ConfigError(
            where,
            got=f"a Python without them ({error})",
            wanted="torch and transformers, which are no part of the core",
            way_out=WAY_OUT,
        ) from error


def peft(where: str) -> ModuleType:
    """Return peft. Raises :class:`ConfigError` where it is not there."""
    try:
        return import_module("peft")
    except ImportError as error:
        raise ConfigError(
            where,
            got=f"a Python without it ({error})",
            wanted="peft, which adapters (--lora) need",
            way_out=WAY_OUT,
        ) from error
