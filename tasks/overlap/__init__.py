"""Near-duplicates between sets: a replay pool, new data, evals, instruction rows, in one call.

- :func:`overlap` (:mod:`tasks.overlap.pairing`): of measured documents.
- :func:`of_files` (:mod:`tasks.overlap.asking`): of files as they are.
"""

from tasks.overlap.asking import Answer, Question, of_files
from tasks.overlap.pairing import MATCHES, How, overlap

__all__ = ["MATCHES", "Answer", "How", "Question", "of_files", "overlap"]
