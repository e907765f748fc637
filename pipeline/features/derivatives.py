"""What the archives of perpetual futures add to a day's row: settled funding and open interest.

Belongs here: clean rows of one day -> columns of `daily_stats`. The features on them are `slow_funding.py`
and `slow_interest.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.clock import DAY_US, day_open_us
from pipeline.contracts import features_schema
from pipeline.exact import decimal_sum

HOURS_OF_A_DAY = 24

FEEDS = {
    "funding_last": "binance_funding",
    "funding_sum": "binance_funding",
    "open_interest": "binance_metrics",
}
"""Column -> the feed that it is of."""

_TOLD = ("path", "bytes", "sha256", "lines", "inferred")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivatives:
    """`clean_funding` and `clean_metrics` of a day, None where there is no file; and both feeds' ledgers."""

    funding: pa.Table | None
    metrics: pa.Table | None
    ledgers: dict[str, list[dict[str, Any]]]


def with_derivatives(
    stats: pa.Table, day: dt.date, given: Derivatives, governance: Path
) -> pa.Table:
    """The day's `daily_stats` with its funding, its open interest, and the files that they are of.

    Args:
        stats: One row or none; a day that the exchange of record does not know stays without.
        day: The UTC day.
        given: What was read of the day.
        governance: Folder of the governance documents; `daily_minutes_share_min` says how much of the day
            must have passed at the last known open interest.

    Returns:
        The table. Funding is null unless the settlements' intervals cover the day's 24 hours; `funding_sum`
        is exact. `open_interest` is the newest known at 24:00, null where that is too old.
    """
    if stats.num_rows == 0:
        return stats
    share = features_schema.rules(governance).daily_minutes_share_min
    last, total = _funding(given.funding)
    values = {
        "funding_last": last,
        "funding_sum": total,
        "open_interest": _open_interest(given.metrics, day_open_us(day) + round(share * DAY_US)),
        "derived_from": _derived_from(given.ledgers),
    }
    for name, value in values.items():
        place, kind = stats.schema.get_field_index(name), stats.schema.field(name)
        stats = stats.set_column(place, kind, pa.array([value], type=kind.type))
    return stats


def _funding(settled: pa.Table | None) -> tuple[float | None, float | None]:
    """The day's last rate, and the sum of its rates."""
    if settled is None or sum(settled["interval_hours"].to_pylist()) < HOURS_OF_A_DAY:
        return None, None
    rates = settled.sort_by("settled_at")["rate"].to_pylist()
    return rates[-1], decimal_sum(rates)


def _open_interest(metrics: pa.Table | None, since: int) -> float | None:
    """The newest open interest, if it was known at `since` or later."""
    if metrics is None:
        return None
    known = metrics["period_close"].cast(pa.int64()).to_pylist()
    rows = zip(known, metrics["open_interest"].to_pylist(), strict=True)
    newest = max(((at, x) for at, x in rows if x is not None and at >= since), default=None)
    return None if newest is None else newest[1]


def _derived_from(ledgers: dict[str, list[dict[str, Any]]]) -> str | None:
    """Of each file what a manifest says of its inputs, with its feed."""
    entries = [
        {"feed": feed, **{key: entry[key] for key in _TOLD}}
        for feed, ledger in sorted(ledgers.items())
        for entry in ledger
    ]
    return json.dumps(entries, sort_keys=True, separators=(",", ":")) if entries else None


def files_of(days: Iterable[tuple[int, str | None]], reach: dict[str, int]) -> list[dict[str, Any]]:
    """The files behind a history's funding and open interest, by path; their lines of all those days.

    Args:
        days: How many days ago, 1 for the last completed one, and `derived_from` of that day.
        reach: Feed -> so many days back it counts.
    """
    found: dict[str, dict[str, Any]] = {}
    for ago, told in days:
        for entry in json.loads(told) if told else ():
            if 1 <= ago <= reach[entry.pop("feed")]:
                known = found.setdefault(entry["path"], {**entry, "lines": {}})["lines"]
                for name, count in entry["lines"].items():
                    known[name] = known.get(name, 0) + count
    return [found[path] for path in sorted(found)]
