"""A symbol's day, and the rules that it is measured by.

Belongs here: what the steps of one symbol's day are told beside their tables. What is a step's alone stands
in its own input.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline.contracts.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A symbol's UTC day.

    Args:
        symbol: The symbol.
        market: spot, futures_um or futures_cm.
        date: The UTC date, by minute_open.
        rules: Those in force.
        outages: Minutes of the day, 0..1439, in a known outage of the exchange.
        prefer: ATAS feeds, the preferred first.
    """

    symbol: str
    market: str
    date: dt.date
    rules: Rules
    outages: frozenset[int]
    prefer: tuple[str, ...]
