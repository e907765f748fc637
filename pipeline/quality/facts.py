"""What a symbol's day is judged by: its tables and ledgers, and its minutes as masks.

Belongs here: the inputs of a verdict, read but not judged. Thresholds are held against them in
`checks.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us, iso
from pipeline.contracts.calibration import DayFinding
from pipeline.contracts.control import Control
from pipeline.contracts.day import Day
from pipeline.contracts.ledger import LedgerEntry, Lines
from pipeline.contracts.tape import TapeFinding
from pipeline.free_form import Json
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Ints

RECORD = "binance_1m"
"""The feed of the exchange of record."""

TICKS = "atas_ticks"
"""The tape."""

SAME = "same"
"""Identity of feeds of one instrument."""

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """Everything that the verdict and the report of one symbol's day look at.

    Args:
        day: The symbol's day.
        bars: The aligned `bars_1m`: 1440 rows, or none when the exchange of record is absent.
        calibration: What was found of the ATAS feeds.
        ledgers: Feed -> one entry a raw file.
        rejects: Feed -> the lines set aside.
        atas_expected: Whether the configuration wants ATAS data of the symbol.
        simulated: Whether the raw data was made by the sample generator.
        flow: How the sources of order flow agree: published, pairs, rows, worst; empty when not compared.
        tape: How the tapes and the klines agree; None without a tape.
    """

    day: Day
    bars: pa.Table
    calibration: DayFinding
    ledgers: Mapping[str, Sequence[LedgerEntry]]
    rejects: dict[str, pa.Table]
    atas_expected: bool
    simulated: bool
    flow: Json = field(default_factory=dict)
    tape: TapeFinding | None = None

    @property
    def control(self) -> Control:
        """CONTROL in force."""
        return self.day.rules.control

    @property
    def set_aside(self) -> bool:
        """Whether the calibration was refused, so that the ATAS columns are null."""
        return self.calibration.status == "refused"

    @property
    def same_instrument(self) -> bool:
        """Whether both feeds were identified as the same instrument."""
        return self.calibration.identity == SAME

    def lines(self, feed: str) -> Lines:
        """The feed's raw lines, over all its files."""
        return sum((entry.lines for entry in self.ledgers.get(feed, ())), Lines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """The day's 1440 minutes as masks, by minute_open.

    `record` and `atas`: the feed has a row. `traded`: the exchange of record has a row with volume.
    `outage`: the minute lies in a known outage.
    """

    record: Bools
    atas: Bools
    traded: Bools
    outage: Bools


def positions(facts: DayFacts) -> Ints:
    """Each row's minute of the day, 0..1439."""
    opened = arrays.ints(facts.bars["minute_open"])
    return np.asarray((opened - day_open_us(facts.day.date)) // MINUTE_US, dtype=np.int64)


def minutes_of(facts: DayFacts) -> Minutes:
    """The masks of a day; all False but the outages where there are no bars."""
    at = positions(facts)
    record = arrays.truths(facts.bars["src_binance"])
    return Minutes(
        record=_spread(at, record),
        atas=_spread(at, arrays.truths(facts.bars["src_atas"])),
        traded=_spread(at, record & (arrays.floats(facts.bars["volume"]) > 0)),
        outage=mask_of(facts.day.outages),
    )


def mask_of(minutes: Iterable[int]) -> Bools:
    """A mask of the day that is True at the given minutes."""
    mask = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    mask[sorted(minutes)] = True
    return mask


def _spread(at: Ints, values: Bools) -> Bools:
    mask = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    mask[at] = values
    return mask


def instant(day: dt.date, minute: int) -> str:
    """`2025-01-02T07:36:00Z`: the open of a minute of the day."""
    return iso(day_open_us(day) + minute * MINUTE_US)


def edges(day: dt.date, mask: Bools) -> tuple[str | None, str | None]:
    """The opens of the first and last minute of a mask, None where it is empty."""
    found = np.flatnonzero(mask)
    if not found.size:
        return None, None
    return instant(day, int(found[0])), instant(day, int(found[-1]))
