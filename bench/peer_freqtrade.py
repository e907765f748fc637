"""freqtrade's order flow on the same trades, already in columns: only its own step is timed.

    python bench/peer_freqtrade.py CLEAN.parquet

It needs freqtrade in the running interpreter; its dependencies may differ from the kitchen's, so it may
live in another environment (KITCHEN_FREQTRADE_PYTHON names that one's interpreter).
"""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
from freqtrade.data.converter import trades_to_ohlcv
from freqtrade.data.converter.orderflow import populate_dataframe_with_trades

CONFIG = {
    "timeframe": "1m",
    "orderflow": {
        "cache_size": 1,
        "max_candles": 1500,
        "scale": 0.1,
        "stacked_imbalance_range": 3,
        "imbalance_volume": 0,
        "imbalance_ratio": 3,
    },
}


def main() -> None:
    """Loads the trades, then times candles and order flow."""
    columns = ["ts", "price", "qty", "side", "trade_id"]
    table = pq.ParquetFile(sys.argv[1]).read(columns=columns)
    stamps = table["ts"].cast("int64").to_numpy() // 1000
    trades = pd.DataFrame(
        {
            "timestamp": stamps,
            "id": table["trade_id"].to_pandas(),
            "type": None,
            "side": pd.Series(table["side"].to_numpy()).map({1: "buy", -1: "sell"}),
            "price": table["price"].to_numpy(),
            "amount": table["qty"].to_numpy(),
        }
    )
    trades["cost"] = trades["price"] * trades["amount"]
    trades["date"] = pd.to_datetime(trades["timestamp"], unit="ms", utc=True)
    started = time.perf_counter()
    candles = trades_to_ohlcv(trades, "1m")
    made, _ = populate_dataframe_with_trades(None, CONFIG, candles, trades)
    print(
        json.dumps(
            {"read": len(trades), "candles": len(made), "seconds": time.perf_counter() - started}
        )
    )


if __name__ == "__main__":
    main()
