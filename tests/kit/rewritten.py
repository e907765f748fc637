"""A real day written in every other form in which vendors and people write it.

Belongs here: rewriting files, not changing what they say. Every function gets the raw folder.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kit.injection import BARS, COUNT, DATE, QUOTE, SIMPLIFIED, TAKER, VOLUME, no_archive, records
from kit.real_exports import HEAD, Inject, lines_of
from kit.tape_damage import TAPE

Bars = list[dict[str, Any]]
Pack = Callable[[bytes], bytes]

MARKET = "binance/futures_um"
DAY_FILE = f"{MARKET}/BTCUSDT-1m-{DATE}"
FLAT = "atas/v6_3/BTCUSDT/market_data_20250102.jsonl"
TABLE = f"binance/fetcher/BTCUSDT_{DATE}.csv"


def zstandard(text: bytes) -> bytes:
    """Packed."""
    packed: bytes = pa.compress(text, codec="zstd", asbytes=True)
    return packed


def _lines(objects: Bars, end: str = "\r\n") -> bytes:
    return "".join(json.dumps(one) + end for one in objects).encode()


# Exports of bars


def only_bars(raw: Path) -> None:
    """The simplified export is not there."""
    (raw / SIMPLIFIED).unlink()


def only_simplified(raw: Path) -> None:
    """The other export is not there."""
    (raw / BARS).unlink()


def bars_as(write: Callable[[Bars], bytes], suffix: str = "") -> Inject:
    """The bars alone, written anew."""

    def inject(raw: Path) -> None:
        only_bars(raw)
        found = records(raw / BARS)
        (raw / BARS).unlink()
        (raw / f"{BARS}{suffix}").write_bytes(write(found))

    return inject


def packed(pack: Pack) -> Callable[[Bars], bytes]:
    """Lines, compressed."""
    return lambda objects: pack(_lines(objects))


def unix(objects: Bars) -> bytes:
    """Line feeds alone, and none at the end."""
    return _lines(objects, "\n").removesuffix(b"\n")


def marked(objects: Bars) -> bytes:
    """A byte order mark, and a blank line after each hundredth."""
    return b"\xef\xbb\xbf" + b"".join(
        _lines([one]) + b"\r\n" * (number % 100 == 0) for number, one in enumerate(objects)
    )


def array(objects: Bars) -> bytes:
    """One array."""
    return json.dumps(objects).encode()


def wrapped(objects: Bars) -> bytes:
    """An array in an object."""
    return json.dumps({"data": objects}, indent=1).encode()


def pretty(objects: Bars) -> bytes:
    """JsonIndent=true."""
    return "\r\n".join(json.dumps(one, indent=2).replace("\n", "\r\n") for one in objects).encode()


def with_nan(objects: Bars) -> bytes:
    """What is not measured is a bare NaN."""
    return b"".join(
        _lines([one]).replace(b"{", b'{"poc": NaN, "oi": -Infinity, ', 1) for one in objects
    )


def versioned(version: str, *without: str) -> Callable[[Bars], bytes]:
    """Another schema version, which lacks some fields."""

    def write(objects: Bars) -> bytes:
        kept = [{k: v for k, v in one.items() if k not in without} for one in objects]
        return _lines([one | {"schema_version": version} for one in kept])

    return write


def local_time(objects: Bars) -> bytes:
    """OutputTimezone=Local: `timestamp` is printed in +08:00, `timestamp_utc` is not."""

    def local(stamp: str) -> str:
        moment = dt.datetime.fromisoformat(stamp[:19]) + dt.timedelta(hours=8)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.0000000+08:00"

    return _lines([one | {"tz": "Local", "timestamp": local(one["timestamp"])} for one in objects])


def v6_1(raw: Path) -> None:
    """A flat file, NaN for what is null, no timestamp_utc and no flush_seq, absorption nested."""
    only_simplified(raw)
    lines = []
    for bar in records(raw / SIMPLIFIED):
        kept = {
            k: v for k, v in bar.items() if k not in ("timestamp_utc", "window_id", "flush_seq")
        }
        found = {k: kept.pop(f"absorption_{k}") for k in ("detected", "strength", "side")}
        lines.append(kept | {"absorption": found, "schema_version": "v6.1"})
    (raw / SIMPLIFIED).unlink()
    (raw / FLAT).write_bytes(_lines(lines).replace(b": null", b": NaN"))


def v6_2(raw: Path) -> None:
    """No window_id and no fingerprint."""
    only_simplified(raw)
    lines = [
        {k: v for k, v in bar.items() if k not in ("window_id", "fingerprint")}
        for bar in records(raw / SIMPLIFIED)
    ]
    (raw / SIMPLIFIED).write_bytes(_lines([bar | {"schema_version": "v6.2"} for bar in lines]))


# The tape


def tape_as(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Inject:
    """Each tick with other fields."""

    def inject(raw: Path) -> None:
        for path in sorted((raw / TAPE).glob("*/ticks.jsonl")):
            path.write_bytes(_lines([change(tick) for tick in records(path)]))

    return inject


def tick_v1(tick: dict[str, Any]) -> dict[str, Any]:
    """No quantities by side, no id."""
    kept = {k: v for k, v in tick.items() if k not in ("vbuy", "vsell", "trade_id")}
    return kept | {"schema_version": "tick.v1"}


def tick_v2(tick: dict[str, Any]) -> dict[str, Any]:
    """No id."""
    return {k: v for k, v in tick.items() if k != "trade_id"} | {"schema_version": "tick.v2"}


def tick_v63(tick: dict[str, Any]) -> dict[str, Any]:
    """Buy and Sell, and what is unknown is NaN."""
    side = tick["side"].title()
    return tick_v1(tick) | {"side": side, "best_bid": float("nan"), "mid_price": float("nan")}


def one_file(raw: Path) -> None:
    """The whole day in one file."""
    paths = sorted((raw / TAPE).glob("*/ticks.jsonl"))
    whole = b"".join(path.read_bytes() for path in paths)
    for path in paths:
        path.unlink()
    (raw / TAPE / "ticks.jsonl").write_bytes(whole)


def packed_hours(suffix: str, pack: Pack) -> Inject:
    """Each hour compressed."""

    def inject(raw: Path) -> None:
        for path in sorted((raw / TAPE).glob("*/ticks.jsonl")):
            Path(f"{path}{suffix}").write_bytes(pack(path.read_bytes()))
            path.unlink()

    return inject


def batches(raw: Path) -> None:
    """V63 files up to 200 ticks under their first one's hour."""
    paths = sorted((raw / TAPE).glob("*/ticks.jsonl"))
    ticks = [line for path in paths for line in lines_of(path)]
    for path in paths:
        path.unlink()
    for start in range(0, len(ticks), 200):
        hour = json.loads(ticks[start])["ts"][11:13]
        target = raw / TAPE / hour / "ticks.jsonl"
        target.parent.mkdir(exist_ok=True)
        with open(target, "ab") as handle:
            handle.writelines(ticks[start : start + 200])


# Klines


def klines_as(name: str, write: Callable[[list[list[str]]], bytes]) -> Inject:
    """The archive's rows in another file."""

    def inject(raw: Path) -> None:
        rows = no_archive(raw)
        target = raw / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(write(rows))

    return inject


def rows_text(rows: list[list[str]], head: str = HEAD) -> bytes:
    """CSV as the archive has it."""
    return (head + "".join(",".join(row) + "\n" for row in rows)).encode()


def microseconds(rows: list[list[str]]) -> bytes:
    """As spot archives count time from 2025 on."""
    return rows_text([[row[0] + "000", *row[1:6], row[6] + "999", *row[7:]] for row in rows], "")


def month(rows: list[list[str]]) -> bytes:
    """The day among others."""
    before, after = ([str(int(rows[0][0]) + ms), *rows[0][1:]] for ms in (-60_000, 86_400_000))
    return rows_text([before, *rows, after])


def answers(rows: list[list[str]]) -> bytes:
    """As REST answers: an array of arrays."""
    numbers = (0, 6, COUNT)
    return json.dumps(
        [[int(v) if i in numbers else v for i, v in enumerate(r)] for r in rows]
    ).encode()


def answers_by_line(rows: list[list[str]]) -> bytes:
    """One array a line."""
    return b"\n".join(json.dumps(json.loads(answers([row]))[0]).encode() for row in rows) + b"\n"


def opened(row: list[str], seconds: int = 0) -> dt.datetime:
    """A row's open, or so many seconds later."""
    return dt.datetime.fromtimestamp(int(row[0]) // 1000 + seconds, dt.UTC)


def table(rows: list[list[str]]) -> dict[str, list[Any]]:
    """Columns under names that people use."""
    columns: dict[str, list[Any]] = {
        "date": [dt.datetime.fromtimestamp(int(r[0]) // 1000, dt.UTC) for r in rows]
    }
    for name, at in (("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", VOLUME)):
        columns[name] = [float(row[at]) for row in rows]
    columns["quote_asset_volume"] = [float(row[QUOTE]) for row in rows]
    columns["number_of_trades"] = [int(row[COUNT]) for row in rows]
    columns["taker_buy_base_asset_volume"] = [float(row[TAKER]) for row in rows]
    return columns


def parquet(rows: list[list[str]]) -> bytes:
    """A frame as pandas keeps it."""
    sink = io.BytesIO()
    pq.write_table(pa.table(table(rows)), sink)
    return sink.getvalue()


def spreadsheet(rows: list[list[str]]) -> bytes:
    """Semicolons, decimal commas, a byte order mark, quoted text, an index column."""
    columns = table(rows)
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=";", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["", *columns])
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        stamp = f"{row[0]:%Y-%m-%d %H:%M:%S}"
        writer.writerow([number, stamp, *(repr(v).replace(".", ",") for v in row[1:])])
    return b"\xef\xbb\xbf" + sink.getvalue().encode()


def fetcher(rows: list[list[str]]) -> bytes:
    """The user's own fetcher."""
    head = "open_time_ms,open,high,low,close,volume,timestamp,minute_open,minute_close\n"
    lines = [
        ",".join([row[0], *row[1:6], str(int(row[0]) + 60_000), row[0], str(int(row[0]) + 59_999)])
        for row in rows
    ]
    return (head + "\n".join(lines) + "\n").encode()


def old_fetcher(rows: list[list[str]]) -> bytes:
    """Its older form: the close's stamp alone."""
    lines = [",".join([f"{opened(row, 60):%Y-%m-%dT%H:%M:%SZ}", *row[1:6]]) for row in rows]
    return ("timestamp,open,high,low,close,volume\n" + "\n".join(lines) + "\n").encode()


GZIP: Pack = gzip.compress
