"""Damage to real exports, one defect each: what `injection.py` does not make, or makes of a sample only.

Belongs here: edits of bars and archives, written against the vendors' formats alone. Every function gets
the raw folder of a real day: BTCUSDT 2025-01-02 (the archive of the perpetual, two exports of bars) or
XRPETH 2019-10-11 (also an hourly tape: `tape_damage.py`). What the edits must lead to is the test's.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.injection import (
    BARS,
    CLOSE,
    CLOSE_TIME,
    COUNT,
    DATE,
    HIGH,
    KLINES,
    LOW,
    QUOTE,
    SIMPLIFIED,
    TAKER,
    TAKER_QUOTE,
    VOLUME,
    edit_rows,
    klines,
    no_archive,
    put_klines,
    put_records,
    records,
)

Lines = list[bytes]
Inject = Callable[[Path], None]

THIN_BARS = "atas/bars_1m/XRPETH/date=2019-10-11/bars_1m.jsonl"
THIN_SIMPLIFIED = "atas/v6_3/XRPETH/date=2019-10-11/bar_20191011.jsonl"
CONTRACT_USD = 100
HEAD = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
_PROFILE = ("poc", "vah", "val", "bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc", "bar_vpo_side")


def lines_of(path: Path) -> Lines:
    """The lines of a file, with their ends."""
    return path.read_bytes().splitlines(keepends=True)


def edited(name: str, change: Callable[[Lines], Lines]) -> Inject:
    """Rewrites the lines of one file."""

    def inject(raw: Path) -> None:
        path = raw / name
        path.write_bytes(b"".join(change(lines_of(path))))

    return inject


def changed(name: str, where: range, **fields: Any) -> Inject:
    """Puts values into the fields of some objects of a file."""

    def inject(raw: Path) -> None:
        found = records(raw / name)
        for place in where:
            found[place].update(fields)
        put_records(raw / name, found)

    return inject


# The exports of bars


def forming(raw: Path) -> None:
    """Each of a hundred bars stood there once more before, half done."""
    lines = []
    for place, bar in enumerate(records(raw / BARS)):
        if 300 <= place < 400:
            half = {name: round(bar[name] / 2, 3) for name in ("volume", "vbuy", "vsell")}
            lines.append(
                {**bar, **half, "high": bar["open"], "low": bar["open"], "close": bar["open"]}
            )
            bar |= {name: round(bar[name] - half[name], 3) for name in ("vbuy", "vsell")}
        lines.append(bar)
    put_records(raw / BARS, lines)


def history_again(smaller: int) -> Inject:
    """The bars before 06:00 are written again, the first few of them with less volume than they had."""

    def inject(raw: Path) -> None:
        lines = records(raw / BARS)
        again = [
            {k: v for k, v in bar.items() if k not in ("vbuy", "vsell")} for bar in lines[:360]
        ]
        for bar in again[:smaller]:
            bar["volume"] = round(bar["volume"] / 2, 3)
        put_records(raw / BARS, [*lines[:360], *again, *lines[360:]])

    return inject


def odd_writing(lines: Lines) -> Lines:
    """A byte order mark, ten blank lines, and three bare NaN."""
    for place in (20, 30, 40):
        lines[place] = lines[place].replace(b"{", b'{"oi":NaN,', 1)
    return [
        b"\xef\xbb\xbf",
        *(line + b"\r\n" * (i % 100 == 50 and i < 1000) for i, line in enumerate(lines)),
    ]


def broken_lines(lines: Lines) -> Lines:
    """A line in the middle is cut, and the last one is torn."""
    return [*lines[:700], lines[700][:60] + b"\r\n", *lines[701:-1], lines[-1][:60]]


def impossible_cvd(raw: Path) -> None:
    """The exported cvd of fifty minutes that are not neighbours is a million too high."""
    for name in (BARS, SIMPLIFIED):
        found = records(raw / name)
        for bar in found[100:200:2]:
            bar["cvd"] += 1e6
        put_records(raw / name, found)


def stood_still(raw: Path) -> None:
    """For half an hour both exports repeat the close of 09:59."""
    for name in (BARS, SIMPLIFIED):
        found = records(raw / name)
        last = found[599]["close"]
        for bar in found[600:630]:
            bar.update(dict.fromkeys(("open", "high", "low", "close"), last))
        put_records(raw / name, found)


def many_broken_lines(lines: Lines) -> Lines:
    """Twenty lines are cut."""
    return [line[:60] + b"\r\n" if 700 <= i < 720 else line for i, line in enumerate(lines)]


def left_over(raw: Path) -> None:
    """Killed while it wrote the file anew: a .part with two thirds of the lines lies beside it."""
    (raw / f"{BARS}.part").write_bytes(b"".join(lines_of(raw / BARS)[:1000]))


def unmeasured(raw: Path) -> None:
    """SafeMode: no profile, no absorption; only this export is there, and no tape."""
    shutil.rmtree(raw / "atas/ticks")
    shutil.rmtree(raw / "atas/bars_1m")
    found = records(raw / THIN_SIMPLIFIED)
    for bar in found:
        bar.update(dict.fromkeys(_PROFILE) | {"bar_vpo_side": "", "absorption_detected": False})
    put_records(raw / THIN_SIMPLIFIED, found)


def another_coin(raw: Path) -> None:
    """XRPETH's bars of a day of 2019, restamped, under BTCUSDT's name."""
    (raw / SIMPLIFIED).unlink()
    found = records(raw / THIN_BARS)
    for bar in found:
        for name in ("timestamp", "timestamp_utc"):
            bar[name] = DATE + bar[name][10:]
    put_records(raw / BARS, found)


def times_thousand(raw: Path) -> None:
    """As a chart of 1000PEPE beside PEPE."""
    for name in (BARS, SIMPLIFIED):
        found = records(raw / name)
        for bar in found:
            bar.update({price: bar[price] * 1000 for price in ("open", "high", "low", "close")})
        put_records(raw / name, found)


def every_tenth_lost(raw: Path) -> None:
    """144 of the 1440 bars are in neither export."""
    for name in (BARS, SIMPLIFIED):
        put_records(raw / name, [bar for i, bar in enumerate(records(raw / name)) if i % 10])


def no_exports(raw: Path) -> None:
    """Nothing from ATAS."""
    shutil.rmtree(raw / "atas")


# The archive


def without(*minutes: int) -> Inject:
    """Some rows are missing."""

    def inject(raw: Path) -> None:
        put_klines(raw, [row for i, row in enumerate(klines(raw)) if i not in minutes])

    return inject


def rearranged(change: Callable[[list[list[str]]], list[list[str]]]) -> Inject:
    """The rows in another order, or number."""
    return lambda raw: put_klines(raw, change(klines(raw)))


def contradicted(raw: Path) -> None:
    """Ten rows stand there twice, the second time with another volume."""
    rows = klines(raw)
    again = [list(row) for row in rows[600:610]]
    for row in again:
        row[VOLUME] = f"{float(row[VOLUME]) + 1:.3f}"
    put_klines(raw, [*rows[:610], *again, *rows[610:]])


def in_microseconds(raw: Path) -> None:
    """The afternoon's times."""

    def change(minute: int, row: list[str]) -> None:
        if minute >= 720:
            row[0], row[CLOSE_TIME] = row[0] + "000", row[CLOSE_TIME] + "999"

    edit_rows(raw, change)


def off_the_grid(raw: Path) -> None:
    """Half an hour of rows opens 14.789 s late."""

    def change(minute: int, row: list[str]) -> None:
        if 568 <= minute < 598:
            row[0], row[CLOSE_TIME] = (str(int(row[i]) + 14_789) for i in (0, CLOSE_TIME))

    edit_rows(raw, change)


def impossible(raw: Path) -> None:
    """One high below its low."""

    def change(minute: int, row: list[str]) -> None:
        if minute == 800:
            row[HIGH], row[LOW] = row[LOW], row[HIGH]

    edit_rows(raw, change)


def corrected(raw: Path) -> None:
    """The volume of one row is another, by one coin at the close."""

    def change(minute: int, row: list[str]) -> None:
        if minute == 777:
            row[VOLUME] = f"{float(row[VOLUME]) + 1:.3f}"
            row[QUOTE] = f"{float(row[QUOTE]) + float(row[CLOSE]):.4f}"

    edit_rows(raw, change)


def mark_prices(raw: Path) -> None:
    """Mark prices under the name of klines: no volume, and a count of sixty a minute."""

    def change(_: int, row: list[str]) -> None:
        row[VOLUME] = row[QUOTE] = row[TAKER] = row[TAKER_QUOTE] = "0"
        row[COUNT] = "60"

    edit_rows(raw, change)


def stamped(form: str, minutes: int) -> Callable[[Path], None]:
    """The day as a program's table, whose one stamp is so written, and so many minutes late."""

    def inject(raw: Path) -> None:
        lines = ["timestamp,open,high,low,close,volume"]
        for row in no_archive(raw):
            at = dt.datetime.fromtimestamp(int(row[0]) / 1000 + 60 * minutes, dt.UTC)
            if at.strftime("%Y-%m-%d") == DATE:
                lines.append(",".join([at.strftime(form), *row[1:6]]))
        path = raw / f"binance/fetcher/BTCUSDT_{DATE}.csv"
        path.parent.mkdir()
        path.write_text("\n".join(lines) + "\n")

    return inject


def headless(raw: Path) -> None:
    """A CSV of the perpetual without a header."""
    rows = no_archive(raw)
    text = "".join(",".join(row) + "\n" for row in rows)
    (raw / KLINES).with_suffix(".csv").write_text(text)


def wrong_checksum(raw: Path) -> None:
    """The checksum file names another digest."""
    (raw / f"{KLINES}.CHECKSUM").write_text(f"{'0' * 64}  {KLINES.split('/')[-1]}\n")


def in_contracts(raw: Path) -> None:
    """The same trades as a COIN-M archive writes them: contracts where the volume stands, base in quote."""
    rows = no_archive(raw)
    for row in rows:
        base, taker = row[VOLUME], row[TAKER]
        row[VOLUME], row[TAKER] = (
            str(round(float(row[i]) / CONTRACT_USD)) for i in (QUOTE, TAKER_QUOTE)
        )
        row[QUOTE], row[TAKER_QUOTE] = base, taker
    path = raw / f"binance/futures_cm/BTCUSD_PERP-1m-{DATE}.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD + "".join(",".join(row) + "\n" for row in rows))


def nothing(raw: Path) -> None:
    """The real day as it is."""


def outage(raw: Path) -> None:
    """Neither the exchange nor ATAS has 04:00 to 04:19."""
    without(*range(240, 260))(raw)
    for name in (BARS, SIMPLIFIED):
        put_records(
            raw / name, [b for i, b in enumerate(records(raw / name)) if not 240 <= i < 260]
        )
