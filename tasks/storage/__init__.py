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
    appending,
    beside,
    exists,
    file_digest,
    free_bytes,
    is_file,
    join,
    list_folders,
    list_names,
    name_of,
    read_bytes,
    read_model,
    remove,
    replacing,
    replacing_folder,
    stamp,
    sweep_temporaries,
    write_bytes,
    write_model,
)
from tasks.storage.open_shard import OpenShard
from tasks.storage.partial import clear as clear_downloads
from tasks.storage.shards import (
    Footer,
    ShardWriter,
    columns,
    read_batches,
    read_footer,
    read_ipc,
    read_row,
    read_shard,
    read_table,
    scan,
    streaming,
    write_ipc,
    write_table,
    writing,
)

__all__ = [
    "Digesting",
    "Footer",
    "OpenShard",
    "ShardWriter",
    "appending",
    "beside",
    "check_file",
    "check_place",
    "claimed",
    "clear_downloads",
    "columns",
    "exists",
    "file_digest",
    "free_bytes",
    "head",
    "hub",
    "is_file",
    "is_remote",
    "join",
    "laid",
    "laid_schema",
    "laying",
    "list_folders",
    "list_inputs",
    "list_names",
    "model_files",
    "name_of",
    "open_input",
    "peeked",
    "read_batches",
    "read_bytes",
    "read_footer",
    "read_ipc",
    "read_laid",
    "read_model",
    "read_row",
    "read_shard",
    "read_table",
    "remove",
    "replacing",
    "replacing_folder",
    "scan",
    "stamp",
    "streaming",
    "sweep_temporaries",
    "write_bytes",
    "write_ipc",
    "write_model",
    "write_table",
    "writing",
]
