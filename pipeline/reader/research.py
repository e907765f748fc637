"""A store of snapshots as an object: what there is, and rows as a researcher wants them.

Belongs here: choosing, joining and shaping what `load` gives, which verifies it. `load` itself is
`loading.py`; longer bars are `resampling.py`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa

from pipeline.clock import from_to
from pipeline.errors import ParameterError
from pipeline.reader import described, loading, notebook
from pipeline.reader.arguments import CONDITIONS, allowed, date_of, instant_of, names_of
from pipeline.reader.described import FEATURE_TABLES, Feature, near
from pipeline.reader.loading import load
from pipeline.reader.place import store_at
from pipeline.reader.published_day import Snapshot
from pipeline.reader.resampling import minutes_of, resample
from pipeline.reader.shaping import Form, beside, panel_of, shaped, with_keys

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Day = dt.date | str
BARS = "bars_1m"

_SHOWN = 7
"""So many dates are in the table of a notebook."""


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """A store of snapshots, as it was known at an instant.

    Args:
        root: The store: a folder, or an address; None for the configured one.
        as_of: What was published at that instant; None: what is published now.
        allow: Conditions of symbol-days that are accepted, as `load` has it: `available`, `degraded`,
            `missing`, and `pending` for dates that are not published. A day of another is refused by name.
    """

    root: Path | str | None = None
    as_of: dt.datetime | str | None = None
    allow: Sequence[str] = ("available",)

    def __post_init__(self) -> None:
        """Refuses what could not be read later; a store at an address is looked at when it is read."""
        allowed(self.allow)
        if self.as_of is not None:
            instant_of(self.as_of)
        if self.root is not None:
            store_at(self.root)

    # What there is.

    def days(self) -> list[dt.date]:
        """Every published date, ascending; of those that were published at `as_of`."""
        return loading.days(self.as_of, self.root)

    def symbols(self) -> list[str]:
        """Every symbol of the newest published date, by name."""
        newest = self.days()[-1:]
        return (
            sorted(set(self.conditions(newest[0], newest[0])["symbol"].to_pylist()))
            if newest
            else []
        )

    def conditions(self, start: Day, end: Day) -> pa.Table:
        """The condition of every symbol on every published date of `[start, end]`, both included.

        Returns:
            `date`, `symbol`, `condition`, `codes` (those of its reasons): by date and symbol.
        """
        return loading.conditions(start, end, self.as_of, self.root)

    def features(self) -> list[Feature]:
        """What every published feature is, in the order of the columns."""
        return list(described.features().values())

    def feature(self, name: str) -> Feature:
        """What a feature is.

        Raises:
            ParameterError: there is no such feature; says which are near.
        """
        known = described.features()
        if name in known:
            return known[name]
        if name in described.columns(BARS).names:
            raise ParameterError(f"{name!r} is no feature but a column: columns=[{name!r}]")
        raise ParameterError(f"{name!r} is no feature; {near(name, list(known))}")

    def flags(self, mask: int) -> list[str]:
        """The names of the flags in a value of `qc_flags`, each with its code: `kline_missing (B12)`."""
        return [f"{it['name']} ({it['code']})" for it in described.flags() if mask >> it["bit"] & 1]

    def snapshot(self, date: Day) -> Snapshot:
        """One published date."""
        return Snapshot(self, date_of(date))

    # Rows.

    @overload
    def bars(
        self,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None = ...,
        *,
        columns: Sequence[str] | None = ...,
        features: Sequence[str] = ...,
        every: str = ...,
        form: Literal["arrow"] = ...,
    ) -> pa.Table: ...
    @overload
    def bars(
        self,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None = ...,
        *,
        columns: Sequence[str] | None = ...,
        features: Sequence[str] = ...,
        every: str = ...,
        form: Literal["pandas"],
    ) -> pd.DataFrame: ...
    @overload
    def bars(
        self,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None = ...,
        *,
        columns: Sequence[str] | None = ...,
        features: Sequence[str] = ...,
        every: str = ...,
        form: Literal["polars"],
    ) -> pl.DataFrame: ...

    def bars(
        self,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        features: Sequence[str] = (),
        every: str = "1m",
        form: Form = "arrow",
    ) -> Any:
        """Bars of each date of `[start, end]`, both included, with chosen features beside them.

        Args:
            start: First UTC date; a date or `YYYY-MM-DD`.
            end: Last one.
            symbols: Only these, or this one; None means all.
            columns: Only these of the bars, or this one, beside `symbol`, `ts`, `available_at` and
                `minute_open`; None means all.
            features: Names of features, of minutes or of days; a day's value stands in each of its minutes.
            every: `1m`, or longer bars: see `resample`.
            form: `arrow`, `pandas` or `polars`.

        Returns:
            By symbol and `ts`, the close of the bar. A row may be used from its `available_at` on. Null means
            not measured.

        Raises:
            ParameterError: an argument is wrong; names what is near.
            RefusedError: symbol-days whose condition is not allowed; names them.
            SnapshotCorruptError: bytes differ from their manifest.
        """
        minutes = minutes_of(every)
        wanted = None if columns is None else with_keys(columns)
        for name in wanted or ():
            if name in described.features() and name not in described.columns(BARS).names:
                raise ParameterError(f"{name!r} is no column but a feature: features=[{name!r}]")
        chosen = [self.feature(name) for name in dict.fromkeys(names_of(features, "features"))]
        table = self._load(BARS, start, end, symbols, wanted)
        table = table.sort_by([("symbol", "ascending"), ("ts", "ascending")])
        for source, dataset in FEATURE_TABLES.items():
            # delta and basis_bps are of the bars too, to the same values.
            there = table.column_names
            names = [it.name for it in chosen if it.table == source and it.name not in there]
            if names:
                keys = ["symbol", "ts"] if source == "micro" else ["symbol", "day"]
                rows = self._load(dataset, start, end, symbols, [*keys, *names])
                table = beside(table, rows, names, daily=source == "macro")
        if minutes > 1:
            table = resample(table, every)
        return shaped(table, form)

    def panel(
        self,
        column: str,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None = None,
        *,
        every: str = "1m",
        form: Form = "pandas",
    ) -> Any:
        """One column of bars, or one feature, as a panel: a row a `ts`, a column a symbol.

        Args:
            column: A column of the bars, or a feature. `cvd` begins anew at 00:00 UTC.
            start: First UTC date.
            end: Last one, included.
            symbols: Only these; None means all.
            every: As in `bars`.
            form: `pandas` has `ts` as its index; the others as their first column.

        Raises:
            ParameterError, RefusedError, SnapshotCorruptError: as `bars`.
        """
        # A name of both is the bars': of longer ones delta is the sum, the feature that of the last minute.
        is_feature = column in described.features() and column not in described.columns(BARS).names
        rows = self.bars(
            start,
            end,
            symbols,
            columns=[] if is_feature else [column],
            features=[column] if is_feature else (),
            every=every,
        )
        table = panel_of(rows, column)
        made = shaped(table, form)
        return made.set_index("ts") if form == "pandas" else made

    def __repr__(self) -> str:
        """What it is, in one line."""
        return f"<{self._line(self.days())}>"

    def _repr_html_(self) -> str:
        """For notebooks: the line, and how many symbols are in which condition on the newest dates."""
        days = self.days()
        newest = days[: -_SHOWN - 1 : -1]
        rows = self.conditions(newest[-1], newest[0]).to_pylist() if newest else []
        counts = {
            day: Counter(it["condition"] for it in rows if it["date"] == day) for day in newest
        }
        head = ["date", *(it for it in CONDITIONS if any(counts[day][it] for day in newest))]
        shown = [[day, *(counts[day][it] for it in head[1:])] for day in newest]
        return notebook.table(self._line(days), head, shown, len(days) - len(newest))

    def _line(self, days: Sequence[dt.date]) -> str:
        count = f"{len(days)} day{'s' if len(days) > 1 else ''}"
        known = f", as of {self.as_of}" if self.as_of is not None else ""
        there = f"{count}, {from_to(days[0], days[-1])}" if days else "no day"
        return f"Snapshots {store_at(self.root).name}: {there}{known}"

    def _load(
        self,
        dataset: str,
        start: Day,
        end: Day,
        symbols: Sequence[str] | None,
        columns: Sequence[str] | None,
    ) -> pa.Table:
        return load(dataset, start, end, symbols, self.as_of, columns, self.allow, self.root)


def open_snapshots(
    root: Path | str | None = None,
    *,
    as_of: dt.datetime | str | None = None,
    allow: Sequence[str] = ("available",),
) -> Snapshots:
    """A store of snapshots.

    Args:
        root: A folder, or an address such as `s3://bucket/kitchen`; None for the configured one.
        as_of: An aware instant, or ISO text with a zone: everything as it was published then.
        allow: Conditions of symbol-days that are accepted, as `load` has it: `available`, `degraded`,
            `missing`, and `pending` for dates that are not published.

    Raises:
        ParameterError: the folder is not there, or holds no store; names a store that is near.

    Example:
        >>> store = open_snapshots("snapshots")
        >>> cvd = store.panel("cvd", "2025-01-02", "2025-01-31", every="5m")
    """
    return Snapshots(root=root, as_of=as_of, allow=allowed(allow))
