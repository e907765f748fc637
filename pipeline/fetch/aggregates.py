"""One day of aggregated trades from the exchange's API, page after page by id, as the API answers them.

A line of the file is one answer. The last aggregate of a whole day's file is the first one of the next day:
by it nothing can be missing at the end. A fetch that was broken off goes on where it was.
Source of paths, limits and weights: the exchange's API documentation, "Compressed/Aggregate Trades List".
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.clock import DAY_US, day_open_us
from pipeline.errors import FetchError, PendingError
from pipeline.fetch import placing
from pipeline.fetch.outcome import FETCHED, UNCHANGED
from pipeline.fetch.rest import DECIMAL, Exchange
from pipeline.free_form import Json
from pipeline.settings.config import Symbol

WEIGHTS = {"spot": 4, "futures_um": 20, "futures_cm": 20}
"""Market -> weight of a page."""

_PAGE_ROWS = 1_000
_DAY_MS = DAY_US // 1_000
_REACH_MS = 2 * _DAY_MS
_TAIL_BYTES = 4 << 20
"""More than any line of ours."""

_WHAT = "aggTrades"
_INTEGERS, _DECIMALS = ("a", "f", "l", "T"), ("p", "q")


def is_whole(path: Path, day: dt.date) -> bool:
    """Whether the file at the path reaches beyond the day's end."""
    last = _last(path)
    return last is not None and last["T"] >= day_open_us(day) // 1_000 + _DAY_MS


def fetch(exchange: Exchange, symbol: Symbol, day: dt.date, path: Path) -> str:
    """Makes the file hold all aggregates of the day until now, by the exchange's clock.

    Returns:
        fetched, or unchanged where there was nothing new.

    Raises:
        PendingError: there is none yet, or the API does not reach back so far.
        FetchError: the API did not answer, or not in its documented form; what came stays for the next run.
    """
    now, start = exchange.server_time_ms(), day_open_us(day) // 1_000
    part = path.with_name(f".{path.name}.part")
    _cut_torn_line(part)
    mine, tried = _last(path), _last(part)
    goes_on = tried is not None and (mine is None or mine["a"] < tried["a"])
    last = tried if goes_on else mine
    if exchange.market != "spot" and (last["T"] if last else start) < now - _REACH_MS:
        raise PendingError(
            f"{symbol.name} {day}: the API of futures has the trades of the last two days alone;"
            " wait for the archive"
        )
    if not goes_on:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"") if mine is None else shutil.copyfile(path, part)
    with open(part, "ab") as file:
        for page in _pages(exchange, symbol, start, now, last):
            file.write(json.dumps(page, separators=(",", ":")).encode() + b"\n")
            file.flush()
    return _placed(part, path, is_ours=mine is not None)


def _placed(part: Path, path: Path, *, is_ours: bool) -> str:
    size = part.stat().st_size
    if not size or (is_ours and size == path.stat().st_size):
        part.unlink()
        if not size:
            raise PendingError(f"{path.name}: the API has no trade of it yet; ask later")
        return UNCHANGED
    if path.is_file() and not is_ours:
        placing.keep_old(path)
    placing.place(part, path)
    return FETCHED


def _cut_torn_line(part: Path) -> None:
    """Of a try that was killed in the middle of a line."""
    if part.is_file():
        with open(part, "rb+") as file:
            tail = _tail(part)
            file.seek(tail.rfind(b"\n") + 1 - len(tail), os.SEEK_END)
            file.truncate()


def _pages(
    exchange: Exchange, symbol: Symbol, start: int, now: int, last: Json | None
) -> Iterator[list[Json]]:
    """What is missing of the day, up to the first aggregate of the next one or to `now`."""
    end = start + _DAY_MS
    asked: dict[str, str | int] = (
        {"startTime": start} if last is None else {"fromId": last["a"] + 1}
    )
    while last is None or last["T"] < end:
        page = _page(exchange, symbol, asked)
        beyond = next((n for n, row in enumerate(page) if row["T"] >= min(end, now)), len(page))
        kept = page[:beyond] + [row for row in page[beyond : beyond + 1] if row["T"] >= end]
        if kept:
            yield kept
        if beyond < len(page) or not page:
            return
        last = page[-1]
        asked = {"fromId": last["a"] + 1}


def _page(exchange: Exchange, symbol: Symbol, asked: dict[str, str | int]) -> list[Json]:
    query = {"symbol": symbol.vendor_symbol, **asked, "limit": _PAGE_ROWS}
    rows = exchange.ask(_WHAT, query, WEIGHTS[exchange.market])
    if not isinstance(rows, list) or len(rows) > _PAGE_ROWS:
        raise FetchError(f"{exchange.url(_WHAT)}: gave no list of at most {_PAGE_ROWS} aggregates")
    before = int(asked.get("fromId", 0)) - 1
    for row in rows:
        fault = _fault(row, before, int(asked.get("startTime", 0)))
        if fault is not None:
            raise FetchError(f"{exchange.url(_WHAT)}: {fault}; its page was not kept; run again")
        before = row["a"]
    return rows


def _fault(row: Any, before: int, start: int) -> str | None:
    """What is wrong with an aggregate; None: nothing."""
    if not isinstance(row, dict) or not {*_INTEGERS, *_DECIMALS, "m"} <= row.keys():
        return "an aggregate lacks one of a, p, q, f, l, T, m"
    if any(type(row[key]) is not int or row[key] < 0 for key in _INTEGERS):
        return "ids and time of an aggregate are not whole numbers"
    if not all(isinstance(row[key], str) and DECIMAL.fullmatch(row[key]) for key in _DECIMALS):
        return f"aggregate {row['a']} has a number that is no decimal text"
    if type(row["m"]) is not bool or row["l"] < row["f"]:
        return f"aggregate {row['a']} has no side, or its last trade before its first"
    if row["a"] <= before or row["T"] < start:
        return f"aggregate {row['a']} is out of order or not of the time asked for"
    return None


def _last(path: Path) -> Json | None:
    """The last aggregate of a file of whole lines of ours, None of any other."""
    try:
        *_, line, nothing = _tail(path).split(b"\n")
        last = json.loads(line)[-1]
        return last if not nothing and _fault(last, -1, 0) is None else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _tail(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
        return file.read()
