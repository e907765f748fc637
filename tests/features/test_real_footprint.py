"""The footprint of every real tape, from its files, against a dictionary of exact decimals."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from kit.shipped import RULES
from pipeline.bars.footprint import footprint
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

TAPES = [
    ("xrpeth-2019-10/atas/ticks/XRPETH", "spot", "2019-10-11"),
    ("xrpeth-2019-10/atas/ticks/XRPETH", "spot", "2019-10-12"),
    ("btcusdt-2024-08-08/usdm/atas/ticks/BTCUSDT", "futures_um", "2024-08-08"),
    ("btcusdt-2024-08-08/spot/atas/ticks/BTCUSDT", "spot", "2024-08-08"),
    ("btcusdt-2024-08-08/spot/atas/ticks/BTCUSDT", "spot", "2024-08-09"),
]
Level = tuple[dt.datetime, float]


def files(folder: Path, day: str) -> list[Path]:
    """The tape's files of a day, earliest first."""
    return sorted((folder / f"date={day}").rglob("ticks.jsonl"))


def by_levels(folder: Path, day: str) -> dict[Level, list[object]]:
    """Minute and price -> buys, sells, volume and trades, counted line by line."""
    sums: dict[tuple[str, Decimal], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for path in files(folder, day):
        for line in path.read_text(encoding="utf-8").splitlines():
            trade = json.loads(line, parse_float=Decimal, parse_int=Decimal)
            qty, bought = trade["qty"], trade["side"] == "buy"
            added = (qty * bought, qty * (not bought), qty, Decimal(1))
            at = trade["ts"][:16], trade["price"]
            sums[at] = [x + y for x, y in zip(sums[at], added, strict=True)]
    return {
        (dt.datetime.fromisoformat(f"{minute}+00:00"), float(price)): [*map(float, found)]
        for (minute, price), found in sums.items()
    }


def levels_of(folder: Path, market: str, day: str) -> pa.Table:
    """The same day as the steps make it: files -> cleaned ticks -> footprint."""
    symbol = folder.name
    feed = Feed(
        symbol=symbol,
        market=market,
        source="atas_ticks",
        vendor_symbol=symbol,
        day=dt.date.fromisoformat(day),
    )
    raw = [
        RawPath(path, f"atas/ticks/{symbol}/{path.relative_to(folder).as_posix()}", 0)
        for path in files(folder, day)
    ]
    ticks = read_feed(feed, raw, RULES).parts
    return footprint(symbol, ticks, RULES)[0]


@pytest.mark.parametrize(("tape", "market", "day"), TAPES)
def test_every_level_is_what_counting_the_lines_gives(
    tape: str, market: str, day: str, real_data: Path
) -> None:
    """The same levels and no other; each sum is the float64 of the exact decimal."""
    folder = real_data / tape
    columns = ("buy", "sell", "volume", "trades")
    found = {
        (row["minute_open"], row["price"]): [row[name] for name in columns]
        for row in levels_of(folder, market, day).to_pylist()
    }

    assert len(found) > 500
    assert found == by_levels(folder, day)
