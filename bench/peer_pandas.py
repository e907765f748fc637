"""The plain way: json.loads a line, one DataFrame, groupby; the same minute bars and footprint.

python bench/peer_pandas.py RAW OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def value_area(levels: pd.DataFrame) -> pd.DataFrame:
    """Point of control and value area of each minute, grown level by level."""
    rows = []
    for minute, group in levels.groupby("minute", sort=True):
        price, volume = group["price"].to_numpy(), group["volume"].to_numpy()
        top = int(np.argmax(volume))
        low = high = top
        held, wanted = volume[top], 0.7 * volume.sum()
        while held < wanted:
            above = volume[high + 1 : high + 3].sum()
            below = volume[max(low - 2, 0) : low].sum()
            if above >= below and high + 1 < len(volume):
                high = min(high + 2, len(volume) - 1)
                held += above
            else:
                low = max(low - 2, 0)
                held += below
        rows.append((minute, price[top], price[high], price[low]))
    return pd.DataFrame(rows, columns=["minute", "poc", "vah", "val"]).set_index("minute")


def main() -> None:
    """Reads, aggregates, writes."""
    records = []
    for path in sorted(Path(sys.argv[1]).rglob("ticks.jsonl")):
        with open(path, encoding="utf-8") as lines:
            records += [json.loads(line) for line in lines]
    ticks = pd.DataFrame(records)
    ticks["ts"] = pd.to_datetime(ticks["ts"])
    ticks = ticks.sort_values("ts", kind="stable")
    ticks["minute"] = ticks["ts"].dt.floor("min")
    ticks["buy"] = ticks["qty"].where(ticks["side"] == "buy", 0.0)
    ticks["sell"] = ticks["qty"].where(ticks["side"] == "sell", 0.0)
    ticks["delta"] = ticks["buy"] - ticks["sell"]
    ticks["running"] = ticks.groupby("minute")["delta"].cumsum()
    ticks["gap"] = ticks.groupby("minute")["ts"].diff().dt.total_seconds()
    minutes = ticks.groupby("minute").agg(
        open=("price", "first"),
        high=("price", "max"),
        low=("price", "min"),
        close=("price", "last"),
        volume=("qty", "sum"),
        trades=("qty", "size"),
        vbuy=("buy", "sum"),
        vsell=("sell", "sum"),
        delta_min=("running", "min"),
        delta_max=("running", "max"),
        qty_max=("qty", "max"),
        gap_mean=("gap", "mean"),
        gap_std=("gap", "std"),
    )
    levels = ticks.groupby(["minute", "price"], as_index=False).agg(
        buy=("buy", "sum"), sell=("sell", "sum"), volume=("qty", "sum"), trades=("qty", "size")
    )
    out = Path(sys.argv[2])
    minutes.join(value_area(levels)).to_parquet(out / "minutes.parquet")
    levels.to_parquet(out / "levels.parquet")
    print(json.dumps({"read": len(ticks)}))


if __name__ == "__main__":
    main()
