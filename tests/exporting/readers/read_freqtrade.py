"""Run by freqtrade's own Python: a pair's candles as its history loader gives them, gaps not filled.

read_freqtrade.py OUT.json DATADIR PAIR TIMEFRAME
"""

import json
import sys
from pathlib import Path

import freqtrade
from freqtrade.data.history.datahandlers import get_datahandler
from freqtrade.data.history.history_utils import load_pair_history
from freqtrade.enums import CandleType

out, datadir, pair, timeframe = sys.argv[1:]
kind = CandleType.FUTURES if ":" in pair else CandleType.SPOT
frame = load_pair_history(
    datadir=Path(datadir),
    pair=pair,
    timeframe=timeframe,
    fill_up_missing=False,
    drop_incomplete=False,
    data_format="feather",
    candle_type=kind,
)
mode = "futures" if ":" in pair else "spot"
there = get_datahandler(Path(datadir), "feather").ohlcv_get_available_data(Path(datadir), mode)
rows = {name: frame[name].tolist() for name in ("open", "high", "low", "close", "volume")}
rows["date"] = [int(stamp.timestamp()) for stamp in frame["date"]]
listed = [[a, b, str(c.value)] for a, b, c in there]
Path(out).write_text(
    json.dumps({"version": freqtrade.__version__, "rows": rows, "available": listed})
)
