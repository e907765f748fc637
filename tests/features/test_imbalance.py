"""Diagonal imbalance: by hand, and a real tape against freqtrade's way of shifting columns in pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from kit import real_tape
from kit.feature_frames import DAY, random_bars, random_tape
from kit.shipped import FEATURES, RULES
from pipeline.clock import MINUTES_PER_DAY
from pipeline.features.micro import micro

NAMES = list(real_tape.IMBALANCE)


def first_minute(*levels: tuple[float, float | None, float | None]) -> dict:
    """The first minute's features from its levels (price, buy, sell)."""
    bars = random_bars(DAY, 1)
    tape = random_tape(bars)
    rows = [
        {
            "symbol": "BTCUSDT",
            "minute_open": bars["minute_open"][0].as_py(),
            "price": price,
            "buy": buy,
            "sell": sell,
            "volume": (buy or 0.0) + (sell or 0.0) + (1.0 if buy is None else 0.0),
            "trades": 1,
        }
        for price, buy, sell in levels
    ]
    footprint = pa.Table.from_pylist(rows, RULES.schema.table("footprint"))
    return micro(DAY, bars, tape, FEATURES, footprint).select(NAMES).slice(0, 1).to_pylist()[0]


def test_by_hand() -> None:
    """Three buys in a row outweigh the sells below them, one sell the buys above it."""
    found = first_minute(
        (100.0, 1.0, 2.0),
        (100.5, 6.0, 1.0),  # 6 >= 3 x 2
        (101.0, 3.0, 1.0),  # 3 >= 3 x 1
        (102.0, 3.5, 9.0),  # 3.5 >= 3 x 1; as a sell 9 >= 3 x 3 of the level above
        (102.5, 3.0, 0.0),  # 3 < 3 x 9
    )

    assert found == {
        "imbalance_buy": 3,
        "imbalance_sell": 1,
        "stacked_buy": 1,
        "stacked_buy_price": 100.5,
        "stacked_sell": 0,
        "stacked_sell_price": None,
    }


def test_a_level_needs_its_share_of_the_volume() -> None:
    """A level below 1 % of the minute's volume is no imbalance, however lopsided."""
    found = first_minute((1.0, 0.0, 0.0), (2.0, 0.9, 99.1), (3.0, 0.0, 0.0))

    assert (found["imbalance_buy"], found["imbalance_sell"]) == (0, 1)


def test_unknown_sides_are_null() -> None:
    """One level without sides leaves the minute unknown."""
    found = first_minute((1.0, 5.0, 1.0), (2.0, None, None))

    assert found == dict.fromkeys(NAMES)


def _runs(flags: np.ndarray, prices: np.ndarray) -> list[float]:
    """First prices of the runs of three or more."""
    text = "".join("x" if flag else "." for flag in flags)
    starts = [i for i in range(len(text)) if text[i] == "x" and (i == 0 or text[i - 1] == ".")]
    return [prices[i] for i in starts if text[i : i + 3] == "xxx"]


def test_real_tape_equals_a_plain_reading(real_data: Path) -> None:
    """All six columns of a real day, from its raw lines by pandas, minute by minute."""
    levels, minutes = real_tape.tape(real_data)
    bars = real_tape.bars(real_data)
    table = micro(real_tape.DAYS[1], bars, minutes, FEATURES, levels).to_pandas()
    trades = pd.DataFrame(
        (t.minute - MINUTES_PER_DAY, float(t.price), int(t.qty * 10**8), t.side)
        for t in real_tape.trades(real_data)
    )
    trades.columns = pd.Index(["minute", "price", "lots", "side"])
    trades = trades[trades["minute"] >= 0]
    sides = trades.assign(
        buy=trades["lots"].where(trades["side"] > 0, 0),
        sell=trades["lots"].where(trades["side"] < 0, 0),
    )
    book = sides.groupby(["minute", "price"])[["lots", "buy", "sell"]].sum().reset_index()
    least = 0.01 * book.groupby("minute")["lots"].transform("sum")
    shifted = book.groupby("minute")
    book["buys"] = (book["buy"] >= 3 * shifted["sell"].shift(1)) & (book["buy"] >= least)
    book["sells"] = (book["sell"] >= 3 * shifted["buy"].shift(-1)) & (book["sell"] >= least)
    expected = pd.DataFrame(0.0, index=range(MINUTES_PER_DAY), columns=NAMES)
    expected[["stacked_buy_price", "stacked_sell_price"]] = np.nan
    for minute, part in book.groupby("minute"):
        for side in ("buy", "sell"):
            flags = part[f"{side}s"].to_numpy()
            runs = _runs(flags, part["price"].to_numpy())
            expected.loc[minute, f"imbalance_{side}"] = flags.sum()
            expected.loc[minute, f"stacked_{side}"] = len(runs)
            expected.loc[minute, f"stacked_{side}_price"] = runs[0] if runs else np.nan

    assert expected["stacked_buy"].sum() > 5
    pd.testing.assert_frame_equal(table[NAMES].astype(float), expected[NAMES])
