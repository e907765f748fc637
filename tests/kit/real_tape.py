"""Two real days of one market as the features read them, and its trades as text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from kit.feature_frames import bars_of
from kit.shipped import RULES
from pipeline.bars.footprint import footprint
from pipeline.clock import MINUTE_US, day_open_us

DAYS = (dt.date(2019, 10, 11), dt.date(2019, 10, 12))
NAMES = ("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume")
NAMES = (*NAMES, "trades", "taker_buy_volume", "taker_buy_quote", "ignore")
_SIGN = {"buy": 1, "sell": -1}
PROFILES = {
    kind: tuple(f"{level}_{kind}" for level in ("poc", "vah", "val"))
    for kind in ("session", "roll_240")
}
"""The features that test_profile.py holds to these trades."""

IMBALANCE = (
    *(f"{what}_{side}" for side in ("buy", "sell") for what in ("imbalance", "stacked")),
    *(f"stacked_{side}_price" for side in ("buy", "sell")),
)
"""Those that test_imbalance.py does."""


class Trade(NamedTuple):
    """One line of the export: minute of the two days, exact price and size, side."""

    minute: int
    ts: int
    price: Decimal
    qty: Decimal
    side: int


def trades(real_data: Path) -> Iterator[Trade]:
    """Every trade of the two days, in file order, by the standard library."""
    root = real_data / "xrpeth-2019-10" / "atas" / "ticks" / "XRPETH"
    for path in sorted(root.glob("**/ticks.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line, parse_float=Decimal)
            moment = dt.datetime.fromisoformat(raw["ts"][:26] + "+00:00")
            ts = (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
            minute = (ts - day_open_us(DAYS[0])) // MINUTE_US
            side = _SIGN[raw["side"]]
            yield Trade(minute, ts, Decimal(raw["price"]), Decimal(raw["qty"]), side)


def klines(real_data: Path) -> pd.DataFrame:
    """The exchange's 2880 minutes, with delta."""
    folder = real_data / "xrpeth-2019-10" / "binance" / "spot"
    files = [folder / f"XRPETH-1m-{day}.zip" for day in DAYS]
    k = pd.concat([pd.read_csv(file, names=NAMES, header=None) for file in files])
    k = k.reset_index(drop=True)
    k["delta"] = (2 * k["taker_buy_volume"] - k["volume"]).round(8)
    return k


def bars(real_data: Path) -> pa.Table:
    """`bars_1m` of the two days; ATAS prices where anything traded, since the tape's are the same."""
    k = klines(real_data)
    prices = ("open", "high", "low", "close")
    names = (*prices, "volume", "quote_volume", "taker_buy_volume", "delta")
    traded = (k["volume"] > 0).to_numpy()
    given: dict[str, object] = {name: k[name].to_numpy(dtype=float) for name in names}
    atas = {f"atas_{n}": np.where(traded, k[n].to_numpy(dtype=float), np.nan) for n in prices}
    return bars_of(DAYS[0], {**given, **atas, "trades": k["trades"].to_numpy()})


def tape(real_data: Path) -> tuple[pa.Table, pa.Table]:
    """(`footprint`, `minute_stats`) of both days, each day cut by itself."""
    schema = RULES.schema.table("clean_ticks")
    rows = [
        {
            **dict.fromkeys(schema.names),
            "ts": t.ts,
            "price": float(t.price),
            "qty": float(t.qty),
            "side": t.side,
            "file": 0,
            "line": number,
        }
        for number, t in enumerate(trades(real_data), 1)
    ]
    cut = sum(row["ts"] < day_open_us(DAYS[1]) for row in rows)
    made = [
        footprint("XRPETH", pa.Table.from_pylist(part, schema), RULES)
        for part in (rows[:cut], rows[cut:])
    ]
    return tuple(pa.concat_tables(tables) for tables in zip(*made, strict=True))  # type: ignore
