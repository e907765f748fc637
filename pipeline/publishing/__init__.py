"""From a day's outputs to a sealed snapshot: assemble, describe, publish, verify.

Belongs here: everything that writes or checks `snapshots/`. What a table holds is decided before; how a
snapshot is read is `reader.py`. Nothing here needs a scheduler or a lock to be safe: the claim of a
revision is (`claim.py`).
"""
