"""What does the vendor's minute mean? Offset, instrument and unit of each feed, or a refusal.

Belongs here: the finding of a day, with its evidence and the correction that follows. Does not belong
here: what a refusal does to the day (`quality/`), carrying the correction out (`align.py`). A finding
rests on its own day's rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

import pyarrow as pa
from msgspec import structs

from pipeline import zones
from pipeline.alignment import record_clock, skew
from pipeline.alignment.dense import dense_klines
from pipeline.alignment.evidence import blocks
from pipeline.alignment.feeds import TICKS, vendor_feeds
from pipeline.alignment.figures import figures, rounded
from pipeline.alignment.identity import (
    SAME,
    UNKNOWN,
    WRONG,
    Likeness,
    identify,
    likeness,
    pairs_at,
    prices_apart,
    volume_unit,
)
from pipeline.alignment.reasons import reasons_against
from pipeline.alignment.runs import Ground, Placed, not_one_minute, place, split_at_gaps
from pipeline.alignment.tape import COLUMNS, tape_minutes
from pipeline.clock import EPOCH_UNITS, MINUTE_US, day_open_us
from pipeline.contracts.calibration import (
    DayFinding,
    Figures,
    Finding,
    Reason,
    Runs,
    Segment,
    SkewFigures,
    changed,
    of_day,
)
from pipeline.contracts.control import Control
from pipeline.contracts.correction import Correction, FeedCorrection
from pipeline.contracts.day import Day
from pipeline.tables.parts import Parts, as_parts, at_hand

REFUSING = ("set_aside_atas", "refuse")
"""Consequences with which a finding keeps the feed's rows out of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationInput:
    """A symbol's day as the feeds tell of it.

    Args:
        day: The symbol's day.
        klines: Schema `clean_klines`.
        bars: Feed -> schema `clean_bars`; may be empty.
        ticks: Schema `clean_ticks`, as the feed "atas_ticks", in parts or not; None without a tape.
        approved: Feed -> offsets in minutes that its profile allows on the day; feeds without one are free.
        clock: How the klines' stamps were read, None where nobody asks.
    """

    day: Day
    klines: pa.Table
    bars: dict[str, pa.Table]
    ticks: pa.Table | Parts | None = None
    approved: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    clock: record_clock.RecordClock | None = None

    @property
    def control(self) -> Control:
        """CONTROL in force."""
        return self.day.rules.control

    def consequence(self, key: str) -> str:
        """What a refusal leads to on this day, a waiver heeded."""
        refusal = self.control.refusals[key]
        return self.control.consequence(
            refusal["code"], refusal["consequence"], self.day.symbol, self.day.date
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """`calibration` is the whole finding, `correction` what the steps below need."""

    calibration: DayFinding
    correction: Correction


def calibrate(given: CalibrationInput) -> Calibration:
    """Find and judge every feed's offset, instrument and volume unit.

    The day follows the first preferred feed that is not refused; where all are, it is refused for the
    first one's reasons. Without a row of either side nothing is measured. Klines whose stamps do not say
    which edge of the bar they are, are read as closes where every feed then lies right, and only then.
    """
    if given.ticks is not None:
        given = replace(given, ticks=at_hand(as_parts(given.ticks), COLUMNS))
    found = _calibrate(given)
    if given.clock is None or not given.clock.by_nobody:
        return found
    if record_clock.lies_right(_offsets(found.correction.feeds), given.approved):
        return found
    shift = record_clock.AS_CLOSES_MINUTES
    closes = replace(given, klines=record_clock.moved(given.klines, shift))
    tried = _calibrate(closes, read_as=record_clock.read_as_closes(given.clock))
    if not record_clock.lies_right(_offsets(tried.correction.feeds), given.approved):
        return found
    return replace(tried, correction=changed(tried.correction, record_shift_minutes=shift))


def _offsets(feeds: Mapping[str, Finding | FeedCorrection]) -> dict[str, int]:
    """Feed -> its offset in minutes, of those whose finding stands."""
    return {
        feed: entry.offset_minutes
        for feed, entry in feeds.items()
        if entry.status != "refused" and entry.offset_minutes is not None
    }


def _calibrate(given: CalibrationInput, read_as: str = "") -> Calibration:
    """The finding by the klines as they are; `read_as` says in words how their stamps were read."""
    given = replace(given, klines=record_clock.of_day(given.klines, day_open_us(given.day.date)))
    tape = {} if given.ticks is None else {TICKS: tape_minutes(given.ticks)}
    feeds = vendor_feeds({**given.bars, **tape}, None, given.day.prefer)
    opened = day_open_us(given.day.date)
    ground = Ground(
        klines=dense_klines(given.klines, opened),
        opened_us=opened,
        evidence=given.control.evidence,
        identity=given.control.identity,
    )
    found = {
        feed: _finding(feed, bars, ground, given)
        for feed, bars in feeds.items()
        if given.klines.num_rows
    }
    standing = _offsets(found)
    doubt = record_clock.in_doubt(given.clock, standing, given.approved)
    if doubt is not None:
        found = {f: _refused_for(*doubt, entry, given) for f, entry in found.items()}
    elif read_as:
        found = {f: _told("label_by_atas", read_as, e, given) for f, e in found.items()}
    usable = [feed for feed in found if found[feed].status != "refused"]
    shown = (usable or list(found))[:1]
    top = found[shown[0]] if shown else Finding(status="not_measured")
    chosen = usable[0] if usable else None
    return Calibration(
        calibration=of_day(top, found[TICKS] if TICKS in usable else top, chosen, found),
        correction=Correction(
            **structs.asdict(_correction(top)),
            feed=chosen,
            feeds={feed: _correction(entry) for feed, entry in found.items()},
        ),
    )


def _finding(feed: str, bars: pa.Table, ground: Ground, given: CalibrationInput) -> Finding:
    """A feed's finding, held against its approved profile; a day that disagrees is refused."""
    ground = replace(ground, approved=frozenset(given.approved.get(feed, ())))
    find = _tape_finding if feed == TICKS else _bars_finding
    entry = find(bars, ground, given)
    off = sorted({s.offset_minutes for s in entry.segments} - {*given.approved.get(feed, ())})
    if feed not in given.approved or not off or entry.status == "refused":
        return entry
    wanted = " or ".join(map(str, given.approved[feed]))
    note = f"found {off[0]} min, the approved profile says {wanted} min"
    return _refused_for("off_profile", note, entry, given)


def _refused_for(key: str, note: str, entry: Finding, given: CalibrationInput) -> Finding:
    """The finding with one more reason, and refused by it unless CONTROL or a waiver makes less of it."""
    entry = _told(key, note, entry, given)
    if given.consequence(key) not in REFUSING:
        return entry
    return changed(entry, status="refused", offset_minutes=None, volume_factor=None)


def _told(key: str, note: str, entry: Finding, given: CalibrationInput) -> Finding:
    """The finding with one more reason, the first."""
    reason = Reason(code=given.control.refusals[key]["code"], key=key, note=note)
    return changed(entry, reasons=(reason, *entry.reasons))


def _bars_finding(bars: pa.Table, ground: Ground, given: CalibrationInput) -> Finding:
    """A feed's finding; on a day on which clocks change, once more with runs cut where stamps have gaps.

    The cut stands when it explains more minutes and every hour agrees with it.
    """
    entry = _feed_finding(bars, ground, given)
    jumps = zones.changes(given.day.date)
    if not jumps or entry.figures.n is None:
        return entry
    gap = min(abs(jump) for jump in jumps)
    cut = _feed_finding(split_at_gaps(bars, gap), ground, given, jumps)
    n, agreed = cut.figures.n or 0, cut.figures.block_agreement or 0.0
    explains_more = entry.status == "refused" or n > entry.figures.n
    if cut.status == "refused" or agreed < 1.0 or not explains_more:
        return entry
    return changed(cut, split_gap_minutes=gap)


def _tape_finding(bars: pa.Table, ground: Ground, given: CalibrationInput) -> Finding:
    """A tape's finding: as of any feed, then its clock below the minute, then once more with it put right.

    A skew of seconds moves trades into other minutes, so prices differ until it is taken off: the tape
    is judged by what it would be with its clock put right, also where CONTROL does not let it be moved.
    """
    entry = _feed_finding(bars, ground, given)
    best = entry.figures.best
    if given.ticks is None or best is None or not entry.figures.evidence:
        return entry
    found = skew.estimate(
        given.ticks,
        ground.klines,
        ground.opened_us,
        best.lag_minutes * MINUTE_US,
        given.control.skew,
    )
    if found is None:
        return entry
    if found.width > given.control.skew["interval_ms_max"]:
        return _with_skew(entry, skew.described(found, applied=False))
    applies = skew.correctable(found, given.control.skew)
    if abs(found.ms) > given.control.skew["correct_above_ms"]:
        moved = tape_minutes(given.ticks, -round(found.ms * EPOCH_UNITS["ms"]))
        entry = _feed_finding(moved, ground, given)
    applied = applies and entry.status != "refused"
    return changed(
        _with_skew(entry, skew.described(found, applies)),
        status="applied" if applied else entry.status,
        skew_ms=found.ms,
        skew_interval_ms=(found.low, found.high),
        skew_applied_ms=found.ms if applied else 0.0,
    )


def _with_skew(entry: Finding, found: SkewFigures) -> Finding:
    return changed(entry, figures=changed(entry.figures, skew=found))


def _feed_finding(
    bars: pa.Table,
    ground: Ground,
    given: CalibrationInput,
    jumps: tuple[int, ...] = (),
) -> Finding:
    """One feed's finding."""
    off_minute = not_one_minute(bars)
    if off_minute:
        rows = Finding(status="refused", figures=Figures(rows=bars.num_rows))
        return _refusable(rows, [("not_one_minute", off_minute)], None, given)
    placed = place(bars, ground, jumps)
    pairs = pairs_at(
        placed.laid.vendor,
        ground.klines,
        given.klines,
        ground.opened_us,
        placed.choice.lag - placed.base,
    )
    like = likeness(pairs, given.control.identity)
    kind = _kind(placed, like, ground)
    hours = blocks(placed.laid, ground.klines, placed.choice, ground.evidence, placed.base)
    stands = placed.choice.by is not None
    unit, size = UNKNOWN, None
    if like and stands:
        unit, size = volume_unit(like, given.day.market, given.control.identity)
    finding = Finding(
        status="refused",
        identity=kind,
        basis_bps_median=rounded(like.basis_median) if like and stands else None,
        volume_unit=unit,
        volume_factor=size if kind == SAME else None,
        figures=figures(bars, placed, like, hours, ground),
        segments=_segments(placed) if stands else (),
    )
    reasons = reasons_against(placed, kind, unit, hours, ground)
    return _refusable(finding, reasons, placed if stands else None, given)


def _kind(placed: Placed, like: Likeness | None, ground: Ground) -> str | None:
    """The instrument at the found lag; without one, only that the prices are far apart."""
    if placed.choice.by is None or like is None:
        apart = prices_apart(placed.laid.vendor, ground.klines, ground.identity)
        return WRONG if apart and like is not None else None
    found = placed.laid.scan
    share = float(found.exact_share[found.at(placed.choice.lag)])
    return identify(like, share, ground.evidence, ground.identity)


def _segments(placed: Placed) -> tuple[Segment, ...]:
    """Runs in file order, neighbours of one offset together."""
    by_offset = groupby(sorted(placed.offsets), key=lambda run: placed.offsets[run])
    return tuple(
        Segment(offset_minutes=offset, found=Runs(runs=tuple(runs))) for offset, runs in by_offset
    )


def _refusable(
    finding: Finding,
    reasons: list[tuple[str, str]],
    placed: Placed | None,
    given: CalibrationInput,
) -> Finding:
    """The finding with its status: a reason refuses unless CONTROL or a waiver makes less of it.

    Without a lag there is nothing to apply, whatever the consequence.
    """
    entries = tuple(
        Reason(code=given.control.refusals[key]["code"], key=key, note=note)
        for key, note in reasons
    )
    refused = any(given.consequence(key) in REFUSING for key, _ in reasons)
    if placed is None or refused:
        return changed(finding, reasons=entries, status="refused", volume_factor=None)
    return changed(
        finding,
        reasons=entries,
        status="applied" if any(placed.offsets.values()) else "not_needed",
        offset_minutes=placed.choice.lag,
    )


def _correction(entry: Finding) -> FeedCorrection:
    """Offsets by run only where the runs do not all share one, the skew only where it is taken off."""
    by_run = len(entry.segments) > 1 or entry.figures.runs_left_out
    return FeedCorrection(
        status=entry.status,
        offset_minutes=entry.offset_minutes,
        identity=entry.identity,
        volume_unit=entry.volume_unit,
        volume_factor=entry.volume_factor,
        split_gap_minutes=entry.split_gap_minutes,
        skew_us=round(entry.skew_applied_ms * EPOCH_UNITS["ms"]),
        offsets={
            run: segment.offset_minutes for segment in entry.segments for run in segment.found.runs
        }
        if by_run
        else None,
    )
