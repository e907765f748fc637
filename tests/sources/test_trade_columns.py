"""Both readers of trades say the same: what the scanner takes is what the strict reader reads, to the bit."""

from __future__ import annotations

import json
import struct
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_binance_trades import SPOT, aggregate, trade
from test_tick_columns import Text, needs_scanner

from kit.adapter_suite import DAY, feed_of
from pipeline.clock import day_open_us
from pipeline.contracts.values import ANY, ValueLimits
from pipeline.sources.atas.tick_scan import Form as ScanForm
from pipeline.sources.atas.tick_scan import Kind, Place, scan, scanner
from pipeline.sources.binance import trade_file
from pipeline.sources.binance.trade_columns import form_of, read_columns
from pipeline.sources.binance.trade_file import TradeFile
from pipeline.sources.binance.trade_line import AGGREGATES, TRADES, placed_shape
from pipeline.sources.binance.trades import BINANCE_AGG_TRADES, BINANCE_TRADES, BinanceTradeFiles
from pipeline.sources.protocol import Parsed
from pipeline.sources.text.lines import Block

pytestmark = needs_scanner

OPEN = day_open_us(DAY)
LIMITS = ValueLimits(
    price_min=1e-3,
    price_max=1e6,
    number_min=1e-6,
    quantity_max=1e6,
    quote_max=1e7,
    trades_max=1000,
)


def read(adapter: BinanceTradeFiles, span: str, *lines: bytes, strictly: bool) -> Parsed:
    """A file of such lines, in blocks of some; `strictly`: as if nothing could scan."""
    text = Text(b"".join(line + b"\n" for line in lines), 400)
    text.name = f"BTCUSDT-{span}.csv"
    reader = (lambda *_: None) if strictly else read_columns
    with mock.patch.object(trade_file, "read_columns", reader):
        return adapter.parse(text, feed_of(adapter.name, values=LIMITS))


def assert_same(adapter: BinanceTradeFiles, span: str, *lines: bytes) -> Parsed:
    """Rows, rejects and counts are those of the strict reader."""
    fast, strict = (read(adapter, span, *lines, strictly=strictly) for strictly in (False, True))

    assert bits(fast.rows) == bits(strict.rows)
    assert fast.rejects == strict.rejects
    assert (fast.read, fast.other_days, fast.blank_lines, fast.ignored) == (
        strict.read,
        strict.other_days,
        strict.blank_lines,
        strict.ignored,
    )
    assert (fast.notes, fast.defects) == (strict.notes, strict.defects)
    return fast


def bits(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows, floats as their bytes."""
    columns = [
        [v if not isinstance(v, float) else struct.pack("<d", v) for v in column.to_pylist()]
        for column in table.columns
    ]
    return list(zip(*columns, strict=True))


NUMBERS = st.one_of(
    st.decimals(min_value=0, max_value=10**9, places=8).map(str),
    st.from_regex(rb"[-+]?[0-9]{0,3}(\.[0-9]{0,9})?([eE][-+]?[0-9]{1,3})?", fullmatch=True).map(
        bytes.decode
    ),
    st.floats().map(repr),
    st.text("0123456789.+-eExXnaif_\"' \t,", max_size=12),
    st.sampled_from(["", "0", "00.5", "-0.0", "null", "1.", ".5", "1e5", "0x10", "inf", "5e-324"]),
)
STAMPS = st.one_of(
    st.integers(OPEN // 1000 - 10**6, OPEN // 1000 + 10**8).map(str),
    st.integers(OPEN - 10**6, OPEN + 10**11).map(str),
    st.integers(-5, 10**20).map(str),
    NUMBERS,
)
WORDS = st.sampled_from(
    ["True", "False", "true", "false", "TRUE", "FALSE", "", "1", "tRue", "True "]
)
IDS = st.one_of(st.integers(-1, 1 << 64).map(str), NUMBERS)
DAMAGE = st.one_of(st.binary(max_size=30).filter(lambda b: b"\n" not in b), st.just(b""))


@given(
    lines=st.lists(
        st.one_of(
            st.builds(
                trade,
                st.integers(0, 5),
                price=NUMBERS,
                qty=st.just("0.5"),
            ),
            st.builds(trade, st.integers(0, 5), qty=NUMBERS, quote=NUMBERS),
            st.builds(trade, st.integers(0, 5), id=IDS, time=STAMPS),
            st.builds(trade, st.integers(0, 5), maker=WORDS, best=WORDS),
            st.builds(lambda n: trade(n) + b"\r", st.integers(0, 5)),
            st.builds(lambda n: b"\0" + trade(n), st.integers(0, 5)),
            st.sampled_from([SPOT, b"\xef\xbb\xbf" + SPOT, b"# note", b"\0\0"]),
            st.integers(0, 5).map(trade),
            DAMAGE,
        ),
        max_size=12,
    )
)
def test_trades(lines: list[bytes]) -> None:
    """Whatever stands in a column or a line."""
    assert_same(BINANCE_TRADES, "2025-01-02", trade(0), *lines)


@given(
    lines=st.lists(
        st.one_of(
            st.builds(lambda *v: aggregate(0, first=v[0], last=v[1], best="True"), IDS, IDS),
            st.builds(lambda n, t: aggregate(n, time=t, best="True"), st.integers(0, 5), STAMPS),
            st.integers(0, 5).map(lambda n: aggregate(n, best="True")),
            DAMAGE,
        ),
        max_size=8,
    )
)
def test_aggregates(lines: list[bytes]) -> None:
    """The ranges of their trades too."""
    assert_same(BINANCE_AGG_TRADES, "2025-01-02", aggregate(0, best="True"), *lines)


@given(
    lines=st.lists(
        st.one_of(
            st.builds(lambda t: trade(0, time=t), st.integers(OPEN - 10**11, OPEN + 2 * 10**11)),
            st.just(b"broken"),
            st.just(b""),
        ),
        max_size=25,
    )
)
def test_broken_lines_of_a_month_go_with_the_row_before(lines: list[bytes]) -> None:
    """In both readers alike, whatever stands around them."""
    found = assert_same(BINANCE_TRADES, "2025-01", trade(0), *lines)

    assert found.read + found.other_days == sum(line != b"" for line in lines) + 1


@pytest.mark.parametrize("price", ["1e0000", "94591.78e+0000", "9459178E-0002"])
def test_an_exponent_of_four_digits_is_no_number(price: str) -> None:
    """In both readers alike, although it is a number to JSON."""
    found = assert_same(BINANCE_TRADES, "2025-01-02", trade(0), trade(1, price=price))

    assert [reject.line for reject in found.rejects] == [2]


def test_usual_rows_are_all_taken_at_once() -> None:
    """Of neither kind is one left to the strict reader."""
    for kind, rows in ((TRADES, map(trade, range(6))), (AGGREGATES, map(aggregate, range(6)))):
        shape = placed_shape(kind, "spot", best=kind is TRADES)
        block = Block(body=b"\n".join(rows), number=1, offset=0)
        columns = read_columns(block, form_of(shape), OPEN, ANY)

        assert columns is not None
        assert (len(columns.places), columns.odd) == (6, [])


@given(
    text=st.one_of(st.integers(-(10**20), 10**20).map(str), st.text("0123456789+-. x", max_size=20))
)
def test_whole_numbers(text: str) -> None:
    """Up to 18 digits without a sign or a leading zero; any other text is left aside."""
    run = scanner()
    assert run is not None
    form = ScanForm(places=(Place(key="n", kind=Kind.WHOLE, before=b""),), tail=b"")
    found = scan(run, b"7\n" + text.encode() + b"\n8", 3, form)
    plain = text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text

    assert found.values["n"].tolist() == ([7, int(text), 8] if plain else [7, 8])


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_arrow_writes_a_double_as_text_that_is_that_double(value: float) -> None:
    """So Parquet loses nothing by being read as CSV."""
    out = pa.BufferOutputStream()
    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    pa.csv.write_csv(pa.table({"x": [value]}), out, options)

    assert struct.pack("<d", float(out.getvalue().to_pybytes())) == struct.pack("<d", value)


EVENTS = st.fixed_dictionaries(
    {
        "e": st.just("trade"),
        "s": st.sampled_from(["BTCUSDT", "BTCUSDT", "ETHUSDT"]),
        "t": st.one_of(st.integers(0, 9), st.integers(), st.text(max_size=3)),
        "p": NUMBERS,
        "q": st.one_of(NUMBERS, st.floats(0, 9)),
        "T": st.one_of(st.integers(OPEN // 1000, OPEN // 1000 + 10**5), st.integers(0, 10**19)),
        "m": st.one_of(st.booleans(), st.none(), WORDS),
    },
    optional={"X": st.sampled_from(["MARKET", "ADL"]), "note": st.sampled_from(["a,b", "a\nb"])},
)


@given(lines=st.lists(st.one_of(EVENTS.map(lambda e: json.dumps(e).encode()), DAMAGE), max_size=8))
def test_recordings(lines: list[bytes]) -> None:
    """Events that are read at once say what they say one by one, whatever stands between them."""
    good = {
        "e": "trade",
        "s": "BTCUSDT",
        "t": 1,
        "p": "0.5",
        "q": "2",
        "T": OPEN // 1000,
        "m": True,
    }
    data = b"".join(line + b"\n" for line in (json.dumps(good).encode(), *lines))
    found = []
    for strictly in (False, True):
        text = Text(data, 400)
        text.name = "BTCUSDT-2025-01-02.jsonl"
        with pytest.MonkeyPatch.context() as patch:
            if strictly:
                patch.setattr(TradeFile, "read_columns", lambda self, block, shape: None)
            found.append(BINANCE_TRADES.parse(text, feed_of("binance_trades")))
    fast, strict = found

    assert bits(fast.rows) == bits(strict.rows)
    assert (fast.rejects, fast.read, fast.notes) == (strict.rejects, strict.read, strict.notes)
