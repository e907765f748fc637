"""A day's ticks, or its archive of trades -> rejects, ledger, clean tape, footprint, minutes, as steps do.

    python bench/ours.py RAW OUT [--no-hash]

RAW is a raw folder, OUT gets the files. Prints what every line of the input became.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline import storage
from pipeline.bars.footprint import footprint, in_hours
from pipeline.contracts import rules
from pipeline.contracts.ledger import to_json
from pipeline.model.raw_names import RawPath
from pipeline.sources import rawfile
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables import parquet
from pipeline.tables.no_pandas import leave_pandas_alone

RULES = rules.load(Path(__file__).resolve().parent.parent / "governance")


class _NoHash:
    """Stands in for SHA-256, to see what parsing costs without it."""

    made = 0

    def __init__(self) -> None:
        _NoHash.made += 1
        self.number = _NoHash.made

    def update(self, data: bytes) -> None:
        """Takes nothing."""

    def hexdigest(self) -> str:
        """No digest, but never the same: equal ones would mean a copy."""
        return f"{self.number}"


def write(path: Path, table: object) -> str:
    """Writes a table and hashes its content meanwhile, as a step does."""
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(parquet.content_hash, table)
        parquet.write(path, table)
        return digest.result()


def _inputs(raw: Path) -> tuple[Feed, list[RawPath]]:
    """The feed of a raw folder's files: ticks, where there are any, else trades."""
    paths = sorted(raw.rglob("ticks.jsonl*")) or sorted(raw.rglob("*rades-*.*"))
    files = [RawPath(path, path.relative_to(raw).as_posix(), 0) for path in paths]
    ticks = re.search(r"/ticks/([^/]+)/(date)=([0-9-]{10})/", files[0].name)
    found = ticks or re.search(r"/([^/-]+)-(trades|aggTrades)-([0-9-]{10})", files[0].name)
    assert found is not None
    symbol, kind, day = found.groups()
    sources = {"date": "atas_ticks", "trades": "binance_trades", "aggTrades": "binance_agg_trades"}
    return Feed(
        symbol=symbol,
        market="futures_um",
        source=sources[kind],
        vendor_symbol=symbol,
        day=dt.date.fromisoformat(day),
    ), files


def main() -> None:
    """Runs the steps CleanFeed and Footprint in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--no-hash", action="store_true")
    options = parser.parse_args()
    begun = time.process_time()
    leave_pandas_alone()
    if options.no_hash:
        rawfile.hashlib = type("hashlib", (), {"sha256": _NoHash})
    feed, files = _inputs(options.raw)
    found = read_feed(feed, files, RULES, spill=options.out)
    write(options.out / "clean.parquet", found.parts)
    write(options.out / "rejects.parquet", found.rejects)
    storage.write_json(options.out / "ledger.json", [to_json(entry) for entry in found.ledger])
    tape = parquet.in_parts(options.out / "clean.parquet")
    levels, minutes = footprint(feed.symbol, tape, RULES)
    names = ("read", "used", "merged", "rejected")
    report = {name: sum(getattr(entry.lines, name) for entry in found.ledger) for name in names}
    report["bars"] = [
        write(options.out / "footprint.parquet", in_hours(levels)),
        write(options.out / "minute_stats.parquet", minutes),
    ]
    report["step_cpu_s"] = time.process_time() - begun
    print(json.dumps(report))


if __name__ == "__main__":
    main()
