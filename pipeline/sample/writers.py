"""How the vendors print: ATAS exporter records and Binance archive rows of a tape, and their bytes.

Belongs here: field names and order, stamps, number text, line ends, zip and checksum form.
Does not belong here: what is printed (`tape.py`, `minutes.py`), where it goes (`export.py`).
ATAS stamps are the bar's OPEN; a minute without a trade has no ATAS bar and a zero row at Binance.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable

import numpy as np

from pipeline.clock import MINUTE_US, SECOND_US, day_open_us
from pipeline.free_form import Json
from pipeline.sample.bars import Bars
from pipeline.sample.instrument import Instrument
from pipeline.sample.minutes import minute_bars, minute_of, volume_points
from pipeline.sample.tape import Tape
from pipeline.tables.arrays import Ints

Record = Json
"""One ATAS line: field -> value, in the exporter's order."""

KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore"
)
SPOT_MICROSECONDS_FROM = dt.date(2025, 1, 1)
"""The first date whose spot archives are in microseconds; futures stay in milliseconds."""

ROLLING_MINUTES = 60
"""Width of the v6.3 exporter's `rolling:60` cvd in calendar minutes, this one included."""

_BAR_1M = {"exporter_version": "6.3", "schema_version": "bar_1m.v6_5"}
_TICK = {"exporter_version": "6.3", "schema_version": "tick.v3"}
_V6_3 = {
    "window_convention": "[minute_open, minute_close] right-closed",
    "fingerprint": "V6-PARTITIONED",
    "filename_pattern": "bar_YYYYMMDD.jsonl",
    "exporter_version": "6.3.0.0",
    "schema_version": "v6.3",
    "backfill": True,
    "cvd_mode": f"rolling:{ROLLING_MINUTES}",
}
_SIDES = {1: "bull", 0: "neutral", -1: "bear"}
_LOC_DIGITS = 10


def dotnet(us: int, zone: str = "Z") -> str:
    """An instant as .NET's round-trip form: seven digits of a second, then the zone."""
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=us)  # noqa: DTZ001 - UTC by name
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{us % SECOND_US:06d}0{zone}"


def bar_records(tape: Tape) -> list[Record]:
    """`bar_1m.v6_5`: one finished bar a traded minute; `cvd` runs from 00:00 of the day."""
    records = []
    for bar in _bars(tape):
        stamp = dotnet(bar["open_us"])
        record = {"timestamp": stamp, "timestamp_utc": stamp, **bar["ohlcv"], "cvd": bar["cvd"]}
        record |= {"poc": bar["point"]["bar_vpo_price"], **bar["point"]}
        if record["bar_vpo_loc"] is None:
            del record["bar_vpo_loc"]
        records.append(record | {"vbuy": bar["vbuy"], "vsell": bar["vsell"]} | _BAR_1M)
    return records


def history_records(tape: Tape) -> list[Record]:
    """`bar_1m.v6_5` as the exporter emits history after a chart reload: finished bars without order flow."""
    kept = ("timestamp", "timestamp_utc", "open", "high", "low", "close", "volume", *_BAR_1M)
    return [{name: record[name] for name in kept} for record in bar_records(tape)]


def simplified_records(tape: Tape) -> list[Record]:
    """`v6.3`: one bar a traded minute, unmeasured fields null, `cvd` over the last 60 minutes of the day."""
    records = []
    for sequence, bar in enumerate(_bars(tape), start=1):
        stamp = dotnet(bar["open_us"], "+00:00")
        record = {"timestamp": stamp, "timestamp_utc": stamp, "tz": "UTC", **bar["ohlcv"]}
        record |= {"poc": bar["point"]["bar_vpo_price"], "vah": None, "val": None}
        record |= {"cvd": bar["cvd_rolling"], "absorption_detected": False}
        record |= {"absorption_strength": None, "absorption_side": "", **bar["point"]}
        records.append(record | {"window_id": stamp, "flush_seq": sequence} | _V6_3)
    return records


def live_records(tape: Tape) -> list[Record]:
    """`bar_1m.v6_5` written live: a line a trade of the forming bar, vbuy and vsell its increments."""
    price, qty = _scales(tape.instrument)
    records, minute, bar = [], -1, {}
    rows = zip(
        minute_of(tape).tolist(), tape.price_ticks.tolist(), tape.qty_lots.tolist(), tape.side,
        strict=True,
    )  # fmt: skip
    for now, p, q, side in rows:
        if now != minute:
            minute, bar = now, {"open": p, "high": p, "low": p, "volume": 0}
            stamp = dotnet(day_open_us(tape.day) + now * MINUTE_US)
        bar |= {"high": max(bar["high"], p), "low": min(bar["low"], p), "volume": bar["volume"] + q}
        record = {"timestamp": stamp, "timestamp_utc": stamp, "open": bar["open"] / price}
        record |= {"high": bar["high"] / price, "low": bar["low"] / price, "close": p / price}
        flow = (q / qty, 0.0) if side > 0 else (0.0, q / qty)
        record |= {"volume": bar["volume"] / qty, "vbuy": flow[0], "vsell": flow[1]}
        records.append(record | _BAR_1M)
    return records


def tick_records(tape: Tape, market: str) -> list[Record]:
    """`tick.v3`: one line a trade, with the quote before it."""
    price, qty = _scales(tape.instrument)
    exchange = "BINANCE" if market == "spot" else "BINANCE_FUTURES"
    named = {"exchange": exchange, "symbol": tape.instrument.symbol}
    columns = (
        tape.ts_us,
        tape.price_ticks,
        tape.qty_lots,
        tape.side,
        tape.bid_ticks,
        tape.ask_ticks,
    )
    rows = zip(*(column.tolist() for column in columns), tape.trade_id.tolist(), strict=True)
    records = []
    for us, p, q, side, bid, ask, trade in rows:
        name, amount = ("buy" if side > 0 else "sell"), q / qty
        record = {"ts": dotnet(us), **named, "price": p / price, "qty": amount, "side": name}
        record |= {f"v{name}": amount, "best_bid": bid / price, "best_ask": ask / price}
        record |= {"mid_price": (bid + ask) / (2 * price), "trade_id": str(trade)}
        records.append(record | _TICK)
    return records


def kline_rows(bars: Bars, instrument: Instrument, market: str) -> list[list[str]]:
    """The twelve columns of a Binance archive, as text; the time unit goes by market and date."""
    pd, qd = instrument.price_decimals, instrument.qty_decimals
    shown = shown_decimals(instrument, market)
    prices = [decimals(x, pd, shown[0]) for x in (bars.open, bars.high, bars.low, bars.close)]
    amounts = [decimals(x, qd, shown[1]) for x in (bars.volume, bars.buy_volume)]
    quotes = [decimals(x, instrument.quote_digits, shown[2]) for x in (bars.quote, bars.buy_quote)]
    unit = unit_us(int(bars.open_us[0]), market)
    opens = [str(x) for x in (bars.open_us // unit).tolist()]
    closes = [str(x - 1) for x in ((bars.open_us + bars.width_us) // unit).tolist()]
    counts = [str(x) for x in bars.trades.tolist()]
    zeros = ["0"] * len(bars)
    columns = (opens, *prices, amounts[0], closes, quotes[0], counts, amounts[1], quotes[1], zeros)
    return [list(row) for row in zip(*columns, strict=True)]


def jsonl(records: Iterable[Record]) -> bytes:
    """One compact object a line, CRLF ends, UTF-8: as the exporters write on Windows."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    return "".join(encode(record) + "\r\n" for record in records).encode()


def csv_text(rows: Iterable[list[str]], header: str) -> bytes:
    """Archive rows as CSV with LF ends, under the header line if that is not empty."""
    lines = [header] if header else []
    lines += [",".join(row) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def zipped(name: str, content: bytes, written: dt.date) -> bytes:
    """A zip that holds one file; the same bytes for the same arguments at any time and place."""
    entry = zipfile.ZipInfo(name, date_time=(written.year, written.month, written.day, 6, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system, entry.external_attr = 3, 0o100644 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content, compresslevel=6)
    return buffer.getvalue()


def checksum(name: str, data: bytes) -> bytes:
    """The text of `{name}.CHECKSUM`: SHA-256 in hex, two blanks, the file's name."""
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()


def _scales(instrument: Instrument) -> tuple[int, int]:
    return 10**instrument.price_decimals, 10**instrument.qty_decimals


def shown_decimals(instrument: Instrument, market: str) -> tuple[int, int, int]:
    """How many digits an archive shows behind the point: of prices, of quantities, of quote amounts."""
    if market == "spot":
        return 8, 8, 8
    price = max(instrument.price_decimals, 2)
    if instrument.contract_usd:
        return price, instrument.qty_decimals, instrument.quote_digits
    return price, instrument.qty_decimals, price + instrument.qty_decimals


def decimals(values: Ints, digits: int, shown: int) -> list[str]:
    """Integers of 10^-digits as fixed decimal text with `shown` digits after the point."""
    if shown == 0:
        return [str(value) for value in values.tolist()]
    unit, fill = 10**shown, 10 ** (shown - digits)
    return [f"{v * fill // unit}.{v * fill % unit:0{shown}d}" for v in values.tolist()]


def unit_us(instant: int, market: str) -> int:
    """What an archive of that time counts its stamps in, in microseconds."""
    micro = market == "spot" and instant >= day_open_us(SPOT_MICROSECONDS_FROM)
    return 1 if micro else 1_000


def _bars(tape: Tape) -> list[Json]:
    """What both bar exporters know of each traded minute, numbers as they print them."""
    price, qty = _scales(tape.instrument)
    bars, points = minute_bars(tape), volume_points(tape)
    delta = 2 * bars.buy_volume - bars.volume
    running = np.cumsum(delta)
    before = np.concatenate([np.zeros(ROLLING_MINUTES, dtype=np.int64), running])
    rolling = running - before[: len(running)]
    found = []
    for k, i in enumerate(points.minute.tolist()):
        high, low, at = int(bars.high[i]), int(bars.low[i]), int(points.price[k])
        loc = None if high == low else round((at - low) / (high - low), _LOC_DIGITS)
        found.append({
            "open_us": int(bars.open_us[i]),
            "ohlcv": {
                "open": int(bars.open[i]) / price, "high": high / price, "low": low / price,
                "close": int(bars.close[i]) / price, "volume": int(bars.volume[i]) / qty,
            },
            "cvd": int(running[i]) / qty,
            "cvd_rolling": int(rolling[i]) / qty,
            "vbuy": int(bars.buy_volume[i]) / qty,
            "vsell": int(bars.volume[i] - bars.buy_volume[i]) / qty,
            "point": {
                "bar_vpo_price": at / price, "bar_vpo_vol": int(points.volume[k]) / qty,
                "bar_vpo_loc": loc, "bar_vpo_side": _SIDES[int(points.tilt[k])],
            },
        })  # fmt: skip
    return found
