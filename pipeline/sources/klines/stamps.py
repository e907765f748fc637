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
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.clock import DAY_US, MINUTE_US, SECOND_US, epoch_unit, parse_instant
from pipeline.sources.klines.column_names import Columns
from pipeline.sources.klines.rows import market_us
from pipeline.sources.klines.text_dates import iso_text

_READ_AS_UTC = "read as UTC"
_NO_ZONE = f"iso without a zone, {_READ_AS_UTC}"
_PLAIN = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
"""As most tables have it: what `text_dates.py` would make of it, whose search takes longer."""

_LAST_SECOND = "each stamp is the last second of its bar"
_MICROSECOND = dt.timedelta(microseconds=1)
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
        zone = "iso" if value.tzinfo else _NO_ZONE
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
    if _PLAIN.fullmatch(text):
        return parse_instant(text)[0], _NO_ZONE
    if _FRACTION.fullmatch(text):
        return _fraction(Decimal(text))
    instant, zone = parse_instant(iso_text(text, order))
    return instant, "iso" if zone is not None else _NO_ZONE


def _fraction(value: Decimal) -> tuple[int, str]:
    unit = epoch_unit(int(value))
    per = {"s": 1_000_000, "ms": 1_000, "us": 1}
    scaled = value / 1_000 if unit == "ns" else value * per[unit]
    return market_us(int(scaled)), unit


def edge_of(
    columns: Columns, instants: Iterable[int], step: int, stated: str | None = None
) -> tuple[str, str]:
    """Which edge of its bar a stamp is, and how that is known; `assumed` where nothing says it.

    The name of the column, else the configuration (`stated`), else the ends of the whole file: it begins
    at 00:00 or ends at 23:59 where opens are stamped, and ends at 24:00 where closes are. Stamps in the last
    second of their bars are closes wherever the file ends. Else the open, the custom of the field. Where the
    configuration says other than the file, it is obeyed and the words say so.

    Args:
        columns: of the file.
        instants: of all rows of the file, in us, as their own clock shows them.
        step: length of a bar in us.
        stated: `open` or `close`, as the configuration says for names that leave it open.
    """
    if columns.edge is not None:
        return columns.edge, "by its name"
    edge, why = _edge_by(np.fromiter(instants, dtype=np.int64), step)
    if stated is not None:
        against = f", against the file: {why}" if edge not in ("", stated) else ""
        return stated, f"stated by the configuration{against}"
    if edge:
        return edge, "by its last second" if why == _LAST_SECOND else f"inferred: {why}"
    return "open", f"assumed: nothing in the file says what {columns.time_name} is"


def _edge_by(stamps: np.ndarray, step: int) -> tuple[str, str]:
    """The edge that a file's stamps show, and by what; empty where they show none."""
    left = -stamps % step
    if 2 * np.count_nonzero((left > 0) & (left <= _CUT_US)) > stamps.size:
        return "close", _LAST_SECOND
    if not stamps.size or step != MINUTE_US:
        return "", ""
    first, last = int(stamps.min()) % DAY_US, int(stamps.max()) % DAY_US
    if first == 0:
        return "open", "the first stamp is 00:00"
    if last == DAY_US - MINUTE_US:
        return "open", "the last stamp is 23:59"
    return ("close", "the last stamp is 24:00") if last == 0 else ("", "")


class Stamped(Protocol):
    """A row with its instant in us, None where it has none, and how that was written."""

    instant: int | None
    written: str


def in_zone(rows: Iterable[Stamped], zone: str | None) -> None:
    """Turns stamps that were written without a zone, and read as UTC, into instants of that zone.

    Where a clock is put back and two instants are written alike, it is the one nearer to the row before.
    """
    if zone is None:
        return
    clock, before = ZoneInfo(zone), None
    for row in rows:
        if row.instant is not None and row.written.endswith(_READ_AS_UTC):
            row.written = row.written.replace(_READ_AS_UTC, f"read in {zone}")
            row.instant = _utc(row.instant, clock, before)
        before = row.instant if row.instant is not None else before


def instant_in(zone: str, instant: int, written: str) -> int:
    """As `in_zone`, of a row by itself: of two instants that are written alike, the first."""
    is_local = written.endswith(_READ_AS_UTC)
    return _utc(instant, ZoneInfo(zone), None) if is_local else instant


def _utc(wall_us: int, clock: ZoneInfo, before: int | None) -> int:
    wall = (_EPOCH + dt.timedelta(microseconds=wall_us)).replace(tzinfo=clock)
    both = [
        wall_us - (wall.replace(fold=fold).utcoffset() or dt.timedelta()) // _MICROSECOND
        for fold in (0, 1)
    ]
    return both[0] if before is None else min(both, key=lambda at: abs(at - before))


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
