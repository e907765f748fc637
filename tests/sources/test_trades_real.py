"""The exchange's real trades against its klines, in integers, and against the ticks that ATAS recorded."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kit.shipped import RULES
from pipeline.bars.footprint import footprint
from pipeline.contracts.ledger import Lines
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed

pytestmark = pytest.mark.real

XRPETH = "xrpeth-2019-10"
DAYS = [("2019-10-11", 1022, 5929), ("2019-10-12", 973, 4134)]
KINDS = {"binance_trades": "trades", "binance_agg_trades": "aggTrades"}


def read(root: Path, pattern: str, **feed: Any) -> CleanFeed:
    """The feed of the files that a pattern finds."""
    files = [RawPath(p, p.relative_to(root).as_posix(), 0) for p in sorted(root.glob(pattern))]
    assert files, pattern
    values = {"market": "spot", **feed, "day": dt.date.fromisoformat(feed["day"])}
    return read_feed(Feed(vendor_symbol=feed["symbol"], **values), files, RULES)


@pytest.fixture
def xrpeth(real_data: Path) -> Any:
    """Reads a feed of XRPETH: source and day."""
    reading = partial(read, real_data / XRPETH, symbol="XRPETH")

    def one(source: str, day: str) -> CleanFeed:
        patterns = {s: f"binance/spot/XRPETH-{kind}-{day}.zip" for s, kind in KINDS.items()}
        pattern = patterns.get(source, f"atas/ticks/XRPETH/date={day}/*/*.jsonl")
        return reading(pattern, source=source, day=day)

    return one


def units(text: str | float) -> int:
    """A decimal as a whole number of 1e-8."""
    value = Decimal(text if isinstance(text, str) else repr(text)) * 10**8
    assert value == int(value)
    return int(value)


def klines(root: Path, day: str) -> dict[dt.datetime, tuple[int, ...]]:
    """Traded minutes of the archive by zipfile and csv alone: o, h, l, c, volume, trades, taker buys."""
    with zipfile.ZipFile(root / f"binance/spot/XRPETH-1m-{day}.zip") as archive:
        rows = csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode()))
        return {
            dt.datetime.fromtimestamp(int(row[0]) // 1000, dt.UTC): (
                *(units(row[at]) for at in range(1, 6)),
                int(row[8]),
                units(row[9]),
            )
            for row in rows
            if int(row[8])
        }


def rebuilt(table: pa.Table) -> dict[dt.datetime, tuple[int, ...]]:
    """The same from a clean table, row after row, in integers."""
    minutes: dict[dt.datetime, list[int]] = {}
    for row in table.to_pylist():
        at, qty = row["ts"].replace(second=0, microsecond=0), units(row["qty"])
        price, count = units(row["price"]), row.get("last_id", 0) - row.get("first_id", 0) + 1
        found = minutes.setdefault(at, [price, price, price, price, 0, 0, 0])
        found[1:4] = max(found[1], price), min(found[2], price), price
        found[4] += qty
        found[5] += count
        found[6] += qty if row["side"] == 1 else 0
    return {at: tuple(values) for at, values in minutes.items()}


@pytest.mark.parametrize("source", list(KINDS))
@pytest.mark.parametrize(("day", "minutes", "trades"), DAYS)
def test_every_traded_minute_is_the_kline(
    xrpeth: Any, real_data: Path, source: str, day: str, minutes: int, trades: int
) -> None:
    """Prices, volume, count and taker volume of both archives, in integers, and nothing set aside."""
    found = xrpeth(source, day)
    wanted = klines(real_data / XRPETH, day)
    (entry,) = found.ledger

    assert rebuilt(found.table) == wanted
    assert len(wanted) == minutes
    assert sum(values[5] for values in wanted.values()) == trades
    rows = found.table.num_rows
    assert entry.lines == Lines(read=rows, used=rows, merged=0, rejected=0)
    assert (entry.adapter, entry.other_days) == (source, 0)
    assert (entry.notes["checksum"], entry.notes["unit"]) == ("ok", "ms")
    assert (entry.notes["header"], entry.notes["defects"]) == (False, {})


SEEN_AS_ONE = ("qty_max", "qty_q95")
"""What an aggregate tells as one trade."""


@pytest.mark.parametrize(("day", "minutes", "trades"), DAYS)
def test_three_tapes_make_one_footprint(xrpeth: Any, day: str, minutes: int, trades: int) -> None:
    """Trades, aggregates and recorded ticks: every level and minute, but for what an aggregate merges."""
    made = {
        source: footprint("XRPETH", xrpeth(source, day).parts, RULES)
        for source in ("atas_ticks", *KINDS)
    }
    ticks, single, merged = made.values()

    assert single[0].equals(ticks[0])
    assert single[1].equals(ticks[1])
    assert merged[0].equals(ticks[0])
    assert merged[1].drop_columns(SEEN_AS_ONE).equals(ticks[1].drop_columns(SEEN_AS_ONE))
    assert sum(ticks[0]["trades"].to_pylist()) == trades
    assert ticks[1].num_rows == minutes


def test_recorded_futures_trades_equal_the_ticks(real_data: Path) -> None:
    """Header and milliseconds; the footprint of the same span is that of the ticks beside it."""
    root = real_data / "btcusdt-2024-08-08/usdm"
    reading = partial(read, root, symbol="BTCUSDT", market="futures_um", day="2024-08-08")
    trades = reading("binance/BTCUSDT-trades-*.zip", source="binance_trades")
    ticks = reading("atas/ticks/*/*/*/*.jsonl", source="atas_ticks")
    levels, minutes = footprint("BTCUSDT", trades.parts, RULES)
    wanted, theirs = footprint("BTCUSDT", ticks.parts, RULES)
    quotes = ("best_bid", "best_ask", "bid_size", "ask_size", "ofi", "eff_spread")

    assert levels.equals(wanted)
    assert minutes.drop_columns(quotes).equals(theirs.drop_columns(quotes))
    assert all(minutes[name].null_count == minutes.num_rows for name in quotes)
    assert (trades.table.num_rows, trades.ledger[0].notes["header"]) == (21_313, True)


def test_rows_in_microseconds(real_data: Path) -> None:
    """The first rows of a spot archive of 2025, each value as the csv module reads it."""
    (path,) = (real_data / "btcusdt-derivatives").glob("binance/spot/*.csv")
    found = read(
        path.parent,
        path.name,
        symbol="BTCUSDT",
        source="binance_trades",
        day="2025-01-02",
    )
    rows = list(csv.reader(io.StringIO(path.read_text())))
    names = ("trade_id", "price", "qty", "quote_qty", "ts", "side")
    columns = [
        found.table[name].cast("int64") if name == "ts" else found.table[name] for name in names
    ]

    assert list(zip(*(column.to_pylist() for column in columns), strict=True)) == [
        (int(r[0]), float(r[1]), float(r[2]), float(r[3]), int(r[4]), -1 if r[5] == "True" else 1)
        for r in rows
    ]
    assert (len(rows), found.ledger[0].notes["unit"]) == (32, "us")
