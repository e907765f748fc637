"""Quotes beside trades: against orderflow-metrics, numpy and arithmetic by hand."""

from __future__ import annotations

import numpy as np
import orderflow_metrics as oracle
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.shipped import RULES
from kit.tape_tables import tape_table, trade
from pipeline.bars.footprint import footprint

QUOTE = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 50), st.integers(0, 50))
MINUTE = 60_000_000


def minutes_of(*trades: dict[str, object]) -> pa.Table:
    table = tape_table(list(trades))
    return footprint("X", table, RULES)[1]


def quoted(
    at_us: int, bid: float, ask: float, bid_size: float, ask_size: float
) -> dict[str, object]:
    given = {"best_bid": bid, "best_ask": ask, "bid_volume": bid_size, "ask_volume": ask_size}
    return {**trade(at_us, 100.0, 1.0), **given}


@given(st.lists(QUOTE, min_size=2, max_size=30))
def test_order_flow_imbalance_equals_the_oracle(quotes: list[tuple[int, int, int, int]]) -> None:
    """The sum over a minute's quotes is that of orderflow-metrics, exactly in tenths of lots."""
    rows = [(100 + b, 100 + b + w, x / 10, y / 10) for b, w, x, y in quotes]
    found = minutes_of(*(quoted(i * 1000, *row) for i, row in enumerate(rows)))["ofi"][0].as_py()
    expected = sum(
        oracle.ofi_series(
            [
                oracle.L1Quote(bid_price=b, bid_size=x, ask_price=a, ask_size=y)
                for b, a, x, y in rows
            ]
        )
    )

    assert found == pytest.approx(expected, abs=1e-9)
    assert found == round(found, 1)


def test_imbalance_begins_anew_each_minute() -> None:
    """No event reaches over a minute's edge; one quote is no event."""
    first = [quoted(0, 100.0, 100.2, 5.0, 5.0), quoted(10, 100.1, 100.2, 3.0, 5.0)]
    table = minutes_of(*first, quoted(MINUTE, 99.0, 99.2, 7.0, 7.0))

    assert table["ofi"].to_pylist() == [3.0, None]


def test_imbalance_needs_sizes() -> None:
    """Quotes without sizes, as real exports mostly have them, give no imbalance and no sizes."""
    trades = [{**trade(i, 100.0, 1.0), "best_bid": 99.9, "best_ask": 100.1} for i in range(3)]
    (row,) = minutes_of(*trades).to_pylist()

    assert row["ofi"] is row["bid_size"] is row["ask_size"] is None
    assert row["best_bid"] == 99.9


def test_effective_spread_by_hand() -> None:
    """A buy at the ask and a sell at the bid pay the quoted spread; a trade at the mid pays nothing."""
    quote = {"best_bid": 99.9, "best_ask": 100.1}
    row = minutes_of(
        {**trade(0, 100.1, 1.0, 1), **quote},
        {**trade(1, 99.9, 1.0, -1), **quote},
        {**trade(2, 100.0, 2.0, 1), **quote},
        {**trade(3, 107.0, 9.0, None), **quote},
        trade(4, 107.0, 9.0, 1),
    )["eff_spread"]

    assert row[0].as_py() == pytest.approx(0.2 / 100 / 2, rel=1e-12)


@given(st.lists(st.integers(1, 999), min_size=1, max_size=60))
def test_size_quantile_is_the_nearest_rank(sizes: list[int]) -> None:
    """The 95 % size is numpy's inverted empirical distribution."""
    table = minutes_of(*(trade(i, 100.0, q / 100) for i, q in enumerate(sizes)))
    expected = np.quantile(np.array(sizes), 0.95, method="inverted_cdf") / 100

    assert table["qty_q95"][0].as_py() == expected
