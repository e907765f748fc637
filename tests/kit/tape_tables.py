"""Small test tables: real tapes and klines read with the standard library, and tapes made by hand."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from kit.shipped import RULES

SIGN = {"buy": 1, "sell": -1}


def instant_us(text: str) -> int:
    """A .NET "O" stamp in us, by the standard library."""
    moment = dt.datetime.fromisoformat(text[:26] + "+00:00")
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def tape_table(rows: list[dict[str, Any]]) -> pa.Table:
    """A `clean_ticks` table; columns that a row does not name are null."""
    filled = [{"file": 0, "line": number, **row} for number, row in enumerate(rows, 1)]
    schema = RULES.schema.table("clean_ticks")
    return pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in filled], schema)


def trade(at_us: int, price: float, qty: float, side: int | None = 1) -> dict[str, Any]:
    """One trade, `at_us` microseconds after 2025-01-02 00:00 UTC."""
    return {"ts": 1_735_776_000_000_000 + at_us, "price": price, "qty": qty, "side": side}


def real_tape(folder: Path) -> pa.Table:
    """Every `ticks.jsonl` below a folder, in path order, as `clean_ticks`."""
    rows = []
    for path in sorted(folder.glob("**/ticks.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            names = ("price", "qty", "best_bid", "best_ask", "trade_id")
            rows.append(
                {
                    "ts": instant_us(raw["ts"]),
                    "side": SIGN[raw["side"]],
                    **{name: raw.get(name) for name in names},
                }
            )
    return tape_table(rows)


def real_bars(path: Path) -> list[dict[str, Any]]:
    """Finished bars of a Bar1mExporter file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def archive_klines(path: Path) -> dict[int, tuple[float, ...]]:
    """minute_open in us -> (open, high, low, close, volume, trades, taker buy volume), traded only."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    rows = [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]
    picked = ((int(row[0]) * 1000, [float(row[i]) for i in (1, 2, 3, 4, 5, 8, 9)]) for row in rows)
    return {open_us: tuple(values) for open_us, values in picked if values[4] > 0}
