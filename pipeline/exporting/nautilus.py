"""NautilusTrader: a ParquetDataCatalog of bars or trades.

Prices and sizes are whole multiples of 10^-16 in 128 bits, as builds with high precision have them;
`ts_event` is the bar's close or the trade, `ts_init` when it was known, both in nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.clock import iso
from pipeline.contracts.value import changed
from pipeline.errors import RefusedError
from pipeline.exporting import trades as trades_of
from pipeline.exporting.receipt import SymbolEntry
from pipeline.exporting.tool import VALUES, Tool, Work, measured
from pipeline.settings.config import Symbol
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats, Ints
from pipeline.tables.exact import decimal_places, to_units
from pipeline.tables.parts import Part, Spill

SCALE = 16
_FIXED = pa.binary(16)
_ROWS_A_GROUP = 5_000
"""As the catalog's own writer has it."""

_MOST = {"price": 17_014_118_346_046, "size": 34_028_236_692_093}
"""What the tool can hold."""

_UNITS = {"m": "MINUTE", "h": "HOUR", "d": "DAY"}
_BUYER, _SELLER, _NOBODY = 1, 2, 0
_ID = re.compile(r"[^\s/.]+\.[A-Z0-9_]+")


def _calls(symbol: Symbol) -> str:
    """As the tool's own adapter of the exchange calls it."""
    name = symbol.vendor_symbol
    if symbol.market != "spot" and not name[-1:].isdigit():
        name = name.replace("_", "-") if name.endswith("_PERP") else f"{name}-PERP"
    return f"{name}.BINANCE"


def _fault(name: str) -> str | None:
    return None if _ID.fullmatch(name) else "is no instrument id"


def bar_type(name: str, every: str) -> str:
    """`BTCUSDT-PERP.BINANCE-5-MINUTE-LAST-EXTERNAL`."""
    return f"{name}-{every[:-1]}-{_UNITS[every[-1]]}-LAST-EXTERNAL"


def _bars(work: Work) -> SymbolEntry:
    rows, missing = measured(work.chosen.bars(work.symbol, VALUES))
    entry = changed(work.bars_entry(rows, "ts"), not_measured=missing)
    if not rows.num_rows:
        return entry
    kind = bar_type(work.name, work.chosen.every)
    prices = [arrays.floats(rows[name]) for name in VALUES[:-1]]
    size = arrays.floats(rows["volume"])
    precision = {"price": decimal_places(*prices), "size": decimal_places(size)}
    columns = {
        **{
            name: _fixed(work, "price", values, precision)
            for name, values in zip(VALUES, prices, strict=False)
        },
        "volume": _fixed(work, "size", size, precision),
        **_instants(arrays.ints(rows["ts"]), arrays.ints(rows["available_at"])),
    }
    _write(work, f"bar/{kind}", columns, {"bar_type": kind, **_described(work, precision)})
    return changed(entry, precision=precision)


def _trades(work: Work) -> SymbolEntry:
    told, aside = trades_of.Told(), Spill(work.draft.place)
    days: list[tuple[Part, Ints]] = []
    precision = {"price": 0, "size": 0}
    for day in trades_of.days_of(work, told):
        for name, column in (("price", "price"), ("size", "qty")):
            places = decimal_places(arrays.floats(day.trades[column]))
            precision[name] = max(precision[name], places)
        days.append((aside.put(day.trades.drop_columns(["tape"])), day.known_us))
    for part, known_us in days:
        columns = _trade_columns(work, part.read(None), known_us, precision)
        _write(work, f"trade_tick/{work.name}", columns, _described(work, precision))
    return changed(told.entry(work), precision=precision if days else {})


def _trade_columns(
    work: Work, rows: pa.Table, known_us: Ints, precision: Mapping[str, int]
) -> dict[str, pa.Array]:
    side = arrays.floats(rows["side"])
    taker = np.where(np.isnan(side), _NOBODY, np.where(side > 0, _BUYER, _SELLER))
    place = pa.array(np.arange(1, rows.num_rows + 1)).cast(pa.string())
    return {
        "price": _fixed(work, "price", arrays.floats(rows["price"]), precision),
        "size": _fixed(work, "size", arrays.floats(rows["qty"]), precision),
        "aggressor_side": pa.array(taker.astype(np.uint8)),
        "trade_id": pc.coalesce(rows["id"], place).combine_chunks(),
        **_instants(arrays.ints(rows["ts"]), known_us),
    }


def _instants(event_us: Ints, known_us: Ints) -> dict[str, pa.Array]:
    pairs = (("ts_event", event_us), ("ts_init", np.maximum(event_us, known_us)))
    return {name: pa.array((values * 1_000).astype(np.uint64)) for name, values in pairs}


def _fixed(work: Work, kind: str, values: Floats, precision: Mapping[str, int]) -> pa.Array:
    """`fixed` of what the tool can hold.

    Raises:
        RefusedError: it cannot hold one.
    """
    places = precision[kind]
    most = float(np.abs(values).max(initial=0.0))
    if places > SCALE or most > _MOST[kind]:
        raise RefusedError(
            f"{work.symbol}: NautilusTrader holds a {kind} of at most {SCALE} decimal places up to"
            f" {_MOST[kind]}, here are {places} and {most:.6g}; leave the symbol out"
        )
    return fixed(values, places)


def fixed(values: Floats, places: int) -> pa.Array:
    """Decimals of so many places, 16 at most, as whole multiples of 10^-16 in 16 bytes, the lowest first."""
    units, power = to_units(values, places), SCALE - places
    if units.dtype == object:
        raised = (int(unit) * 10**power for unit in units.tolist())
        data = pa.py_buffer(b"".join(unit.to_bytes(16, "little", signed=True) for unit in raised))
    else:
        factor = pa.scalar(Decimal(10**power), pa.decimal128(power + 1, 0))
        data = pc.multiply(pa.array(units).cast(pa.decimal128(19, 0)), factor).buffers()[1]
    return pa.Array.from_buffers(_FIXED, len(values), [None, data])


def _described(work: Work, precision: Mapping[str, int]) -> dict[str, str]:
    return {
        "instrument_id": work.name,
        "price_precision": str(precision["price"]),
        "size_precision": str(precision["size"]),
    }


def _write(
    work: Work, folder: str, columns: Mapping[str, pa.Array], metadata: Mapping[str, str]
) -> None:
    """A file of the catalog, named by when its first and last row are known."""
    fields = [pa.field(name, column.type, nullable=False) for name, column in columns.items()]
    schema = pa.schema(fields, metadata=dict(metadata))
    rows = pa.Table.from_arrays(list(columns.values()), schema=schema)
    known = columns["ts_init"]
    first, last = (_stamp(known[at].as_py()) for at in (0, -1))
    with work.draft.file(f"data/{folder}/{first}_{last}.parquet", rows.num_rows) as handle:
        pq.write_table(rows, handle, row_group_size=_ROWS_A_GROUP)


def _stamp(known_ns: int) -> str:
    """`2025-01-02T00-01-00-000000000Z`."""
    seconds, fraction = divmod(known_ns, 1_000_000_000)
    whole = iso(seconds * 1_000_000).removesuffix("Z").replace(":", "-")
    return f"{whole}-{fraction:09d}Z"


TOOL = Tool(
    name="nautilus",
    calls=_calls,
    fault=_fault,
    form="an instrument id such as BTCUSDT-PERP.BINANCE",
    columns={
        **{name: f"{name}, in units of 1e-16" for name in VALUES},
        "ts_event": "ts, the bar's close, in ns",
        "ts_init": "available_at, when the bar was known, in ns",
    },
    bars=_bars,
    trades=_trades,
    trade_columns={
        "price": "the trade's price, in units of 1e-16",
        "size": "its size, in units of 1e-16; base, of COIN-M contracts",
        "aggressor_side": "1 the buyer took, 2 the seller, 0: not known",
        "trade_id": "the tape's, of an aggregate its first trade's; without ids the place in the day",
        "ts_event": "the trade's instant, in ns",
        "ts_init": "the same and the configured latency",
    },
)
