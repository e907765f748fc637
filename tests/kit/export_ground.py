"""A kitchen with something to export: three markets, two days, missing klines, sides that say nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kit.support import kitchen_at
from pipeline import layout
from pipeline.cli import main as program
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.tasks import job

DAYS = [dt.date(2025, 1, 2), dt.date(2025, 1, 3)]
MARKETS = {
    "BTCUSDT": "futures_um",
    "BTCUSD_PERP": "futures_cm",
    "ETHUSDT": "spot",
    "SOLUSDT": "spot",
}
"""With klines missing on the last day; in contracts; with a tape whose sides are wrong; without a tape."""

_NO_ATAS: dict[str, Any] = {"ticks": False, "bars": False, "simplified": False}
_OPTIONS: dict[str, dict[str, Any]] = {
    "BTCUSDT": {"trades": True, "defects": ("B12",), **_NO_ATAS},
    "BTCUSD_PERP": {"trades": True, **_NO_ATAS},
    "ETHUSDT": {"trades": True, "defects": ("D01",), **_NO_ATAS},
    "SOLUSDT": _NO_ATAS,
}
KLINE = ("open", "high", "low", "close", "volume")


def built(root: Path) -> Kitchen:
    """Builds and publishes both days."""
    entries = {name: f"{{market: {market}, atas: none}}" for name, market in MARKETS.items()}
    made = kitchen_at(root, entries)
    for symbol, market in MARKETS.items():
        request = SampleRequest(
            out=made.raw,
            first=DAYS[0],
            days=len(DAYS),
            symbols=(symbol,),
            market=market,
            trades_per_day=1_500,
            **_OPTIONS[symbol],
        )
        write_sample(request)
    for path in made.raw.rglob("ETHUSDT-aggTrades-*"):
        path.unlink()
    layout.forget_listings()
    for day in DAYS:
        job.build(Freshness(made), Unit("Snapshot", day))
    return made


def klines(raw: Path, symbol: str, day: dt.date) -> dict[int, dict[str, float]]:
    """Open of the minute in s -> what the exchange's archive says of it; `volume` in base."""
    market = MARKETS.get(symbol, "spot")
    volume = 7 if market == "futures_cm" else 5
    found = {}
    for row in rows_of(raw / f"binance/{market}/{symbol}-1m-{day}.zip"):
        opened = int(row[0]) // (1_000_000 if len(row[0]) > 13 else 1_000)
        values = (*row[1:5], row[volume])
        found[opened] = dict(zip(KLINE, map(float, values), strict=True))
    return found


def trades(raw: Path, symbol: str, day: dt.date) -> list[tuple[int, float, float, int, str]]:
    """Instant in ns, price, size as written, +1 the buyer took or -1, id: as the archive has them."""
    market = MARKETS.get(symbol, "spot")
    found = []
    for row in rows_of(raw / f"binance/{market}/{symbol}-trades-{day}.zip"):
        instant = int(row[4]) * (1_000 if len(row[4]) > 13 else 1_000_000)
        side = -1 if row[5].lower() == "true" else 1
        found.append((instant, float(row[1]), float(row[2]), side, row[0]))
    return found


def bought(raw: Path, symbol: str, day: dt.date) -> dict[int, float]:
    """Open of the minute in s -> what takers bought, by the klines of a spot symbol."""
    rows = rows_of(raw / f"binance/spot/{symbol}-1m-{day}.zip")
    return {int(row[0]) // 1_000_000: float(row[9]) for row in rows}


def exact_sum(values: list[float]) -> float:
    """The float nearest to the sum of the numbers as they are written."""
    return float(sum(Decimal(repr(value)) for value in values))


def rows_of(path: Path) -> list[list[str]]:
    """The data rows of an archive, read with the standard library alone."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]


def without_some_trades(made: Kitchen) -> None:
    """The first day's tape of the contracts prepared anew, of an archive that lost trades; not published."""
    day, folder = DAYS[0], made.raw / "binance/futures_cm"
    for path in folder.glob(f"BTCUSD_PERP-*rades-{day}.zip*"):
        if path.suffix == ".zip" and "agg" not in path.name:
            with zipfile.ZipFile(path) as archive:
                lines = archive.read(archive.namelist()[0]).decode().splitlines()
            path.with_suffix(".csv").write_text("\n".join([*lines[:100], *lines[200:]]) + "\n")
        path.unlink()
    layout.forget_listings()
    job.build(Freshness(made), Unit("Footprint", day, "BTCUSD_PERP"))


@dataclass(frozen=True, slots=True)
class Exporter:
    """Runs `kitchen export` with a configuration."""

    monkeypatch: pytest.MonkeyPatch
    root: Path

    def run(self, *arguments: object) -> Result:
        """The command in this process, errors and exit code as the shell would see them."""
        self.monkeypatch.setenv("KITCHEN_CONFIG", str(self.root / "configs/kitchen.yaml"))
        config._load.cache_clear()

        def call(*_: object, **__: object) -> None:
            program.main(["export", *map(str, arguments)])

        return CliRunner().invoke(click.Command("kitchen", callback=call), [])

    def made(self, *arguments: object) -> dict[str, Any]:
        """The facts of one that ends well."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        facts: dict[str, Any] = json.loads(result.stdout)
        return facts

    def refused(self, *arguments: object) -> tuple[int, str]:
        """Exit code and sentence of one that does not."""
        result = self.run(*arguments)
        assert result.exit_code != 0, result.output
        assert "Traceback" not in result.output
        assert len(result.stderr.strip().splitlines()) == 1 or result.exit_code == 2
        return result.exit_code, result.stderr
