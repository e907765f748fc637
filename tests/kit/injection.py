"""Damage to the raw files of a sample day, one defect each: what `kitchen sample --defect` does not make.

Every function gets the raw folder of a flawless day of 2025-01-02 and edits vendor files in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATE = "2025-01-02"
MIDNIGHT_MS = 1735776000000
KLINES = f"binance/futures_um/BTCUSDT-1m-{DATE}.zip"
BARS = f"atas/bars_1m/BTCUSDT/date={DATE}/bars_1m.jsonl"
SIMPLIFIED = f"atas/v6_3/BTCUSDT/date={DATE}/bar_20250102.jsonl"
TICKS = f"atas/ticks/BTCUSDT/date={DATE}"
OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME, QUOTE, COUNT, TAKER, TAKER_QUOTE = range(1, 11)

Row = list[str]


def klines(raw: Path) -> list[Row]:
    """The rows of the day's archive."""
    with zipfile.ZipFile(raw / KLINES) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    return [row for row in csv.reader(io.StringIO(text)) if row[0].isdigit()]


def put_klines(raw: Path, rows: list[Row]) -> None:
    """The archive with other rows, and a checksum file that is right."""
    head = "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    head += "taker_buy_volume,taker_buy_quote_volume,ignore\n"
    text = head + "".join(",".join(row) + "\n" for row in rows)
    with zipfile.ZipFile(raw / KLINES, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"BTCUSDT-1m-{DATE}.csv", text)
    digest = hashlib.sha256((raw / KLINES).read_bytes()).hexdigest()
    (raw / f"{KLINES}.CHECKSUM").write_text(f"{digest}  {KLINES.split('/')[-1]}\n")


def no_archive(raw: Path) -> list[Row]:
    """Takes the archive away, and returns its rows."""
    rows = klines(raw)
    (raw / KLINES).unlink()
    (raw / f"{KLINES}.CHECKSUM").unlink()
    return rows


def edit_rows(raw: Path, change: Callable[[int, Row], Any]) -> None:
    """Changes rows in place."""
    rows = klines(raw)
    for minute, row in enumerate(rows):
        change(minute, row)
    put_klines(raw, rows)


def records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def put_records(path: Path, lines: list[dict[str, Any]]) -> None:
    """A JSONL file of objects."""
    path.write_bytes(b"".join(json.dumps(line).encode() + b"\r\n" for line in lines))


def edit_bars(raw: Path, change: Callable[[int, dict[str, Any]], Any]) -> None:
    """Changes bars of both exports in place."""
    for name in (BARS, SIMPLIFIED):
        lines = records(raw / name)
        for place, line in enumerate(lines):
            change(place, line)
        put_records(raw / name, lines)


def moved(minutes: int) -> Callable[[Path], None]:
    """Bars whose stamps are so many minutes late; without ticks, which would tell."""

    def inject(raw: Path) -> None:
        drop_ticks(raw)
        edit_bars(raw, lambda _, bar: bar.update(_restamped(bar, minutes)))

    return inject


def _restamped(bar: dict[str, Any], minutes: int) -> dict[str, str]:
    import datetime as dt

    names = [name for name in ("timestamp", "timestamp_utc", "window_id") if name in bar]
    moment = dt.datetime.fromisoformat(bar["timestamp"][:19]) + dt.timedelta(minutes=minutes)
    return {name: f"{moment:%Y-%m-%dT%H:%M:%S}{bar[name][19:]}" for name in names}


def drop_ticks(raw: Path) -> None:
    """No tape."""
    for path in (raw / TICKS).glob("*/ticks.jsonl"):
        path.unlink()


def flow(factor: float) -> Callable[[Path], None]:
    """Vbuy of 100 bars times a factor; without ticks and the other export."""

    def change(place: int, bar: dict[str, Any]) -> None:
        if 100 <= place < 200 and "vbuy" in bar:
            bar["vbuy"] = round(bar["volume"] * factor, 3)
            bar["vsell"] = 0.0

    def inject(raw: Path) -> None:
        drop_ticks(raw)
        edit_bars(raw, change)

    return inject


def huge_cvd(raw: Path) -> None:
    """A live exporter that adds the whole delta again on each tick."""
    drop_ticks(raw)
    edit_bars(raw, lambda i, bar: bar.update(cvd=bar["cvd"] + (1e6 if i % 2 else 0)))


def part_alone(raw: Path) -> None:
    """Killed before the rename."""
    (raw / BARS).rename(raw / f"{BARS}.part")


def last_bar_lost(raw: Path) -> None:
    """The last minute of the run was never flushed."""
    for name in (BARS, SIMPLIFIED):
        put_records(raw / name, records(raw / name)[:-1])


def wrong_hour(raw: Path) -> None:
    """A batch of seven ticks filed under its first tick's hour."""
    four, five = (raw / TICKS / f"0{hour}/ticks.jsonl" for hour in (4, 5))
    late = records(five)
    put_records(four, records(four) + late[:7])
    put_records(five, late[7:])


def five_minute_chart(raw: Path) -> None:
    """Bars every five minutes."""
    drop_ticks(raw)
    for name in (BARS, SIMPLIFIED):
        kept = [b for b in records(raw / name) if int(b["timestamp"][14:16]) % 5 == 0]
        put_records(raw / name, kept)


def stalled(raw: Path) -> None:
    """Half an hour of one price."""
    drop_ticks(raw)

    def change(place: int, bar: dict[str, Any]) -> None:
        if bar["timestamp"][11:13] == "10" and int(bar["timestamp"][14:16]) < 30:
            bar.update(dict.fromkeys(("open", "high", "low", "close"), 50_000.0))

    edit_bars(raw, change)


def coarse(raw: Path) -> None:
    """Prices to a step of 1 where the exchange's is 0.1."""
    drop_ticks(raw)
    prices = ("open", "high", "low", "close")
    edit_bars(raw, lambda _, bar: bar.update({name: float(round(bar[name])) for name in prices}))


def two_versions(raw: Path) -> None:
    """The exporter was updated during the day."""
    lines = records(raw / BARS)
    for line in lines[-100:]:
        line["schema_version"] = "bar_1m.v6_6"
    put_records(raw / BARS, lines)


def no_klines(raw: Path) -> None:
    """The archive never came."""
    no_archive(raw)


def monthly_without_the_day(raw: Path) -> None:
    """One minute is missing, and the month cannot fill it."""
    rows = klines(raw)
    del rows[100]
    put_klines(raw, rows)
    _month(raw, [[str(int(row[0]) + 86_400_000), *row[1:]] for row in rows])


def monthly_differs(raw: Path) -> None:
    """The month fills one minute, and contradicts three."""
    rows = klines(raw)
    put_klines(raw, rows[:100] + rows[101:])
    for row in rows[500:503]:
        row[VOLUME], row[QUOTE] = (f"{2 * float(row[column])}" for column in (VOLUME, QUOTE))
    _month(raw, rows)


def _month(raw: Path, rows: list[Row]) -> None:
    text = "".join(",".join(row) + "\n" for row in rows)
    (raw / "binance/futures_um/BTCUSDT-1m-2025-01.csv").write_text(text)


def quiet(row: Row, price: str) -> None:
    """A minute without a trade."""
    for column in (OPEN, HIGH, LOW, CLOSE):
        row[column] = price
    for column in (VOLUME, QUOTE, COUNT, TAKER, TAKER_QUOTE):
        row[column] = "0"


def silent_archive(raw: Path) -> None:
    """Ten minutes without volume in which ATAS saw trades."""
    edit_rows(raw, lambda i, row: quiet(row, row[CLOSE]) if 600 <= i < 610 else None)


def other_closes(raw: Path) -> None:
    """Five closes that ATAS did not see."""

    def change(minute: int, row: Row) -> None:
        if minute in range(700, 705):
            row[CLOSE] = row[HIGH] = f"{float(row[HIGH]) + 0.5:.2f}"

    edit_rows(raw, change)


def close_times_cut(raw: Path) -> None:
    """As before an outage."""

    def change(minute: int, row: Row) -> None:
        if minute in range(50, 54):
            row[CLOSE_TIME] = str(int(row[CLOSE_TIME]) - 20_000)

    edit_rows(raw, change)


def _answers(rows: list[Row]) -> list[list[Any]]:
    whole = (0, CLOSE_TIME, COUNT)
    return [[int(v) if i in whole else v for i, v in enumerate(row)] for row in rows]


def rest(forming: bool) -> Callable[[Path], None]:
    """Answers of the REST interface, page after page."""

    def inject(raw: Path) -> None:
        rows = _answers(no_archive(raw))
        again = list(rows[1000])
        if forming:
            again[VOLUME], again[HIGH], again[LOW] = "0.001", again[OPEN], again[OPEN]
            again[CLOSE], again[TAKER], again[TAKER_QUOTE] = again[OPEN], "0", "0"
        pages = [*rows[:1000], again, *rows[1000:]]
        name = f"binance/futures_um/BTCUSDT-1m-{DATE}.json"
        (raw / name).write_text(json.dumps(pages))

    return inject


def wicks(count: int, factor: float) -> Callable[[Path], None]:
    """Highs far above everything else."""

    def change(minute: int, row: Row) -> None:
        if minute % 100 == 50 and minute // 100 < count:
            row[HIGH] = f"{float(row[HIGH]) * factor:.2f}"

    return lambda raw: edit_rows(raw, change)


def never_traded(raw: Path) -> None:
    """Zero rows all day."""
    price = klines(raw)[0][OPEN]
    edit_rows(raw, lambda _, row: quiet(row, price))


def copies(raw: Path) -> None:
    """Five bars that repeat the one before, volume and all."""
    rows = klines(raw)
    for minute in range(801, 806):
        rows[minute][OPEN:CLOSE_TIME] = rows[800][OPEN:CLOSE_TIME]
        rows[minute][QUOTE:] = rows[800][QUOTE:]
    put_klines(raw, rows)


def frozen(raw: Path) -> None:
    """Seventy traded minutes at one price."""
    rows = klines(raw)
    for minute in range(200, 270):
        rows[minute][OPEN:VOLUME] = [rows[200][OPEN]] * 4
        rows[minute][VOLUME] = f"{1 + minute / 1000:.3f}"
        rows[minute][TAKER] = rows[minute][TAKER_QUOTE] = "0"
        rows[minute][QUOTE] = f"{float(rows[200][OPEN]) * (1 + minute / 1000):.8f}"
    put_klines(raw, rows)


def without_zone(raw: Path) -> None:
    """The last fifty stamps say no zone."""
    lines = records(raw / BARS)
    for line in lines[-50:]:
        for name in ("timestamp", "timestamp_utc"):
            line[name] = line[name].removesuffix("Z")
    put_records(raw / BARS, lines)


def noisy_csv(raw: Path) -> None:
    """A program's CSV, three of whose closes carry the noise of a computation."""
    rows = no_archive(raw)
    lines = ["open_time_ms,open,high,low,close,volume"]
    for minute, row in enumerate(rows):
        numbers = [repr(float(value)) for value in row[OPEN:CLOSE_TIME]]
        if minute in (10, 20, 30):
            numbers[4] = repr(float(numbers[4])) + "0000000001"
        lines.append(",".join([row[0], *numbers]))
    path = raw / f"binance/fetcher/BTCUSDT_{DATE}.csv"
    path.parent.mkdir()
    path.write_text("\n".join(lines) + "\n")


def next_midnight(raw: Path) -> None:
    """The first minute of the next day stands in the file too."""
    rows = klines(raw)
    tail = list(rows[-1])
    tail[0], tail[CLOSE_TIME] = (str(int(tail[i]) + 60_000) for i in (0, CLOSE_TIME))
    put_klines(raw, [*rows, tail])


def thin(raw: Path) -> None:
    """A hundred minutes are too few to know the offset."""
    drop_ticks(raw)
    for name in (BARS, SIMPLIFIED):
        put_records(raw / name, records(raw / name)[:100])
