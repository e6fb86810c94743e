"""Small valid files of each format, and words of the formats: where the fuzzer begins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fuzz import cases
from tests.fuzz.cases import WRAPPERS, encoded
from tests.fuzz.tables import messages, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Format

PAGE = (
    "<!doctype html><html><head><meta charset='utf-8'><title>A page</title></head><body><nav>"
    "<a href='/'>Home</a></nav><article><h1>Gr\u00fc\u00dfe</h1>"
    "<p>A paragraph of <b>some</b> length &amp; <i>more</i>.</p>"
    "<table><tr><td>1<td>2</table><pre>x\n y</pre></article></body></html>"
)
FRONT = "---\ntitle: T\ntags: [a, b]\ndate: 2024-01-01\n---\n# Head\n\ntext \u00e9\u200b &lt;\n"
JSONL = (
    b'{"id": "1", "text": "one", "url": "https://a.example/", "n": 1.5, "license": ["MIT"]}\n'
    b'{"id": 2, "text": "tw\\u00f6 \\ud83d\\ude42", "meta": {"a": [1, null, true]}}\r\n'
    b'\n{"text": NaN}\n["no"]\n{"doc": {"text": "in"}, "meta": {"id": 3, "set": "Pile"}}\n'
)
CHAT = (
    b'{"instruction": "I", "input": "i", "output": "o", "system": "s", "history": [["a", "b"]]}\n'
    b'{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", "w": 1}]}\n'
    b'{"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, '
    b'{"role": "assistant", "content": "a"}]}\n'
)
WIKI = (
    b'<doc id="12" url="https://e.example/?curid=12" title="A &quot;title&quot;">\nA "title"\n\n'
    b'Its text.\n</doc>\n<doc id="13" url="u" title="t">\nt\n\nmore\n</doc>\n'
)
XML = (
    b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
    b'  <row Id="4" PostTypeId="1" Score="-3" Title="How?" Tags="&lt;a&gt;&lt;b&gt;" '
    b'Body="&lt;p&gt;Is it?&lt;/p&gt;" ContentLicense="CC BY-SA 4.0" />\n'
    b'  <row Id="7" PostTypeId="2" Body="&lt;p&gt;No.&#xA;&lt;/p&gt;" />\n</posts>\n'
)
PYTHON = (
    b'# -*- coding: latin-1 -*-\n"""Module."""\nclass A:\n    "doc"; x = 1\n'
    b"    def f(self):\n        '''Doc.'''\n        'second'\n        return 1\n"
    b"async def g(): 'only'\ntry:\n    pass\nexcept* E:\n    def h():\n        'x'\n"
)
BODIES: dict[Format, bytes] = {
    "jsonl": JSONL,
    "text": FRONT.encode(),
    "markdown": FRONT.encode(),
    "html": PAGE.encode(),
    "csv": b'id,text,title\r\n1,"a, ""b""\nc",T\r\n2,plain,\r\n3,too,many,fields\r\n',
    "chat": CHAT,
    "wikiextractor": WIKI,
    "stackexchange": XML,
    "python-readmes": b"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: MIT\n"
    b"Project-URL: Home, https://a.example\nDescription: d\n        | e\n\n# Readme\n",
    "python-licenses": b"MIT License\n",
    "python-reference": b"topics = {'a': 'text', 'b': f'{x}', **c}\n",
    "python-docstrings": PYTHON,
    "python-source": PYTHON,
}


def record(kind: bytes, body: bytes, content_type: bytes) -> bytes:
    return (
        b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Target-URI: https://a/b"
        b"\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
        % (kind, content_type, len(body), body)
    )


def archive() -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    page = b"<html><title>T</title><p>Some text of a page.</p></html>"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(page), page)
    packed = b"Content-Encoding: gzip\r\n\r\n" + WRAPPERS[1](page)
    http = b"application/http; msgtype=response"
    return (
        record(b"warcinfo", b"software: x\r\n", b"application/warc-fields")
        + b"".join(record(b"response", head + rest, http) for rest in (chunked, packed))
        + record(b"conversion", "Gr\u00fc\u00dfe".encode(), b"text/plain")
    )


def seeds() -> Iterator[bytes]:
    """Each format plain, with all options, and in each wrapper."""
    warc = archive()
    for kind, body in {**BODIES, "warc": warc}.items():
        yield encoded(kind, body)
        yield encoded(kind, body, options=cases.NORMALISED | cases.NESTED | cases.LOOKED_AT)
        yield encoded(kind, ("\ufeff" + body.decode("latin-1")).encode("utf-16-le"))
        yield encoded(kind, body, options=2 << 6)
    for wrapper in WRAPPERS:
        yield encoded("jsonl", JSONL, wrapper=wrapper, options=cases.AUTO | cases.LOOKED_AT)
        yield encoded("chat", b"[" + b",".join(CHAT.splitlines()) + b"]", wrapper=wrapper)
        yield encoded("warc", warc, wrapper=wrapper)
        yield encoded("text", wrapper(b"packed by itself " * 9))
    yield encoded("jsonl", cases.tar(JSONL), wrapper=cases.mended_tar)
    yield encoded("jsonl", JSONL, options=cases.PARTS)
    attributes = [{"id": i, "attributes": {"score": [[0, 3, 0.5]]}} for i in ("1", "2")]
    rows = b"".join(json.dumps(row).encode() + b"\n" for row in attributes)
    yield encoded("jsonl", JSONL, beside=rows)
    for sent in messages():
        yield encoded("arrow", sent)
        yield encoded("arrow", sent, options=cases.NESTED | cases.LOOKED_AT)
        yield encoded("arrow", sent, wrapper=WRAPPERS[1])
    for table in tables():
        yield encoded("parquet", table)
        yield encoded("parquet", table, options=cases.NESTED | cases.LOOKED_AT)


WORDS = (
    *(b'"text"', b'"id"', b'"messages"', b'"conversations"', b'"from"', b'"value"', b'"role"'),
    *(b'"content"', b'"instruction"', b'"output"', b'"history"', b"NaN", b"Infinity", b"\\ud800"),
    *(b"<doc id=", b"</doc>", b"<row ", b" />", b"Body=", b"Tags=", b"<!DOCTYPE a [", b"<!ENTITY "),
    *(
        b"&#0;",
        b"&#xD800;",
        b"&amp;lt;",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\0\0\xfe\xff",
    ),
    *(b"WARC/1.0\r\n", b"WARC-Type: ", b"Content-Length: ", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n"),
    *(b"Content-Encoding: br\r\n", b"Transfer-Encoding: chunked\r\n", b"charset=utf-7"),
    *(b"<meta charset=", b"<script>", b"<!--", b"<![CDATA[", b"<font>", b"<template>", b"<svg>"),
    *(b"---\n", b"&a ", b"*a", b"!!binary ", b"!!timestamp ", b"!!int ", b"? ", b"0o9", b"1:60"),
    *(b"PAR1", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"),
    *(b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"BZh91AY&SY", b"\xfd7zXZ\0"),
    *(b"ustar\00000", b"ustar  \0", b"path=", b"size=", b"GNU.sparse.major=1", b"./././@LongLink"),
    *(
        b'"""',
        b"coding: utf-7",
        b"class A:",
        b"Rar!\x1a\x07",
        b"\x0c",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\xcc\x81",
    ),
)


def dictionary() -> str:
    """The words in libFuzzer's notation."""
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS)
