"""The data card: a README that ``datasets`` reads the splits from and people the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.guard import GUARD
from schemas.masking import KINDS, MASKS
from schemas.mixture import LAYOUT, RIGHTS, Layout
from tasks.report import card_views, guard, rights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.handoff import Handover
    from schemas.manifest import RunManifest, StageManifest
    from schemas.views import View

    Counted = Mapping[str, Any]
    """``license``, ``documents``, ``tokens``."""

OF_SOURCE, IN_ALL = 5, 30
"""Licences named for a source, and for all of them together."""
ESCAPED = str.maketrans({ch: f"\\{ch}" for ch in "\\`*_{}[]<>()#+!|~"})


def card(run: RunManifest, mixture: StageManifest, handover: Handover) -> str:
    """Return the card's Markdown; ``handover.below`` is the path from it to the mixture's folder.

    What it says of licences is the mixture's own count (:func:`tasks.rights.told`).
    """
    licenses = mixture.details[RIGHTS]["licenses"]
    lines = [
        *card_views.header(handover.below, handover.views),
        *_body(run, mixture, handover.views),
    ]
    lines += card_views.trainers(handover.handed, handover.below)
    lines += [*_sources(mixture, licenses), *_licenses(licenses)]
    lines += _rights(run, mixture)
    return "\n".join([*lines, *_masks(run, mixture), ""])


def _body(run: RunManifest, mixture: StageManifest, views: Sequence[View]) -> list[str]:
    train = mixture.details["achieved"]["train"]
    layout = Layout.model_validate(mixture.details[LAYOUT])
    lines = [f"# {_escaped(run.name)}", ""]
    description = str(run.recipe.get("description") or "")
    if description:
        lines += [_escaped(description), ""]
    return [
        *lines,
        (
            f"A training mixture of {train['documents']:,} documents and {train['tokens']:,} "
            f"tokens, {train['replay_share']:.2%} of them replay, made by openmoat {run.openmoat}."
        ),
        "",
        *card_views.loaded(views),
        "",
        card_views.columns(layout),
        "",
        card_views.order(layout),
        "",
        "| split | documents | tokens | replay | new |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {s['documents']:,} | {s['tokens']:,} | {s['replay_tokens']:,} "
            f"| {s['new_tokens']:,} |"
            for name, s in mixture.details["achieved"].items()
        ),
        "",
        f"Digest of the rows: `{mixture.digest}`. Recipe digest: `{run.recipe_digest}`.",
    ]


def _sources(mixture: StageManifest, licenses: Mapping[str, list[Counted]]) -> Iterator[str]:
    yield from ("", "## Sources and licences", "")
    yield "Licences are counted in both splits; a document that is cut or seen again counts once."
    yield from ("", "| source | training tokens | licences, documents |", "|---|---:|---|")
    for name, tokens in mixture.details["achieved"]["train"]["sources"].items():
        found = [(_named(one), one["documents"]) for one in licenses.get(name, [])]
        found.sort(key=lambda one: (-one[1], one[0]))
        shown = ", ".join(f"{_escaped(k)} ({n:,})" for k, n in found[:OF_SOURCE])
        more = f", and {len(found) - OF_SOURCE} more" if len(found) > OF_SOURCE else ""
        yield f"| {_escaped(name)} | {tokens:,} | {shown or rights.NOT_STATED}{more} |"


def _licenses(licenses: Mapping[str, list[Counted]]) -> Iterator[str]:
    """All sources together: documents and tokens of each licence, the most documents first."""
    sums: dict[str, tuple[int, int]] = {}
    for one in (one for some in licenses.values() for one in some):
        documents, tokens = sums.get(_named(one), (0, 0))
        sums[_named(one)] = documents + one["documents"], tokens + one["tokens"]
    found = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
    yield from ("", "| licence | documents | tokens |", "|---|---:|---:|")
    for name, (documents, tokens) in found[:IN_ALL]:
        yield f"| {_escaped(name)} | {documents:,} | {tokens:,} |"
    rest = [counted for _, counted in found[IN_ALL:]]
    if rest:
        documents, tokens = (sum(each) for each in zip(*rest, strict=True))
        yield f"| {len(rest):,} others | {documents:,} | {tokens:,} |"


def _named(one: Counted) -> str:
    return one["license"] or rights.NOT_STATED


def _rights(run: RunManifest, mixture: StageManifest) -> Iterator[str]:
    """What the recipe kept out, and what the card does not grant."""
    select = run.recipe.get("select") or {}
    policy = select.get("licenses") or {}
    yield ""
    for key, said in (("allow", "Licences allowed"), ("deny", "Licences refused")):
        if policy.get(key):
            yield f"{said}: {', '.join(map(_escaped, policy[key]))}."
    if select.get("opt_out"):
        kinds = [kind for kind in ("ids", "urls", "domains") if select["opt_out"].get(kind)]
        yield f"Documents on the recipe's opt-out lists ({', '.join(kinds)}) were left out."
    if mixture.details[RIGHTS]["opt_out"]:
        yield rights.opt_out(mixture.details[RIGHTS])
    if GUARD in mixture.details:
        yield guard.sentence(mixture.details[GUARD])
    yield "Documents keep their own licences; this card grants none."


def _masks(run: RunManifest, mixture: StageManifest) -> Iterator[str]:
    """What the recipe masked, in documents of both splits."""
    policy = run.recipe.get("masking")
    if not policy:
        return
    counts = mixture.details.get("masked") or {}
    kinds = [kind for kind in KINDS if kind in policy["kinds"]]
    exempt = ", ".join(map(_escaped, policy["exempt"]))
    yield from ("", "## Personal data and secrets", "")
    yield "Masked where their form was recognised: some are left, some masks hide what was neither."
    yield f"Nothing is masked in {exempt}." if exempt else "No source is exempt."
    yield from ("", "| kind | mask | spans |" + "".join(f" {_escaped(s)} |" for s in counts))
    yield "|---|---|---:|" + "---:|" * len(counts)
    for kind in kinds:
        found = [own.get(kind, 0) for own in counts.values()]
        mask = MASKS[policy["style"]][kind].replace("|", "\\|")
        shown = "".join(f" {n:,} |" for n in (sum(found), *found))
        yield f"| {kind} | `{mask}` |{shown}"


def _escaped(text: str) -> str:
    """Text that Markdown and HTML show as it stands, on one line."""
    return " ".join(text.split()).translate(ESCAPED)
