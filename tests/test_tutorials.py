"""The tutorials of docs/: who types their blocks in an empty folder gets to the end, as they show it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from kit.doc_pages import Reader, page
from kit.fake_exchange import Clock, FakeExchange
from kit.real_luigid import free_port
from pipeline.locations import PROJECT
from pipeline.sample import mark
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
    file, base = kitchen / "kitchen.yaml", exchange.base
    document = yaml.safe_load(file.read_text())
    rest = dict.fromkeys(("spot", "futures_um", "futures_cm"), base)
    document["fetch"] = {**document.get("fetch", {}), "archive": base, "rest": rest}
    file.write_text(yaml.safe_dump(document))


def test_the_owner_of_a_chart(tmp_path: Path, exchange: FakeExchange) -> None:
    """Practice, then exports of her own whose klines the exchange has."""
    write_sample(SampleRequest(out=tmp_path / "exports", first=DAY, trades_per_day=2000))
    (tmp_path / "exports" / mark.NAME).unlink()  # they stand for files of a real chart
    published(exchange, tmp_path / "exports")
    shutil.rmtree(tmp_path / "exports/binance")

    def before(code: str) -> str:
        if "kitchen fetch" in code:
            asks(exchange, tmp_path / "my-kitchen")
        return code

    reader = Reader(tmp_path, {"HOME": str(tmp_path)}, before)
    reader.follow(page("docs/tutorials/atas_owner.md"))

    assert (tmp_path / "my-kitchen/snapshots/LATEST_AVAILABLE/bars_1m.parquet").is_file()


def test_the_researcher(tmp_path: Path, exchange: FakeExchange) -> None:
    """Three days of two symbols that the exchange has."""
    for symbol in ("ADAUSDT", "LTCUSDT"):
        request = SampleRequest(
            out=tmp_path / "exchange",
            first=dt.date(2025, 1, 1),
            days=3,
            symbols=(symbol,),
            trades_per_day=1500,
            trades=True,
        )
        write_sample(request)
        published(exchange, tmp_path / "exchange", symbol)

    def before(code: str) -> str:
        if "kitchen fetch" in code:
            asks(exchange, tmp_path / "research")
        return code

    reader = Reader(tmp_path, {"HOME": str(tmp_path)}, before)
    reader.follow(page("docs/tutorials/binance_researcher.md"))

    days = sorted(path.name for path in (tmp_path / "research/snapshots").glob("2*"))
    assert days == ["2025-01-01", "2025-01-02", "2025-01-03"]


class Posted(BaseHTTPRequestHandler):
    """Takes what is posted, for whom alerts are for."""

    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        """Keeps it."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_the_operator(tmp_path: Path) -> None:
    """The alert arrives; the kitchen's luigid has a port of its own here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Posted)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    port = free_port()
    (tmp_path / "luigi.cfg").write_text(f"[core]\ndefault_scheduler_port={port}\n")

    def before(code: str) -> str:
        here = code.replace("127.0.0.1:8099", f"127.0.0.1:{server.server_port}")
        return here.replace("kitchen luigid ", f"kitchen luigid --port {port} ")

    environ = {"HOME": str(tmp_path), "LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg")}
    try:
        Reader(tmp_path, environ, before).follow(page("docs/tutorials/operator.md"))
    finally:
        server.shutdown()
        server.server_close()

    assert any(b"stale" in body for body in Posted.bodies)


def test_the_contributor(tmp_path: Path) -> None:
    """In a copy of the project."""
    left = shutil.ignore_patterns("__pycache__", "*.png", "*.so")
    checkout = tmp_path / "central-data-kitchen"
    for name in ("pipeline", "governance", "tests", "docs", "configs"):
        shutil.copytree(PROJECT / name, checkout / name, ignore=left)
    for name in ("setup.cfg", "ruff.toml", "pyproject.toml", "luigi.cfg"):
        shutil.copy(PROJECT / name, checkout)

    Reader(checkout, {"PYTHONPATH": str(checkout)}).follow(page("docs/tutorials/contributor.md"))

    written = json.loads((checkout / "governance/SCHEMA_features.json").read_text())
    assert "body_share" in json.dumps(written)


def test_a_page_that_shows_what_is_not_printed_is_told(tmp_path: Path) -> None:
    """What stands there, and what came; two dots stand for what differs, and for nothing else."""
    told = "```sh\necho one 2 three\n```\n```text\none .. {}\n```\n"

    Reader(tmp_path).follow(told.format("three"))

    with pytest.raises(AssertionError, match="one 2 three"):
        Reader(tmp_path).follow(told.format("four"))
    with pytest.raises(AssertionError, match="ends with 3"):
        Reader(tmp_path).follow("```sh\nexit 3\n```\n")
