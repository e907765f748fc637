"""Klines in any sensible shape: what is inferred, and that it is stated."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.adapter_suite import DAY, drop, feed_of
from kit.shipped import RULES
from pipeline.clock import MINUTE_US, day_open_us
from pipeline.contracts.ledger import Lines
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.klines.column_names import FIELDS

CSV = "binance/spot/BTCUSDT-1m-2025-01-02.csv"
PARQUET = "binance/spot/BTCUSDT-1m-2025-01-02.parquet"
JSON = "binance/spot/BTCUSDT-1m-2025-01-02.json"
OPENED = day_open_us(DAY)
OPENS = [OPENED + i * MINUTE_US for i in range(3)]
MOMENTS = [dt.datetime(2025, 1, 2, 0, i) for i in range(3)]  # noqa: DTZ001 - naive on purpose


@pytest.fixture
def read(tmp_path: Path) -> Callable[[RawPath], CleanFeed]:
    """Reads one file of the day."""
    return lambda file: read_feed(feed_of("binance_1m"), [file], RULES)


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
    inferred = found.ledger[0].inferred

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
    assert found.ledger[0].notes["defects"] == {"C06": 1}


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
    assert "label" in found.ledger[0].inferred


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
    assert found.ledger[0].notes["defects"] == {"B18": 1}
    assert found.rejects["code"].to_pylist() == ["B17"]
    assert found.ledger[0].lines == Lines(read=5, used=3, merged=1, rejected=1)


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


def test_a_parquet_that_grows_beyond_its_limits_is_refused(tmp_path: Path) -> None:
    """A few bytes of run lengths are not let to become gigabytes here."""
    file = drop(tmp_path, PARQUET, b"")
    ones = pa.array([1.0] * 1_900_000)
    names = ("open_time", "open", "high", "low", "close", "volume")
    pq.write_table(pa.table(dict.fromkeys(names, ones)), file.path, compression="zstd")
    tight = Limits(parquet_memory_bytes=350 << 20, kline_rows=2_000_000)
    found = read_feed(feed_of("binance_1m"), [file], RULES, tight)

    assert file.path.stat().st_size < 1 << 20
    assert found.rejects["line"].to_pylist() == [0]
    assert "not Parquet that can be read" in found.rejects["reason"][0].as_py()


def test_contracts_are_read_as_base(tmp_path: Path) -> None:
    """COIN-M counts contracts; base volume stands in its quote column, and the ledger says so (B20)."""
    line = f"{OPENED // 1000},100,101,99,100,50,{OPENED // 1000 + 59_999},49.5,7,20,19.8,0\n"
    name = "binance/futures_cm/BTCUSD_PERP-1m-2025-01-02.csv"
    feed = feed_of("binance_1m", market="futures_cm", vendor_symbol="BTCUSD_PERP")
    found = read_feed(feed, [drop(tmp_path, name, line.encode())], RULES)
    (row,) = found.table.to_pylist()

    assert (row["volume"], row["taker_buy_volume"], row["quote_volume"]) == (49.5, 19.8, 5000.0)
    assert found.ledger[0].notes["defects"]["B20"] == 1
    assert found.ledger[0].inferred["volume"].endswith("contracts x 100 USD")


NAMES = ["open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades"]
VALUES = [
    [at // 1000, 2.5 + i, 2.75 + i, 2.25 + i, 2.5 + i, 7 + i, (7 + i) * (2.5 + i), 3]
    for i, at in enumerate(OPENS)
]


def as_csv(names: list[str], rows: list[list[object]]) -> tuple[str, bytes]:
    """A table in the form, and under which name it lies."""
    lines = [names, *rows]
    return CSV, "".join(",".join(map(str, line)) + "\n" for line in lines).encode()


def as_objects(names: list[str], rows: list[list[object]]) -> tuple[str, bytes]:
    """As `as_csv`."""
    return JSON, json.dumps([dict(zip(names, row, strict=True)) for row in rows]).encode()


def as_lines(names: list[str], rows: list[list[object]]) -> tuple[str, bytes]:
    """As `as_csv`."""
    text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    return JSON, text.encode()


def as_parquet(names: list[str], rows: list[list[object]]) -> tuple[str, bytes]:
    """As `as_csv`."""
    target = io.BytesIO()
    columns = list(zip(*rows, strict=True))
    pq.write_table(pa.table({n: list(c) for n, c in zip(names, columns, strict=True)}), target)
    return PARQUET, target.getvalue()


FORMATS = [as_csv, as_objects, as_lines, as_parquet]
Write = Callable[[list[str], list[list[object]]], tuple[str, bytes]]


def reordered(names: list[str], order: list[int]) -> tuple[list[str], list[list[object]]]:
    """The table with its columns in another order."""
    return [names[at] for at in order], [[row[at] for at in order] for row in VALUES]


@pytest.mark.parametrize("write", FORMATS)
def test_names_are_the_same_in_every_format(tmp_path: Path, write: Write) -> None:
    """Columns in any order under any alias: the same minutes with the same values."""
    fields = [*NAMES[1:6], "quote_volume", "trades"]
    few = 4 if write is as_parquet else 25

    @settings(max_examples=few, deadline=None)
    @given(
        st.permutations(range(len(NAMES))),
        st.tuples(*(st.sampled_from([a for a in FIELDS[f] if len(a) > 1]) for f in fields)),
    )
    def holds(order: list[int], aliases: tuple[str, ...]) -> None:
        name, data = write(*reordered(["openTime", *aliases], list(order)))
        found = read_feed(feed_of("binance_1m"), [drop(tmp_path, name, data)], RULES)

        assert stamps(found) == OPENS
        for field, column in zip(fields, list(zip(*VALUES, strict=True))[1:], strict=True):
            assert found.table[field].to_pylist() == list(column)

    holds()


def with_symbol(symbols: list[str]) -> tuple[list[str], list[list[object]]]:
    """Each row once for each symbol, the second and further ones at other prices."""
    rows = [
        [symbol, row[0], *(float(v) * (1 + n) for v in row[1:6])]
        for row in VALUES
        for n, symbol in enumerate(symbols)
    ]
    return ["symbol", *NAMES[:6]], rows


@pytest.mark.parametrize("write", FORMATS)
def test_other_symbols_are_counted_beside(tmp_path: Path, read: Callable, write: Write) -> None:
    """They are not read, not rejected, and whose the rows are stands in the ledger."""
    found = read(drop(tmp_path, *write(*with_symbol(["BTC/USDT", "ETHUSDT", "BTCUSDT.P"]))))
    (entry,) = found.ledger

    assert found.table["close"].to_pylist() == [2.5, 3.5, 4.5]
    assert entry.lines == Lines(read=3, used=3, merged=0, rejected=0)
    assert entry.other_symbols == 6
    assert entry.inferred["symbols"] == ["BTC/USDT"]


@pytest.mark.parametrize("write", FORMATS)
def test_a_table_of_another_symbol_is_refused(tmp_path: Path, read: Callable, write: Write) -> None:
    """And the reason says whose rows it has."""
    found = read(drop(tmp_path, *write(*with_symbol(["ETHUSDT", "SOLUSDT"]))))
    (row,) = found.rejects.to_pylist()

    assert (found.table.num_rows, row["line"], row["code"]) == (0, 0, "A22")
    assert "ETHUSDT (3 rows), SOLUSDT (3 rows); wanted BTCUSDT" in row["reason"]


def test_a_symbol_column_without_a_name_is_none(tmp_path: Path, read: Callable) -> None:
    """Empty throughout: there is nothing to obey; empty in one row: nobody knows whose it is."""
    names, rows = with_symbol([""])
    one = read(drop(tmp_path, *as_csv(names, rows)))
    names, rows = with_symbol(["BTCUSDT"])
    rows[1][0] = ""
    two = read(drop(tmp_path, *as_csv(names, rows)))

    assert one.table.num_rows == 3
    assert (two.table.num_rows, two.rejects["line"].to_pylist()) == (2, [3])


@pytest.mark.parametrize("lines", [1, 5])
def test_text_before_the_header_costs_nothing(tmp_path: Path, read: Callable, lines: int) -> None:
    """An address, a title, a blank line: counted beside; the header again, where files were joined, too."""
    name, data = as_csv(NAMES, VALUES)
    head, *rows = data.splitlines(keepends=True)
    text = b"".join(b"https://example.com, a title; of 12,345 lines\n" for _ in range(lines))
    found = read(
        drop(tmp_path, name, text + b"\n" + head + rows[0] + b"\xef\xbb\xbf" + head + rows[1])
    )
    (entry,) = found.ledger

    assert found.table["line"].to_pylist() == [lines + 3, lines + 5]
    assert entry.lines == Lines(read=2, used=2, merged=0, rejected=0)
    assert (entry.ignored, entry.blank_lines) == (lines + 1, 1)


def test_more_text_than_that_is_set_aside(tmp_path: Path, read: Callable) -> None:
    """Six lines may be rows that were damaged."""
    name, data = as_csv(NAMES, VALUES)
    found = read(drop(tmp_path, name, b"what\n" * 6 + data))

    assert (found.table.num_rows, found.rejects["code"].to_pylist()) == (3, ["B02"] * 6)
    assert found.ledger[0].ignored == 0


@pytest.mark.parametrize("comment", [b"# kept by hand\n", b"https://example.com/1735776000000\n"])
@pytest.mark.parametrize("width", [6, 12])
def test_a_comment_before_rows_without_a_header(
    tmp_path: Path, read: Callable, width: int, comment: bytes
) -> None:
    """What says of itself that it is no row is none."""
    rows = [[*row[:6], row[0] + 59_999, row[6], 3, 1, 2.5, 0][:width] for row in VALUES]
    _, data = as_csv([], rows)
    found = read(drop(tmp_path, CSV, comment + data.lstrip()))

    assert stamps(found) == OPENS
    assert (found.rejects.num_rows, found.ledger[0].ignored) == (0, 1)


@pytest.mark.parametrize(
    "header",
    [
        "time,open,high,low,close,volume_sma",
        "open_time,a,b,c,d,e,f,g,h,i,j,k",
        "open_time,open,high,low,close,volume_eth,close_time,volume_usdt,count,b,q,ignore",
    ],
)
def test_a_header_that_lacks_a_name_is_not_read_by_places(
    tmp_path: Path, read: Callable, header: str
) -> None:
    """Six or twelve columns with names are read by them or not at all."""
    width = header.count(",") + 1
    rows = [[*row[:6], row[0] + 59_999, row[6], 3, 1, 2.5, 0][:width] for row in VALUES]
    found = read(drop(tmp_path, *as_csv(header.split(","), rows)))
    (row,) = found.rejects.to_pylist()

    assert (found.table.num_rows, row["line"], row["code"]) == (0, 0, "B02")
    assert f"columns {header.replace(',', ', ')}; wanted" in row["reason"]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize(
    ("late", "edge"),
    [(59_999, "open"), (59_000, "open"), (60_000, "open"), (-1, "close"), (0, "close")],
)
def test_a_close_time_says_which_edge_is_stamped(
    tmp_path: Path, read: Callable, write: Write, late: int, edge: str
) -> None:
    """Its end, the last millisecond or second; a time without a meaning of its own is held against it."""
    shift = 0 if edge == "open" else 60_000
    rows = [[row[0] + shift, row[0] + shift + late, *row[1:6]] for row in VALUES]
    found = read(drop(tmp_path, *write(["timestamp", "closeTime", *NAMES[1:6]], rows)))

    assert stamps(found) == OPENS
    assert found.ledger[0].inferred["label"] == f"{edge}, by closetime beside it"
    assert found.table["flags"].to_pylist() == [0, 0, 0]


def test_a_close_time_cut_short_is_flagged(tmp_path: Path, read: Callable) -> None:
    """B14, as in an archive: the row stays. One that is missing costs nothing."""
    ends = [30_000, 59_999, 59_999]
    rows = [[row[0], row[0] + end, *row[1:6]] for row, end in zip(VALUES, ends, strict=True)]
    rows[2][1] = ""
    found = read(drop(tmp_path, *as_csv(["open_time", "close_time", *NAMES[1:6]], rows)))

    assert found.table["flags"].to_pylist() == [1 << 6, 0, 0]
    assert found.ledger[0].notes["defects"] == {"B14": 1}


@pytest.mark.parametrize("time", ["open_time", "timestamp"])
def test_open_and_close_times_that_contradict_are_refused(
    tmp_path: Path, read: Callable, time: str
) -> None:
    """Rows of five minutes, or a clock of another zone in one of the two."""
    rows = [[row[0], row[0] + 299_999, *row[1:6]] for row in VALUES]
    found = read(drop(tmp_path, *as_csv([time, "close_time", *NAMES[1:6]], rows)))
    (row,) = found.rejects.to_pylist()

    assert (found.table.num_rows, row["line"], row["code"]) == (0, 0, "C05")
    assert f"close_time is 299.999 s after {time} in most rows; wanted 60 s" in row["reason"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai", "+08:00"])
def test_parquet_instants_of_any_unit(
    tmp_path: Path, read: Callable, unit: str, zone: str | None
) -> None:
    """Naive or with a zone; the close may be the last nanosecond."""
    per = {"s": 1_000_000, "ms": 1_000, "us": 1}
    ticks = [at // per[unit] if unit != "ns" else at * 1000 for at in OPENS]
    minute = 60_000_000 // per[unit] if unit != "ns" else 60_000_000_000
    kind = pa.timestamp(unit, zone)
    columns = {
        "open_time": pa.array(ticks).cast(kind),
        "close_time": pa.array([tick + minute - 1 for tick in ticks]).cast(kind),
        **{name: [2.5] * 3 for name in HEAD.split(",")},
    }
    file = drop(tmp_path, PARQUET, b"")
    pq.write_table(pa.table(columns), file.path)
    found = read(file)

    assert stamps(found) == OPENS
    assert found.table["flags"].to_pylist() == [0, 0, 0]
    wanted = "iso" if zone else "iso without a zone, read as UTC"
    assert found.ledger[0].inferred["unit"] == wanted


def test_parquet_instants_that_no_calendar_has_cost_their_rows(
    tmp_path: Path, read: Callable
) -> None:
    """The others are used, and nothing breaks."""
    ticks = [OPENS[0] // 1_000, 2**60, None]
    columns = {
        "open_time": pa.array(ticks).cast(pa.timestamp("ms")),
        **{n: [2.5] * 3 for n in HEAD.split(",")},
    }
    file = drop(tmp_path, PARQUET, b"")
    pq.write_table(pa.table(columns), file.path)
    found = read(file)

    assert (stamps(found), found.rejects["line"].to_pylist()) == (OPENS[:1], [2, 3])


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.decimal128(18, 8), pa.string()])
def test_parquet_numbers_are_their_shortest_decimals(
    tmp_path: Path, read: Callable, kind: pa.DataType
) -> None:
    """94627.53 in float32 is not 94627.53125."""
    price = pa.array(["94627.53"]).cast(pa.float64()).cast(kind)
    columns = {"open_time": [OPENS[0]], **dict.fromkeys(HEAD.split(","), price)}
    file = drop(tmp_path, PARQUET, b"")
    pq.write_table(pa.table(columns), file.path)

    assert read(file).table["close"].to_pylist() == [94627.53]


@pytest.mark.parametrize(
    ("rows", "ignored"),
    [
        ([row[:6] for row in VALUES], None),
        ([[*map(str, row[:6])] for row in VALUES], None),
        ([[*row[:6], 1, 2] for row in VALUES], ["column 7", "column 8"]),
    ],
)
@pytest.mark.parametrize("wrap", ["array", "data", "lines"])
def test_arrays_without_names(
    tmp_path: Path, read: Callable, rows: list[list[object]], ignored: list[str] | None, wrap: str
) -> None:
    """Time, four prices, volume, as ccxt keeps them: what stands behind has no meaning."""
    text = {
        "array": json.dumps(rows),
        "data": json.dumps({"data": rows}),
        "lines": "".join(json.dumps(row) + "\n" for row in rows),
    }
    found = read(drop(tmp_path, JSON, text[wrap].encode()))
    inferred = found.ledger[0].inferred

    assert (stamps(found), found.rejects.num_rows) == (OPENS, 0)
    assert found.table["volume"].to_pylist() == [7, 8, 9]
    assert inferred.get("ignored_columns") == ignored
    assert inferred["columns"].startswith("assumed, without names")


def test_a_json_row_that_is_none_costs_itself(tmp_path: Path, read: Callable) -> None:
    """Too short, no object, no number, not JSON."""
    good = [dict(zip(NAMES, row, strict=True)) for row in VALUES]
    bad = ['{"open_time": 1', "[1, 2]", "7", json.dumps(good[1] | {"high": True})]
    lines = [json.dumps(good[0]), *bad, json.dumps(good[2])]
    found = read(drop(tmp_path, JSON, "".join(line + "\n" for line in lines).encode()))

    assert stamps(found) == [OPENS[0], OPENS[2]]
    assert found.rejects["line"].to_pylist() == [2, 3, 4, 5]


@pytest.mark.parametrize("text", ['[{"a": 1}]', "[]", "[[1, 2]]", '{"code": -1121}', '["a"]'])
def test_json_that_is_no_table_is_refused_in_a_sentence(
    tmp_path: Path, read: Callable, text: str
) -> None:
    """What it has and what was wanted."""
    found = read(drop(tmp_path, JSON, text.encode()))

    assert found.table.num_rows == 0
    assert [row["code"] for row in found.rejects.to_pylist()] == ["B02"] * (text != "[]")
    assert all("wanted" in row["reason"] for row in found.rejects.to_pylist())


@pytest.mark.parametrize(
    "form", ["{d:%d.%m.%Y %H:%M}", "{d.month}/{d.day}/{d.year} {d.hour}:{d:%M}:00"]
)
def test_dates_of_other_countries(tmp_path: Path, read: Callable, form: str) -> None:
    """The day in the file's name is among the dates in one order alone."""
    rows = [[form.format(d=m), *row[1:6]] for m, row in zip(MOMENTS, VALUES, strict=True)]
    found = read(drop(tmp_path, *as_csv(["date", *NAMES[1:6]], rows)))

    assert stamps(found) == OPENS
    assert "first, told by" in found.ledger[0].inferred["dates"]


def test_a_date_that_could_be_two_is_refused(tmp_path: Path, read: Callable) -> None:
    """The reason quotes the first line's own stamp."""
    rows = [[f"05/06/2025 00:0{i}", *row[1:6]] for i, row in enumerate(VALUES)]
    found = read(drop(tmp_path, *as_csv(["date", *NAMES[1:6]], rows)))
    (row,) = found.rejects.to_pylist()

    assert (row["line"], row["code"]) == (0, "C05")
    assert f"{CSV}:2: '05/06/2025 00:00': which is the day" in row["reason"]


@pytest.mark.parametrize(
    "names",
    [
        "open_time,open,high,low,close,volume,close_time,qav,num_trades,taker_base_vol,taker_quote_vol,ignore",
        "timestamp,open,high,low,close,volume,close_time,quote_av,trades,tb_base_av,tb_quote_av,ignore",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_contracts_are_base_under_any_names(tmp_path: Path, names: str, delimiter: str) -> None:
    """COIN-M in a table of people's names: its volume counts contracts all the same."""
    at = OPENED // 1000
    line = f"{at},100,101,99,100,50,{at + 59_999},49.5,7,20,19.8,0"
    data = f"{names}\n{line}\n".replace(",", delimiter)
    feed = feed_of("binance_1m", market="futures_cm", vendor_symbol="BTCUSD_PERP")
    file = drop(tmp_path, "binance/futures_cm/BTCUSD_PERP-1m-2025-01-02.csv", data.encode())
    (row,) = read_feed(feed, [file], RULES).table.to_pylist()

    assert (row["volume"], row["taker_buy_volume"], row["quote_volume"]) == (49.5, 19.8, 5000.0)


@pytest.mark.parametrize("write", [as_csv, as_lines])
def test_a_table_of_too_many_rows_is_refused(tmp_path: Path, write: Write) -> None:
    """It would stand in memory as a whole; a limit's own number is accepted."""
    file = drop(tmp_path, *write(NAMES, VALUES))
    for most, rows in ((4, 3), (2, 0)):
        found = read_feed(feed_of("binance_1m"), [file], RULES, Limits(kline_rows=most))

        assert found.table.num_rows == rows
        assert found.rejects.num_rows == (rows == 0)
