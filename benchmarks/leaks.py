"""Leaks of evaluation sets in real documents, and of items planted there, by runs of openmoat.

``python -m benchmarks.leaks FOLDER EACH [quick]`` runs ``openmoat corpus`` over the folder of real
data (``quick``: a part of it) as it is, and again with items planted into some documents, ``EACH``
of every set and kind (:mod:`benchmarks.planting`). It prints what was found as one JSON line.
Nothing is dropped: the recipe reports.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks import documents, planting, texts
from benchmarks.copies import Editor
from schemas import columns as c
from schemas.config import DecontaminateConfig, RunConfig
from schemas.errors import OpenmoatError
from schemas.manifest import EVALS, EvalIndex
from tasks import eval_sets, eval_texts, leaks, ledger
from tasks.hashing import seeded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.planting import Item

FOLDERS: Final = (
    *(f"dolma/documents/{n}" for n in ("wiki", "news", "science", "code", "docs")),
    *("dolma/documents/legal", "dolma/documents/maths"),
    *("german/laws", "german/manpages", "native/wikinews"),
    *("instruct/llamafactory/alpaca_en_demo.json", "instruct/llamafactory/alpaca_zh_demo.json"),
    "evals/gsm8k/train.jsonl",
)
QUICK_FOLDERS: Final = ("dolma/documents/science", "native/wikinews")
HOSTS: Final = ("wiki", "news", "science", "docs", "laws", "manpages", "wikinews")
"""Sources of prose, into whose documents items are planted."""
LEAST, MOST = 300, 200_000
"""Characters of such a document."""
BINS: Final = (5, 13, 25, 50, 100)
"""Words from which on items are told apart by length."""


def config(sources: Iterable[dict[str, Any]], data: Path, licensed: dict[str, Any]) -> RunConfig:
    """Return a recipe that measures little else, drops nothing, and reports."""
    sets = [{**some, "url": str(data / some["url"])} for some in planting.SETS] + [licensed]
    recipe = {
        "name": "bench",
        "ingest": {"sources": list(sources)},
        "signals": {"evals": sets, "minhash": False},
        "select": {"gopher": False, "max_drop_share": 1.0},
        "dedup": {"near": False, "exact": False},
    }
    return RunConfig.model_validate(recipe, strict=False)


def run(recipe: RunConfig, out: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run it as ``openmoat corpus`` does; return documents (``doc_id, source, text``) and hits."""
    from flows.settings import quiet_prefect

    quiet_prefect()
    from flows.build_corpus import build_corpus

    ledger.open_run(str(out), recipe, version="bench", goal="corpus")
    build_corpus(recipe, str(out))
    shards = [out / "documents" / shard.file for shard in ledger.read(str(out), "ingest").shards]
    columns = [c.DOC_ID, c.SOURCE, c.RECORD_ID, c.TEXT]
    found = pl.concat(pl.read_parquet(shard, columns=columns) for shard in shards)
    return found.with_row_index(c.ROW), leaks.read(str(out))


def sources(data: Path, *, quick: bool = False) -> list[dict[str, Any]]:
    """Return the sources of the folder of real data."""
    found = []
    for place in QUICK_FOLDERS if quick else FOLDERS:
        name = Path(place).stem if not place.startswith("evals") else "gsm8k-train"
        source: dict[str, Any] = {"name": name, "url": str(data / place)}
        if place.startswith("evals"):
            source["text_field"] = "question"
        found.append(source)
    return found


def hosts(found: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """Return documents of prose that have no item, in an order by seed."""
    fits = found.filter(
        pl.col(c.SOURCE).is_in(HOSTS),
        pl.col(c.TEXT).str.len_chars().is_between(LEAST, MOST),
        ~pl.col(c.ROW).is_in(hits[c.ROW].implode()),
    )
    room = pl.Series(list(map(planting.has_room, fits[c.TEXT])), dtype=pl.Boolean)
    fits = fits.filter(room)
    order = pl.Series("order", seeded(fits[c.DOC_ID], seed=texts.SEED, stage="hosts"))
    return fits.with_columns(order).sort("order", c.DOC_ID).drop("order")


def plant(
    places: pl.DataFrame, items: list[Item], each: int, least: int
) -> tuple[dict[int, str], list[dict[str, Any]]]:
    """Return the texts of the rows that something is planted in, and what that is."""
    editor = Editor([item.text for item in items])
    changed: dict[int, str] = {}
    told: list[dict[str, Any]] = []
    rows = places.select(c.ROW, c.TEXT).iter_rows()
    for eval_set in (some["name"] for some in planting.SETS):
        own = [i for i in items if i.eval_set == eval_set and i.n_words >= least]
        for kind in planting.KINDS:
            chance = np.random.default_rng((texts.SEED, planting.KINDS.index(kind)))
            for at in chance.permutation(len(own))[:each].tolist():
                item, number = own[at], len(told)
                if (place := next(rows, None)) is None:
                    raise _too_few(places.height)
                row, host = place
                changed[row] = planting.planted(host, item.text, kind, editor=editor, number=number)
                told.append({c.ROW: row, "kind": kind, **item._asdict()} | {"text": None})
    return changed, told


def _too_few(places: int) -> OpenmoatError:
    return OpenmoatError(
        "planting",
        got=f"{places:,} documents with room",
        wanted="one for each planted item",
        way_out="Plant fewer: --each.",
    )


def judged(told: list[dict[str, Any]], hits: pl.DataFrame) -> list[dict[str, Any]]:
    """Return of each set, kind and length how many were planted, and found."""
    pairs = set(hits.filter(~pl.col(c.COMMON)).select(c.ROW, c.ITEM).iter_rows())
    counts: dict[tuple[str, str, int], Counter[str]] = {}
    for one in told:
        words = max(least for least in BINS if least <= one["n_words"])
        own = counts.setdefault((one["eval_set"], one["kind"], words), Counter())
        own.update(planted=1, found=int((one[c.ROW], one["number"]) in pairs))
    names = ("set", "kind", "words_from")
    return [dict(zip(names, key, strict=True)) | dict(own) for key, own in sorted(counts.items())]


def related(items: list[Item], evals: EvalIndex, out: Path) -> dict[int, set[int]]:
    """Return which items each item has: itself, what stands in it, what is worded as it is."""
    index = eval_sets.index(evals, str(out))
    own = pa.array([item.text for item in items], pa.large_string())
    limits = leaks.limits(DecontaminateConfig())
    found: dict[int, set[int]] = {}
    nothing = np.zeros(0, np.int64)
    for at, item in eval_texts.judged(own, index, nothing, limits)[:, :2].tolist():
        found.setdefault(at, set()).add(item)
    return found


def other_hits(
    told: list[dict[str, Any]],
    before: pl.DataFrame,
    after: pl.DataFrame,
    has: dict[int, set[int]],
) -> dict[str, int]:
    """Return who has an item that nobody planted: documents, with common rows and without.

    ``natural`` of the documents as they are; ``more`` are those that had none, and have one now
    that something was planted elsewhere; ``others`` planted ones, of an item that theirs has not.
    """
    planted = {one[c.ROW] for one in told}
    pairs = {(one[c.ROW], item) for one in told for item in has.get(one["number"], ())}
    had = set(before[c.ROW].to_list())
    found: dict[str, int] = {}
    for name, hits in (("", after.filter(~pl.col(c.COMMON))), ("_with_common", after)):
        rows = set(hits.select(c.ROW, c.ITEM).iter_rows()) - pairs
        found[f"others{name}"] = len({row for row, _ in rows} & planted)
        found[f"more{name}"] = len({row for row, _ in rows} - planted - had)
    for name, hits in (("", before.filter(~pl.col(c.COMMON))), ("_with_common", before)):
        found[f"natural{name}"] = hits[c.ROW].n_unique()
    return found


def root() -> Path:
    """Return the folder of real data. Raises :class:`OpenmoatError` where it is not."""
    found = documents.data()
    if found is None or not (found / "evals").is_dir():
        raise OpenmoatError(
            "OPENMOAT_DATA",
            got=f"{found or 'nothing'}",
            wanted="the folder of real data, with its evals",
            way_out="Set it: these figures are of real documents.",
        )
    return found


def main(folder: Path, each: int, *, quick: bool) -> dict[str, Any]:
    """Run twice; return what was found."""
    data = root()
    licensed = planting.licensed(data, folder / "licensed.jsonl")
    recipe = config(sources(data, quick=quick), data, licensed)
    found, natural = run(recipe, folder / "natural")
    items = planting.items(recipe.signals, folder / "scratch")
    least = recipe.signals.eval_least_words
    changed, told = plant(hosts(found, natural), items, each, least)
    given = folder / "planted.jsonl"
    rows = found.select(c.ROW, c.SOURCE, c.TEXT)
    with given.open("w", encoding="utf-8") as out:
        for row, source, text in rows.iter_rows():
            line = {"id": row, "source": source, "text": changed.get(row, text)}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    again = {"name": "planted", "url": str(given), "source_field": "source"}
    planted, hits = run(config([again], data, licensed), folder / "planted")
    ids = dict(planted.select(c.ROW, pl.col(c.RECORD_ID).cast(pl.Int64)).iter_rows())
    hits = hits.with_columns(pl.col(c.ROW).replace_strict(ids, return_dtype=pl.Int64))
    evals = EvalIndex.model_validate(ledger.read(str(folder / "natural"), "signals").details[EVALS])
    has = related(items, evals, folder / "natural")
    sizes = found.group_by(c.SOURCE).agg(pl.len().alias("documents")).sort(c.SOURCE)
    return {
        "documents": found.height,
        "text_bytes": int(found[c.TEXT].str.len_bytes().sum()),
        "sources": dict(sizes.iter_rows()),
        "items": dict(Counter(item.eval_set for item in items)),
        "too_short": sum(item.n_words < least for item in items),
        "planted": len(told),
        "recall": judged(told, hits),
        "leaks": leaks.counts(natural),
        "hits": other_hits(told, natural, hits, has),
    }


if __name__ == "__main__":
    try:
        print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), quick=bool(sys.argv[3:]))))
    except OpenmoatError as error_:
        sys.exit(str(error_))
