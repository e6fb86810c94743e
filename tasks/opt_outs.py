"""Opt-out lists: ids, addresses and domains that must not be trained on, and whom they meet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import polars as pl

from schemas import columns as c
from schemas.errors import ConfigError
from tasks.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = "opt_out"
"""Where beside the decisions the lists are kept."""
DEFAULT_PORTS: Final = ("80", "443")
_LABEL = r"[^\s\x00-\x2c./:-@\[-^`{-\x7f]{1,63}"
"""Of ASCII small letters, digits, - and _; of other scripts whatever a name may be written with."""
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_ENCODED = re.compile(r"%[0-9a-fA-F]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "!#$%&'()*+,/:;=?@[]~|"
SHOWN: Final = 80


@dataclass(frozen=True)
class Lists:
    """Everything that opted out, in one spelling each."""

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.urls or self.domains)

    def entries(self) -> dict[str, list[str]]:
        """The lists that are given, sorted."""
        given = {f.name: sorted(getattr(self, f.name)) for f in fields(self)}
        return {name: entries for name, entries in given.items() if entries}

    def digests(self) -> dict[str, dict[str, int | str]]:
        """Entries and digest of each list that is given: the same for any order and spelling."""
        return {
            name: {"entries": len(entries), "digest": digest(entries)}
            for name, entries in self.entries().items()
        }

    def needed(self) -> list[str]:
        """Columns of ``documents`` that the lists are compared with, beside ``doc_id``."""
        return [c.RECORD_ID] * bool(self.ids) + [c.URL] * bool(self.urls or self.domains)


def opted_out(frame: pl.DataFrame, lists: Lists) -> pl.Series:
    """Return for each row whether it says so itself, or a list names it.

    Reads ``opt_out`` and ``doc_id``; for ids ``record_id``, for addresses and domains ``url``.
    """
    found = pl.Series(frame[c.OPT_OUT])
    if lists.ids:
        ids = pl.Series(sorted(lists.ids), dtype=pl.String).implode()
        found |= frame[c.DOC_ID].is_in(ids) | frame[c.RECORD_ID].is_in(ids).fill_null(value=False)
    if lists.urls or lists.domains:
        named = [url is not None and _names(lists, url) for url in frame[c.URL]]
        found |= pl.Series(named, dtype=pl.Boolean)
    return found


def _names(lists: Lists, url: str) -> bool:
    if lists.urls and normal_url(url) in lists.urls:
        return True
    domain = host_of(url) if lists.domains else ""
    while domain:
        if domain in lists.domains:
            return True
        domain = domain.partition(".")[2]
    return False


def normal_url(url: str) -> str:
    """One spelling of an address: its host, path and query.

    Scheme, user, ``www.``, the ports 80 and 443, fragment and slashes at the end go; the host is in
    small letters and no punycode, what is percent-encoded without need is decoded.
    """
    authority, path, query = _parts(url)
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdigit():
        host, port = authority, ""
    host = _host(host)
    if port and port not in DEFAULT_PORTS:
        host = f"{host}:{port}"
    path = path.rstrip("/")
    tail = f"{path}?{query}" if query else path
    return host + (_escaped(tail) if "%" in tail or not tail.isascii() else tail)


def host_of(url: str) -> str:
    """The host of an address, in the spelling of :func:`normal_url`."""
    authority, _, _ = _parts(url)
    host, colon, port = authority.rpartition(":")
    return _host(host if colon and port.isdigit() else authority)


def _parts(url: str) -> tuple[str, str, str]:
    """Authority without user, path and query."""
    rest = url.strip().partition("#")[0]
    scheme, mark, after = rest.partition("://")
    if mark and "/" not in scheme and "?" not in scheme:
        rest = after
    before, _, query = rest.removeprefix("//").partition("?")
    authority, slash, path = before.partition("/")
    return authority.rpartition("@")[2], slash + path, query


@lru_cache(maxsize=1 << 16)
def _host(host: str) -> str:
    """A host name in small letters, without ``www.``, its labels as people read them."""
    name = unicodedata.normalize("NFKC", host).lower().rstrip(".")
    if "xn--" in name:
        name = ".".join(map(_label, name.split(".")))
    while name.startswith("www.") and "." in name[4:]:
        name = name[4:]
    return name


def _label(label: str) -> str:
    try:
        plain = label[4:].encode().decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label
    return unicodedata.normalize("NFKC", plain).lower()


def _escaped(path: str) -> str:
    """A path whose escapes are spelled one way, with no more of them than needed."""

    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[0][1:], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ENCODED.sub(plain, quote(path, safe=_SAFE))


def read(content: bytes, *, kind: str, where: str) -> frozenset[str]:
    """Entries of one list, each checked; ``kind`` is ``ids``, ``urls`` or ``domains``.

    Raises :class:`ConfigError` with file and line.
    """
    check = _CHECKS[kind]
    found: set[str] = set()
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        entry = _decoded(raw, f"{where}, line {number}").strip()
        if entry and not entry.startswith("#"):
            found.add(check(entry, f"{where}, line {number}"))
    if not found:
        raise ConfigError(
            where,
            got="a list without an entry",
            wanted="one at least",
            way_out=f"Remove it from select.opt_out.{kind} if nobody opted out.",
        )
    return frozenset(found)


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(
            where,
            got=f"{line[:SHOWN]!r}",
            wanted="text in UTF-8",
            way_out="Save the list as UTF-8.",
        ) from error


def _id(entry: str, _where: str) -> str:
    return entry


def _url(entry: str, where: str) -> str:
    normal = normal_url(entry)
    if len(entry.split()) > 1 or normal.startswith(("/", "?", ":")) or not normal:
        raise ConfigError(
            where,
            got=f"{entry[:SHOWN]!r}",
            wanted="one address such as https://example.org/page",
            way_out="Correct it; a comment stands on a line of its own, after #.",
        )
    return normal


def _domain(entry: str, where: str) -> str:
    below = entry.startswith((".", "*."))
    name = _host(entry.removeprefix("*").removeprefix("."))
    if not _DOMAIN.fullmatch(name) and not (below and re.fullmatch(_LABEL, name)):
        raise ConfigError(
            where,
            got=f"{entry[:SHOWN]!r}",
            wanted="a domain such as example.org (a whole top-level one is written .example)",
            way_out="Correct it; whole addresses belong into a list of select.opt_out.urls.",
        )
    return name


_CHECKS: dict[str, Callable[[str, str], str]] = {"ids": _id, "urls": _url, "domains": _domain}
