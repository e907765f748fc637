"""hftbacktest: a file of events a symbol and date, trades alone; a kitchen has no order book."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import Tool, Work
from pipeline.exporting.trades import DayTrades, Told, days_of
from pipeline.tables import arrays

EVENT = np.dtype(
    [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ],
    align=True,
)

_TRADE = 2
_BOTH = 1 << 31 | 1 << 30
"""For the exchange's side of a backtest, and for the local one."""

_BUYER, _SELLER = 1 << 29, 1 << 28


def _trades(work: Work) -> SymbolEntry:
    told = Told()
    for day in days_of(work, told):
        name = f"{work.name}_{day.day.day:%Y%m%d}.npz"
        with work.draft.file(name, day.trades.num_rows) as handle:
            np.savez_compressed(handle, data=_events(day))
    return told.entry(work)


def _events(day: DayTrades) -> npt.NDArray[np.void]:
    """The trades in their order; of one whose taker is not known neither flag is set."""
    side = arrays.floats(day.trades["side"])
    taker = np.where(side > 0, _BUYER, np.where(side < 0, _SELLER, 0))
    events = np.zeros(day.trades.num_rows, dtype=EVENT)
    events["ev"] = _TRADE | _BOTH | taker
    events["exch_ts"] = arrays.ints(day.trades["ts"]) * 1_000
    events["local_ts"] = day.known_us * 1_000
    events["px"] = arrays.floats(day.trades["price"])
    events["qty"] = arrays.floats(day.trades["qty"])
    return events


TOOL = Tool(
    name="hftbacktest",
    trades=_trades,
    trade_columns={
        "ev": "a trade, for both sides; 1<<29 the buyer took, 1<<28 the seller, neither: not known",
        "exch_ts": "the trade's instant, in ns",
        "local_ts": "the same and the configured latency, which is assumed and not measured",
        "px": "the trade's price",
        "qty": "its size; base, of COIN-M contracts",
        "order_id, ival, fval": "0",
    },
)
