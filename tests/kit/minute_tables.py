"""Small test tables: real klines and bar exports read with the standard library, and shifted ones.

Lines of one minute within one run are merged here by hand, after the exporter's documented behaviour:
the last line's values, increments added as decimals, and a stamp stepping back begins a new run.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kit.shipped import RULES

MINUTE = 60_000_000
KEPT = (
    *("open", "high", "low", "close", "volume", "cvd", "poc", "bar_vpo_price", "bar_vpo_vol"),
    *("bar_vpo_loc", "bar_vpo_side"),
)


def day_us(day: str) -> int:
    """00:00 UTC in us."""
    return int(dt.datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()) * 1_000_000


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """A table of the schema; columns that a row does not name are null."""
    schema = RULES.schema.table(name)
    return pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in rows], schema)


def kline_table(path: Path) -> pa.Table:
    """A Binance archive as `clean_klines`."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    rows = [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]
    names = ("open", "high", "low", "close", "volume")
    return table(
        "clean_klines",
        [
            {
                "minute_open": int(row[0]) * (1 if len(row[0]) == 16 else 1000),
                **{n: float(v) for n, v in zip(names, row[1:6], strict=True)},
                "quote_volume": float(row[7]),
                "trades": int(row[8]),
                "taker_buy_volume": float(row[9]),
                "file": 0,
                "line": number,
                "flags": 0,
            }
            for number, row in enumerate(rows, 1)
        ],
    )


def stamp_us(text: str) -> int:
    """A .NET "O" stamp on a whole second, in us."""
    return int(dt.datetime.fromisoformat(text[:19] + "+00:00").timestamp()) * 1_000_000


def bar_table(path: Path) -> pa.Table:
    """A bar export as `clean_bars`."""
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    return bars_of_lines([(stamp_us(raw["timestamp_utc"]), raw) for raw in lines])


def bars_of_lines(lines: list[tuple[int, dict[str, Any]]]) -> pa.Table:
    """Lines (stamp, fields) in file order as `clean_bars`."""
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    run, last = 0, None
    for number, (stamp, raw) in enumerate(lines, 1):
        run += last is not None and stamp < last
        last = stamp
        row = rows.setdefault((run, stamp), {"run": run, "stamp": stamp, "lines": 0, "flags": 0})
        row.update(
            {n.replace("cvd", "cvd_export"): raw[n] for n in KEPT if raw.get(n) not in (None, "")}
        )
        row.update({"file": 0, "line": number, "lines": row["lines"] + 1})
        for side in ("vbuy", "vsell"):
            if side in raw:
                row[side] = row.get(side, Decimal(0)) + Decimal(str(raw[side]))
    for row in rows.values():
        row.update({n: float(row[n]) for n in ("vbuy", "vsell") if n in row})
    return table("clean_bars", list(rows.values()))


def shifted(bars: pa.Table, minutes: int, rows: slice | None = None) -> pa.Table:
    """The bars with stamps moved by so many minutes."""
    stamp = bars["stamp"].cast(pa.int64()).to_numpy() + minutes * MINUTE
    moved = pa.array(stamp, pa.timestamp("us", tz="UTC"))
    return bars.set_column(bars.column_names.index("stamp"), bars.schema.field("stamp"), moved)


def replaced(rows: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with one column's values replaced."""
    field = rows.schema.field(name)
    column = pa.array(values, field.type) if not isinstance(values, pa.ChunkedArray) else values
    return rows.set_column(rows.column_names.index(name), field, column)


def traded(klines: pa.Table) -> pa.Table:
    """Minutes with a trade."""
    return klines.filter(pc.greater(klines["volume"], 0.0))


def bars_of_klines(klines: pa.Table) -> pa.Table:
    """What ATAS would have exported of the traded minutes, stamped with the open."""
    rows = []
    for number, k in enumerate(traded(klines).to_pylist(), 1):
        prices = {n: k[n] for n in ("open", "high", "low", "close", "volume")}
        rows.append(
            {
                "run": 0,
                "stamp": k["minute_open"],
                "lines": 1,
                "file": 0,
                "line": number,
                "flags": 0,
                **prices,
                "vbuy": k["taker_buy_volume"],
                "vsell": float(Decimal(str(k["volume"])) - Decimal(str(k["taker_buy_volume"]))),
            }
        )
    return table("clean_bars", rows)
