"""Chat templates of one's own, in Jinja: the text, and what is to be learnt of it.

The variables are those that transformers hands to a ``chat_template``: ``messages``,
``add_generation_prompt``, ``bos_token`` and ``eos_token``, ``tools`` and ``documents`` (none); with
``raise_exception``, ``tojson``, loop controls, and ``{% generation %}`` around what the assistant
says. There is no ``strftime_now``: rows would change from day to day.

A sandbox keeps templates from files and from Python, not from endless loops: run as a program,
this file serves :mod:`tasks.rendering`, which can be killed. It imports nothing else of openmoat,
so that it starts in a moment.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import secrets
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.parser import Parser

    Messages = list[dict[str, str]]
    Spans = list[tuple[int, int]]

MEMORY = 2**31
"""Bytes that the program may take."""
LONGEST = 2**26
"""Code points of a conversation's text."""
_OPEN, _CLOSE = (f"\0{secrets.token_hex(8)}{kind}" for kind in "()")
"""What marks ``{% generation %}`` in a text until it is cut out; nobody can write it into a row."""
_MARK = re.compile(f"({re.escape(_OPEN)}|{re.escape(_CLOSE)})")


class _Generation(Extension):
    tags = {"generation"}  # noqa: RUF012  (Jinja's own declaration has it so)
    used = False

    def parse(self, parser: Parser) -> nodes.Node:
        self.used = True
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

    @staticmethod
    def _marked(caller: Callable[[], str]) -> str:
        return f"{_OPEN}{caller()}{_CLOSE}"


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _tojson(value: object, indent: int | None = None) -> str:
    # Jinja's own escapes what stands for something in HTML.
    return json.dumps(value, ensure_ascii=False, indent=indent)


class Template:
    """A compiled template; raises jinja2.TemplateSyntaxError."""

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        self._template = environment.from_string(source)
        generation: Any = environment.extensions[_Generation.identifier]
        self._marks: bool = generation.used
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}

    def render(self, messages: Messages) -> tuple[str, Spans]:
        """Return the text, and the spans of what the assistant says, in code points.

        They are what stands in ``{% generation %}``. Where a template has none, they are what the
        text of the turns up to and with an assistant's has more than the text before it, with the
        prompt to speak if the template has one: with all that ends a turn. Whatever goes wrong in a
        template is raised as it comes.
        """
        if self._marks:
            return _unmarked(self._text(messages))
        text = self._text(messages)
        spans = [
            self._grown(text, messages[: number + 1])
            for number, message in enumerate(messages)
            if message["role"] == "assistant"
        ]
        return text, spans

    def _text(self, messages: Messages, *, prompt: bool = False) -> str:
        text = self._template.render(
            messages=messages,
            add_generation_prompt=prompt,
            tools=None,
            documents=None,
            **self._tokens,
        )
        if len(text) > LONGEST:
            raise jinja2.TemplateError(f"a text of more than {LONGEST:,} characters")
        return text

    def _grown(self, text: str, messages: Messages) -> tuple[int, int]:
        after = self._text(messages)
        if text.startswith(after):
            for prompt in (True, False):
                before = self._text(messages[:-1], prompt=prompt)
                if after.startswith(before):
                    return len(before), len(after)
        raise jinja2.TemplateError(
            f"turn {len(messages)} changes the text of those before it, or later ones change its "
            "own, so that nobody can tell what the assistant says: put {% generation %} and "
            "{% endgeneration %} around it"
        )


def _unmarked(text: str) -> tuple[str, Spans]:
    parts, spans, length, begun = [], [], 0, -1
    for part in _MARK.split(text):
        if part == _OPEN and begun < 0:
            begun = length
        elif part == _CLOSE and begun >= 0:
            spans.append((begun, length))
            begun = -1
        elif part in {_OPEN, _CLOSE}:
            raise jinja2.TemplateError("{% generation %} stands within another one")
        else:
            parts.append(part)
            length += len(part)
    return "".join(parts), spans


def serve() -> None:
    """Answer requests, one JSON object a line: a template first, then conversations, many at once.

    Each says how many CPU-seconds a conversation may take; whoever takes more is ended by the
    system, even when nobody is left to wait for the answer.
    """
    with contextlib.suppress(ValueError, OSError):  # not on every system, nor above a lower limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _answer({})
    made: list[Template] = []
    for line in sys.stdin.buffer:
        request = json.loads(line)
        seconds = request["cpu_seconds"]
        if made:
            work = [partial(_rendered, made[0], own) for own in request["conversations"]]
            _answer({"answers": [_limited(one, seconds) for one in work]})
        else:
            _answer(_limited(partial(_compiled, made, request), seconds))


def _compiled(made: list[Template], request: dict[str, Any]) -> dict[str, Any]:
    made.append(Template(request["template"], **request["tokens"]))
    return {}


def _rendered(template: Template, messages: Messages) -> dict[str, Any]:
    text, spans = template.render(messages)
    return {"text": text, "spans": spans}


def _limited(work: Callable[[], dict[str, Any]], cpu_seconds: float) -> dict[str, Any]:
    """Return what work gives, or what went wrong; the process ends when it takes too long."""
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        return work()
    except MemoryError:
        return {"error": f"more than {MEMORY / 2**30:g} GiB of memory"}
    except Exception as error:  # noqa: BLE001  (a template may do anything)
        return {"error": _said(error)}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _said(error: Exception) -> str:
    place = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
    return f"{type(error).__name__}{place}: {str(error)[:500]}"


def _answer(found: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(found)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
