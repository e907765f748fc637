"""freqtrade: a Feather file a pair and timeframe, stamped by the candle's open.

Its own history has no candle for a minute that is not measured, nor has ours.
"""

from __future__ import annotations

import re

import pyarrow as pa
from pyarrow import feather

from pipeline.contracts.value import changed
from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import VALUES, Tool, Work, measured
from pipeline.settings.config import Symbol
from pipeline.sources.klines.column_names import assets

_PAIR = re.compile(r"[A-Z0-9]+/[A-Z0-9]+(?::[A-Z0-9]+(?:-[0-9]{6})?)?", re.ASCII)
_NOT_IN_FILES = str.maketrans("/:", "__")


def _pair(symbol: Symbol) -> str | None:
    """`BTC/USDT`; of a future with the asset in which it settles, and when: `BTC/USDT:USDT-250328`."""
    base, quote = (asset.upper() for asset in assets(symbol.vendor_symbol, ()))
    if not base:
        return None
    if symbol.market == "spot":
        return f"{base}/{quote}"
    settles = base if symbol.market == "futures_cm" else quote
    expiry = symbol.vendor_symbol.rpartition("_")[2]
    return f"{base}/{quote}:{settles}" + (f"-{expiry}" if expiry.isdigit() else "")


def _fault(name: str) -> str | None:
    return None if _PAIR.fullmatch(name) else "is no pair"


def _file(pair: str, every: str) -> str:
    """Where freqtrade looks for a pair's candles, below its data folder."""
    name = f"{pair.translate(_NOT_IN_FILES)}-{every}"
    return f"futures/{name}-futures.feather" if ":" in pair else f"{name}.feather"


def _bars(work: Work) -> SymbolEntry:
    rows, missing = measured(work.chosen.bars(work.symbol, VALUES))
    opened = rows["minute_open"].cast(pa.timestamp("ms", tz="UTC"))
    candles = pa.table({"date": opened, **{name: rows[name] for name in VALUES}})
    if candles.num_rows:
        with work.draft.file(_file(work.name, work.chosen.every), candles.num_rows) as handle:
            feather.write_feather(candles, handle, compression="lz4")
    return changed(work.bars_entry(rows, "minute_open"), not_measured=missing)


TOOL = Tool(
    name="freqtrade",
    calls=_pair,
    fault=_fault,
    form="a pair such as BTC/USDT, of a perpetual BTC/USDT:USDT",
    columns={"date": "minute_open, the candle's open", **{name: name for name in VALUES}},
    bars=_bars,
)
