"""A regular grid of rows in time, and nothing on it that was not measured.

Belongs here: the value that every step reads. Rows are one minute (micro) or one UTC day (macro) apart;
a row without a measurement is NaN inside the room and becomes null at its door (`evaluate.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np

from pipeline.contracts.features_schema import FeatureRules
from pipeline.features.levels import Levels
from pipeline.tables.arrays import Floats, Ints

Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Columns on one grid; all have its length.

    Attributes:
        start_us: The first row's open `[open, open + step)`, microseconds since 1970 UTC.
        step_us: Distance of two rows.
        since: The first row of which there is a record; rows before it are no history.
        rows: So many rows at the end are asked for; those before are look-back.
        rules: The governed numbers.
        columns: Name -> values, NaN where not measured. Columns of the minute statistics have the
            prefix `ticks.`.
        levels: The traded price levels of each row.
        windows_since: Windows that end before this row are not computed. 0 where a step puts windows upon
            windows, as on days; on minutes, where none does, the first row asked for.
    """

    start_us: int
    step_us: int
    since: int
    rows: int
    rules: FeatureRules
    columns: Mapping[str, Floats]
    levels: Levels
    windows_since: int = 0
    _shared: dict[str, object] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __getitem__(self, name: str) -> Floats:
        """The column of that name over the whole grid."""
        return self.columns[name]

    def __len__(self) -> int:
        """Rows of the grid, look-back included."""
        return len(next(iter(self.columns.values())))

    def opens_us(self) -> Ints:
        """Each row's open, microseconds since 1970 UTC."""
        return self.start_us + self.step_us * np.arange(len(self), dtype=np.int64)

    def shared(self, name: str, compute: Callable[[], Shared]) -> Shared:
        """What several steps read off the same rows: computed by the first that asks for it."""
        if name not in self._shared:
            self._shared[name] = compute()
        return cast(Shared, self._shared[name])
