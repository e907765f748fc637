"""Both vendors' minutes side by side on the day's grid: schema `bars_1m`.

Belongs here: carrying out a correction, which feed gives which column, flags. Does not belong here:
finding the correction (`calibrate.py`), judging the day (`quality/`). Nothing is filled: what a feed
did not measure is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.alignment import fields
from pipeline.alignment.dense import PRICES
from pipeline.alignment.feeds import TICKS, vendor_feeds
from pipeline.alignment.flow import Sides, delta_columns, exceeds, falls_short, in_base, kline_sides
from pipeline.alignment.grid import Grid, on_grid, span
from pipeline.alignment.merge import merge_runs
from pipeline.alignment.reconcile import reconciliation
from pipeline.alignment.record_clock import in_true_time
from pipeline.alignment.tape_minutes import by_tapes
from pipeline.alignment.true_time import bars_in_true_time
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, SECOND_US, day_open_us
from pipeline.contracts.atas_types import TYPES
from pipeline.contracts.correction import Correction, FeedCorrection
from pipeline.contracts.day import Day
from pipeline.contracts.schema import conform, empty
from pipeline.free_form import Json
from pipeline.model.feeds import DELTA_SOURCES, TRADE_TAPES
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Ints
from pipeline.tables.exact import usual_places

BASELINE = (*PRICES, "volume", "quote_volume", "trades", "taker_buy_volume")

_BASIS_DECIMALS = 9
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignInput:
    """The feeds of a symbol's day, and what was found about them.

    Args:
        day: The symbol's day.
        klines: Schema `clean_klines`, as read; without rows the result has none.
        bars: ATAS feed -> schema `clean_bars`, stamps as exported.
        minute_stats: Schema `minute_stats` of ATAS's tape in true time, None without one.
        tape_minutes: The day's 1440 minutes as the tapes prove them (`proof/taken.py`), None without a tape.
        correction: `Calibration.correction`.
        prefer_delta: Of `DELTA_SOURCES`, the preferred first.
        latency_seconds: `binance` and `atas`: how long after its close a minute is known, 0 unless said.
        prefer_fields: Column -> the ATAS feeds that may fill it, the preferred first.
    """

    day: Day
    klines: pa.Table
    bars: dict[str, pa.Table]
    minute_stats: pa.Table | None
    correction: Correction
    tape_minutes: pa.Table | None = None
    prefer_delta: tuple[str, ...] = DELTA_SOURCES
    latency_seconds: Mapping[str, float] = field(default_factory=dict)
    prefer_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnGrid:
    """The day on the grid. `chosen` is the ATAS feed of the day, `feeds` all usable ones."""

    given: AlignInput
    klines: Grid
    outage: Bools
    traded: Bools
    quiet: Bools
    feeds: dict[str, Grid]
    chosen: str | None

    @property
    def atas(self) -> Bools:
        """Minutes in which the chosen feed has a row."""
        return self.none if self.chosen is None else self.feeds[self.chosen].present

    @property
    def none(self) -> Bools:
        """No minute."""
        return np.zeros(MINUTES_PER_DAY, dtype=bool)

    def found(self, feed: str) -> FeedCorrection:
        """What the correction says of a feed."""
        return self.given.correction.feeds[feed]


def align(given: AlignInput) -> tuple[pa.Table, Json]:
    """The day's 1440 rows of `bars_1m`, and how its sources of order flow agree.

    ATAS columns are those of the chosen feed; a group of columns that it lacks is taken, in its minutes,
    from the next usable feed of the same instrument and unit, or from those that the configuration names
    for the column. A kline without a trade that lies in a
    known outage is no quote, and is left out. `delta` is in base units, turned into them where the feed
    counts contracts or value; a feed of another instrument (C01: the perpetual beside spot) or with
    volumes of an unknown unit has measured other trades, so its order flow stays in vbuy and vsell and
    delta comes from the klines. ATAS's ticks and the exchange's own trades give it in the minutes in which
    they are believed: a tape of the exchange where the kline proves it.

    Returns:
        (`bars_1m`, agreement). The table has no rows when the exchange of record has none, and nothing
        agrees then. Else see `reconcile.py`; `fields` are how many minutes each ATAS feed filled of the
        columns, see `fields.py`.
    """
    if not given.klines.num_rows:
        return empty(given.day.rules.schema.table("bars_1m")), {}
    day = _read_day(replace(given, klines=in_true_time(given.klines, given.correction)))
    bars = _bars(day)
    return bars, _agreement(day, bars["delta_source"].to_pylist())


def _bars(day: _OnGrid) -> pa.Table:
    rules = day.given.day.rules
    masks = rules.schema.flag_masks
    vendor = _vendor_columns(day)
    sides = Sides(buy=arrays.floats(vendor["vbuy"]), sell=arrays.floats(vendor["vsell"]))
    too_much = exceeds(sides, arrays.floats(vendor["atas_volume"]))
    for name in ("vbuy", "vsell"):
        vendor[name] = pc.if_else(pa.array(too_much), pa.scalar(None, pa.float64()), vendor[name])
    flags = _flags(day, masks) | np.where(too_much, masks["flow_exceeds_volume"], 0)
    residual_max = rules.control.flow["residual_row_max"]
    short = falls_short(sides, arrays.floats(vendor["atas_volume"]), residual_max) & ~too_much
    columns = {
        **_keys(day),
        **{name: day.klines.column(name) for name in BASELINE},
        **vendor,
        **delta_columns(_delta_sources(day), MINUTES_PER_DAY),
        **_provenance(day),
        "qc_flags": flags | np.where(short, masks["flow_residual"], 0),
        "proven": _proven(day),
    }
    return conform(pa.table(columns), rules.schema.table("bars_1m"), "bars_1m")


def _agreement(day: _OnGrid, published: list[str | None]) -> Json:
    """How the sources of order flow agree, of which `published` gave each minute's delta."""
    of = day.given.day
    residual_max = of.rules.control.flow["residual_row_max"]
    found = reconciliation(_delta_sources(day), published, day_open_us(of.date), residual_max)
    return found | {"fields": {} if day.chosen is None else fields.counts(_fill(day, day.chosen))}


def _read_day(given: AlignInput) -> _OnGrid:
    opened = day_open_us(given.day.date)
    outage = np.zeros(MINUTES_PER_DAY, dtype=bool)
    outage[sorted(given.day.outages)] = True
    klines = on_grid(given.klines, opened)
    volume = klines.floats("volume")
    quoted = np.isfinite(klines.floats("close")) & ~(outage & (volume == 0))
    klines = klines.without(~quoted)
    feeds = _usable_feeds(given, opened)
    chosen = given.correction.feed
    return _OnGrid(
        given=given,
        klines=klines,
        outage=outage,
        traded=quoted & (volume > 0),
        quiet=(quoted & (volume == 0)) | (outage & ~quoted),
        feeds=feeds,
        chosen=chosen if chosen in feeds else None,
    )


def _usable_feeds(given: AlignInput, opened_us: int) -> dict[str, Grid]:
    """Feeds whose correction stands, moved to true time (the tape's minutes are), on the grid."""
    found = given.correction.feeds
    feeds = vendor_feeds(given.bars, given.minute_stats, given.day.prefer)
    return {
        feed: on_grid(
            merge_runs(bars, 0) if feed == TICKS else bars_in_true_time(bars, found[feed]),
            opened_us,
        )
        for feed, bars in feeds.items()
        if feed in found and found[feed].stands
    }


def _keys(day: _OnGrid) -> dict[str, pa.Array]:
    opened = (
        day_open_us(day.given.day.date) + np.arange(MINUTES_PER_DAY, dtype=np.int64) * MINUTE_US
    )
    sources = ("binance",) if day.chosen is None else ("binance", "atas")
    latency = max(day.given.latency_seconds.get(source, 0) for source in sources)
    closed = pa.array(opened + MINUTE_US, _TIME)
    return {
        "symbol": pa.repeat(day.given.day.symbol, MINUTES_PER_DAY),
        "ts": closed,
        "minute_open": pa.array(opened, _TIME),
        "minute_close": closed,
        "available_at": pa.array(opened + MINUTE_US + round(latency * SECOND_US), _TIME),
    }


def _vendor_columns(day: _OnGrid) -> dict[str, pa.Array]:
    """The ATAS columns; all null without a usable feed."""
    if day.chosen is None:
        return _no_vendor_columns()
    own = day.feeds[day.chosen]
    prices = {f"atas_{name}": own.column(name) for name in (*PRICES, "volume")}
    return prices | fields.filled(_fill(day, day.chosen))


def _no_vendor_columns() -> dict[str, pa.Array]:
    prices = {f"atas_{name}": pa.float64() for name in (*PRICES, "volume")}
    kinds = prices | TYPES
    return {name: pa.nulls(MINUTES_PER_DAY, kind) for name, kind in kinds.items()}


def _fill(day: _OnGrid, chosen: str) -> fields.Fill:
    """The chosen feed, then the others of the same instrument and volume unit."""
    wanted = [getattr(day.found(chosen), name) for name in ("identity", "volume_unit")]
    others = {
        feed: grid
        for feed, grid in day.feeds.items()
        if feed != chosen
        and [getattr(day.found(feed), name) for name in ("identity", "volume_unit")] == wanted
    }
    return fields.Fill(
        feeds={chosen: day.feeds[chosen], **others},
        present=day.atas,
        prefer=day.given.prefer_fields,
    )


def _delta_sources(day: _OnGrid) -> dict[str, Sides]:
    """Order flow in base units of this very instrument, by source name, the preferred first."""
    volume, quote_volume = (day.klines.floats(name) for name in ("volume", "quote_volume"))
    sources = {"klines": kline_sides(day.klines.floats("taker_buy_volume"), volume)}
    for name, feed in (("ticks", TICKS), ("atas_bars", "atas_bars")):
        found = day.found(feed) if feed in day.feeds else None
        if found is None or found.volume_factor is None:
            continue
        grid = day.feeds[feed]
        sides = Sides(buy=grid.floats("vbuy"), sell=grid.floats("vsell"))
        sources[name] = in_base(sides, found.volume_unit, found.volume_factor, volume, quote_volume)
    if day.given.tape_minutes is not None:
        sources = by_tapes(sources, day.given.tape_minutes)
    return {name: sources[name] for name in day.given.prefer_delta if name in sources}


def _proven(day: _OnGrid) -> pa.Array:
    """Whether the minute's tape and the kline agree, null without a tape."""
    tapes = day.given.tape_minutes
    return pa.nulls(MINUTES_PER_DAY, pa.bool_()) if tapes is None else tapes["proven"]


def _provenance(day: _OnGrid) -> dict[str, pa.Array]:
    """Which feeds tell of the minute, whether it lies in what they recorded, and the basis."""
    inside = span(day.klines.present, day.outage)
    for feed in _feeds_used(day):
        inside &= span(day.feeds[feed].present, day.quiet)
    inside &= _with_a_tape(day)
    no_trades = day.klines.floats("trades")
    return {
        "src_binance": pa.array(day.klines.present),
        "src_atas": pa.array(day.atas),
        "src_span_ok": pa.array(inside),
        "is_filled": pa.array(
            (day.klines.floats("volume") == 0) & (np.isnan(no_trades) | (no_trades == 0))
        ),
        "basis_bps": _basis(day),
    }


def _feeds_used(day: _OnGrid) -> list[str]:
    """The chosen ATAS feed, and the one that delta comes from first."""
    first = next(iter(_delta_sources(day)), "")
    feeds = {day.chosen, {"ticks": TICKS}.get(first, first)}
    return [feed for feed in day.feeds if feed in feeds]


def _with_a_tape(day: _OnGrid) -> Bools:
    """Minutes that some tape covers, where delta may come from one of the exchange's; else all."""
    if not _delta_sources(day).keys() & TRADE_TAPES.keys():
        return ~day.none
    return arrays.valid(arrays.one(_proven(day)))


def _basis(day: _OnGrid) -> pa.Array:
    """1e4 x ln(atas_close / close), to 1e-9 bps: a logarithm's last digits depend on the machine."""
    if day.chosen is None:
        return pa.nulls(MINUTES_PER_DAY, pa.float64())
    theirs, ours = day.feeds[day.chosen].floats("close"), day.klines.floats("close")
    known = (theirs > 0) & (ours > 0)
    ratio = np.where(known, theirs, 1.0) / np.where(known, ours, 1.0)
    return pa.array(np.round(1e4 * np.log(ratio), _BASIS_DECIMALS) + 0.0, mask=~known)


def _flags(day: _OnGrid, masks: dict[str, int]) -> Ints:
    """The flags of the feeds' own rows and those of the minute."""
    every = on_grid(day.given.klines, day_open_us(day.given.day.date))
    flags = every.ints("flags")
    raised = {
        "known_outage": day.outage,
        "kline_missing": ~every.present & ~day.outage,
    }
    if day.chosen is not None:
        own = day.feeds[day.chosen]
        flags = flags | own.ints("flags")
        found = day.found(day.chosen)
        raised |= {
            "atas_missing": day.traded & ~own.present,
            "volume_regressed": own.truths("volume_regressed"),
            "flow_exceeds_volume": own.truths("flow_exceeds_volume"),
            "other_instrument": own.present & (found.identity == "other_instrument"),
            "ohlc_differs": _differs(day, own) & (found.identity == "same"),
            "side_unknown": _sides_unknown(day),
        }
    for name, where in raised.items():
        flags = flags | np.where(where, masks[name], 0)
    return flags


def _sides_unknown(day: _OnGrid) -> Bools:
    """Minutes of the tape without a usable side."""
    if TICKS not in day.feeds:
        return np.zeros(MINUTES_PER_DAY, dtype=bool)
    tape = day.feeds[TICKS]
    return tape.present & ~np.isfinite(tape.floats("vbuy"))


def _differs(day: _OnGrid, own: Grid) -> Bools:
    """Minutes with both feeds in which a price is another one on the exchange's decimal tick."""
    ours = [day.klines.floats(name) for name in PRICES]
    theirs = [own.floats(name) for name in PRICES]
    scale = 10.0 ** usual_places(*ours)
    equal = [np.rint(o * scale) == np.rint(t * scale) for o, t in zip(ours, theirs, strict=True)]
    differs: Bools = day.traded & own.present & ~np.all(equal, axis=0)
    return differs
