"""Chat templates that users write, rendered in a process that can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from schemas.errors import ConfigError, SchemaError
from tasks.mixture.templates import Rendered, checked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Messages = Sequence[Mapping[str, str]]

PROGRAM = Path(__file__).parent / "mixture" / "jinja.py"
START_SECONDS = 60.0
"""Wait for Python and Jinja to start, on a machine that is busy."""
PATIENCE = 30.0
"""Seconds of wall for each CPU-second that is allowed: only a process that was stopped takes it."""
HANDED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
"""Of the environment. Nothing that a template could give away, should it leave its sandbox."""


class Renderer:
    """Renders conversations by a Jinja template, as a context; one process for all of them.

    A conversation that takes more than ``cpu_seconds`` costs the process; the next one gets a new
    one. CPU-seconds, so that a busy machine refuses no row that an idle one takes.
    """

    def __init__(
        self,
        template: str,
        *,
        tokens: Mapping[str, str] | None = None,
        cpu_seconds: float = 2.0,
        where: str = "chat_template",
    ) -> None:
        """``tokens``: ``bos_token`` and ``eos_token`` of the tokenizer, where it has them."""
        self._template, self._tokens = template, dict(tokens or {})
        self._cpu_seconds, self._where = cpu_seconds, where
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start; ConfigError for a template that is no Jinja."""
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def render(self, messages: Messages, *, where: str) -> Rendered:
        """Return text and spans; SchemaError for a row that is wrong, or that the template refuses.

        ``where`` names the row.
        """
        (found,) = self.render_all([messages], where=[where])
        if isinstance(found, SchemaError):
            raise found
        return found

    def render_all(
        self, conversations: Sequence[Messages], *, where: Sequence[str]
    ) -> list[Rendered | SchemaError]:
        """:meth:`render` for many, several times as quick: of each row what it gives or raises.

        When one of them ends the process, all are done again one by one, to tell which it was.
        """
        found: list[Rendered | SchemaError | None] = []
        for messages, place in zip(conversations, where, strict=True):
            found.append(_mistake(messages, place))
        asked = [number for number, mistake in enumerate(found) if mistake is None]
        answers = self._answers([conversations[number] for number in asked])
        for number, answer in zip(asked, answers, strict=True):
            found[number] = self._read(answer, where[number])
        return [outcome for outcome in found if outcome is not None]

    def _answers(self, conversations: Sequence[Messages]) -> list[dict[str, Any]]:
        if not conversations:
            return []
        if self._process is None:
            self._start()
        answer = self._ask({"conversations": conversations}, len(conversations))
        if "answers" in answer:
            answers: list[dict[str, Any]] = answer["answers"]
            return answers
        if len(conversations) == 1:
            return [answer]
        return [one for messages in conversations for one in self._answers([messages])]

    def _read(self, answer: dict[str, Any], where: str) -> Rendered | SchemaError:
        if "error" not in answer:
            return Rendered(answer["text"], [(start, end) for start, end in answer["spans"]])
        return SchemaError(
            where,
            got=f"from the chat template: {answer['error']}",
            wanted=f"a text within {self._cpu_seconds:g} CPU-seconds",
            way_out="Mend the row or leave it out, or mend the template.",
        )

    def _start(self) -> None:
        # -I: no folder of the user's is searched for modules.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in HANDED_ON if name in os.environ},
        )
        answer = self._line(None, START_SECONDS)
        if "error" not in answer:
            answer = self._ask({"template": self._template, "tokens": self._tokens})
        if "error" in answer:
            self._end()
            raise ConfigError(
                self._where,
                got=str(answer["error"]),
                wanted="a chat template in Jinja",
                way_out="Mend the template: `{{ messages[0].content }}` would be one.",
            )

    def _ask(self, request: dict[str, Any], conversations: int = 1) -> dict[str, Any]:
        body = orjson.dumps(request | {"cpu_seconds": self._cpu_seconds})
        return self._line(body, self._cpu_seconds * PATIENCE * conversations)

    def _line(self, request: bytes | None, seconds: float) -> dict[str, Any]:
        """Send a request, if there is one, and return the answer; an error if there is none."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return {"error": "no process"}
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            if request is not None:
                process.stdin.write(request + b"\n")
                process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            late.cancel()
        if line.endswith(b"\n"):
            answer: dict[str, Any] = orjson.loads(line)
            return answer
        return {"error": self._why(self._end(), seconds)}

    def _why(self, code: int, seconds: float) -> str:
        if code == -signal.SIGPROF:
            return f"no end after {self._cpu_seconds:g} CPU-seconds"
        if code == -signal.SIGKILL:
            return f"no answer within {seconds:g} seconds, or too little memory"
        return f"the end of its process (status {code})"

    def _end(self) -> int:
        """End the process, if there is one, and return its status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.stdout is not None and process.stdin is not None:
            process.stdout.close()
            with contextlib.suppress(BrokenPipeError):  # it did not read all
                process.stdin.close()
        try:
            return process.wait(timeout=5)  # it ends by itself when nothing more can come
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _mistake(messages: Messages, where: str) -> SchemaError | None:
    try:
        checked(messages, where=where)
    except SchemaError as error:
        return error
    return None
