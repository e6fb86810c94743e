"""Models, as a user has them: named in a recipe, trained before it measures, told of, reused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from schemas import columns as c
from schemas.errors import ConfigError, SourceError
from schemas.manifest import MODELS, SCORES
from schemas.quality import NgramLmConfig
from schemas.sources import Source
from tasks import ledger, preflight
from tasks.inspection import inspect
from tasks.models import ngram_lms
from tasks.plan import plan
from tasks.recipe import load
from tasks.report.scores import scores as report
from tasks.verify import verify
from tests.tasks.signals.fasttext_models import Small

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prefect")

RECIPE = """
name = "judged"

[[ingest.sources]]
name = "web"
url = "web.jsonl"

[signals]
minhash = false

{models}

[select]
gopher = false
max_drop_share = 1.0
{select}

[dedup]
near = false
{dedup}
"""
CLASSIFIER = """
[[signals.classifiers]]
name = "cooking"
least_documents = 20
bits = 12
positive = [{ name = "kitchen", url = "kitchen.jsonl" }]
negative = [{ name = "harbour", url = "harbour.jsonl" }]
"""
GIVEN = """
[[signals.classifiers]]
name = "x"
path = "x"
"""
NGRAM_LM = """
[[signals.ngram_lms]]
name = "kitchen"
sources = [{ name = "kitchen", url = "kitchen.jsonl" }]
"""
KINDS = {
    "kitchen": "stir the onions and the butter in a pan until they are soft then add some flour",
    "harbour": "the boats lay at the quay and the tide was out when the captain came on board",
}
SHARED = "it is in that of was there which had not been for a long time before they were"


def text(kind: str, number: object, words: int = 60) -> str:
    """Return made-up text of a kind, half of whose words are those of any other."""
    chance = random.Random(f"{kind} {number}")
    own, shared = KINDS[kind].split(), SHARED.split()
    return " ".join(chance.choice(chance.choice([own, shared])) for _ in range(words))


def lines(path: Path, texts: Iterable[str], **more: object) -> None:
    rows = ({"id": f"{path.stem}-{i}", "text": t, **more} for i, t in enumerate(texts))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write(
    folder: Path, *, models: str = CLASSIFIER + NGRAM_LM, select: str = "", dedup: str = ""
) -> Path:
    """A recipe, what its models are trained on, and 40 documents of both kinds to be judged."""
    folder.mkdir(exist_ok=True)
    for kind in KINDS:
        lines(folder / f"{kind}.jsonl", (text(kind, i) for i in range(60)))
    kinds = ["kitchen", "harbour"] * 20
    lines(folder / "web.jsonl", (text(kind, f"web {i}") for i, kind in enumerate(kinds)))
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(models=models, select=select, dedup=dedup))
    return recipe


def run(recipe: Path, out: Path, **options: int) -> pl.DataFrame:
    """Return the decisions, with the records' own ids and their scores."""
    from flows.build_corpus import build_corpus

    config = load(str(recipe))
    preflight.check(config)
    ledger.open_run(str(out), config, version="0", goal="corpus")
    build_corpus(config, str(out), **options)
    documents, signals = (ledger.read(str(out), s).shards for s in ("ingest", "signals"))
    parts = [
        pl.read_parquet(out / "documents" / d.file, columns=[c.RECORD_ID])
        .hstack(pl.read_parquet(out / "signals" / s.file, columns=[c.SCORES]))
        .hstack(pl.read_parquet(out / "decisions" / d.file))
        for d, s in zip(documents, signals, strict=True)
    ]
    number = pl.col(c.RECORD_ID).str.split("-").list.last().cast(pl.Int64)
    return pl.concat(parts).with_columns(number.alias("number")).sort("number")


def scored(decisions: pl.DataFrame, name: str) -> list[float | None]:
    return [
        next(one["value"] for one in scores if one["name"] == name)
        for scores in decisions[c.SCORES].to_list()
    ]


def folder_of(out: Path, name: str) -> Path:
    (found,) = (out / "models").glob(f"{name}-*")
    return found


def told(out: Path, name: str) -> dict[str, Any]:
    every = ledger.read(str(out), "signals").details[MODELS]
    return next(model for model in every if model["name"] == name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, prefect: None) -> Path:
    """A run of both models, in ``out``, beside its recipe."""
    folder = tmp_path_factory.mktemp("made")
    run(write(folder), folder / "out")
    return folder


def test_documents_are_scored_and_told_of(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rules = """
[[select.scores]]
name = "cooking"
max = 0.5

[[select.rules]]
name = "near_to_kitchen"
drop_where = "score_kitchen < 1 OR score_cooking > 2"
"""
    decisions = run(write(tmp_path, select=rules), out)
    cooking = decisions["number"] % 2 == 0
    assert (decisions[c.KEEP] == ~cooking).all()
    assert set(decisions.filter(cooking)[c.DROP_REASON]) == {"score:cooking"}
    perplexity = np.array(scored(decisions, "kitchen"))
    assert perplexity[cooking.to_numpy()].max() < perplexity[~cooking.to_numpy()].min()
    assert all(finding.ok for finding in verify(str(out)))
    (document,) = inspect(str(out), "web-0").documents
    assert document.reasons[0].said.endswith("at most 0.5 (select.scores.max)")
    manifests = ledger.read(str(out), "select"), ledger.read(str(out), "signals")
    titles = [section.title for section in report(*manifests)]
    assert titles == [
        "Classifiers",
        "Calibration of cooking",
        "n-gram models",
        "What models learned from",
        "Scores by source",
    ]
    assert told(out, "cooking")["told"]["test"]["auc"] > 0.95


def test_models_are_the_same_whatever_the_files_and_are_not_trained_twice(
    made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("out"))
    for kind in KINDS:
        rows = (folder / f"{kind}.jsonl").read_text().splitlines(keepends=True)
        (folder / f"{kind}.jsonl").write_text("".join(reversed(rows)))
    run(folder / "recipe.toml", folder / "out")
    for name in ("cooking", "kitchen"):
        assert told(folder / "out", name)["digest"] == told(made / "out", name)["digest"]
        assert told(folder / "out", name)["told"] == told(made / "out", name)["told"]
    before = [f.stat().st_mtime_ns for f in (made / "out" / "models").rglob("*.*")]
    run(made / "recipe.toml", made / "out")
    assert [f.stat().st_mtime_ns for f in (made / "out" / "models").rglob("*.*")] == before


def test_held_out_text_says_the_same_in_whatever_order_it_comes(tmp_path: Path) -> None:
    texts = [text("kitchen", i, 3 + i % 50) for i in range(1_000)]
    found = []
    for some in (texts, texts[::-1]):
        lines(tmp_path / "kitchen.jsonl", some)
        source = Source(name="kitchen", url=(str(tmp_path / "kitchen.jsonl"),))
        config = NgramLmConfig(name="x", sources=(source,))
        parts = ngram_lms.parts(config)
        found.append(ngram_lms.train(config, parts, 0, 10**9, str(tmp_path / "out")))
    assert found[0].told["held_out"]["texts"] > 10
    assert found[0].told == found[1].told
    assert found[0].digest == found[1].digest


def test_a_model_that_was_damaged_or_not_finished_is_trained_again(
    made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    digest = told(out, "cooking")["digest"]
    weights = folder_of(out, "cooking") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    (folder_of(out, "kitchen") / "model.json").unlink()
    run(tmp_path / "recipe.toml", out)
    assert told(out, "cooking")["digest"] == digest
    assert all(finding.ok for finding in verify(str(out)))


def test_the_parts_of_a_language_are_kept_by_perplexity(made: Path, tmp_path: Path) -> None:
    rules = """
[[select.perplexity]]
name = "kitchen"
keep = ["head", "middle"]
head = 0.25
middle = 0.25
least_documents = 10
"""
    out = tmp_path / "out"
    decisions = run(write(tmp_path, models=NGRAM_LM, select=rules), out)
    cooking = decisions["number"] % 2 == 0
    languages = pl.concat(
        pl.read_parquet(out / "signals" / s.file, columns=[c.LANG])
        for s in ledger.read(str(out), "signals").shards
    )[c.LANG]
    assert set(languages) == {"en"}
    assert (decisions[c.KEEP] == cooking).all()
    assert set(decisions.filter(~cooking)[c.DROP_REASON]) == {"perplexity:kitchen"}
    details = ledger.read(str(out), "select").details[SCORES]
    assert details["sources"][0]["parts"] == {"head": 10, "middle": 10, "tail": 20}
    (document,) = inspect(str(out), "web-1").documents
    assert "kept: head, middle (select.perplexity.keep)" in document.reasons[0].said
    assert all(finding.ok for finding in verify(str(out)))


def test_a_model_is_taken_from_another_run(made: Path, tmp_path: Path) -> None:
    for name in ("cooking", "kitchen"):
        shutil.copytree(folder_of(made / "out", name), tmp_path / name)
    models = """
[[signals.classifiers]]
name = "food"
path = "cooking"

[[signals.ngram_lms]]
name = "kitchen"
path = "kitchen"
languages = ["en"]
"""
    decisions = run(write(tmp_path, models=models), tmp_path / "out")
    assert not (tmp_path / "out" / "models").exists()
    before = run(made / "recipe.toml", made / "out")
    assert scored(decisions, "food") == scored(before, "cooking")
    assert scored(decisions, "kitchen") == scored(before, "kitchen")


@pytest.mark.parametrize(
    ("harm", "got"),
    [
        (lambda at: (at / "model.json").unlink(), "model.json"),
        (
            lambda at: (at / "model.safetensors").write_bytes(
                (at / "model.safetensors").read_bytes()[:-1]
            ),
            "model.safetensors",
        ),
        (lambda at: change(at, version=2), "version 2"),
        (lambda at: change(at, digest="0" * 32), "not the numbers that model.json speaks of"),
        (lambda at: change(at, settings={}), "settings"),
        (lambda at: change(at, kind="ngram_lm"), "n-gram model"),
        (lambda at: (at / "model.json").write_text("{"), "model.json"),
    ],
)
def test_a_model_that_is_not_whole_is_refused_before_the_run(
    made: Path, tmp_path: Path, harm: Any, got: str
) -> None:
    shutil.copytree(folder_of(made / "out", "cooking"), tmp_path / "cooking")
    harm(tmp_path / "cooking")
    recipe = write(tmp_path, models='[[signals.classifiers]]\nname = "x"\npath = "cooking"\n')
    with pytest.raises(ConfigError) as refused:
        preflight.check(load(str(recipe)))
    assert refused.value.where == "signals.classifiers 'x'"
    assert got in refused.value.got


def test_a_place_without_a_model_is_told_of(tmp_path: Path) -> None:
    for kind in ("classifiers", "ngram_lms"):
        models = f'[[signals.{kind}]]\nname = "x"\npath = "nowhere/x.arpa"\n'
        with pytest.raises(ConfigError) as refused:
            preflight.check(load(str(write(tmp_path, models=models))))
        assert refused.value.where == f"signals.{kind} 'x'"
        assert refused.value.got.endswith("nowhere/x.arpa, where there is nothing")


def change(folder: Path, **values: object) -> None:
    at = folder / "model.json"
    at.write_text(json.dumps(json.loads(at.read_text()) | values))


def test_a_fasttext_classifier_gives_the_probability_of_its_label(tmp_path: Path) -> None:
    content = Small(words=(b"</s>", b"the", b"butter", b"quay")).content()
    (tmp_path / "small.bin").write_bytes(content)
    models = f"""
[[signals.classifiers]]
name = "small"
path = "small.bin"
sha256 = "{hashlib.sha256(content).hexdigest()}"
label = "l1"
"""
    recipe = write(tmp_path, models=models)
    values = scored(run(recipe, tmp_path / "out"), "small")
    assert all(value is not None and 0 < value < 1 for value in values)
    assert len(set(values)) > 10
    for before, after, got in (
        ('label = "l1"', 'label = "nobody"', "'nobody'"),
        (content[:0].hex() + hashlib.sha256(content).hexdigest()[:8], "0" * 8, "with sha256"),
    ):
        recipe.write_text(RECIPE.format(models=models.replace(before, after), select="", dedup=""))
        with pytest.raises(ConfigError) as refused:
            preflight.check(load(str(recipe)))
        assert got in refused.value.got


def test_a_class_of_few_documents_is_refused(tmp_path: Path) -> None:
    recipe = write(tmp_path, models=CLASSIFIER)
    lines(tmp_path / "kitchen.jsonl", (text("kitchen", i % 10) for i in range(50)))
    with pytest.raises(ConfigError) as refused:
        run(recipe, tmp_path / "out")
    assert "signals.classifiers 'cooking'" in refused.value.where
    assert refused.value.got.startswith("10 different documents")
    recipe.write_text(recipe.read_text().replace("least_documents = 20", "least_documents = 10"))
    run(recipe, tmp_path / "out")
    test = told(tmp_path / "out", "cooking")["told"]["test"]
    assert test["positive"] == 2
    assert test["auc_high"] - test["auc_low"] > 0.3


def test_a_student_learns_from_text_without_labels(tmp_path: Path) -> None:
    student = """
[signals.classifiers.noisy_student]
pool = [{ name = "web", url = "web.jsonl" }]
confident = 0.7
"""
    recipe = write(tmp_path, models=CLASSIFIER.replace("kitchen.jsonl", "few.jsonl") + student)
    lines(tmp_path / "few.jsonl", (text("kitchen", f"few {i}") for i in range(20)))
    run(recipe, tmp_path / "out")
    model = told(tmp_path / "out", "cooking")
    assert model["told"]["pool"] == 40
    assert 1 <= len(model["told"]["rounds"]) <= 4
    assert model["told"]["rounds"][0]["kept"] == [0, 0]
    assert set(model["read"]) == {"positive", "negative", "pool"}
    manifests = (ledger.read(str(tmp_path / "out"), s) for s in ("select", "signals"))
    assert "Rounds of cooking" in [section.title for section in report(*manifests)]


def test_training_text_that_does_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    for models in (CLASSIFIER, NGRAM_LM):
        with pytest.raises(ConfigError, match=r"sample = .* raise --memory-limit"):
            run(write(tmp_path, models=models), tmp_path / "out", memory_bytes=1_000)
    wide = CLASSIFIER.replace("bits = 12", "bits = 24")
    with pytest.raises(ConfigError, match=r"got a model .* take 0\.7 GB .* lower bits"):
        run(write(tmp_path, models=wide), tmp_path / "out", memory_bytes=500_000_000)


def test_sources_without_text_are_told_of(tmp_path: Path) -> None:
    recipe = write(tmp_path, models=CLASSIFIER)
    (tmp_path / "kitchen.jsonl").write_text('{"words": "none"}\n')
    with pytest.raises(SourceError, match="'kitchen': got 0 documents, and 1 records"):
        run(recipe, tmp_path / "out")
    rows = [json.dumps({"text": text("kitchen", i)}) for i in range(60)] + ["{}"] * 30
    (tmp_path / "kitchen.jsonl").write_text("\n".join(rows))
    with pytest.raises(SourceError, match="60 documents, and 30 records that cannot be read"):
        run(recipe, tmp_path / "out")


@pytest.mark.parametrize(
    ("more", "where", "got"),
    [
        ({"select": '[[select.scores]]\nname = "cook"\nmin = 0.5'}, "select.scores", "'cook'"),
        (
            {"select": '[[select.perplexity]]\nname = "cooking"\nkeep = ["head"]'},
            "select.perplexity",
            "'cooking', which no language model is called",
        ),
        (
            {"select": '[[select.rules]]\nname = "a"\ndrop_where = "score_cook > 0.5"'},
            "select.rules 'a'",
            "'score_cook'",
        ),
        ({"dedup": 'quality = "score_cook"'}, "dedup.quality", "'cook'"),
        (
            {"models": CLASSIFIER.replace("kitchen.jsonl", "nowhere.jsonl")},
            "signals.classifiers 'cooking' 'kitchen'",
            "nowhere.jsonl",
        ),
        ({"models": CLASSIFIER + CLASSIFIER}, "signals", "two models called 'cooking'"),
        ({"models": NGRAM_LM + NGRAM_LM}, "signals.ngram_lms", "several called 'kitchen'"),
        (
            {"models": CLASSIFIER + 'path = "x"\n'},
            "signals.classifiers",
            "a model, and sources to train one on",
        ),
        ({"models": '[[signals.classifiers]]\nname = "x"\n'}, "positive", "no source"),
        ({"models": GIVEN + "bits = 20\n"}, "bits", "it for a model that exists"),
        ({"models": NGRAM_LM + 'pieces = "x.model"\n'}, "pieces", "it without path"),
        (
            {"models": '[[signals.classifiers]]\nname = "x"\npath = "x.bin"\n'},
            "sha256",
            "nothing",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_before_the_run(
    tmp_path: Path, more: dict[str, str], where: str, got: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        preflight.check(load(str(write(tmp_path, **more))))
    assert where in refused.value.where
    assert got in refused.value.got


@pytest.mark.parametrize(
    ("quality", "kept"), [("score_kitchen", [False, True]), ("-score_kitchen", [True, False])]
)
def test_of_twins_the_one_with_the_higher_or_the_lower_score_stays(
    tmp_path: Path, quality: str, kept: list[bool]
) -> None:
    recipe = write(tmp_path, models=NGRAM_LM, dedup=f'quality = "{quality}"\nurls = true')
    both = [text("kitchen", "twin"), text("harbour", "twin")]
    lines(tmp_path / "web.jsonl", both, url="https://example.org/")
    decisions = run(recipe, tmp_path / "out")
    assert decisions[c.KEEP].to_list() == kept


def test_the_plan_names_what_is_read_for_models(tmp_path: Path) -> None:
    reads = plan(load(str(write(tmp_path))), str(tmp_path / "out")).extra_reads
    assert [read.partition(":")[0] for read in reads if "train" in read] == [
        "signals.classifiers 'cooking'",
        "signals.ngram_lms 'kitchen'",
    ]


def test_a_kenlm_model_scores_where_its_package_is(tmp_path: Path) -> None:
    pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    grams = "-1\t<unk>\n0\t<s>\t-0.3\n-0.8\t</s>\n-0.6\tonions\t-0.2\n-0.7\tbutter\t-0.1\n"
    pairs = "-0.2\tonions butter\n-0.4\tbutter </s>\n"
    arpa = f"\\data\\\nngram 1=5\nngram 2=2\n\n\\1-grams:\n{grams}\n\\2-grams:\n{pairs}\n\\end\\\n"
    (tmp_path / "kitchen.arpa").write_text(arpa)
    models = '[[signals.ngram_lms]]\nname = "kitchen"\npath = "kitchen.arpa"\n'
    decisions = run(write(tmp_path, models=models), tmp_path / "out")
    cooking = (decisions["number"] % 2 == 0).to_numpy()
    values = np.array(scored(decisions, "kitchen"), np.float64)
    assert values[cooking].mean() < values[~cooking].mean()
    assert all(finding.ok for finding in verify(str(tmp_path / "out")))


def test_a_kenlm_model_without_its_package_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with contextlib.suppress(ImportError):
        import_module("kenlm")
        pytest.skip("kenlm is installed")
    (tmp_path / "kitchen.arpa").write_text("")
    models = '[[signals.ngram_lms]]\nname = "kitchen"\npath = "kitchen.arpa"\n'
    with pytest.raises(ConfigError, match="pip install kenlm") as refused:
        preflight.check(load(str(write(tmp_path, models=models))))
    assert refused.value.where == "signals.ngram_lms 'kitchen'"
