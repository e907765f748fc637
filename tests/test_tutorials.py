"""The tutorials of docs/: who types their blocks in an empty folder gets to the end, as they show it."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.doc_pages import Reader, page
from kit.fake_exchange import Clock, FakeExchange
from pipeline.sample.generate import SampleRequest, write_sample

DAY = dt.date(2025, 1, 2)
ARCHIVES = {
    "1m": "klines/{symbol}/1m",
    "trades": "trades/{symbol}",
    "aggTrades": "aggTrades/{symbol}",
}


@pytest.fixture
def exchange() -> Iterator[FakeExchange]:
    """Stands for the exchange."""
    with FakeExchange(Clock(time.time())).serving() as exchange:
        yield exchange


def published(exchange: FakeExchange, raw: Path, symbol: str = "BTCUSDT") -> None:
    """Puts a sample's daily archives of a perpetual where the exchange has them."""
    for file in raw.glob(f"binance/futures_um/{symbol}-*-????-??-??.zip"):
        kind = file.name.split("-")[1]
        if kind in ARCHIVES:
            folder = ARCHIVES[kind].format(symbol=symbol)
            exchange.put(f"/data/futures/um/daily/{folder}/{file.name}", file.read_bytes())


def asks(exchange: FakeExchange, kitchen: Path) -> None:
    """Lets a kitchen's fetches ask here."""
    base = exchange.base
    addresses = f"{{spot: '{base}', futures_um: '{base}', futures_cm: '{base}'}}"
    with open(kitchen / "kitchen.yaml", "a") as file:
        file.write(f"fetch: {{archive: '{base}', rest: {addresses}}}\n")


def test_the_owner_of_a_chart(tmp_path: Path, exchange: FakeExchange) -> None:
    """Practice, then exports of her own whose klines the exchange has."""
    write_sample(SampleRequest(out=tmp_path / "exports", first=DAY, trades_per_day=2000))
    published(exchange, tmp_path / "exports")
    shutil.rmtree(tmp_path / "exports/binance")

    def before(code: str) -> str:
        if "kitchen fetch" in code:
            asks(exchange, tmp_path / "my-kitchen")
        return code

    reader = Reader(tmp_path, {"HOME": str(tmp_path)}, before)
    reader.follow(page("docs/tutorials/atas_owner.md"))

    assert (tmp_path / "my-kitchen/snapshots/LATEST_AVAILABLE/bars_1m.parquet").is_file()
