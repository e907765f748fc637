"""`calibration.json`: what was found of a day's feeds, as typed values.

Belongs here: the form of the document, which `alignment/` writes and `quality/`, `publishing/` and `cli/`
read. Finding and judging are theirs. Every field has one name, so that a misspelt one is an error and
never a null; a field that was not measured is None.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pipeline.contracts.value import Value, changed, read_as, to_json

__all__ = ["changed", "from_json", "to_json"]

CLOCK = ("skew_ms", "skew_interval_ms", "skew_applied_ms")
"""Fields of a finding that a tape alone can tell."""

Status = Literal["applied", "not_needed", "refused", "not_measured"]


class CurveRow(Value, frozen=True, kw_only=True):
    """How the feeds agree at one lag: correlations of ranks, share of equal bars, common traded minutes."""

    lag_minutes: int
    rho_return: float | None = None
    rho_volume: float | None = None
    exact_share: float | None = None
    n: int | None = None


class HourBlock(Value, frozen=True, kw_only=True):
    """Neighbouring hours from `hour` on; `lag_minutes` is their own best, None when they tell nothing."""

    hour: int
    hours: int = 1
    lag_minutes: int | None = None
    n: int


class SkewPoint(Value, frozen=True, kw_only=True):
    """The mean relative error of the minutes' volumes when the tape is taken to run late by `skew_ms`."""

    skew_ms: float
    error: float


class SkewFigures(Value, frozen=True, kw_only=True):
    """A tape's clock below the minute: see `alignment/skew.py`."""

    applied_ms: float
    interval_width_ms: float
    residual: float
    residual_as_stamped: float
    drift_ms_per_day: float
    hours: int
    curve: tuple[SkewPoint, ...] = ()


class LikenessFigures(Value, frozen=True, kw_only=True):
    """What the common minutes say of the instrument; basis in bps, ratios are ATAS / exchange."""

    basis_median: float | None = None
    basis_mad: float | None = None
    basis_p1: float | None = None
    basis_p99: float | None = None
    price_ratio: float | None = None
    rho: float | None = None
    volume_ratio: float | None = None
    volume_cv: float | None = None
    quote_ratio: float | None = None


class TickSizes(Value, frozen=True, kw_only=True):
    """Largest common step of each feed's prices; None where float noise hides it."""

    atas: float | None = None
    binance: float | None = None


class Figures(Value, frozen=True, kw_only=True):
    """Everything that was held against a threshold, and the curves around it.

    `best` and `runner_up` are rows of the curve, `n` the common traded minutes at the best lag; gaps are
    leads over the best other lag.
    """

    evidence: str | None = None
    best: CurveRow | None = None
    runner_up: CurveRow | None = None
    gap: float | None = None
    n: int | None = None
    volume_best_lag: int | None = None
    volume_gap: float | None = None
    exact_gap: float | None = None
    curve: tuple[CurveRow, ...] = ()
    blocks: tuple[HourBlock, ...] = ()
    blocks_informative: int | None = None
    block_agreement: float | None = None
    likeness: LikenessFigures | None = None
    tick_size: TickSizes | None = None
    skew: SkewFigures | None = None
    rows: int | None = None
    rows_off_minute: int | None = None
    runs: int | None = None
    runs_left_out: int | None = None

    @property
    def exact_share(self) -> float | None:
        """Share of the common minutes with all four prices equal, at the best lag."""
        return None if self.best is None else self.best.exact_share


class Runs(Value, frozen=True, kw_only=True):
    """Where a segment was found: numbers of export runs."""

    runs: tuple[int, ...] = ()


class Segment(Value, frozen=True, kw_only=True):
    """Neighbouring runs of one offset."""

    offset_minutes: int
    found: Runs = Runs()


class Reason(Value, frozen=True, kw_only=True):
    """Why a finding does not stand, or what is noted: defect code, key below CONTROL's refusals, words."""

    code: str
    key: str
    note: str = ""


class Finding(Value, frozen=True, kw_only=True):
    """What was found of one feed: true minute open = stamp + `offset_minutes`."""

    status: Status
    offset_minutes: int | None = None
    skew_ms: float | None = None
    skew_interval_ms: tuple[float, float] | None = None
    skew_applied_ms: float = 0.0
    basis_bps_median: float | None = None
    volume_unit: str = "unknown"
    volume_factor: int | None = None
    identity: str | None = None
    segments: tuple[Segment, ...] = ()
    figures: Figures = Figures()
    reasons: tuple[Reason, ...] = ()
    split_gap_minutes: int | None = None


class DayFinding(Finding, frozen=True, kw_only=True):
    """The finding that the day follows, the feed that it is of (None: no feed is usable), and each feed's."""

    feed: str | None = None
    feeds: dict[str, Finding] = msgspec.field(default_factory=dict)


def of_day(top: Finding, clock: Finding, feed: str | None, feeds: dict[str, Finding]) -> DayFinding:
    """A day's finding: `top` is the one that it follows, `clock` the tape's where one is usable.

    A tape alone tells of the clock below the minute, so the day shows its tape's also where the bars are
    another feed's.
    """
    fields = {name: getattr(top, name) for name in Finding.__struct_fields__}
    fields |= {name: getattr(clock, name) for name in CLOCK}
    return DayFinding(**fields, feed=feed, feeds=feeds)


def from_json(value: Any) -> DayFinding:
    """The document in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(DayFinding, value, "calibration.json", "Calibration")
