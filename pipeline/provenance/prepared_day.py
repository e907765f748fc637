"""What the steps of a symbol's day left behind, read again: clean tables, ledgers, rejects, the correction.

Belongs here: finding each feed's rows in the day's own files and in its neighbours'. Which minute a row is of
is told by the function that aligns (`alignment/true_time.py`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import storage
from pipeline.alignment.merge import NO_MINUTE
from pipeline.alignment.true_time import STAMPS, true_minutes, with_moved
from pipeline.clock import iso
from pipeline.contracts import ledger
from pipeline.contracts.correction import NONE, Correction, FeedCorrection, from_json
from pipeline.contracts.ledger import LedgerEntry
from pipeline.errors import ParameterError
from pipeline.free_form import Json
from pipeline.freshness import graph
from pipeline.freshness.graph import Unit
from pipeline.provenance.raw_text import RawLines
from pipeline.settings.config import Kitchen
from pipeline.tables import parquet
from pipeline.tables.arrays import Ints


@dataclass(frozen=True, slots=True)
class Outputs:
    """What units left in the prepared folder of a configuration, read again."""

    kitchen: Kitchen

    def table(self, unit: Unit, output: str) -> pa.Table | None:
        """An output's rows; None where it was not built."""
        place = graph.stored(self.kitchen, unit, output)
        return parquet.read(place) if place.exists() else None

    def ledger(self, feed: Unit) -> list[LedgerEntry]:
        """What became of the lines of each file of a feed's day."""
        return ledger.from_json(storage.json_in(graph.stored(self.kitchen, feed, "ledger")))

    def correction(self, unit: Unit) -> Correction:
        """What a calibration says; that nothing is corrected where there is none."""
        place = graph.stored(self.kitchen, unit, "correction")
        return from_json(storage.json_in(place)) if place.exists() else NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one feed and the ledger that their `file` counts in; `minutes` as of `true_minutes`."""

    table: pa.Table
    ledger: list[LedgerEntry]
    minutes: Ints

    def path(self, row: Json) -> str:
        """The raw file of a row."""
        return str(self.ledger[row["file"]].path)

    def minute(self, at: int) -> str | None:
        """The true minute of the row at a place; None where it has none."""
        opened = int(self.minutes[at])
        return None if opened == NO_MINUTE else iso(opened)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What is prepared of a symbol's day: by feed its rows, rejects and ledger. Equal to itself alone.

    The first of a feed's `rows` are those of the day's own files, the others the day's in its neighbours'.
    """

    kitchen: Kitchen
    symbol: str
    day: dt.date
    rows: dict[str, list[Rows]]
    rejects: dict[str, pa.Table]
    correction: Correction
    bars: pa.Table | None

    @property
    def ledgers(self) -> dict[str, list[LedgerEntry]]:
        """Feed -> the ledger of the day's own files."""
        return {feed: rows[0].ledger for feed, rows in self.rows.items()}

    @property
    def raw(self) -> RawLines:
        """The raw text behind it."""
        return RawLines(self.kitchen.raw, self.kitchen.limits)

    def found(self, feed: str) -> FeedCorrection | None:
        """What the correction says of a feed; None where it says nothing."""
        return self.correction.feeds.get(feed)


def prepared(kitchen: Kitchen, symbol: str, day: dt.date) -> Prepared:
    """Reads it.

    Raises:
        ParameterError: the symbol is not configured, or nothing of the day was built.
    """
    kitchen.symbol(symbol)
    outputs, calibration = Outputs(kitchen), Unit("Calibration", day, symbol)
    units = (edge.unit for edge in graph.edges(kitchen, Unit("Verdict", day, symbol)))
    feeds = {str(unit.source): unit for unit in units if unit.stage == "CleanFeed"}
    built = {feed: outputs.table(unit, "clean") for feed, unit in feeds.items()}
    built = {feed: rows for feed, rows in built.items() if rows is not None}
    if not built:
        raise ParameterError(
            f"{symbol} {day}: nothing of it is built in {kitchen.prepared}; run"
            f" luigi --module pipeline Snapshot --date {day}"
        )
    correction, moved = outputs.correction(calibration), _moved(outputs, calibration)
    return Prepared(
        kitchen=kitchen,
        symbol=symbol,
        day=day,
        rows={
            feed: _rows(outputs, feeds[feed], rows, moved.get(feed), correction)
            for feed, rows in built.items()
        },
        rejects={feed: outputs.table(feeds[feed], "rejects") for feed in built},
        correction=correction,
        bars=outputs.table(Unit("AlignedBars", day, symbol), "bars_1m"),
    )


def _rows(
    outputs: Outputs, unit: Unit, rows: pa.Table, moved: pa.Table | None, correction: Correction
) -> list[Rows]:
    """The feed's rows, by the day whose files they lie in: the day itself, the one before, the one after."""
    feed = str(unit.source)
    if moved is None:
        minutes = true_minutes(rows, feed, correction)
        return [Rows(table=rows, ledger=outputs.ledger(unit), minutes=minutes)]
    # All together, as they were aligned: where runs are cut, and how they count, depends on all.
    own = rows.append_column("step", pa.repeat(0, rows.num_rows))
    rows = with_moved(own, moved.append_column("step", _steps(outputs, unit, moved)))
    minutes, steps = true_minutes(rows, feed, correction), rows["step"].to_numpy()
    rows = rows.drop_columns(["step"])
    return [
        Rows(
            table=rows.filter(pa.array(steps == step)),
            ledger=outputs.ledger(_days_away(unit, step)),
            minutes=minutes[steps == step],
        )
        for step in (0, -1, 1)
        if step in (0, *steps)
    ]


def _steps(outputs: Outputs, unit: Unit, moved: pa.Table) -> pa.Array:
    """How many days from its own the files of each moved row lie; 2 where they are gone."""
    found: dict[tuple[int, int, int], int] = {}
    for step in (-1, 1):
        rows = outputs.table(_days_away(unit, step), "clean")
        if rows is not None:
            found |= dict.fromkeys(_keys(rows, unit), step)
    return pa.array([found.get(key, 2) for key in _keys(moved, unit)], pa.int64())


def _days_away(unit: Unit, step: int) -> Unit:
    return replace(unit, day=unit.day + dt.timedelta(days=step))


def _moved(outputs: Outputs, calibration: Unit) -> dict[str, pa.Table]:
    """Feed -> the day's rows that lie in a neighbour's files."""
    found = {}
    bars, ticks = (outputs.table(calibration, name) for name in ("moved_bars", "moved_ticks"))
    if bars is not None and bars.num_rows:
        for feed in pc.unique(bars["feed"]).to_pylist():
            found[feed] = bars.filter(pc.equal(bars["feed"], feed)).drop_columns(["feed"])
    if ticks is not None and ticks.num_rows:
        found["atas_ticks"] = ticks
    return found


def _keys(table: pa.Table, unit: Unit) -> list[tuple[int, int, int]]:
    """What tells a row of a clean table from all others: its file, its line, its stamp."""
    stamps = table[STAMPS.get(str(unit.source), "stamp")].cast(pa.int64())
    columns = (table["file"], table["line"], stamps)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
