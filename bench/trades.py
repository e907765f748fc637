"""An archive of the exchange's trades, from the zip to footprint and minute bars, against its yardsticks.

    python bench/trades.py [--trades 3000000] [--rounds 5] [--work FOLDER]

Whole fresh processes that take turns, as `bench/run.py` measures them; a ratio is the median of the rounds'
ratios of time on the clock, and beside it of the processor's. The kitchen's process holds the archive
against its klines. The yardstick is DuckDB reading the CSV of the same archive, unzipped, all columns with
one thread. The archives come from `trade_archive.py`; the largest has over 1,000 price levels a minute.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from run import HERE, PROJECT, Run, _has_freqtrade, ours, ratio, run

TRADES, MANY_TIMES = 3_000_000, 10_000_000
MOST_MB = 400
DUCKDB, KITCHEN, BAD = "DuckDB, CSV unzipped, 1 thread", "kitchen", "kitchen, 64 bad lines"
UNHASHED, AGGREGATES = "kitchen without raw hashing", "kitchen, aggTrades"
PEERS = {DUCKDB: "duckdb", "Polars, the same": "polars", "pyarrow.csv, the same": "pyarrow"}


def archive(folder: Path, trades: int, *more: str) -> Path:
    """A folder with such an archive and its CSV, made once, in a process of its own."""
    out = folder / "-".join(("archive", str(trades), *(word.strip("-") for word in more)))
    if not out.is_dir():
        made = folder / "being-made"
        shutil.rmtree(made, ignore_errors=True)
        command = [sys.executable, str(HERE / "trade_archive.py"), str(made)]
        subprocess.run([*command, "--trades", str(trades), *more], check=True)
        made.rename(out)
    return out


def measured(folder: Path, trades: int, rounds: int, work: Path) -> dict[str, list[Run]]:
    """Every contender, in turns; the largest archive once."""
    day, bad = archive(folder, trades), archive(folder, trades, "--bad-lines", "64")
    merged = archive(folder, trades, "--kind", "aggTrades")
    (csv,) = day.glob("*.csv")
    contenders = {
        KITCHEN: lambda: ours(day / "binance", work),
        UNHASHED: lambda: ours(day / "binance", work, "--no-hash"),
        BAD: lambda: ours(bad / "binance", work),
        AGGREGATES: lambda: ours(merged / "binance", work),
        **{
            name: lambda peer=peer: run("peer_trades.py", peer, str(csv))
            for name, peer in PEERS.items()
        },
    }
    found: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            found[name].append(contender())
    python = os.environ.get("KITCHEN_FREQTRADE_PYTHON", sys.executable)
    if _has_freqtrade(python):
        ours(day / "binance", work)
        clean = str(work / "out" / "tape" / "clean.parquet")
        found["freqtrade, order flow alone"] = [run("peer_freqtrade.py", clean, python=python)]
    many = archive(folder, MANY_TIMES, "--step", "40")
    found["kitchen, 10 million"] = [ours(many / "binance", work)]
    return found


def goals(found: dict[str, list[Run]]) -> list[tuple[float, str, str, float]]:
    """Figure, words, most or least, limit."""
    peak = found["kitchen, 10 million"][0].rss
    rows = [
        (ratio(found, KITCHEN, DUCKDB), "trades, whole process / DuckDB's bare parse", "most", 2.0),
        (ratio(found, AGGREGATES, DUCKDB), "aggTrades, whole process / the same", "most", 2.0),
        (ratio(found, BAD, KITCHEN), "trades, 64 bad lines / none", "most", 1.4),
        (peak / MOST_MB, f"trades, peak memory at 10 million rows / {MOST_MB} MB", "most", 1.0),
    ]
    freqtrade = found.get("freqtrade, order flow alone")
    if freqtrade:
        wall = median(one.wall for one in found[KITCHEN])
        value = freqtrade[0].said["seconds"] / wall
        rows.append((value, "freqtrade's order flow step / trades, whole process", "least", 10.0))
    return rows


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=PROJECT / "data" / "bench")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        found = measured(options.work, options.trades, options.rounds, Path(work))
    clean, bad = (found[name][0].said["bars"] for name in (KITCHEN, BAD))
    if clean != bad:
        raise SystemExit("the bars of the day with bad lines are not the clean day's")
    for name, runs in found.items():
        wall, cpu, rss = (median(getattr(r, f) for r in runs) for f in ("wall", "cpu", "rss"))
        print(f"{name}: {wall:.2f} s on the clock, {cpu:.2f} s of processor, {rss:.0f} MB")
    for name in (KITCHEN, AGGREGATES):
        print(f"processor time, {name} / {DUCKDB}: {ratio(found, name, DUCKDB, 'cpu'):.2f}")
    for value, words, most, limit in goals(found):
        holds = value <= limit if most == "most" else value >= limit
        print(f"{value:6.2f}  {words} (at {most} {limit:g}: {'holds' if holds else 'MISSED'})")


if __name__ == "__main__":
    main()
