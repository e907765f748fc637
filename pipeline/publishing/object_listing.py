"""Which revisions a store of objects has, as one listing saw them."""

from __future__ import annotations

import datetime as dt
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.publishing.store import ALWAYS, Span

if TYPE_CHECKING:
    from pipeline.publishing.s3 import Listed, Objects

FOLDER = "revisions/"

_NAME = re.compile(
    r"revisions/([0-9]{4}-[0-9]{2}-[0-9]{2})/([0-9]{6,9})\.(json|collected)", re.ASCII
)


def claim_name(day: dt.date, number: int) -> str:
    """The object that is a revision's claim and seal."""
    return f"{FOLDER}{day}/{number:06}.json"


def collected_name(day: dt.date, number: int) -> str:
    """The object that says that a revision was collected."""
    return f"{FOLDER}{day}/{number:06}.collected"


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is taken: its claim, and what says that it was collected; None without."""

    claim: Listed | None = None
    collected: Listed | None = None

    @property
    def stands(self) -> bool:
        """Whether its data are to be read."""
        return self.claim is not None and self.collected is None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the store had when it was first asked for a date, or for the span of dates around it."""

    objects: Objects
    span: Span | None
    _days: dict[dt.date, dict[int, Number]] = field(default_factory=dict)
    _spans: list[Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, day: dt.date) -> dict[int, Number]:
        """Number -> what is known of it, ascending."""
        span = self.span
        self._list(span if span and span[0] <= day <= span[1] else (day, day))
        return self._days.get(day, {})

    def since(self, first: dt.date) -> dict[dt.date, dict[int, Number]]:
        """The same, of every date from a first one on that has any number, ascending."""
        self._list((first, ALWAYS[1]))
        return {day: self._days[day] for day in sorted(self._days) if day >= first}

    def standing(self, first: dt.date = ALWAYS[0]) -> list[dt.date]:
        """Every date from a first one on of which a revision stands."""
        found = self.since(first).items()
        return [day for day, numbers in found if any(n.stands for n in numbers.values())]

    def _list(self, span: Span) -> None:
        with self._lock:
            if not any(first <= span[0] and span[1] <= last for first, last in self._spans):
                self._days.update(self._listed(span))
                self._spans.append(span)

    def _listed(self, span: Span) -> dict[dt.date, dict[int, Number]]:
        found: dict[dt.date, dict[int, Number]] = {}
        single = span[0] == span[1]
        prefix, after = (f"{FOLDER}{span[0]}/", "") if single else (FOLDER, f"{FOLDER}{span[0]}")
        for listed in self.objects.listed(prefix, after):
            match = _NAME.fullmatch(listed.name)
            if match is None:
                continue
            day, number = dt.date.fromisoformat(match[1]), int(match[2])
            if day > span[1]:
                break
            known = found.setdefault(day, {}).get(number, Number())
            is_claim = match[3] == "json"
            found[day][number] = (
                replace(known, claim=listed) if is_claim else replace(known, collected=listed)
            )
        return {day: dict(sorted(numbers.items())) for day, numbers in found.items()}
