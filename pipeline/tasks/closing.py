"""What is said of a date once it is published: its condition, what is remarkable, and where to look at it.

Standard library alone, and no report is opened by a run with nothing to do, which stays light.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from urllib.parse import quote

from pipeline import layout, storage
from pipeline.free_form import Json
from pipeline.plain_text import plain
from pipeline.publishing import sums
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import Store
from pipeline.settings.config import Kitchen

_AT_MOST = 10
"""So many symbols that are available are told with what was noted of them."""


def lines(kitchen: Kitchen, day: dt.date, how_long: str, *, noted: bool) -> list[str]:
    """Of the date's current revision.

    Args:
        kitchen: The configuration.
        day: The date.
        how_long: It took.
        noted: Whether notes of available symbols are told, which opens each symbol's report.
    """
    store = open_store(kitchen.snapshots)
    number, manifest = _published(store, day)
    rows = manifest["files"]["bars_1m.parquet"]["rows"]
    simulated = " of simulated data" if manifest["simulated"] else ""
    symbols = manifest["condition"]["symbols"]
    notes = list(_notes(store, day, number, manifest)) if noted else []
    more = len(notes) - _AT_MOST
    return [
        f"Snapshot {day} r{number}: {_condition(manifest['condition'])},"
        f" {rows} rows{simulated}, {how_long}",
        *_reasons(kitchen, day, symbols),
        *notes[:_AT_MOST],
        *([f"  {more} more symbols have notes, which their reports tell"] if more > 0 else []),
        f"  folder  {store.address(day)}",
        *_looked_at(kitchen, store, day, manifest),
        f'  open    {sys.executable} -c "{store.opens(day)}"',
    ]


def looked_at(kitchen: Kitchen, day: dt.date) -> list[str]:
    """The report of the date's gravest symbol, and the command that shows its day; none without a report."""
    store = open_store(kitchen.snapshots)
    return _looked_at(kitchen, store, day, _published(store, day)[1])


def _looked_at(kitchen: Kitchen, store: Store, day: dt.date, manifest: Json) -> list[str]:
    symbols = manifest["condition"]["symbols"]
    names = sorted(symbols, key=lambda name: (symbols[name]["condition"] != "degraded", name))
    name = next((name for name in names if _file(name, "html") in manifest["files"]), None)
    if name is None:
        return []
    return [
        f"  report  {_report(kitchen, store, day, name)}",
        f"  look    kitchen show {day} {name} --open",
    ]


def report(kitchen: Kitchen, day: dt.date, symbol: str) -> str:
    """Where a symbol's report is: on the web server that is configured, else its path."""
    return _report(kitchen, open_store(kitchen.snapshots), day, symbol)


def _report(kitchen: Kitchen, store: Store, day: dt.date, symbol: str) -> str:
    base = kitchen.operations.alerts.reports
    if base:
        return f"{base.rstrip('/')}/{day}/{quote(_file(symbol, 'html'))}"
    return f"{store.address(day)}/{_file(symbol, 'html')}"


def _published(store: Store, day: dt.date) -> tuple[int, Json]:
    """The current revision's number and manifest, that as plain JSON: a run with nothing to do is light."""
    number = store.named_revision(day) or 0
    manifest: Json = storage.read_json(store.fetch(day, number, [sums.MANIFEST]) / sums.MANIFEST)
    return number, manifest


def _file(symbol: str, form: str) -> str:
    return f"qc/{symbol}/calibration_report.{form}"


def _condition(condition: Json) -> str:
    """`available, 2 symbols`, or how many of them are missing."""
    count = len(condition["symbols"])
    absent = sum(entry["condition"] == "missing" for entry in condition["symbols"].values())
    if absent:
        return f"{absent} of {count} symbols missing"
    return f"{condition['day']}, {count} symbol{'s' * (count != 1)}"


def _reasons(kitchen: Kitchen, day: dt.date, symbols: Json) -> Iterator[str]:
    """A line for each symbol that is not available, with its reasons."""
    for name, entry in symbols.items():
        if entry["condition"] != "available":
            told = _told(name, f"is {entry['condition']}", entry["reasons"])
            yield told + (ended(kitchen, name, day) if entry["condition"] == "missing" else "")


def ended(kitchen: Kitchen, symbol: str, day: dt.date) -> str:
    """To end a sentence with, where a symbol's klines end before the day before a date; else empty."""
    it = kitchen.symbols.get(symbol)
    last = max(layout.raw_days(kitchen, it, "binance_1m"), default=None) if it else None
    if last is None or last >= day - dt.timedelta(days=1):
        return ""
    return (
        f"; its klines end with {last}: if the symbol has ended, set symbols.{symbol}.until: {last} in"
        f" {kitchen.file}"
    )


def _notes(store: Store, day: dt.date, number: int, manifest: Json) -> Iterator[str]:
    """A line for each symbol that is available, but not without a note."""
    symbols = manifest["condition"]["symbols"]
    names = [name for name, entry in symbols.items() if entry["condition"] == "available"]
    folder = store.fetch(day, number, [_file(name, "json") for name in names])
    for name in names:
        said = storage.read_object(folder / _file(name, "json")).get("verdict", {})
        if said.get("notes"):
            basis = manifest["calibration"].get(name, {}).get("basis_bps_median")
            yield _told(name, "has a note", said["notes"], basis)


def _told(name: str, what: str, reasons: list[Json], basis_bps: float | None = None) -> str:
    told = "; ".join(
        f"{reason['code']} {reason['note']}"
        + (f", median basis {basis_bps:+.1f} bps" if reason["code"] == "C01" and basis_bps else "")
        for reason in reasons
    )
    return f"  {name} {what}: {plain(told)}"
