"""Run by NautilusTrader's own Python: bars or trades as its catalog gives them.

read_nautilus.py OUT.json CATALOG bars|trades NAME
"""

import json
import sys
from pathlib import Path

import nautilus_trader
from nautilus_trader.persistence.catalog import ParquetDataCatalog

out, folder, what, name = sys.argv[1:]
catalog = ParquetDataCatalog(folder)
if what == "bars":
    rows = [
        [*map(str, (b.open, b.high, b.low, b.close, b.volume)), b.ts_event, b.ts_init]
        for b in catalog.bars([name])
    ]
else:
    rows = [
        [str(t.price), str(t.size), t.aggressor_side.name, str(t.trade_id), t.ts_event, t.ts_init]
        for t in catalog.trade_ticks([name])
    ]
Path(out).write_text(json.dumps({"version": nautilus_trader.__version__, "rows": rows}))
