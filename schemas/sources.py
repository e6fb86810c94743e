"""A recipe's sources: where they lie, how they are read, what is taken of them."""

from __future__ import annotations

import unicodedata
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.base import Section, wrong

Format = Literal[
    "auto",
    "jsonl",
    "parquet",
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


def has_credentials(url: str) -> bool:
    """Whether an address carries a user name or password, which every manifest would repeat."""
    scheme, mark, rest = url.partition("://")
    try:
        return bool(mark) and scheme != "file" and "@" in urlsplit(url).netloc
    except ValueError:  # brackets that do not match
        return "@" in rest.partition("/")[0]


class Sample(Section):
    """A part of a source's files, chosen by seeded hash of their names."""

    share: float = Field(gt=0.0, le=1.0, description="Share of the files that is read.")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="Seed of the choice.")


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
        "`.parquet`, `.csv`, `.warc`, `.wet`, `.html`, `.txt`, `.md`, … before `.gz` or `.zst`); "
        "compression is seen in the content. `markdown` is text whose YAML front matter becomes "
        "fields; `chat` conversations (Alpaca, ShareGPT, OpenAI messages); `warc` Common Crawl's "
        "WARC and WET; `stackexchange` a Posts.xml dump; `wikiextractor` its `<doc …>` files. "
        "`hub` streams a dataset of the Hugging Face Hub, or a local folder laid out like one.",
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
    revision: str | None = Field(
        default=None,
        description="Git revision of an `hf://` dataset; needed there, so that tomorrow's run "
        "reads the same rows.",
    )
    subset: str | None = Field(
        default=None, description="Configuration name of an `hf://` dataset."
    )
    split: str = Field(default="train", description="Split of an `hf://` dataset.")
    sample: Sample | None = Field(
        default=None,
        description="Read only a part of the files, so that a large source costs what the part "
        "costs. Such a sample depends on how the source is cut into files.",
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        bad = [ch for ch in value if unicodedata.category(ch)[0] == "C"]
        if bad or not 1 <= len(value) <= MAX_NAME or value != value.strip():
            raise wrong(
                "",
                got=f"the name {value[:MAX_NAME]!r}",
                wanted=f"1 to {MAX_NAME} printable characters, none of them a blank at an end",
                way_out="Give it a short plain name: it stands in every table and report.",
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
