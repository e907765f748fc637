"""What the archives of perpetual futures add to a day's row: settled funding and open interest.

Belongs here: clean rows of one day -> columns of `daily_stats`. The features on them are `slow_funding.py`
and `slow_interest.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from pipeline.clock import DAY_US, HOUR_US, day_open_us
from pipeline.contracts.ledger import LedgerEntry, Lines, SlowEntry, to_json
from pipeline.contracts.value import changed, read_as
from pipeline.features.metrics_label import PERIOD_US, Label, label_by_minutes
from pipeline.tables import arrays
from pipeline.tables.exact import decimal_sum

HOURS_OF_A_DAY = 24

FEEDS = {
    "funding_last": "binance_funding",
    "funding_sum": "binance_funding",
    "open_interest": "binance_metrics",
}
"""Column -> the feed that it is of."""

_SAID = ("refused", "no_usable_line")
"""Of a ledger's notes: why a file gave nothing."""

Ledgers = Mapping[str, Sequence[LedgerEntry]]
"""Feed -> the entries of its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivatives:
    """`clean_funding`, `clean_metrics` and `clean_klines` of a day, None where there is no file; by feed, the
    ledgers of the first two.
    """

    funding: pa.Table | None
    metrics: pa.Table | None
    minutes: pa.Table | None
    ledgers: Ledgers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interest:
    """The day's rows of one metrics file, with its label; and how many of its rows are a neighbour day's."""

    rows: list[tuple[int, float]]
    label: Label
    neighbours: int


def with_derivatives(
    stats: pa.Table,
    day: dt.date,
    given: Derivatives,
    share_min: float,
    limits: dict[str, float],
) -> pa.Table:
    """The day's `daily_stats` with its funding, its open interest, and the files that they are of.

    Args:
        stats: One row or none; a day that the exchange of record does not know stays without.
        day: The UTC day.
        given: What was read of the day.
        share_min: `daily_minutes_share_min` of SCHEMA_features: so much of the day must have passed at the
            last known open interest.
        limits: `metrics` of CONTROL: when minutes decide the label of open interest.

    Returns:
        The table. Funding is null unless the settlements cover the day's 24 hours; `funding_sum` is exact.
        `open_interest` is the newest known at 24:00, null where that is too old, or zero on a day of trades.
    """
    if stats.num_rows == 0:
        return stats
    last, total = _funding(given.funding)
    interest = _interest(day, given, limits)
    held = _newest(interest.values(), day_open_us(day) + round(share_min * DAY_US))
    traded = bool(stats["volume"][0].as_py())
    values = {
        "funding_last": last,
        "funding_sum": total,
        "open_interest": None if held == 0 and traded else held,
        "derived_from": _derived_from(given.ledgers, interest),
    }
    for name, value in values.items():
        place, kind = stats.schema.get_field_index(name), stats.schema.field(name)
        stats = stats.set_column(place, kind, pa.array([value], type=kind.type))
    return stats


def _funding(settled: pa.Table | None) -> tuple[float | None, float | None]:
    """The day's last rate, and the sum of its rates."""
    if settled is None or not _is_whole(settled):
        return None, None
    rates = settled.sort_by("settled_at")["rate"].to_pylist()
    return rates[-1], decimal_sum(rates)


def _is_whole(settled: pa.Table) -> bool:
    """Whether the settlements cover the day: by their intervals; where one is not known, by their distance.

    Settlements without intervals must then be as many as their least distance asks for: two of them eight
    hours apart are no whole day, and nor is a day on which the distance changes.
    """
    hours = settled["interval_hours"].to_pylist()
    if None not in hours:
        return bool(sum(hours) >= HOURS_OF_A_DAY)
    at = sorted(round(t / HOUR_US) for t in settled["settled_at"].cast(pa.int64()).to_pylist())
    apart = [later - earlier for earlier, later in pairwise(at)]
    return bool(apart) and min(apart) * len(at) == HOURS_OF_A_DAY


def _interest(day: dt.date, given: Derivatives, limits: dict[str, float]) -> dict[int, _Interest]:
    """Number of a metrics file in its ledger -> its open interest by the instant at which it was known."""
    found = {}
    for number, entry in enumerate(given.ledgers.get("binance_metrics", ())):
        if given.metrics is None or "label" not in entry.notes:
            continue
        mine = given.metrics.filter(pa.array(given.metrics["file"].to_numpy() == number))
        notes = entry.notes
        label = label_by_minutes(day, mine, given.minutes, limits) or Label(
            edge=notes["label"], by=notes["label_by"]
        )
        opens = label.opens(arrays.ints(mine["stamp"]))
        since = opens - day_open_us(day)
        ours = (since >= 0) & (since < DAY_US)
        held = arrays.floats(mine["open_interest"])
        known = ours & ~np.isnan(held)
        rows = list(zip((opens[known] + PERIOD_US).tolist(), held[known].tolist(), strict=True))
        found[number] = _Interest(rows=rows, label=label, neighbours=int((~ours).sum()))
    return found


def _newest(interest: Iterable[_Interest], since: int) -> float | None:
    """The newest open interest, of the most trusted file that has it, if it was known at `since` or later."""
    rows = [row for file in interest for row in file.rows if row[0] >= since]
    return max(rows, key=lambda row: row[0])[1] if rows else None


def _derived_from(ledgers: Ledgers, interest: dict[int, _Interest]) -> str | None:
    """Of each file what a manifest says of its inputs, with its feed, and why it gave nothing."""
    entries = []
    for feed, ledger in sorted(ledgers.items()):
        for number, entry in enumerate(ledger):
            file = interest.get(number) if feed == "binance_metrics" else None
            told = _slow_entry(feed, entry)
            entries.append(to_json(told if file is None else _with_label(told, file)))
    return json.dumps(entries, sort_keys=True, separators=(",", ":")) if entries else None


def _slow_entry(feed: str, entry: LedgerEntry) -> SlowEntry:
    return SlowEntry(
        feed=feed,
        path=entry.path,
        bytes=entry.bytes or 0,
        sha256=entry.sha256 or "",
        lines=entry.lines,
        inferred=entry.inferred,
        said={name: entry.notes[name] for name in _SAID if name in entry.notes},
    )


def _with_label(told: SlowEntry, file: _Interest) -> SlowEntry:
    """The entry with the label that was found; a neighbour day's row counts as that day's, not as used."""
    lines = told.lines + Lines(read=-file.neighbours, used=-file.neighbours)
    label = {"label": file.label.edge, "label_by": file.label.by}
    return changed(told, lines=lines, inferred={**told.inferred, **label})


def files_of(days: Iterable[tuple[int, str | None]], reach: dict[str, int]) -> list[SlowEntry]:
    """The files behind a history's funding and open interest, by path; their lines of all those days.

    Args:
        days: How many days ago, 1 for the last completed one, and `derived_from` of that day.
        reach: Feed -> so many days back it counts.
    """
    found: dict[str, SlowEntry] = {}
    for ago, told in days:
        whole = read_as(list[SlowEntry], json.loads(told or "[]"), "derived_from", "DailyStats")
        for entry in whole:
            if 1 <= ago <= reach[entry.feed]:
                known = found.get(entry.path)
                found[entry.path] = (
                    entry if known is None else changed(known, lines=known.lines + entry.lines)
                )
    return [found[path] for path in sorted(found)]


def as_ledgers(files: list[SlowEntry]) -> dict[str, list[LedgerEntry]]:
    """Feed -> entries of `files_of` as a report shows them, without what changes as a file grows."""
    found: dict[str, list[LedgerEntry]] = {}
    for entry in files:
        notes = {**entry.inferred, **entry.said}
        shown = LedgerEntry(path=entry.path, lines=entry.lines, notes=notes)
        found.setdefault(entry.feed, []).append(shown)
    return found
