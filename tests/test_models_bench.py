"""The bench of models runs; its models are ones that others read; labels are drawn as it says."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import few_labels, kinds, learning, model_files, models
from benchmarks.few_labels import Dealt, Room, dealt
from benchmarks.jobs import OWN
from benchmarks.model_files import BEGIN, END, LABELS, UNKNOWN, arpa, fasttext, tokens
from tasks.signals import lid
from tests.real_data import real_data
from tests.test_benchmarks import bench, keys_on_the_page

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = ["The cat sat on the mat.\nThe cat", "", "A <s> dog sat\0on it </s>", "the cat sat"]


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """Give the figures of a quick run."""
    sizes = ("--documents", "200", "--few", "100", "--learned", "100", "--mb", "1")
    env = {"OPENMOAT_DATA": str(real_data())}
    done = bench("--quick", "--json", *sizes, name="models", env=env)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_the_last_line_is_the_figures_that_the_page_names(quick: dict[str, Any]) -> None:
    assert set(quick) == keys_on_the_page("## The figures of bench-models")
    assert {key for run in quick["runs"] for key in run} == keys_on_the_page("### signals runs")
    (pair,) = quick["few_labels"]
    assert set(pair) == keys_on_the_page("### models few labels")
    keys = {key for one in pair["figures"] for key in one}
    assert keys == keys_on_the_page("### models figures of few labels")


@pytest.mark.slow
def test_every_job_is_measured(quick: dict[str, Any]) -> None:
    own = [run["job"] for run in quick["runs"] if run["contender"] == OWN]
    assert own == list(models.JOBS)
    assert {run["contender"] for run in quick["runs"]} == {OWN, models.FASTTEXT}
    assert quick["fasttext"]["documents"] == 100
    assert quick["fasttext"]["differing"] == 0
    assert [one["order"] for one in quick["memory"]] == [3, 5]
    (pair,) = quick["few_labels"]
    assert len(pair["trials"]) == 2 * len(few_labels.NOISES)
    for trial in pair["trials"]:
        assert all(0 <= auc <= 1 for auc in trial["aucs"])
        assert trial["chosen"] < len(trial["aucs"])


def test_peers_that_are_not_there_are_an_error_with_a_way_out() -> None:
    done = bench("--models", "/none/python", name="models", rc=1)
    assert "a Python that has scikit-learn" in done.stderr
    assert "requirements-peers-models.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_real_data_noisy_student_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENMOAT_DATA", "/none")
    assert learning.measure(2, quick=True) is None
    assert "OPENMOAT_DATA" in capsys.readouterr().err
    assert "OPENMOAT_DATA" in learning.shown(None)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_an_arpa_file_has_every_n_gram_with_its_parts(order: int, tmp_path: Path) -> None:
    arpa(tmp_path / "some.arpa", TEXTS, order)
    head, *parts = (tmp_path / "some.arpa").read_text().removesuffix("\n\\end\\\n").split("\n\\")
    rows = [[BEGIN, *tokens(text), END] for text in TEXTS]
    found: dict[int, dict[str, list[str]]] = {}
    for n, part in enumerate(parts, start=1):
        name, *lines = part.splitlines()
        assert name == f"{n}-grams:"
        found[n] = {gram: rest for log, gram, *rest in (x.split("\t") for x in lines if x)}
        logs = [float(x.split("\t")[0]) for x in lines if x]
        assert all(-9 < log < 0 for log in logs)
        wanted = Counter(tuple(r[i : i + n]) for r in rows for i in range(len(r) - n + 1))
        assert {tuple(gram.split()) for gram in found[n]} - {(UNKNOWN,)} == set(wanted)
        assert f"ngram {n}={len(found[n])}\n" in head + "\n"
    assert list(found) == list(range(1, order + 1))
    weights = [rest for n, own in found.items() if n < order for rest in own.values()]
    assert all(weights)
    assert not any(found[order].values())


def test_kenlm_reads_it(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    arpa(tmp_path / "some.arpa", TEXTS, 3)
    model = kenlm.Model(str(tmp_path / "some.arpa"))
    assert model.score("the cat sat", eos=False) > model.score("sat the dog", eos=False)


def test_a_fasttext_model_is_one_for_us_and_for_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fasttext as library

    monkeypatch.setattr(model_files, "BUCKETS", 50)
    file = tmp_path / "two-labels.bin"
    fasttext(file, TEXTS)
    model = lid.read_model(file.read_bytes(), file.name)
    assert model.labels == LABELS
    _, ours = lid.languages(pa.array(TEXTS[:1], pa.large_string()), model, asked=LABELS[0])
    labels, theirs = library.load_model(str(file)).predict(TEXTS[0].replace("\n", " "), k=2)
    told = dict(zip(labels, theirs, strict=True))
    assert ours.to_pylist() == pytest.approx([told[f"__label__{LABELS[0]}"]], abs=1e-5)


GROUPED = st.lists(st.tuples(st.sampled_from("abcdefg"), st.text(min_size=1, max_size=3)))


@given(GROUPED.map(lambda found: list({t: (g, t) for g, t in found}.values())), st.integers(0, 9))
def test_no_text_and_no_article_is_in_both_halves(some: list[tuple[str, str]], seed: int) -> None:
    group = {text: name for name, text in some}
    taken = set(list(group)[::4])
    found = dealt(some, seed, taken)
    assert sorted([*found.learned, *found.judged]) == sorted(set(group) - taken)
    assert not {group[t] for t in found.learned} & {group[t] for t in found.judged}
    assert found == dealt(some, seed, taken)


def test_labels_come_first_and_the_pool_has_none_of_them() -> None:
    positive, negative = (Dealt([f"{name} {i}" for i in range(90)], []) for name in ("yes", "no"))
    room = Room(positive, negative, ["strange"], rare=10, size=50, seed=0)
    assert [part.size for part in room.labelled(30)] == [15, 15]
    pool = room.pool(30)
    assert pool == [*(f"yes {i}" for i in range(15, 65, 10)), *negative.learned[15:65], "strange"]


def test_figures_are_means_over_seeds() -> None:
    own = {"labels": 30, "noise": "some", "turned": False}
    trials = [
        {**own, "seed": 0, "aucs": [0.5, 0.75], "chosen": 1},
        {**own, "seed": 1, "aucs": [0.75, 0.5, 0.25], "chosen": 2, "turned": True},
        {**own, "seed": 2, "aucs": [0.625], "chosen": 0},
    ]
    (found,) = learning.figures(trials)
    assert found["teacher"] == {"mean": 0.625, "deviation": 0.125, "seeds": 3}
    assert found["rounds"] == [
        {"mean": 0.625, "deviation": 0.1768, "seeds": 2},
        {"mean": 0.25, "deviation": 0.0, "seeds": 1},
        None,
    ]
    assert found["chosen"]["mean"] == pytest.approx((0.75 + 0.25 + 0.625) / 3, abs=1e-4)
    assert found["gain"]["mean"] == pytest.approx(-0.25 / 3, abs=1e-4)
    assert (found["better"], found["worse"], found["turned"]) == (1, 1, 1)
    pair = {"pair": "a, b", "pool": 9, "judged": [4, 5], "trials": trials, "figures": [found]}
    table = learning.shown([pair])
    assert "a, b: pool 9, judged by 4 and 5" in table
    assert "0.250 ±0.000 (1)" in table


def test_kinds_are_of_real_text_and_different() -> None:
    real_data()
    questions, asked = (kinds.texts_of(kind) for kind in kinds.PAIRS[0][1:3])
    assert len(questions) == 7_473
    assert len(asked) > 1_000
    assert not any(text.startswith("User:") for _, text in asked)
    pair = kinds.PAIRS[-1]
    leads, bodies = kinds.texts_of(pair.positive), kinds.texts_of(pair.negative)
    assert 0 < len(leads) < len(bodies)
    assert all(len(text) <= kinds.PARAGRAPH for _, text in leads)
