"""A raw folder, a configuration that knows only the exchange on loopback, and archives to serve."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

from kit.fake_exchange import FakeExchange
from kit.support import write_config
from pipeline.settings import config
from pipeline.settings.config import Kitchen

DAY = dt.date(2025, 1, 2)
AFTERNOON = dt.datetime(2025, 1, 3, 15, 0, tzinfo=dt.UTC).timestamp()
"""The day after, some hours after archives appear and long before the deadline."""

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)


def kitchen_for(
    root: Path,
    exchange: FakeExchange,
    symbols: dict[str, str] | str = "{market: spot}",
    more: str = "",
) -> Kitchen:
    """The configuration of a root, its exchange on loopback."""
    base = exchange.base
    extra = (
        f"fetch:\n  archive: {base}\n  rest: {{spot: '{base}', futures_um: '{base}', futures_cm: '{base}'}}\n"
        f"{more}"
    )
    config._load.cache_clear()
    return config._load(write_config(root, symbols, extra))


def minutes(day: dt.date, count: int = 1440, price: float = 94_000.0) -> list[list[Any]]:
    """Klines as the API writes them."""
    start = int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)
    rows = []
    for n in range(count):
        opened, at = start + n * 60_000, f"{price + n:.2f}"
        rows.append(
            [
                opened,
                at,
                at,
                at,
                at,
                "1.500",
                opened + 59_999,
                f"{1.5 * (price + n):.1f}",
                7,
                "0.500",
                f"{0.5 * (price + n):.1f}",
                "0",
            ]
        )
    return rows


def zipped(name: str, rows: list[list[Any]]) -> bytes:
    """An archive with these klines."""
    text = "\n".join([HEADER, *(",".join(map(str, row)) for row in rows), ""])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}.csv"), text)
    return out.getvalue()


def archive_path(day: dt.date | str, symbol: str = "BTCUSDT", market: str = "spot") -> str:
    """Where the exchange publishes a day of minutes."""
    return f"/data/{market}/daily/klines/{symbol}/1m/{symbol}-1m-{day}.zip"


def publish(
    exchange: FakeExchange, day: dt.date, symbol: str = "BTCUSDT", price: float = 9e4
) -> bytes:
    """Puts a day of minutes into the archive; returns its bytes."""
    data = zipped(f"{symbol}-1m-{day}", minutes(day, price=price))
    exchange.put(archive_path(day, symbol), data)
    return data


def visible(raw: Path) -> list[str]:
    """The raw files that a run of the kitchen could see."""
    return sorted(
        p.relative_to(raw).as_posix()
        for p in raw.rglob("*")
        if p.is_file() and not p.name.startswith(".")
    )
