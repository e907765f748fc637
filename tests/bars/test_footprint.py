"""Ticks become minutes and price levels: against the exchange's own candles, and by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.shipped import RULES
from kit.tape_tables import (
    archive_klines,
    instant_us,
    real_bars,
    real_tape,
    tape_table,
    trade,
)
from pipeline.bars.footprint import footprint

DAYS = {"2019-10-11": 1022, "2019-10-12": 973}
MINUTE = 60_000_000


def made(ticks: pa.Table) -> tuple[pa.Table, pa.Table]:
    return footprint("X", ticks, RULES)


def stats(*trades: dict[str, object]) -> dict[str, object]:
    """The statistics of a tape that lies in one minute."""
    (row,) = made(tape_table(list(trades)))[1].to_pylist()
    return row


@pytest.fixture(scope="session", params=DAYS)
def xrpeth(request: pytest.FixtureRequest, real_data: Path) -> tuple[str, pa.Table, pa.Table]:
    day = request.param
    root = real_data / "xrpeth-2019-10"
    return day, *made(real_tape(root / f"atas/ticks/XRPETH/date={day}"))


def test_real_ticks_give_the_exchanges_candles(
    xrpeth: tuple[str, pa.Table, pa.Table], real_data: Path
) -> None:
    """OHLC, volume, trades and taker buys of all traded minutes equal the archive's, bit for bit."""
    day, _, minutes = xrpeth
    names = ("open", "high", "low", "close", "volume", "trades", "vbuy")
    actual = {
        row["minute_open"].timestamp() * 1e6: tuple(float(row[name]) for name in names)
        for row in minutes.to_pylist()
    }
    expected = archive_klines(real_data / f"xrpeth-2019-10/binance/spot/XRPETH-1m-{day}.zip")

    assert len(expected) == DAYS[day]
    assert actual == expected


def test_real_ticks_give_the_exporters_volume_point(
    xrpeth: tuple[str, pa.Table, pa.Table], real_data: Path
) -> None:
    """Price, volume, side and place of the volume point are the exporter's in every bar."""
    day, _, minutes = xrpeth
    bars = real_bars(real_data / f"xrpeth-2019-10/atas/bars_1m/XRPETH/date={day}/bars_1m.jsonl")
    names = ("bar_vpo_price", "bar_vpo_vol", "bar_vpo_side")
    actual = [
        (row["minute_open"].timestamp() * 1e6, *(row[n] for n in names))
        for row in minutes.to_pylist()
    ]
    expected = [(instant_us(bar["timestamp"]), *(bar[n] for n in names)) for bar in bars]
    places = zip(
        minutes["bar_vpo_loc"].to_pylist(), (b.get("bar_vpo_loc") for b in bars), strict=True
    )

    assert actual == expected
    assert all(
        (ours is None and theirs is None) or ours == pytest.approx(theirs, abs=1e-10)
        for ours, theirs in places
    )


def test_footprint_sums_to_its_minutes(xrpeth: tuple[str, pa.Table, pa.Table]) -> None:
    """Volume, buys, sells and trades over the levels of a real minute are the minute's own."""
    _, levels, minutes = xrpeth
    names = ("volume", "buy", "sell", "trades")
    sums = levels.group_by("minute_open").aggregate([(name, "sum") for name in names])
    actual = {r["minute_open"]: [r[f"{n}_sum"] for n in names] for r in sums.to_pylist()}
    expected = {
        r["minute_open"]: [r["volume"], r["vbuy"], r["vsell"], r["trades"]]
        for r in minutes.to_pylist()
    }

    assert actual == expected


def test_levels_are_sorted_and_each_stands_once() -> None:
    """Minute and price rise strictly; sides are kept apart at a price."""
    levels, _ = made(
        tape_table(
            [
                trade(0, 1.1, 2.0),
                trade(1, 1.0, 1.0, -1),
                trade(2, 1.1, 0.5, -1),
                trade(MINUTE, 1.0, 3.0),
            ]
        )
    )
    actual = [
        (r["minute_open"].minute, r["price"], r["buy"], r["sell"], r["volume"], r["trades"])
        for r in levels.to_pylist()
    ]

    assert actual == [
        (0, 1.0, 0.0, 1.0, 1.0, 1),
        (0, 1.1, 2.0, 0.5, 2.5, 2),
        (1, 1.0, 3.0, 0.0, 3.0, 1),
    ]


def test_the_minute_is_half_open() -> None:
    """A trade at the closing instant belongs to the next minute."""
    _, minutes = made(tape_table([trade(MINUTE - 1, 1.0, 1.0), trade(MINUTE, 2.0, 1.0)]))

    assert minutes["close"].to_pylist() == [1.0, 2.0]


def test_decimal_sums_carry_no_float_noise() -> None:
    """0.1 + 0.2 is 0.3, the float64 of that text."""
    assert stats(trade(0, 1.0, 0.1), trade(1, 1.0, 0.2))["volume"] == 0.3


def test_running_delta_begins_each_minute_at_zero() -> None:
    """A minute of buys alone never had a delta below 0; the next one does not inherit it."""
    _, minutes = made(
        tape_table([trade(0, 1.0, 3.0), trade(1, 1.0, 1.0, -1), trade(MINUTE, 1.0, 2.0, -1)])
    )

    assert minutes["delta_min"].to_pylist() == [0.0, -2.0]
    assert minutes["delta_max"].to_pylist() == [3.0, 0.0]


def test_equal_levels_the_point_of_control_is_nearest_to_vwap() -> None:
    """Levels 1, 2 and 5 with 4, 4 and 3: VWAP 27/11 is nearest to 2; the volume point is the lowest."""
    row = stats(trade(0, 1.0, 4.0), trade(1, 2.0, 4.0), trade(2, 5.0, 3.0))

    assert (row["poc"], row["bar_vpo_price"]) == (2.0, 1.0)


def test_equal_levels_equally_far_take_the_lower() -> None:
    """Two levels with the same volume: VWAP lies in the middle."""
    assert stats(trade(0, 1.0, 4.0), trade(1, 2.0, 4.0))["poc"] == 1.0


def test_value_area_grows_by_the_larger_pair() -> None:
    """Volumes 1 2 10 3 3 1: 10 < 14; above 3 + 3 beats below 2 + 1, and 16 holds 70 % of 20."""
    volumes = (1, 2, 10, 3, 3, 1)
    row = stats(*(trade(i, 10.0 + i, float(v)) for i, v in enumerate(volumes)))

    assert (row["val"], row["poc"], row["vah"]) == (12.0, 12.0, 14.0)


def test_value_area_of_equal_pairs_grows_upwards() -> None:
    """Volumes 3 4 3: 4 < 7, above 3 equals below 3; the upper one completes exactly 70 %."""
    row = stats(trade(0, 1.0, 3.0), trade(1, 2.0, 4.0), trade(2, 3.0, 3.0))

    assert (row["val"], row["vah"]) == (2.0, 3.0)


def test_flat_minute_has_no_place_for_its_volume_point() -> None:
    """(price - low) / (high - low) is not measured where high = low; no gap between one trade."""
    row = stats(trade(0, 1.0, 1.0))

    assert (row["bar_vpo_loc"], row["gap_ms_mean"], row["gap_ms_std"]) == (None, None, None)
    assert (row["val"], row["vah"]) == (1.0, 1.0)


def test_gaps_between_trades() -> None:
    """Gaps of 1 and 3 ms: mean 2, population deviation 1."""
    row = stats(trade(0, 1.0, 1.0), trade(1000, 1.0, 1.0), trade(4000, 1.0, 1.0))

    assert (row["gap_ms_mean"], row["gap_ms_std"]) == (2.0, 1.0)


def test_last_known_quote_of_the_minute() -> None:
    """A trade without a quote does not hide the one before; other minutes do not lend theirs."""
    first = {**trade(0, 1.0, 1.0), "best_bid": 0.9, "best_ask": 1.1}
    _, minutes = made(tape_table([first, trade(1, 1.0, 1.0), trade(MINUTE, 1.0, 1.0)]))

    assert minutes["best_bid"].to_pylist() == [0.9, None]
    assert minutes["best_ask"].to_pylist() == [1.1, None]


@pytest.mark.parametrize("side", [1, -1, None])
def test_a_tape_without_usable_sides_has_no_order_flow(side: int | None) -> None:
    """All one side, or none at all: flow is null, volume is not (defect A09)."""
    levels, minutes = made(tape_table([trade(i, 1.0, 1.0, side) for i in range(200)]))
    row = minutes.to_pylist()[0]

    assert [row[n] for n in ("vbuy", "vsell", "delta_min", "delta_max", "bar_vpo_side")] == [
        None
    ] * 5
    assert levels["buy"].null_count == levels["sell"].null_count == 1
    assert row["volume"] == 200.0


def test_a_short_one_sided_tape_is_believed() -> None:
    """Too few trades to judge: ten buys in a row happen."""
    assert stats(*(trade(i, 1.0, 1.0) for i in range(10)))["vbuy"] == 10.0


def test_no_ticks_no_rows() -> None:
    """An empty tape gives both tables with their columns and no rows."""
    assert [table.num_rows for table in made(tape_table([]))] == [0, 0]


def test_sizes_beyond_64_bits_are_summed_exactly() -> None:
    """1e12 units with eight decimals, as coins of tiny prices trade: the nearest to the decimal sum."""
    sizes = ("999999999999.12345678", "0.00000001", "999999999999.87654321")
    row = stats(*(trade(i, 1e-8, float(size)) for i, size in enumerate(sizes)))

    assert row["volume"] == float(sum(Decimal(repr(float(size))) for size in sizes))


TRADES = st.lists(
    st.tuples(
        st.integers(0, 3 * MINUTE),
        st.integers(1, 40),
        st.integers(1, 500),
        st.sampled_from((1, -1)),
    ),
    min_size=1,
    max_size=60,
)


def rows_of(trades: list[tuple[int, int, int, int]]) -> list[dict[str, object]]:
    return [trade(at, price / 100, qty / 1000, side) for at, price, qty, side in trades]


@given(trades=TRADES)
def test_row_order_does_not_show_where_stamps_differ(
    trades: list[tuple[int, int, int, int]],
) -> None:
    """A tape read backwards gives the same tables, bit for bit."""
    apart = [(at * 64 + i, *rest) for i, (at, *rest) in enumerate(trades)]
    forward, backward = made(tape_table(rows_of(apart))), made(tape_table(rows_of(apart[::-1])))

    assert all(a.equals(b) for a, b in zip(forward, backward, strict=True))


@given(trades=TRADES, cut=st.integers(0, 3))
def test_a_cut_at_a_minutes_edge_does_not_show(
    trades: list[tuple[int, int, int, int]], cut: int
) -> None:
    """Two halves of a tape, each by itself, give the rows of the whole."""
    halves = (
        [t for t in trades if t[0] < cut * MINUTE],
        [t for t in trades if t[0] >= cut * MINUTE],
    )
    parts = [made(tape_table(rows_of(half))) for half in halves]
    whole = made(tape_table(rows_of(trades)))

    assert [pa.concat_tables(p).to_pylist() for p in zip(*parts, strict=True)] == [
        table.to_pylist() for table in whole
    ]


@given(
    trades=TRADES,
    odd=st.tuples(st.floats(1e-12, 1e15), st.floats(1e-24, 1e15), st.floats(1e-12, 1e12)),
)
def test_a_trade_of_any_size_leaves_other_minutes(
    trades: list[tuple[int, int, int, int]], odd: tuple[float, float, float]
) -> None:
    """Beside a minute with one absurd trade and quote every other has the same rows, bit for bit."""
    price, size, bid = odd
    absurd = trade(5 * MINUTE, price, size) | {
        "best_bid": bid,
        "best_ask": 2 * bid,
        "bid_volume": size,
        "ask_volume": 2 * size,
    }
    rows = [
        row | {"best_bid": 0.1, "best_ask": 0.2, "bid_volume": 0.3, "ask_volume": 0.7}
        for row in rows_of(trades)
    ]
    for alone, beside in zip(
        made(tape_table(rows)), made(tape_table([*rows, absurd])), strict=True
    ):
        assert beside.slice(0, alone.num_rows).equals(alone)


@given(trades=TRADES)
def test_profile_points_keep_their_promises(trades: list[tuple[int, int, int, int]]) -> None:
    """Low <= val <= poc <= vah <= high, the area holds 70 %, and no level beats the point of control."""
    levels, minutes = made(tape_table(rows_of(trades)))
    for row in minutes.to_pylist():
        own = [r for r in levels.to_pylist() if r["minute_open"] == row["minute_open"]]
        inside = sum(
            round(r["volume"] * 1000) for r in own if row["val"] <= r["price"] <= row["vah"]
        )

        assert row["low"] <= row["val"] <= row["poc"] <= row["vah"] <= row["high"]
        assert 10 * inside >= 7 * sum(round(r["volume"] * 1000) for r in own)
        assert max(r["volume"] for r in own) == next(
            r["volume"] for r in own if r["price"] == row["poc"]
        )
