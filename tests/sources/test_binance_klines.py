"""Binance Vision archives: units, headers, markets, row rules, duplicates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.adapter_suite import DAY, AdapterSuite, drop, feed_of
from kit.shipped import RULES
from pipeline.clock import MINUTE_US, day_open_us
from pipeline.contracts.ledger import Lines
from pipeline.sources.binance.klines import BinanceKlines
from pipeline.sources.clean import CleanFeed, read_feed
from pipeline.sources.klines.column_names import ARCHIVE

NAME = "binance/spot/BTCUSDT-1m-2025-01-02.csv"
OPENED = day_open_us(DAY)
HEADER = ",".join(ARCHIVE).encode()


def kline(minute: int, unit: int = 1000, **changes: Any) -> bytes:
    """An archive row of the day's minute; `unit` is microseconds in one unit of its stamps."""
    opened = (OPENED + minute * MINUTE_US) // unit
    values: dict[str, Any] = {
        "open_time": opened,
        "open": "100.10000000",
        "high": "101.00000000",
        "low": "99.50000000",
        "close": "100.70000000",
        "volume": "12.34500000",
        "close_time": opened + MINUTE_US // unit - 1,
        "quote_volume": "1234.50000000",
        "count": 7,
        "taker_buy_volume": "2.50000000",
        "taker_buy_quote_volume": "250.10000000",
        "ignore": 0,
    }
    return ",".join(str(v) for v in (values | changes).values()).encode()


class TestBinanceKlines(AdapterSuite):
    """The suite, on a spot file without a header, and what is Binance's own."""

    adapter = BinanceKlines()
    feed = feed_of("binance_1m")
    name = NAME
    good_lines = tuple(kline(minute) for minute in range(6))

    def rows(self, *lines: bytes) -> CleanFeed:
        """The feed of a file of such lines."""
        return self.read(b"".join(line + b"\n" for line in lines))

    @pytest.mark.parametrize(("unit", "named"), [(1_000_000, "s"), (1_000, "ms"), (1, "us")])
    def test_the_unit_of_time_is_told_by_magnitude(self, unit: int, named: str) -> None:
        """Seconds, milliseconds and microseconds name the same minute, none of them cut short."""
        found = self.rows(kline(3, unit))

        assert found.table["minute_open"].cast("int64").to_pylist() == [OPENED + 3 * MINUTE_US]
        assert found.table["flags"].to_pylist() == [0]
        assert found.ledger[0].notes["unit"] == named

    def test_mixed_units_are_read_by_value_and_noted(self) -> None:
        """B01 counts the rows in the rarer unit."""
        found = self.rows(kline(0), kline(1), kline(2, 1))

        assert found.table.num_rows == 3
        assert found.ledger[0].notes["defects"] == {"B01": 1}
        assert found.ledger[0].notes["unit"] == "mixed"

    def test_a_header_is_no_row(self) -> None:
        """With it or without it the table is the same."""
        bare, headed = self.rows(*self.good_lines), self.rows(HEADER, *self.good_lines)

        assert headed.table.drop_columns(["line"]).equals(bare.table.drop_columns(["line"]))
        assert headed.ledger[0].notes["header"] is True
        assert headed.ledger[0].lines.read == 6

    @pytest.mark.parametrize(
        ("broken", "code"),
        [
            ({"high": "100.0"}, "B26"),
            ({"low": "100.2"}, "B26"),
            ({"open": "0", "low": "0"}, "B26"),
            ({"close": "-1"}, "B26"),
            ({"high": "1e999"}, "B26"),
            ({"high": "nan"}, "B26"),
            ({"volume": "-1"}, "B26"),
            ({"volume": "1_0"}, "B26"),
            ({"taker_buy_volume": "12.346"}, "B26"),
            ({"count": "-1"}, "B26"),
            ({"count": "1.5"}, "B26"),
            ({"open_time": "0"}, "B26"),
            ({"open_time": OPENED // 1000 + 14_789, "close_time": OPENED // 1000 + 74_788}, "B13"),
            ({"open_time": OPENED // 1000 - 60_000, "close_time": OPENED // 1000 - 1}, "C10"),
            ({"open_time": OPENED // 1000 + 86_400_000}, "C10"),
            ({"ignore": "0,0"}, "B26"),
        ],
    )
    def test_a_row_that_breaks_a_rule_is_set_aside(self, broken: dict[str, Any], code: str) -> None:
        """Its code says which kind of rule; its neighbours stay."""
        found = self.rows(kline(0), kline(1, **broken), kline(2))

        assert found.table.num_rows == 2
        assert found.rejects["code"].to_pylist() == [code]

    def test_volumes_may_be_zero(self) -> None:
        """A minute without a trade is a row."""
        amounts = ("volume", "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume")
        quiet = dict.fromkeys(amounts, 0)
        found = self.rows(kline(0, **quiet, open="1", high="1", low="1", close="1"))

        assert found.table["volume"].to_pylist() == [0.0]

    def test_a_cut_close_time_is_flagged(self) -> None:
        """B14: the row stays."""
        found = self.rows(kline(0, close_time=OPENED // 1000 + 30_000))

        assert found.table["flags"].to_pylist() == [1 << 6]
        assert found.ledger[0].notes["defects"] == {"B14": 1}

    def test_equal_rows_are_merged_and_different_ones_set_aside(self) -> None:
        """B15: nobody can say which of two different rows is right; their minute is an empty row."""
        found = self.rows(kline(0), kline(0), kline(1), kline(1, close="100.6"), kline(2))

        assert found.table["line"].to_pylist() == [1, 3, 5]
        assert found.table["flags"].to_pylist() == [0, 1 << 8, 0]
        assert found.table["close"].to_pylist() == [100.7, None, 100.7]
        assert found.ledger[0].lines == Lines(read=5, used=2, merged=1, rejected=2)
        assert found.rejects["line"].to_pylist() == [3, 4]
        assert set(found.rejects["code"].to_pylist()) == {"B15"}

    def test_unsorted_rows_are_sorted(self) -> None:
        """B16 counts the steps back."""
        found = self.rows(kline(2), kline(0), kline(1))

        assert found.table["line"].to_pylist() == [2, 3, 1]
        assert found.ledger[0].notes["defects"] == {"B16": 1}

    @pytest.mark.parametrize(
        ("symbol", "usd", "base", "taker"),
        [
            ("BTCUSD_PERP", 100, "1493.28650212", "696.86700099"),
            ("ETHUSD_PERP", 10, "149.32865021", "69.68670010"),
        ],
    )
    def test_coin_margined_volume_is_base(
        self, symbol: str, usd: int, base: str, taker: str
    ) -> None:
        """Columns 8 and 11 are base; the quote volume is contracts times their size."""
        feed = feed_of("binance_1m", market="futures_cm", symbol=symbol, vendor_symbol=symbol)
        line = kline(
            0,
            volume="1500",
            quote_volume=base,
            taker_buy_volume="700",
            taker_buy_quote_volume=taker,
        )
        file = drop(self.raw, f"binance/futures_cm/{symbol}-1m-2025-01-02.csv", line + b"\n")
        (row,) = read_feed(feed, [file], RULES).table.to_pylist()

        assert (row["volume"], row["taker_buy_volume"]) == (float(base), float(taker))
        assert row["quote_volume"] == 1500.0 * usd

    def test_a_monthly_file_gives_the_day_and_counts_the_rest(self) -> None:
        """Rows of other days are not read, not even broken ones."""
        lines = [kline(-1), kline(0), kline(1439), kline(1440, high="0"), b"?"]
        found = self.read(b"\n".join(lines) + b"\n", "binance/spot/BTCUSDT-1m-2025-01.csv")

        assert found.table.num_rows == 2
        assert found.ledger[0].other_days == 3
        assert found.ledger[0].lines.read == 2

    def test_a_daily_kline_is_one_row(self) -> None:
        """The day's bar of a monthly file of daily bars."""
        feed = feed_of("binance_1d")
        bars = [
            kline(1440 * d, close_time=(OPENED + (d + 1) * 1440 * MINUTE_US) // 1000 - 1)
            for d in (-1, 0, 1)
        ]
        file = drop(self.raw, "binance/spot/BTCUSDT-1d-2025-01.csv", b"\n".join(bars) + b"\n")
        found = read_feed(feed, [file], RULES)

        assert found.table["day_open"].cast("int64").to_pylist() == [OPENED]
        assert found.table["flags"].to_pylist() == [0]
        assert found.ledger[0].other_days == 2


MONTHLY = "binance/spot/BTCUSDT-1m-2025-01.csv"
_WRITTEN = st.one_of(
    st.tuples(st.integers(-1440, 2 * 1440), st.sampled_from((1, 1_000, 1_000_000))),
    st.sampled_from((b"", b"17357760", b"1735776x00000000,1", b"\xff,2,3")),
)


@given(lines=st.lists(_WRITTEN, max_size=40, unique=True), torn=st.booleans())
def test_rows_of_other_days_are_counted_whatever_stands_between_them(
    lines: list[Any], torn: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By hand: a row is of the day of its stamp, in any unit; a broken one of the day of the row before."""
    texts = [line if isinstance(line, bytes) else kline(*line) for line in [(0, 1), *lines]]
    file = drop(tmp_path_factory.mktemp("month"), MONTHLY, b"\n".join(texts) + b"\n" * (not torn))
    found = read_feed(feed_of("binance_1m", record=None), [file], RULES)

    ours, others, before, minutes = 1, 0, 0, {0}
    for line in lines:
        if line == b"":
            continue
        if not isinstance(line, bytes):
            before = line[0] // 1440
            minutes |= {line[0]} if before == 0 else set()
        ours, others = ours + (before == 0), others + (before != 0)
    entry = found.ledger[0]
    assert (entry.lines.read, entry.other_days) == (ours, others)
    assert found.table.num_rows == len(minutes)
