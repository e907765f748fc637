"""A day's ticks, or its archive of trades -> clean tape, proof, footprint, minutes: what the steps do.

    python bench/ours.py RAW OUT [--no-hash]

RAW is a raw folder, OUT gets the files of the steps CleanFeed (of the tape, and of the klines if there are
any) and Footprint, under their names. Prints what every line of the tape became. What a tape's clock says is
known here: Calibration, which finds it, is another step.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import re
import time
from pathlib import Path

import pyarrow as pa

from pipeline import storage
from pipeline.alignment.true_time import parts_in_true_time
from pipeline.contracts import correction, rules
from pipeline.contracts.day import Day
from pipeline.contracts.ledger import LedgerEntry, to_json
from pipeline.model.feeds import TRADE_TAPES
from pipeline.model.raw_names import RawPath
from pipeline.proof.taken import held_against_klines, tapes_taken
from pipeline.proof.tapes import Given, TapeGiven
from pipeline.sources import rawfile
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables import parquet
from pipeline.tables.no_pandas import leave_pandas_alone
from pipeline.tables.parts import Parts, Spill, single

MARKET, TAPE, KLINES, TICKS = "futures_um", "tape", "binance_1m", "atas_ticks"
SOURCES = {"date": TICKS, "trades": "binance_trades", "aggTrades": "binance_agg_trades"}
IN_TIME = correction.from_json(
    {
        **correction.to_json(correction.NONE),
        "feeds": {
            TICKS: {
                "status": "not_needed",
                "offset_minutes": 0,
                "identity": "same",
                "volume_unit": "base",
                "volume_factor": 1,
            }
        },
    }
)
"""What Calibration finds of ticks whose clock is right."""

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


def write(path: Path, table: pa.Table | Parts) -> str:
    """Writes a table and hashes its content, as a step does."""
    with storage.replacing(path) as handle:
        return parquet.write_hashed(handle, table)


def _feeds(raw: Path) -> dict[str, tuple[Feed, list[RawPath]]]:
    """The feeds of a raw folder with their files: ticks, where there are any, else trades; klines."""
    paths = sorted(raw.rglob("ticks.jsonl*")) or sorted(raw.rglob("*rades-*.zip"))
    ticks = re.search(r"/ticks/([^/]+)/(date)=([0-9-]{10})/", str(paths[0]))
    found = ticks or re.search(r"/([^/-]+)-(trades|aggTrades)-([0-9-]{10})", str(paths[0]))
    assert found is not None
    symbol, kind, day = found.groups()

    def feed(source: str, files: list[Path]) -> tuple[Feed, list[RawPath]]:
        named = [RawPath(path, path.relative_to(raw).as_posix(), 0) for path in files]
        date = dt.date.fromisoformat(day)
        return Feed(
            symbol=symbol, market=MARKET, source=source, vendor_symbol=symbol, day=date
        ), named

    klines = sorted(raw.rglob("*-1m-*.zip"))
    return {TAPE: feed(SOURCES[kind], paths)} | ({KLINES: feed(KLINES, klines)} if klines else {})


def _clean(feed: Feed, files: list[RawPath], out: Path) -> list[LedgerEntry]:
    """The step CleanFeed."""
    out.mkdir()
    found = read_feed(feed, files, RULES, spill=out)
    write(out / "clean.parquet", found.parts)
    write(out / "rejects.parquet", found.rejects)
    storage.write_json(out / "ledger.json", [to_json(entry) for entry in found.ledger])
    return found.ledger


def _footprint(feed: Feed, ledger: list[LedgerEntry], out: Path) -> list[str]:
    """The step Footprint; digests of what it tells of the tape."""
    day = Day(
        symbol=feed.symbol,
        market=feed.market,
        date=feed.day,
        rules=RULES,
        outages=frozenset(),
        prefer=(),
    )
    no_ticks = RULES.schema.table("clean_ticks").empty_table()
    klines = RULES.schema.table("clean_klines").empty_table()
    ticks, archives, tapes = single(no_ticks), {}, {}
    tape = parquet.in_parts(out / TAPE / "clean.parquet")
    if feed.source == TICKS:
        ticks = parts_in_true_time(tape, no_ticks, IN_TIME, feed.day)
    else:
        (name,) = (ours for ours, source in TRADE_TAPES.items() if source == feed.source)
        archives[name] = TapeGiven(parts=tape, is_archive=True, ledger=ledger)
    if (out / KLINES).is_dir():
        klines = parquet.read(out / KLINES / "clean.parquet")
        tapes = held_against_klines(day, ticks, IN_TIME, archives, ())
    found = tapes_taken(Given(day=day, klines=klines, tapes=tapes, keep=Spill(out).put), ticks)
    write(out / "tape_minutes.parquet", found.tape_minutes)
    write(out / "minute_stats.parquet", found.minute_stats)
    storage.write_json(out / "tape.json", to_json(found.finding))
    return [
        write(out / "footprint.parquet", found.footprint),
        write(out / "tape_stats.parquet", found.tape_stats),
    ]


def main() -> None:
    """Runs the steps CleanFeed and Footprint in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--no-hash", action="store_true")
    options = parser.parse_args()
    begun = time.process_time()
    leave_pandas_alone()
    feeds = _feeds(options.raw)
    if options.no_hash:
        rawfile.hashlib = type("hashlib", (), {"sha256": _NoHash})
    tape = _clean(*feeds[TAPE], options.out / TAPE)
    rawfile.hashlib = hashlib  # the klines have a checksum
    if KLINES in feeds:
        _clean(*feeds[KLINES], options.out / KLINES)
    names = ("read", "used", "merged", "rejected")
    report = {name: sum(getattr(entry.lines, name) for entry in tape) for name in names}
    report["bars"] = _footprint(feeds[TAPE][0], tape, options.out)
    report["proven"] = json.loads((options.out / "tape.json").read_text())["proven"]
    report["step_cpu_s"] = time.process_time() - begun
    print(json.dumps(report))


if __name__ == "__main__":
    main()
