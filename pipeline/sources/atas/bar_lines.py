"""One line of an ATAS bar export, of any version, as a checked bar.

Belongs here: the union of the fields of Bar1mExporter and SimplifiedDataExporter, and what a single line
may not say. Which lines make one minute is `bar_merge.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TypeAlias

import msgspec

from pipeline.clock import parse_instant
from pipeline.contracts.values import ValueLimits

_UNSET = "0001-01-01T00:00:00"
"""How .NET writes a time that nobody set."""

_STAMPS = ("timestamp_utc", "timestamp", "window_id")
_REMEMBERED = 4096
_PRICES = ("open", "high", "low", "close")
_NOT_NEGATIVE = ("volume", "vbuy", "vsell", "oi", "cum_bid_depth", "cum_ask_depth")
_LEVELS = ("poc", "vah", "val", "bar_vpo_price")
_LIMITED = (
    *(*_PRICES, *_NOT_NEGATIVE, *_LEVELS),
    *("cvd", "bar_vpo_vol", "bar_vpo_loc", "absorption_strength"),
)
_prices, _not_negative, _limited = (attrgetter(*n) for n in (_PRICES, _NOT_NEGATIVE, _LIMITED))

Fault: TypeAlias = tuple[str, str]
"""(defect code, reason)."""


class Absorption(msgspec.Struct, gc=False):
    """The nested form of older schemas."""

    detected: bool | None = None
    strength: float | None = None
    volume: float | None = None
    side: str | None = None
    direction: str | None = None


class BarLine(msgspec.Struct, gc=False):
    """One line. What a version does not have is null."""

    timestamp: str | None = None
    timestamp_utc: str | None = None
    window_id: str | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None
    vbuy: float | None = None
    vsell: float | None = None
    cvd: float | None = None
    poc: float | None = None
    vah: float | None = None
    val: float | None = None
    bar_vpo_price: float | None = None
    bar_vpo_vol: float | None = None
    bar_vpo_loc: float | None = None
    bar_vpo_side: str | None = None
    absorption_detected: bool | None = None
    absorption_strength: float | None = None
    absorption_side: str | None = None
    absorption: Absorption | None = None
    oi: float | None = None
    cum_bid_depth: float | None = None
    cum_ask_depth: float | None = None
    flush_seq: int | None = None
    schema_version: str | None = None


@dataclass(slots=True, kw_only=True)
class Bar:
    """One good line: its fields, its instant in us, the zone of its stamp in minutes, its number."""

    fields: BarLine
    stamp: int
    zone: int | None
    line: int
    run: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """An instant in us, and the zone in minutes in which `timestamp` is printed."""

    instant: int
    zone: int | None


def checked(line: BarLine, number: int, limits: ValueLimits) -> Bar | Fault:
    """The line as a bar, empty and zero fields that mean "none" made null; or why it is set aside.

    `timestamp_utc`, `timestamp` and `window_id` must name one instant; the first that is there counts.
    """
    fault = _value_fault(line)
    if fault is not None:
        return fault
    stamp = _stamp(line.timestamp_utc, line.timestamp, line.window_id)
    if isinstance(stamp, tuple):
        return stamp
    _normalise(line)
    beyond = limits.fault(zip(_LIMITED, _limited(line), strict=True))
    if beyond is not None:
        return "A10", beyond
    return Bar(fields=line, stamp=stamp.instant, zone=stamp.zone, line=number)


def _value_fault(line: BarLine) -> Fault | None:
    for name, price in zip(_PRICES, _prices(line), strict=True):
        if not price or price < 0:
            return "A10", f"{name} is {price}; wanted a price above 0"
    for name, value in zip(_NOT_NEGATIVE, _not_negative(line), strict=True):
        if value is not None and value < 0:
            return "A10", f"{name} is {value}; wanted 0 or more"
    return None


@lru_cache(maxsize=_REMEMBERED)
def _stamp(*texts: str | None) -> _Stamp | Fault:
    """The instant of a line by the texts of `_STAMPS`, those with a zone equal; or the fault.

    Remembered: a live exporter writes thousands of lines with one stamp.
    """
    found: dict[str, tuple[int, int | None]] = {}
    for name, text in zip(_STAMPS, texts, strict=True):
        if not text or text.startswith(_UNSET):
            continue
        try:
            found[name] = parse_instant(text)
        except ValueError as error:
            return "A13", f"{name}: {error}"
    if not found:
        return "A10", "no time stamp; wanted timestamp_utc or timestamp"
    zoned = [instant for instant, zone in found.values() if zone is not None]
    if len(set(zoned)) > 1:
        told = dict(zip(_STAMPS, texts, strict=True))
        words = ", ".join(f"{name} {told[name]}" for name in found)
        return "C05", f"the stamps are different instants: {words}"
    instant, zone = next(iter(found.values()))
    printed_in = found.get("timestamp", (instant, zone))[1]
    return _Stamp(instant=zoned[0] if zoned else instant, zone=printed_in)


def _normalise(line: BarLine) -> None:
    """Zero levels and open interest mean "the feed has none"; so do empty words."""
    nested = line.absorption
    if nested is not None:
        _unnest(line, nested)
    for name in _LEVELS:
        if getattr(line, name) == 0:
            setattr(line, name, None)
    if line.bar_vpo_price is None:
        line.bar_vpo_vol = line.bar_vpo_loc = None
    line.oi = line.oi or None
    line.bar_vpo_side = (line.bar_vpo_side or "").lower() or None
    line.absorption_side = (line.absorption_side or "").lower() or None


def _unnest(line: BarLine, nested: Absorption) -> None:
    if line.absorption_detected is None:
        line.absorption_detected = nested.detected
    if line.absorption_strength is None:
        line.absorption_strength = nested.volume if nested.strength is None else nested.strength
    line.absorption_side = line.absorption_side or nested.side or nested.direction
