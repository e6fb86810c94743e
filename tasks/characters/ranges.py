"""Ranges of code points as they are written down here, and the one that is written by hand."""

from __future__ import annotations

UNSPACED = """
    E00-EFF 1000-109F 1780-17FF 19E0-19FF 3005-3007 3040-30FF 31F0-31FF 3400-4DBF 4E00-9FFF
    A9E0-A9FF AA60-AA7F F900-FAFF FF66-FF9F 1B000-1B16F 20000-3FFFF
"""
"""Blocks of the scripts that are written without spaces between words."""


def parse_ranges(ranges: str) -> list[tuple[int, int]]:
    """Parse hexadecimal ranges (``41-5A 61``) into pairs of first and last code point."""
    pairs = [part.split("-") for part in ranges.split()]
    return [(int(pair[0], 16), int(pair[-1], 16)) for pair in pairs]


def stepped_ranges(ranges: str) -> list[tuple[int, int, int]]:
    """Parse ``41-5A 100-136/2`` into first, last and step."""
    parts = [part.partition("/") for part in ranges.split()]
    return [(*parse_ranges(pair)[0], int(step or "1")) for pair, _, step in parts]
