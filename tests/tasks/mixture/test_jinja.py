"""Templates of one's own give what the named ones give; those that misbehave cost one row."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError, SchemaError
from tasks import rendering
from tasks.mixture.jinja import Template
from tasks.mixture.templates import FORMATS, rendered
from tasks.rendering import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator

TURN = "{{ '<|im_start|>' + m.role + '\n' }}"
MARKED = (
    f"{{% for m in messages %}}{TURN}{{% if m.role == 'assistant' %}}{{% generation %}}"
    "{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|im_end|>' }}"
    "{% endif %}{{ '\n' }}{% endfor %}"
)
PLAIN = (
    f"{{% for m in messages %}}{TURN}{{{{ m.content + '<|im_end|>\n' }}}}{{% endfor %}}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MISBEHAVES = """
{%- set said = messages[0].content -%}
{%- if said == 'loop' -%}
  {%- for a in range(99999) -%}{%- for b in range(99999) -%}{%- endfor -%}{%- endfor -%}
{%- elif said == 'raise' -%}{{ raise_exception('roles must alternate') }}
{%- elif said == 'memory' -%}{{ said * 9999999999 }}
{%- elif said == 'long' -%}{{ said * 99999999 }}
{%- elif said == 'open' -%}{{ ''.__class__.__mro__ }}
{%- elif said == 'recurse' -%}{%- macro again() -%}{{ again() }}{%- endmacro -%}{{ again() }}
{%- else -%}{{ bos_token + said }}
{%- endif -%}
"""
TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def one(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


@pytest.fixture(scope="module")
def misbehaving() -> Iterator[Renderer]:
    # Enough for what is refused for its length or memory, on a machine that is busy too.
    with Renderer(MISBEHAVES, tokens={"bos_token": "<s>"}, cpu_seconds=1.5) as renderer:
        yield renderer


TALKS = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text()), min_size=1, max_size=5
).map(lambda turns: [{"role": role, "content": content} for role, content in turns])


@given(TALKS)
def test_marks_are_spans_and_are_cut_out(messages: list[dict[str, str]]) -> None:
    assert Template(MARKED).render(messages) == tuple(rendered(messages, FORMATS["chatml"]))


@given(TALKS)
def test_without_marks_spans_are_what_a_turn_adds(messages: list[dict[str, str]]) -> None:
    text, spans = Template(PLAIN).render(messages)
    named = rendered(messages, FORMATS["chatml"])
    assert text == named.text
    assert spans == [(start, end + len("\n")) for start, end in named.spans]


def test_a_template_that_looks_ahead_needs_marks() -> None:
    source = "{% for m in messages %}{{ m.content if loop.last else '-' }}{% endfor %}"
    with Renderer(source) as renderer:
        assert renderer.render(TALK[:1], where="row 1") == ("Hi", [])
        with pytest.raises(SchemaError, match=r"nobody can tell.*put {% generation %}"):
            renderer.render([*TALK, *TALK], where="row 2")


def test_marks_within_marks() -> None:
    inner = "{% generation %}a{% endgeneration %}"
    with (
        Renderer("{% generation %}" + inner + "{% endgeneration %}") as renderer,
        pytest.raises(SchemaError, match="stands within another one"),
    ):
        renderer.render(TALK, where="row 1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("loop", "no end after 1.5 CPU-seconds, wanted a text within 1.5 CPU-seconds"),
        ("raise", "TemplateError: roles must alternate"),
        ("memory", "more than 2 GiB of memory"),
        ("long", "a text of more than 67,108,864 characters"),
        ("open", "SecurityError"),
        ("recurse", "RecursionError"),
    ],
)
def test_a_row_that_a_template_cannot_render(
    misbehaving: Renderer, content: str, said: str
) -> None:
    with pytest.raises(SchemaError, match="row 7: got from the chat template: ") as it:
        misbehaving.render(one(content), where="row 7")
    assert said in str(it.value)
    assert misbehaving.render(one("漢 \ud7ff"), where="row 8").text == "<s>漢 \ud7ff"


def test_many_rows_at_once(misbehaving: Renderer) -> None:
    rows = [one("a"), one("loop"), [], one("raise"), one("b"), one("loop"), one("c")]
    found = misbehaving.render_all(rows, where=[f"row {i}" for i in range(7)])
    assert [found[i] for i in (0, 4, 6)] == [(f"<s>{text}", []) for text in "abc"]
    for number, said in (1, "no end"), (2, "no turns"), (3, "roles must"), (5, "no end"):
        assert re.match(f"row {number}: got .*{said}", str(found[number]))
    assert misbehaving.render_all([], where=[]) == []


def test_a_row_that_is_wrong_never_reaches_the_template(misbehaving: Renderer) -> None:
    with pytest.raises(SchemaError, match="row 7: got no role in turn 1"):
        misbehaving.render([{"content": "Hi"}], where="row 7")


def test_a_process_that_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "PATIENCE", 1.0)
    with Renderer(PLAIN, cpu_seconds=0.2) as renderer:
        process = renderer._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(SchemaError, match=r"no answer within 0\.2 seconds"):
            renderer.render(one("x" * 1_000_000), where="row 1")
        assert renderer.render(one("x"), where="row 2").text.count("x") == 1


def test_no_process_is_left_behind() -> None:
    with Renderer(PLAIN) as renderer:
        process = renderer._process
    assert process is not None
    assert process.poll() == 0
    begun = time.monotonic()
    with pytest.raises(ConfigError), Renderer("{% for"):
        pass
    assert time.monotonic() - begun < rendering.START_SECONDS


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for m in messages %}", "TemplateSyntaxError, line 1: Unexpected end of template"),
        ("{{ m.content | unknown }}", "No filter named 'unknown'"),
        ("{{ 'x' * 999999999 }}", "wanted a chat template"),  # reckoned as it is read
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "RecursionError"),
    ],
)
def test_what_is_no_template(source: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"chat_template: got .*wanted a chat template") as it:
        Renderer(source, cpu_seconds=1.0).__enter__()
    assert said in str(it.value)
