"""The only room that opens, writes, renames, lists or removes files.

Locations are URL strings: local paths and ``https://``. Nothing else knows how to reach them.
"""

from tasks.storage import hub
from tasks.storage.claim import check_file, claimed
from tasks.storage.download import is_remote
from tasks.storage.head import head
from tasks.storage.hub_models import model_files
from tasks.storage.inputs import Digesting, check_place, list_inputs, open_input, peeked
from tasks.storage.laid import laid, laid_schema, laying, read_laid
from tasks.storage.local import (
    beside,
    exists,
    free_bytes,
    is_file,
    join,
    list_names,
    name_of,
    read_bytes,
    read_model,
    remove,
    replacing,
    stamp,
    sweep_temporaries,
    write_bytes,
    write_model,
)
from tasks.storage.partial import clear as clear_downloads
from tasks.storage.shards import (
    ShardWriter,
    read_batches,
    read_ipc,
    read_row,
    read_shard,
    read_table,
    scan,
    write_ipc,
    write_table,
    writing,
)

__all__ = [
    "Digesting",
    "ShardWriter",
    "beside",
    "check_file",
    "check_place",
    "claimed",
    "clear_downloads",
    "exists",
    "free_bytes",
    "head",
    "hub",
    "is_file",
    "is_remote",
    "join",
    "laid",
    "laid_schema",
    "laying",
    "list_inputs",
    "list_names",
    "model_files",
    "name_of",
    "open_input",
    "peeked",
    "read_batches",
    "read_bytes",
    "read_ipc",
    "read_laid",
    "read_model",
    "read_row",
    "read_shard",
    "read_table",
    "remove",
    "replacing",
    "scan",
    "stamp",
    "sweep_temporaries",
    "write_bytes",
    "write_ipc",
    "write_model",
    "write_table",
    "writing",
]
