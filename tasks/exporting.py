"""A mixture of tokens in the formats that Megatron-LM, OLMo-core and `datasets` read.

The rows are read in their order and written as they are read; for Megatron-LM, which has no masks,
they are looked through for these first. What is written appears whole under its name or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import columns as c
from schemas.errors import ConfigError
from schemas.exported import FILE, Exported, SplitSaid
from tasks import export_datasets, export_flat, reader_files, storage
from tasks.mixture import flat
from tasks.reader import Reader
from tasks.reader_files import Files

if TYPE_CHECKING:
    from schemas.export_target import Target
    from schemas.mixture import Layout

BATCH_TOKENS = 1 << 21
WEIGHTS = "Columns: weights, sources and licences; they are in the mixture, by position."
SHUFFLED = "shuffles; shares hold on the average, schedules are lost."
LOST = {
    "megatron": (
        "Masks: every token is learned.",
        f"Order: document i is row i, but Megatron-LM {SHUFFLED}",
        WEIGHTS,
    ),
    "olmo": (
        "Rows: their tokens are one run, which OLMo-core cuts anew; rows.parquet tells them apart.",
        f"Order: kept in the files, but OLMo-core {SHUFFLED}",
        WEIGHTS,
    ),
    "datasets": (
        "Columns: all but input_ids, attention_mask and labels; row i is that of position i.",
        "Order: kept in the files; a trainer keeps it only if it does not shuffle.",
    ),
}


def export(folder: str, out: str, *, to: Target, drop_masks: bool = False) -> Exported:
    """Write a mixture (of a run's folder or a mixture's) to the new folder ``out``.

    Raises :class:`ConfigError` for a mixture that has no tokens, for masks that would be lost
    without ``drop_masks``, and where ``out`` is there already.
    """
    where, manifest = reader_files.find(folder)
    layout = _with_tokens(where, reader_files.layout_of(manifest))
    if storage.exists(out):
        raise ConfigError(
            out,
            got="a file or folder that is there already",
            wanted="a name for a new folder",
            way_out="Give another --out, or remove what is there.",
        )
    splits = sorted({s.file.partition("/")[0] for s in manifest.shards if s.rows})
    if to == "megatron" and not drop_masks:
        _check_masks(where, {split: Files(where, manifest, split) for split in splits})
    with storage.replacing_folder(out) as new:
        said = {split: _written(where, split, new, to=to, layout=layout) for split in splits}
        if to == "datasets":
            export_datasets.finish(new, splits)
        exported = Exported(
            to=to,
            manifest=manifest.digest,
            tokenizer=layout.tokenizer.digest,
            dtype=_type(to, layout),
            splits=said,
            lost=LOST[to],
        )
        storage.write_model(storage.join(new, FILE), exported)
    return exported


def _written(where: str, split: str, out: str, *, to: Target, layout: Layout) -> SplitSaid:
    rows = max(1, BATCH_TOKENS // (layout.row_tokens or 1024))
    reader = Reader(where, split, columns=export_flat.COLUMNS, batch_rows=rows)
    if to == "megatron":
        return export_flat.megatron(reader, out, size=layout.tokenizer.size)
    if to == "olmo":
        return export_flat.olmo(reader, out, size=layout.tokenizer.size)
    return export_datasets.write(reader, out)


def _type(to: Target, layout: Layout) -> str:
    size = layout.tokenizer.size
    kinds = {"megatron": flat.megatron_type(size), "olmo": flat.olmo_type(size)}
    return str(kinds[to]) if to in kinds else "int32"


def _with_tokens(where: str, layout: Layout | None) -> Layout:
    if layout is None or layout.format != "tokens":
        raise ConfigError(
            where,
            got=f'a mixture with format = "{layout.format if layout else "text"}"',
            wanted='one with format = "tokens"',
            way_out='Set format = "tokens" in the recipe\'s section [mixture] and run it again.',
        )
    if layout.tokenizer.end_id is None:
        raise ConfigError(
            where,
            got="ids of a tokenizer without an end-of-text token",
            wanted="one behind each document, by which trainers tell documents apart",
            way_out="Name it in the recipe's section [tokenizer] and run it again.",
        )
    return layout


def _check_masks(where: str, splits: dict[str, Files]) -> None:
    """Refuse what cannot be said in the format, before anything is written."""
    for split, files in splits.items():
        masked = sum(export_flat.masked_rows(files, group) for group in range(files.n_groups))
        files.close()
        if masked:
            raise ConfigError(
                where,
                got=f"{masked:,} of {files.rows:,} rows of {split} with tokens that are not "
                f"learned ({c.LABELS} of -100)",
                wanted="none: Megatron-LM's format has no place for masks",
                way_out="Add --drop-masks to have every token learned, or export --to olmo.",
            )
