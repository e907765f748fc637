"""A real day with its klines and every tape of it, some of its files damaged: read, proven, mended.

The archives are taken from the exports as text and written anew, so that only what a test damages differs.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kit.shipped import RULES
from pipeline.contracts.day import Day
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.proof.tapes import Given, TapeGiven, TapesOfDay, tapes_of_day
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables.parts import in_memory

Damage = Callable[[list[str]], list[str]]
"""Lines of an archive -> other lines."""

DAY, MINUTES = dt.date(2019, 10, 11), 1022
"""A day of XRPETH and its traded minutes, of which every tape and the klines agree."""

_SYMBOL = "XRPETH"
_FEEDS = {"trades": "binance_trades", "agg_trades": "binance_agg_trades", "klines": "binance_1m"}
_KINDS = {"trades": "trades", "agg_trades": "aggTrades", "klines": "1m"}


@dataclass(frozen=True, kw_only=True)
class Raw:
    """The exports of one real day, and what is done to the lines of a file; None: it is not there.

    `month`: these tapes' files are named as a month's. `lost_hours`: of ATAS there is no file of these.
    """

    root: Path
    work: Path
    day: dt.date = DAY
    damage: Mapping[str, Damage | None] = field(default_factory=dict)
    month: frozenset[str] = frozenset()
    lost_hours: frozenset[int] = frozenset()

    def lines(self, name: str) -> list[str]:
        """The lines of an archive as the exchange wrote it."""
        path = self.root / f"binance/spot/{_SYMBOL}-{_KINDS[name]}-{self.day}.zip"
        with zipfile.ZipFile(path) as archive:
            return archive.read(archive.namelist()[0]).decode().splitlines()

    def feed(self, name: str) -> CleanFeed:
        """An archive as it is read, damaged."""
        damage = self.damage.get(name, lambda lines: lines)
        assert damage is not None
        date = f"{self.day:%Y-%m}" if name in self.month else str(self.day)
        path = self.work / f"{_SYMBOL}-{_KINDS[name]}-{date}.csv"
        path.write_text("".join(f"{line}\n" for line in damage(self.lines(name))))
        return self._read(_FEEDS[name], {path.name: path})

    def ticks(self) -> CleanFeed:
        """The tape that ATAS recorded."""
        paths = sorted(self.root.glob(f"atas/ticks/{_SYMBOL}/date={self.day}/*/*.jsonl"))
        paths = [path for path in paths if int(path.parent.name) not in self.lost_hours]
        return self._read("atas_ticks", {p.relative_to(self.root).as_posix(): p for p in paths})

    def _read(self, source: str, files: Mapping[str, Path]) -> CleanFeed:
        feed = Feed(
            symbol=_SYMBOL, vendor_symbol=_SYMBOL, market="spot", source=source, day=self.day
        )
        return read_feed(feed, [RawPath(path, name, 0) for name, path in files.items()], RULES)


def proven(raw: Raw, *tapes: str, outages: frozenset[int] = frozenset()) -> TapesOfDay:
    """The day with these tapes of `ticks`, `trades` and `agg_trades`, the preferred first."""
    feeds = {name: raw.ticks() if name == "ticks" else raw.feed(name) for name in tapes}
    return tapes_of_day(
        Given(
            day=Day(
                symbol=_SYMBOL,
                market="spot",
                date=raw.day,
                rules=RULES,
                outages=outages,
                prefer=ATAS_FEEDS,
            ),
            klines=raw.feed("klines").table,
            tapes={
                name: TapeGiven(
                    parts=feed.parts, is_archive=name != "ticks", ledger=tuple(feed.ledger)
                )
                for name, feed in feeds.items()
            },
            keep=in_memory,
        )
    )
