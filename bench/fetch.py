"""How much faster files come side by side, and how few requests a year is; one command.

python bench/fetch.py [--days 25] [--rounds 3] [--latency 0.1]

An exchange on loopback (that of the tests) answers each request after the latency. `kitchen fetch` brings
the same daily files one by one and side by side, in whole processes that take turns, so that what else the
machine does falls on both; time on the clock, since waiting is what is measured. Then a year of three kinds:
how many requests it takes by month, and how many its days would.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.settings.config import PROJECT

sys.path.insert(0, str(PROJECT / "tests"))

from kit.fake_exchange import Clock, FakeExchange
from kit.fetch_ground import kitchen_for

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "BNBUSDT")
KINDS = ("klines", "trades", "aggTrades")
FIRST = dt.date(2024, 1, 2)
YEAR = 366
FASTER_LEAST, REQUESTS_MOST = 6, 1 / 25
ZIP = b"PK" + bytes(20_000)


def publish(exchange: FakeExchange, span: str, kind: str, symbol: str, period: str) -> None:
    """Puts some bytes where the exchange has an archive; what is in them nobody reads here."""
    name = f"{symbol}-{'1m' if kind == 'klines' else kind}-{period}.zip"
    folder = f"klines/{symbol}/1m" if kind == "klines" else f"{kind}/{symbol}"
    exchange.put(f"/data/spot/{span}/{folder}/{name}", ZIP)


def fetched(root: Path, exchange: FakeExchange, words: tuple[str, ...], more: str = "") -> float:
    """Seconds on the clock of a whole `kitchen fetch` into an empty folder."""
    shutil.rmtree(root, ignore_errors=True)
    symbols = dict.fromkeys(SYMBOLS, "{market: spot}")
    kitchen = kitchen_for(root, exchange, symbols, f"  use: [archive]\n{more}")
    command = [str(Path(sys.executable).with_name("kitchen")), "fetch", *words]
    environ = {**os.environ, "KITCHEN_CONFIG": str(kitchen.file)}
    exchange.asked.clear()
    started = time.perf_counter()
    ended = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {ended.returncode}: {ended.stderr}")
    return time.perf_counter() - started


def side_by_side(root: Path, exchange: FakeExchange, days: int, rounds: int) -> float:
    """Time of one connection / time of as many as there are by default."""
    dates = [FIRST + dt.timedelta(days=n) for n in range(days)]
    for symbol in SYMBOLS:
        for date in dates:
            publish(exchange, "daily", "klines", symbol, str(date))
    words = ("--date", str(dates[-1]), "--days", str(days))
    ratios = []
    for _ in range(rounds):
        alone = fetched(root, exchange, words, "  connections: 1\n")
        beside = fetched(root, exchange, words)
        print(f"{len(SYMBOLS) * days} files: {alone:.1f} s one by one, {beside:.1f} s side by side")
        ratios.append(alone / beside)
    return statistics.median(ratios)


def of_a_year(root: Path, exchange: FakeExchange) -> float:
    """Requests of a year of all kinds, of one symbol / those of its days."""
    for kind in KINDS:
        for month in range(1, 13):
            publish(exchange, "monthly", kind, SYMBOLS[0], f"2024-{month:02}")
    words = ("--date", "2024-12-31", "--days", str(YEAR), "--symbols", SYMBOLS[0])
    fetched(root, exchange, (*words, "--kinds", ",".join(KINDS)))
    zips = sum(path.endswith(".zip") for path, _ in exchange.asked)
    days = YEAR * len(KINDS)
    print(
        f"a year of {len(KINDS)} kinds: {zips} archives and {len(exchange.asked) - zips} checksums;"
        f" {days} of each by day"
    )
    return len(exchange.asked) / (2 * days)


def main() -> int:
    """Prints each figure beside its limit; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=25, choices=range(1, 29))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.1)
    given = parser.parse_args()
    exchange = FakeExchange(Clock(time.time()))
    exchange.latency = lambda path: given.latency
    with exchange.serving(), tempfile.TemporaryDirectory() as folder:
        faster = side_by_side(Path(folder), exchange, given.days, given.rounds)
        requests = of_a_year(Path(folder), exchange)
    for figure, words, most, holds in (
        (faster, "one by one to side by side", f"at least {FASTER_LEAST}", faster >= FASTER_LEAST),
        (
            requests,
            "requests of a year to those of its days",
            f"at most {REQUESTS_MOST:.2f}",
            requests <= REQUESTS_MOST,
        ),
    ):
        print(f"  {figure:.3f}  {words} ({most}: {'holds' if holds else 'missed'})")
    return int(faster < FASTER_LEAST or requests > REQUESTS_MOST)


if __name__ == "__main__":
    sys.exit(main())
