"""Is an output still true? Receipts, fingerprints, and the reason when it is not.

Belongs here: which unit of work reads which (`graph`), what a result depended on (`fingerprint`,
`code`), the record of it (`receipt`), and the comparison (`check`). Standard library only: a run that
has nothing to do must stay light. Running anything is `tasks/`.
"""
