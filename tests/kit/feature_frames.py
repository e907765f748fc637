"""Builders of what the feature steps read: frames, aligned bars and daily rows, all made from a seed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from kit.shipped import FEATURES, RULES
from pipeline.clock import DAY_US, MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.features.frame import Frame
from pipeline.features.levels import Levels, no_levels, on_grid
from pipeline.features.macro import frame_of as macro_frame
from pipeline.features.micro import Tape
from pipeline.features.micro import frame_of as micro_frame
from pipeline.features.registry import MACRO, MICRO

DAY = dt.date(2024, 3, 7)
KLINE_NAMES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
GAPS = 0.004


def _walk(rng: np.random.Generator, rows: int, step: float) -> dict[str, np.ndarray]:
    close = np.round(60_000 * np.exp(np.cumsum(rng.normal(0, step, rows))), 2)
    opened = np.concatenate(([60_000.0], close[:-1]))
    high = np.round(np.maximum(opened, close) * (1 + rng.exponential(step / 2, rows)), 2)
    low = np.round(np.minimum(opened, close) * (1 - rng.exponential(step / 2, rows)), 2)
    volume = np.round(rng.lognormal(2, 1, rows), 3)
    return {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "quote_volume": np.round(volume * (high + low) / 2, 5),
        "trades": rng.integers(1, 900, rows),
        "taker_buy_volume": np.round(volume * rng.uniform(0.2, 0.8, rows), 3),
    }


def _table(schema: pa.Schema, columns: dict[str, object], rows: int) -> pa.Table:
    arrays = []
    for field in schema:
        value = columns.get(field.name, [None] * rows)
        if pa.types.is_timestamp(field.type):
            arrays.append(pa.array(value, type=pa.int64()).cast(field.type))
        else:
            value = value.tolist() if isinstance(value, np.ndarray) else value
            arrays.append(pa.array(value, type=field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=schema)


def bars_of(first: dt.date, columns: dict[str, object]) -> pa.Table:
    """A `bars_1m` table of whole days from `first` on; columns not given are null, or true and 0."""
    rows = len(columns["close"])  # type: ignore[arg-type]
    opens = day_open_us(first) + MINUTE_US * np.arange(rows)
    closes = opens + MINUTE_US
    given = {
        "symbol": ["BTCUSDT"] * rows,
        "ts": closes,
        "minute_open": opens,
        "minute_close": closes,
        "available_at": closes + 2_000_000,
        "src_binance": [True] * rows,
        "src_atas": [True] * rows,
        "src_span_ok": [True] * rows,
        "is_filled": [False] * rows,
        "qc_flags": [0] * rows,
        **columns,
    }
    return _table(RULES.schema.table("bars_1m"), given, rows)


def random_bars(first: dt.date, days: int, seed: int = 1) -> pa.Table:
    """`bars_1m` of `days` days with order flow, ATAS columns and a gap in every 250th minute or so."""
    rng = np.random.default_rng(seed)
    rows = days * MINUTES_PER_DAY
    bars = _walk(rng, rows, 5e-4)
    delta = np.round(2 * bars["taker_buy_volume"] - bars["volume"], 3)
    cvd = np.round(np.cumsum(delta.reshape(days, -1), axis=1).ravel(), 3)
    gone = rng.random(rows) < GAPS
    measured = {
        k: np.where(gone, np.nan, v) for k, v in {**bars, "delta": delta, "cvd": cvd}.items()
    }
    offsets = {"poc": 20.0, "vah": 60.0, "val": -60.0, "bar_vpo_price": 0.0}
    return bars_of(
        first,
        {
            **measured,
            **{f"atas_{k}": bars[k] for k in ("open", "high", "low", "close", "volume")},
            **{name: np.round(bars["close"] + offset, 1) for name, offset in offsets.items()},
            "bar_vpo_vol": bars["volume"] / 5,
            "bar_vpo_side": [("bull", "neutral", "bear")[i] for i in rng.integers(0, 3, rows)],
            "absorption_detected": (rng.random(rows) < 0.1).tolist(),
            "absorption_side": [("buy", "sell", None)[i] for i in rng.integers(0, 3, rows)],
            "absorption_strength": rng.random(rows),
            "basis_bps": rng.normal(0, 2, rows),
            "src_binance": (~gone).tolist(),
        },
    )


def random_tape(bars: pa.Table, seed: int = 2) -> pa.Table:
    """`minute_stats` whose prices are the bars' ATAS prices."""
    rng = np.random.default_rng(seed)
    rows = bars.num_rows
    close = bars["atas_close"].to_numpy()
    columns = {name: bars[f"atas_{name}"].to_numpy() for name in ("open", "high", "low", "close")}
    return _table(
        RULES.schema.table("minute_stats"),
        {
            **columns,
            "minute_open": bars["minute_open"].cast(pa.int64()).to_numpy(),
            "volume": bars["atas_volume"].to_numpy(),
            "trades": rng.integers(2, 99, rows),
            "delta_min": -rng.random(rows),
            "delta_max": rng.random(rows),
            "qty_max": bars["atas_volume"].to_numpy() / 3,
            "gap_ms_mean": rng.uniform(10, 900, rows),
            "gap_ms_std": rng.uniform(10, 900, rows),
            "best_bid": close - 0.5,
            "best_ask": close + 0.5,
            "bid_size": rng.integers(1, 99, rows) / 10,
            "ask_size": rng.integers(1, 99, rows) / 10,
            "ofi": rng.normal(0, 9, rows),
            "eff_spread": rng.random(rows) * 1e-4,
            "qty_q95": bars["atas_volume"].to_numpy() / 5,
        },
        rows,
    )


def random_footprint(bars: pa.Table, seed: int = 5) -> pa.Table:
    """`footprint` of one to twelve levels a minute, up to 55 below or above its close."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 13, bars.num_rows)
    row = np.repeat(np.arange(bars.num_rows), count)
    place = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    buy, sell = (rng.integers(0, 40, row.size) ** 2 / 1000 for _ in range(2))
    centre = np.floor(bars["atas_close"].to_numpy() / 5) * 5
    return _table(
        RULES.schema.table("footprint"),
        {
            "symbol": ["BTCUSDT"] * row.size,
            "minute_open": bars["minute_open"].cast(pa.int64()).to_numpy()[row],
            "price": centre[row] + 5 * (place - count[row] // 2),
            "buy": buy,
            "sell": sell,
            "volume": np.round(buy + sell, 3),
            "trades": np.ones(row.size, dtype=np.int64),
        },
        row.size,
    )


def random_history(last: dt.date, days: int, seed: int = 3) -> pa.Table:
    """`daily_stats` rows of the `days` days up to and with `last`, all of minutes."""
    rng = np.random.default_rng(seed)
    rows = _walk(rng, days, 0.03)
    variance = 9e-4 * rng.lognormal(0, 0.5, days)
    opens = day_open_us(last) + DAY_US * np.arange(1 - days, 1)
    basis = rng.normal(-2, 1.5, days)
    funding, interest = np.round(rng.normal(3e-4, 2e-4, days), 8), rng.uniform(6e4, 9e4, days)
    return _table(
        RULES.schema.table("daily_stats"),
        {
            **rows,
            "day_open": opens,
            "minutes": [MINUTES_PER_DAY] * days,
            "rv": variance,
            "rv_5m": variance * 0.9,
            "basis_bps": basis,
            "funding_last": np.round(funding / 3, 8),
            "funding_sum": funding,
            "open_interest": np.round(interest, 3),
            "origin": ["minutes"] * days,
        },
        days,
    )


def minute_frame(day: dt.date = DAY) -> Frame:
    """The frame of a day and the day before, from `random_bars` with a tape."""
    bars = random_bars(day - dt.timedelta(days=1), 2)
    tape = whole_tape(bars)
    return micro_frame(day, bars, tape, MICRO, FEATURES.rules)


def whole_tape(bars: pa.Table) -> Tape:
    """Minute statistics and footprint of one tape, which is the bars'."""
    return Tape(random_tape(bars), random_footprint(bars))


def empty_levels(rows: int) -> Levels:
    """No row was measured."""
    return no_levels(np.zeros(rows, dtype=np.bool_))


def long_minute_frame(days: int = 4) -> Frame:
    """As `minute_frame`, of `days` days in one grid."""
    frames = []
    bars = random_bars(DAY, days)
    tape = whole_tape(bars)
    rules = FEATURES.rules
    for number in range(1, days, 2):
        day = DAY + dt.timedelta(days=number)
        frames.append(micro_frame(day, bars, tape, MICRO, rules))
    columns = {
        name: np.concatenate([frame.columns[name] for frame in frames])
        for name in frames[0].columns
    }
    rows = days * MINUTES_PER_DAY
    return Frame(
        start_us=day_open_us(DAY),
        step_us=MINUTE_US,
        since=0,
        rows=rows,
        rules=rules,
        columns=columns,
        levels=_levels_of(tape.footprint, rows),
    )


def _levels_of(footprint: pa.Table, rows: int) -> Levels:
    every = np.ones(rows, dtype=np.bool_)
    edges = day_open_us(DAY) + MINUTE_US * np.arange(rows + 1)
    return on_grid(footprint, edges, every, every)


def long_day_frame() -> Frame:
    """Twice the days that the slow steps reach, a few of them missing."""
    rules = FEATURES.rules
    history = random_history(DAY, 1200)
    frames = [
        macro_frame(day, history, MACRO, rules)
        for day in (DAY - dt.timedelta(days=599), DAY + dt.timedelta(days=1))
    ]
    gone = np.random.default_rng(4).random(1200) < GAPS
    columns = {
        name: np.where(gone, np.nan, np.concatenate([frame.columns[name] for frame in frames]))
        for name in frames[0].columns
    }
    start = frames[0].start_us
    return Frame(
        start_us=start,
        step_us=DAY_US,
        since=0,
        rows=1200,
        rules=rules,
        columns=columns,
        levels=empty_levels(1200),
    )


def archive_rows(path: Path) -> list[dict[str, str]]:
    """The lines of a Binance Vision archive, as text; those of the spot market have no header."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        lines = csv.reader(io.TextIOWrapper(member, encoding="utf-8"))
        rows = [dict(zip(KLINE_NAMES, line, strict=True)) for line in lines]
    return rows[1:] if rows[0]["open"] == "open" else rows
