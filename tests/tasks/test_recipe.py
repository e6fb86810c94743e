"""Every wrong recipe stops with one message: which file and key, what was there, what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.addresses import has_credentials
from schemas.config import RunConfig
from schemas.errors import ConfigError
from tasks import preflight, storage
from tasks.recipe import load, parse

GOOD = """
name = "test"
seed = 7

[ingest]
max_reject_share = 0.1

[[ingest.sources]]
name = "wiki"
url = "data/wiki"

[[ingest.sources]]
name = "news"
url = ["data/news/*.jsonl", "https://host/news.jsonl"]

[[ingest.sources]]
name = "laws"
url = "data/laws"
origin = "new"

[select.gopher]
min_words = 30

[tokenizer]
path = "tokenizer.json"

[replay]
shares = { wiki = 0.25, news = 0.75 }

[mixture]
replay_share = 0.05
"""


def parsed(folder: Path, text: str = GOOD) -> RunConfig:
    (folder / "r.toml").write_text(text)
    return load(str(folder / "r.toml"))


def refused(folder: Path, text: str) -> str:
    """The message, less the recipe's path."""
    with pytest.raises(ConfigError) as caught:
        parsed(folder, text)
    error = caught.value
    where = str(folder / "r.toml")
    assert str(error).startswith(where)
    assert error.exit_code == 2
    assert error.way_out.endswith((".", "?", "…"))
    said = str(error).removeprefix(where).removeprefix(": ")
    assert "Input should" not in said
    assert "\x1b" not in said
    return said


def test_a_good_recipe_and_its_defaults(tmp_path: Path) -> None:
    config = parsed(tmp_path)
    assert config.seed == 7
    assert config.select.gopher is not None
    assert (config.select.gopher.min_words, config.select.gopher.max_words) == (30, 100_000)
    assert config.ingest.sources[0].url == (f"{tmp_path}/data/wiki",)
    assert config.ingest.sources[1].url[1] == "https://host/news.jsonl"
    off = GOOD.replace("[select.gopher]\nmin_words = 30", "[select]\ngopher = false")
    assert parsed(tmp_path, off).select.gopher is None
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "seed = 7",
            "sed = 7",
            """
            sed: got a key that does not exist here, wanted one of name, description, seed,
            ingest, signals, decontaminate, dedup, select, masking, corpus, tokenizer, replay,
            mixture. Did you mean 'seed'?
            """,
        ),
        (
            "min_words = 30",
            "min_wrds = 30",
            """
            select.gopher.min_wrds: got a key that does not exist here, wanted one of min_words,
            max_words, min_mean_word_length, max_mean_word_length, max_symbol_to_word_ratio,
            max_bullet_lines, max_ellipsis_lines, min_words_with_letter, min_stop_words. Did you
            mean 'min_words'?
            """,
        ),
        (
            'origin = "new"',
            'orgin = "new"',
            """
            ingest.sources 'laws'.orgin: got a key that does not exist here, wanted one of name,
            url, url_list, format, origin, text_field, id_field, url_field, license_field,
            license, opt_out_field, source_field, attributes, encoding, revision, subset, split,
            normalise, sample, source_class, condition_prefix, loss_weight. Did you mean 'origin'?
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_shre = 0.05",
            """
            mixture.replay_shre: got a key that does not exist here, wanted one of replay_share,
            total_tokens, shard_mb, row_group_mb, format, row_tokens, epochs, replay_epochs,
            max_doc_tokens, schedule, order, guard, max_refused_share. Did you mean 'replay_share'?
            """,
        ),
        (
            "max_reject_share = 0.1",
            "replay_share = 0.1",
            """
            ingest.replay_share: got a key that does not exist here, wanted one of sources,
            max_reject_share, unit_mb, split_mb. It belongs into [mixture].
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_share = 0.05\nseed = 3",
            """
            mixture.seed: got a key that does not exist here, wanted one of replay_share,
            total_tokens, shard_mb, row_group_mb, format, row_tokens, epochs, replay_epochs,
            max_doc_tokens, schedule, order, guard, max_refused_share. It belongs at the top, above
            all sections.
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_share = 1.0",
            """
            mixture.replay_share: got 1.0, wanted less than 1. Correct it. What it means: Share
            of the training tokens that are replay, for example 0.05.
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_share = 25",
            """
            mixture.replay_share: got 25, wanted less than 1. Correct it. What it means: Share
            of the training tokens that are replay, for example 0.05.
            """,
        ),
        (
            "replay_share = 0.05",
            'replay_share = "5%"',
            """
            mixture.replay_share: got '5%', wanted a number, without quotes. Correct it. What it
            means: Share of the training tokens that are replay, for example 0.05.
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_share = nan",
            """
            mixture.replay_share: got nan, wanted a finite number. Correct it. What it means:
            Share of the training tokens that are replay, for example 0.05.
            """,
        ),
        (
            "replay_share = 0.05",
            "",
            """
            mixture.replay_share: got nothing, wanted a value. Add it. What it means: Share of
            the training tokens that are replay, for example 0.05.
            """,
        ),
        (
            "seed = 7",
            "seed = true",
            """
            seed: got true, wanted a whole number, without quotes. Correct it. What it means:
            Seed of every random choice in the run.
            """,
        ),
        (
            "seed = 7",
            "seed = -7",
            """
            seed: got -7, wanted 0 or more. Correct it. What it means: Seed of every random
            choice in the run.
            """,
        ),
        (
            'name = "test"',
            'name = "My run"',
            """
            name: got 'My run', wanted small letters, digits, _ and -, the first a letter or
            digit. Correct it. What it means: Short name of the run.
            """,
        ),
        (
            "[tokenizer]",
            '[[select.rules]]\nname = "my-own"\ndrop_where = "n_bytes < 9"\n[tokenizer]',
            """
            select.rules 'my-own'.name: got 'my-own', wanted small letters, digits and _, the first
            a letter. Correct it. What it means: The reason that documents are dropped for, after
            `rule:`.
            """,
        ),
        (
            'origin = "new"',
            'origin = "nwe"',
            """
            ingest.sources 'laws'.origin: got 'nwe', wanted 'replay' or 'new'. Did you mean
            'new'?
            """,
        ),
        (
            'url = "data/wiki"',
            "url = 3",
            """
            ingest.sources 'wiki'.url: got 3, wanted a list in [ ]. Correct it. What it means:
            Where it lies: a path, a folder (read with everything below it), a glob, an
            `https://` address, `hf://owner/dataset`, or a list of these.
            """,
        ),
        (
            'url = "data/wiki"',
            "",
            """
            ingest.sources 'wiki'.url: got nothing, wanted a path, a folder, a glob or an
            address. Add url (or url_list).
            """,
        ),
        (
            'url = "data/wiki"',
            'url = "hf://owner/wiki"',
            """
            ingest.sources 'wiki'.revision: got nothing, wanted a tag or a commit of the hf://
            dataset. Copy one from its page: a branch moves, and tomorrow's run would read other
            rows.
            """,
        ),
        (
            'url = "data/wiki"',
            'url = "data/wiki"\nsubset = "en"',
            """
            ingest.sources 'wiki'.subset: got 'en', wanted it with an hf:// dataset only. Remove
            it: files and folders have neither revisions nor subsets.
            """,
        ),
        (
            'url = "data/wiki"',
            'url = ["hf://a/b", "data/wiki"]\nrevision = "1"',
            """
            ingest.sources 'wiki'.url: got an hf:// dataset beside a url, url_list or format of
            another kind, wanted hf:// datasets alone. Make two sources of it, and leave format
            out of the one with hf://.
            """,
        ),
        (
            'url = "data/wiki"',
            'url = "https://jane:secret@host/a.jsonl"',
            """
            ingest.sources 'wiki'.url: got an address with a user name or password in it, wanted
            one without, because it is written to every manifest. Download the file yourself and
            give its path.
            """,
        ),
        (
            'url = "data/wiki"',
            'url = "data/wiki"\nformat = "python-source"',
            """
            ingest.sources 'wiki'.url: got '{folder}/data/wiki', wanted no place, because
            python-source reads the running Python. Remove url and url_list, or name another
            format.
            """,
        ),
        (
            'name = "news"',
            'name = "wiki"',
            """
            ingest.sources: got two called 'wiki', wanted a name for each. Rename one of them;
            to read two places as one source, list both in url.
            """,
        ),
        (
            'name = "news"',
            'name = "\\u001b[31mnews"',
            r"""
            ingest.sources '\x1b[31mnews'.name: got the name '\x1b[31mnews', wanted 1 to 100
            printable characters, none of them a blank at an end. Give it a short plain name: it
            stands in every table and report.
            """,
        ),
        (
            "news = 0.75",
            "news = 0.65",
            """
            replay.shares: got shares that sum to 0.9, wanted 1. Change them so that they do.
            """,
        ),
        (
            "news = 0.75",
            "nwes = 0.75",
            """
            replay.shares: got 'nwes', which no replay source is called, wanted one of 'wiki',
            'news'. Did you mean 'news'?
            """,
        ),
        (
            "news = 0.75",
            "laws = 0.75",
            """
            replay.shares: got 'laws', which no replay source is called, wanted one of 'wiki',
            'news'. Did you mean 'news'?
            """,
        ),
        (
            "news = 0.75",
            "news = -0.75",
            """
            replay.shares.news: got -0.75, wanted 0 or more. Correct it. What it means: Share of
            the shard's tokens for each replay source; they sum to 1.
            """,
        ),
        (
            "shares = { wiki = 0.25, news = 0.75 }",
            "",
            """
            replay.shares: got none, wanted shares that sum to 1. Give each replay source its
            share of the tokens, or name a published mixture with `like`.
            """,
        ),
        (
            "shares = { wiki = 0.25, news = 0.75 }",
            'like = "lama-1"',
            """
            replay.like: got 'lama-1', wanted one of amber, dolma-v1.7, falcon-7b, llama-1, mpt-7b,
            olmo-2, redpajama-1t, slimpajama, smollm, smollm3, the-pile, tinyllama. Did you mean
            'llama-1'?
            """,
        ),
        (
            "shares = { wiki = 0.25, news = 0.75 }",
            'like = "llama-1"',
            """
            replay.like: got 'common-crawl', which no replay source is called, wanted one of
            'wiki', 'news'. Did you mean 'news'?
            """,
        ),
        (
            "shares =",
            'like = "llama-1"\nshares =',
            """
            replay: got both like and shares, wanted one of them. Remove the one that is not
            meant.
            """,
        ),
        (
            "shares = { wiki = 0.25, news = 0.75 }",
            "shares = [0.25, 0.75]",
            """
            replay.shares: got [0.25, 0.75], wanted names with values, such as { wiki = 0.5,
            news = 0.5 }. Correct it. What it means: Share of the shard's tokens for each replay
            source; they sum to 1.
            """,
        ),
        (
            '[tokenizer]\npath = "tokenizer.json"',
            "",
            """
            tokenizer: got nothing, wanted one, because budgets are counted in tokens. Add
            [tokenizer] with path = "…/tokenizer.json" of the model you train.
            """,
        ),
        (
            'path = "tokenizer.json"',
            'path = "tokenizer.json"\ntrain_vocab_size = 8192',
            """
            tokenizer: got both path and train_vocab_size, wanted one of path (take it) and
            train_vocab_size (train it). Give the path of the model's tokenizer.json; for a
            model that is made from nothing, a size such as 32000.
            """,
        ),
        (
            'origin = "new"',
            "",
            """
            ingest.sources: got old data only, wanted a source of new data to mix with the
            replay. Write origin = "new" into its [[ingest.sources]], or remove [mixture].
            """,
        ),
        (
            "[replay]\nshares = { wiki = 0.25, news = 0.75 }",
            "",
            """
            replay: got nothing, wanted what to draw for mixture.replay_share = 0.05. Add
            [replay] with the shares of its sources, or set replay_share = 0.
            """,
        ),
        (
            "replay_share = 0.05",
            "replay_share = 0.05\nrow_tokens = 2048",
            """
            mixture.row_tokens: got 2048 with format = 'text', wanted it with format = "tokens"
            only. Remove row_tokens: rows of text are documents.
            """,
        ),
        (
            "replay_share = 0.05",
            'replay_share = 0.05\nformat = "messages"',
            """
            tokenizer.chat_template: got nothing, with mixture.format = "messages", wanted how
            conversations become text, so that their tokens can be counted. Name one, such as
            chat_template = "chatml" or "model".
            """,
        ),
        (
            "replay_share = 0.05",
            'replay_share = 0.05\n[mixture.schedule]\nkind = "ramp"\npart = 0.5',
            """
            mixture.schedule: got kind = 'ramp' with part, wanted start. Give these keys and no
            others.
            """,
        ),
        (
            "[select.gopher]",
            '[select]\nexempt = ["law"]\n[select.gopher]',
            """
            select.exempt: got 'law', which no source is called, wanted one of 'wiki', 'news',
            'laws'. Did you mean 'laws'?
            """,
        ),
        (
            "[select.gopher]\nmin_words = 30",
            "[select]\ngopher = 30",
            """
            select.gopher: got 30, wanted a section with the keys min_words, max_words,
            min_mean_word_length, max_mean_word_length, max_symbol_to_word_ratio,
            max_bullet_lines, max_ellipsis_lines, min_words_with_letter, min_stop_words. Correct
            it. What it means: Gopher's quality rules.
            """,
        ),
        (
            'url = "data/wiki"',
            'url = "${OPENMOAT_NOT_SET}/wiki"',
            """
            url: got '${OPENMOAT_NOT_SET}/wiki', and the variable OPENMOAT_NOT_SET is not set,
            wanted a location. Set it first: export OPENMOAT_NOT_SET=…
            """,
        ),
        (
            "seed = 7",
            "seed = ",
            """
            , line 3: got 'seed =': invalid value, wanted TOML. Mend that line; https://toml.io
            shows the notation.
            """,
        ),
        (
            "seed = 7",
            "seed = 7\nseed = 8",
            """
            , line 4: got 'seed = 8': cannot overwrite a value, wanted TOML. Mend that line;
            https://toml.io shows the notation.
            """,
        ),
    ],
)
def test_what_a_wrong_recipe_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    told = " ".join(message.split()).replace("{folder}", str(tmp_path))
    assert refused(tmp_path, GOOD.replace(old, new, 1)) == told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "name: got nothing, wanted a value"),
        ('name = "x"\n', "ingest: got nothing, wanted a value"),
        ('name = "x"\ningest = 3\n', "ingest: got 3, wanted a section with the keys sources, "),
        ('name = "x"\n[ingest]\nsources = []\n', "ingest.sources: got [], wanted one at least"),
        ('name = "x"\n[ingest.sources]\nname = "y"\n', "each under [[ingest.sources]]"),
        ('name = "x"\n[ingest]\nsources = ["wiki"]\n', "ingest.sources, number 1: got 'wiki'"),
        (
            'name = "x"\n[[ingest.sources]]\nurl = "y"\n',
            "ingest.sources, number 1.name: got nothing",
        ),
        ('"\\u001b[31m" = 3\n' + GOOD, r"'\x1b[31m': got a key that does not exist here"),
        ("x = " + "[" * 9_000, "got "),
    ],
)
def test_recipes_that_are_hardly_one(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="wanted a TOML file in UTF-8"):
        load(str(tmp_path / "r.toml"))


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("\ufeff" + GOOD)
    assert load(str(tmp_path / "r.toml")).name == "test"


def test_markup_in_a_name_is_a_name(tmp_path: Path) -> None:
    text = GOOD.replace('"news"', '"[red]news[/red]"').replace("news =", '"[red]news[/red]" =')
    assert parsed(tmp_path, text).ingest.sources[1].name == "[red]news[/red]"


@pytest.mark.parametrize("name", ["", " x", "x\u200b", "\u202ex", "x" * 101, "a\tb"])
def test_names_that_would_spoil_a_table(tmp_path: Path, name: str) -> None:
    escaped = name.encode("ascii", "backslashreplace").decode().replace("\t", "\\t")
    assert "printable characters" in refused(tmp_path, GOOD.replace('"news"', f'"{escaped}"', 1))


def test_a_recipe_that_is_not_there_lists_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("nowhere.toml", "no/where"):
        with pytest.raises(ConfigError, match=r"no such file.*Shipped recipes: demo, "):
            load(name)
    with pytest.raises(ConfigError, match="Did you mean 'demo'"):
        load("dmeo")
    (tmp_path / "demo").mkdir()
    assert load("demo").name == "demo"
    with pytest.raises(ConfigError, match="got a folder"):
        load(str(tmp_path))
    with pytest.raises(ConfigError, match="shipped"):
        load("x" * 5_000)


def test_places_are_seen_from_the_recipes_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "[odd] *folder"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "[1].jsonl").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path / "[home]"))
    monkeypatch.setenv("DATA", str(folder))
    (tmp_path / "[home]").mkdir()
    (tmp_path / "[home]" / "x.jsonl").write_text("{}")

    def place(url: str) -> str:
        return parsed(folder, GOOD.replace('"data/wiki"', f'"{url}"')).ingest.sources[0].url[0]

    def files(url: str) -> list[str]:
        return [f.url for f in storage.list_inputs(place(url), where="")]

    assert place("../a/./b") == f"{tmp_path}/a/b"
    assert place("~") == f"{tmp_path}/[home]"
    assert place("/x") == "/x"
    assert place("~nobody-of-this-name/x") == f"{folder}/~nobody-of-this-name/x"
    one = [f"{folder}/data/[1].jsonl"]
    assert files("data") == files("data/[1].jsonl") == files("data/*.jsonl") == one
    assert files("${DATA}/data/*") == files("**/*.jsonl") == one
    assert files("~/*.jsonl") == [f"{tmp_path}/[home]/x.jsonl"]
    config = parsed(folder)
    assert config.tokenizer is not None
    assert config.tokenizer.path == f"{folder}/tokenizer.json"


def test_a_published_mixture_gives_the_shares(tmp_path: Path) -> None:
    names = ["common-crawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange"]
    sources = "".join(f'[[ingest.sources]]\nname = "{n}"\nurl = "x"\n' for n in names)
    config = parsed(
        tmp_path,
        f'name = "x"\n{sources}[tokenizer]\npath = "t"\n[replay]\nlike = "llama-1"\n',
    )
    assert config.replay is not None
    assert config.replay.shares["common-crawl"] == pytest.approx(0.67)
    assert sum(config.replay.shares.values()) == pytest.approx(1)


BOUNDS = [
    ("seed", 2**63 - 1),
    ("ingest.sources.sample.seed", 2**63 - 1),
    ("signals.minhash_seed", 2**32 - 1),
    ("signals.minhash_bands", 4_096),
    ("signals.minhash_rows", 4_096),
    ("signals.shingle_words", 1_000),
    ("tokenizer.train_vocab_size", 1_000_000),
]


def with_value(key: str, value: object) -> RunConfig:
    source: dict[str, Any] = {"name": "x", "url": __file__, "sample": {"share": 0.5}}
    raw: dict[str, Any] = {"name": "x", "ingest": {"sources": [source]}}
    *sections, last = key.split(".")
    place = source["sample"] if "sample" in sections else raw
    for section in sections if place is raw else ():
        place = place.setdefault(section, {})
    place[last] = value
    return parse(raw, where="r.toml", folder=Path("/"))


@pytest.mark.parametrize(("key", "most"), BOUNDS)
def test_no_number_is_larger_than_what_computes_with_it_takes(key: str, most: int) -> None:
    with_value(key, most)
    with pytest.raises(ConfigError, match="or less"):
        with_value(key, most + 1)


def test_not_everything_can_be_held_out() -> None:
    with pytest.raises(ConfigError, match="wanted less than 1"):
        with_value("select.valid_share", 1.0)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("min_words", 100_001, "min_words: got 100001, and max_words = 100000, wanted the least"),
        ("max_words", 49, "min_words: got 50, and max_words = 49"),
        ("max_mean_word_length", 2.5, "got 3.0, and max_mean_word_length = 2.5"),
    ],
)
def test_the_least_is_not_above_the_most(key: str, value: float, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        with_value(f"select.gopher.{key}", value)


@pytest.mark.parametrize("code", ["EN", "english", "e", "", "en\n", "en-GB", "é€"])
def test_languages_are_codes(code: str) -> None:
    with pytest.raises(ConfigError, match=r"select.languages: got .*wanted codes of two or three"):
        with_value("select.languages", ["de", code])


def test_languages_of_two_and_three_letters() -> None:
    assert with_value("select.languages", ["en", "ceb"]).select.languages == ("en", "ceb")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://jane:secret@host/a", True),
        ("http://jane@host/a", True),
        ("HTTPS://jane:secret@host/a", True),
        ("hf://jane:secret@owner/name", True),
        ("https://jane:secret@[host/a", True),
        ("https://host/a@b", False),
        ("https://[host/a@b", False),
        ("hf://owner/name", False),
        ("/data/a@b/c", False),
        ("a@b", False),
    ],
)
def test_addresses_with_credentials(url: str, *, found: bool) -> None:
    assert has_credentials(url) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"tokenizer": {"path": "/nowhere/t.json"}},
            r"tokenizer.path: got '/nowhere/t.json': No such",
        ),
        ({"tokenizer": {"path": "."}}, "tokenizer.path: got '.': a folder in which there is none"),
        (
            {"tokenizer": {"path": __file__}},
            "wanted a tokenizer.json of the Hugging Face tokenizers",
        ),
        (
            {"signals": {"lang_model": "/nowhere/lid"}},
            "signals.lang_model: got '/nowhere/lid', where",
        ),
        ({"signals": {"lang_model": "/"}}, "wanted fastText's lid.176.ftz"),
    ],
)
def test_what_can_be_known_wrong_before_any_work(change: dict[str, object], said: str) -> None:
    sources = [{"name": "x", "url": __file__}]
    config = RunConfig.model_validate({"name": "x", "ingest": {"sources": sources}, **change})
    with pytest.raises(ConfigError, match=said):
        preflight.check(config)


def test_opt_out_lists_are_seen_from_the_recipes_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTS", "/lists")
    lists = '[select.opt_out]\nids = "ids.txt"\nurls = ["${LISTS}/a", "b"]\n[tokenizer]'
    opt_out = parsed(tmp_path, GOOD.replace("[tokenizer]", lists)).select.opt_out
    assert opt_out is not None
    assert opt_out.ids == (f"{tmp_path}/ids.txt",)
    assert opt_out.urls == ("/lists/a", f"{tmp_path}/b")
    assert opt_out.domains == ()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "[select.licenses]",
            "select.licenses: got a policy that names no licence, wanted one of allow, deny and ",
        ),
        (
            '[select.licenses]\nallow = ["MIT "]',
            "select.licenses.allow: got 'MIT ', wanted names of licences such as ",
        ),
        (
            '[select.licenses]\nunstated = "dorp"',
            "select.licenses.unstated: got 'dorp', wanted 'drop' or 'keep'. Did you mean 'drop'?",
        ),
        ("[select.opt_out]", "select.opt_out: got no list, wanted a file for one of ids, urls "),
        (
            '[select.opt_out]\nurl = "a"',
            "select.opt_out.url: got a key that does not exist here, wanted one of ids, urls, ",
        ),
    ],
)
def test_what_wrong_rights_are_told(tmp_path: Path, section: str, message: str) -> None:
    assert refused(tmp_path, GOOD.replace("[tokenizer]", f"{section}\n[tokenizer]")).startswith(
        message
    )
