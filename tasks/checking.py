"""What ``openmoat check`` looks at: whether a mixture's folder can be trained on as it is.

Of any mixture, also one that was moved away from its run: its shards, its manifest and data card
where it has them, and the tokenizer of the model. Read in batches; memory does not grow with it.
"""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import yaml

from schemas import columns as c
from schemas.config import TokenizerConfig
from schemas.errors import ConfigError, ManifestError, SchemaError
from schemas.finding import Finding
from schemas.manifest import StageManifest
from schemas.mixture import LAYOUT, LEARNED, Layout
from tasks import ledger, preflight, storage
from tasks.hashing import add_digests, add_hex, row_digests
from tasks.mixture import SPLIT_NAMES, checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

GROUP_BYTES: Final = 100 * 10**6
SHOWN: Final = 3
"""Places that a finding names."""
MANIFEST = "the manifest is a mixture's, and says how its rows are laid out"
SHARDS = "the folder holds the shards of the manifest, whole, and no others"
TOKENIZER = "the ids are of the tokenizer that is given"
ORDER = "positions count the rows of a split, in order and without gaps"
GROUPS = "row groups take no more than 100 MB in memory"
COLUMNS = "no column is one that trainers take for something else"
VIEWS = "the data card's views have their files and columns"
WORLD = "{} divides evenly among ranks"


class Asked(NamedTuple):
    """What a mixture is to fit: a context, a tokenizer (path or ``hf://``), how many processes."""

    max_length: int | None = None
    tokenizer: str | None = None
    ranks: int = 1


class _Place(NamedTuple):
    """A mixture's folder, its shards by split in order, and its manifest where it has one."""

    folder: str
    shards: dict[str, list[str]]
    manifest: StageManifest | None

    def every(self) -> Iterator[tuple[str, str]]:
        for split, names in self.shards.items():
            for name in names:
                yield f"{split}/{name}", storage.join(self.folder, split, name)


def check(folder: str, asked: Asked) -> list[Finding]:
    """Look at a mixture's folder, or at the run's folder that it is in.

    Raises :class:`ConfigError` where there is no mixture, or no such tokenizer.
    """
    place = _found(folder)
    layout = _layout(place)
    given = None if asked.tokenizer is None else _tokenizer(asked.tokenizer)
    findings = [*_of_manifest(place, layout), *_of_tokenizer(layout, given)]
    said = None if layout is None else layout.tokenizer
    known = checks.Known(
        max_length=asked.max_length,
        size=given.size if given else None if said is None else said.size,
        end_id=None if said is None else said.end_id,
    )
    try:
        for some in (_of_files(place, asked.ranks), _of_rows(place, known),
                     _of_cards(folder, place)):  # fmt: skip
            findings += some
    except (ManifestError, SchemaError) as error:  # a shard that cannot be read, or lacks lists
        findings.append(Finding(SHARDS, ok=False, detail=str(error)))
    return findings


def _found(folder: str) -> _Place:
    for where in (folder, storage.join(folder, ledger.FOLDERS["mixture"])):
        shards = {
            split: [n for n in storage.list_names(storage.join(where, split))
                    if n.endswith(".parquet")]
            for split in SPLIT_NAMES.values()
        }  # fmt: skip
        if any(shards.values()):
            at = storage.join(where, ledger.MANIFEST)
            try:
                manifest = storage.read_model(at, StageManifest)
            except ManifestError:
                manifest = None
            return _Place(where, shards, manifest)
    raise ConfigError(
        folder,
        got="no mixture",
        wanted="a folder with train/*.parquet, or the folder of the run that it is in",
        way_out="Name the folder that `openmoat mixture` wrote; a run that stopped before goes on "
        "with the same command.",
    )


def _layout(place: _Place) -> Layout | None:
    said = None if place.manifest is None else place.manifest.details.get(LAYOUT)
    try:
        return None if said is None else Layout.model_validate(said, strict=False)
    except ValueError:
        return None


class _Given(NamedTuple):
    """A tokenizer as it was given, its digest, and how many ids it has."""

    place: str
    digest: str
    size: int


def _tokenizer(place: str) -> _Given:
    """Load it. Raises :class:`ConfigError` for a path with no tokenizer."""
    try:
        found, digest = preflight.tokenizer(TokenizerConfig(path=place))
    except ConfigError as error:
        raise error.at("--tokenizer") from error
    return _Given(place, digest, found.size)


def _of_manifest(place: _Place, layout: Layout | None) -> Iterator[Finding]:
    if place.manifest is None:
        detail = f"{storage.join(place.folder, ledger.MANIFEST)} is not there, or no manifest: "
        detail += "the order, the tokenizer and whether shards are whole cannot be told"
        yield Finding(MANIFEST, ok=False, detail=detail)
        return
    detail = "its details have no layout" if layout is None else f"format {layout.format}"
    yield Finding(MANIFEST, layout is not None, detail)


def _of_tokenizer(layout: Layout | None, given: _Given | None) -> Iterator[Finding]:
    if layout is None or given is None:
        return
    said = layout.tokenizer
    same = said.digest == given.digest
    detail = f"{given.place}: {given.digest[:12]}"
    if not same:
        detail += f", the mixture was made with {said.digest[:12]} ({said.kind}, {said.size:,} ids)"
        detail += ": its ids mean other text to this one; train with the tokenizer that lies beside"
        detail += " the run (tokenizer/), or make the mixture anew with [tokenizer] path"
    yield Finding(TOKENIZER, same, detail)


def _of_files(place: _Place, ranks: int) -> Iterator[Finding]:
    """Of the shards' footers: row groups and columns; and how ranks share them."""
    large, names = [], dict[str, None]()
    for name, at in place.every():
        footer = storage.read_footer(at)
        large += [f"{name}: {size / 1e6:,.0f} MB" for size in footer.group_bytes
                  if size > GROUP_BYTES][:1]  # fmt: skip
        names |= dict.fromkeys(checks.forbidden(footer.schema))
    yield Finding(GROUPS, not large, _some(large))
    yield Finding(COLUMNS, not names, ", ".join(names))
    train = len(place.shards["train"])
    detail = f"{train:,} shards, {ranks:,} ranks"
    if train % ranks:
        detail += ": `split_dataset_by_node` would have every rank read all of them; the reader of "
        detail += "openmoat does not mind"
    yield Finding(WORLD.format("train"), train % ranks == 0, detail)


def _of_rows(place: _Place, known: checks.Known) -> Iterator[Finding]:
    """Of all rows: each statement once, with how many rows it does not hold of, and where."""
    wrong = _Wrong()
    whole, lost = [], []
    for split in place.shards:
        at, gaps, rows = 0, list[str](), 0
        for name in place.shards[split]:
            file, parts = f"{split}/{name}", []
            start = 0
            for table in storage.read_batches(storage.join(place.folder, split, name)):
                parts.append(add_digests(row_digests(table)))
                for statement, mask in checks.problems(table, known):
                    wrong.add(statement, mask, file, start)
                if c.POSITION in table.column_names:
                    wanted = np.arange(at + start, at + start + table.num_rows)
                    off = np.asarray(table.column(c.POSITION)) != wanted
                    gaps += [f"{file} row {start + i:,}" for i in off.nonzero()[0][:1].tolist()]
                start += table.num_rows
            whole.append((file, start, add_hex(parts)))
            at, rows = at + start, rows + start
        yield Finding(f"{split}: {ORDER}", not gaps, _some(gaps) or f"{rows:,} rows")
    if place.manifest is not None:
        said = [(s.file, s.rows, s.digest) for s in place.manifest.shards]
        lost = sorted({file for file, *_ in set(said) ^ set(whole)})
        yield Finding(SHARDS, not lost, _some(lost) or f"{len(said):,} shards")
    yield from wrong.findings()


class _Wrong:
    """Counts rows that statements do not hold of, and remembers the first ones."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[str]] = {}

    def add(self, statement: str, mask: np.ndarray[Any, Any], file: str, start: int) -> None:
        self._counts[statement] = self._counts.get(statement, 0) + int(mask.sum())
        places = self._places.setdefault(statement, [])
        found = mask.nonzero()[0][: SHOWN - len(places)].tolist()
        places += [f"{file} row {start + row:,}" for row in found]

    def findings(self) -> Iterator[Finding]:
        for statement, count in self._counts.items():
            first = ", ".join(self._places[statement])
            detail = f"{count:,} rows, such as {first}" if count else ""
            yield Finding(statement, count == 0, detail)


def _some(places: list[str]) -> str:
    more = f", and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more


def _of_cards(folder: str, place: _Place) -> Iterator[Finding]:
    """Each view that a data card names: its files are there, and have its columns."""
    for where in dict.fromkeys((folder, place.folder)):
        at = storage.join(where, ledger.CARD)
        if not storage.exists(at):
            yield Finding(VIEWS, ok=False, detail=f"{at} is not there: `datasets` would mix splits")
            continue
        views = _views(storage.read_bytes(at).decode(errors="replace"))
        missing = [said for view in views for said in _lacking(view, where)]
        detail = f"{at}: " + ("; ".join(missing) or ", ".join(str(v["config_name"]) for v in views))
        yield Finding(VIEWS, bool(views) and not missing, detail if views else f"{at} has no views")


def _views(card: str) -> list[dict[str, Any]]:
    """Return the ``configs`` of a card's front matter; none where it has none that can be read."""
    parts = card.split("---\n", 2)
    if not card.startswith("---\n") or len(parts) != 3:  # noqa: PLR2004  (before, within, behind)
        return []
    try:
        found = yaml.safe_load(parts[1])
    except yaml.YAMLError:
        return []
    configs = found.get("configs") if isinstance(found, dict) else None
    every: list[Any] = configs if isinstance(configs, list) else []
    return [view for view in every if isinstance(view, dict) and "config_name" in view]


def _lacking(view: dict[str, Any], where: str) -> Iterator[str]:
    """Say what a view asks for and has not."""
    name, wanted = view["config_name"], view.get("columns") or []
    files = view.get("data_files") or []
    for one in [files] if isinstance(files, str) else files:
        pattern = str(one["path"] if isinstance(one, dict) else one)
        folder, _, names = pattern.rpartition("/")
        below = storage.join(where, folder) if folder else where
        there = [n for n in storage.list_names(below) if fnmatch(n, names)]
        if not there:
            yield f"{name}: no file is {pattern}"
            continue
        schema: pa.Schema = storage.read_footer(storage.join(below, there[0])).schema
        lacks = [column for column in wanted if column not in schema.names]
        if lacks:
            yield f"{name}: {pattern} has no {', '.join(lacks)}"
        if set(wanted) >= set(LEARNED) and name == "default":
            unfit = [f for f in checks.unfit(schema) if f in wanted]
            yield from [f"{name}: trainers cannot have {', '.join(unfit)} in it"] * bool(unfit)
