"""Rules about attributes that came with a source, through the whole path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from schemas.errors import ConfigError
from tasks import ledger
from tasks.recipe import load
from tests import corpora

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")
RECIPE = """
name = "rules"

[[ingest.sources]]
name = "web"
url = "documents"
attributes = ["toxicity"]

[select]
gopher = false

[[select.attributes]]
name = "toxicity.score"
max = 0.4
"""


def test_a_rule_that_no_document_is_judged_by_is_refused(tmp_path: Path) -> None:
    """It would seem to filter: the name of the attribute is wrong."""
    from flows.build_corpus import build_corpus

    for folder in ("documents", "attributes/toxicity"):
        (tmp_path / folder).mkdir(parents=True)
    documents = [{"id": str(i), "text": corpora.prose(f"a {i}")} for i in range(10)]
    rows = [{"id": str(i), "attributes": {"score": i / 10}} for i in range(10)]
    for folder, body in (("documents", documents), ("attributes/toxicity", rows)):
        text = "".join(json.dumps(row) + "\n" for row in body)
        (tmp_path / folder / "0.json").write_text(text)
    recipe, out = tmp_path / "recipe.toml", str(tmp_path / "out")
    for name in ("toxicity.score", "toxicity.skore"):
        recipe.write_text(RECIPE.replace("toxicity.score", name))
        config = load(str(recipe))
        ledger.open_run(out, config, version="0", goal="corpus")
        if name == "toxicity.score":
            build_corpus(config, out)
            assert ledger.read(out, "select").rows_out == 5
        else:
            with pytest.raises(ConfigError, match=r"'toxicity.skore', of which no document has"):
                build_corpus(config, out)
