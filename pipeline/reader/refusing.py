"""Which symbol-days of a range are not given, and the sentence that says so.

Belongs here: holding what was found against what is allowed. What is found is `loading.py`'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.clock import from_to, unbroken
from pipeline.errors import ParameterError, RefusedError
from pipeline.plain_text import few
from pipeline.reader.described import near
from pipeline.reader.resolved import Resolved

_NAMED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One date as published; what its revision says, or nothing."""

    day: dt.date
    resolved: Resolved | None

    def conditions(self, symbols: Sequence[str] | None) -> dict[str, str]:
        """Symbol -> condition. A symbol that the day does not know is missing on it."""
        known = {} if self.resolved is None else self.resolved.condition.symbols
        wanted = sorted(known) if symbols is None else symbols
        return {s: known[s].condition if s in known else "missing" for s in wanted}


def refuse(
    days: Sequence[Day],
    symbols: Sequence[str] | None,
    allow: Sequence[str],
    published: Callable[[], str],
) -> None:
    """Refuses days of conditions that are not allowed.

    Args:
        days: Every date of the range, ascending.
        symbols: Those asked for; None means all.
        allow: Conditions that are accepted; `pending` accepts dates that are not published.
        published: Says what there is instead of those, and what to do; asked only where it is told.

    Raises:
        ParameterError: no day knows a symbol.
        RefusedError: names the symbol-days, and what to do.
    """
    _check_known(days, symbols)
    gone = [it.day for it in days if it.resolved is None] if "pending" not in allow else []
    wrong = [
        (it.day, f"{symbol} {it.day} ({condition})", condition)
        for it in days
        if it.resolved is not None
        for symbol, condition in it.conditions(symbols).items()
        if condition not in allow
    ]
    told = [(first, f"{from_to(first, last)} (not published)") for first, last in unbroken(gone)]
    told = sorted([*told, *((day, words) for day, words, _ in wrong)], key=lambda it: it[0])
    if not told:
        return
    takes = sorted({condition for *_, condition in wrong} | ({"pending"} if gone else set()))
    raise RefusedError(
        f"{few([words for _, words in told], most=_NAMED)}: wanted only {', '.join(allow)};"
        f" {published() if gone else ''}allow {' and '.join(takes)} to {_effect(gone, takes)}"
    )


def _effect(gone: Sequence[dt.date], takes: Sequence[str]) -> str:
    if "degraded" not in takes:
        return "go on without them"
    return "take what there is" if gone or len(takes) > 1 else "take them"


def _check_known(days: Sequence[Day], symbols: Sequence[str] | None) -> None:
    seen = {name for it in days if it.resolved for name in it.resolved.condition.symbols}
    unknown = [name for name in symbols or [] if name not in seen]
    if seen and unknown:
        raise ParameterError(
            f"no day of the range knows {', '.join(unknown)}; {near(unknown[0], sorted(seen))}"
        )


def instead(published: Sequence[dt.date], gone: Sequence[dt.date], place: str, when: str) -> str:
    """What is published where dates are asked for that are not, and the command that builds these.

    Args:
        published: Dates, ascending.
        gone: Dates that are not among them, ascending.
        place: The store's name.
        when: The instant that is asked for; empty for now, since a command changes nothing of what was.
    """
    if not published:
        there = f"nothing {'was' if when else 'is'} published in {place}{when}; "
    else:
        there = (
            f"published {'were' if when else 'are'} {from_to(published[0], published[-1])}{when}; "
        )
    command = f"`kitchen backfill --start {gone[0]} --stop {gone[-1]}` builds what is not; "
    return there if when else there + command
