"""What dolma's taggers of Gopher's and C4's rules find in texts.

``python -m benchmarks.contenders.parity_dolma INPUT OUTPUT`` reads a JSON string a line and writes
a JSON object a line: by tagger, the score of each kind of span, or how many there are of C4's.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from dolma.core.data_types import Document
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTagger, GopherTaggerV2


def main(given: Path, out: Path) -> int:
    """Tag every text; return how many there were."""
    gopher = {"gopher_v1": GopherTagger(), "gopher_v2": GopherTaggerV2()}
    with given.open(encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    with out.open("w", encoding="utf-8") as written:
        for text in texts:
            document = Document(source="parity", id="parity", text=text)
            found = {
                name: {span.type: span.score for span in one.predict(document).spans}
                for name, one in gopher.items()
            }
            spans = FasterC4Tagger().predict(document).spans
            found["c4_v2"] = {
                "lines_with_no_ending_punctuation": 0,
                **Counter(span.type for span in spans),
                "line_count": next(s.score for s in spans if s.type == "line_count"),
            }
            written.write(json.dumps(found) + "\n")
    return len(texts)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
