"""Two files alone give what the kitchen makes of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from kit.support import kitchen_at
from kit.whole_day import whole_day
from pipeline.runs.two_files import Pair, align_files
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.tables import parquet

DAY = dt.date(2025, 1, 2)


@pytest.mark.parametrize("lost", ["", "T10:0"], ids=["whole", "ten minutes lost"])
def test_a_tape_and_klines_give_the_bars_of_a_day(tmp_path: Path, lost: str) -> None:
    """Proven minutes and where delta comes from too, also where the tape lacks trades."""
    kitchen = kitchen_at(tmp_path, {"BTCUSDT": "{market: futures_um}"})
    sample = SampleRequest(out=kitchen.raw, first=DAY, trades_per_day=6_000)
    write_sample(dataclasses.replace(sample, bars=False, simplified=False))
    hours = sorted((kitchen.raw / "atas/ticks/BTCUSDT").rglob("ticks.jsonl"))
    lines = [line for hour in hours for line in hour.read_text().splitlines()]
    kept = [line for n, line in enumerate(lines) if n % 3 or not lost or lost not in line]
    for hour in hours:
        hour.unlink()
    tape = kitchen.raw / f"atas/ticks/BTCUSDT/date={DAY}/ticks.jsonl"
    tape.write_text("\n".join(kept) + "\n")
    klines = kitchen.raw / f"binance/futures_um/BTCUSDT-1m-{DAY}.zip"

    aligned = align_files(Pair(atas=tape, binance=klines)).bars
    published = parquet.read(whole_day(kitchen, "BTCUSDT", DAY).read("AlignedBars", "bars_1m"))

    assert (len(kept) < len(lines)) is bool(lost)
    assert (False in aligned["proven"].to_pylist()) is bool(lost)
    assert [n for n in aligned.schema.names if not aligned[n].equals(published[n])] == []
