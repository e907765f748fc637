"""Minutes of a tape against klines that are worked out trade by trade in decimals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.shipped import RULES
from kit.tape_tables import tape_table
from pipeline.bars.footprint import footprint
from pipeline.clock import MINUTE_US
from pipeline.proof.agreement import agreement
from pipeline.proof.minutes import COLUMNS, of_klines, of_tape

OPENED = 1_735_776_000_000_000
CONTRACT = 100
NOWHERE = np.zeros(1440, dtype=np.bool_)

TRADES = st.lists(
    st.tuples(
        st.integers(0, 5),  # minute
        st.integers(1, 40).map(lambda n: Decimal(n) / 100 + 94_000),  # price
        st.integers(1, 3000).map(lambda n: Decimal(n) / 1000),  # size
        st.sampled_from((1, -1)),
    ),
    min_size=1,
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))
Trades = Sequence[tuple[int, Decimal, Decimal, int]]


def tape(trades: Trades) -> pa.Table:
    """Trades one second apart within their minute."""
    rows = [
        {
            "ts": OPENED + minute * MINUTE_US + place * 1000,
            "price": float(price),
            "qty": float(qty),
            "side": side,
        }
        for place, (minute, price, qty, side) in enumerate(trades)
    ]
    return tape_table(rows)


def klines(trades: Trades, *, contracts: bool = False) -> list[dict[str, Any]]:
    """The minutes 0 to 5 as the exchange counts them; base of contracts is rounded trade by trade."""
    rows, last = [], trades[0][1]
    for minute in range(6):
        here = [trade for trade in trades if trade[0] == minute]
        prices = [price for _, price, _, _ in here] or [last]
        last = prices[-1]

        def base(price: Decimal, qty: Decimal) -> Decimal:
            worth = qty * CONTRACT / price
            return worth.quantize(Decimal("1e-8"), ROUND_HALF_UP) if contracts else qty

        value = sum((q * CONTRACT if contracts else p * q for _, p, q, _ in here), Decimal(0))
        rows.append(
            {
                "minute_open": OPENED + minute * MINUTE_US,
                "open": float(prices[0]),
                "high": float(max(prices)),
                "low": float(min(prices)),
                "close": float(last),
                "volume": float(sum((base(p, q) for _, p, q, _ in here), Decimal(0))),
                "quote_volume": float(value),
                "trades": len(here),
                "taker_buy_volume": float(
                    sum((base(p, q) for _, p, q, side in here if side > 0), Decimal(0))
                ),
                "file": 0,
                "line": minute + 1,
                "flags": 0,
            }
        )
    return rows


def differing(
    trades: Trades, rows: list[dict[str, Any]], contract: int | None = None
) -> dict[str, list[int]]:
    """Column -> minutes, for columns that differ; and under `unproven` the traded minutes that are not."""
    table = pa.Table.from_pylist(rows, RULES.schema.table("clean_klines"))
    levels, stats = footprint("X", tape(trades), RULES)
    ours, theirs = of_tape(levels, stats, OPENED, contract), of_klines(table, OPENED)
    found = agreement(ours, theirs, NOWHERE)
    masks = found.differing | {"unproven": ours.traded & ~found.proven}
    return {name: np.flatnonzero(mask).tolist() for name, mask in masks.items() if mask.any()}


@given(trades=TRADES)
def test_a_tape_agrees_with_its_own_klines(trades: Trades) -> None:
    """In every column."""
    assert differing(trades, klines(trades)) == {}


@given(trades=TRADES)
def test_contracts_agree_with_klines_in_base(trades: Trades) -> None:
    """COIN-M: sizes in contracts, klines in base, each trade's base rounded by the exchange."""
    whole = [(minute, price, qty * 1000, side) for minute, price, qty, side in trades]

    assert differing(whole, klines(whole, contracts=True), CONTRACT) == {}


@given(trades=TRADES, column=st.sampled_from(COLUMNS), data=st.data())
def test_one_step_off_in_any_column_is_seen(
    trades: Trades, column: str, data: st.DataObject
) -> None:
    """A traded minute whose kline has another value in one column is unproven, by that column alone."""
    rows = klines(trades)
    minute = data.draw(st.sampled_from(sorted({trade[0] for trade in trades})))
    step = 1 if column == "trades" else Decimal("0.00001")
    rows[minute][column] = type(rows[minute][column])(Decimal(repr(rows[minute][column])) + step)

    assert differing(trades, rows) == {column: [minute], "unproven": [minute]}


def test_a_tape_without_sides_is_proven_by_the_rest() -> None:
    """What one of the two does not know is not compared."""
    trades = [(0, Decimal(94_000), Decimal(1), 0), (1, Decimal(94_001), Decimal(2), 0)]

    assert differing(trades, klines(trades)) == {}


@pytest.mark.parametrize("column", ["trades", "quote_volume", "taker_buy_volume"])
def test_a_table_that_lacks_a_column_is_compared_in_the_others(column: str) -> None:
    """As people's own tables do."""
    trades = [(0, Decimal(94_000), Decimal(1), 1), (2, Decimal(94_001), Decimal(2), -1)]
    rows = [row | {column: None} for row in klines(trades)]

    assert differing(trades, rows) == {}


def test_values_with_more_decimals_than_the_exchange_writes() -> None:
    """Price x size needs ten places and is rounded trade by trade: that is no difference, a step more is."""
    price, qty = Decimal("0.01633102"), Decimal("4.70")
    trades = [(0, price, qty, 1)] * 3
    rows = klines(trades)
    rounded = 3 * (price * qty).quantize(Decimal("1e-8"), ROUND_HALF_UP)
    rows[0]["quote_volume"] = float(rounded)

    assert rounded != 3 * price * qty
    assert differing(trades, rows) == {}
    rows[0]["quote_volume"] = float(rounded + Decimal("6e-8"))
    assert differing(trades, rows) == {"quote_volume": [0], "unproven": [0]}
