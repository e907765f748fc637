"""Klines in any sensible shape: what is inferred, and that it is stated."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from adapter_suite import DAY, drop, feed_of

from pipeline.clock import MINUTE_US, day_open_us
from pipeline.config import Limits
from pipeline.layout import RawPath
from pipeline.sources.clean import CleanFeed, read_feed

CSV = "binance/spot/BTCUSDT-1m-2025-01-02.csv"
PARQUET = "binance/spot/BTCUSDT-1m-2025-01-02.parquet"
JSON = "binance/spot/BTCUSDT-1m-2025-01-02.json"
OPENED = day_open_us(DAY)
OPENS = [OPENED + i * MINUTE_US for i in range(3)]
MOMENTS = [dt.datetime(2025, 1, 2, 0, i) for i in range(3)]  # noqa: DTZ001 - naive on purpose


@pytest.fixture
def read(tmp_path: Path, governance: Path) -> Callable[[RawPath], CleanFeed]:
    """Reads one file of the day."""
    return lambda file: read_feed(feed_of("binance_1m"), [file], governance)


def stamps(found: CleanFeed) -> list[int]:
    """The minutes of the table, in us."""
    return found.table["minute_open"].cast("int64").to_pylist()


HEAD = "open,high,low,close,volume"
ROW = "2.5,2.6,2.4,2.5,7"
SEMI = "2,5;2,6;2,4;2,5;7"


@pytest.mark.parametrize(
    ("header", "row", "states"),
    [
        (f"timestamp,{HEAD}", "{iso}Z," + ROW, {"label": "open, inferred: the first stamp is 00:00"}),
        (f"timestamp,{HEAD}", "{close}Z," + ROW, {"label": "close, inferred: the first stamp is 00:01"}),
        (f"date,{HEAD}", "{iso}," + ROW, {"unit": "iso without a zone, read as UTC"}),
        (f"ts,{HEAD}", "{s}," + ROW, {"unit": "s"}),
        (f"ts,{HEAD}", "{s}.0," + ROW, {"unit": "s"}),
        (f"time,{HEAD}", "{ms}," + ROW, {"unit": "ms"}),
        (f"time,{HEAD}", "{us}," + ROW, {"unit": "us"}),
        (f"time,{HEAD}", "{us}000," + ROW, {"unit": "ns"}),
        (f"open_time,{HEAD}", "{s}," + ROW, {"label": "open, by its name"}),
        (f"datetime,{HEAD}", "{iso}+00:00," + ROW, {"unit": "iso"}),
        (f",timestamp,{HEAD}", "{n},{ms}," + ROW, {"time_from": "timestamp"}),
        (f",{HEAD}", "{ms}," + ROW, {"time_from": "the column without a name"}),
        (f"date;time;{HEAD.replace(',', ';')}", "2025-01-02;00:0{n};" + SEMI, {"decimal_mark": ","}),
        (f"Date;{HEAD.replace(',', ';')}", "{iso};" + SEMI, {"delimiter": ";"}),
        (f"date\t{HEAD.replace(',', chr(9))}", "{iso}\t" + ROW.replace(",", "\t"), {"delimiter": "\t"}),
        (f"Unix,Date,Symbol,{HEAD.title()} BTC,Volume USDT", "{s},x,BTC," + ROW + ",17", {"unit": "s"}),
        ("timestamp,o,h,l,c,v", "{ms}," + ROW, {"time_from": "timestamp"}),
        (f'"timestamp",{HEAD}', '"{ms}","2.5","2.6","2.4","2.5","7"', {"time_from": "timestamp"}),
        (None, "{ms}," + ROW, {"header": False, "time_from": "timestamp"}),
    ],
)  # fmt: skip
def test_a_csv_of_any_shape_is_three_minutes(
    tmp_path: Path, read: Callable, header: str | None, row: str, states: dict[str, str]
) -> None:
    """Same minutes, same prices; what was inferred stands in the ledger."""
    lines = [
        row.format(
            n=i,
            s=at // 1_000_000,
            ms=at // 1_000,
            us=at,
            iso=f"2025-01-02T00:0{i}:00",
            close=f"2025-01-02T00:0{i + 1}:00",
        )
        for i, at in enumerate(OPENS)
    ]
    text = "\r\n".join([header] * bool(header) + lines) + "\r\n"
    found = read(drop(tmp_path, CSV, b"\xef\xbb\xbf" + text.encode()))
    inferred = found.ledger[0]["inferred"]

    assert stamps(found) == OPENS
    assert found.table.select(["open", "high", "low", "close", "volume"]).to_pylist()[0] == {
        "open": 2.5, "high": 2.6, "low": 2.4, "close": 2.5, "volume": 7.0,
    }  # fmt: skip
    assert {key: inferred[key] for key in states} == states


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1,5", 1.5),
        ("1.5e3", 1500.0),
    ],
)
def test_thousands_and_decimal_marks(
    tmp_path: Path, read: Callable, text: str, value: float
) -> None:
    """The last mark of a number is its decimal mark."""
    body = f"open_time;open;high;low;close;volume\n1735776000000;{';'.join([text] * 5)}\n"
    found = read(drop(tmp_path, CSV, body.encode()))

    assert found.table["close"].to_pylist() == [value]


def test_the_noise_of_a_computation_is_taken_off(tmp_path: Path, read: Callable) -> None:
    """0.30000000000000004 was 0.3, and the count is in the ledger (C06)."""
    rows = ["0.1,0.4,0.1,0.3,1.5", "0.1,0.4,0.1,0.30000000000000004,1.5"]
    lines = [f"{at // 1000},{row}" for at, row in zip(OPENS, rows, strict=False)]
    found = read(
        drop(tmp_path, CSV, f"open_time,{HEAD}\n".encode() + "\n".join(lines).encode() + b"\n")
    )

    assert found.table["close"].to_pylist() == [0.3, 0.3]
    assert found.ledger[0]["notes"]["defects"] == {"C06": 1}


@pytest.mark.parametrize(
    "frame",
    [
        lambda p: pd.DataFrame({"date": MOMENTS, **p}),
        lambda p: pd.DataFrame(p, index=pd.DatetimeIndex(MOMENTS, name="timestamp")),
        lambda p: pd.DataFrame(p, index=pd.DatetimeIndex(MOMENTS, tz="UTC").tz_convert("Asia/Shanghai")),
        lambda p: pd.DataFrame({"ts": [float(at // 1_000_000) for at in OPENS], **p}),
        lambda p: pd.DataFrame({"ts": [at * 1_000 for at in OPENS], **p}),
        lambda p: pd.DataFrame({"time": [f"{m:%Y-%m-%d %H:%M}" for m in MOMENTS], **p}),
    ],
    ids=["naive", "index", "zoned index", "float", "ns", "text"],
)  # fmt: skip
def test_a_parquet_of_any_shape_is_three_minutes(
    tmp_path: Path, read: Callable, frame: Callable[[dict], pd.DataFrame]
) -> None:
    """The time in a column or in the index, of any type."""
    file = drop(tmp_path, PARQUET, b"")
    frame({name: [2.5] * 3 for name in HEAD.split(",")}).to_parquet(file.path)
    found = read(file)

    assert stamps(found) == OPENS
    assert "label" in found.ledger[0]["inferred"]


def rest(minute: int, **changes: object) -> list[object]:
    """A row as REST answers."""
    at = OPENED // 1000 + minute * 60_000
    row = {"o": "2.5", "h": "2.6", "l": "2.4", "c": "2.5", "v": "7.0"} | changes
    return [at, *row.values(), at + 59_999, "17.5", 3, "1.0", "2.5", "0"]


def test_rest_answers_page_after_page(tmp_path: Path, read: Callable) -> None:
    """Pages overlap (B18); a forming candle is dropped for what became of it (B17)."""
    rows = [rest(0), rest(1), rest(1), rest(2, h="2.5", c="2.5", v="1.0"), rest(2)]
    found = read(drop(tmp_path, JSON, json.dumps(rows).encode()))

    assert stamps(found) == OPENS
    assert found.table["volume"].to_pylist() == [7.0, 7.0, 7.0]
    assert found.table["taker_buy_volume"].to_pylist() == [1.0, 1.0, 1.0]
    assert found.ledger[0]["notes"]["defects"] == {"B18": 1}
    assert found.rejects["code"].to_pylist() == ["B17"]
    assert found.ledger[0]["lines"] == {"read": 5, "used": 3, "merged": 1, "rejected": 1}


@pytest.mark.parametrize("indent", [None, 1])
def test_a_rest_row_that_is_none_costs_itself(
    tmp_path: Path, read: Callable, indent: int | None
) -> None:
    """Too short, no number, not even an array."""
    rows = [rest(0), rest(1)[:5], rest(2, o="x"), {"code": -1121}, rest(1)]
    found = read(drop(tmp_path, JSON, json.dumps(rows, indent=indent).encode()))

    assert stamps(found) == OPENS[:2]
    assert found.rejects["line"].to_pylist() == [2, 3, 4]


def test_rest_rows_a_line(tmp_path: Path, read: Callable) -> None:
    """As `jq -c '.[]'` writes them."""
    text = "".join(json.dumps(rest(i)) + "\n" for i in range(3))

    assert stamps(read(drop(tmp_path, JSON, text.encode()))) == OPENS


def test_a_parquet_that_grows_beyond_its_limits_is_refused(
    tmp_path: Path, governance: Path
) -> None:
    """A few bytes of run lengths are not let to become gigabytes here."""
    file = drop(tmp_path, PARQUET, b"")
    ones = pa.array([1.0] * 1_900_000)
    names = ("open_time", "open", "high", "low", "close", "volume")
    pq.write_table(pa.table(dict.fromkeys(names, ones)), file.path, compression="zstd")
    tight = Limits(parquet_memory_bytes=350 << 20)
    found = read_feed(feed_of("binance_1m"), [file], governance, tight)

    assert file.path.stat().st_size < 1 << 20
    assert found.rejects["line"].to_pylist() == [0]
    assert "not Parquet that can be read" in found.rejects["reason"][0].as_py()


def test_contracts_are_read_as_base(tmp_path: Path, governance: Path) -> None:
    """COIN-M counts contracts; base volume stands in its quote column, and the ledger says so (B20)."""
    line = f"{OPENED // 1000},100,101,99,100,50,{OPENED // 1000 + 59_999},49.5,7,20,19.8,0\n"
    name = "binance/futures_cm/BTCUSD_PERP-1m-2025-01-02.csv"
    feed = feed_of("binance_1m", market="futures_cm", vendor_symbol="BTCUSD_PERP")
    found = read_feed(feed, [drop(tmp_path, name, line.encode())], governance)
    (row,) = found.table.to_pylist()

    assert (row["volume"], row["taker_buy_volume"], row["quote_volume"]) == (49.5, 19.8, 5000.0)
    assert found.ledger[0]["notes"]["defects"]["B20"] == 1
    assert found.ledger[0]["inferred"]["volume"].endswith("contracts x 100 USD")
