"""One day of klines from the exchange's API, as a CSV in the archive's columns.

The numbers' text is the exchange's own, so that a day fetched here and its later archive say the same.
Source of paths, limits and weights: the exchange's API documentation, "Kline/Candlestick Data".
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pipeline import storage
from pipeline.clock import DAY_US, MINUTE_US, day_open_us, iso
from pipeline.errors import FetchError, PendingError
from pipeline.fetch import placing
from pipeline.fetch.http import Http
from pipeline.fetch.outcome import FETCHED, UNCHANGED
from pipeline.fetch.waiting import Budget
from pipeline.settings.config import Symbol

HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
_MINUTE_MS, _DAY_MS = MINUTE_US // 1000, DAY_US // 1000
_INTEGERS = (0, 6, 8)
_DECIMALS = (1, 2, 3, 4, 5, 7, 9, 10)
_COLUMNS = 12
DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)
_USED = "x-mbx-used-weight-1m"
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Api:
    """One market's API: path, rows of a page, weight of such a page."""

    path: str
    rows: int
    weight: int


_APIS = {
    "spot": _Api("/api/v3", 1000, 2),
    "futures_um": _Api("/fapi/v1", 1500, 10),
    "futures_cm": _Api("/dapi/v1", 1500, 10),
}
_TIME_WEIGHT = 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """The API of one market, with the weight that may be spent on it."""

    http: Http
    market: str
    budget: Budget

    def klines(self, symbol: Symbol, day: dt.date) -> list[str]:
        """The CSV lines of all minutes of the day that have ended, by the exchange's clock.

        Raises:
            PendingError: none has.
            FetchError: the API did not answer, not in its documented form, or this clock is wrong.
        """
        now = self.server_time_ms()
        start = day_open_us(day) // 1000
        end = start + _DAY_MS
        lines: list[str] = []
        while start < min(end, now // _MINUTE_MS * _MINUTE_MS):
            page = self._page(symbol, start, end)
            ended = [row for row in page if row[6] < now]
            lines += [",".join(map(str, (*row[:11], 0))) for row in ended]
            if len(ended) < len(page) or not page:
                break
            start = page[-1][0] + _MINUTE_MS
        if not lines:
            raise PendingError(f"{symbol.name} {day}: the API has no ended minute of it; ask later")
        return lines

    def server_time_ms(self) -> int:
        """The exchange's clock, in milliseconds since 1970.

        Raises:
            FetchError: no such reply; or this machine's clock is farther from it than configured.
        """
        before = self.http.waiting.now()
        value = self.ask("time", {}, _TIME_WEIGHT)
        after = self.http.waiting.now()
        server = value.get("serverTime") if isinstance(value, dict) else None
        if type(server) is not int or not 10**12 <= server < 10**13:
            raise FetchError(f"{self.url('time')}: gave no serverTime in milliseconds; run again")
        tolerance = self.http.settings.clock_tolerance_seconds
        if not before - tolerance <= server / 1000 <= after + tolerance:
            raise FetchError(
                f"{self.url('time')}: the exchange's clock says {iso(server * 1000)}, this machine's"
                f" {iso(int(after) * 1_000_000)}; wanted within {tolerance:g} s; set this machine's clock"
            )
        return server

    def _page(self, symbol: Symbol, start: int, end: int) -> list[list[Any]]:
        api = _APIS[self.market]
        asked: dict[str, str | int] = {
            "symbol": symbol.vendor_symbol,
            "interval": "1m",
            "startTime": start,
            "endTime": end - 1,
            "limit": api.rows,
        }
        rows = self.ask("klines", asked, api.weight)
        if not isinstance(rows, list) or len(rows) > api.rows:
            raise FetchError(f"{self.url('klines')}: gave no list of at most {api.rows} klines")
        before = start - _MINUTE_MS
        for row in rows:
            fault = _fault(row, before, end)
            if fault is not None:
                raise FetchError(
                    f"{self.url('klines')}: {fault}; nothing of it was kept; run again"
                )
            before = row[0]
        return rows

    def ask(self, what: str, query: Mapping[str, str | int], weight: int) -> Any:
        """The answer to a question of that weight, as parsed JSON.

        Raises:
            FetchError: none, or no JSON.
        """
        url = self.url(what) + (f"?{urlencode(query)}" if query else "")
        reply = self.http.small(
            url, self.http.settings.reply_bytes, partial(self.budget.spending, weight)
        )
        used = reply.headers.get(_USED, "")
        if _WHOLE.fullmatch(used):
            self.budget.learn(int(used))
        if reply.status == 404:
            raise FetchError(f"{url}: not found; see fetch.rest.{self.market}")
        try:
            return json.loads(reply.body)
        except (ValueError, RecursionError) as error:
            raise FetchError(f"{url}: not JSON ({error}); run again") from error

    def url(self, what: str) -> str:
        """The address of a question."""
        base = self.http.settings.rest[self.market].rstrip("/")
        return f"{base}{_APIS[self.market].path}/{what}"


def _fault(row: Any, before: int, end: int) -> str | None:
    """What is wrong with a kline; None: nothing."""
    if not isinstance(row, list) or len(row) != _COLUMNS:
        return f"a kline is not a list of {_COLUMNS}"
    if any(type(row[i]) is not int or row[i] < 0 for i in _INTEGERS):
        return "times and count of a kline are not whole numbers"
    if not all(isinstance(row[i], str) and DECIMAL.fullmatch(row[i]) for i in _DECIMALS):
        return f"the kline of {row[0]} has a number that is no decimal text"
    if row[0] % _MINUTE_MS or not before < row[0] < end:
        return f"the kline of {row[0]} is off the grid, out of order or not of the time asked for"
    if row[6] != row[0] + _MINUTE_MS - 1:
        return f"the kline of {row[0]} does not end with its minute"
    return None


def is_whole(path: Path, day: dt.date) -> bool:
    """Whether the CSV at the path reaches the day's last minute."""
    if not path.is_file():
        return False
    last = path.read_bytes().rstrip().rpartition(b"\n")[2].split(b",")[0]
    return last == str(day_open_us(day) // 1000 + _DAY_MS - _MINUTE_MS).encode()


def write(path: Path, lines: list[str]) -> str:
    """Puts the lines at the path: fetched, or unchanged where they are there already.

    A file that the new one goes on from is replaced; one that it contradicts is kept as superseded.
    """
    data = "\n".join([HEADER, *lines, ""]).encode()
    old = path.read_bytes() if path.is_file() else b""
    if old == data:
        return UNCHANGED
    if not data.startswith(old):
        placing.keep_old(path)
    storage.write_bytes(path, data)
    return FETCHED
