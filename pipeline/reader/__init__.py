"""Reading snapshots: verified tables, what was known when, and trailing standardisation.

`load` gives rows as an Arrow table, `files` and `scan` the same for tools that read lazily, `urls` where they
lie; `known_at` and `trailing_zscore` keep the future out of what is made of them. `open_snapshots` gives a
store as an object: what is there, bars with features beside them, panels, longer bars. A guide is in
`docs/reading.md`.
"""

from pipeline.reader.loading import CONDITIONS, DATASETS, files, load, scan, urls
from pipeline.reader.resampling import resample
from pipeline.reader.research import Snapshots, open_snapshots
from pipeline.reader.trailing import known_at, trailing_zscore

__all__ = [
    "CONDITIONS",
    "DATASETS",
    "Snapshots",
    "files",
    "known_at",
    "load",
    "open_snapshots",
    "resample",
    "scan",
    "trailing_zscore",
    "urls",
]
