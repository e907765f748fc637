"""Rows of klines of one file: which are of the day, which break a rule, which stand twice.

Belongs here: what every kline format shares. How a format writes a row is its adapter's; how several
files make one day is `one_day.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, day_of, day_open_us, epoch_us, iso
from pipeline.errors import SourceError
from pipeline.free_form import Json
from pipeline.model.limits import Limits
from pipeline.sources.klines import consistency
from pipeline.sources.klines.decimal_noise import without_noise
from pipeline.sources.protocol import Feed, Parsed, RawText
from pipeline.sources.tally import Tally
from pipeline.sources.text.lines import Block

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_Place = tuple[Block, int]
"""A line's block, and its place there."""

_PRICES = ("open", "high", "low", "close")
_AMOUNTS = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
_NUMBERS = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume")


class Kline(NamedTuple):
    """One row: volumes in base, `quote_volume` in quote; None where the format does not have it.

    `lasts` is the time from its open to its end in us, where the format says both.
    """

    opened: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None = None
    trades: int | None = None
    taker_buy_volume: float | None = None
    taker_buy_quote_volume: float | None = None
    close_time_cut: bool = False
    lasts: int | None = None


class KlineFile(Tally):
    """Collects the rows of one file, in file order.

    A file of one day may not hold rows of another (C10); in one of many days they are counted and left.
    `live`: written by people's programs from a running exchange, page by page: a row may stand again on the
    next page (B18), may have been taken while its minute was forming (B17), and its decimals may carry the
    noise of a computation (C06).
    """

    def __init__(self, feed: Feed, text: RawText, *, live: bool = False) -> None:
        """A file whose name does not say the day is one of many days."""
        super().__init__(feed=feed, name=text.name)
        self.units: Counter[str] = Counter()
        self.many_days = is_of_many_days(feed, text.name)
        self._limits, self._live = text.limits, live
        self._conflicts: dict[int, int] = {}
        self._seen, self._day = 0, day_open_us(feed.day) // DAY_US
        self._near: int | None = None
        self._also: int | None = None
        self._cut: int | None = None
        self._rows: dict[int, list[tuple[Kline, Block, int]]] = {}
        self._last = -1
        self._intervals = consistency.Intervals()
        self._broken: list[tuple[int, str]] = []

    def admit(self, rows: int = 1) -> None:
        """Counts rows before they are read.

        Raises:
            SourceError: the file has more than any file of klines.
        """
        self._seen += rows
        self._bound(self._seen, "kline_rows")

    def _bound(self, rows: int, limit: str) -> None:
        if rows > getattr(self._limits, limit):
            raise too_many(self.name, self._limits, limit)

    def read_by(self, edge: str, why: str) -> None:
        """Says how the stamps are read. Where that is assumed, the minute after the day's last is kept too:
        read the other way, it is the last. A file in another zone may hold rows of two days; one whose stamps
        are known for closes begins, cut by their dates, with the last minute of the day before.
        """
        if edge == self.feed.label == "close":
            self._cut = day_open_us(self.feed.day) - self.feed.kind.step()
        if why.startswith("assumed") and self.feed.kind.is_minutes:
            self._also = day_open_us(self.feed.day) + DAY_US
        self.many_days = self.many_days or self.feed.zone is not None

    def is_others(self, opened: int | None) -> bool:
        """Whether a row of a file of many days is not ours; one without a time goes with the row before."""
        self._near = self._near if opened is None else opened
        if self._near is None:
            return False
        if not self.many_days:
            return self._near == self._cut
        return bool(self._of_another_day(self._near))

    def are_others(self, opened: np.ndarray) -> np.ndarray:
        """Which rows of a file of many days are of another day, by their opens in us (0: not known)."""
        others: np.ndarray = (opened != 0) & self._of_another_day(opened)
        return others

    def pass_over(self, opened: np.ndarray) -> None:
        """Counts rows of other days that stand one after the other and are not read.

        Raises:
            SourceError: the file has more than any file of klines.
        """
        if len(opened):
            self.admit(len(opened))
            self.other_days += len(opened)
            self._near = int(opened[-1])

    def _of_another_day(self, opened: Any) -> Any:
        other = opened // DAY_US != self._day
        return other if self._also is None else other & (opened != self._also)

    def take(self, row: Kline, block: Block, place: int) -> None:
        """Keeps a row of ours, or sets it aside by the first rule that it breaks.

        Raises:
            SourceError: the file has more rows of the day than any file of klines.
        """
        self._bound(self.read, "kline_rows_of_day")
        self._intervals.add(row.opened, row.lasts)
        fault = self._fault(row)
        if fault is not None:
            self.set_aside(block, place, *fault)
            return
        broken = broken_rule(row) or self.feed.values.fault(row._asdict().items())
        if broken is not None:
            self._break(block, place, broken)
            return
        self._keep(row, block, place)

    def take_all(self, rows: Sequence[Kline], block: Block, first: int) -> None:
        """As `read` and `take`, of rows of ours that stand from a place on and break no rule.

        Raises:
            SourceError: as `admit` and `take`.
        """
        self.admit(len(rows))
        self.read += len(rows)
        self._bound(self.read, "kline_rows_of_day")
        self._near = rows[-1].opened
        for place, row in enumerate(rows, first):
            self._intervals.add(row.opened, row.lasts)
            self._keep(row, block, place)

    def _keep(self, row: Kline, block: Block, place: int) -> None:
        self.defects["B16"] += row.opened < self._last
        self.defects["B14"] += row.close_time_cut
        self._last = row.opened
        self._rows.setdefault(row.opened, []).append((row, block, place))

    def _break(self, block: Block, place: int, reason: str) -> None:
        """Sets a row aside that breaks a rule of klines."""
        self._broken.append((block.numbers[place], reason))
        self.set_aside(block, place, "B26", reason)

    def finish(self, notes: Json, blank_lines: int) -> Parsed:
        """The file's rows, sorted. Equal rows of one minute are merged; of different ones none is used.

        Raises:
            SourceError: as a whole it is no file of such klines.
        """
        rows, places = self._settle()
        if self._live:
            rows, self.defects["C06"] = without_noise(rows, (_PRICES, ("volume",)))
        if self.feed.record is not None:
            rows, places = self._agreeing(rows, places, self.feed.record)
        numbers = [block.numbers[place] for block, place in places]
        if len(self.units) > 1:
            spelt = any(unit.startswith("iso") for unit in self.units)
            code = "C05" if spelt else "B01"
            self.defects[code] += sum(self.units.values()) - max(self.units.values())
        if any("read as UTC" in unit for unit in self.units):
            notes = notes | {"zone": "UTC, assumed: stamps are written without a zone"}
        elif any("read in" in unit for unit in self.units):
            notes = notes | {"zone": f"{self.feed.zone}, stated by the configuration"}
        unit = next(iter(self.units), None) if len(self.units) < 2 else "mixed"
        self.blank_lines = blank_lines
        notes = {**notes, "unit": unit, "units": dict(sorted(self.units.items()))}
        parsed = self.parsed(_table(rows, numbers, self.feed.kind.time_column), notes)
        parsed.conflicts = self._conflicts
        return parsed

    def _fault(self, row: Kline) -> tuple[str, str] | None:
        if day_of(row.opened) != self.feed.day and row.opened != self._also:
            return "C10", f"opens at {iso(row.opened)}, not on {self.feed.day}"
        if (row.opened - day_open_us(self.feed.day)) % self.feed.kind.step():
            return "B13", f"opens at {iso(row.opened)}, off the grid"
        return None

    def _agreeing(
        self, rows: list[Kline], places: list[_Place], rules: Mapping[str, float]
    ) -> tuple[list[Kline], list[_Place]]:
        """The rows whose columns agree with each other; a file that mostly breaks a rule is refused."""
        other = self._intervals.other_than(self.feed.kind.step(), rules)
        if other is not None:
            raise SourceError(f"{self.name}: {other}; bring the {self._kind} klines", code="B26")
        total = len(rows) + len(self._broken)
        wrong = consistency.disagreements(rows, rules, rounded=self._live)
        for at, reason in wrong.items():
            self._break(*places[at], reason)
        moving = consistency.moving_without_volume(rows, rules, rounded=self._live)
        still = [(places[at][0].numbers[places[at][1]], words) for at, words in moving.items()]
        for broken in (self._broken, still):
            if total >= rules["rows_min"] and len(broken) > rules["broken_share_max"] * total:
                line, reason = min(broken)
                raise SourceError(
                    f"{self.name}:{line}: {reason}; so do {len(broken)} of {total} rows: no klines of"
                    " trades of this market (exchanged columns; mark, index or premium prices), or a"
                    " broken file; bring the exchange's own",
                    code="B26",
                )
        left = [at for at in range(len(rows)) if at not in wrong]
        return [rows[at] for at in left], [places[at] for at in left]

    @property
    def _kind(self) -> str:
        return self.feed.kind.bare_name

    def _settle(self) -> tuple[list[Kline], list[_Place]]:
        rows, places = [], []
        for opened in sorted(self._rows):
            (row, block, place), *others = self._rows[opened]
            if not others or all(_is_again(other, row) for other, _, _ in others):
                rows.append(row)
                places.append((block, place))
                self.merged += len(others)
                self.defects["B18" if self._live else "B15"] += len(others)
                continue
            if self._live and self._grows(opened):
                last, its_block, its_place = self._rows[opened][-1]
                rows.append(last)
                places.append((its_block, its_place))
                continue
            self._conflicts[opened] = block.numbers[place]
            for _, its_block, its_place in self._rows[opened]:
                reason = f"another row of {iso(opened)} has other values; neither is used"
                self.set_aside(its_block, its_place, "B15", reason)
        return rows, places

    def _grows(self, opened: int) -> bool:
        """Whether a minute's rows are states of one forming candle; all but the last are then dropped."""
        states = self._rows[opened]
        if not all(_may_become(one[0], two[0]) for one, two in pairwise(states)):
            return False
        for _, block, place in states[:-1]:
            self.set_aside(
                block, place, "B17", f"{iso(opened)} was still forming; it stands again, later"
            )
        return True


def too_many(name: str, limits: Limits, limit: str) -> SourceError:
    """The refusal of a file with more rows than any file of klines."""
    return SourceError(
        f"{name}: more than {getattr(limits, limit)} rows (limits.{limit}); a year of minutes has"
        " 527040, a day of seconds 86400; cut a longer table by months, and repeat no rows",
        code="B15",
    )


def _is_again(one: Kline, two: Kline) -> bool:
    """Whether a row stands again, in all that is published of it."""
    return one._replace(taker_buy_quote_volume=two.taker_buy_quote_volume) == two


def _may_become(one: Kline, two: Kline) -> bool:
    """Whether a candle of the first values, still forming, can end as the second."""
    return (
        one.open == two.open
        and one.high <= two.high
        and one.low >= two.low
        and one.volume <= two.volume
    )


def market_us(value: int) -> int:
    """An epoch number of any unit in microseconds.

    Raises:
        ValueError: no market timestamp in any unit, or after the year 9999.
    """
    instant = epoch_us(value)
    day_of(instant)
    return instant


def broken_rule(row: Kline) -> str | None:
    """The first rule of an exchange's own row that this one breaks, in words."""
    prices = (row.open, row.high, row.low, row.close)
    if not all(math.isfinite(p) and p > 0 for p in prices):
        return f"prices {prices}; wanted finite and above 0"
    if not row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high:
        return f"open, high, low, close {prices}; wanted low <= open, close <= high"
    for name in (*_AMOUNTS, "trades"):
        value = getattr(row, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            return f"{name} {value}; wanted finite, 0 or more"
    if row.taker_buy_volume is not None and row.taker_buy_volume > row.volume:
        return f"taker_buy_volume {row.taker_buy_volume} above volume {row.volume}"
    return None


def is_of_many_days(feed: Feed, name: str) -> bool:
    """Whether a file's name does not say the feed's day alone: a monthly archive, or of a span."""
    day = feed.day.isoformat()
    said = set(_DAY.findall(name.rpartition("/")[2]))
    return len(said) > 1 or (day not in name and day.replace("-", "") not in name)


def _table(rows: list[Kline], numbers: list[int], key: str) -> pa.Table:
    opened = pa.array(np.array([r.opened for r in rows], dtype=np.int64))
    floats = {name: pa.array([getattr(r, name) for r in rows], pa.float64()) for name in _NUMBERS}
    return pa.table(
        {
            key: opened.cast(pa.timestamp("us", tz="UTC")),
            **floats,
            "trades": pa.array([r.trades for r in rows], pa.int64()),
            "close_time_cut": pa.array([r.close_time_cut for r in rows], pa.bool_()),
            "line": pa.array(numbers, pa.int64()),
        }
    )
