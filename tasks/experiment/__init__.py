"""The experiment on forgetting: a small model learns old text, then new, with replay and without.

1. :mod:`~tasks.experiment.settings`: what is old and new; :mod:`~tasks.experiment.arms`.
2. :mod:`~tasks.experiment.dealing`: documents dealt out to parts that have nothing in common.
3. :mod:`~tasks.experiment.basing`: the tokenizer and the first training, on old text.
4. :mod:`~tasks.experiment.shards`: replay from an open pool, in a process that is given the
   checkpoint, the tokenizer and the public card, and no place of old text.
5. :mod:`~tasks.experiment.running`: the second training of an arm, and its losses.
6. :mod:`~tasks.experiment.figures`: forgetting removed, recovery, and whether they may be printed.

Each of 2 to 5 is a process of one thread (:mod:`~tasks.experiment.process`) that writes a folder
and is not run again where that is there. They meet in files: nothing else passes between them.
"""
