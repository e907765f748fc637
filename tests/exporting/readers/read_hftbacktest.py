"""Run by hftbacktest's own Python: events as they lie in a file, and as a backtest replays them.

read_hftbacktest.py OUT.json TICK_SIZE FILE.npz..
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data import validate_event_order
from hftbacktest.types import event_dtype

out, tick, *files = sys.argv[1:]
events = np.concatenate([np.load(file)["data"] for file in files])
assert events.dtype == event_dtype
validate_event_order(events)

asset = (
    BacktestAsset()
    .data(files)
    .linear_asset(1.0)
    .constant_order_latency(0, 0)
    .risk_adverse_queue_model()
    .no_partial_fill_exchange()
    .trading_value_fee_model(0.0, 0.0)
    .tick_size(float(tick))
    .lot_size(1e-8)
    .last_trades_capacity(1_000_000)
)
backtest = HashMapMarketDepthBacktest([asset])
replayed = []
going = True
while going:
    going = backtest.elapse(60_000_000_000) == 0
    trades = backtest.last_trades(0)
    replayed += [
        [int(t["ev"]), int(t["exch_ts"]), int(t["local_ts"]), float(t["px"]), float(t["qty"])]
        for t in trades
    ]
    backtest.clear_last_trades(0)
backtest.close()
lying = [
    [int(e["ev"]), int(e["exch_ts"]), int(e["local_ts"]), float(e["px"]), float(e["qty"])]
    for e in events
]
Path(out).write_text(
    json.dumps({"version": version("hftbacktest"), "lying": lying, "replayed": replayed})
)
