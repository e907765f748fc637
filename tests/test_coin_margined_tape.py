"""COIN-M: trades count contracts, the bars base currency; both are held against each other."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pytest

from kit.support import kitchen_at
from kit.tape_day import DAY, TRADES, made
from kit.whole_day import whole_day
from pipeline.tables import parquet

pytestmark = pytest.mark.real

USD = 10
"""What a contract is worth."""

_KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)


def base(contracts: str, price: str) -> Decimal:
    """What a trade was in base currency, as the exchange rounds it."""
    return (Decimal(contracts) * USD / Decimal(price)).quantize(Decimal("1e-8"))


def kline(opened: int, trades: list[list[str]]) -> str:
    """A minute's kline as COIN-M archives have it: contracts, and base where others have quote."""
    prices = [Decimal(price) for _, price, *_ in trades]
    bought = [row for row in trades if row[4] == "false"]
    return ",".join(
        str(value)
        for value in (
            *(opened, prices[0], max(prices), min(prices), prices[-1]),
            *(sum(int(row[2]) for row in trades), opened + 59_999),
            *(sum((Decimal(row[5]) for row in trades), Decimal()), len(trades)),
            *(sum(int(row[2]) for row in bought), sum((Decimal(r[5]) for r in bought), Decimal())),
            0,
        )
    )


def quiet(opened: int, price: str) -> str:
    """A minute without a trade."""
    return f"{opened},{price},{price},{price},{price},0,{opened + 59_999},0,0,0,0,0"


def test_every_minute_is_proven_and_delta_is_in_base(tmp_path: Path, real_data: Path) -> None:
    """A real day's trades taken as contracts: klines made of them by hand agree in every minute."""
    source = made(tmp_path / "spot", real_data, TRADES).archive(TRADES).read_text().splitlines()
    rows = [
        [
            number,
            price,
            str(int(float(size))),
            stamp,
            maker.lower(),
            str(base(str(int(float(size))), price)),
        ]
        for number, price, size, _, stamp, maker, _ in (line.split(",") for line in source)
    ]
    opened = int(rows[0][3]) // 86_400_000 * 86_400_000
    minutes = {at: list(of) for at, of in groupby(rows, lambda row: int(row[3]) // 60_000 * 60_000)}
    klines, last = [_KLINES], rows[0][1]
    for at in range(opened, opened + 86_400_000, 60_000):
        klines.append(kline(at, minutes[at]) if at in minutes else quiet(at, last))
        last = minutes[at][-1][1] if at in minutes else last
    entry = {"market": "futures_cm", "vendor_symbol": "XRPUSD_PERP", "atas": "none"}
    kitchen = kitchen_at(tmp_path / "coin", {"XRPUSD": json.dumps(entry)})
    folder = kitchen.raw / "binance/futures_cm"
    folder.mkdir(parents=True)
    (folder / f"XRPUSD_PERP-1m-{DAY}.csv").write_text("\n".join(klines) + "\n")
    trades = ["id,price,qty,base_qty,time,is_buyer_maker"]
    trades += [f"{n},{price},{size},{of},{at},{maker}" for n, price, size, at, maker, of in rows]
    (folder / f"XRPUSD_PERP-trades-{DAY}.csv").write_text("\n".join(trades) + "\n")
    day = whole_day(kitchen, "XRPUSD", DAY)
    bars = parquet.read(day.read("AlignedBars", "bars_1m")).to_pydict()

    assert bars["proven"] == [True] * 1440
    assert bars["delta_source"].count("trades") == len(minutes) == 1022
    for place, source_name in enumerate(bars["delta_source"]):
        low, high, volume = (bars[name][place] for name in ("low", "high", "volume"))
        taker = 2 * bars["taker_buy_volume"][place] - volume
        off = volume * (high / low - 1) + 1e-7
        assert source_name == "klines" or bars["delta"][place] == pytest.approx(taker, abs=off)
