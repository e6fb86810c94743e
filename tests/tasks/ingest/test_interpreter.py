from __future__ import annotations

import ast
import glob
import io
import subprocess
import sys
import time
import tokenize
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import dropwhile
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import PYTHON_FORMATS
from schemas.errors import SourceError
from tasks.ingest import interpreter
from tasks.ingest.items import Record, Reject

PACKAGES = next(folder for folder, prefix in interpreter._roots() if prefix == "")
STDLIB = next(folder for folder, prefix in interpreter._roots() if prefix == "stdlib/")


def read(data: bytes | str, kind: str, path: str) -> list[Record | Reject]:
    data = data.encode() if isinstance(data, str) else data
    return list(interpreter.read(io.BytesIO(data), kind=kind, location=path))


def record(data: bytes | str, kind: str, path: str) -> Record:
    (item,) = read(data, kind, path)
    assert isinstance(item, Record), item
    return item


def reject(data: bytes | str, kind: str, path: str) -> Reject:
    (item,) = read(data, kind, path)
    assert isinstance(item, Reject), item
    assert item.position == 1
    return item


def stripped(source: bytes | str) -> str:
    return record(source, "python-source", f"{STDLIB}/demo.py").text


def docstrings(source: bytes | str) -> str:
    return record(source, "python-docstrings", f"{PACKAGES}/demo/core.py").text


# --- the installation ------------------------------------------------------------------------


def files(kind: str) -> list[str]:
    patterns = interpreter.locations(kind)
    found = (glob.glob(p, recursive=True) for p in patterns)  # noqa: PTH207 - patterns are strings
    return sorted(path for paths in found for path in paths if interpreter.wanted(path, kind))


@pytest.mark.parametrize("kind", PYTHON_FORMATS)
def test_the_running_installation_has_documents_of_every_kind(kind: str) -> None:
    paths = files(kind)
    assert len(set(paths)) == len(paths)
    assert all(Path(path).is_file() for path in paths)
    items = [i for p in paths[:40] for i in read(Path(p).read_bytes(), kind, p)]
    records = [item for item in items if isinstance(item, Record)]
    assert len({r.record_id for r in records}) >= 5
    assert not any((r.record_id or "/").startswith("/") for r in records)
    assert sum(len(r.text) for r in records) > 1_000


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("python-readmes", f"{PACKAGES}/demo-1.0.dist-info/METADATA", True),
        ("python-readmes", f"{PACKAGES}/demo/_vendor/other-1.0.dist-info/METADATA", False),
        ("python-readmes", f"{PACKAGES}/demo-1.0.dist-info/licenses/METADATA", False),
        ("python-readmes", f"{PACKAGES}/METADATA", False),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/LICENSE", True),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses/sub/LICENCE.md", True),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses/LICENSES/BSD_LICENSE", True),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses/third-party-notices", True),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/COPYING.LESSER", True),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses/AUTHORS", False),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses", False),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/licenses/LICENSES", False),
        ("python-licenses", f"{PACKAGES}/demo-1.0.dist-info/RECORD", False),
        ("python-licenses", f"{PACKAGES}/demo/LICENSE", False),
        ("python-licenses", f"{STDLIB}/LICENSE.txt", False),
        ("python-reference", f"{STDLIB}/pydoc_data/topics.py", True),
        ("python-reference", f"{PACKAGES}/pydoc_data/topics.py", False),
        ("python-docstrings", f"{PACKAGES}/demo/core.py", True),
        ("python-docstrings", f"{PACKAGES}/demo/tests/helper.py", False),
        ("python-docstrings", f"{PACKAGES}/demo/test/helper.py", False),
        ("python-docstrings", f"{PACKAGES}/demo/_vendor/six.py", False),
        ("python-docstrings", f"{PACKAGES}/demo/testing.py", True),
        ("python-docstrings", f"{PACKAGES}/demo/core.pyi", False),
        ("python-docstrings", f"{STDLIB}/json/decoder.py", True),
        ("python-docstrings", f"{STDLIB}/test/test_json.py", False),
        ("python-docstrings", f"{STDLIB}/lib2to3/pytree.py", False),
        ("python-source", f"{STDLIB}/json/decoder.py", True),
        ("python-source", f"{STDLIB}/turtledemo/clock.py", False),
        ("python-source", f"{STDLIB}/distutils/tests/support.py", False),
        ("python-source", f"{STDLIB}/site-packages/demo/core.py", False),
        ("python-source", f"{STDLIB}/_sysconfigdata__linux_x86_64-linux-gnu.py", False),
        ("python-source", f"{PACKAGES}/demo/core.py", False),
        ("python-source", "/elsewhere/demo.py", False),
        ("python-docstrings", "/elsewhere/demo.py", False),
    ],
)
def test_wanted(kind: str, path: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert interpreter.wanted(path, kind) is expected


def test_packages_inside_the_standard_library_are_found_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roots = (("/p/lib/python3/site-packages", ""), ("/p/lib/python3", "stdlib/"))
    monkeypatch.setattr(interpreter, "_roots", lambda: roots)
    assert interpreter.locations("python-docstrings") == ["/p/lib/python3/**/*.py"]
    inner = "/p/lib/python3/site-packages/demo/core.py"
    assert interpreter.wanted(inner, "python-docstrings")
    assert not interpreter.wanted(inner, "python-source")
    assert record('"""Hi."""', "python-docstrings", inner).record_id == "demo/core.py"


def test_a_folder_with_glob_characters_is_taken_literally(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "_roots", lambda: (("/a[b]/s", ""), ("/a[b]/l", "stdlib/")))
    assert interpreter.locations("python-source") == ["/a[[]b]/l/**/*.py"]


def test_a_path_outside_of_the_installation_is_an_error() -> None:
    with pytest.raises(SourceError, match="outside of the running Python installation"):
        read("x = 1", "python-source", "/elsewhere/demo.py")


# --- readmes and licences --------------------------------------------------------------------

METADATA = f"{PACKAGES}/demo-1.0.dist-info/METADATA"


def readme(headers: str, body: str = "# Demo\n\nIt démos.\n") -> Record:
    text = f"Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n{headers}\n{body}"
    return record(text, "python-readmes", METADATA)


def test_a_readme_is_the_body_of_the_metadata() -> None:
    found = readme("License-Expression: MIT\nLicense: other\nHome-page: https://demo.example\n")
    assert found == Record(
        1, "# Demo\n\nIt démos.\n", "Demo==1.0", url="https://demo.example", license="MIT"
    )


def test_a_body_that_looks_like_headers_stays_whole() -> None:
    body = "Name: other\nLicense: GPL\n\nText.\n"
    assert readme("", body).text == body
    assert readme("", body).license is None


@pytest.mark.parametrize(
    ("headers", "license_name"),
    [
        ("License: BSD-3-Clause\n", "BSD-3-Clause"),
        ("License: UNKNOWN\n", None),
        ("License:\n", None),
        ("License: " + "x" * 101 + "\n", None),
        ("License: Copyright someone\n        All rights reserved.\n", None),
        ("License-File: LICENSE\n", None),
    ],
)
def test_the_license_header_when_it_is_a_name(headers: str, license_name: str | None) -> None:
    assert readme(headers).license == license_name


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ("Home-page: UNKNOWN\nProject-URL: Source, https://b.example\n", "https://b.example"),
        ("Project-URL: A, https://a.example/x,y\nProject-URL: B, https://b.example\n",
         "https://a.example/x,y"),
        ("", None),
    ],
)  # fmt: skip
def test_the_address(headers: str, url: str | None) -> None:
    assert readme(headers).url == url


@pytest.mark.parametrize("margin", ["        ", "       |"])
def test_an_old_description_header_is_unfolded(margin: str) -> None:
    found = readme(f"Description: Demo\n{margin}====\n{margin}\n{margin}  code\n", body="")
    assert found.text == "Demo\n====\n\n  code"


def test_windows_line_ends_in_metadata() -> None:
    data = b"Name: Demo\r\nVersion: 1.0\r\nLicense: MIT\r\n\r\nOne.\r\nTwo.\r\n"
    found = record(data, "python-readmes", METADATA)
    assert (found.record_id, found.license) == ("Demo==1.0", "MIT")
    assert found.text.split() == ["One.", "Two."]


def test_metadata_without_a_name_goes_by_its_path() -> None:
    found = record("License: MIT\n\nText.", "python-readmes", METADATA)
    assert found.record_id == "demo-1.0.dist-info/METADATA"


@pytest.mark.parametrize("body", ["", " \n\n", "UNKNOWN\n"])
def test_metadata_without_a_description_is_rejected(body: str) -> None:
    text = f"Name: Demo\nVersion: 1.0\nDescription: UNKNOWN\n\n{body}"
    found = reject(text, "python-readmes", METADATA)
    assert found.reason == "no_text"
    assert found.excerpt.startswith("Name: Demo")


def test_a_license_is_named_by_package_and_file() -> None:
    path = f"{PACKAGES}/demo-1.0.dist-info/licenses/sub/LICENSE"
    found = record("\ufeffMay be used.\n", "python-licenses", path)
    assert found == Record(1, "May be used.\n", "demo-1.0.dist-info/licenses/sub/LICENSE")


@pytest.mark.parametrize("kind", ["python-readmes", "python-licenses"])
def test_text_that_is_not_utf8_is_rejected(kind: str) -> None:
    found = reject("Copyright © Zoë <zoe@demo.example>".encode("latin-1"), kind, METADATA)
    assert found.reason == "not_utf8"
    assert found.excerpt.startswith("Copyright \N{REPLACEMENT CHARACTER}")
    assert "zoe@" not in found.excerpt


# --- the reference ---------------------------------------------------------------------------

TOPICS = f"{STDLIB}/pydoc_data/topics.py"


@pytest.mark.parametrize(
    "source",
    [
        "# made\ntopics = {'if': 'The \"if\"\\n'\n           'statement\\n',\n 'in': 'In\\n'}",
        "topics = {\n    'if': r'''The \"if\"\nstatement\n''',\n    'in': r'''In\n''',\n}\n",
    ],
)
def test_each_topic_is_a_document(source: str) -> None:
    assert read(source, "python-reference", TOPICS) == [
        Record(1, 'The "if"\nstatement\n', "if", license="PSF-2.0"),
        Record(2, "In\n", "in", license="PSF-2.0"),
    ]


def test_a_topic_that_is_not_literal_is_rejected_alone() -> None:
    found = read("topics = {'a': f(), **more, 'b': 'B'}", "python-reference", TOPICS)
    assert found == [
        Reject(1, "not_a_topic", "f()"),
        Reject(2, "not_a_topic", "more"),
        Record(3, "B", "b", license="PSF-2.0"),
    ]


def test_a_module_without_topics_is_rejected() -> None:
    assert reject("topics = make()", "python-reference", TOPICS).reason == "no_topics"


# --- docstrings ------------------------------------------------------------------------------


def test_docstrings_come_in_order_below_their_names() -> None:
    source = '''
        """The module.

        Two paragraphs.
        """
        class A(B):
            """A class."""
            if True:
                def f(self):
                    "A method."
            else:
                def f(self): "Another."
        try:
            pass
        except E:
            async def g(): """Async."""
        def undocumented():
            class Inner: "Inside."
        match x:
            case 1:
                def h(): "In a case."
    '''
    expected = (
        "The module.\n\nTwo paragraphs.\n\nA\nA class.\n\nA.f\nA method.\n\nA.f\nAnother.\n\n"
        "g\nAsync.\n\nundocumented.Inner\nInside.\n\nh\nIn a case."
    )
    lines = (line[8:] for line in source.splitlines())
    assert docstrings("\n".join(lines)) == expected


@pytest.mark.parametrize("source", ["", "x = 1", "def f(): b'bytes'", "def f(): f'{x}'", '""" """'])
def test_a_module_without_docstrings_has_no_document(source: str) -> None:
    assert read(source, "python-docstrings", f"{PACKAGES}/demo.py") == []


def test_licence_and_id_of_modules() -> None:
    own = record('"""Hi."""', "python-docstrings", f"{STDLIB}/json/tool.py")
    assert (own.license, own.record_id) == ("PSF-2.0", "stdlib/json/tool.py")
    other = record('"""Hi."""', "python-docstrings", f"{PACKAGES}/demo/core.py")
    assert (other.license, other.record_id) == (None, "demo/core.py")


def test_a_table_in_disguise_is_rejected() -> None:
    data = b"#" * (interpreter.MAX_PYTHON_BYTES + 1)
    assert reject(data, "python-docstrings", f"{PACKAGES}/demo.py").reason == "too_large"


def test_a_long_chain_of_elif_is_no_trouble() -> None:
    source = '"""Doc."""\nif x == 0: pass\n' + "".join(
        f"elif x == {i}: pass\n" for i in range(1, 900)
    )
    assert docstrings(source) == "Doc."


# --- source without docstrings ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Doc."""\n\nimport x\n', "import x\n"),
        ('# top\n"""Doc.\n\nMore.\n"""\nimport x\n', "# top\nimport x\n"),
        ('"""Only."""\n', ""),
        ('"""Only."""', ""),
        ("", ""),
        ('def f():\n    """Doc."""\n    return 1\n', "def f():\n    return 1\n"),
        ('def f():\n    """Doc."""\n\n    # why\n    return 1\n',
         "def f():\n    # why\n    return 1\n"),
        ('class A:\n    """Doc."""\n', "class A:\n    pass\n"),
        ('class A: "Doc."\nx = 1\n', "class A: pass\nx = 1\n"),
        ('def f(): "doc"; return 1\n', "def f(): return 1\n"),
        ('def f(): "doc";\n', "def f(): pass;\n"),
        ('def f():\n    "doc"; x = 1\n', "def f():\n    x = 1\n"),
        ('def f():\n    "doc";\n    x = 1\n', "def f():\n    x = 1\n"),
        ('def f():\n    "doc"; \\\n    x = 1\n', "def f():\n    x = 1\n"),
        ('def f(): \\\n    "doc"; return 1\n', "def f(): \\\n    return 1\n"),
        ('def f():\n    "doc"  # noqa\n    x = 1\n', "def f():\n    # noqa\n    x = 1\n"),
        ('def f():\n    ("two "\n     "parts")\n    x = 1\n', "def f():\n    x = 1\n"),
        ('def f():\n    "doc" \\\n    " more"\n    x = 1\n', "def f():\n    x = 1\n"),
        ('async def f():\n    r"""Doc."""\n    await x\n', "async def f():\n    await x\n"),
        ('@d("é")\ndef f(a="é"): "dóc"; return "é"\n', '@d("é")\ndef f(a="é"): return "é"\n'),
        ('def f():\n    "first"\n    "second"\n    x = 1\n', "def f():\n    x = 1\n"),
        ('def f(): "first"; "second"\n', "def f(): pass\n"),
        ('class A:\n    "1"; \\\n      "2"\n    x = 1\n', "class A:\n    x = 1\n"),
        ('def f():\n\tu"doc"\n\n\tx = 1\n', "def f():\n\tx = 1\n"),
        ('x = 1\n"not a docstring"\n', 'x = 1\n"not a docstring"\n'),
        ('def f():\n    f"{no}"\n', 'def f():\n    f"{no}"\n'),
        ('class A:\n    "Doc."\n    x = 1\n    "About x."\n',
         'class A:\n    x = 1\n    "About x."\n'),
        ('class A:\n    "Doc."\n    async def f(self):\n        "Doc."\n        def g(): "Doc."\n',
         "class A:\n    async def f(self):\n        def g(): pass\n"),
    ],
)  # fmt: skip
def test_docstrings_are_cut_out(source: str, expected: str) -> None:
    assert stripped(source) == expected
    assert_stripped_well(source, expected)


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_become_newlines(line_end: str) -> None:
    source = 'def f():\n    """Doc\n    more."""\n    return 1\n# end\n'
    assert stripped(source.replace("\n", line_end)) == "def f():\n    return 1\n# end\n"


def test_a_byte_order_mark_is_dropped() -> None:
    assert stripped(b'\xef\xbb\xbf"""Doc."""\nx = "\xc3\xa9"\n') == 'x = "é"\n'


def test_a_coding_cookie_is_obeyed() -> None:
    source = '# -*- coding: latin-1 -*-\n"""Döc."""\ndef f(): "dóc"; return "é"\n'
    data = source.encode("latin-1")
    assert stripped(data) == '# -*- coding: latin-1 -*-\ndef f(): return "é"\n'
    assert docstrings(data) == "Döc.\n\nf\ndóc"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = (", "not_python"),
        (b"print 'old'", "not_python"),
        (b"x = 1\n\0", "not_python"),
        (b"(" * 500 + b")" * 500, "not_python"),
        (b"\x80abc", "not_utf8"),
        (b"# one\n# two\nx = '\xff'\n", "not_utf8"),
        (b"# coding: no-such\n", "not_utf8"),
        (b"# coding: rot13\nk = 1\n", "not_utf8"),
    ],
)
def test_bad_modules_are_rejected(data: bytes, reason: str) -> None:
    for kind in ("python-source", "python-docstrings", "python-reference"):
        assert reject(data, kind, f"{STDLIB}/demo.py").reason == reason


class WithoutDocstrings(ast.NodeTransformer):
    """The plain way, on the tree: what the cut text must parse to."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, interpreter.Scope):
            node.body = list(dropwhile(_is_text, node.body))
            if not node.body and not isinstance(node, ast.Module):
                node.body = [ast.Pass()]
        return node


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def parse(source: str | bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def assert_stripped_well(source: str | bytes, result: str) -> None:
    tree = parse(result)
    scopes = [node for node in ast.walk(tree) if isinstance(node, interpreter.Scope)]
    assert not any(ast.get_docstring(scope, clean=False) for scope in scopes)
    assert ast.dump(tree) == ast.dump(WithoutDocstrings().visit(parse(source)))


def test_modules_of_the_standard_library_are_stripped_well() -> None:
    paths = files("python-source")
    for path in paths[:: max(1, len(paths) // 60)]:
        data = Path(path).read_bytes()
        result = record(data, "python-source", path).text
        assert_stripped_well(data, result)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        assert comments(result) == comments(data.decode(encoding)), path


STRINGS = st.sampled_from(
    ['"""Doc."""', "'é'", 'r"""Two\n  lines."""', '("a"\n "b")', '"a" \\\n  "b"', 'u"x;#"', '""']
)
STATEMENTS = st.sampled_from(
    ["x = 1", "'text'.y", "f'{x}'", "b'bytes'", "pass", "return_ = '''\n'''"]
)
HEADS = st.sampled_from(["class É:", "def f(a='é'):", "async def f():", "@d('é')\ndef f():"])
BETWEEN = st.sampled_from(
    ["\n", "; ", " ;", ";\n", "  # note\n", "\n\n", ";  # note\n", "; \\\n  "]
)
ENDS = st.sampled_from(["", ";", " ", "  # end", " ; # end"])


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Simple statements, first of all strings, in any layout."""
    parts = draw(st.lists(STRINGS, max_size=3)) + draw(st.lists(STATEMENTS, max_size=2))
    text = "".join(part + draw(BETWEEN) for part in parts[:-1])
    return text + (parts or ["pass"])[-1] + draw(ENDS)


@st.composite
def modules(draw: st.DrawFn) -> str:
    scopes = st.recursive(
        st.builds(lambda head, body: f"{head} {body}", HEADS, bodies()),
        lambda inner: st.builds(
            lambda head, body, block: f"{head}\n" + indent(f"{body}\n{block}", "    "),
            HEADS, bodies(), inner | inner.map(lambda block: f"if x:\n{indent(block, '  ')}"),
        ),
        max_leaves=3,
    )  # fmt: skip
    return "\n".join([draw(bodies()), *draw(st.lists(scopes, max_size=3))]) + draw(ENDS)


@given(modules())
def test_any_layout_is_stripped_well(source: str) -> None:
    try:
        parse(source)
    except SyntaxError:
        assert reject(source, "python-source", f"{STDLIB}/demo.py").reason == "not_python"
        return
    result = stripped(source)
    assert_stripped_well(source, result)
    assert comments(result) == comments(source)


# --- warnings --------------------------------------------------------------------------------

ODD = 'x = "\\d"\n"""Doc."""\ny = 1if x else 2\n'


def test_documents_raise_no_warnings_in_any_thread() -> None:
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        assert len(set(pool.map(stripped, [ODD] * 200))) == 1
    assert caught == []


def test_other_code_keeps_its_warnings_and_errors_do_not_reject_documents() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stripped(ODD) == ODD
        with pytest.raises(SyntaxError):
            ast.parse('x = "\\d"')


def test_the_filter_is_added_once() -> None:
    with warnings.catch_warnings():
        stripped(ODD)
        before = list(warnings.filters)
        stripped(ODD)
        assert before == list(warnings.filters)


def test_a_warning_free_process() -> None:
    code = (
        "import io; from tasks.ingest import interpreter as i; "
        "print(list(i.read(io.BytesIO(b'x = \"\\\\d\"'), kind='python-source', "
        "location=i._roots()[0][0] + '/demo.py')))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Warning" not in done.stderr


def test_threads_that_parse_at_the_same_time() -> None:
    """CPython counts the depth of a tree once for all threads (python/cpython#106905)."""

    class Slow:
        """Gives way to another thread where the collector finds it, be it amid a tree."""

        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            time.sleep(0)

    def parse(source: bytes) -> list[Record | Reject]:
        Slow()
        return read(source, "python-source", f"{STDLIB}/demo.py")

    sources = [Path(file).read_bytes() for file in files("python-source")[:60]]
    alone = list(map(parse, sources))
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(parse, sources * 6)) == alone * 6
    finally:
        sys.setswitchinterval(before)
