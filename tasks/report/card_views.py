"""The data card's views, and what it says of rows, their order and the files for trainers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.handoff import FOLDER
from schemas.views import CHAT, DEFAULT, SAID, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.handoff import Handed
    from schemas.mixture import Layout
    from schemas.views import View

SAID_OF_DOCUMENT = (
    "`kind` (text or chat); `tokens` by the run's tokenizer without "
    "the end-of-text token, `supervised_tokens` those of them that are learned; `weight`; "
    "`source_class`, `condition_prefix` and `loss_weight` as the recipe has them for the source"
)
TRACED = f"`doc_id`, `source`, `license`, `url` for tracing; {SAID_OF_DOCUMENT}"
PLACED = (
    "`origin` (replay or new); `epoch`, how often it was seen before; `position` in the split, "
    "which is the order to train in"
)
IDS = (
    "`input_ids`, `attention_mask` and `labels` (-100 where nothing is learned: turns that are not "
    "the assistant's, and padding). The end-of-text token stands behind each document and counts "
    "in `input_ids`, not in `tokens`"
)
PASSAGE = (
    "One row is one document, or where `start` is not null a passage of one: its characters from "
    "`start` up to `end`."
)


def header(below: str, views: Sequence[View]) -> Iterator[str]:
    """The YAML that ``datasets`` reads: each view's splits, columns and filter."""
    yield from ("---", "configs:")
    for view in views:
        yield from (f"- config_name: {view.name}", "  data_files:")
        for split in view.splits:
            yield from (f"  - split: {split}", f"    path: {below}{split}/*.parquet")
        if view.columns:
            yield f"  columns: [{', '.join(view.columns)}]"
        if view.kind is not None:
            yield f'  filters: [[kind, "==", {view.kind}]]'
    yield "---"


def loaded(views: Sequence[View]) -> Iterator[str]:
    """How to load it, and what each view is."""
    yield from ("```python", "from datasets import load_dataset")
    yield 'data = load_dataset("path/of/this/folder")  # or streaming=True'
    yield from (f'{v.name} = load_dataset("path/of/this/folder", "{v.name}")' for v in views[1:])
    yield from ("```", "", "| view | columns | what it is |", "|---|---|---|")
    for view in views:
        columns = ", ".join(f"`{name}`" for name in view.columns) or "all"
        rows = "" if view.kind is None or view.name in (CHAT, TEXT) else f" (`kind` = {view.kind})"
        yield f"| `{view.name}` | {columns} | {SAID[view.name]}{rows} |"
    if {CHAT, TEXT} <= {view.name for view in views} and views[0].kind is not None:
        yield ""
        yield (
            f"There are conversations and plain text: `{DEFAULT}` is the conversations alone, and "
            'text is trained on apart from them. In one order, both are a mixture of `format = "'
            'tokens"`.'
        )


def columns(layout: Layout) -> str:
    """What the columns of a row mean."""
    if layout.format == "text":
        return (
            f"{PASSAGE} `text`: what is read, a conversation as its chat template renders it. "
            f"Besides: {PLACED}; {TRACED}."
        )
    content = "`text` of plain text, `messages` of conversations, the other one null"
    if layout.format == "messages":
        return f"{PASSAGE} {content[0].upper()}{content[1:]}. Besides: {PLACED}; {TRACED}."
    if layout.row_tokens is None:
        return f"{PASSAGE} Rows are {IDS}. Besides: {content}; {PLACED}; {TRACED}."
    return (
        f"One row is {layout.row_tokens:,} tokens of one origin, in which documents are packed; "
        f"none is dropped, the longest are cut. Rows are {IDS}. Besides: {PLACED}. Lists with a "
        f"value for each piece of the row: `doc_id`, `source` and `license` for tracing; "
        f"{SAID_OF_DOCUMENT}; `start` and `end` of a passage; "
        "`token_start`, from which token of its document on; `ends`, whether its end-of-text token "
        "stands behind it."
    )


def order(layout: Layout) -> str:
    """How rows are put in order, and what loses that."""
    schedule = layout.schedule
    keys = {
        key: value for key, value in schedule.model_dump().items() if key != "kind" and value
    }  # fmt: skip
    how = ", ".join([schedule.kind.replace("_", " "), *(f"{k} {v:g}" for k, v in keys.items())])
    new = {"hashed": "by seeded hash", "dissimilar_first": "the least like the replay first"}
    return (
        f"Shards in the order of their names, rows as they stand: that is the order to train in. "
        f"Share of replay: {how}. New data: {new[layout.order]} (seed {layout.seed}). Epochs, "
        f"written out: {layout.epochs} of new data, {layout.replay_epochs} of replay. A trainer "
        f"that shuffles keeps the share as a whole, and loses its schedule and its evenness."
    )


def trainers(handed: Sequence[Handed], below: str) -> Iterator[str]:
    """Which files are for which trainer, and what to know of them."""
    if not handed:
        return
    yield from ("", "## Trainers", "", "| trainer | files | to know |", "|---|---|---|")
    for one in handed:
        files = ", ".join(f"[`{name}`]({below}{FOLDER}/{name})" for name in one.files) or "none"
        yield f"| {one.trainer} | {files} | {one.said} |"
