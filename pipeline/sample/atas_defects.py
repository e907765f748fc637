"""Damage to the ATAS side of a day: each function is one defect of the catalogue, exactly injected.

Belongs here: `DayExport -> DayExport` functions that change what ATAS recorded or how it wrote it.
Does not belong here: damage to archives (`binance_defects.py`), the list of codes (`defects.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.sample.draws import bells, below, words
from pipeline.sample.export import DayExport, Edit, recorded_from
from pipeline.sample.minutes import minute_of
from pipeline.sample.tape import day_tape, sizes
from pipeline.sample.writers import Record, history_records, live_records, tick_records
from pipeline.tables.arrays import Ints

ZONE_HOURS = 8
HISTORY_HOUR = 6
ZERO_BARS = 5
SWAPS = 25
LOST_ONE_IN = 10
SKEW_US = 1_200_000
CLOCK_NOISE_US = 40_000
BASIS, BASIS_NOISE = -4e-4, 0.8e-4
MULTIPLIER = 1_000
BLANK_EVERY = 50
TORN_BYTES = 60

_STAMPS = ("timestamp", "timestamp_utc", "window_id", "ts")
_POINT = ("poc", "bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc", "bar_vpo_side")


def other_instrument(export: DayExport) -> DayExport:
    """C01."""
    tape = export.recorded
    names = (tape.seed, tape.instrument.symbol, tape.day, "C01")
    basis = BASIS + BASIS_NOISE * bells(MINUTES_PER_DAY, *names, "basis")
    shift = np.rint(tape.open_ticks * basis).astype(np.int64)[minute_of(tape)]
    other = replace(
        tape,
        price_ticks=tape.price_ticks + shift,
        bid_ticks=tape.bid_ticks + shift,
        ask_ticks=tape.ask_ticks + shift,
        qty_lots=sizes(len(tape), tape.instrument, *names),
    )
    return recorded_from(export, other)


def multiplied(export: DayExport) -> DayExport:
    """C02."""
    tape = export.recorded
    other = replace(
        tape,
        price_ticks=tape.price_ticks * MULTIPLIER,
        bid_ticks=tape.bid_ticks * MULTIPLIER,
        ask_ticks=tape.ask_ticks * MULTIPLIER,
    )
    return recorded_from(export, other)


def wrong_symbol(export: DayExport) -> DayExport:
    """A22."""
    tape = export.tape
    symbol = tape.instrument.symbol
    other = day_tape(tape.seed, other_symbol(symbol), tape.day, len(tape))
    disguised = replace(other.instrument, symbol=symbol)
    return recorded_from(export, replace(other, instrument=disguised))


def other_symbol(symbol: str) -> str:
    """Whose bars a wrongly set chart records."""
    return "BTCUSDT" if symbol == "ETHUSDT" else "ETHUSDT"


def live(export: DayExport) -> DayExport:
    """A04."""
    return replace(export, bars=tuple(live_records(export.recorded)) if export.bars else ())


def history_again(export: DayExport) -> DayExport:
    """A05."""
    at = next((i for i, r in enumerate(export.bars) if _hour(r) >= HISTORY_HOUR), len(export.bars))
    history = [r for r in history_records(export.recorded) if _hour(r) < HISTORY_HOUR]
    again = tuple(history) if at else ()
    return replace(export, bars=export.bars[:at] + again + export.bars[at:])


def all_buy(export: DayExport) -> DayExport:
    """A09."""
    return replace(export, ticks=tuple(_bought(record) for record in export.ticks))


def zero_prices(export: DayExport) -> DayExport:
    """A10."""
    bars, zero = list(export.bars), {"open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0}
    for i in spread(len(bars), ZERO_BARS):
        bars[i] = bars[i] | zero
    return replace(export, bars=tuple(bars))


def safe_mode(export: DayExport) -> DayExport:
    """A11."""
    bars = [{k: v for k, v in record.items() if k not in _POINT} for record in export.bars]
    unmeasured = {**dict.fromkeys(_POINT), "bar_vpo_side": ""}
    simplified = [record | unmeasured for record in export.simplified]
    return replace(export, bars=tuple(bars), simplified=tuple(simplified))


def pc_clock(export: DayExport) -> DayExport:
    """A17."""
    tape = export.recorded
    late = below(CLOCK_NOISE_US, len(tape), tape.seed, tape.instrument.symbol, tape.day, "A17")
    return _ticks_at(export, np.maximum.accumulate(tape.ts_us + late))


def skewed(export: DayExport) -> DayExport:
    """C07."""
    return _ticks_at(export, export.recorded.ts_us + SKEW_US)


def out_of_order(export: DayExport) -> DayExport:
    """A18."""
    ticks = list(export.ticks)
    movable = [
        i
        for i in range(0, len(ticks) - 1, 2)
        if ticks[i]["ts"] < ticks[i + 1]["ts"] and ticks[i]["ts"][:13] == ticks[i + 1]["ts"][:13]
    ]
    for i in (movable[k] for k in spread(len(movable), SWAPS)):
        ticks[i], ticks[i + 1] = ticks[i + 1], ticks[i]
    return replace(export, ticks=tuple(ticks))


def lost_bars(export: DayExport) -> DayExport:
    """C08."""
    lost = lost_minutes(export)
    return replace(
        export,
        bars=tuple(r for r in export.bars if r["timestamp"][11:16] not in lost),
        simplified=tuple(r for r in export.simplified if r["timestamp"][11:16] not in lost),
    )


def lost_minutes(export: DayExport) -> frozenset[str]:
    """The minutes, as HH:MM, that C08 loses: a tenth of the traded ones, drawn from the day's name."""
    tape = export.recorded
    minutes = np.unique(minute_of(tape))
    rank = np.argsort(words(len(minutes), tape.seed, tape.instrument.symbol, tape.day, "C08"))
    chosen = minutes[rank[: len(minutes) // LOST_ONE_IN]].tolist()
    return frozenset(f"{m // 60:02d}:{m % 60:02d}" for m in chosen)


def zone_shift(export: DayExport) -> DayExport:
    """A02."""
    return replace(
        export,
        bars=tuple(_restamped(record) for record in export.bars),
        simplified=tuple(_restamped(record) for record in export.simplified),
        ticks=tuple(_restamped(record) for record in export.ticks),
    )


def absent(export: DayExport) -> DayExport:
    """C12."""
    return replace(export, bars=(), simplified=(), ticks=())


def bom_and_blanks(export: DayExport) -> DayExport:
    """A12."""
    return _edited(export, lambda name: name.startswith("atas/"), _with_bom_and_blanks)


def torn(export: DayExport) -> DayExport:
    """A13."""

    def hit(name: str) -> bool:
        return name.startswith(("atas/bars_1m/", "atas/v6_3/")) or name.endswith("/12/ticks.jsonl")

    return _edited(export, hit, _with_torn_lines)


def spread(length: int, count: int) -> list[int]:
    """`count` indices (fewer of a short sequence) spread evenly over `range(length)`, ends left alone."""
    count = min(count, length)
    return [(2 * k + 1) * length // (2 * count) for k in range(count)]


def _edited(
    export: DayExport, hit: Callable[[str], bool], change: Callable[[bytes], bytes]
) -> DayExport:
    def edit(name: str, data: bytes) -> bytes:
        return change(data) if hit(name) and export.atas_folder in name else data

    edits: tuple[Edit, ...] = (*export.edits, edit)
    return replace(export, edits=edits)


def _with_bom_and_blanks(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    for at in range(len(lines) // BLANK_EVERY * BLANK_EVERY, 0, -BLANK_EVERY):
        lines.insert(at, b"\r\n")
    return b"\xef\xbb\xbf" + b"".join(lines)


def _with_torn_lines(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    middle = len(lines) // 2
    if middle < len(lines) - 1:
        lines[middle] = lines[middle][:TORN_BYTES] + b"\r\n"
    lines[-1] = lines[-1][:TORN_BYTES]
    return b"".join(lines)


def _hour(record: Record) -> int:
    return int(record["timestamp"][11:13])


def _bought(record: Record) -> Record:
    renamed = {("vbuy" if name == "vsell" else name): value for name, value in record.items()}
    return renamed | {"side": "buy"}


def _ticks_at(export: DayExport, ts_us: Ints) -> DayExport:
    if not export.ticks:
        return export
    tape = replace(export.recorded, ts_us=ts_us)
    return replace(export, ticks=tuple(tick_records(tape, export.market)))


def _restamped(record: Record) -> Record:
    return {k: _hours_early(v[:13]) + v[13:] if k in _STAMPS else v for k, v in record.items()}


@lru_cache(maxsize=256)
def _hours_early(hour: str) -> str:
    moment = dt.datetime.fromisoformat(hour + ":00+00:00") - dt.timedelta(hours=ZONE_HOURS)
    return f"{moment:%Y-%m-%dT%H}"
