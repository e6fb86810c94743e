"""An index of documents' MinHash that outlives its runs: tomorrow's documents meet yesterday's.

A folder that this package alone writes to::

    index.json              settings, layout version, and what belongs to it (schemas/index.py)
    parts/<digest>.parquet  doc_id, source, text_hash, minhash_bands, minhash_sketch
    deleted/<digest>.parquet  doc_id of what was deleted

New files are written first, under names made of their content; then ``index.json`` is replaced in
one rename. So a killed command leaves the index as it was before or as it is afterwards, never
between. What no ``index.json`` names is swept by the next command that writes; one that only reads
takes no lock and sees the index as it was when it began.

- :func:`build`, :func:`append`, :func:`delete` (:mod:`tasks.index.change`) write, one at a time.
- :func:`matches` (:mod:`tasks.index.matching`): which documents of the index are like these.
- :func:`query` (:mod:`tasks.index.asking`): the same for files as they are.
- :func:`read` and :func:`check_settings` (:mod:`tasks.index.folder`).
"""

from tasks.index.asking import Answer, query
from tasks.index.change import append, build, delete
from tasks.index.folder import check_settings, read
from tasks.index.matching import matches

__all__ = ["Answer", "append", "build", "check_settings", "delete", "matches", "query", "read"]
