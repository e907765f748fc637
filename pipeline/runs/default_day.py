"""Which day, and of which configuration, when a person names none; then the `luigi` program runs it.

`python -m pipeline.runs.default_day Snapshot [--date D]` is what the Makefile calls. Without raw exports it
writes a sample market first and works on that.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys

from pipeline import arrivals, asked, layout, windows
from pipeline.errors import KitchenError, ParameterError
from pipeline.locations import CHECKOUT_CONFIG
from pipeline.runs import first_look
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen, load_kitchen
from pipeline.stages import STAGES

SAMPLE_CONFIG = CHECKOUT_CONFIG.with_name("sample.yaml")
SAMPLE_DAY = dt.date(2025, 1, 2)
SAMPLE_WARMUP_DAYS = 60
SAMPLE_DEFECTS = {"BTCUSDT": ("A02", "A04", "A05", "A13", "A17"), "ETHUSDT": ("D01",)}
"""What is done to a symbol's files, for the day to find and put right."""


def newest_complete_day(kitchen: Kitchen) -> dt.date | None:
    """The newest date for which every expected symbol has settled files of the exchange of record."""
    days = {
        day
        for symbol in kitchen.symbols.values()
        for day in layout.raw_days(kitchen, symbol, "binance_1m")
    }
    return next((day for day in sorted(days, reverse=True) if _is_complete(kitchen, day)), None)


def _is_complete(kitchen: Kitchen, day: dt.date) -> bool:
    expected = arrivals.expected_symbols(kitchen, day)
    return bool(expected) and all(
        day in layout.raw_days(kitchen, symbol, "binance_1m")
        and arrivals.is_settled(kitchen, symbol, "binance", day)
        for symbol in expected
    )


def choose_kitchen() -> Kitchen:
    """The configuration in force; for a checkout's own without raw data, the sample market's, made now."""
    kitchen = load_kitchen()
    has_raw = any(arrivals.first_raw_day(kitchen, symbol) for symbol in kitchen.symbols.values())
    if has_raw or kitchen.file != CHECKOUT_CONFIG or os.environ.get("KITCHEN_CONFIG"):
        return kitchen
    sys.stdout.write(
        f"No raw exports in {kitchen.raw}: generating a sample market, then building its day.\n"
    )
    sys.stdout.flush()
    os.environ["KITCHEN_CONFIG"] = str(SAMPLE_CONFIG)
    sample = load_kitchen()
    if not any(arrivals.first_raw_day(sample, symbol) for symbol in sample.symbols.values()):
        write_market(sample)
        layout.forget_listings()
    return sample


def write_market(sample: Kitchen, warmup_days: int = SAMPLE_WARMUP_DAYS) -> None:
    """The exchange's files of every symbol, ATAS where it is expected, with their defects."""
    for symbol in sample.symbols.values():
        atas = symbol.atas != "none"
        write_sample(
            SampleRequest(
                out=sample.raw,
                first=SAMPLE_DAY,
                symbols=(symbol.name,),
                market=symbol.market,
                warmup_days=warmup_days,
                defects=SAMPLE_DEFECTS.get(symbol.name, ()),
                ticks=atas,
                bars=atas,
                simplified=atas,
                trades=True,
            )
        )


def commands(kitchen: Kitchen, stage: str, day: dt.date) -> list[list[str]]:
    """The `luigi` command lines that build a step of a day, one a symbol where the step has symbols."""
    base = [sys.executable, "-m", "luigi", "--module", "pipeline", stage, "--date", day.isoformat()]
    if STAGES[stage].grain == "date":
        return [base]
    return [[*base, "--symbol", s.name] for s in arrivals.expected_symbols(kitchen, day)]


def run(stage: str, date: str | None) -> int:
    """Builds a step of a day, and returns the exit code of the worst run.

    Raises:
        ConfigError: this is Windows.
        ParameterError: the date is none, or none was given and no day is complete.
    """
    windows.require_unix("a build")
    kitchen = choose_kitchen()
    day = asked.day(date, "DATE") if date else newest_complete_day(kitchen)
    if day is None:
        raise ParameterError(
            f"no day in {kitchen.raw} has klines of every expected symbol; bring them, or give DATE="
        )
    codes = [subprocess.run(line, check=False).returncode for line in commands(kitchen, stage, day)]
    worst = max(codes, default=0)
    if worst == 0 and stage == "Snapshot":
        sys.stdout.write("".join(f"{line}\n" for line in first_look.lines(kitchen, day)))
    return worst


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.runs.default_day",
        description="Builds one step of a day, for every symbol expected on it.",
        epilog="example: python -m pipeline.runs.default_day Snapshot --date 2025-01-02",
    )
    parser.add_argument("stage", choices=[name for name, s in STAGES.items() if s.grain != "feed"])
    parser.add_argument("--date", help="UTC date; default: the newest complete day")
    arguments = parser.parse_args()
    try:
        return run(arguments.stage, arguments.date)
    except KitchenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
