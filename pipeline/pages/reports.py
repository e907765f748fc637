"""What pages ask of a published report, as typed values.

Belongs here: finding and reading it. A page may read thousands: what no page shows is not decoded, and one
that is damaged or of another form is as one that says nothing.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from pipeline.errors import SnapshotCorruptError
from pipeline.publishing.store import Store

NAME = "calibration_report"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of the header; None of what was not measured."""

    binance_coverage: float | None = None
    atas_coverage: float | None = None
    offset_minutes: float | None = None
    skew_ms: float | None = None
    basis_bps_median: float | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Its figures."""

    figures: Figures = Figures()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check, its value, and whether it held; None where the day offered nothing to measure."""

    name: str
    measured: float | None = None
    passed: bool | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a raw path of a feed."""

    source: str
    read: int
    rejected: int


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """A minute in which the feeds' prices lie far from each other, and how far."""

    minute_open: str
    distance_bps: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol's day, by its report."""

    header: Header = Header()
    checks: tuple[Check, ...] = ()
    conservation: tuple[Account, ...] = ()
    worst_minutes: tuple[Apart, ...] = ()


def report_file(
    store: Store, day: dt.date, revision: int, symbol: str, ending: str = "json"
) -> Path | None:
    """Where a report of a revision lies on this machine; None where it cannot be had."""
    name = f"qc/{symbol}/{NAME}.{ending}"
    try:
        return store.fetch(day, revision, [name]) / name
    except SnapshotCorruptError:
        return None


def report(store: Store, day: dt.date, revision: int, symbol: str) -> Report:
    """The report of a symbol's day as published; one that says nothing where it has none."""
    path = report_file(store, day, revision, symbol)
    try:
        return Report() if path is None else msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, ValueError, msgspec.MsgspecError):
        return Report()
