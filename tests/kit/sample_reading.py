"""Reads sample exports back with json, csv and Decimal alone, and knows nothing of how they were made."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
NUMBERS = ("open", "high", "low", "close", "volume")


def written(out: Path, **values: Any) -> Path:
    """A sample of 3000 trades on 2025-01-02 unless the values say otherwise; returns its folder."""
    request = SampleRequest(**{"out": out, "first": DAY, "trades_per_day": 3_000, **values})
    write_sample(request)
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file, numbers as decimals."""
    text = path.read_bytes().decode("utf-8-sig")
    return [json.loads(line, parse_float=Decimal) for line in text.split("\r\n") if line]


def bars_path(out: Path, day: dt.date = DAY, symbol: str = "BTCUSDT") -> Path:
    """Where the bars of Bar1mExporter lie."""
    return out / f"atas/bars_1m/{symbol}/date={day}/bars_1m.jsonl"


def simplified_path(out: Path, day: dt.date = DAY, symbol: str = "BTCUSDT") -> Path:
    """Where the bars of SimplifiedDataExporter lie."""
    return out / f"atas/v6_3/{symbol}/date={day}/bar_{day:%Y%m%d}.jsonl"


def tick_paths(out: Path, day: dt.date = DAY, symbol: str = "BTCUSDT") -> list[Path]:
    """The hourly tick files of a day, in order."""
    return sorted((out / f"atas/ticks/{symbol}/date={day}").glob("*/ticks.jsonl"))


def ticks(out: Path, day: dt.date = DAY, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
    """All ticks of a day in file order."""
    return [line for path in tick_paths(out, day, symbol) for line in lines(path)]


def zip_path(out: Path, day: dt.date = DAY, market: str = "futures_um", kind: str = "1m") -> Path:
    """Where an archive of bitcoin lies: of its minutes, `trades` or `aggTrades`."""
    return out / f"binance/{market}/{symbol_of(market)}-{kind}-{day}.zip"


def symbol_of(market: str) -> str:
    """What bitcoin is called there."""
    return "BTCUSD_PERP" if market == "futures_cm" else "BTCUSDT"


def archive_text(path: Path) -> str:
    """The one CSV inside an archive."""
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        assert name == path.name.replace(".zip", ".csv")
        return archive.read(name).decode("ascii")


def rows(path: Path) -> list[list[str]]:
    """The data rows of an archive, header or not."""
    found = list(csv.reader(io.StringIO(archive_text(path))))
    return found if found[0][0].isdigit() else found[1:]


def digest_named(path: Path) -> tuple[str, str]:
    """(the digest that the CHECKSUM file names, the archive's own)."""
    named, name = path.with_name(path.name + ".CHECKSUM").read_text().split("  ")
    assert name == path.name + "\n"
    return named, hashlib.sha256(path.read_bytes()).hexdigest()


def exchange_ticks(path: Path) -> list[dict[str, Any]]:
    """The rows of an archive of trades as ticks."""
    at = 5 if "-aggTrades-" in path.name else 4
    return [
        {
            "ts": minute_text([row[at]]),
            "price": Decimal(row[1]),
            "qty": Decimal(row[2]),
            "side": {"true": "sell", "false": "buy"}[row[at + 1].lower()],
        }
        for row in rows(path)
    ]


def minute_text(row: list[str]) -> str:
    """A kline's open as YYYY-MM-DDTHH:MM, from ms or us."""
    seconds = int(row[0]) // (10**6 if len(row[0]) == 16 else 10**3)
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M")


def klines(path: Path) -> dict[str, dict[str, Decimal]]:
    """Minute -> what the exchange says of it."""
    names = (*NUMBERS, None, "quote", "count", "buy", "buy_quote")
    return {
        minute_text(row): {n: Decimal(v) for n, v in zip(names, row[1:], strict=False) if n}
        for row in rows(path)
    }


def rebuilt(found: list[dict[str, Any]]) -> dict[str, dict[str, Decimal]]:
    """Minute -> the kline that its ticks make, by plain arithmetic."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for tick in found:
        groups[tick["ts"][:16]].append(tick)
    return {minute: _kline(group) for minute, group in groups.items()}


def _kline(group: list[dict[str, Any]]) -> dict[str, Decimal]:
    prices = [tick["price"] for tick in group]
    bought = [tick for tick in group if tick["side"] == "buy"]
    return {
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": sum((t["qty"] for t in group), Decimal(0)),
        "quote": sum((t["qty"] * t["price"] for t in group), Decimal(0)),
        "count": Decimal(len(group)),
        "buy": sum((t["qty"] for t in bought), Decimal(0)),
        "buy_quote": sum((t["qty"] * t["price"] for t in bought), Decimal(0)),
    }


def tree(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}
