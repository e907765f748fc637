"""A footprint for a screen holds what was traded, however many levels are put together."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from itertools import accumulate

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.day_cells import Cells, cells

DAY = dt.date(2025, 1, 2)

Rows = dict[tuple[int, Decimal], tuple[Decimal, Decimal]]
"""(minute, price) -> buys and sells."""

rows = st.dictionaries(
    st.tuples(st.integers(0, 1439), st.integers(1, 5_000).map(lambda n: Decimal(n) / 100)),
    st.tuples(*[st.integers(1, 90_000).map(lambda n: Decimal(n) / 1000)] * 2),
    min_size=1,
    max_size=60,
)


def footprint(given: Rows) -> pa.Table:
    """Rows of the published table."""
    opened = dt.datetime.combine(DAY, dt.time(), dt.UTC)
    ordered = sorted(given)
    return pa.table(
        {
            "minute_open": pa.array(
                [opened + dt.timedelta(minutes=minute) for minute, _ in ordered],
                pa.timestamp("us", "UTC"),
            ),
            "price": [float(price) for _, price in ordered],
            "buy": [float(given[key][0]) for key in ordered],
            "sell": [float(given[key][1]) for key in ordered],
            "volume": [float(sum(given[key])) for key in ordered],
        }
    )


def shown(found: Cells) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    """What a page makes of the cells: minute, price, buys, sells."""
    price, lot = Decimal(1).scaleb(-found.price_places), Decimal(1).scaleb(-found.lot_places)
    minutes = list(accumulate(found.minute))
    prices, first = [], 0
    for number, step in enumerate(found.price):
        if number == 0 or found.minute[number]:
            first += step * found.step
            prices.append(first)
        else:
            prices.append(prices[-1] + step * found.step)
    return [
        (minute, at * price, buy * lot, sell * lot)
        for minute, at, buy, sell in zip(minutes, prices, found.buy, found.sell, strict=True)
    ]


@given(rows)
def test_with_room_enough_every_level_is_a_cell_of_its_own(traded: Rows) -> None:
    """Minute, price and both sides come back exactly as they were traded."""
    found = cells(footprint(traded), DAY)

    assert found is not None
    assert shown(found) == [(m, p, *traded[m, p]) for m, p in sorted(traded)]


@given(rows, st.integers(5, 40))
def test_levels_put_together_lose_no_volume(traded: Rows, most: int) -> None:
    """Each minute's buys and sells are the same in sum; no cell is higher than its step."""
    found = cells(footprint(traded), DAY, most)

    assert found is not None
    wanted, got = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
    for (minute, _), (buy, sell) in traded.items():
        wanted[minute, "buy"] += buy  # type: ignore[assignment]
        wanted[minute, "sell"] += sell  # type: ignore[assignment]
    for minute, _, buy, sell in shown(found):
        got[minute, "buy"] += buy  # type: ignore[assignment]
        got[minute, "sell"] += sell  # type: ignore[assignment]
    assert got == wanted


def test_more_cells_than_a_page_can_draw_are_put_together() -> None:
    """Ten minutes of a hundred levels of a cent, for a hundred cells: ten a minute, of ten cents."""
    traded = {
        (minute, Decimal(1000 + level) / 100): (Decimal("0.5"), Decimal("0.25"))
        for minute in range(10)
        for level in range(100)
    }

    found = cells(footprint(traded), DAY, 100)

    assert found is not None
    assert found.levels_together
    assert len(found.buy) == 100
    assert shown(found)[0] == (0, Decimal("10.0"), Decimal("5.0"), Decimal("2.5"))


def test_the_days_profile_is_that_of_all_its_minutes() -> None:
    """By hand: 9 at 10.02; from there 10.03 and 10.04 (8) before 10.00 and 10.01 (3): 17 of 20 are 7/10."""
    at = {"10.00": 1, "10.01": 2, "10.02": 9, "10.03": 5, "10.04": 3}
    traded = {
        (minute, Decimal(price)): (Decimal(volume) / 4, Decimal(volume) / 4)
        for minute in (3, 700)
        for price, volume in at.items()
    }

    found = cells(footprint(traded), DAY)

    assert found is not None
    assert (found.poc, found.vah, found.val) == (1002, 1004, 1002)


def test_a_day_without_ticks_has_no_cells() -> None:
    """Not an empty picture, none."""
    assert cells(footprint({}), DAY) is None
