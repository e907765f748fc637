"""Is a date finished: sealed, linked, and everything it came from unchanged?

The quick answer for "nothing to do", from stamps (`freshness/stamp.py`); it never says yes where the deep
comparison would find the day itself untrue. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import DAY_US, day_open_us
from pipeline.errors import PublishError
from pipeline.freshness import graph, listing, stamp
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.freshness.history import History
from pipeline.freshness.listing import Listing
from pipeline.publishing import links, revisions, sums
from pipeline.publishing.store import Store
from pipeline.settings.config import Kitchen, Symbol

NEVER = 1 << 62


@dataclass(slots=True)
class Finished:
    """Answers for one look at the files; make a new one after any work."""

    freshness: Freshness
    _seen: Listing = field(init=False)
    _store_seen: Listing = field(init=False)
    _environment: str = field(init=False)
    _symbols: dict[str, str] = field(init=False)
    _history: History = field(init=False)
    _spans: list[tuple[Symbol, dt.date, dt.date]] | None = None
    _latest: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        kitchen = self.freshness.kitchen
        self._seen = Listing(str(kitchen.raw))
        self._store_seen = Listing(str(kitchen.snapshots))
        self._environment = stamp.environment(
            kitchen, self.freshness.code, self.freshness.libraries
        )
        self._symbols = {name: stamp.of_symbol(s) for name, s in kitchen.symbols.items()}
        self._history = History(self.freshness, self._seen, self._environment, self._symbols)

    @property
    def kitchen(self) -> Kitchen:
        """The configuration."""
        return self.freshness.kitchen

    def holds(self, day: dt.date) -> bool:
        """Whether the date's stamp proves that there is nothing to do."""
        entry = stamp.read(stamp.day_file(self.kitchen, day))
        if entry is None or entry["until"] < time.time_ns() // 1_000:
            return False
        symbols = self._expected(day)
        if entry["environment"] != self._of(symbols) or not self._is_linked(day, entry):
            return False
        if not stamp.is_true(self._seen, entry):
            return False
        return all(
            self._history.number(symbol, day, look=False) == entry["history"][symbol.name]
            for symbol in symbols
        )

    def remember(self, day: dt.date) -> bool:
        """Leaves a stamp for a date that is fresh and settled; False where none can prove it."""
        if stamp.has_oddities(self._seen, self.kitchen):
            return False
        symbols = self._expected(day)
        history = {s.name: self._history.number(s, day, look=True) for s in symbols}
        sealed = revisions.current(Store(self.kitchen.snapshots), day)
        if sealed is None or None in history.values():
            return False
        units = self._units(day)
        witness = stamp.day_witness(self.kitchen, self._seen, units, day)
        files = (sums.MANIFEST, sums.PUBLICATION)
        witness.paths.extend(f"{sealed.path}/{name}" for name in files)
        entry: dict[str, Any] = {
            **witness.entry(self._seen),
            "environment": self._of(symbols),
            "history": history,
            "until": self._until(symbols, day),
            "revision": sealed.path.name,
            "taken": self._taken(day),
            "available": revisions.is_available(sealed),
        }
        if not stamp.can_vouch(self.freshness, witness, units):
            return False
        stamp.write(stamp.day_file(self.kitchen, day), entry)
        return True

    def _of(self, symbols: list[Symbol]) -> list[str]:
        return [self._environment, *(self._symbols[symbol.name] for symbol in symbols)]

    def _expected(self, day: dt.date) -> list[Symbol]:
        if self._spans is None:
            self._spans = list(self._expected_spans())
        return [symbol for symbol, since, until in self._spans if since <= day <= until]

    def _expected_spans(self) -> Iterator[tuple[Symbol, dt.date, dt.date]]:
        for symbol in self.kitchen.symbols.values():
            since = symbol.since or listing.first_raw_day(self._seen, self.kitchen, symbol)
            if since is not None:
                yield symbol, since, symbol.until or dt.date.max

    def _units(self, day: dt.date) -> list[Unit]:
        """Every unit behind the date's snapshot, without the history of daily statistics."""
        found: dict[Unit, None] = {}
        waiting = [Unit("Snapshot", day)]
        while waiting:
            unit = waiting.pop()
            if unit not in found:
                found[unit] = None
                if unit.stage != "MacroFeatures":
                    edges = graph.edges(self.kitchen, unit)
                    waiting.extend(edge.unit for edge in edges)
        return list(found)

    def _until(self, symbols: list[Symbol], day: dt.date) -> int:
        """When the clock alone may make a neighbour day count; in microseconds."""
        ends = [NEVER]
        for back in (-2, -1, 1):
            beside = day + dt.timedelta(days=back)
            for symbol in symbols:
                for vendor in ("binance", "atas"):
                    if not graph.is_settled(self.kitchen, symbol, vendor, beside):
                        ends.append(day_open_us(beside) + DAY_US)
        return min(ends)

    def _taken(self, day: dt.date) -> list[str]:
        """Every name that a revision of the date has or had; a new one means a look is due."""
        folders = (".revisions", ".locks")
        found = [self._store_seen.beginning(f"{f}/{day.isoformat()}.r") for f in folders]
        return [f"{len(names)} {names[-1] if names else ''}" for names in found]

    def _is_linked(self, day: dt.date, entry: dict[str, Any]) -> bool:
        """As `links.settled`, for a revision whose publication and manifest have not changed."""
        store = Store(self.kitchen.snapshots)
        try:
            target = os.readlink(store.date_link(day))
        except OSError:
            return False
        if target != f".revisions/{entry['revision']}" or self._taken(day) != entry["taken"]:
            return False
        latest, available = self._links(store)
        own = day.isoformat()
        return latest >= own and (available >= own if entry["available"] else available != own)

    def _links(self, store: Store) -> tuple[str, str]:
        """The dates that LATEST and LATEST_AVAILABLE name and lead to; empty without."""
        if self._latest is None:
            found = []
            for available in (False, True):
                text = ""
                with suppress(PublishError):
                    named = links.named_day(store, available=available)
                    if named is not None and store.latest(available=available).exists():
                        text = named.isoformat()
                found.append(text)
            self._latest = (found[0], found[1])
        return self._latest
