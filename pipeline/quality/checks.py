"""The checks that CONTROL names, one small function each: a day's facts -> measured value and minutes.

Belongs here: measuring. What follows from a result is `verdict.py`; the limits stand in
`governance/CONTROL_kitchen.yaml`. Coverage is held against the calendar (1440 minutes less the known
outages), never against the data's own span: a file cut at 07:36 does not score 100 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pipeline.contracts.control import CONSEQUENCES, Threshold
from pipeline.contracts.verdict import CheckResult
from pipeline.model.feeds import ATAS_FEEDS, FEEDS
from pipeline.quality.distributions import DRIFTS
from pipeline.quality.facts import (
    PRICES,
    RECORD,
    DayFacts,
    Minutes,
    edges,
    mask_of,
    minutes_of,
    positions,
)
from pipeline.quality.oddities import ODDITIES, Measure
from pipeline.quality.tapes import PROOFS
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools
from pipeline.tables.exact import usual_places

__all__ = ["DayFacts", "run_checks"]

_FORMING, _OTHER_DAY = "B17", "C10"
"""Codes of rows dropped as meant: a candle still forming; a row of another day, such as the next
midnight's, which is a fault only where a minute of this day is missing in its stead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What a check saw: the value, how much is at fault, and in which minutes."""

    measured: float | None
    note: str
    count: int = 0
    at_fault: Bools = field(default_factory=lambda: mask_of(()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    facts: DayFacts
    minutes: Minutes


def run_checks(facts: DayFacts) -> tuple[CheckResult, ...]:
    """Every check of CONTROL, in the order of `CHECKS`; none stops the others."""
    day = _Day(facts=facts, minutes=minutes_of(facts))
    return tuple(_result(t, MEASURES[t.name](day), day) for t in facts.control.thresholds)


def _result(threshold: Threshold, finding: _Finding, day: _Day) -> CheckResult:
    first, last = edges(day.facts.day.date, finding.at_fault)
    consequence, waived_by = in_force(day.facts, threshold.code, threshold.consequence)
    measured = finding.measured
    return CheckResult(
        name=threshold.name,
        key=threshold.key,
        why=threshold.why,
        measured=measured,
        limit=threshold.limit,
        relation="at least" if threshold.at_least is not None else "at most",
        unit=threshold.unit,
        passed=None if measured is None else threshold.holds(measured),
        code=threshold.code,
        stated=threshold.consequence,
        consequence=consequence,
        waived_by=waived_by,
        note=finding.note,
        count=finding.count,
        first=first,
        last=last,
    )


def in_force(facts: DayFacts, code: str, stated: str) -> tuple[str, str | None]:
    """The consequence of a code on this day, and who lowered it (None: nobody)."""
    consequence = facts.control.consequence(code, stated, facts.day.symbol, facts.day.date)
    if CONSEQUENCES.index(consequence) == CONSEQUENCES.index(stated):
        return stated, None
    waiver = next(
        w
        for w in facts.control.waivers
        if w.covers(code, facts.day.symbol, facts.day.date) and w.consequence == consequence
    )
    return consequence, f"{waiver.who}: {waiver.why}"


def _record_share(day: _Day) -> _Finding:
    """Rows of the exchange of record / expected minutes (the calendar less the known outages)."""
    expected = ~day.minutes.outage
    missing = expected & ~day.minutes.record
    total, lost = int(expected.sum()), int(missing.sum())
    note = f"{total - lost} of {total} expected minutes have a row"
    if day.facts.day.outages:
        note += f"; {len(day.facts.day.outages)} more lie in a known outage"
    if not total:
        return _Finding(measured=None, note="the whole day lies in a known outage")
    return _Finding(measured=(total - lost) / total, note=note, count=lost, at_fault=missing)


def _record_rejects(day: _Day) -> _Finding:
    """Rows of the exchange of record that were set aside, but for those dropped as meant."""
    codes = faulty_rows(day.facts)
    rows = sum(codes.values())
    named = ", ".join(f"{code} x {n}" for code, n in codes.items())
    return _Finding(
        measured=float(rows), note=f"set aside: {named}" if rows else "none set aside", count=rows
    )


def faulty_rows(facts: DayFacts) -> dict[str, int]:
    """Rows of the exchange of record set aside as faulty, by code."""
    table = facts.rejects.get(RECORD)
    if table is None:
        return {}
    pairs = zip(table["line"].to_pylist(), table["code"].to_pylist(), strict=True)
    codes = Counter(code for line, code in pairs if line > 0 and code != _FORMING)
    minutes = minutes_of(facts)
    if (minutes.record | minutes.outage).all():
        codes.pop(_OTHER_DAY, None)
    return dict(sorted(codes.items()))


def _atas_present(day: _Day) -> _Finding:
    """ATAS minutes on the grid; of a refused calibration, the lines it was refused on."""
    if not day.facts.atas_expected:
        return _Finding(measured=None, note="the configuration expects no ATAS feed")
    if not day.facts.bars.num_rows:
        return _Finding(measured=None, note="there are no minutes to find ATAS rows in")
    rows = int(day.minutes.atas.sum())
    if day.facts.set_aside and not rows:
        feeds = (feed for feed in day.facts.ledgers if feed in ATAS_FEEDS)
        rows = sum(day.facts.lines(feed).used for feed in feeds)
        return _present(rows, f"{rows} ATAS rows were read, and set aside by the calibration")
    return _present(rows, f"{rows} minutes have an ATAS row")


def _present(rows: int, note: str) -> _Finding:
    note = note if rows else "an ATAS feed is expected and no row of it lies in this day"
    return _Finding(measured=float(rows), note=note, count=0 if rows else 1)


def _atas_coverage(day: _Day) -> _Finding:
    """ATAS minutes / minutes in which the exchange traded, outside known outages.

    A minute without a trade has a zero row at Binance and no bar in ATAS: it is no gap.
    """
    minutes = day.minutes
    if not minutes.atas.any():
        return _Finding(measured=None, note="no ATAS minute on the grid")
    traded = minutes.traded & ~minutes.outage
    missing = traded & ~minutes.atas
    total, lost = int(traded.sum()), int(missing.sum())
    if not total:
        return _Finding(measured=None, note="the exchange traded in no minute")
    return _Finding(
        measured=(total - lost) / total,
        note=f"{total - lost} of {total} traded minutes have an ATAS row",
        count=lost,
        at_fault=missing,
    )


def _skew(day: _Day) -> _Finding:
    """What is left of the clock difference: the calibration's skew, less what it corrected."""
    found = day.facts.calibration
    skew, interval = found.skew_ms, found.skew_interval_ms
    if skew is None:
        return _Finding(measured=None, note="the feeds at hand do not show a clock difference")
    bounds = f", interval {interval[0]:.0f} to {interval[1]:.0f} ms" if interval else ""
    note = f"ATAS stamps run {abs(skew):.0f} ms {'late' if skew > 0 else 'early'}{bounds}"
    note += "; taken off the tape" if found.skew_applied_ms else ""
    return _Finding(measured=skew - found.skew_applied_ms, note=note, count=1)


def _ohlc_mismatch(day: _Day) -> _Finding:
    """Share of the compared minutes in which any of the four prices differs by over half a tick."""
    if not day.facts.same_instrument:
        return _Finding(measured=None, note="the feeds were not identified as one instrument")
    pairs = [
        (arrays.floats(day.facts.bars[p]), arrays.floats(day.facts.bars[f"atas_{p}"]))
        for p in PRICES
    ]
    sides = np.stack([side for pair in pairs for side in pair])
    compared: Bools = np.asarray(np.isfinite(sides).all(axis=0))
    total = int(compared.sum())
    if not total:
        return _Finding(measured=None, note="no minute has the prices of both feeds")
    tick = 10.0 ** -usual_places(*(ours[compared] for ours, _ in pairs))
    allowed = day.facts.control.identity["half_tick_share_max"] * tick
    differs = np.zeros_like(compared)
    for ours, theirs in pairs:
        differs[compared] |= np.abs(ours[compared] - theirs[compared]) > allowed
    count = int(differs.sum())
    return _Finding(
        measured=count / total,
        note=f"{count} of {total} compared minutes differ in open, high, low or close",
        count=count,
        at_fault=mask_of(positions(day.facts)[differs].tolist()),
    )


def _atas_rejects(day: _Day) -> _Finding:
    """Lines set aside / lines read, of the worst ATAS feed that the day uses.

    Each feed by itself: a tape of a million lines would hide a bar file that is half broken.
    """
    if not day.facts.bars.num_rows:
        return _Finding(measured=None, note="there are no minutes that an ATAS line could tell of")
    counts = {feed: _set_aside(day.facts, feed) for feed in _feeds_used(day.facts)}
    shares = {feed: rejected / read for feed, (rejected, read) in counts.items() if read}
    if not shares:
        return _Finding(measured=None, note="no ATAS line was read")
    worst = max(sorted(shares), key=lambda feed: shares[feed])
    rejected, read = counts[worst]
    return _Finding(
        measured=shares[worst],
        note=f"{worst}: {rejected} of {read} lines were set aside",
        count=rejected,
    )


def _feeds_used(facts: DayFacts) -> list[str]:
    """The bars' feed and the tape; all ATAS feeds where none was chosen."""
    feeds = sorted(feed for feed in facts.ledgers if feed in ATAS_FEEDS)
    chosen = facts.calibration.feed
    return [f for f in feeds if chosen in (None, f) or FEEDS[f].joiner == "tape"]


def _set_aside(facts: DayFacts, feed: str) -> tuple[int, int]:
    """(lines set aside, lines read); of a feed without a line that could be read, its whole files."""
    lines = facts.lines(feed)
    table = facts.rejects.get(feed)
    if lines.read or table is None:
        return lines.rejected, lines.read
    return table.num_rows, table.num_rows


def _flow_residual(day: _Day) -> _Finding:
    """1 - (vbuy + vsell) / volume over the minutes that have all three, each sum exactly rounded."""
    bars = day.facts.bars
    buy, sell, volume = (arrays.floats(bars[name]) for name in ("vbuy", "vsell", "atas_volume"))
    known = np.isfinite(buy) & np.isfinite(sell) & np.isfinite(volume)
    total = math.fsum(volume[known])
    if total <= 0:
        return _Finding(measured=None, note="no minute has both order flow and volume from ATAS")
    short = known & (volume - buy - sell > day.facts.control.flow["residual_row_max"] * volume)
    flow = math.fsum(np.concatenate([buy[known], sell[known]]))
    return _Finding(
        measured=1 - flow / total,
        note=f"{int(short.sum())} of {int(known.sum())} minutes fall short by themselves",
        count=int(short.sum()),
        at_fault=mask_of(positions(day.facts)[short].tolist()),
    )


def _oddity(measure: Measure) -> Callable[[_Day], _Finding]:
    def finding(day: _Day) -> _Finding:
        found = measure(day.facts, day.minutes)
        count = int(found.at_fault.sum())
        return _Finding(
            measured=found.measured, note=found.note, count=count, at_fault=found.at_fault
        )

    return finding


MEASURES: dict[str, Callable[[_Day], _Finding]] = {
    "binance_coverage": _record_share,
    "binance_continuity": _record_share,
    "binance_rejected_rows": _record_rejects,
    "atas_present": _atas_present,
    "atas_coverage": _atas_coverage,
    "skew_ms": _skew,
    "ohlc_mismatch": _ohlc_mismatch,
    "atas_rejected_share": _atas_rejects,
    "flow_residual": _flow_residual,
    **{name: _oddity(measure) for name, measure in {**ODDITIES, **DRIFTS, **PROOFS}.items()},
}
"""Name of a check -> what measures it."""
