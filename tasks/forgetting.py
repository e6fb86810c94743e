"""Two checkpoints, and what the second forgot of the first: ``openmoat forgetting``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.config import TokenizerConfig
from schemas.errors import ConfigError
from schemas.forgetting import Evals, Forgetting
from tasks import held_out, preflight, storage
from tasks.held_out import Speaker, Take
from tasks.training import building, checkpoint, extra, measure
from tasks.training import forgetting as figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.forgetting import Domain
    from tasks.held_out import Held
    from tasks.training.checkpoint import Checkpoint

COMMAND: Final = "openmoat forgetting"


class Question(NamedTuple):
    """Two checkpoints' folders and what they are asked: domains (name, files), a mixture, evals.

    ``evals``: result files of lm-evaluation-harness, before and after. ``how``: windows; the
    models' own limit where it is lower.
    """

    before: str
    after: str
    old: Sequence[tuple[str, str]] = ()
    new: Sequence[tuple[str, str]] = ()
    mixture: str | None = None
    evals: tuple[str, str] | None = None
    take: Take = Take()
    how: measure.How = measure.How()
    threads: int = 1


def of_checkpoints(question: Question, told: Callable[[str], None] = lambda _: None) -> Forgetting:
    """Return the report; ``told`` hears of each domain before it is scored.

    Raises :class:`ConfigError` where there is nothing to measure, for folders that are no
    checkpoints or do not belong together, and for files that cannot be read.
    """
    texts = bool(question.old or question.new or question.mixture)
    if not texts and question.evals is None:
        raise ConfigError(
            COMMAND,
            got="nothing to measure with",
            wanted="held-out text, a mixture with a validation split, or results of evals",
            way_out="Give --held-out NAME=FILES, --mixture FOLDER or --evals BEFORE AFTER.",
        )
    evals = None if question.evals is None else _evals(*question.evals)
    domains: tuple[Domain, ...] = ()
    how, device = question.how, ""
    if texts:
        domains, how, device = _domains(question, told)
    return Forgetting(
        before=question.before,
        after=question.after,
        domains=domains,
        means_before=figures.means(domains, after=False),
        means_after=figures.means(domains, after=True),
        worst=figures.worst(domains),
        evals=evals,
        window=how.window,
        stride=how.stride,
        most_tokens=question.take.most_tokens,
        seed=question.take.seed,
        device=device,
    )


def _domains(
    question: Question, told: Callable[[str], None]
) -> tuple[tuple[Domain, ...], measure.How, str]:
    for folder in (question.before, question.after):
        checkpoint.check(folder, storage.list_names(folder))
    extra.needed(COMMAND)
    building.settle(question.threads)
    models = [
        checkpoint.load(folder, command=COMMAND) for folder in (question.before, question.after)
    ]
    speaker = _speaker(question, models)
    how = _how(question.how, models)
    found = []
    with building.enough_memory(how.batch, where=COMMAND, way_out=building.TO_SCORE):
        for held in _held(question, speaker):
            told(held.named.name)
            own = [one.model for one in models]
            scores = measure.measured(own, held.texts, models[0].begins, how)
            found.append(figures.domain(held.named, scores, seed=question.take.seed))
    if not found:
        raise ConfigError(
            str(question.mixture),
            got="a validation split without a token that is learned",
            wanted="held-out text",
            way_out="Raise validation_share of the recipe, or give files with --held-out.",
        )
    return tuple(found), how, models[0].device


def _held(question: Question, speaker: Speaker) -> Iterator[Held]:
    for name, location in question.old:
        yield held_out.of_files(name, "old", location, speaker, question.take)
    for name, location in question.new:
        yield held_out.of_files(name, "new", location, speaker, question.take)
    if question.mixture is not None:
        taken = {name for name, _ in (*question.old, *question.new)}
        for held in held_out.of_mixture(question.mixture, speaker, question.take):
            own = held.named
            name = f"{own.name} (validation split)" if own.name in taken else own.name
            yield held._replace(named=own._replace(name=name))


def _speaker(question: Question, models: Sequence[Checkpoint]) -> Speaker:
    """Return what both models speak with. Raises :class:`ConfigError` where they have not one."""
    both = [
        preflight.tokenizer(TokenizerConfig(path=folder))
        for folder in (question.before, question.after)
    ]
    sizes = [building.ids(one.model) for one in models]
    if both[0][1] != both[1][1] or sizes[0] != sizes[1]:
        got = f"{both[0][1][:12]} ({sizes[0]:,} ids) and {both[1][1][:12]} ({sizes[1]:,} ids)"
        raise ConfigError(
            f"{question.before}, {question.after}",
            got=f"tokenizers {got}",
            wanted="one and the same: a model, and what it became",
            way_out="Give the base that was tuned, and the result, with its own tokenizer files.",
        )
    decode = models[0].tokenizer.decode
    return Speaker(
        both[0][0],
        lambda ids: str(decode(ids, clean_up_tokenization_spaces=False)),
        bool(models[0].begins),
    )


def _how(asked: measure.How, models: Sequence[Checkpoint]) -> measure.How:
    window = min([asked.window, *(one.most for one in models if one.most is not None)])
    return measure.How(window, min(asked.stride, max(1, window // 2)), asked.batch)


def _evals(before: str, after: str) -> Evals:
    found = figures.evals(_results(before), _results(after))
    if found is None:
        raise ConfigError(
            f"--evals {before} {after}",
            got="no task with an accuracy in both",
            wanted="results of the same tasks, before and after",
            way_out="Run lm_eval with the same --tasks for both models.",
        )
    return found


def _results(location: str) -> dict[str, Any]:
    try:
        found = json.loads(storage.read_bytes(location))
        got = "JSON without an object `results`"
    except (OSError, ValueError) as error:
        found, got = None, str(error)
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, dict) or not all(isinstance(v, dict) for v in results.values()):
        raise ConfigError(
            f"--evals {location}",
            got=got,
            wanted="a result file of lm-evaluation-harness (results_*.json)",
            way_out="Give the file that `lm_eval --output_path` wrote.",
        )
    return dict(found)
