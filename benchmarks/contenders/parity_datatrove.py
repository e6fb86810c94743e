"""Verdicts of datatrove's filters, and the words and sentences that they split texts into.

``python -m benchmarks.contenders.parity_datatrove INPUT OUTPUT`` reads a JSON string a line and
writes a JSON object a line: first what the filters take for punctuation, then one for each text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.c4_filters import CITATION_REGEX
from datatrove.utils.text import (
    PUNCTUATION_SET,
    TERMINAL_PUNCTUATION,
    split_into_sentences,
    split_into_words,
)

# C4's comes last: the others remember the words of the last few texts, of which it asks for many.
FILTERS = {
    "GopherQualityFilter": GopherQualityFilter,
    "GopherRepetitionFilter": GopherRepetitionFilter,
    "FineWebQualityFilter": FineWebQualityFilter,
    "C4QualityFilter": C4QualityFilter,
}


def verdicts(filters: dict[str, Any], text: str) -> dict[str, str | None]:
    """Of each filter why it drops a text, None where it keeps it."""
    found = {}
    for name, one in filters.items():
        answer = one.filter(Document(text=text, id="parity"))  # C4's writes into the document
        found[name] = None if answer is True else answer[1]
    return found


def sentences(text: str) -> dict[str, int]:
    """How many sentences each line has that may be left of a text, whatever a line is."""
    lines = {line.strip() for line in (*text.splitlines(), *text.split("\n"))}
    lines |= {CITATION_REGEX.sub("", line) for line in lines}
    lines = {line for line in lines if not line[-1:].isalnum() and len(line.split()) > 1}
    return {line: len(split_into_sentences(line)) for line in lines}


def main(given: Path, out: Path) -> int:
    """Judge every text; return how many there were."""
    filters = {name: kind() for name, kind in FILTERS.items()}
    signs = {"punctuation": sorted(PUNCTUATION_SET), "terminal": sorted(TERMINAL_PUNCTUATION)}
    with given.open(encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    with out.open("w", encoding="utf-8") as written:
        written.write(json.dumps(signs) + "\n")
        for text in texts:
            found = {"words": split_into_words(text), "verdicts": verdicts(filters, text)}
            written.write(json.dumps(found | {"sentences": sentences(text)}) + "\n")
    return len(texts)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
