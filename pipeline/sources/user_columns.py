"""Tables that people keep of klines: which column is what, which instant a stamp is, how numbers are written.

Belongs here: inference by name, grid and magnitude, each with the words that the ledger states. Reading a
file is its adapter's (`binance_fetcher.py` for CSV, `binance_parquet.py`).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.clock import DAY_US, MINUTE_US, epoch_unit, parse_instant
from pipeline.sources.kline_rows import market_us

_OPENS = ("open_time_ms", "open_time", "minute_open", "opentime")
_CLOSES = ("minute_close", "close_time")
_EITHER = ("timestamp", "ts", "datetime", "date_time", "unix", "time", "date", "index")
_INDEX = ("", "unnamed_0", "index_level_0")
_FIELDS = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume"),
    "quote_volume": ("quote_volume", "quote_asset_volume"),
    "trades": ("trades", "count", "number_of_trades", "tradecount"),
    "taker_buy_volume": ("taker_buy_volume", "taker_buy_base_asset_volume"),
}
_NEEDED = ("open", "high", "low", "close", "volume")
NAMELESS = ("timestamp", "open", "high", "low", "close", "volume")
"""What six columns without a header are taken for."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FRACTION = re.compile(r"[0-9]{9,19}\.[0-9]*|[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,2}")
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST_MILLISECOND_US = 1_000
"""A close label may be the bar's last millisecond or microsecond instead of its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Positions: `time` of the one or two columns of the stamp, `fields` of the numbers.

    `edge` is `open`, `close`, or None where the name does not say which edge of the bar is stamped.
    """

    time: tuple[int, ...]
    time_name: str
    edge: str | None
    fields: dict[str, int]
    width: int


def columns_of(names: Sequence[str]) -> Columns | None:
    """What columns of such names are; None where they are no klines."""
    plain = [re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") for name in names]
    places = {name: at for at, name in reversed(list(enumerate(plain)))}
    fields = {
        field: next(places[name] for name in aliases if name in places)
        for field, aliases in _FIELDS.items()
        if any(name in places for name in aliases)
    }
    amounts = [at for at, name in enumerate(plain) if name.startswith("volume_")]
    for field, at in zip(("volume", "quote_volume"), amounts, strict=False):
        fields.setdefault(field, at)
    time = _time_of(places)
    if time is None or any(name not in fields for name in _NEEDED):
        return None
    stamp, name, edge = time
    return Columns(time=stamp, time_name=name, edge=edge, fields=fields, width=len(names))


def _time_of(places: dict[str, int]) -> tuple[tuple[int, ...], str, str | None] | None:
    for edge, names in (("open", _OPENS), ("close", _CLOSES)):
        for name in names:
            if name in places:
                return (places[name],), name, edge
    if "date" in places and "time" in places and "timestamp" not in places:
        return (places["date"], places["time"]), "date and time", None
    for name in (*_EITHER, *_INDEX):
        if name in places:
            return (places[name],), name or "the column without a name", None
    return None


def instant_of(value: Any) -> tuple[int, str]:
    """(instant in us, how it was written) of a stamp: an epoch of any unit, ISO text, a datetime.

    A stamp without a zone is read as UTC, and the second value says so.

    Raises:
        ValueError: none of these.
    """
    if isinstance(value, dt.datetime):
        zone = "iso" if value.tzinfo else "iso without a zone, read as UTC"
        moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return (moment - _EPOCH) // dt.timedelta(microseconds=1), zone
    if isinstance(value, dt.date):
        return instant_of(dt.datetime.combine(value, dt.time()))
    if isinstance(value, int) and not isinstance(value, bool):
        return market_us(value), epoch_unit(value)
    if isinstance(value, float) and math.isfinite(value):
        return _fraction(Decimal(repr(value)))
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is neither a timestamp nor a number")
    return _text_instant(value.strip())


def _text_instant(text: str) -> tuple[int, str]:
    if text.isascii() and text.isdigit() and len(text) <= 19:
        return market_us(int(text)), epoch_unit(int(text))
    if _FRACTION.fullmatch(text):
        return _fraction(Decimal(text))
    if _DATE_ONLY.fullmatch(text):
        text += "T00:00"
    instant, zone = parse_instant(text.replace("/", "-").removesuffix(" UTC"))
    return instant, "iso" if zone is not None else "iso without a zone, read as UTC"


def _fraction(value: Decimal) -> tuple[int, str]:
    unit = epoch_unit(int(value))
    per = {"s": 1_000_000, "ms": 1_000, "us": 1}
    scaled = value / 1_000 if unit == "ns" else value * per[unit]
    return market_us(int(scaled)), unit


def edge_of(columns: Columns, instants: Iterable[int], step: int) -> tuple[str, str]:
    """Which edge of its bar a stamp is, and how that is known.

    A whole day or month begins at 00:00 when the open is stamped, one bar later when the close is. Where
    neither is there, `timestamp` is the close, as fetchers write it, and any other name the open.
    """
    if columns.edge is not None:
        return columns.edge, "by its name"
    first = min(instants, default=-1)
    if step == MINUTE_US and first >= 0 and first % DAY_US == 0:
        return "open", "inferred: the first stamp is 00:00"
    if step == MINUTE_US and first >= 0 and 0 < first % DAY_US <= MINUTE_US:
        return "close", "inferred: the first stamp is 00:01"
    usual = "close" if columns.time_name == "timestamp" and step == MINUTE_US else "open"
    return usual, f"assumed: what {columns.time_name} usually is"


def opened_at(instant: int, edge: str, step: int) -> int:
    """The open of the bar that is stamped so."""
    if edge == "open":
        return instant
    last = -instant % step
    return instant + (last if last <= _LAST_MILLISECOND_US else 0) - step


def decimal_mark(texts: Iterable[str], delimiter: str) -> tuple[str, str]:
    """(decimal mark, thousands mark) of a file's numbers: `(".", "")` where nothing else is written."""
    dotted, commas, both_last = 0, [], Counter[str]()
    for text in texts:
        if "," not in text:
            dotted += "." in text
        elif "." in text:
            both_last["," if text.rindex(",") > text.rindex(".") else "."] += 1
        else:
            commas.append(text)
    if both_last:
        decimal = both_last.most_common(1)[0][0]
        return decimal, "." if decimal == "," else ","
    if not commas:
        return ".", ""
    grouped = all(re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+", text) for text in commas)
    if grouped and (dotted or delimiter == "," or any(text.count(",") > 1 for text in commas)):
        return ".", ","
    return ",", ""
