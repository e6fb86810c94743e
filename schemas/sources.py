"""A recipe's sources: where they lie, how they are read, what is taken of them."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.addresses import has_credentials, public
from schemas.normalisation import NormaliseConfig
from schemas.recipe import Section, is_absent, wrong

Format = Literal[
    "auto",
    "jsonl",
    "parquet",
    "arrow",
    "text",
    "markdown",
    "html",
    "csv",
    "chat",
    "wikiextractor",
    "warc",
    "stackexchange",
    "hub",
    "python-readmes",
    "python-licenses",
    "python-reference",
    "python-docstrings",
    "python-source",
]
PYTHON_FORMATS: tuple[Format, ...] = (
    "python-readmes",
    "python-licenses",
    "python-reference",
    "python-docstrings",
    "python-source",
)
MAX_NAME = 100


def is_fit_name(name: str) -> bool:
    """Whether every table and report can show a source's name."""
    fits = 1 <= len(name) <= MAX_NAME and name == name.strip()
    return fits and not any(unicodedata.category(ch)[0] == "C" for ch in name)


class Sample(Section):
    """A part of a source, chosen by seeded hash: so a large source costs what the part costs."""

    share: float | None = Field(
        default=None, gt=0.0, le=1.0, description="Share of the source's bytes, as stored."
    )
    documents: int | None = Field(default=None, ge=1, description="Documents, about.")
    tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens, about: before a tokenizer has seen the text, four bytes are taken for "
        "one.",
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Seed of the choice.")

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        given = [n for n in ("share", "documents", "tokens") if getattr(self, n) is not None]
        if len(given) != 1:
            raise wrong(
                "",
                got=" and ".join(given) or "no size",
                wanted="one of share, documents and tokens",
                way_out="Say how much of the source is to be read, for example "
                "sample = { share = 0.01 }.",
            )
        return self


class Source(Section):
    """One named origin of documents."""

    name: str = Field(description="How the source is called in every table and report.")
    url: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Where it lies: a path, a folder (read with everything below it), a glob, an "
        "`https://` address, `hf://owner/dataset`, or a list of these. `~` and `${VARIABLE}` are "
        "replaced; a relative path is seen from the recipe's folder. The `python-…` formats need "
        "none: they read the running interpreter's installation.",
    )
    url_list: str | None = Field(
        default=None,
        description="A text file with one url a line (`#` starts a comment), read beside `url`.",
    )
    format: Format = Field(
        default="auto",
        description="How it is read. `auto` goes by the file's name (`.jsonl`, `.json`, "
        "`.parquet`, `.arrow`, `.feather`, `.csv`, `.warc`, `.wet`, `.html`, `.txt`, `.md`, "
        "`.rst`, `.tex`, manual pages, …), or by the names in an archive (`.tar`, `.zip`); "
        "archives and compression (gzip, Zstandard, bzip2, xz) are seen in the content. "
        "`markdown` is text whose YAML front matter becomes fields; `arrow` Arrow's streams (what "
        "`datasets` saves) and files (Feather); `chat` conversations (Alpaca, ShareGPT, OpenAI "
        "messages); `warc` Common Crawl's WARC and WET; `stackexchange` a Posts.xml dump; "
        "`wikiextractor` its `<doc …>` files. `hub` streams a dataset of the Hugging Face Hub, or "
        "a local folder laid out like one.",
    )
    origin: Literal["replay", "new"] = Field(
        default="replay",
        description="`replay`: a part of the old distribution; `new`: the data to be learned.",
    )
    text_field: str = Field(
        default="text", description="The field that holds the text; `a.b` reaches into objects."
    )
    id_field: str = Field(default="id", description="The field that holds the record's own id.")
    url_field: str = Field(default="url", description="The field that holds the record's address.")
    license_field: str = Field(
        default="license", description="The field that holds the record's licence."
    )
    license: str | None = Field(
        default=None, description="Licence (SPDX name) of records that carry none."
    )
    opt_out_field: str | None = Field(
        default=None,
        description="A field that is true for records whose owner has opted out: they are dropped.",
    )
    source_field: str | None = Field(
        default=None,
        description="A field that names the source of each record, where one file holds several: "
        "`meta.pile_set_name` in The Pile, `meta.redpajama_set_name` in SlimPajama. Records "
        "without it belong to `name`.",
    )
    attributes: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Names of folders in `attributes/`, beside Dolma's `documents/`, whose values "
        "are merged by record id; they become the signal `attributes`.",
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of text files that are not UTF-8, such as `latin-1`. A byte order "
        "mark of UTF-16 or UTF-32 is seen without it.",
    )
    revision: str | None = Field(
        default=None,
        description="Git revision of an `hf://` dataset; needed there, so that tomorrow's run "
        "reads the same rows.",
    )
    subset: str | None = Field(
        default=None, description="Configuration name of an `hf://` dataset."
    )
    split: str = Field(default="train", description="Split of an `hf://` dataset.")
    normalise: NormaliseConfig | None = Field(
        default=None,
        description="What is changed in the texts beyond line ends, control characters and NFC.",
    )
    sample: Sample | None = Field(
        default=None,
        description="Read only a part: files, row groups of Parquet and ranges of plain JSON lines "
        "are taken by seeded hash, and documents of the last one by seeded hash of their id. What "
        "is taken depends on how the source is cut into files; what cannot be cut is read whole.",
    )
    source_class: str | None = Field(
        default=None,
        exclude_if=is_absent,
        description="Class of the source's rows in training by condition (C-RLFT, arXiv "
        "2309.11235), such as `expert`. It comes with each row of the mixture.",
    )
    condition_prefix: str | None = Field(
        default=None,
        exclude_if=is_absent,
        description="What its conversations begin with where they are rendered: text put before "
        "the first user's turn, which nothing is learned of.",
    )
    loss_weight: float | None = Field(
        default=None,
        gt=0.0,
        exclude_if=is_absent,
        description="What the loss of its rows is multiplied by in training (1 if unset; C-RLFT: "
        "exp(reward / beta), so that a reward of 1 beside one of .1 is 2.72 beside 1.11).",
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not is_fit_name(value):
            raise wrong(
                "",
                got=f"the name {value[:MAX_NAME]!r}",
                wanted=f"1 to {MAX_NAME} printable characters, none of them a blank at an end",
                way_out="Give it a short plain name: it stands in every table and report.",
            )
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            text = value is None or codecs.lookup(value)._is_text_encoding  # noqa: SLF001
        except (LookupError, ValueError):
            text = False
        if not text:
            raise wrong(
                "",
                got=f"{value!r}",
                wanted="an encoding that Python knows, such as 'latin-1' or 'utf-16'",
                way_out="Correct the name, or remove the key for UTF-8.",
            )
        return value

    @field_validator("attributes")
    @classmethod
    def _names_of_folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not name or "/" in name or name.startswith("."):
                raise wrong(
                    "",
                    got=f"{name!r}",
                    wanted="the name of a folder in attributes/",
                    way_out="Write the folder's name alone.",
                )
        return value

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        places = [*self.url, *filter(None, [self.url_list])]
        if self.format in PYTHON_FORMATS:
            if places:
                raise wrong(
                    "url",
                    got=f"{places[0]!r}",
                    wanted=f"no place, because {self.format} reads the running Python",
                    way_out="Remove url and url_list, or name another format.",
                )
        elif not places or "" in places:
            raise wrong(
                "url",
                got="nothing",
                wanted="a path, a folder, a glob or an address",
                way_out="Add url (or url_list).",
            )
        if any(map(has_credentials, self.url)):
            raise wrong(
                "url",
                got="an address with a user name or password in it",
                wanted="one without, because it is written to every manifest",
                way_out="Download the file yourself and give its path.",
            )
        if any(public(url) != url for url in self.url):
            raise wrong(
                "url",
                got="an address with a signature or token in its query",
                wanted="one without, because the recipe is written to run.json",
                way_out="Put it into a url_list: manifests show its addresses without signatures.",
            )
        return self

    @model_validator(mode="after")
    def _attributes_lie_beside_files(self) -> Self:
        files = self.format not in (*PYTHON_FORMATS, "hub")
        if self.attributes and not (files and not any(u.startswith("hf://") for u in self.url)):
            raise wrong(
                "attributes",
                got="names of folders for a source that is not read from files",
                wanted="files in a folder documents/, with attributes/<name>/ beside it",
                way_out="Remove attributes; of a dataset of the Hub in Dolma's layout, list the "
                "files' https:// addresses in a url_list.",
            )
        return self

    @model_validator(mode="after")
    def _hub_keys_agree(self) -> Self:
        named = [u.startswith("hf://") for u in self.url]
        if any(named) and not self.revision:
            raise wrong(
                "revision",
                got="nothing",
                wanted="a tag or a commit of the hf:// dataset",
                way_out="Copy one from its page: a branch moves, and tomorrow's run would read "
                "other rows.",
            )
        if any(named) and (not all(named) or self.url_list or self.format not in ("auto", "hub")):
            raise wrong(
                "url",
                got="an hf:// dataset beside a url, url_list or format of another kind",
                wanted="hf:// datasets alone",
                way_out="Make two sources of it, and leave format out of the one with hf://.",
            )
        if not any(named) and self.format != "hub" and (self.revision or self.subset):
            raise wrong(
                "revision" if self.revision else "subset",
                got=f"{self.revision or self.subset!r}",
                wanted="it with an hf:// dataset only",
                way_out="Remove it: files and folders have neither revisions nor subsets.",
            )
        return self
