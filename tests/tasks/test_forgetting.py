"""What a tuned model forgot: domains of files and of mixtures, averages, evals, bad input."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from schemas.errors import ConfigError, ManifestError
from schemas.training import RateConfig, TrainConfig
from tasks import forgetting, learning
from tasks.forgetting import Question
from tasks.held_out import Take
from tasks.learning import Request
from tasks.report import page
from tasks.report.forgetting import sections
from tasks.training import extra
from tasks.training import forgetting as figures
from tasks.training.measure import How
from tests.corpora import prose
from tests.mixtures import Document, written
from tests.tasks.training.models import needs_torch

if TYPE_CHECKING:
    from pathlib import Path

FAST = RateConfig(peak=1e-2, warm_up=0.1)
NUMBERS = " ".join(str(i * i) for i in range(60))


def documents(kind: str, n: int) -> list[Document]:
    """Prose is old data; lists of numbers are new, and unlike it."""
    if kind == "prose":
        return [Document(f"p{i % 2}", prose(("forget", i), 30), is_replay=True) for i in range(n)]
    return [Document("numbers", f"{i} {NUMBERS[i : i + 120]}") for i in range(n)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a base that knows prose, and what becomes of it when it learns numbers."""
    needs_torch()
    folder = tmp_path_factory.mktemp("forgetting")
    old, new = documents("prose", 60), documents("numbers", 40)
    written(folder / "old", {"train": old}, row_format="tokens", row_tokens=64)
    own = (folder / "old" / "tokenizer" / "tokenizer.json").read_bytes()
    held = [d._replace(content=prose(("held", i), 30)) for i, d in enumerate(old[:12])]
    splits = {"train": new, "validation": [*held, *new[:6]]}
    for name, size in (("new", 64), ("whole", None)):
        written(folder / name, splits, row_format="tokens", row_tokens=size, tokenizer=own)
    config = TrainConfig(batch_rows=4, epochs=2, rates=FAST)
    learning.train(Request(str(folder / "old"), "small", str(folder / "a"), config))
    base = str(folder / "a" / "model")
    learning.train(Request(str(folder / "new"), base, str(folder / "b"), config))
    with (folder / "prose.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": d.content}) + "\n" for d in held)
    return folder


def asked(place: Path, **more: Any) -> Question:
    return Question(str(place / "a" / "model"), str(place / "b" / "model"), **more)


def test_old_prose_is_forgotten_and_numbers_are_learned(place: Path) -> None:
    found = forgetting.of_checkpoints(
        asked(place, mixture=str(place / "new"), old=[("prose", str(place / "prose.jsonl"))])
    )
    domains = {one.name: one for one in found.domains}
    assert set(domains) == {"prose", "p0", "p1", "numbers"}
    assert {one.side for one in found.domains} == {"old", "new"}
    for name, one in domains.items():
        assert (one.rise > 0.2) == (name != "numbers")
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.rise < one.high
        nats = one.after.nats_per_token * one.tokens
        assert one.after.bits_per_byte == pytest.approx(nats / math.log(2) / one.n_bytes)
        assert one.cross_entropy > one.entropy
    assert domains["numbers"].rise < -0.5
    old = [one.after.nats_per_token for one in found.domains if one.side == "old"]
    assert found.means_after.old is not None
    assert found.means_after.old.nats_per_token == pytest.approx(sum(old) / 3)
    new = domains["numbers"].after.nats_per_token
    assert found.means_after.average == pytest.approx((sum(old) / 3 + new) / 2)
    assert found.worst == max(("prose", "p0", "p1"), key=lambda n: domains[n].rise_in_bits)


def test_rows_packed_or_not_files_or_split_the_figures_are_the_same(place: Path) -> None:
    """Whole documents: what a row is does not matter, nor where the text is read from."""
    packed, whole = (
        forgetting.of_checkpoints(asked(place, mixture=str(place / name)))
        for name in ("new", "whole")
    )
    for one, other in zip(packed.domains, whole.domains, strict=True):
        assert (one.name, one.side, one.tokens) == (other.name, other.side, other.tokens)
        assert one.n_bytes == other.n_bytes
        assert one.rise == pytest.approx(other.rise, abs=1e-5)
    files = forgetting.of_checkpoints(asked(place, old=[("prose", str(place / "prose.jsonl"))]))
    (prose_of_files,) = files.domains
    both = [one for one in packed.domains if one.side == "old"]
    assert prose_of_files.tokens == sum(one.tokens for one in both)
    assert prose_of_files.n_bytes == sum(one.n_bytes for one in both)
    rise = sum(one.rise * one.tokens for one in both) / prose_of_files.tokens
    assert prose_of_files.rise == pytest.approx(rise, abs=1e-5)


def test_files_called_as_a_source_are_another_domain(place: Path) -> None:
    files = str(place / "prose.jsonl")
    found = forgetting.of_checkpoints(asked(place, old=[("p0", files)], mixture=str(place / "new")))
    names = [one.name for one in found.domains]
    assert names == ["p0", "p0 (validation split)", "p1", "numbers"]


def test_nothing_is_forgotten_by_the_same_model(place: Path) -> None:
    base = str(place / "a" / "model")
    found = forgetting.of_checkpoints(Question(base, base, mixture=str(place / "new")))
    for one in found.domains:
        assert (one.rise, one.low, one.high) == (0, 0, 0)
        assert one.cross_entropy == one.entropy


def test_so_many_tokens_are_scored_and_no_more_in_any_order(place: Path) -> None:
    some = [("prose", str(place / "prose.jsonl"))]
    few = forgetting.of_checkpoints(asked(place, old=some, take=Take(most_tokens=100)))
    assert few.domains[0].documents < few.domains[0].of_documents == 12
    lines = (place / "prose.jsonl").read_text().splitlines(keepends=True)
    (place / "other.jsonl").write_text("".join(reversed(lines)))
    again = forgetting.of_checkpoints(
        asked(place, old=[("prose", str(place / "other.jsonl"))], take=Take(most_tokens=100))
    )
    assert again.domains == few.domains
    one = forgetting.of_checkpoints(asked(place, old=some, take=Take(most_tokens=10)))
    assert one.domains[0].tokens == 10
    assert 10 < one.domains[0].n_bytes < 100


def test_a_long_text_is_scored_in_windows(place: Path) -> None:
    found = forgetting.of_checkpoints(
        asked(place, old=[("p", str(place / "prose.jsonl"))], how=How(window=10_000))
    )
    assert (found.window, found.stride) == (64, 32)


def test_the_page_and_the_terminal_name_what_matters(place: Path) -> None:
    found = forgetting.of_checkpoints(asked(place, mixture=str(place / "new")))
    html = page.render("Forgetting", "", list(sections(found)))
    worst = next(one for one in found.domains if one.name == found.worst)
    assert f"Worst of old domains: {worst.name}, +{worst.rise_in_bits:.3f} bits a byte." in html
    assert f"{worst.after.nats_per_token:.3f}" in html


RESULTS = {
    "results": {
        "mmlu": {"alias": "mmlu", "acc,none": 0.5, "acc_stderr,none": 0.01},
        "mmlu_law": {"acc,none": 0.9},
        "arc": {"alias": "arc", "acc,none": 0.4, "acc_norm,none": 0.45},
        "gsm8k": {"exact_match,strict-match": 0.2, "exact_match,flexible-extract": 0.3},
        "wiki": {"word_perplexity,none": 12.0},
        "none": {"acc,none": 0.0},
    },
    "group_subtasks": {"mmlu": ["mmlu_law"], "arc": [], "gsm8k": []},
}


def test_fg_is_the_mean_of_what_each_task_lost() -> None:
    after: dict[str, Any] = json.loads(json.dumps(RESULTS))
    after["results"]["mmlu"]["acc,none"] = 0.4
    after["results"]["arc"]["acc,none"] = 0.4
    after["results"]["gsm8k"]["exact_match,strict-match"] = 0.25
    found = figures.evals(RESULTS, after)
    assert found is not None
    assert {one.task: round(one.forgotten, 9) for one in found.tasks} == {
        "mmlu": 0.2, "arc": 0.0, "gsm8k": -0.25,
    }  # fmt: skip
    assert found.forgotten == pytest.approx((0.2 + 0.0 - 0.25) / 3)
    assert found.left_out == ("none", "wiki")


def test_a_group_without_an_accuracy_hides_none_of_its_tasks() -> None:
    """As lm-evaluation-harness 0.4.13 writes them: groups that aggregate nothing have an alias."""
    told = {
        "results": {
            "suite": {"alias": "suite", " ": " "},
            "mmlu": {"acc,none": 0.5},
            "mmlu_stem": {"alias": " - stem", " ": " "},
            "mmlu_physics": {"acc,none": 0.4},
            "arc": {"acc,none": 0.4, "acc_stderr,none": "N/A"},
            "broken": {"acc,none": float("nan")},
            "cola": {"mcc,none": -0.1},
        },
        "group_subtasks": {
            "suite": ["mmlu", "arc"], "mmlu": ["mmlu_stem"], "mmlu_stem": ["mmlu_physics"],
        },
    }  # fmt: skip
    found = figures.evals(told, told)
    assert found is not None
    assert [one.task for one in found.tasks] == ["arc", "mmlu"]
    assert found.left_out == ("broken", "cola", "suite")


@pytest.mark.parametrize(
    ("key", "was", "now"),
    [("n-shot", 0, 5), ("n-samples", {"effective": 100}, {"effective": 10}), ("versions", 1, 2)],
)
def test_what_was_measured_otherwise_is_not_compared(key: str, was: object, now: object) -> None:
    before = {**RESULTS, key: {"arc": was, "gsm8k": 1}}
    after = {**RESULTS, key: {"arc": now, "gsm8k": 1}}
    found = figures.evals(before, after)
    assert found is not None
    assert [one.task for one in found.tasks] == ["gsm8k", "mmlu"]
    assert "arc" in found.left_out


def test_evals_alone_need_no_model(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(RESULTS))
    found = forgetting.of_checkpoints(Question("a", "b", evals=(str(file), str(file))))
    assert found.evals is not None
    assert found.evals.forgotten == 0
    assert "FG of arXiv 2308.08747" in page.render("", "", list(sections(found)))


def test_a_result_that_is_no_number_leaves_the_others_readable(tmp_path: Path) -> None:
    """lm-evaluation-harness writes NaN, which JSON has no word for."""
    file = tmp_path / "results.json"
    file.write_text('{"results": {"a": {"acc,none": NaN}, "b": {"acc,none": 0.5}}}')
    found = forgetting.of_checkpoints(Question("a", "b", evals=(str(file), str(file))))
    assert found.evals is not None
    assert found.evals.left_out == ("a",)


@pytest.mark.parametrize("body", [None, "{", "[]", '{"results": 3}', '{"results": {"a": 1}}'])
def test_files_that_are_no_results_are_refused(tmp_path: Path, body: str | None) -> None:
    file = tmp_path / "results.json"
    if body is not None:
        file.write_text(body)
    with pytest.raises(ConfigError, match="a result file of lm-evaluation-harness"):
        forgetting.of_checkpoints(Question("a", "b", evals=(str(file), str(file))))


def test_a_question_about_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to measure with"):
        forgetting.of_checkpoints(Question("a", "b"))


def test_models_that_do_not_belong_together_are_refused(place: Path, tmp_path: Path) -> None:
    from tests.tasks.training.models import tiny

    other = tiny(tmp_path / "other", vocab_size=300)
    base = str(place / "a" / "model")
    with pytest.raises(ConfigError, match="a model, and what it became"):
        forgetting.of_checkpoints(Question(base, str(other), mixture=str(place / "new")))
    with pytest.raises(ConfigError, match="mixture of another tokenizer"):
        forgetting.of_checkpoints(Question(str(other), str(other), mixture=str(place / "new")))
    with pytest.raises(ConfigError, match="Download the model first"):
        forgetting.of_checkpoints(Question(base, "no/where", mixture=str(place / "new")))


def test_a_mixture_without_validation_and_files_without_text_are_refused(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises((ConfigError, ManifestError), match="validation"):
        forgetting.of_checkpoints(asked(place, mixture=str(place / "old")))
    (tmp_path / "empty.jsonl").write_text('{"body": "x"}\n')
    with pytest.raises(ConfigError, match="no document"):
        forgetting.of_checkpoints(asked(place, old=[("e", str(tmp_path / "empty.jsonl"))]))


def test_split_of_the_mixture_is_whole(place: Path) -> None:
    """What is scored of the split is all of its documents, less what ends them."""
    found = forgetting.of_checkpoints(asked(place, mixture=str(place / "whole")))
    files = sorted((place / "whole" / "mixture" / "validation").iterdir())
    tokens = pq.read_table(files, columns=["tokens"])["tokens"].to_pylist()
    assert sum(one.tokens for one in found.domains) == sum(tokens)
    assert extra.needed("tests")
