"""The command ``openmoat init``: a recipe to start from. Without Prefect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.section import Section
    from tasks.beginning import Begun


def share(given: str | float) -> float:
    """Read a share: ``5%`` or ``0.05``; 0 or more, and less than 1."""
    text = str(given).strip()
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise typer.BadParameter(f"{text!r} is no share such as 5% or 0.05, and less than 100%.")
    return found


def init(
    base: Annotated[
        str,
        typer.Option(
            help="The base model: an id such as allenai/OLMo-2-1124-7B, a name such as olmo2, or "
            "the folder that holds it."
        ),
    ],
    new: Annotated[str, typer.Option(help="What it shall learn: a file, a folder or a glob.")],
    out: Annotated[Path, typer.Option("--out", help="The recipe's file.")] = Path("recipe.toml"),
    *,
    replay: Annotated[
        float,
        typer.Option(
            help="Share of the training tokens that are replay: 5% or 0.05.",
            parser=share,
            metavar="SHARE",
            show_default="5%",
        ),
    ] = 0.05,
    text_field: Annotated[
        str, typer.Option(help="The field of the new data that holds the text.")
    ] = "text",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the recipe's file.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object as the last line.")
    ] = False,
) -> None:
    """Write a commented recipe for the replay of a base model, from what is known of it."""
    from flows import terminal
    from tasks.beginning import Wish, begin

    begun = begin(Wish(base, new, replay, str(out), text_field, force))
    if json:
        terminal.print_json(_told(begun))
    else:
        terminal.show_sections(_sections(begun))


def _told(begun: Begun) -> dict[str, object]:
    base = begun.known.base
    return {
        "recipe": begun.out,
        "base": base.name if base else None,
        "chat": begun.known.chat,
        "nearest": list(begun.known.nearest),
        "may_be": list(begun.known.may_be),
        "mixture": base.mixture.model_dump(mode="json") if base else None,
        "ways": [way._asdict() for way in begun.draft.ways],
        "new_tokens": begun.new.tokens,
        "replay_tokens": begun.draft.replay_tokens,
    }


def _sections(begun: Begun) -> Iterator[Section]:
    from schemas.section import Section, Table

    known, base = begun.known, begun.known.base
    if base is not None:
        title, text = base.title, f"Its data: {base.mixture.status}. {base.mixture.says}"
    else:
        title, text = known.asked, "Nothing is known of it here."
        if known.may_be:
            text += f" By architecture and vocabulary it may be: {', '.join(known.may_be)}."
        if known.nearest:
            text += f" Did you mean {' or '.join(known.nearest)}?"
    if known.chat:
        text += " A chat model: it also needs an open instruction mix, or turns of its own."
    rows = tuple((way.letter, way.open, way.says) for way in begun.draft.ways)
    yield Section(title, text, Table(("way", "open", "what it is"), rows))
    yield Section(
        begun.out,
        f"Written. About {begun.new.tokens:,} tokens of new data, {begun.draft.replay_tokens:,} of "
        f"replay. Read it, then: openmoat plan {begun.out}",
    )
