"""Whose formats a mixture can be exported to. It imports nothing: the command line asks for it."""

from __future__ import annotations

from typing import Literal

Target = Literal["megatron", "olmo", "datasets"]
