"""The clock of a tape below the minute: by how many milliseconds its stamps run late.

Belongs here: the estimate from volumes by minute, its interval, its drift, and what CONTROL says may be
corrected. Does not belong here: the lag in minutes (`evidence.py`), moving the tape (`calibrate.py`).

Method: the exchange's volume of each minute is known. Cut the tape into minutes at every possible skew;
the right one makes the volumes agree. Quarter hours are drawn again with replacement: the mean of the
draws is the estimate (one argmin alone is rough), their outer quantiles the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.alignment.dense import Dense
from pipeline.alignment.tape import Lots
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, SECOND_US
from pipeline.contracts.calibration import SkewFigures, SkewPoint
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import Units, from_units, to_units
from pipeline.tables.parts import Parts, as_parts
from pipeline.tables.tape import in_order

COARSE_US = 50_000
FINE_US = 5_000
FINE_SPAN_US = 500_000
DRAWS = 400
PAD_US = 12_500
"""Added to either end of the interval: half of the 25 ms that minutes can resolve."""
MOST_OFF = 10.0
"""A minute's error counts as so many times its volume at most: one absurd number tells of no clock."""
_BLOCK = 15
_BLOCKS_PER_HOUR = 4
_TAIL = 0.01
_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """How late the tape's stamps are, in ms (early is negative), within `low` .. `high`.

    `residual` is the mean |v_tick - v_kline| / v_kline that is left at `ms`, `as_stamped` that at 0;
    `drift` the difference between the recording's halves, doubled. `curve` holds (ms, mean error)
    around the best.
    """

    ms: float
    low: float
    high: float
    residual: float
    as_stamped: float
    drift: float
    hours: int
    curve: tuple[tuple[float, float], ...]

    @property
    def width(self) -> float:
        """Width of the interval in ms."""
        return round(self.high - self.low, 3)


@dataclass(frozen=True, slots=True)
class _Errors:
    """By (quarter hour, skew): the sum of the relative errors, and that of their square roots, which
    minutes with small volumes and a single large trade do not sway as much.
    """

    skews: Ints
    sums: Floats
    roots: Floats
    minutes: Ints
    hours: int


@dataclass(frozen=True, slots=True)
class _Span:
    """A tape's first and last stamp in us, and how many have digits below the millisecond."""

    first: int
    last: int
    below_ms: int


@dataclass(frozen=True, slots=True)
class _Given:
    """The tape as stamped, and the exchange's volume by minute; 0 where the two cannot be compared.
    `from_us` is the day's first instant by the tape's stamps.
    """

    tape: Parts
    lots: Lots
    volume: Floats
    from_us: int


def estimate(
    ticks: pa.Table | Parts, klines: Dense, opened_us: int, lag_us: int, limits: dict[str, float]
) -> Skew | None:
    """The skew of a tape whose lag in whole minutes is known.

    Args:
        ticks: schema `clean_ticks`; one part at a time stands in memory.
        klines: the exchange's minutes of the day.
        opened_us: the day's first instant.
        lag_us: true minute - stamped minute.
        limits: CONTROL's `skew`.

    Returns:
        None where it cannot be told: stamps of a PC clock (digits below the millisecond), fewer than
        `hours_min` hours with trades, or volumes that agree at no skew (another instrument).
    """
    tape = as_parts(ticks)
    span = _span(tape)
    if span.below_ms > limits["sub_ms_share_max"] * tape.num_rows:
        return None
    traded = klines.present & _spanned(span.first + lag_us, span.last + lag_us, opened_us)
    volume = np.where(traded, klines.volume, 0.0)
    given = _Given(tape=tape, lots=Lots.of(tape, volume), volume=volume, from_us=opened_us - lag_us)
    reach = int(limits["search_seconds"]) * SECOND_US
    coarse = _errors(np.arange(-reach, reach + 1, COARSE_US), given)
    if coarse.hours < limits["hours_min"]:
        return None
    near = int(coarse.skews[np.argmin(coarse.roots.sum(axis=0))])
    fine = np.arange(near - FINE_SPAN_US, near + FINE_SPAN_US + 1, FINE_US)
    return _judged(_errors(fine, given), _errors(np.zeros(1, np.int64), given), limits)


def correctable(skew: Skew, limits: dict[str, float]) -> bool:
    """Whether CONTROL lets the tape be moved: far enough off, not too far, known well, not drifting."""
    return (
        limits["correct_above_ms"] < abs(skew.ms) <= limits["correct_up_to_ms"]
        and skew.width < limits["correct_interval_ms_max"]
        and abs(skew.drift) <= limits["drift_ms_max"]
    )


def described(skew: Skew, applied: bool) -> SkewFigures:
    """The figures of the report."""
    return SkewFigures(
        applied_ms=skew.ms if applied else 0.0,
        interval_width_ms=skew.width,
        residual=round(skew.residual, 9),
        residual_as_stamped=round(skew.as_stamped, 9),
        drift_ms_per_day=skew.drift,
        hours=skew.hours,
        curve=tuple(SkewPoint(skew_ms=ms, error=round(error, 9)) for ms, error in skew.curve),
    )


def _span(tape: Parts) -> _Span:
    first, last, below_ms = np.iinfo(np.int64).max, np.iinfo(np.int64).min, 0
    for table in tape.tables(["ts"]):
        ts = arrays.ints(table["ts"])
        first, last = int(ts.min(initial=first)), int(ts.max(initial=last))
        below_ms += int(np.count_nonzero(ts % _MS))
    return _Span(first=first, last=last, below_ms=below_ms)


def _spanned(first_us: int, last_us: int, opened_us: int) -> np.ndarray:
    """Minutes that lie wholly between the first and the last trade: the tape was running."""
    edges = opened_us + np.arange(MINUTES_PER_DAY + 1) * MINUTE_US
    inside: np.ndarray = (edges[:-1] >= first_us) & (edges[1:] <= last_us)
    return inside


def _cut(skews: Ints, given: _Given) -> Units:
    """The tape's volume by (minute, rising skew), in lots: differences of what traded before each edge."""
    edges = given.from_us + np.arange(MINUTES_PER_DAY + 1, dtype=np.int64) * MINUTE_US
    before = np.zeros((len(edges), len(skews)), dtype=given.lots.kind)
    for table in given.tape.tables(["ts", "qty"]):
        if not table.num_rows:
            continue
        table = in_order(table)
        ts, qty = arrays.ints(table["ts"]), arrays.floats(table["qty"])
        running = np.concatenate([[0], np.cumsum(given.lots.count(qty))])
        begin, end = np.searchsorted(edges, (ts[0] - skews[-1], ts[-1] - skews[0] + 1))
        before[begin:end] += running[_traded_before(edges[begin:end, None] + skews, ts)]
        before[end:] += running[-1]
    return np.diff(before, axis=0)


def _traded_before(instants: Ints, ts: Ints) -> Ints:
    """How many of the rising stamps lie before each instant: the fewer are looked up among the others."""
    flat = instants.ravel()
    if len(ts) >= flat.size or (np.diff(flat) < 0).any():
        return ts.searchsorted(instants)
    counts = np.bincount(flat.searchsorted(ts, "right"), minlength=flat.size + 1)
    return np.cumsum(counts[:-1]).reshape(instants.shape)


def _errors(skews: Ints, given: _Given) -> _Errors:
    """How far each quarter hour's volumes are off when stamps are taken to be so much late."""
    traded = np.flatnonzero(given.volume > 0)
    volume, places = given.volume[traded, None], given.lots.places
    blocks, start = np.unique(traded // _BLOCK, return_index=True)
    sums = roots = np.zeros((0, len(skews)))
    if len(blocks):
        missed = np.abs(_cut(skews, given)[traded] - to_units(volume, places))
        off = np.minimum(from_units(missed, places) / volume, MOST_OFF)
        sums, roots = np.add.reduceat(off, start), np.add.reduceat(np.sqrt(off), start)
    return _Errors(
        skews=skews,
        sums=sums,
        roots=roots,
        minutes=np.diff(np.append(start, len(traded))),
        hours=len(np.unique(blocks // _BLOCKS_PER_HOUR)),
    )


def _judged(fine: _Errors, stamped: _Errors, limits: dict[str, float]) -> Skew | None:
    total = int(fine.minutes.sum())
    errors = fine.sums.sum(axis=0) / total
    at, low, high = map(float, _flat_bottom(fine.skews, fine.roots.sum(axis=0)))
    residual = float(errors[np.searchsorted(fine.skews, low)])
    if residual > limits["residual_max"]:
        return None
    drawn = _drawn(fine)
    ends = [float(np.quantile(drawn, tail)) for tail in (_TAIL, 1 - _TAIL)]
    return Skew(
        ms=round((at if residual == 0.0 else float(drawn.mean())) / _MS, 3),
        low=round((min(low, ends[0]) - PAD_US) / _MS, 3),
        high=round((max(high, ends[1]) + PAD_US) / _MS, 3),
        residual=residual,
        as_stamped=float(stamped.sums.sum() / total),
        drift=_drift(fine),
        hours=fine.hours,
        curve=tuple(zip((fine.skews[::4] / _MS).tolist(), errors[::4].tolist(), strict=True)),
    )


def _flat_bottom(skews: Ints, errors: Floats) -> tuple[Floats, Ints, Ints]:
    """(middle, low, high) of the skews that are best: in a thin market no trade tells some apart.

    Of the errors by skew along the last axis.
    """
    best = errors.argmin(axis=-1)[..., None]
    bad = ~(errors <= errors.min(axis=-1, keepdims=True) + 1e-12)
    place = np.arange(len(skews))
    low = np.where(bad & (place < best), place, -1).max(axis=-1) + 1
    high = np.where(bad & (place > best), place, len(skews)).min(axis=-1) - 1
    return (skews[low] + skews[high]) / 2, skews[low], skews[high]


def _drawn(errors: _Errors) -> Floats:
    """The best skew of samples of the quarter hours, drawn with replacement."""
    blocks = len(errors.minutes)
    # A fixed stream of raw words: the same on every machine and with every version.
    raw = np.random.Philox(key=1).random_raw(DRAWS * blocks)
    picks = (raw % np.uint64(blocks)).astype(np.int64).reshape(DRAWS, blocks)
    roots = np.array([errors.roots[p].sum(axis=0) for p in picks])
    return _flat_bottom(errors.skews, roots)[0]


def _drift(errors: _Errors) -> float:
    """Twice the second half's skew less the first's, in ms: what a day of it comes to."""
    half = len(errors.minutes) // 2
    first, second = (
        float(_flat_bottom(errors.skews, part.sum(axis=0))[0])
        for part in (errors.roots[:half], errors.roots[half:])
    )
    return round(2 * (second - first) / _MS, 3)
