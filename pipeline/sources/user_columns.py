"""Values in tables that people keep of klines: which instant a stamp is, how numbers are written.

Belongs here: inference by grid and magnitude, with the words that the ledger states. Which column is what
is `column_names.py`'s.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pipeline.clock import DAY_US, MINUTE_US, SECOND_US, epoch_unit, parse_instant
from pipeline.sources.column_names import Columns
from pipeline.sources.kline_rows import market_us
from pipeline.sources.text_dates import iso_text

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FRACTION = re.compile(r"[0-9]{9,19}\.[0-9]*|[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,2}")
_CUT_US = SECOND_US
"""A close label may be the bar's last second, millisecond or microsecond instead of its end."""


def instant_of(value: Any, order: str | None = None) -> tuple[int, str]:
    """(instant in us, how it was written) of a stamp: an epoch of any unit, ISO text, a datetime.

    A stamp without a zone is read as UTC, and the second value says so. `order` as in `text_dates.py`.

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
    return _text_instant(value.strip(), order)


def _text_instant(text: str, order: str | None) -> tuple[int, str]:
    if text.isascii() and text.isdigit() and len(text) <= 19:
        return market_us(int(text)), epoch_unit(int(text))
    if _FRACTION.fullmatch(text):
        return _fraction(Decimal(text))
    instant, zone = parse_instant(iso_text(text, order))
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
    return instant + (last if last <= _CUT_US else 0) - step


def ends_with(closed: int, opened: int, step: int) -> bool:
    """Whether a close time is the end of the bar that opens then, cut to a second or not."""
    return 0 <= opened + step - closed <= _CUT_US


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
