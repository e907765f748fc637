"""A day's funding and open interest, against decimals and by hand."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kit.feature_frames import DAY, random_history
from kit.shipped import FEATURES, RULES
from pipeline.clock import HOUR_US, MINUTE_US, day_open_us
from pipeline.contracts.ledger import LedgerEntry, Lines
from pipeline.contracts.value import changed
from pipeline.features.derivatives import Derivatives, as_ledgers, files_of, with_derivatives
from pipeline.features.macro import derived_from

INSTANT = pa.timestamp("us", tz="UTC")
OPENED = day_open_us(DAY)
GOVERNED = (FEATURES.rules.daily_minutes_share_min, RULES.control.metrics)


def funding(*rows: tuple[float, float, float]) -> pa.Table:
    """`clean_funding` of (hour, interval in hours, rate)."""
    given = {
        "settled_at": pa.array([OPENED + round(h * HOUR_US) for h, _, _ in rows]).cast(INSTANT),
        "interval_hours": [interval for _, interval, _ in rows],
        "rate": [rate for _, _, rate in rows],
        "file": [0] * len(rows),
        "line": list(range(len(rows))),
    }
    return pa.table(given, schema=RULES.schema.table("clean_funding"))


def metrics(*rows: tuple[int, float | None], ratios: Any = None) -> pa.Table:
    """`clean_metrics` of (minute that is stamped, open interest), and of their taker ratios."""
    schema = RULES.schema.table("clean_metrics")
    given: dict[str, Any] = {
        "stamp": pa.array([OPENED + minute * MINUTE_US for minute, _ in rows]).cast(INSTANT),
        "open_interest": [held for _, held in rows],
        "file": [0] * len(rows),
        "line": list(range(len(rows))),
    }
    if ratios is not None:
        given["taker_volume_ratio"] = ratios
    return pa.table(
        {f.name: given.get(f.name, pa.nulls(len(rows), f.type)) for f in schema}, schema
    )


def metrics_ledger(edge: str) -> dict[str, list[LedgerEntry]]:
    """The ledger of one metrics file whose own stamps say this label."""
    entry = LedgerEntry(
        path="metrics",
        bytes=9,
        sha256="ab",
        lines=Lines(read=289, used=289),
        notes={"label": edge, "label_by": "its stamps"},
        inferred={"format": "m"},
    )
    return {"binance_metrics": [entry]}


def klines(bought: np.ndarray) -> pa.Table:
    """`clean_klines` of a day; `bought` are the takers' shares of the 288 five minutes."""
    schema = RULES.schema.table("clean_klines")
    minute = np.arange(1440)
    volume = 1.0 + minute * 37 % 101
    given: dict[str, Any] = {
        "minute_open": pa.array(OPENED + minute * MINUTE_US).cast(INSTANT),
        "volume": volume,
        "taker_buy_volume": volume * np.repeat(bought, 5),
        "file": [0] * 1440,
        "line": minute,
        "flags": [0] * 1440,
    }
    return pa.table({f.name: given.get(f.name, pa.nulls(1440, f.type)) for f in schema}, schema)


def day_of(**given: Any) -> dict[str, Any]:
    """The day's row with what is given."""
    stats = random_history(DAY, 1)
    whole = Derivatives(
        **({"funding": None, "metrics": None, "minutes": None, "ledgers": {}} | given)
    )
    (row,) = with_derivatives(stats, DAY, whole, *GOVERNED).to_pylist()
    return row


def test_funding_is_the_exact_sum_of_the_days_rates() -> None:
    """The sum of the decimal texts, and the last rate, whatever order the rows have."""
    rates = ("0.1", "0.2", "-0.00000003")
    rows = [(8 * n + 0.001, 8.0, float(rate)) for n, rate in enumerate(rates)]
    found = day_of(funding=funding(*reversed(rows)))

    assert found["funding_sum"] == float(sum(map(Decimal, rates)))
    assert found["funding_last"] == float(rates[-1])


@pytest.mark.parametrize(
    ("hours", "known"),
    [((0, 8, 16), True), ((0, 8), False), ((), False)],
)
def test_a_day_that_is_not_settled_whole_is_null(hours: tuple[int, ...], known: bool) -> None:
    """An archive of the running month ends somewhere: no rate of hours before stands for the last."""
    found = day_of(funding=funding(*((h, 8.0, 1e-4) for h in hours)))

    assert (found["funding_sum"] is not None) is (found["funding_last"] is not None) is known


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (((1440, 5.0), (1435, 4.0)), 5.0),
        (((1440, None), (1435, 4.0)), 4.0),
        (((1368, 4.0),), 4.0),
        (((1365, 4.0),), None),
        ((), None),
    ],
)
def test_open_interest_is_the_newest_of_the_days_end(
    rows: tuple[tuple[int, float | None], ...], expected: float | None
) -> None:
    """The newest figure, of the day's last 5 % alone."""
    ledgers = metrics_ledger("end")
    found = day_of(metrics=metrics(*rows), ledgers=ledgers)

    assert found["open_interest"] == expected


SHARES = np.random.default_rng(7).uniform(0.2, 0.8, 288)
"""What takers bought of each five minutes."""


@pytest.mark.parametrize("edge", ["start", "end"])
@pytest.mark.parametrize("said", ["start", "end"])
def test_minutes_decide_the_label_whatever_the_stamps_say(edge: str, said: str) -> None:
    """289 stamps with the ratio of the five minutes after them, or before: one is a neighbour day's."""
    ratio = SHARES / (1 - SHARES)
    ratios = np.append(ratio, 1.0) if edge == "start" else np.insert(ratio, 0, 1.0)
    rows = [(5 * k, 1000.0 + k) for k in range(289)]
    given = {
        "metrics": metrics(*rows, ratios=np.round(ratios, 4)),
        "minutes": klines(SHARES),
        "ledgers": metrics_ledger(said),
    }
    found = day_of(**given)
    (told,) = json.loads(found["derived_from"])

    assert found["open_interest"] == {"start": 1287.0, "end": 1288.0}[edge]
    assert told["inferred"]["label"] == edge
    assert told["inferred"]["label_by"].startswith("taker ratio of 287 periods: off by")
    assert told["lines"] == {"read": 288, "used": 288, "merged": 0, "rejected": 0}


@pytest.mark.parametrize(
    ("shares", "ratios"),
    [
        (np.full(288, 0.5), np.ones(289)),
        (SHARES, np.random.default_rng(8).uniform(0.5, 2, 289)),
        (SHARES, np.full(289, np.nan)),
        (np.full(288, np.nan), np.ones(289)),
    ],
    ids=["nothing moves", "another market's", "no ratio", "no taker volume"],
)
def test_minutes_that_decide_nothing_leave_it_to_the_stamps(
    shares: np.ndarray, ratios: np.ndarray
) -> None:
    """Equal periods tell no label, and nor do ratios that are near in neither place."""
    rows = [(5 * k, 1000.0 + k) for k in range(289)]
    table = metrics(*rows, ratios=pa.array(ratios, from_pandas=True))
    given = {"metrics": table, "minutes": klines(shares)}
    found = [day_of(**given, ledgers=metrics_ledger(e)) for e in ("start", "end")]

    assert [day["open_interest"] for day in found] == [1287.0, 1288.0]


def test_nothing_held_on_a_day_of_trades_is_no_measurement() -> None:
    """Somebody holds what was traded."""
    table, ledgers = metrics((1440, 0.0)), metrics_ledger("end")

    assert day_of(metrics=table, ledgers=ledgers)["open_interest"] is None


@pytest.mark.parametrize(
    ("hours", "known"),
    [
        ((0, 8, 16), True),
        ((4, 12, 20), True),
        (tuple(range(0, 24, 4)), True),
        ((0, 8), False),
        ((0, 16), False),
        ((0,), False),
        ((0, 4, 8, 16, 20), False),
    ],
)
def test_settlements_without_intervals_must_be_evenly_spaced(
    hours: tuple[int, ...], known: bool
) -> None:
    """As many as their least distance asks for; a millisecond off the hour is on it."""
    rows = ((hour + 2e-7 * (-1) ** n, 0.0, 1e-4) for n, hour in enumerate(hours))
    table = funding(*rows)
    place = table.schema.get_field_index("interval_hours")
    table = table.set_column(place, table.schema.field(place), pa.nulls(len(hours), pa.float64()))

    assert (day_of(funding=table)["funding_sum"] is not None) is known


def test_a_file_that_gave_nothing_says_why() -> None:
    """Refused or without a usable line: the report's entry has the reason."""
    told = LedgerEntry(
        path="odd.csv", lines=Lines(read=1, rejected=1), notes={"no_usable_line": "line 1: why"}
    )
    entry = changed(told, bytes=9, sha256="ab")
    derived = day_of(ledgers={"binance_funding": [entry]})["derived_from"]
    reach = {"binance_funding": 90, "binance_metrics": 8}
    shown = as_ledgers(files_of([(1, derived)], reach))

    assert shown == {"binance_funding": [told]}


def test_without_archives_all_is_null() -> None:
    """Nothing is made up, and nothing else of the row changes."""
    before = random_history(DAY, 1).to_pylist()[0]
    found = day_of()
    new = {"funding_last", "funding_sum", "open_interest", "derived_from"}

    assert {found[name] for name in new} == {None}
    assert {k: v for k, v in found.items() if k not in new} == {
        k: v for k, v in before.items() if k not in new
    }


def test_a_day_without_prices_stays_without() -> None:
    """Funding alone makes no row of the exchange's statistics."""
    nothing = RULES.schema.table("daily_stats").empty_table()
    given = Derivatives(funding=funding((0, 24.0, 1e-4)), metrics=None, minutes=None, ledgers={})

    assert with_derivatives(nothing, DAY, given, *GOVERNED).num_rows == 0


def test_files_behind_a_day_are_those_in_reach() -> None:
    """Funding counts for 90 days, metrics for 8; a file's lines are those of all these days."""
    history = random_history(DAY - dt.timedelta(days=1), 100)
    lines = {"read": 3, "used": 2, "merged": 0, "rejected": 1}

    def told(ago: int) -> str:
        names = {"binance_funding": f"month-{ago // 30}", "binance_metrics": f"day-{ago}"}
        common = {"bytes": 9, "sha256": "ab", "lines": lines, "inferred": {}}
        return json.dumps([{"feed": f, "path": name, **common} for f, name in names.items()])

    place = history.schema.get_field_index("derived_from")
    column = pa.array([told(ago) for ago in range(100, 0, -1)])
    history = history.set_column(place, history.schema.field(place), column)
    found = {entry.path: entry for entry in derived_from(DAY, history)}

    assert [name for name in found if name.startswith("day")] == [f"day-{n}" for n in range(1, 9)]
    assert {n: e.lines.read // 3 for n, e in found.items() if n.startswith("month")} == {
        "month-0": 29,
        "month-1": 30,
        "month-2": 30,
        "month-3": 1,
    }
    assert all(
        (entry.bytes, entry.sha256, entry.inferred, entry.said) == (9, "ab", {}, {})
        for entry in found.values()
    )
