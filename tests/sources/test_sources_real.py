"""Real exports: every number against an independent reading of the exchange's own files."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kit.shipped import RULES
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed

pytestmark = pytest.mark.real

MINUTE = dt.timedelta(minutes=1)
ARCHIVES = [
    ("btcusdt-2025-01-02", "futures_um", "BTCUSDT", "2025-01-02"),
    ("btcusdt-2025-01-02", "spot", "BTCUSDT", "2025-01-02"),
    ("xrpeth-2019-10", "spot", "XRPETH", "2019-10-11"),
    ("xrpeth-2019-10", "spot", "XRPETH", "2019-10-12"),
]


class Reader:
    """Reads feeds of the real data."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def feed(self, where: str, source: str, symbol: str, day: str, pattern: str) -> CleanFeed:
        """The feed of the files that a pattern finds."""
        root = self.root / where
        feed = Feed(
            symbol=symbol,
            market="spot",
            source=source,
            vendor_symbol=symbol,
            day=dt.date.fromisoformat(day),
        )
        files = [RawPath(p, p.relative_to(root).as_posix(), 0) for p in root.glob(pattern)]
        assert files, pattern
        return read_feed(feed, files, RULES)

    def csv_rows(self, where: str, market: str, symbol: str, day: str) -> list[list[str]]:
        """The archive by zipfile and csv alone, header dropped."""
        path = self.root / where / "binance" / market / f"{symbol}-1m-{day}.zip"
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
        return [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]


@pytest.fixture
def reader(real_data: Path) -> Reader:
    """Feeds of the real data."""
    return Reader(real_data)


def instant(epoch: str) -> dt.datetime:
    """An archive's stamp, ms (13 digits) or us (16)."""
    divisor = {13: 1_000, 16: 1_000_000}[len(epoch)]
    return dt.datetime.fromtimestamp(int(epoch) // divisor, dt.UTC)


@pytest.mark.parametrize(("where", "market", "symbol", "day"), ARCHIVES)
def test_archives_equal_an_independent_reading(
    reader: Reader, where: str, market: str, symbol: str, day: str
) -> None:
    """All 1440 rows, each number the float64 nearest to its decimal text."""
    found = reader.feed(where, "binance_1m", symbol, day, f"binance/{market}/{symbol}-1m-{day}.zip")
    wanted = [
        (instant(r[0]), *(float(Decimal(r[i])) for i in (1, 2, 3, 4, 5, 7, 9)), int(r[8]))
        for r in reader.csv_rows(where, market, symbol, day)
    ]
    names = ("minute_open", "open", "high", "low", "close", "volume", "quote_volume")
    columns = [found.table[name].to_pylist() for name in (*names, "taker_buy_volume", "trades")]

    assert list(zip(*columns, strict=True)) == wanted
    assert len(wanted) == 1440
    assert found.ledger[0].notes["checksum"] == "ok"
    assert set(found.table["flags"].to_pylist()) == {0}


def test_the_fetcher_has_the_spot_archive_prices(reader: Reader) -> None:
    """Same minutes, prices and volume; the rest is null."""
    day = "2025-01-02"
    found = reader.feed(
        "btcusdt-2025-01-02", "binance_1m", "BTCUSDT", day, "binance/fetcher_csv/*.csv"
    )
    rows = reader.csv_rows("btcusdt-2025-01-02", "spot", "BTCUSDT", day)
    names = ("minute_open", "open", "high", "low", "close", "volume")
    columns = [found.table[name].to_pylist() for name in names]

    assert list(zip(*columns, strict=True)) == [(instant(r[0]), *map(float, r[1:6])) for r in rows]
    assert found.table["taker_buy_volume"].null_count == 1440


@pytest.mark.parametrize(
    ("source", "pattern"),
    [("atas_bars", "atas/bars_1m/*/*/*.jsonl"), ("atas_v6_3", "atas/v6_3/*/*/*.jsonl")],
)
def test_btcusdt_bars_equal_the_futures_archive(reader: Reader, source: str, pattern: str) -> None:
    """All 1440 bars, by the open time that the exporter writes."""
    found = reader.feed("btcusdt-2025-01-02", source, "BTCUSDT", "2025-01-02", pattern)
    rows = reader.csv_rows("btcusdt-2025-01-02", "futures_um", "BTCUSDT", "2025-01-02")
    names = ("stamp", "open", "high", "low", "close", "volume")
    columns = [found.table[name].to_pylist() for name in names]

    assert list(zip(*columns, strict=True)) == [(instant(r[0]), *map(float, r[1:6])) for r in rows]
    assert found.table["absorption_detected"].null_count == 1440
    if source == "atas_bars":
        assert found.table["vbuy"].to_pylist() == [float(r[9]) for r in rows]


@pytest.mark.parametrize(("day", "minutes"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_live_lines_merge_to_the_exchange_minutes(reader: Reader, day: str, minutes: int) -> None:
    """A line a trade and history written again: volume and order flow are the klines', to the digit."""
    found = reader.feed(
        "xrpeth-2019-10/atas-live", "atas_bars", "XRPETH", day, f"bars_1m/*/date={day}/*.jsonl"
    )
    rows = reader.csv_rows("xrpeth-2019-10", "spot", "XRPETH", day)
    traded = {instant(r[0]): (Decimal(r[5]), Decimal(r[9])) for r in rows if int(r[8])}
    buys: dict[Any, Decimal] = defaultdict(Decimal)
    volumes: dict[Any, Decimal] = {}
    for row in found.table.to_pylist():
        buys[row["stamp"]] += Decimal(repr(row["vbuy"] or 0.0))
        volumes[row["stamp"]] = Decimal(repr(row["volume"]))

    assert {at: (volumes[at], buys[at]) for at in volumes} == traded
    assert len(traded) == minutes
    assert found.table["run"].to_pylist()[-1] == 1


@pytest.mark.parametrize(
    ("day", "count", "minutes"), [("2019-10-11", 5929, 1022), ("2019-10-12", 4134, 973)]
)
def test_ticks_add_up_to_the_exchange_minutes(
    reader: Reader, day: str, count: int, minutes: int
) -> None:
    """Every trade is there, with the side that the klines' taker volume says."""
    found = reader.feed(
        "xrpeth-2019-10", "atas_ticks", "XRPETH", day, f"atas/ticks/*/date={day}/*/*.jsonl"
    )
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0)])
    for tick in found.table.to_pylist():
        minute = sums[tick["ts"].replace(second=0, microsecond=0)]
        quantity = Decimal(repr(tick["qty"]))
        minute[0] += quantity
        minute[1] += quantity if tick["side"] == 1 else 0
        minute[2] += 1
    rows = reader.csv_rows("xrpeth-2019-10", "spot", "XRPETH", day)
    traded = {instant(r[0]): [Decimal(r[i]) for i in (5, 9, 8)] for r in rows if int(r[8])}

    assert dict(sums) == traded
    assert (found.table.num_rows, len(traded)) == (count, minutes)


@pytest.mark.parametrize(
    ("where", "day", "count"),
    [
        ("btcusdt-2024-08-08/usdm", "2024-08-08", 21_313),
        ("btcusdt-2024-08-08/spot", "2024-08-08", 9_738),
        ("btcusdt-2024-08-08/spot", "2024-08-09", 10_166),
    ],
)
def test_recorded_quotes_are_kept_trade_by_trade(
    reader: Reader, where: str, day: str, count: int
) -> None:
    """Each line's trade id, price, size, side and quotes, as the standard library reads them."""
    found = reader.feed(where, "atas_ticks", "BTCUSDT", day, f"atas/ticks/*/date={day}/*/*.jsonl")
    (path,) = (reader.root / where).glob(f"atas/ticks/*/date={day}/*/*.jsonl")
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    signs = {"buy": 1, "sell": -1}
    wanted = [
        (t["trade_id"], t["price"], t["qty"], signs[t["side"]], t["best_bid"], t["best_ask"])
        for t in lines
    ]
    names = ("trade_id", "price", "qty", "side", "best_bid", "best_ask")
    columns = [found.table[name].to_pylist() for name in names]

    assert list(zip(*columns, strict=True)) == wanted
    assert len(wanted) == count
