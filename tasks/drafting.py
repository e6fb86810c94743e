"""A recipe for the replay of a base model, as text with comments. Without storage.

The ways to what replay should be like:

- **a**: a published mixture, whose shares are taken and whose parts are named where open text of
  them can be had;
- **b**: a sample of the original;
- **c**: the tokenizer's merges (``openmoat infer-mixture``);
- **d**: text that the base writes itself.

Only a can be written out; the others need what the user alone has, and are comments to take up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from schemas.published import OpenSource, published
from tasks.draft_sources import Pool, comment, pool_blocks, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.bases import Fact
    from tasks.recognising import Recognised

DOUBT: Final = "unverified"
"""Behind the source of a fact that was not read there."""
LEAST_REPLAY_TOKENS: Final = 1_000_000
"""Tokens that a sample of a source is reckoned with, at least."""
OLMO_MIX: Final = "allenai/olmo-mix-1124"
GENERIC: Final = {
    "web": (0.7, "HuggingFaceFW/fineweb-edu", "sample-10BT"),
    "code": (0.1, OLMO_MIX, "starcoder"),
    "papers": (0.1, OLMO_MIX, "pes2o"),
    "wikipedia": (0.05, OLMO_MIX, "wiki"),
    "mathematics": (0.05, OLMO_MIX, "open-web-math"),
}
"""Kinds of text that most bases have seen, at shares that are a guess, and sets of such text."""


class New(NamedTuple):
    """The new data: its place, the field of its text, its tokens (about), and what they rest on."""

    url: str
    text_field: str
    tokens: int
    bytes_per_token: float
    counted: bool


class Way(NamedTuple):
    """Whether a way to the target is open to this base, and why."""

    letter: Literal["a", "b", "c", "d"]
    open: Literal["yes", "no", "perhaps"]
    says: str


class Draft(NamedTuple):
    """A recipe's text, the ways, and how many tokens of replay it asks for (about)."""

    text: str
    ways: tuple[Way, ...]
    replay_tokens: int


def draft(known: Recognised, new: New, *, replay_share: float) -> Draft:
    """Return a recipe for the replay of a base; ``replay_share``: of all training tokens."""
    wanted = round(new.tokens * replay_share / (1 - replay_share))
    pool = _pool(known, max(wanted, LEAST_REPLAY_TOKENS))
    every = ways(known)
    parts = [
        [*_head(known, new, every), *_size(new, replay_share, wanted)],
        _top(known),
        *pool_blocks(pool),
        _new_block(new),
        _select(pool),
        _tokenizer(known),
        _replay(known, pool),
        _mixture(replay_share),
    ]
    if known.chat:
        parts.insert(2, list(_chat()))
    return Draft("\n\n".join("\n".join(part) for part in parts) + "\n", every, wanted)


def ways(known: Recognised) -> tuple[Way, ...]:
    """Return which ways to the target are open."""
    return (
        _way_a(known),
        Way("b", "perhaps", "a sample of the original data, if you have one: a megabyte will do."),
        _way_c(known),
        Way(
            "d",
            "yes",
            "text that the base writes itself, sampled from it at temperature 1 without a prompt "
            "(JSONL or Parquet); its weights are all it takes.",
        ),
    )  # fmt: skip


def _way_a(known: Recognised) -> Way:
    base = known.base
    if base is None:
        return Way("a", "no", "no published mixture is known of it here.")
    if base.mixture.name is None:
        return Way("a", "no", f"no shares to draw by. {base.mixture.says}")
    mixture = published(base.mixture.name)
    return Way(
        "a", "yes", f'the mixture "{mixture.name}", {mixture.status}: {mixture.source}.'
    )  # fmt: skip


def _way_c(known: Recognised) -> Way:
    own = known.base.tokenizer.own_text if known.base else None
    merges = known.merges
    if merges is None and known.base is not None:
        merges = known.base.tokenizer.merges
    if merges is False:
        return Way("c", "no", "its tokenizer has no merges that could be read.")
    if own is False and known.base is not None:
        says = known.base.tokenizer.says
        return Way("c", "no", f"its tokenizer's merges tell of other text than its own. {says}")
    says = "its tokenizer's merges, against text of each kind that it may have seen:"
    command = "openmoat infer-mixture TOKENIZER --source NAME=PATH … --out shares.json"
    return Way("c", "yes" if own else "perhaps", f"{says} {command}")


def _pool(known: Recognised, tokens: int) -> Pool:
    mixture = known.base.mixture if known.base else None
    if mixture is None or mixture.name is None:
        return Pool({n: (s, _set(*at)) for n, (s, *at) in GENERIC.items()}, {}, tokens)
    found = published(mixture.name)
    shares = found.shares()
    places = {n: (shares[n], c.open) for n, c in found.components.items() if c.open}
    had = {n: (share, place) for n, (share, place) in places.items() if place.hub}
    lost = {n: (share, place.note) for n, (share, place) in places.items() if not place.hub}
    return Pool(had, lost, tokens)


def _set(hub: str, subset: str) -> OpenSource:
    return OpenSource(hub=hub, subset=subset, license="ODC-By-1.0", verified=True)


def _head(known: Recognised, new: New, every: tuple[Way, ...]) -> Iterator[str]:
    title = known.base.title if known.base else known.asked
    yield from comment(f"Replay for {title}, with {new.url} as new data. Written by openmoat init.")
    yield "#"
    yield from _facts(known)
    yield "#"
    yield "# Ways to what the replay should be like:"
    for way in every:
        yield from comment(f"  {way.letter}: {way.open}. {way.says}", indent="     ")
    yield "#"


def _facts(known: Recognised) -> Iterator[str]:
    base = known.base
    if base is None:
        yield from comment(f"Nothing is known of {known.asked} here.")
        if known.may_be:
            some = ", ".join(known.may_be)
            yield from comment(f"Its architecture and vocabulary are those of: {some}.")
        if known.nearest:
            yield from comment(f"Known, and of a similar name: {', '.join(known.nearest)}.")
        return
    yield from comment(f"What is known of {known.asked} ({base.title}):")
    yield from _fact(f"data, {base.mixture.status}", base.mixture)
    yield from _fact(f"tokenizer, {base.tokenizer.kind}", base.tokenizer)
    yield from _fact("context", base.context)
    yield from _fact("licence", base.license)
    for note in base.notes:
        yield from comment(f"  note: {note}", indent="    ")


def _fact(name: str, fact: Fact) -> Iterator[str]:
    doubt = "" if fact.verified else f"; {DOUBT}"
    return comment(f"  {name}: {fact.says} [{fact.source}{doubt}]", indent="    ")


def _size(new: New, share: float, wanted: int) -> Iterator[str]:
    how = "counted on its first documents" if new.counted else "a guess until a tokenizer counts"
    yield from comment(
        f"How large: the new data has about {new.tokens:,} tokens (at {new.bytes_per_token:.2g} "
        f"bytes each, {how}). Replay of {100 * share:.4g} % of the whole comes on top of it: about "
        f"{wanted:,} tokens. `openmoat advise` says what share fits; `openmoat plan` what this "
        "recipe reads and needs."
    )


def _top(known: Recognised) -> list[str]:
    name = known.base.name.replace(".", "-") if known.base else "base"
    title = known.base.title if known.base else known.asked
    return [
        f'name = "replay-{name}"',
        f"description = {quoted(f'Replay for {title}, and new data')}",
        "seed = 0                                # another seed draws other documents",
    ]


def _chat() -> Iterator[str]:
    yield from comment(
        "A chat model: beside what it knows of text it would forget how it answers. Replay of "
        "that needs an open instruction mix, or turns that the model writes itself, in its own "
        "template. Conversations are read and mixed as plain text so far."
    )
    yield "#"
    yield "# [[ingest.sources]]"
    yield '# name = "instructions"'
    yield '# url = "instructions.jsonl"'
    yield '# format = "chat"'


def _new_block(new: New) -> list[str]:
    lines = ["# What the model shall learn.", "", "[[ingest.sources]]", 'name = "new"']
    lines.append(f"url = {quoted(new.url)}")
    if new.url.startswith("hf://"):
        lines.append('revision = "main"                       # better a commit: a branch moves')
    if new.text_field != "text":
        lines.append(f"text_field = {quoted(new.text_field)}")
    return [*lines, 'origin = "new"']


def _select(pool: Pool) -> list[str]:
    lines = ["[select]", '# languages = ["en"]                    # drops old data in others']
    if pool.prose_free:
        some = ", ".join(quoted(name) for name in pool.prose_free)
        lines.append(f"exempt = [{some}]  # prose rules would misjudge them")
    return lines


def _tokenizer(known: Recognised) -> list[str]:
    if known.tokenizer is not None and known.counts:
        return ["[tokenizer]", f"path = {quoted(known.tokenizer)}"]
    return [
        *comment(
            f"Put the tokenizer.json of {known.asked} beside this recipe, or write its path: "
            "budgets are counted in its tokens."
        ),
        "",
        "[tokenizer]",
        'path = "tokenizer.json"',
    ]


def _replay(known: Recognised, pool: Pool) -> list[str]:
    published_one = known.base is not None and known.base.mixture.name is not None
    says = (
        "a: shares of tokens as published."
        if published_one
        else "No shares are known of this base: these are a GUESS at what most have seen. Ways b "
        "to d below replace it by something of this base."
    )
    lines = list(comment(says))
    for name, (share, why) in pool.lost.items():
        lines += comment(f"Left out: {name}, {share:.2%} of the original. {why}", indent="  ")
    if pool.lost:
        lost = sum(share for share, _ in pool.lost.values())
        lines += comment(f"These {lost:.2%} are spread over the others by their shares.")
    lines += ["", "[replay]"]
    whole = published_one and not pool.lost and not pool.by_set
    if whole and known.base is not None:
        lines.append(f"like = {quoted(str(known.base.mixture.name))}")
        if not any(place.stand_in for _, place in pool.had.values()):
            lines.append('# The original itself is open: arm = "original" draws it at these rates.')
    else:
        lines.append("shares = { " + ", ".join(_pairs(pool)) + " }")
    return [*lines, *OTHER_WAYS]


OTHER_WAYS: Final = (
    '# arm = "surrogate"            # shares | random | dsir | surrogate | self | original',
    '# unit = "passages"            # or "documents"',
    "",
    "# [replay.target]",
    '# sample = "PATH"              # b: a sample of the original',
    '# shares_file = "shares.json"  # c: what `openmoat infer-mixture … --out` wrote',
    '# generations = "PATH"         # d: JSONL/Parquet of the base\'s own text',
)


def _pairs(pool: Pool) -> Iterator[str]:
    return (f"{quoted(name)} = {share:.6g}" for name, share in pool.shares().items())


def _mixture(share: float) -> list[str]:
    return [
        "# How much replay: published evidence disagrees (`openmoat advise`), so try some.",
        "",
        "[mixture]",
        f"replay_share = {share:.6g}",
        "# total_tokens = 100_000_000            # a fixed budget; without it replay comes on top",
    ]
