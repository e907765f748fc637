"""The exchange's own trades in every form: archives of three markets, Parquet, REST answers, recordings."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kit.adapter_suite import AdapterSuite, drop, feed_of
from kit.shipped import RULES
from pipeline.contracts.ledger import Lines
from pipeline.sources.binance.trades import BINANCE_AGG_TRADES, BINANCE_TRADES
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.registry import adapter_for, claimant

OPEN_MS = 1_735_776_000_000
FUTURES = b"id,price,qty,quote_qty,time,is_buyer_maker"
SPOT = b"id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"
COIN_M = b"id,price,qty,base_qty,time,is_buyer_maker"
AGGREGATED = (
    b"agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
)


def trade(number: int, **changes: Any) -> bytes:
    """A line as spot archives write it, the i-th second of the day; None leaves the column out."""
    values: dict[str, Any] = {
        "id": 4_361_451_942 + number,
        "price": "94591.78000000",
        "qty": f"0.0{number + 1}500000",
        "quote": "14.18876700",
        "time": (OPEN_MS + number * 1000) * 1000 + 701,
        "maker": "True",
        "best": "True",
    } | changes
    return ",".join(str(v) for v in values.values() if v is not None).encode()


def aggregate(number: int, **changes: Any) -> bytes:
    """A line as USD-M archives write it."""
    values: dict[str, Any] = {
        "id": 2_531_000_000 + number,
        "price": "94591.7",
        "qty": f"0.{number + 1:03}",
        "first": 5_782_000_000 + 3 * number,
        "last": 5_782_000_002 + 3 * number,
        "time": OPEN_MS + number * 1000,
        "maker": "true",
    } | changes
    return ",".join(str(v) for v in values.values() if v is not None).encode()


def text(*lines: bytes) -> bytes:
    """Lines as a file."""
    return b"".join(line + b"\n" for line in lines)


def columns(found: CleanFeed, *names: str) -> list[tuple[Any, ...]]:
    """Columns of the clean table, row by row."""
    return list(zip(*(found.table[name].to_pylist() for name in names), strict=True))


class TestBinanceTrades(AdapterSuite):
    """Spot without a header."""

    adapter = BINANCE_TRADES
    feed = feed_of("binance_trades")
    name = "binance/spot/BTCUSDT-trades-2025-01-02.csv"
    good_lines = tuple(trade(number) for number in range(6))
    foreign = text(aggregate(0))


class TestBinanceTradesWithHeader(AdapterSuite):
    """USD-M with its header."""

    adapter = BINANCE_TRADES
    feed = feed_of("binance_trades", market="futures_um")
    name = "binance/futures_um/BTCUSDT-trades-2025-01-02.csv"
    header = FUTURES
    good_lines = tuple(trade(n, time=OPEN_MS + n, maker="false", best=None) for n in range(6))


class TestBinanceAggTrades(AdapterSuite):
    """USD-M aggregates with their header."""

    adapter = BINANCE_AGG_TRADES
    feed = feed_of("binance_agg_trades", market="futures_um")
    name = "binance/futures_um/BTCUSDT-aggTrades-2025-01-02.csv"
    header = AGGREGATED
    good_lines = tuple(aggregate(number) for number in range(6))
    foreign = text(trade(0))


class TestRecordedTrades(AdapterSuite):
    """A recording of the stream, one event a line."""

    adapter = BINANCE_TRADES
    feed = feed_of("binance_trades")
    name = "binance/spot/BTCUSDT-trades-2025-01-02.jsonl"
    good_lines = tuple(
        json.dumps(
            {
                "e": "trade", "E": OPEN_MS + n, "s": "BTCUSDT", "t": n + 7, "p": "94591.78000000",
                "q": f"0.{n + 1}", "T": OPEN_MS + n * 1000, "m": n % 2 == 0, "M": True,
            }
        ).encode()
        for n in range(6)
    )  # fmt: skip
    foreign = b'{"e":"kline","E":1735776000000,"s":"BTCUSDT"}\n'


class TestRecordedAggregates(AdapterSuite):
    """The same of aggregates, in the envelope of combined streams."""

    adapter = BINANCE_AGG_TRADES
    feed = feed_of("binance_agg_trades", market="futures_um")
    name = "binance/futures_um/BTCUSDT-aggTrades-2025-01-02.jsonl"
    good_lines = tuple(
        json.dumps(
            {
                "stream": "btcusdt@aggTrade",
                "data": {
                    "e": "aggTrade", "E": OPEN_MS, "s": "BTCUSDT", "a": n, "p": "94591.7", "q": "0.2",
                    "f": 2 * n, "l": 2 * n + 1, "T": OPEN_MS + n, "m": True,
                },
            }
        ).encode()
        for n in range(6)
    )  # fmt: skip
    foreign = b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}\n'


def read(tmp_path: Path, data: bytes, name: str, market: str = "spot") -> CleanFeed:
    """The feed of one file, of the kind that its name says."""
    source = "binance_agg_trades" if "aggTrades" in name else "binance_trades"
    feed = feed_of(source, market=market)
    return read_feed(feed, [drop(tmp_path, f"binance/{market}/{name}", data)], RULES)


FORMS = [
    ("spot", "trades", b"", b"7,0.5,2.0,1.0,1735776000001,True,True"),
    ("spot", "trades", SPOT, b"7,0.5,2.0,1.0,1735776000001000,TRUE,FALSE"),
    ("futures_um", "trades", b"", b"7,0.5,2,1.0,1735776000001,true"),
    ("futures_um", "trades", FUTURES, b"7,0.5,2,1.0,1735776000001,true"),
    ("futures_cm", "trades", b"", b"7,0.5,2,1.0,1735776000001,true"),
    ("futures_cm", "trades", COIN_M, b"7,0.5,2,1.0,1735776000001,true"),
    ("spot", "aggTrades", b"", b"7,0.5,2.0,11,12,1735776000001000,True,True"),
    ("futures_um", "aggTrades", b"", b"7,0.5,2,11,12,1735776000001,true"),
    ("futures_um", "aggTrades", AGGREGATED, b"7,0.5,2,11,12,1735776000001,true"),
    ("futures_cm", "aggTrades", AGGREGATED, b"7,0.5,2,11,12,1735776000001,true"),
]  # fmt: skip


@pytest.mark.parametrize(("market", "kind", "header", "line"), FORMS)
@pytest.mark.parametrize("packed", ["csv", "csv.gz", "zip"])
@pytest.mark.parametrize("span", ["2025-01-02", "2025-01"])
def test_every_form_of_an_archive(
    tmp_path: Path,
    market: str,
    kind: str,
    header: bytes,
    line: bytes,
    packed: str,
    span: str,
) -> None:
    """Header or none, either spelling of true, either unit, daily or monthly: the same trade."""
    data = text(*filter(None, (header, line)))
    name = f"BTCUSDT-{kind}-{span}.{packed}"
    found = read(tmp_path, pack(data, packed), name, market)
    (row,) = found.table.drop_columns(["file", "line"]).to_pylist()
    wanted: dict[str, Any] = {
        "ts": dt.datetime(2025, 1, 2, 0, 0, 0, 1000, dt.UTC),
        "price": 0.5,
        "qty": 2.0,
        "side": -1,
    }
    if kind == "trades":
        inverse = market == "futures_cm"
        wanted |= {
            "quote_qty": None if inverse else 1.0,
            "base_qty": 1.0 if inverse else None,
            "trade_id": 7,
        }
    else:
        wanted |= {"agg_id": 7, "first_id": 11, "last_id": 12}

    assert row == wanted
    assert found.ledger[0].notes["header"] == bool(header)
    source = "binance_trades" if kind == "trades" else "binance_agg_trades"
    assert adapter_for(source, name, data).claims(name, data)
    assert claimant(name, data) is adapter_for(source, name, data)


def pack(data: bytes, form: str) -> bytes:
    """The bytes of a file of that form."""
    if form == "csv.gz":
        return gzip.compress(data, mtime=0)
    if form == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("BTCUSDT.csv", data)
        return out.getvalue()
    return data


@pytest.mark.parametrize("kind", ["trades", "aggTrades"])
@pytest.mark.parametrize("as_pages", [False, True])
def test_rest_answers(tmp_path: Path, kind: str, as_pages: bool) -> None:
    """One array, or a page a line: each object is a line of its own."""
    if kind == "trades":
        keys = ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch")
        rows = [(n, "0.5", "2.00", "1.00", OPEN_MS + n, n % 2 == 0, True) for n in range(5)]
    else:
        keys = ("a", "p", "q", "f", "l", "T", "m", "M")
        rows = [(n, "0.5", "2.00", n, n, OPEN_MS + n, n % 2 == 0, True) for n in range(5)]
    objects = [dict(zip(keys, row, strict=True)) for row in rows]
    pages = [objects[:3], objects[3:]] if as_pages else [objects]
    data = text(*(json.dumps(page).encode() for page in pages))
    found = read(tmp_path, data, f"BTCUSDT-{kind}-2025-01-02.json")
    key = "trade_id" if kind == "trades" else "agg_id"

    assert columns(found, key, "side", "line", "qty") == [
        (n, -1 if n % 2 == 0 else 1, n + 1, 2.0) for n in range(5)
    ]
    assert found.ledger[0].lines == Lines(read=5, used=5, merged=0, rejected=0)


def test_a_recording_over_midnight(tmp_path: Path) -> None:
    """Rows of the next day are counted as such, and are no fault of a file that ends with no day."""
    rows = [
        {"a": n, "p": "1.5", "q": "2", "f": n, "l": n, "T": OPEN_MS + n * 43_200_000, "m": True}
        for n in range(3)
    ]
    found = read(tmp_path, json.dumps(rows).encode(), "BTCUSDT-aggTrades-2025-01-02.json")
    ledger = found.ledger[0]

    assert found.table.num_rows == 2
    assert (ledger.other_days, ledger.notes["defects"]) == (1, {})


def test_pages_that_overlap_are_merged(tmp_path: Path) -> None:
    """The last trade of a page stands again as the first of the next."""
    one, two, three = (
        {"a": n, "p": "0.5", "q": "2", "f": n, "l": n, "T": OPEN_MS + n, "m": True, "M": True}
        for n in range(3)
    )
    data = text(json.dumps([one, two]).encode(), json.dumps([two, three]).encode())
    found = read(tmp_path, data, "BTCUSDT-aggTrades-2025-01-02.json")

    assert found.table["agg_id"].to_pylist() == [0, 1, 2]
    assert found.ledger[0].lines == Lines(read=4, used=3, merged=1, rejected=0)
    assert found.ledger[0].notes["defects"] == {"B18": 1}


def test_a_recording_of_several_streams(tmp_path: Path) -> None:
    """Other events, other symbols and what is no trade of the market are counted beside, not rejected."""
    event = {
        "e": "trade",
        "E": 1,
        "s": "BTCUSDT",
        "t": 5,
        "p": "0.5",
        "q": "2",
        "T": OPEN_MS,
        "m": False,
    }
    lines = [
        {"result": None, "id": 1},
        event | {"X": "MARKET"},
        event | {"t": 6, "X": "INSURANCE_FUND"},
        event | {"t": 7, "s": "ETHUSDT"},
        {"e": "aggTrade", "s": "BTCUSDT", "a": 1},
        {"stream": "btcusdt@depth", "data": {"e": "depthUpdate", "s": "BTCUSDT"}},
        event | {"t": 8, "p": "no price"},
    ]
    data = text(*(json.dumps(line).encode() for line in lines))
    name = "BTCUSDT-trades-2025-01-02.jsonl"
    found = read(tmp_path, data, name, "futures_um")
    notes = found.ledger[0].notes

    assert found.table["trade_id"].to_pylist() == [5]
    assert found.rejects["line"].to_pylist() == [7]
    assert found.ledger[0].lines == Lines(read=2, used=1, merged=0, rejected=1)
    assert [notes[n] for n in ("other_events", "not_on_the_market")] == [3, 1]
    assert found.ledger[0].other_symbols == 1


PARQUET = {
    "as the archive": {"time": pa.array([OPEN_MS, OPEN_MS + 1]), "is_buyer_maker": pa.array([True, None])},
    "stamps": {
        "time": pa.array([OPEN_MS, OPEN_MS + 1]).cast(pa.timestamp("ms")),
        "is_buyer_maker": pa.array(["true", None]),
    },
    "texts": {
        "time": pa.array([str(OPEN_MS), str(OPEN_MS + 1)]),
        "is_buyer_maker": pa.array(["True", ""]).dictionary_encode(),
        "price": pa.array(["94591.78", "0.1"]),
    },
    "decimals": {
        "time": pa.array([OPEN_MS, OPEN_MS + 1]),
        "is_buyer_maker": pa.array([True, None]),
        "price": pa.array([Decimal("94591.78000"), Decimal("0.10000")]),
    },
}  # fmt: skip


@pytest.mark.parametrize("form", list(PARQUET))
def test_parquet(tmp_path: Path, form: str) -> None:
    """Columns by name, whatever their types; a null side is not known."""
    table = {
        "id": pa.array([7, 8]),
        "price": pa.array([94591.78, 0.1]),
        "qty": pa.array([1e-05, 2.0]),
        "note": pa.array(["mine", "a,b"]),
    } | PARQUET[form]
    out = io.BytesIO()
    pq.write_table(pa.table(table), out)
    found = read(tmp_path, out.getvalue(), "BTCUSDT-trades-2025-01-02.parquet")

    assert columns(found, "trade_id", "price", "qty", "side", "line")[0] == (
        7,
        94591.78,
        1e-05,
        -1,
        1,
    )
    assert found.ledger[0].notes["ignored_columns"] == ["note"]
    assert found.ledger[0].lines == Lines(read=2, used=2, merged=0, rejected=0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PAR1 and nothing more", "not Parquet that can be read"),
        (b"PAR1", "not Parquet that can be"),
    ],
)
def test_broken_parquet_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    """With what its reader said, and nothing else is lost."""
    found = read(tmp_path, data, "BTCUSDT-trades-2025-01-02.parquet")
    (row,) = found.rejects.to_pylist()

    assert (row["line"], row["code"]) == (0, "A13")
    assert reason in row["reason"]
    assert "ended with" not in row["reason"]


def test_parquet_cut_inside_its_rows_is_refused(tmp_path: Path) -> None:
    """Rows that were read before the fault count for nothing."""
    count = 300_000
    out = io.BytesIO()
    columns = {"id": range(count), "price": [1.5] * count, "qty": [1.0] * count}
    table = pa.table({**columns, "time": [OPEN_MS] * count})
    pq.write_table(table, out, row_group_size=100_000, compression="zstd", use_dictionary=False)
    data = bytearray(out.getvalue())
    middle, footer = len(data) // 2, len(data) - 4_000
    data[middle:footer] = bytes(footer - middle)
    found = read(tmp_path, bytes(data), "BTCUSDT-trades-2025-01-02.parquet")

    assert found.table.num_rows == 0
    assert found.rejects["line"].to_pylist() == [0]


def test_a_text_with_a_comma_is_no_price(tmp_path: Path) -> None:
    """The row is set aside with its values, and the others stay."""
    out = io.BytesIO()
    prices = pa.array(["1.5", "1,500", "x\ny"])
    stamps = pa.array([OPEN_MS] * 3)
    pq.write_table(
        pa.table({"id": [1, 2, 3], "price": prices, "qty": [1.0] * 3, "time": stamps}), out
    )
    found = read(tmp_path, out.getvalue(), "BTCUSDT-trades-2025-01-02.parquet")

    assert found.table["trade_id"].to_pylist() == [1]
    assert [(r["line"], r["raw"]) for r in found.rejects.to_pylist()] == [
        (2, f"2,1,500,1.0,{OPEN_MS}"),
        (3, f"3,x y,1.0,{OPEN_MS}"),
    ]


def test_parquet_without_ids_is_refused(tmp_path: Path) -> None:
    """One reject says which columns there are and which are wanted."""
    out = io.BytesIO()
    pq.write_table(pa.table({"price": [1.0], "qty": [1.0], "time": [OPEN_MS]}), out)
    found = read(tmp_path, out.getvalue(), "BTCUSDT-trades-2025-01-02.parquet")
    (row,) = found.rejects.to_pylist()

    assert (row["line"], row["code"]) == (0, "B02")
    assert "wanted id, price, qty, time" in row["reason"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"qty": "0.00000000"}, "D04"),
        ({"qty": "0"}, "D04"),
        ({"qty": "-1"}, "B26"),
        ({"qty": ""}, "B26"),
        ({"price": "0"}, "B26"),
        ({"price": "nan"}, "B26"),
        ({"price": "inf"}, "B26"),
        ({"price": "1e999"}, "B26"),
        ({"price": "1e13"}, "B26"),
        ({"price": "1e-13"}, "B26"),
        ({"qty": "1e16"}, "B26"),
        ({"quote": "1e16"}, "B26"),
        ({"price": "+1"}, "B26"),
        ({"price": " 1"}, "B26"),
        ({"price": '"1"'}, "B26"),
        ({"price": "null"}, "B26"),
        ({"price": "0x10"}, "B26"),
        ({"price": "1_0"}, "B26"),
        ({"quote": "null"}, "B26"),
        ({"quote": "-1"}, "B26"),
        ({"id": "-1"}, "B26"),
        ({"id": "1.0"}, "B26"),
        ({"id": ""}, "B26"),
        ({"time": "1735776000"[:9]}, "B26"),
        ({"time": "soon"}, "B26"),
        ({"maker": "yes"}, "B26"),
        ({"maker": "1"}, "B26"),
        ({"best": "x"}, "B26"),
        ({"best": None}, "B26"),
        ({"extra": "1"}, "B26"),
    ],
)
def test_a_row_that_is_no_trade_is_set_aside(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    """Its code says why; its neighbours stay, whichever reader takes them."""
    data = text(trade(0), trade(1, **changes), trade(2))
    found = read(tmp_path, data, "BTCUSDT-trades-2025-01-02.csv")

    assert found.table["line"].to_pylist() == [1, 3]
    assert found.rejects["code"].to_pylist() == [code]


def test_rows_without_a_quantity_are_counted_by_minute(tmp_path: Path) -> None:
    """The ledger says in which minutes of the day they were, of those alone."""
    late = {"time": (OPEN_MS + 65_000) * 1000}
    rows = (trade(0), trade(1, qty="0"), trade(2, qty="0", **late), trade(3, qty="0.0", **late))
    found = read(tmp_path, text(*rows), "BTCUSDT-trades-2025-01-02.csv")
    whole = read(tmp_path, text(trade(0)), "BTCUSDT-trades-2025-01-02.csv")

    assert found.ledger[0].notes["without_quantity"] == {"0": 1, "1": 2}
    assert "without_quantity" not in whole.ledger[0].notes


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "false", "False", "FALSE", ""])
def test_sides(tmp_path: Path, word: str) -> None:
    """Where the buyer's order lay in the book, the seller took; nothing written is not known."""
    wanted = {"t": -1, "f": 1}.get(word[:1].lower())
    data = text(trade(0), trade(1, maker=word))
    found = read(tmp_path, data, "BTCUSDT-trades-2025-01-02.csv")

    assert found.table["side"].to_pylist() == [-1, wanted]


def test_text_before_the_header_and_other_columns(tmp_path: Path) -> None:
    """An address above the header costs nothing; columns of nobody are named."""
    lines = (b"https://example.org", b"time,price,qty,venue,id", b"1735776000001,0.5,2,x,7")
    found = read(tmp_path, text(*lines), "BTCUSDT-trades-2025-01-02.csv")
    notes = found.ledger[0].notes

    assert columns(found, "trade_id", "price", "qty", "side", "line") == [(7, 0.5, 2.0, None, 3)]
    assert (notes["header"], notes["ignored_columns"]) == (True, ["venue"])
    assert found.ledger[0].ignored == 1


def test_a_column_that_names_the_symbol_is_obeyed(tmp_path: Path) -> None:
    """Rows of other symbols are theirs: counted beside, neither read nor rejected."""
    lines = (b"id,symbol,price,qty,time", b"7,BTCUSDT,0.5,2,1735776000001")
    data = text(*lines, b"8,ETHUSDT,0.5,2,1735776000001", b"9,btcusdt,0.5,2,1735776000001")
    found = read(tmp_path, data, "BTCUSDT-trades-2025-01-02.csv")

    assert found.table["trade_id"].to_pylist() == [7, 9]
    assert found.ledger[0].other_symbols == 1
    assert found.ledger[0].lines == Lines(read=2, used=2, merged=0, rejected=0)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_of_another_symbol_is_refused(tmp_path: Path, form: str) -> None:
    """It says whose trades it has."""
    event = {"e": "trade", "s": "ETHUSDT", "t": 1, "p": "0.5", "q": "2", "T": OPEN_MS, "m": True}
    table = text(b"id,symbol,price,qty,time", b"8,ETHUSDT,0.5,2,1735776000001")
    data = table if form == "csv" else text(json.dumps(event).encode())
    found = read(tmp_path, data, f"BTCUSDT-trades-2025-01-02.{form}")
    (row,) = found.rejects.to_pylist()

    assert (row["line"], row["code"]) == (0, "B26")
    assert "its rows are of ETHUSDT; wanted BTCUSDT" in row["reason"]


def test_an_aggregate_of_more_trades_than_any_is_set_aside(tmp_path: Path) -> None:
    """A count that no market has is a wrong id."""
    lines = (aggregate(0), aggregate(1, first=1, last=2_000_000_001), aggregate(2))
    name = "BTCUSDT-aggTrades-2025-01-02.csv"
    found = read(tmp_path, text(*lines), name, "futures_um")

    assert found.table["line"].to_pylist() == [1, 3]
    assert found.rejects["code"].to_pylist() == ["B26"]


def test_joined_files_and_marks(tmp_path: Path) -> None:
    """A mark or NULs around a line cost nothing, nor does a header that stands again."""
    mark = b"\xef\xbb\xbf"
    lines = (mark + SPOT, trade(0), b"\0\0\0" + trade(1), b"\0\0", mark + SPOT, trade(2))
    found = read(tmp_path, text(*lines), "BTCUSDT-trades-2025-01-02.csv")
    ledger = found.ledger[0]

    assert found.table["line"].to_pylist() == [2, 3, 6]
    assert (ledger.ignored, ledger.blank_lines) == (1, 1)
    assert ledger.lines == Lines(read=3, used=3, merged=0, rejected=0)


def test_a_comment_above_rows_without_a_header(tmp_path: Path) -> None:
    """Is counted beside them."""
    lines = (b"# from https://data.binance.vision", b"", trade(0), trade(1))
    found = read(tmp_path, text(*lines), "BTCUSDT-trades-2025-01-02.csv")
    ledger = found.ledger[0]

    assert found.table["line"].to_pylist() == [3, 4]
    assert (ledger.ignored, ledger.blank_lines, found.rejects.num_rows) == (1, 1, 0)


def test_a_recording_after_a_crash(tmp_path: Path) -> None:
    """NULs before an event, and alone on a line, cost nothing."""
    event = {"e": "trade", "s": "BTCUSDT", "p": "0.5", "q": "2", "T": OPEN_MS, "m": False}
    one, two = (json.dumps(event | {"t": n}).encode() for n in range(2))
    data = text(one, b"\0" * 50 + two, b"\0\0")
    found = read(tmp_path, data, "BTCUSDT-trades-2025-01-02.jsonl")

    assert found.table["trade_id"].to_pylist() == [0, 1]
    assert found.ledger[0].blank_lines == 1
    assert found.rejects.num_rows == 0


def test_a_month_gives_each_day_its_rows(tmp_path: Path) -> None:
    """Rows of other days are theirs, and a broken line goes with the row before it."""
    day_before = trade(0, time=(OPEN_MS - 1) * 1000)
    lines = (
        day_before,
        b"broken",
        trade(1),
        b"broken",
        trade(2),
        trade(3, time=1_735_862_400_000_000),
    )
    found = read(tmp_path, text(*lines, b"broken"), "BTCUSDT-trades-2025-01.csv")

    assert found.table["line"].to_pylist() == [3, 5]
    assert found.rejects["line"].to_pylist() == [4]
    assert found.ledger[0].lines.read == 3
    assert found.ledger[0].other_days == 4
    # 2025-01-01 and 2025-01-03 are of the month
    assert "defects" in found.ledger[0].notes
    assert "D05" not in found.ledger[0].notes["defects"]


def test_rows_of_other_days_and_ids_out_of_order(tmp_path: Path) -> None:
    """D05: sorted by id within an instant, counted; rows of other days are counted as such."""
    at = OPEN_MS * 1000
    lines = (
        trade(3, time=at),
        trade(1, time=at),
        trade(5),
        trade(4),
        trade(0, time=at - 1),
        trade(9),
    )
    found = read(tmp_path, text(*lines), "BTCUSDT-trades-2025-01-02.csv")
    ledger = found.ledger[0]

    assert found.table["line"].to_pylist() == [2, 1, 4, 3, 6]
    assert (ledger.other_days, ledger.lines.read) == (1, 5)
    assert ledger.notes["ids_out_of_order"] == 2
    assert ledger.notes["defects"] == {"D05": 3}


def test_an_aggregate_id_twice(tmp_path: Path) -> None:
    """D06: both stay where they are of other trades, else one is merged."""
    lines = (
        aggregate(0),
        aggregate(0),
        aggregate(1),
        aggregate(1, first=5_782_000_009, last=5_782_000_009),
        aggregate(2),
    )
    name = "BTCUSDT-aggTrades-2025-01-02.csv"
    found = read(tmp_path, text(*lines), name, "futures_um")

    assert found.table["line"].to_pylist() == [1, 3, 4, 5]
    assert found.ledger[0].lines == Lines(read=5, used=4, merged=1, rejected=0)
    assert found.ledger[0].notes["defects"] == {"D06": 2}


def test_milliseconds_and_microseconds_in_one_file(tmp_path: Path) -> None:
    """D07: each stamp is read by its value; the rarer unit is counted."""
    lines = (trade(0), trade(1, time=OPEN_MS + 1000), trade(2))
    found = read(tmp_path, text(*lines), "BTCUSDT-trades-2025-01-02.csv")
    notes = found.ledger[0].notes

    assert [ts.second for ts in found.table["ts"].to_pylist()] == [0, 1, 2]
    assert (notes["unit"], notes["units"]) == ("mixed", {"ms": 1, "us": 2})
    assert notes["defects"] == {"B01": 1, "D07": 1}


def test_a_month_is_read_where_no_daily_file_has_a_row(tmp_path: Path) -> None:
    """A daily file is enough; without one that can be used the month gives the day."""
    daily, monthly = (
        f"binance/spot/BTCUSDT-trades-{span}.csv" for span in ("2025-01-02", "2025-01")
    )
    feed = feed_of("binance_trades")
    month = drop(tmp_path, monthly, text(trade(0), trade(1)), rank=9)
    with_day = read_feed(feed, [drop(tmp_path, daily, text(trade(0))), month], RULES)
    broken = read_feed(feed, [drop(tmp_path, daily, b"nothing\n"), month], RULES)

    assert [entry.path for entry in with_day.ledger] == [daily]
    assert [entry.path for entry in broken.ledger] == [daily, monthly]
    assert columns(broken, "file", "line") == [(1, 1), (1, 2)]


def test_two_daily_files_are_one_tape(tmp_path: Path) -> None:
    """An archive and a recording of the same day: each trade once, the more trusted file's."""
    one = drop(tmp_path, "a.2025-01-02.csv", text(trade(0), trade(1), trade(3)))
    two = drop(tmp_path, "b.2025-01-02.csv", text(trade(1), trade(2)), rank=1)
    found = read_feed(feed_of("binance_trades"), [one, two], RULES)

    assert columns(found, "file", "line") == [(0, 1), (0, 2), (1, 2), (0, 3)]
    assert [entry.lines.merged for entry in found.ledger] == [0, 1]
    assert [entry.notes["defects"] for entry in found.ledger] == [{}, {}]


def test_a_long_file_is_read_in_stretches(tmp_path: Path) -> None:
    """Many trades of one instant over the edge of a stretch stay in the order of their ids."""
    count = 600_000
    lines = [b"%d,0.5,2,1,%d,true" % (n, OPEN_MS + n // 400_000) for n in range(count)]
    feed = feed_of("binance_trades", market="futures_um")
    file = drop(tmp_path, "binance/futures_um/BTCUSDT-trades-2025-01-02.csv", text(*lines))
    found = read_feed(feed, [file], RULES, spill=tmp_path / "spill")

    assert len(found.parts.parts) > 1
    assert found.table["trade_id"].to_pylist() == list(range(count))


def test_a_shuffled_file_is_sorted_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows are sorted at once, the tape is the same, and each repeated row is merged."""
    count = 2_000
    lines = [b"%d,0.5,2,1,%d,true" % (n, OPEN_MS + n // 7) for n in range(count)]
    lines += lines[:50]
    random.Random(5).shuffle(lines)
    feed = feed_of("binance_trades", market="futures_um")
    file = drop(tmp_path, "binance/futures_um/BTCUSDT-trades-2025-01-02.csv", text(*lines))
    monkeypatch.setattr("pipeline.sources.tick_tape._STRETCH", 100)
    monkeypatch.setattr("pipeline.sources.rawfile.BLOCK_BYTES", 2_000)
    monkeypatch.setattr("pipeline.sources.trade_tape._SAMPLED", 3)
    monkeypatch.setattr("pipeline.tables.parts.FEW_ROWS", 100)
    monkeypatch.setattr("pipeline.sources.clean.FEW_ROWS", 100)
    found = []
    for at_once in (300, 1_000_000):
        monkeypatch.setattr("pipeline.sources.trade_tape._AT_ONCE", at_once)
        found.append(read_feed(feed, [file], RULES))

    assert found[0].table.equals(found[1].table)
    assert [len(one.parts.parts) for one in found] == [7, 1]
    assert found[0].table["trade_id"].to_pylist() == list(range(count))
    assert found[0].ledger == found[1].ledger
    assert found[0].ledger[0].lines.merged == found[0].ledger[0].notes["defects"]["D06"] == 50
