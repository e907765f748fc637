"""The user's CSV: columns by name, open time over labels, the forms that spreadsheets write."""

from __future__ import annotations

import pytest

from kit.adapter_suite import DAY, AdapterSuite, feed_of
from pipeline.clock import MINUTE_US, day_open_us, iso
from pipeline.sources.own.csv_table import BinanceFetcher

OPENED = day_open_us(DAY)


def row(minute: int) -> bytes:
    """A row as the fetcher writes it."""
    opened = OPENED + minute * MINUTE_US
    close = iso(opened + MINUTE_US)
    return f"{opened // 1000},100.1,101,99.5,100.7,1.25,{close},{iso(opened)},{close}".encode()


class TestBinanceFetcher(AdapterSuite):
    """The suite, and what is the fetcher's own."""

    adapter = BinanceFetcher()
    feed = feed_of("binance_1m")
    name = "binance/fetcher/BTCUSDT_2025-01-02.csv"
    header = b"open_time_ms,open,high,low,close,volume,timestamp,minute_open,minute_close"
    good_lines = tuple(row(minute) for minute in range(6))
    foreign = b"1735776000000,1,1,1,1,1,1735776059999,1,1,1,1,0\n"

    def test_what_it_does_not_have_is_null(self) -> None:
        """No taker volume, no count, no quote volume: null, never zero."""
        first = self.read(self.data()).table.to_pylist()[0]

        assert first["taker_buy_volume"] is first["trades"] is first["quote_volume"] is None
        assert first["volume"] == 1.25

    @pytest.mark.parametrize("close", ["00:00:59Z", "00:00:59.999Z", "00:00:59.999999Z"])
    def test_a_close_label_alone_names_the_minute_that_ends_there(self, close: str) -> None:
        """A last second, millisecond or microsecond can only be the close."""
        data = f"timestamp,open,high,low,close,volume\n2025-01-02T{close},1,1,1,1,1\n"
        found = self.read(data.encode())

        assert found.table["minute_open"].cast("int64").to_pylist() == [OPENED]
        assert found.ledger[0].notes["time_from"] == "timestamp"

    def test_semicolons_quotes_and_decimal_commas(self) -> None:
        """What a spreadsheet of another country writes."""
        data = 'open_time;open;high;low;close;volume\n"2025-01-02 00:00:00";1,5;2;1;"1,25";7\n'
        (found,) = self.read(data.encode()).table.to_pylist()

        assert (found["open"], found["close"], found["volume"]) == (1.5, 1.25, 7.0)

    def test_without_a_header_no_line_can_be_used(self) -> None:
        """Nobody can say what its columns are."""
        found = self.read(b"1,2,3\n4,5,6\n")

        assert found.table.num_rows == 0
        assert found.rejects["line"].to_pylist() == [1, 2]

    def test_a_torn_volume_is_not_taken_for_a_whole_one(self) -> None:
        """Digits may be missing where the volume is the last column."""
        data = b"open_time_ms,open,high,low,close,volume\n1735776000000,1,1,1,1,12"
        found = self.read(data)

        assert found.table.num_rows == 0
        assert "line end" in found.rejects["reason"][0].as_py()
