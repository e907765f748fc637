"""A day's funding and open interest, against decimals and by hand."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from feature_frames import DAY, random_history

from pipeline.clock import HOUR_US, MINUTE_US, day_open_us
from pipeline.contracts.schema import table_schema
from pipeline.features.derivatives import Derivatives, with_derivatives
from pipeline.features.macro import derived_from

INSTANT = pa.timestamp("us", tz="UTC")
OPENED = day_open_us(DAY)


def funding(governance: Path, *rows: tuple[float, float, float]) -> pa.Table:
    """`clean_funding` of (hour, interval in hours, rate)."""
    given = {
        "settled_at": pa.array([OPENED + round(h * HOUR_US) for h, _, _ in rows]).cast(INSTANT),
        "interval_hours": [interval for _, interval, _ in rows],
        "rate": [rate for _, _, rate in rows],
        "file": [0] * len(rows),
        "line": list(range(len(rows))),
    }
    return pa.table(given, schema=table_schema(governance, "clean_funding"))


def metrics(governance: Path, *rows: tuple[int, float | None]) -> pa.Table:
    """`clean_metrics` of (minute at which a period ends, open interest)."""
    schema = table_schema(governance, "clean_metrics")
    closes = [OPENED + minute * MINUTE_US for minute, _ in rows]
    given: dict[str, Any] = {
        "period_open": pa.array([at - 5 * MINUTE_US for at in closes]).cast(INSTANT),
        "period_close": pa.array(closes).cast(INSTANT),
        "open_interest": [held for _, held in rows],
        "file": [0] * len(rows),
        "line": list(range(len(rows))),
    }
    return pa.table(
        {f.name: given.get(f.name, pa.nulls(len(rows), f.type)) for f in schema}, schema
    )


def day_of(governance: Path, **given: Any) -> dict[str, Any]:
    """The day's row with what is given."""
    stats = random_history(governance, DAY, 1)
    whole = Derivatives(**({"funding": None, "metrics": None, "ledgers": {}} | given))
    (row,) = with_derivatives(stats, DAY, whole, governance).to_pylist()
    return row


def test_funding_is_the_exact_sum_of_the_days_rates(governance: Path) -> None:
    """The sum of the decimal texts, and the last rate, whatever order the rows have."""
    rates = ("0.1", "0.2", "-0.00000003")
    rows = [(8 * n + 0.001, 8.0, float(rate)) for n, rate in enumerate(rates)]
    found = day_of(governance, funding=funding(governance, *reversed(rows)))

    assert found["funding_sum"] == float(sum(map(Decimal, rates)))
    assert found["funding_last"] == float(rates[-1])


@pytest.mark.parametrize(
    ("hours", "known"),
    [((0, 8, 16), True), ((0, 8), False), ((), False)],
)
def test_a_day_that_is_not_settled_whole_is_null(
    hours: tuple[int, ...], known: bool, governance: Path
) -> None:
    """An archive of the running month ends somewhere: no rate of hours before stands for the last."""
    found = day_of(governance, funding=funding(governance, *((h, 8.0, 1e-4) for h in hours)))

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
    rows: tuple[tuple[int, float | None], ...], expected: float | None, governance: Path
) -> None:
    """The newest figure, of the day's last 5 % alone."""
    found = day_of(governance, metrics=metrics(governance, *rows))

    assert found["open_interest"] == expected


def test_without_archives_all_is_null(governance: Path) -> None:
    """Nothing is made up, and nothing else of the row changes."""
    before = random_history(governance, DAY, 1).to_pylist()[0]
    found = day_of(governance)
    new = {"funding_last", "funding_sum", "open_interest", "derived_from"}

    assert {found[name] for name in new} == {None}
    assert {k: v for k, v in found.items() if k not in new} == {
        k: v for k, v in before.items() if k not in new
    }


def test_a_day_without_prices_stays_without(governance: Path) -> None:
    """Funding alone makes no row of the exchange's statistics."""
    nothing = table_schema(governance, "daily_stats").empty_table()
    given = Derivatives(funding=funding(governance, (0, 24.0, 1e-4)), metrics=None, ledgers={})

    assert with_derivatives(nothing, DAY, given, governance).num_rows == 0


def test_files_behind_a_day_are_those_in_reach(governance: Path) -> None:
    """Funding counts for 90 days, metrics for 8; a file's lines are those of all these days."""
    history = random_history(governance, DAY - dt.timedelta(days=1), 100)
    lines = {"read": 3, "used": 2, "merged": 0, "rejected": 1}

    def told(ago: int) -> str:
        names = {"binance_funding": f"month-{ago // 30}", "binance_metrics": f"day-{ago}"}
        common = {"bytes": 9, "sha256": "ab", "lines": lines, "inferred": {}}
        return json.dumps([{"feed": f, "path": name, **common} for f, name in names.items()])

    place = history.schema.get_field_index("derived_from")
    column = pa.array([told(ago) for ago in range(100, 0, -1)])
    history = history.set_column(place, history.schema.field(place), column)
    found = {entry["path"]: entry for entry in derived_from(DAY, history)}

    assert [name for name in found if name.startswith("day")] == [f"day-{n}" for n in range(1, 9)]
    assert {n: e["lines"]["read"] // 3 for n, e in found.items() if n.startswith("month")} == {
        "month-0": 29,
        "month-1": 30,
        "month-2": 30,
        "month-3": 1,
    }
    assert all(
        set(entry) == {"path", "bytes", "sha256", "lines", "inferred"} for entry in found.values()
    )
