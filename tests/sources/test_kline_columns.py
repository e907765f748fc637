"""Both readers of archives of klines say the same: what is taken by columns is what each line alone gives."""

from __future__ import annotations

import dataclasses
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_binance_klines import HEADER, kline
from test_tick_columns import Text, needs_scanner
from test_trade_columns import LIMITS, bits

from kit.adapter_suite import feed_of
from pipeline.errors import SourceError
from pipeline.sources.binance import klines
from pipeline.sources.binance.kline_columns import Plain
from pipeline.sources.binance.klines import BinanceKlines
from pipeline.sources.protocol import Feed, Parsed

pytestmark = needs_scanner

NAMES = ("BTCUSDT-1m-2025-01-02.csv", "BTCUSDT-1m-2025-01.csv")
SAID = tuple(field.name for field in dataclasses.fields(Parsed) if field.name != "rows")
FIELDS = HEADER.decode().split(",")
STAMPS = st.sampled_from(
    ["1735776060000", "1735776060000000", "01735776060000", "1735776060001", "5", ""]
)
NUMBERS = st.one_of(
    st.decimals(min_value=-1, max_value=10**9, places=8).map(str),
    st.from_regex(r"[-+]?[0-9]{0,3}(\.[0-9]{0,9})?([eE][-+]?[0-9]{1,5})?", fullmatch=True),
    st.sampled_from(
        ["null", "NaN", "inf", " 1", "1 ", "1_0", "-0", "-0.0", "1e400", "0x1", '"1"', "100"]
    ),
)
CHANGES = st.dictionaries(st.sampled_from(FIELDS), NUMBERS | STAMPS, max_size=2)
OTHERS = st.sampled_from(
    [b"", b"# 1", HEADER, b"a,b", kline(-1), kline(1440), kline(3) + b",1", b"\0" + kline(4)]
)
ROWS = st.builds(
    lambda minute, unit, changes: kline(minute, unit, **changes),
    st.integers(0, 1439),
    st.sampled_from([1, 1_000, 1_000, 1_000, 1_000_000]),
    CHANGES | st.just({}),
)


def read(text: bytes, name: str, feed: Feed, *, by_columns: bool) -> Parsed | str:
    """A file of such text in blocks of some lines, or why it is refused; else as if nothing could scan."""
    source = Text(text, 700)
    source.name = name
    none = Plain(rows=[], units=[], places=np.zeros(0, np.int64))
    reader = klines.plain_rows if by_columns else (lambda *_: none)
    with mock.patch.object(klines, "plain_rows", reader):
        try:
            return BinanceKlines().parse(source, feed)
        except SourceError as error:
            return str(error)


@given(
    st.lists(st.builds(kline, st.integers(0, 1439)) | ROWS | OTHERS, max_size=30),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from(NAMES),
    st.sampled_from(["spot", "futures_um", "futures_cm"]),
)
def test_both_readers_say_the_same(
    lines: list[bytes], in_order: bool, ending: bytes, name: str, market: str
) -> None:
    """Rows to the bit, rejects, counts, notes and refusals, whatever stands between good rows."""
    text = ending.join(sorted(lines) if in_order else lines)
    feed = feed_of("binance_1m", market=market, values=LIMITS, record=None)
    fast, strict = (read(text, name, feed, by_columns=by_columns) for by_columns in (True, False))
    if isinstance(fast, str) or isinstance(strict, str):
        assert fast == strict
        return

    assert bits(fast.rows) == bits(strict.rows)
    for said in (
        "rejects",
        "read",
        "merged",
        "other_days",
        "blank_lines",
        "ignored",
        "conflicts",
        "notes",
        "defects",
    ):
        assert getattr(fast, said) == getattr(strict, said), said


@pytest.mark.parametrize("name", NAMES)
def test_good_rows_are_not_read_one_by_one(name: str) -> None:
    """Of a day's file, and of a month's, no row goes to the strict reader."""
    text = b"\n".join([HEADER, kline(-1), *map(kline, range(1440)), kline(1440)])
    source = Text(text, 1 << 20)
    source.name = name
    with mock.patch.object(klines, "read_row") as strict:
        BinanceKlines().parse(source, feed_of("binance_1m", market="futures_um"))

    assert strict.call_count == (2 if name == NAMES[0] else 0)
