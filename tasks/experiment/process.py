"""A part of the experiment as a process of one thread: its request comes in, its answer is a file.

``python -m tasks.experiment.process KIND`` reads a request as JSON from standard input.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import OpenmoatError
from schemas.experiment import (
    ArmRequest,
    Base,
    BaseRequest,
    BuildRequest,
    Built,
    DealRequest,
    Dealt,
    Outcome,
    SpeakRequest,
    Spoken,
)
from tasks import hashing, storage

if TYPE_CHECKING:
    from pydantic import BaseModel

VERSION: Final = "experiment-2"
KEY: Final = "key"
"""A file: the digest of the request that a folder is the answer to. It comes last."""
PLACES: Final = {"data", "parts", "base", "shard", "given", "models", "out"}
"""Fields of requests that say where something lies."""
DEAL, BASE, BUILD, ARM, SPEAK = "deal", "base", "build", "arm", "speak"
THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS",
                  "RAYON_NUM_THREADS")  # fmt: skip
ANSWERS: Final[dict[str, tuple[type[BaseModel], str]]] = {
    DEAL: (Dealt, "dealt.json"),
    BASE: (Base, "base.json"),
    BUILD: (Built, "built.json"),
    ARM: (Outcome, "outcome.json"),
    SPEAK: (Spoken, "spoken.json"),
}


def answered(kind: str, request: Any, key: str, *, cwd: str | None = None) -> Any:  # noqa: ANN401
    """Return a part's answer: from its folder, or from a process that is run for it.

    ``key``: of :func:`key_of`. ``cwd``: the only folder that the process is told of. Raises
    :class:`OpenmoatError` with what the process said.
    """
    out = storage.join(cwd, request.out) if cwd else request.out
    if not stands(out, key):
        storage.remove(out)
        _run(kind, request.model_dump_json(), cwd)
        storage.write_bytes(storage.join(out, KEY), key.encode())
    return answer(kind, out)


def key_of(kind: str, request: BaseModel, *before: str) -> str:
    """Return what tells a request from others, wherever its folders are.

    ``before``: keys of what it is made from.
    """
    asked = request.model_dump(mode="json", exclude=PLACES)
    return hashing.digest(VERSION, kind, asked, before)


def own_key(out: str) -> str:
    """Return the key of the answer that lies in a folder."""
    return storage.read_bytes(storage.join(out, KEY)).decode()


def stands(out: str, key: str) -> bool:
    """Whether a folder is the whole answer to a request."""
    return storage.is_file(storage.join(out, KEY)) and own_key(out) == key


def answer(kind: str, out: str) -> Any:  # noqa: ANN401  (of the kind's own model)
    """Return the answer that lies in a folder."""
    model, name = ANSWERS[kind]
    return storage.read_model(storage.join(out, name), model)


def environment() -> dict[str, str]:
    """Return what a process sees of its surroundings: no place of data, and one thread."""
    kept = {name: value for name, value in os.environ.items() if name != "OPENMOAT_DATA"}
    root = str(Path(__file__).resolve().parents[2])
    known = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {**kept, "PYTHONPATH": os.pathsep.join([root, *known]), **dict.fromkeys(THREADS, "1")}


def _run(kind: str, request: str, cwd: str | None) -> None:
    command = [sys.executable, "-m", "tasks.experiment.process", kind]
    done = subprocess.run(  # noqa: S603  (our own module)
        command, input=request, capture_output=True, text=True, check=False, cwd=cwd,
        env=environment(),
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise OpenmoatError(
            f"openmoat experiment, {kind}",
            got=said[-1],
            wanted="a process that ends well",
            way_out="Mend what it says; the same command goes on from here.",
        )


def main(kind: str, request: str) -> None:
    """Do a part."""
    if kind == DEAL:
        from tasks.experiment.dealing import dealt

        told = DealRequest.model_validate_json(request)
        dealt(told.data, told.setting, told.sizes, told.out)
    elif kind == BASE:
        from tasks.experiment.basing import based

        based(BaseRequest.model_validate_json(request))
    elif kind == BUILD:
        from tasks.experiment.shards import built

        built(BuildRequest.model_validate_json(request))
    elif kind == SPEAK:
        from tasks.experiment.speaking import spoken

        spoken(SpeakRequest.model_validate_json(request))
    else:
        from tasks.experiment.running import ran

        ran(ArmRequest.model_validate_json(request))


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.stdin.read())
    except OpenmoatError as error:
        sys.exit(str(error))
