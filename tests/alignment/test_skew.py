"""A tape's clock below the minute: the estimate, its interval, and what is done about it."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kit.both_steps import calibrated
from kit.minute_tables import MINUTE, day_us, kline_table, table
from kit.shipped import RULES
from pipeline.alignment.dense import dense_klines
from pipeline.alignment.skew import Skew, estimate
from pipeline.alignment.tape import tape_minutes
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables.parts import Parts, in_memory

DAY = "2025-01-02"
LIMITS = RULES.control.skew


@pytest.fixture(scope="session", params=["2019-10-11", "2019-10-12"])
def tape(request: pytest.FixtureRequest, real_data: Path) -> dict[str, Any]:
    """Every XRPETH trade of a day, and the exchange's minutes."""
    day, root = request.param, real_data / "xrpeth-2019-10"
    files = sorted((root / f"atas/ticks/XRPETH/date={day}").glob("*/ticks.jsonl"))
    feed = Feed(
        symbol="XRPETH",
        market="spot",
        source="atas_ticks",
        vendor_symbol="XRPETH",
        day=dt.date.fromisoformat(day),
    )
    raw = [RawPath(path, path.relative_to(root).as_posix(), 0) for path in files]
    klines = kline_table(root / f"binance/spot/XRPETH-1m-{day}.zip")
    return {"day": day, "klines": klines, "ticks": read_feed(feed, raw, RULES).table}


def late(ticks: pa.Table, ms: float) -> pa.Table:
    """The tape with stamps that run late by so many milliseconds."""
    ts = ticks["ts"].cast(pa.int64()).to_numpy() + round(ms * 1000)
    return ticks.set_column(
        ticks.column_names.index("ts"), "ts", pa.array(ts, pa.timestamp("us", tz="UTC"))
    )


def skew_of(day: str, klines: pa.Table, ticks: pa.Table | Parts) -> Skew | None:
    opened = day_us(day)
    return estimate(ticks, dense_klines(klines, opened), opened, 0, LIMITS)


def test_a_real_tape_moved_by_known_amounts_is_measured(tape: dict[str, Any]) -> None:
    """From 50 ms to 4 s, early and late: the true value lies inside the stated, narrow interval."""
    amounts = np.random.default_rng(4).integers(50, 4001, 12)
    moves = [
        0,
        50,
        4000,
        -4000,
        *(int(a) * sign for a, sign in zip(amounts, [1, -1] * 6, strict=True)),
    ]
    found = [skew_of(tape["day"], tape["klines"], late(tape["ticks"], ms)) for ms in moves]
    inside = [s is not None and s.low <= ms <= s.high for s, ms in zip(found, moves, strict=True)]

    assert sum(inside) >= 0.95 * len(moves)
    assert all(s is not None and s.width <= 100 for s in found)


@pytest.mark.parametrize("size", [1e9, 1e15])
def test_one_absurd_trade_tells_of_no_clock(size: float, tape: dict[str, Any]) -> None:
    """A size beyond the whole day's, counted beyond 64 bits: the clock is measured as without it."""
    moved = late(tape["ticks"], 1500)
    sizes = moved["qty"].to_pylist()
    sizes[len(sizes) // 2] = size
    place = moved.schema.get_field_index("qty")
    found = skew_of(
        tape["day"],
        tape["klines"],
        moved.set_column(place, moved.schema.field("qty"), pa.array(sizes)),
    )

    assert found is not None
    assert found.low <= 1500 <= found.high
    assert found.width <= 100


def generated(rate: float, seed: int, jitter_ms: float = 15.0) -> tuple[pa.Table, pa.Table]:
    """Four hours of trades at so many a second, and the minutes that they make by true time."""
    draw = np.random.default_rng([seed, round(rate * 10)])
    count, first = draw.poisson(rate * 4 * 3600), day_us(DAY) + 480 * MINUTE
    true = np.sort(draw.integers(0, 4 * 3600 * 1000, count)) * 1000 + first
    qty = np.round(draw.lognormal(0, 1.2, count) + 0.001, 3)
    volume = np.bincount((true - first) // MINUTE, np.rint(qty * 1000), 240) / 1000
    klines = [
        {
            "minute_open": first + m * MINUTE,
            "volume": float(v),
            "trades": 1,
            "file": 0,
            "line": m,
            "flags": 0,
        }
        | dict.fromkeys(("open", "high", "low", "close"), 1.0)
        for m, v in enumerate(volume)
        if v
    ]
    stamped = true + np.rint(draw.normal(0, jitter_ms, count)).astype(np.int64) * 1000
    order = np.argsort(stamped, kind="stable")
    ticks = pa.table(
        {
            "ts": pa.array(stamped[order], pa.timestamp("us", tz="UTC")),
            "price": np.ones(count),
            "qty": qty[order],
        }
    )
    return table("clean_klines", klines), ticks


def errors_at(rate: float, seeds: int) -> tuple[list[float], list[bool]]:
    errors, inside = [], []
    for seed in range(seeds):
        klines, ticks = generated(rate, seed)
        true = float(np.random.default_rng(seed).integers(-4000, 4001))
        found = skew_of(DAY, klines, late(ticks, true))
        assert found is not None
        errors.append(abs(found.ms - true))
        inside.append(found.low <= true <= found.high)
    return errors, inside


def test_generated_tapes_are_measured_within_25_ms() -> None:
    """Four hours, a trade every second, 15 ms of jitter."""
    errors, inside = errors_at(1.0, 20)

    assert np.quantile(errors, 0.95) <= 25
    assert sum(inside) >= 19


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.5, 1.0, 4.0, 10.0, 40.0])
def test_generated_tapes_at_every_rate(rate: float) -> None:
    """0.5 to 40 trades a second, 100 tapes each: error and honesty of the interval."""
    errors, inside = errors_at(rate, 100)

    assert np.quantile(errors, 0.95) <= 25
    assert np.mean(inside) >= 0.95


def test_a_skew_of_seconds_is_taken_off(tape: dict[str, Any]) -> None:
    """1.7 s late: prices equal the exchange's again in every minute, and the correction says so."""
    found = calibrated(tape["day"], tape["klines"], ticks=late(tape["ticks"], 1700), market="spot")
    entry = found.calibration

    assert (entry.status, entry.offset_minutes, entry.identity) == ("applied", 0, "same")
    assert entry.skew_ms == entry.skew_applied_ms == pytest.approx(1700, abs=10)
    assert entry.figures.best.exact_share >= 0.99
    assert found.correction.feeds["atas_ticks"].skew_us == round(entry.skew_ms * 1000)


@pytest.mark.parametrize("ms", [0, 300, -300])
def test_a_small_skew_is_shown_and_left(tape: dict[str, Any], ms: int) -> None:
    """Below half a second nothing is moved."""
    found = calibrated(tape["day"], tape["klines"], ticks=late(tape["ticks"], ms), market="spot")

    assert found.calibration.skew_ms == pytest.approx(ms, abs=10)
    assert found.calibration.skew_applied_ms == 0
    assert found.correction.feeds["atas_ticks"].skew_us == 0


def test_more_than_five_seconds_is_never_corrected(tape: dict[str, Any]) -> None:
    """Measured, and left as stamped."""
    found = calibrated(tape["day"], tape["klines"], ticks=late(tape["ticks"], 7000), market="spot")

    assert found.calibration.skew_ms == pytest.approx(7000, abs=10)
    assert found.calibration.skew_applied_ms == 0


def test_stamps_of_a_pc_clock_are_not_measured(tape: dict[str, Any]) -> None:
    """Digits below the millisecond tell of receipt, not of trade time."""
    ticks = tape["ticks"]
    noise = np.random.default_rng(2).integers(1, 999, ticks.num_rows)
    ts = np.sort(ticks["ts"].cast(pa.int64()).to_numpy() + noise)
    receipt = ticks.set_column(0, "ts", pa.array(ts, pa.timestamp("us", tz="UTC")))

    assert skew_of(tape["day"], tape["klines"], receipt) is None


def test_a_drifting_clock_is_not_corrected(tape: dict[str, Any]) -> None:
    """From 0.8 s to 2.4 s over the day: no single number is taken off."""
    ts = tape["ticks"]["ts"].cast(pa.int64()).to_numpy()
    drift = 800_000 + 1_600_000 * (ts - ts[0]) // (ts[-1] - ts[0])
    moved = tape["ticks"].set_column(0, "ts", pa.array(ts + drift, pa.timestamp("us", tz="UTC")))
    found = calibrated(tape["day"], tape["klines"], ticks=moved, market="spot")

    assert found.calibration.skew_applied_ms == 0


def test_another_instruments_volumes_tell_nothing(tape: dict[str, Any]) -> None:
    """Volumes that agree at no skew are no measure of a clock."""
    draw = np.random.default_rng(3)
    qty = pa.array(np.round(draw.lognormal(3, 1, tape["ticks"].num_rows)))
    names = tape["ticks"].column_names
    other = tape["ticks"].set_column(names.index("qty"), "qty", qty)

    assert skew_of(tape["day"], tape["klines"], other) is None


def test_a_tape_in_parts_gives_what_it_gives_in_one_piece(tape: dict[str, Any]) -> None:
    """Wherever it is cut, also inside a minute or between equal stamps: the same minutes, the same skew."""
    ticks = late(tape["ticks"], 900)
    cuts = np.random.default_rng(7).integers(0, ticks.num_rows, 12)
    edges = [0, *np.sort(cuts).tolist(), ticks.num_rows]
    pieces = [in_memory(ticks.slice(a, b - a)) for a, b in pairwise(edges)]
    parts = Parts(schema=ticks.schema, parts=tuple(pieces))

    assert skew_of(tape["day"], tape["klines"], parts) == skew_of(
        tape["day"], tape["klines"], ticks
    )
    assert tape_minutes(parts).equals(tape_minutes(ticks))
