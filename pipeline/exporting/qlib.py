"""qlib: calendars, instruments and a file of 32-bit floats a symbol and field.

A bar is named by its open, as qlib's own minutes of a trading day are (09:30 to 14:59); what it says is
known a bar later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, MINUTE_US, day_open_us, iso
from pipeline.contracts.value import changed
from pipeline.exporting.chosen import Chosen
from pipeline.exporting.folder import Draft
from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import VALUES, Tool, Work, measured
from pipeline.reader.resampling import minutes_of
from pipeline.tables import arrays
from pipeline.tables.arrays import Ints

FIELDS = (*VALUES, "quote_volume", "trades", "taker_buy_volume", "delta")


def _freq(every: str) -> str:
    """`1min`, `60min`, `day`."""
    return "day" if every == "1d" else f"{minutes_of(every)}min"


def _dates(chosen: Chosen) -> list[dt.date]:
    """Those on which any symbol has bars: the calendar's."""
    return [day.day for day in chosen.days if any(chosen.has(day, name) for name in chosen.symbols)]


def _calendar(chosen: Chosen) -> Ints:
    """The open of every bar of the calendar's dates, in us."""
    opened = np.array([day_open_us(date) for date in _dates(chosen)], dtype=np.int64)
    within = np.arange(0, DAY_US, minutes_of(chosen.every) * MINUTE_US)
    return (opened[:, None] + within[None, :]).ravel()


def _bars(work: Work) -> SymbolEntry:
    rows = work.chosen.bars(work.symbol, FIELDS)
    entry = changed(work.bars_entry(rows, "minute_open"), not_measured=measured(rows)[1])
    if not rows.num_rows:
        return entry
    places = np.searchsorted(_calendar(work.chosen), arrays.ints(rows["minute_open"]))
    for field in FIELDS:
        _write(work, field, places, rows[field])
    _write(work, "factor", places, pa.array(np.ones(rows.num_rows)))
    return entry


def _write(work: Work, field: str, places: Ints, column: pa.ChunkedArray) -> None:
    """The place of the first bar in the calendar, then the values; NaN is not measured."""
    first = int(places[0])
    values = np.full(int(places[-1]) - first + 2, np.nan, dtype="<f4")
    values[0] = first
    values[places - first + 1] = arrays.floats(column)
    name = f"features/{work.name.lower()}/{field}.{_freq(work.chosen.every)}.bin"
    with work.draft.file(name, len(places)) as handle:
        handle.write(values.tobytes())


def _together(chosen: Chosen, draft: Draft, names: Mapping[str, str]) -> None:
    stamps = [_stamp(chosen, int(opened)) for opened in _calendar(chosen)]
    freq = _freq(chosen.every)
    lines = [
        f"{name}\t{_stamp(chosen, first)}\t{_stamp(chosen, last)}"
        for symbol, name in names.items()
        for first, last in _spans(chosen, symbol)
    ]
    for path, text in ((f"calendars/{freq}.txt", stamps), ("instruments/all.txt", lines)):
        with draft.file(path, len(text)) as handle:
            handle.write("".join(f"{line}\n" for line in text).encode())


def _spans(chosen: Chosen, symbol: str) -> Iterator[tuple[int, int]]:
    """Opens of the first and last bar of each run of calendar dates on which a symbol has bars."""
    there = {day.day for day in chosen.days if chosen.has(day, symbol)}
    last = DAY_US - minutes_of(chosen.every) * MINUTE_US
    begun: int | None = None
    dates = _dates(chosen)
    for date, following in zip(dates, [*dates[1:], None], strict=True):
        if date not in there:
            continue
        begun = day_open_us(date) if begun is None else begun
        if following not in there:
            yield begun, day_open_us(date) + last
            begun = None


def _stamp(chosen: Chosen, opened_us: int) -> str:
    text = iso(opened_us).removesuffix("Z").replace("T", " ")
    return text[:10] if chosen.every == "1d" else text


TOOL = Tool(
    name="qlib",
    columns={
        "datetime": "minute_open, the bar's open",
        **{name: f"{name}, as float32" for name in FIELDS},
        "factor": "1: nothing is adjusted",
    },
    bars=_bars,
    together=_together,
)
