"""The files of each tool, read by their documented form and held against the exchange's own archives."""

from __future__ import annotations

import datetime as dt
import json
import struct
from decimal import Context, Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyarrow import feather

from kit import export_ground as kit
from kit.export_ground import DAYS, KLINE, MARKETS, Exporter
from pipeline.exporting.nautilus import fixed
from pipeline.settings.config import Kitchen
from pipeline.tables.exact import decimal_places

PAIRS = {
    "BTCUSDT": ("BTC/USDT:USDT", "futures/BTC_USDT_USDT-1m-futures.feather"),
    "BTCUSD_PERP": ("BTC/USD:BTC", "futures/BTC_USD_BTC-1m-futures.feather"),
    "ETHUSDT": ("ETH/USDT", "ETH_USDT-1m.feather"),
    "SOLUSDT": ("SOL/USDT", "SOL_USDT-1m.feather"),
}
IDS = {
    "BTCUSDT": "BTCUSDT-PERP.BINANCE",
    "BTCUSD_PERP": "BTCUSD-PERP.BINANCE",
    "ETHUSDT": "ETHUSDT.BINANCE",
    "SOLUSDT": "SOLUSDT.BINANCE",
}
ALLOW = ("--allow", "degraded")
UTC = dt.UTC


def both_days(ground: Kitchen, symbol: str) -> dict[int, dict[str, float]]:
    """The exchange's klines of both days."""
    return {
        opened: row for day in DAYS for opened, row in kit.klines(ground.raw, symbol, day).items()
    }


@given(
    st.lists(
        st.decimals(-(10**13), 10**13, places=16)
        .map(float)
        .filter(lambda x: x == 0 or abs(x) > 1e-9),
        max_size=30,
    )
)
def test_nautilus_values_are_the_very_decimals(values: list[float]) -> None:
    """Whatever their size and places, as long as the tool has so many."""
    column = np.array(values, dtype=np.float64)
    places = decimal_places(column)
    assume(places <= 16)

    found = fixed(column, places)

    wanted = [int(Decimal(repr(value)).scaleb(16, Context(prec=60))) for value in values]
    assert [int.from_bytes(raw, "little", signed=True) for raw in found.to_pylist()] == wanted


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
@pytest.mark.parametrize("symbol", MARKETS)
def test_freqtrade_has_each_candle_at_its_open(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, symbol: str, zone: str
) -> None:
    """By pair and market; no candle where the exchange has none, wherever the machine stands."""
    exporter.monkeypatch.setenv("TZ", zone)

    facts = exporter.made("freqtrade", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    pair, name = PAIRS[symbol]
    table = feather.read_table(tmp_path / "out" / name)
    rows = table.to_pydict()
    found = {
        int(stamp.timestamp()): dict(zip(KLINE, values, strict=True))
        for stamp, *values in zip(rows["date"], *(rows[key] for key in KLINE), strict=True)
    }
    wanted = both_days(ground, symbol)
    assert found == wanted
    assert list(rows["date"]) == sorted(rows["date"])
    assert table.schema.field("date").type.tz == "UTC"
    entry = facts["symbols"][symbol]
    assert (entry["name"], entry["rows"]) == (pair, len(wanted))
    assert entry["not_measured"] == 2880 - len(wanted)


@pytest.mark.parametrize("symbol", MARKETS)
def test_nautilus_has_each_bar_at_its_close(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, symbol: str
) -> None:
    """In whole multiples of 10^-16 of 16 bytes, with the schema and metadata of the catalog."""
    facts = exporter.made("nautilus", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    kind = f"{IDS[symbol]}-1-MINUTE-LAST-EXTERNAL"
    (file,) = (tmp_path / "out/data/bar" / kind).iterdir()
    table = pq.ParquetFile(file).read()
    rows = table.to_pydict()
    wanted = both_days(ground, symbol)
    for name in KLINE:
        values = [int.from_bytes(raw, "little", signed=True) for raw in rows[name]]
        assert values == [round(row[name] * 10**8) * 10**8 for row in wanted.values()]
    closes = [(opened + 60) * 10**9 for opened in wanted]
    assert rows["ts_event"] == rows["ts_init"] == closes
    first, last = (dt.datetime.fromtimestamp(at / 10**9, UTC) for at in (closes[0], closes[-1]))
    assert file.name == (
        f"{first:%Y-%m-%dT%H-%M-%S}-000000000Z_{last:%Y-%m-%dT%H-%M-%S}-000000000Z.parquet"
    )
    assert [(f.name, str(f.type), f.nullable) for f in table.schema] == [
        *((name, "fixed_size_binary[16]", False) for name in KLINE),
        ("ts_event", "uint64", False),
        ("ts_init", "uint64", False),
    ]
    precision = facts["symbols"][symbol]["precision"]
    assert table.schema.metadata == {
        b"bar_type": kind.encode(),
        b"instrument_id": IDS[symbol].encode(),
        b"price_precision": str(precision["price"]).encode(),
        b"size_precision": str(precision["size"]).encode(),
    }


def test_nautilus_has_each_trade_of_the_tape(
    exporter: Exporter, ground: Kitchen, tmp_path: Path
) -> None:
    """With its id and who took; a file a day, named by its ends."""
    exporter.made("nautilus", "--trades", "--symbols", "BTCUSD_PERP", "--out", tmp_path / "out")

    files = sorted((tmp_path / "out/data/trade_tick/BTCUSD-PERP.BINANCE").iterdir())
    assert len(files) == 2
    for day, file in zip(DAYS, files, strict=True):
        rows = pq.ParquetFile(file).read().to_pydict()
        found = [
            (
                at,
                int.from_bytes(price, "little") / 10**16,
                int.from_bytes(size, "little") / 10**16,
                {1: 1, 2: -1}[side],
                name,
            )
            for at, price, size, side, name in zip(
                rows["ts_event"],
                rows["price"],
                rows["size"],
                rows["aggressor_side"],
                rows["trade_id"],
                strict=True,
            )
        ]
        assert found == kit.trades(ground.raw, "BTCUSD_PERP", day)


@pytest.mark.parametrize("symbol", ["BTCUSD_PERP", "ETHUSDT"])
def test_hftbacktest_has_each_trade_as_an_event(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, symbol: str
) -> None:
    """In ns; of an archive that calls every taker a seller the side only of minutes that nobody bought in."""
    facts = exporter.made("hftbacktest", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    last = DAYS[-1]
    with np.load(tmp_path / f"out/{symbol}_{last:%Y%m%d}.npz") as archive:
        assert archive.files == ["data"]
        events = archive["data"]
    assert [(name, events.dtype[name].str) for name in events.dtype.names] == [
        *(("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8")),
        *(("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")),
    ]
    wanted = kit.trades(ground.raw, symbol, last)
    if symbol == "ETHUSDT":
        told = kit.bought(ground.raw, symbol, last)
        wanted = [
            (at, price, size, 0 if told[at // 60_000_000_000 * 60] else side, name)
            for at, price, size, side, name in wanted
        ]
    flags = {1: 1 << 29, -1: 1 << 28, 0: 0}
    assert [
        (int(e["ev"]), int(e["exch_ts"]), int(e["local_ts"]), float(e["px"]), float(e["qty"]))
        for e in events
    ] == [
        (1 << 31 | 1 << 30 | flags[side] | 2, at, at, price, size)
        for at, price, size, side, _ in wanted
    ]
    unknown = facts["symbols"][symbol]["sides_unknown"]
    assert unknown == sum(side == 0 for _, _, _, side, _ in wanted)
    assert (unknown > 0) is (symbol == "ETHUSDT")


def test_qlib_has_each_bar_at_its_open_and_nan_where_nothing_is_measured(
    exporter: Exporter, ground: Kitchen, tmp_path: Path
) -> None:
    """Calendar, instruments and little-endian float32 behind the place of the first."""
    exporter.made("qlib", "--symbols", "BTCUSDT,SOLUSDT", "--out", tmp_path / "out", *ALLOW)

    out = tmp_path / "out"
    calendar = (out / "calendars/1min.txt").read_text().splitlines()
    opened = [dt.datetime(2025, 1, 2, tzinfo=UTC) + dt.timedelta(minutes=i) for i in range(2880)]
    assert calendar == [f"{at:%Y-%m-%d %H:%M:%S}" for at in opened]
    span = "2025-01-02 00:00:00\t2025-01-03 23:59:00"
    assert (out / "instruments/all.txt").read_text() == f"BTCUSDT\t{span}\nSOLUSDT\t{span}\n"
    wanted = both_days(ground, "BTCUSDT")
    assert len(wanted) < 2880
    for name in KLINE:
        raw = (out / f"features/btcusdt/{name}.1min.bin").read_bytes()
        first, *values = struct.unpack(f"<{len(raw) // 4}f", raw)
        missing = {name: float("nan")}
        told = [wanted.get(int(at.timestamp()), missing)[name] for at in opened]
        assert first == 0
        assert np.array_equal(np.array(values), np.float32(told), equal_nan=True)


@pytest.mark.parametrize("symbol", MARKETS)
def test_parquet_has_every_minute_and_column(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, symbol: str
) -> None:
    """By the minute's close; null where the exchange has no kline."""
    exporter.made("parquet", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    table = pq.read_table(tmp_path / "out" / f"{symbol}.parquet")
    rows = table.to_pydict()
    schema = json.loads((Path("governance") / "SCHEMA_data.json").read_text())
    assert table.column_names == [c["name"] for c in schema["tables"]["bars_1m"]["columns"]]
    assert set(rows["symbol"]) == {symbol}
    wanted = both_days(ground, symbol)
    for at, *values in zip(rows["ts"], *(rows[name] for name in KLINE), strict=True):
        row = wanted.get(int(at.timestamp()) - 60, dict.fromkeys(KLINE))
        assert dict(zip(KLINE, values, strict=True)) == row
    assert table.num_rows == 2880


@pytest.mark.parametrize(
    ("every", "minutes"), [("5m", 5), ("1h", 60), ("1d", 1440)], ids=["5m", "1h", "1d"]
)
def test_longer_bars_are_of_whole_minutes_alone(
    exporter: Exporter, ground: Kitchen, tmp_path: Path, every: str, minutes: int
) -> None:
    """Open, extremes, close and sum of the exchange's minutes; a bar with a minute missing is left out."""
    facts = exporter.made(
        *("freqtrade", "--symbols", "BTCUSDT", "--interval", every, "--out", tmp_path / "out"),
        *ALLOW,
    )

    rows = feather.read_table(
        tmp_path / f"out/futures/BTC_USDT_USDT-{every}-futures.feather"
    ).to_pydict()
    wanted = both_days(ground, "BTCUSDT")
    begins = [
        int(dt.datetime(2025, 1, 2, tzinfo=UTC).timestamp()) + i * minutes * 60
        for i in range(2880 // minutes)
    ]
    told = {}
    for begin in begins:
        bar = [wanted.get(begin + i * 60) for i in range(minutes)]
        if all(bar):
            told[begin] = [
                bar[0]["open"],
                max(row["high"] for row in bar),
                min(row["low"] for row in bar),
                bar[-1]["close"],
                kit.exact_sum([row["volume"] for row in bar]),
            ]
    found = {
        int(at.timestamp()): list(values)
        for at, *values in zip(rows["date"], *(rows[name] for name in KLINE), strict=True)
    }
    assert found == told
    assert facts["symbols"]["BTCUSDT"]["not_measured"] == len(begins) - len(told)
