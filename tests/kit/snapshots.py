"""Small days made by hand, ready to be published, for every test that needs a snapshot store."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from kit.shipped import GOVERNANCE, RULES
from pipeline import storage
from pipeline.contracts import governed
from pipeline.contracts.calibration import DayFinding, Figures, LikenessFigures, changed
from pipeline.contracts.ledger import LedgerEntry, Lines
from pipeline.contracts.manifest import DayCondition, from_json
from pipeline.packs import Stored
from pipeline.publishing import datapackage, revisions
from pipeline.publishing.manifest import ManifestInput, manifest
from pipeline.publishing.seal import Draft
from pipeline.publishing.store import Store
from pipeline.tables import parquet

DAY = dt.date(2025, 1, 2)

MICRO = pa.schema(
    [
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("ret_1m", pa.float64(), metadata={"unit": "log return"}),
    ]
)
MACRO = pa.schema([pa.field("symbol", pa.string(), nullable=False), ("ema_20", pa.float64())])


def minutes(day: dt.date) -> list[dt.datetime]:
    """The 1440 open instants of a UTC day."""
    opened = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    return [opened + dt.timedelta(minutes=i) for i in range(1440)]


def bars(day: dt.date, symbol: str, price: float = 100.0) -> pa.Table:
    """A symbol's day of `bars_1m` at one price, with only the exchange of record."""
    opened = minutes(day)
    closed = [o + dt.timedelta(minutes=1) for o in opened]
    given: dict[str, Any] = {
        "symbol": [symbol] * 1440,
        "ts": closed,
        "minute_open": opened,
        "minute_close": closed,
        "available_at": closed,
        **{name: [price] * 1440 for name in ("open", "high", "low", "close", "volume")},
        **{name: [True] * 1440 for name in ("src_binance", "src_span_ok")},
        **{name: [False] * 1440 for name in ("src_atas", "is_filled")},
        "qc_flags": [0] * 1440,
    }
    wanted = RULES.schema.table("bars_1m")
    columns = [pa.array(given.get(f.name, [None] * 1440), f.type) for f in wanted]
    return pa.Table.from_arrays(columns, schema=wanted)


def micro(day: dt.date, symbol: str) -> pa.Table:
    """A symbol's day of micro features: one feature, all zero."""
    closed = [o + dt.timedelta(minutes=1) for o in minutes(day)]
    return pa.table({"symbol": [symbol] * 1440, "ts": closed, "ret_1m": [0.0] * 1440}, schema=MICRO)


def macro(symbol: str) -> pa.Table:
    """A symbol's row of macro features."""
    return pa.table({"symbol": [symbol], "ema_20": [1.0]}, schema=MACRO)


def footprint(day: dt.date, symbol: str) -> pa.Table:
    """Two price levels of the day's first minute, the higher one first."""
    wanted = RULES.schema.table("footprint")
    return pa.table(
        {
            "symbol": [symbol] * 2,
            "minute_open": minutes(day)[:1] * 2,
            "price": [101.0, 100.0],
            "buy": [1.0, 2.0],
            "sell": [0.5, None],
            "volume": [1.5, 2.0],
            "trades": [2, 1],
        },
        schema=wanted,
    )


def reject(symbol: str, line: int = 7) -> pa.Table:
    """One raw line set aside."""
    return pa.table(
        {
            "symbol": [symbol],
            "source": ["binance_1m"],
            "file": [f"binance/spot/{symbol}-1m-2025-01-02.csv"],
            "line": [line],
            "byte_offset": [420],
            "code": ["B26"],
            "reason": ["high below low"],
            "raw": ["1,2,3"],
            "raw_bytes": [5],
            "raw_sha256": ["0" * 64],
        },
        schema=RULES.schema.table("rejects"),
    )


def conditions(states: dict[str, str]) -> DayCondition:
    """The condition of a day, with a reason where a symbol is not available."""
    reason = {"code": "C12", "count": 1440, "first": None, "last": None, "note": "no ATAS data"}
    order = ["available", "degraded", "missing"]
    return from_json(
        {
            "day": max(states.values(), key=order.index),
            "symbols": {
                s: {"condition": c, "reasons": [] if c == "available" else [reason]}
                for s, c in states.items()
            },
        }
    )


def calibration(**changes: Any) -> DayFinding:
    """A calibration that needed nothing."""
    needed_nothing = DayFinding(
        status="not_needed",
        offset_minutes=0,
        skew_ms=12,
        skew_interval_ms=(5, 20),
        basis_bps_median=0.1,
        volume_unit="base",
        figures=Figures(likeness=LikenessFigures(rho=0.99)),
    )
    return changed(needed_nothing, **changes)


def ledger(symbol: str, rejected: int = 0) -> list[LedgerEntry]:
    """What was read of the symbol's one raw file."""
    lines = Lines(read=1440 + rejected, used=1440, rejected=rejected)
    name = f"binance/spot/{symbol}-1m-2025-01-02.zip"
    return [
        LedgerEntry(path=name, bytes=60_000, sha256="a" * 64, lines=lines, adapter="klines"),
    ]


def prepared(
    folder: Path, day: dt.date, states: dict[str, str], price: float, lacking: tuple[str, ...] = ()
) -> tuple[dict[str, Stored], dict[str, pa.Table]]:
    """The day's files below `folder`, and the tables in them."""
    rows = [s for s in sorted(states) if states[s] != "missing"]
    tables = {
        "bars_1m.parquet": pa.concat_tables([bars(day, s, price) for s in rows]).drop_columns(
            list(lacking)
        ),
        "features_micro.parquet": pa.concat_tables([micro(day, s) for s in rows]),
        "macro_slow.parquet": pa.concat_tables([macro(s) for s in rows]),
        "rejects.parquet": pa.concat_tables([reject(s) for s in sorted(states)]),
    }
    files = {name: folder / name for name in tables}
    for name, table in tables.items():
        parquet.write(files[name], table, group_by="symbol")
    files[datapackage.FILE] = folder / datapackage.FILE
    described = {name.removesuffix(".parquet"): table for name, table in tables.items()}
    storage.write_json(
        files[datapackage.FILE], datapackage.datapackage(day, described, RULES.schema)
    )
    for symbol in states:
        for ending in ("md", "html", "json"):
            name = f"qc/{symbol}/calibration_report.{ending}"
            files[name] = folder / name
            files[name].parent.mkdir(parents=True, exist_ok=True)
            files[name].write_text(f"report of {symbol} on {day}\n")
    return {name: Stored(path) for name, path in files.items()}, tables


def draft(
    folder: Path,
    day: dt.date = DAY,
    *,
    states: dict[str, str] | None = None,
    price: float = 100.0,
    lacking: tuple[str, ...] = (),
    **changes: Any,
) -> Draft:
    """A day ready to be published, its bars without some columns; `changes` go into the calibration."""
    states = states or {"BTCUSDT": "available"}
    files, tables = prepared(folder, day, states, price, lacking)
    given = ManifestInput(
        day=day,
        simulated=False,
        version="0.1.0",
        condition=conditions(states),
        tables=tables,
        files=files,
        calibrations={s: calibration(**changes) for s in states},
        ledgers={s: ledger(s) for s in states},
        control=RULES.control,
        contract=governed.contract(GOVERNANCE),
        code={"Assemble": "f" * 64},
    )
    return Draft(day=day, files=files, manifest=manifest(given), reason="first", run="run-1")


def settled(store: Store, day: dt.date) -> bool:
    """Whether readers get a date's current revision, and there is one."""
    sealed = revisions.current(store, day)
    return sealed is not None and store.settled(sealed)


def tree(root: Path) -> dict[str, tuple[int, ...]]:
    """Inode, size, mtime, ctime and mode of everything below a folder, itself included."""
    found = {}
    for place, folders, names in os.walk(root):
        for name in ["", *folders, *names]:
            s = os.lstat(os.path.join(place, name))
            key = os.path.relpath(os.path.join(place, name), root)
            found[key] = (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes below a folder, but of epochs, which say when they began."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.parent.name != ".epochs")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}
