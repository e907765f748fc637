"""What a day's own numbers give away: wicks, frozen or copied minutes, a tape that stood still.

Belongs here: patterns inside one symbol's day that no single line shows. Limits stand in CONTROL; what
follows from a finding is `verdict.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.quality.facts import PRICES, DayFacts, Minutes, positions
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats
from pipeline.tables.exact import step


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """A measured value, None where the day offers nothing to measure; in words; and the minutes."""

    measured: float | None
    note: str
    at_fault: Bools


Measure = Callable[[DayFacts, Minutes], Oddity]


def on_day(facts: DayFacts, column: str) -> Floats:
    """A column of the bars on the day's 1440 minutes, NaN where there is no row or value."""
    values = np.full(MINUTES_PER_DAY, np.nan)
    values[positions(facts)] = arrays.floats(facts.bars[column])
    return values


def wicks(facts: DayFacts) -> Floats:
    """The longer wick of each minute as a share of its body's nearer end."""
    opened, high, low, close = (on_day(facts, name) for name in PRICES)
    above = high / np.fmax(opened, close) - 1
    below = 1 - low / np.fmin(opened, close)
    return np.fmax(above, below)


def outlying_wicks(facts: DayFacts, minutes: Minutes) -> Oddity:
    """C03: wicks beyond so many MADs of the day's wicks, and long at all."""
    found, limits = wicks(facts), facts.control.oddities
    known = np.isfinite(found)
    if not known.any():
        return nothing("no minute has prices")
    middle = float(np.median(found[known]))
    spread = float(np.median(np.abs(found[known] - middle)))
    least = max(limits["wick_mad_max"] * spread, limits["wick_bps_min"] / 1e4)
    mask = known & (np.nan_to_num(found) - middle > least)
    return _minutes(mask, f"{int(mask.sum())} minutes have a wick beyond {least * 1e4:.0f} bps")


def absurd_wicks(facts: DayFacts, minutes: Minutes) -> Oddity:
    """B19: wicks that no market of money has, as test networks have them by the dozen.

    Where the price is a few steps of its own, one step is a large share of it and no absurd wick.
    """
    least, steps = (
        facts.control.oddities["absurd_wick_share"],
        facts.control.oddities["absurd_wick_steps"],
    )
    opened, high, low, close = prices = [on_day(facts, name) for name in PRICES]
    length = np.fmax(high - np.fmax(opened, close), np.fmin(opened, close) - low)
    floor = (steps + 0.5) * (step(*prices) or 0.0)
    mask = (np.nan_to_num(wicks(facts)) > least) & (np.nan_to_num(length) > floor)
    return _minutes(mask, f"{int(mask.sum())} minutes have a wick beyond {least:.0%} of the price")


def frozen_price(facts: DayFacts, minutes: Minutes) -> Oddity:
    """C04: long runs of traded minutes whose four prices all are one and the same."""
    prices = [on_day(facts, name) for name in PRICES]
    still = minutes.traded & np.all([p == prices[0] for p in prices], axis=0)
    same = still & _as_before(prices[:1]) & _before(still)
    mask = _runs(same, facts.control.oddities["frozen_minutes_min"], with_first=True)
    return _minutes(mask, f"{int(mask.sum())} traded minutes lie in runs of one frozen price")


def copied_bars(facts: DayFacts, minutes: Minutes) -> Oddity:
    """B25: runs of bars that repeat all values of the bar before, volume included."""
    values = [on_day(facts, name) for name in (*PRICES, "volume")]
    same = minutes.traded & _before(minutes.traded) & _as_before(values)
    mask = _runs(same, facts.control.oddities["copied_minutes_min"])
    return _minutes(mask, f"{int(mask.sum())} minutes are copies of the one before, volume and all")


def silent_record(facts: DayFacts, minutes: Minutes) -> Oddity:
    """B09: spans in which the archive has no volume and ATAS of the same instrument traded."""
    if not facts.same_instrument:
        return nothing("the feeds were not identified as one instrument")
    silent = minutes.record & ~minutes.traded & (np.nan_to_num(on_day(facts, "atas_volume")) > 0)
    mask = _runs(silent, facts.control.oddities["silent_minutes_min"])
    return _minutes(mask, f"{int(mask.sum())} minutes have no volume although ATAS saw trades")


def stalled_tape(facts: DayFacts, minutes: Minutes) -> Oddity:
    """A20: ATAS bars whose close stands still while the exchange's moves."""
    theirs, ours = on_day(facts, "atas_close"), on_day(facts, "close")
    same = np.isfinite(theirs) & minutes.traded & _as_before([theirs]) & ~_as_before([ours])
    mask = _runs(same, facts.control.oddities["stalled_minutes_min"])
    if not minutes.atas.any():
        return nothing("no ATAS minute on the grid")
    return _minutes(mask, f"in {int(mask.sum())} minutes ATAS stood still and the exchange did not")


def impossible_cvd(facts: DayFacts, minutes: Minutes) -> Oddity:
    """A08: steps of the exported cvd that no order flow of the minutes entering and leaving can make."""
    cvd, volume = on_day(facts, "cvd_export"), on_day(facts, "atas_volume")
    step = np.abs(np.diff(cvd, prepend=np.nan))
    leaving = sum(
        np.nan_to_num(np.concatenate([np.full(lag, np.nan), volume[:-lag]])) for lag in (60, 61)
    )
    known = np.isfinite(step) & np.isfinite(volume)
    if not known.any():
        return nothing("no cvd was exported")
    mask = known & (np.nan_to_num(step) > (np.nan_to_num(volume) + leaving) * (1 + 1e-9))
    share = float(mask.sum() / known.sum())
    words = f"{int(mask.sum())} of {int(known.sum())} steps of cvd_export exceed the volume"
    return Oddity(measured=share, note=words, at_fault=mask)


def price_step(facts: DayFacts, minutes: Minutes) -> Oddity:
    """A21: the step of ATAS prices over the step of the exchange's, of the same instrument."""
    pairs = [(on_day(facts, name), on_day(facts, f"atas_{name}")) for name in PRICES]
    both = np.all([np.isfinite(side) for pair in pairs for side in pair], axis=0)
    basis = np.abs(np.nan_to_num(on_day(facts, "basis_bps"), nan=np.inf))
    if not both.any() or np.median(basis[both]) > facts.control.identity["basis_median_bps_max"]:
        return nothing("no minutes of comparable prices")
    ours, theirs = (step(*(pair[side][both] for pair in pairs)) for side in (0, 1))
    if not ours or not theirs:
        return nothing("the prices have no step")
    ratio = theirs / ours
    coarse = both if ratio > 1 else np.zeros_like(both)
    note = f"ATAS prices step by {theirs:g}, the exchange's by {ours:g}"
    return Oddity(measured=ratio, note=note, at_fault=coarse)


def no_trade(facts: DayFacts, minutes: Minutes) -> Oddity:
    """B21: a day without a single trade, as of a pair that was not listed then."""
    traded = int(minutes.traded.sum())
    if not minutes.record.any():
        return nothing("the exchange of record has no row")
    at_fault = minutes.record & ~minutes.traded & (traded == 0)
    return Oddity(measured=float(traded), note=f"{traded} minutes have a trade", at_fault=at_fault)


ODDITIES: dict[str, Measure] = {
    "outlying_wicks": outlying_wicks,
    "absurd_wicks": absurd_wicks,
    "frozen_price": frozen_price,
    "copied_bars": copied_bars,
    "silent_record": silent_record,
    "traded_minutes": no_trade,
    "stalled_tape": stalled_tape,
    "impossible_cvd": impossible_cvd,
    "price_step": price_step,
}
"""Check of CONTROL -> what measures it."""


def nothing(note: str) -> Oddity:
    """What the day does not offer to measure, and why."""
    return Oddity(measured=None, note=note, at_fault=np.zeros(MINUTES_PER_DAY, dtype=np.bool_))


def _minutes(mask: Bools, note: str) -> Oddity:
    return Oddity(measured=float(mask.sum()), note=note, at_fault=mask)


def _before(mask: Bools) -> Bools:
    return np.concatenate([[False], mask[:-1]])


def _as_before(columns: list[Floats]) -> Bools:
    """Minutes in which every column has the value of the minute before; NaN equals nothing."""
    same = np.all([column[1:] == column[:-1] for column in columns], axis=0)
    return np.concatenate([[False], same])


def _runs(same: Bools, least: float, *, with_first: bool = False) -> Bools:
    """Of minutes like the one before, those in runs of at least so many; also the one they are like."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]]).astype(np.int8)))
    mask = np.zeros_like(same)
    for start, stop in edges.reshape(-1, 2):
        first = start - with_first
        mask[first:stop] = stop - first >= least
    return mask
