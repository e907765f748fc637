"""Are the live exporters alive? Three ages for each exporter and symbol.

The heartbeat proves the exporter's process, the newest file's time its writer, the newest row's stamp
its feed: any of them may stand still while the others go on. Thresholds are CONTROL's. What to do about
it is `unattended/heartbeat.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import layout
from pipeline.contracts import control
from pipeline.free_form import Json
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.settings.config import Kitchen, Symbol
from pipeline.sources.atas import heartbeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old one sign of life is.

    Args:
        sign: `heartbeat`, `file` or `row`.
        seconds: Its age; negative: it lies in the future; None: there is no such sign.
        limit: The age from which it is stale.
    """

    sign: str
    seconds: float | None
    limit: float

    @property
    def stale(self) -> bool:
        """Whether it is too old, missing, or farther in the future than it may be old."""
        return self.seconds is None or abs(self.seconds) > self.limit

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.sign} none"
        where = "ahead" if self.seconds < 0 else "old"
        return f"{self.sign} {span(abs(self.seconds))} {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The signs of life of one exporter and symbol."""

    symbol: str
    exporter: str
    feed: str
    ages: tuple[Age, ...]

    @property
    def stale(self) -> tuple[Age, ...]:
        """The ages that are beyond their limits."""
        return tuple(age for age in self.ages if age.stale)

    def facts(self) -> Json:
        """For `--json`."""
        return {
            "symbol": self.symbol,
            "exporter": self.exporter,
            "feed": self.feed,
            "stale": bool(self.stale),
            "ages": [{**asdict(age), "stale": age.stale} for age in self.ages],
        }

    def __str__(self) -> str:
        state = "stale" if self.stale else "alive"
        return f"{self.symbol} {self.exporter}: {state} ({', '.join(map(str, self.ages))})"


def signs(kitchen: Kitchen, now: dt.datetime) -> list[Sign]:
    """The signs of life of every exporter of every symbol that has ATAS data and has not ended.

    A symbol without any heartbeat file has one sign, of the exporter `any`, all of whose ages are None
    unless data files of a feed are there.
    """
    layout.forget_listings()
    today = now.astimezone(dt.UTC).date()
    return [
        sign
        for symbol in kitchen.symbols.values()
        if symbol.atas == "expected" and (symbol.until is None or today <= symbol.until)
        for sign in _of_symbol(kitchen, symbol, int(now.timestamp() * 1_000_000))
    ]


def _of_symbol(kitchen: Kitchen, symbol: Symbol, now_us: int) -> Iterator[Sign]:
    limits = control.load(kitchen.governance).heartbeat
    found = heartbeats.exporters(kitchen.raw, symbol.atas_symbol)
    for exporter in sorted(found) or ["any"]:
        feed, beat = heartbeats.feed_of(exporter), found.get(exporter)
        newest = _newest_file(kitchen, symbol, [feed] if feed else list(ATAS_FEEDS))
        stamps_us = {
            "heartbeat": heartbeats.beat_us(beat) if beat else None,
            "file": _written_us(newest),
            "row": heartbeats.newest_row_us(newest) if newest else None,
        }
        seconds_max = {
            "heartbeat": limits["beat_seconds_max"],
            "file": limits["file_minutes_max"] * 60,
            "row": limits["row_minutes_max"] * 60,
        }
        ages = (
            Age(sign=sign, seconds=_age(stamp_us, now_us), limit=seconds_max[sign])
            for sign, stamp_us in stamps_us.items()
        )
        yield Sign(symbol=symbol.name, exporter=exporter, feed=feed or "any", ages=tuple(ages))


def _age(instant_us: int | None, now_us: int) -> float | None:
    return None if instant_us is None else round((now_us - instant_us) / 1e6, 3)


def _written_us(path: Path | None) -> int | None:
    try:
        return path.stat().st_mtime_ns // 1_000 if path else None
    except OSError:
        return None


def _newest_file(kitchen: Kitchen, symbol: Symbol, feeds: list[str]) -> Path | None:
    """The file last written to, among those of each feed's last three days that have any.

    An exporter may file a late batch under the day before, and a wrong clock one under the day after.
    """
    paths = [
        file.path
        for feed in feeds
        for day in sorted(layout.raw_days(kitchen, symbol, feed))[-3:]
        for file in layout.raw_files(kitchen, symbol, feed, day)
        if not file.name.endswith((".gz", ".zst"))
    ]
    return max(paths, key=lambda path: (_written_us(path) or 0, path), default=None)


def span(seconds: float) -> str:
    """A duration for people: `42 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
