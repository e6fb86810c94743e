"""The running Python installation as documents: real text that every machine has.

Five formats: the packages' readmes, their licence texts, the language reference behind ``help()``,
docstrings, and the standard library's source without them. Nothing is opened here, and no module is
imported or run to be read. A record's id is its path inside the installation, the same on every
machine: ``numpy/linalg/__init__.py``, or ``stdlib/json/decoder.py`` in the standard library.
"""

from __future__ import annotations

import ast
import functools
import glob
import io
import os
import re
import site
import sysconfig
import threading
import tokenize
import warnings
from email.parser import HeaderParser
from itertools import takewhile
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from schemas.errors import SourceError
from tasks.ingest.items import DamagedInput, Record, Reject, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

Scope: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

MAX_PYTHON_BYTES: Final = 2_000_000
"""A longer Python file is a table in disguise; its syntax tree can take a gigabyte."""
MAX_LICENSE_CHARS: Final = 100
STDLIB_LICENSE: Final = "PSF-2.0"

_STDLIB, _PACKAGES = "stdlib/", ""
_NOT_STDLIB = {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"}
_SKIPPED_FOLDERS = {
    ("python-docstrings", _PACKAGES): {"test", "tests", "_vendor", "__pycache__"},
    ("python-docstrings", _STDLIB): _NOT_STDLIB | {"__pycache__"},
    ("python-source", _STDLIB): _NOT_STDLIB | {"__pycache__", "pydoc_data", "turtledemo"},
}
_LICENSE_FILE = re.compile(r"(?!licen[cs]es\Z).*(licen[cs]e|copying|notice)", re.IGNORECASE)
_BLOCKS = frozenset({"body", "handlers", "orelse", "finalbody", "cases"})
_FOLDED = re.compile(r"\n(?: {8}| {7}\|)")
_PARSED_AS = "openmoat-document"
_PARSING = threading.Lock()
_AFTER_STRING = re.compile(rb"(?:[ \t\f]|\\\n)*(?:;(?:[ \t\f]|\\\n)*)?")
_LINE_END = re.compile(rb"\n(?:[ \t\f]*\n)?|\Z")


def locations(kind: str) -> list[str]:
    """Absolute glob patterns (with ``**``) that cover the files of a format and some others.

    No file is found by two of them. Keep the regular files for which :func:`wanted` is true.
    """
    folders = {folder: glob.escape(folder) for folder, _ in _roots()}
    packages = [folders[folder] for folder, prefix in _roots() if prefix == _PACKAGES]
    (stdlib,) = (folders[folder] for folder, prefix in _roots() if prefix == _STDLIB)
    outermost = [folders[f] for f in folders if not any(f.startswith(g + "/") for g in folders)]
    return {
        "python-readmes": [f"{p}/*.dist-info/METADATA" for p in packages],
        "python-licenses": [f"{p}/*.dist-info/**" for p in packages],
        "python-reference": [f"{stdlib}/pydoc_data/topics.py"],
        "python-docstrings": [f"{folder}/**/*.py" for folder in outermost],
        "python-source": [f"{stdlib}/**/*.py"],
    }[kind]


def wanted(path: str, kind: str) -> bool:
    """Whether a file of the installation belongs to a format; told from its path alone."""
    prefix, inner = _place(path) or (None, "")
    *folders, name = inner.split("/")
    if kind in ("python-readmes", "python-licenses"):
        if prefix != _PACKAGES or not folders or not folders[0].endswith(".dist-info"):
            return False
        if kind == "python-readmes":
            return folders[1:] == [] and name == "METADATA"
        return _LICENSE_FILE.match(name) is not None
    if kind == "python-reference":
        return (prefix, inner) == (_STDLIB, "pydoc_data/topics.py")
    # `_sysconfigdata…` holds the paths of the machine that built the interpreter, often a home.
    if prefix is None or not name.endswith(".py") or name.startswith("_sysconfigdata"):
        return False
    skipped = _SKIPPED_FOLDERS.get((kind, prefix))
    return skipped is not None and skipped.isdisjoint(folders)


@functools.cache
def _roots() -> tuple[tuple[str, str], ...]:
    """Folders of the installation, the inner before the outer, each with its ids' prefix."""
    packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    packages += site.getsitepackages()
    if site.ENABLE_USER_SITE:
        packages.append(site.getusersitepackages())
    # Some systems link `lib64` to `lib`: resolved, or every package would be read twice.
    prefixes = {os.path.realpath(folder): _PACKAGES for folder in packages}
    prefixes[os.path.realpath(sysconfig.get_path("stdlib"))] = _STDLIB
    return tuple(sorted(prefixes.items(), key=lambda item: (-len(item[0]), item[0])))


def _place(path: str) -> tuple[str, str] | None:
    """The prefix and the path inside the installation, or nothing for a path outside of it."""
    for folder, prefix in _roots():
        if path.startswith(folder + "/"):
            return prefix, path[len(folder) + 1 :]
    return None


def read(stream: BinaryIO, *, kind: str, location: str) -> Iterator[Record | Reject]:
    """The documents in one file of the installation, ``location`` being its path.

    A file gives one document, the reference one for each topic, and a module without any docstring
    none in ``python-docstrings``: there is no such document. What cannot be read is rejected as
    ``not_utf8``, ``not_python``, ``too_large``, ``no_topics`` or ``no_text`` (a package without a
    description). Raises :class:`SourceError` for a path outside of the installation.
    """
    place = _place(location)
    if place is None:
        raise SourceError(
            location,
            got="a file outside of the running Python installation",
            wanted=f"a file in one of {[folder for folder, _ in _roots()]}",
            way_out="Give the source another format, or run the interpreter that owns the file.",
        )
    data = stream.read()
    try:
        yield from _documents(data, kind, *place)
    except DamagedInput as error:
        yield Reject(1, error.reason, excerpt(data))


def _documents(data: bytes, kind: str, prefix: str, inner: str) -> Iterator[Record | Reject]:
    if kind == "python-readmes":
        yield _readme(_utf8(data), inner)
        return
    if kind == "python-licenses":
        yield Record(1, _utf8(data), inner)
        return
    source, tree = _python(data)
    owner = STDLIB_LICENSE if prefix == _STDLIB else None
    if kind == "python-reference":
        yield from _topics(tree)
    elif kind == "python-source":
        yield Record(1, _without_docstrings(source, tree), prefix + inner, license=owner)
    elif text := _docstrings(tree):
        yield Record(1, text, prefix + inner, license=owner)


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedInput("not_utf8", str(error)) from error


def _readme(metadata: str, inner: str) -> Record:
    """The description in a package's core metadata: the body or, in old packages, a header."""
    message = HeaderParser().parsestr(metadata)

    def values(*names: str) -> list[str]:
        found = [str(v).strip() for name in names for v in message.get_all(name, [])]
        return [v for v in found if v not in ("", "UNKNOWN")]

    folded = [_FOLDED.sub("\n", v) for v in values("Description")]
    text = next((t for t in (str(message.get_payload()), *folded) if _says_something(t)), None)
    if text is None:
        raise DamagedInput("no_text", "no description")
    name, version = values("Name"), values("Version")
    short = (v for v in values("License-Expression", "License") if _is_a_name(v))
    projects = (v.partition(",")[2].strip() for v in values("Project-URL"))
    return Record(
        1,
        text,
        f"{name[0]}=={version[0]}" if name and version else inner,
        url=next((u for u in (*values("Home-page"), *projects) if u), None),
        license=next(short, None),
    )


def _says_something(text: str) -> bool:
    return text.strip() not in ("", "UNKNOWN")  # old build tools wrote UNKNOWN for nothing


def _is_a_name(license_field: str) -> bool:
    return len(license_field) <= MAX_LICENSE_CHARS and len(license_field.splitlines()) == 1


def _python(data: bytes) -> tuple[str, ast.Module]:
    """Source text, its line ends as the parser sees them (newlines only), and its syntax tree."""
    if len(data) > MAX_PYTHON_BYTES:
        raise DamagedInput("too_large", f"{len(data)} bytes")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise DamagedInput("not_utf8", str(error)) from error
    try:
        return text, _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DamagedInput("not_python", str(error)) from error


def _parsed(text: str) -> ast.Module:
    """The syntax tree, without the warnings that the parser has about other people's code.

    ``warnings.catch_warnings`` swaps the filters of all threads. Instead one more filter is left in
    place, which matches nothing but the name that documents are parsed under. One thread parses at
    a time: Python counts the depth of a tree once for all threads, and where one takes over from
    another that is half way, :class:`SystemError` (python/cpython#106905).
    """
    module = rf"{_PARSED_AS}\Z"
    with _PARSING:
        if ("ignore", None, Warning, re.compile(module), 0) not in warnings.filters:
            warnings.filterwarnings("ignore", module=module)
        return ast.parse(text, filename=_PARSED_AS)


def _topics(tree: ast.Module) -> Iterator[Record | Reject]:
    """Each entry of the literal ``topics = {name: text, …}``."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="topics")], value=ast.Dict(keys, values)):
                break
    else:
        raise DamagedInput("no_topics", "no dict literal called topics")
    for position, entry in enumerate(zip(keys, values, strict=True), start=1):
        match entry:
            case ast.Constant(value=str(name)), ast.Constant(value=str(text)):
                yield Record(position, text, name, license=STDLIB_LICENSE)
            case _, value:
                yield Reject(position, "not_a_topic", excerpt(_shown(value)))


def _shown(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "an expression nested too deeply"


def _scopes(tree: ast.Module) -> Iterator[tuple[Scope, str]]:
    """The module (named ""), its classes and functions, in their order, with dotted names.

    Only blocks are entered, and on a stack of our own: a long chain of ``elif`` nests deeply.
    """
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, name = stack.pop()
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{name}.{node.name}" if name else node.name
        if isinstance(node, Scope):
            yield node, name
        blocks = (getattr(node, field) for field in node._fields if field in _BLOCKS)
        inner = [(child, name) for block in blocks for child in block if _has_blocks(child)]
        stack += reversed(inner)


def _has_blocks(node: ast.AST) -> bool:
    return not _BLOCKS.isdisjoint(node._fields)


def _docstrings(tree: ast.Module) -> str:
    """All docstrings with a blank line between them, each but the module's below its owner's name.

    Without the name, the many that say "Return a copy." would say nothing.
    """
    found = ((name, ast.get_docstring(scope)) for scope, name in _scopes(tree))
    return "\n\n".join(f"{name}\n{doc}" if name else doc for name, doc in found if doc)


def _without_docstrings(source: str, tree: ast.Module) -> str:
    """The source as it stands, comments and all, less its docstrings; still valid Python.

    A string that would become the docstring once the first is gone goes too. Positions in a syntax
    tree count UTF-8 bytes, so the cutting is done on bytes.
    """
    data, kept, done = source.encode(), [], 0
    lines = [0, *(m.end() for m in re.finditer(rb"\n", data))]
    for scope, _ in _scopes(tree):
        strings = list(takewhile(_is_string, scope.body))
        hollow = len(strings) == len(scope.body) and not isinstance(scope, ast.Module)
        for i, (start, end) in enumerate(_spans(data, lines, strings)):
            stands_in = hollow and i == 0
            first, last = (start, end) if stands_in else _with_its_space(data, start, end)
            kept += [data[done:first], b"pass" if stands_in else b""]
            done = last
    return b"".join((*kept, data[done:])).decode()


def _is_string(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _spans(data: bytes, lines: list[int], strings: list[ast.stmt]) -> list[tuple[int, int]]:
    """Where the strings start and end in bytes; what semicolons join on one line is one span."""
    spans: list[tuple[int, int]] = []
    for node in strings:
        start = lines[node.lineno - 1] + node.col_offset
        end = lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        if spans and _past_semicolon(data, spans[-1][1]) == start:
            start, _ = spans.pop()
        spans.append((start, end))
    return spans


def _past_semicolon(data: bytes, end: int) -> int:
    after = _AFTER_STRING.match(data, end)
    return after.end() if after else end


def _with_its_space(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a span by its semicolon or, if it has its lines to itself, by all of these.

    The blank line that set a docstring off from the code goes with it.
    """
    end = _past_semicolon(data, end)
    line = data.rfind(b"\n", 0, start) + 1
    rest = _LINE_END.match(data, end)
    return (line, rest.end()) if rest and not data[line:start].strip() else (start, end)
