"""HTML to the text of its main content; Markdown, reStructuredText, LaTeX and roff as they are."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import yaml
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

from tasks.ingest.fields import to_record
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt
from tasks.ingest.unpack import encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.ingest.items import Fields

MAX_TEXT_BYTES = 1 << 28
PIECE = 1 << 20
MAX_HTML_BYTES = 1 << 22
"""A longer page is rejected: its tree takes up to 140 times its bytes."""
SMALL = 1_000
"""So many tags cannot keep the parser busy however they are nested."""
MAX_WORK = 20_000_000
"""Tags times the depth of their nesting: so much costs the extraction about a second."""
MAX_REPEATED = 1_000_000
"""Tags times the styles left open, such as ``<font>``: each later block repeats all of them."""
MAX_ATTRIBUTES = 5_000
STYLES = ("b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u")
NOT_NESTED = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
        *("a", "dd", "dt", "li", "option", "p", "td", "th", "tr"),
    )
)
"""Tags without an end, and those that end where the next one begins."""
MAX_FRONT_CHARS = 1 << 16
FRONT = re.compile(r"---[ \t]*\r?\n((?:.*?\n)?)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+)")
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)


def read(
    stream: BinaryIO,
    fields: Fields,
    *,
    syntax: Literal["html", "text"],
    front_matter: bool = False,
    charset: str | None = None,
) -> Iterator[Record | Reject]:
    """Yield one file as one record (an empty file has none), or as one reject.

    ``html``: the main content, the title in the metadata; it is in ``charset``, else in what the
    page says or looks like, and what is not UTF-8 is stated in the metadata. ``text``: the markup
    stays, as corpora publish it; with ``front_matter`` the YAML between ``---`` lines at the top is
    taken out, as if its keys were a record's fields. It is UTF-8 and nothing is guessed: of texts
    in old encodings that say nothing of themselves, one in twenty would be guessed wrong.
    """
    limit = MAX_HTML_BYTES if syntax == "html" else MAX_TEXT_BYTES
    try:
        body = _up_to(limit + 1, stream)
        if not body:
            return
        if len(body) > limit:
            raise DamagedInput("file_too_long", f"more than {limit} bytes")  # noqa: TRY301
        if syntax == "html":
            text, row = _parse_html(body, charset)
        else:
            text, row = _parse_text(body, front_matter=front_matter)
    except DamagedInput as damage:
        yield Reject(1, damage.reason, excerpt(damage.detail))
        return
    yield to_record({**row, fields.text: text}, 1, fields)


def _up_to(size: int, stream: BinaryIO) -> bytes:
    """The first bytes, read piece by piece: a buffer for all of them is made for none too many."""
    pieces = []
    while size and (piece := stream.read(min(size, PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _parse_html(body: bytes, charset: str | None) -> tuple[str, dict[str, Any]]:
    if charset is not None and encoding.marked(body[:4]) is None:
        name = encoding.named(charset)
        page = _strictly(body, name, encoding.reason(name))
    else:
        page, name = decode(body, _declared(body))
    title, text = html_text(page)
    row = {} if name == "utf-8" else {"charset": name}
    return text, row | ({"title": title} if title else {})


def _parse_text(body: bytes, *, front_matter: bool) -> tuple[str, dict[str, Any]]:
    text = _strictly(body, "utf-8", "not_utf8").removeprefix("\ufeff")
    return (text, {}) if not front_matter else split_front_matter(text)[::-1]


def decode(body: bytes, declared: str | None) -> tuple[str, str]:
    """Return the text and the charset it was in.

    A byte order mark comes first, then UTF-8 if all bytes agree (chance cannot do that), then what
    was declared, then what the bytes look like. Raises :class:`DamagedInput` where none fits.
    """
    if (found := encoding.marked(body[:4])) is not None:
        return _strictly(body, found).removeprefix("\ufeff"), found.removesuffix("-le")
    escapes = b"\x1b" in body  # ISO-2022-JP and its like are made of ASCII
    if not escapes:
        try:
            return body.decode(), "utf-8"
        except UnicodeDecodeError:
            pass
    if b"\0" in body[:1_000]:
        raise DamagedInput("not_text", repr(body[:200]))
    guesses = (map_encoding_to_html5(declared or "", fallback_utf8=False), detect_encoding(body))
    for name in filter(None, guesses):
        try:
            return body.decode(name), name
        except (UnicodeDecodeError, LookupError):
            continue
    return _strictly(body, "utf-8"), "utf-8"


def _strictly(body: bytes, charset: str, reason: str = "unknown_charset") -> str:
    try:
        return body.decode(charset)
    except UnicodeError as error:
        raise DamagedInput(reason, excerpt(body)) from error


def _declared(body: bytes) -> str | None:
    found = _META.search(body[:4_096])
    return found[1].decode("ascii", "replace") if found else None


def html_text(page: str, *, main: bool = True) -> tuple[str, str]:
    """Return a page's title and its main content (``main=False``: all of its text).

    Raises :class:`DamagedInput` for a page built to keep its reader busy for minutes.
    """
    if any(tag.count("=") > MAX_ATTRIBUTES for tag in re.findall(r"<[^<>]{9999,}", page)):
        raise DamagedInput("html_too_many_attributes", page[:200])
    tags = page.count("<")
    if tags > SMALL:
        deepest, styles = _nesting(page)
        if deepest * tags > MAX_WORK or styles * tags > MAX_REPEATED:
            raise DamagedInput("html_too_deep", page[:200])
    tree = HTMLTree.parse(page)
    title = " ".join((tree.title or "").split())
    return title, extract_plain_text(tree, main_content=main)


def _nesting(page: str) -> tuple[int, int]:
    """Most elements open at one place, and most of one style, about as a parser finds them."""
    open_, all_, deepest, styles = Counter[str](), 0, 0, 0
    for end, name in _TAG.findall(page):
        tag = name.lower()
        if tag in NOT_NESTED or (end and not open_[tag]):
            continue
        change = -1 if end else 1
        open_[tag] += change
        all_ += change
        deepest = max(deepest, all_)
        if tag in STYLES:
            styles = max(styles, open_[tag])
    return deepest, styles


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, by which a few lines become gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Take YAML front matter off a text; what is no mapping, or cannot be read, stays text."""
    found = FRONT.match(text, 0, MAX_FRONT_CHARS)
    if found is None:
        return {}, text
    try:
        front = yaml.load(found[1], _PlainLoader)  # noqa: S506  (a safe loader)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return {}, text
    if not isinstance(front, dict):
        return {}, text
    return {str(k): v for k, v in front.items()}, text[found.end() :].lstrip("\r\n")
