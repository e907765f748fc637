"""Metrics archives: five minutes by either label, figures that are not there, other markets."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from kit.adapter_suite import DAY, AdapterSuite, feed_of
from kit.shipped import RULES
from pipeline.clock import day_open_us
from pipeline.model.raw_names import RawPath
from pipeline.sources.binance.metrics import BinanceMetrics
from pipeline.sources.clean import read_feed

HEADER = (
    b"create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    b"sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)


def period(
    minutes: int, held: str = "81234.567", day: dt.date = DAY, symbol: str = "BTCUSDT"
) -> bytes:
    """A row whose label is so many minutes after the day's 00:00."""
    opened = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    label = f"{opened + dt.timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"
    return f"{label},{symbol},{held},7700000000.12,1.92,1.21,1.87,0.94".encode()


class TestBinanceMetrics(AdapterSuite):
    """The suite, and what is metrics' own."""

    adapter = BinanceMetrics()
    feed = feed_of("binance_metrics", market="futures_um")
    name = f"binance/futures_um/BTCUSDT-metrics-{DAY}.csv"
    header = HEADER
    good_lines = tuple(period(minutes) for minutes in range(5, 35, 5))

    def of(self, day: dt.date, *lines: bytes) -> Any:
        """The feed of that day's file."""
        self.feed = dataclasses.replace(self.feed, day=day)
        name = f"binance/futures_um/BTCUSDT-metrics-{day}.csv"
        return self.read(self.data(lines), name)

    def test_values_are_the_files(self) -> None:
        """Every figure in its column, and the stamp as it is."""
        (row,) = self.read(self.data((period(5),))).table.to_pylist()

        assert row["stamp"].isoformat() == f"{DAY}T00:05:00+00:00"
        assert [row[name] for name in ("open_interest", "open_interest_value")] == [
            81234.567,
            7700000000.12,
        ]
        assert [row[n] for n in row if n.endswith("_ratio")] == [1.92, 1.21, 1.87, 0.94]

    @pytest.mark.parametrize("day", [DAY, dt.date(2024, 1, 2), dt.date(2026, 6, 25)])
    @pytest.mark.parametrize(
        ("first", "count", "edge", "assumed"),
        [
            (5, 288, "end", False),
            (0, 288, "start", False),
            (10, 287, "end", False),
            (0, 289, "start", True),
            (5, 287, "start", True),
        ],
    )
    def test_every_stamp_of_the_day_is_used(
        self, day: dt.date, first: int, count: int, edge: str, assumed: bool
    ) -> None:
        """B22: 00:00 and 24:00 both; the label is what the file's ends say, whatever its date."""
        found = self.of(day, *(period(first + 5 * n, day=day) for n in range(count)))
        midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        notes = found.ledger[0].notes

        assert found.table["stamp"].to_pylist() == [
            midnight + dt.timedelta(minutes=first + 5 * n) for n in range(count)
        ]
        assert found.rejects.num_rows == 0
        assert notes["label"] == edge
        assert notes["label_by"].startswith("assumed") is assumed

    def test_rows_of_neighbour_days_are_theirs(self) -> None:
        """Counted and told (C10), not set aside."""
        found = self.read(self.data(tuple(map(period, (-5, 0, 1440, 1445)))))

        assert found.table.num_rows == found.ledger[0].other_days == 2
        assert found.ledger[0].notes["defects"] == {"C10": 2}

    def test_the_real_archive_of_2024_is_used_whole(self, real_data: Path) -> None:
        """288 rows, 00:00 to 23:55: starts, for all that its stamps say."""
        folder = real_data / "btcusdt-derivatives"
        name = "binance/futures_um/BTCUSDT-metrics-2024-01-02.zip"
        feed = dataclasses.replace(self.feed, day=dt.date(2024, 1, 2))
        found = read_feed(feed, [RawPath(folder / name, name, 0)], RULES)

        assert found.ledger[0].lines.used == 288
        assert found.ledger[0].notes["label"] == "start"
        assert found.table["open_interest"].to_pylist()[-1] == 79762.793

    def test_zero_beside_others_is_no_measurement(self) -> None:
        """Null, counted in a note; zero alone stays what it is."""
        mixed = self.read(self.data((period(5), period(10, "0.0000"), period(15))))
        alone = self.read(self.data((period(5, "0"),)))

        assert mixed.table["open_interest"].to_pylist() == [81234.567, None, 81234.567]
        assert mixed.ledger[0].notes["zeros"].startswith("1 of open interest")
        assert alone.table["open_interest"].to_pylist() == [0.0]

    def test_the_exchanges_answer_is_read(self) -> None:
        """Objects of openInterestHist; what it does not say is null."""
        at = day_open_us(DAY) // 1_000 + 300_000
        answer = [{"symbol": "BTCUSDT", "sumOpenInterest": "20.5", "timestamp": at}]
        (row,) = self.read(json.dumps(answer).encode()).table.to_pylist()

        assert (row["open_interest"], row["taker_volume_ratio"]) == (20.5, None)

    def test_klines_with_an_open_interest_are_not_claimed(self) -> None:
        """A table of prices is none of positions, whatever else it has."""
        assert not self.adapter.claims("x.csv", b"timestamp,open,close,open_interest\n")

    def test_a_figure_that_is_left_out_is_null(self) -> None:
        """Empty text, quoted or not, is no number and costs no line."""
        lines = (period(5, ""), period(10, '""'), period(15, "0.5"))
        found = self.read(self.data(lines))

        assert found.table["open_interest"].to_pylist() == [None, None, 0.5]
        assert found.table["accounts_ratio"].null_count == 0

    @pytest.mark.parametrize(
        "line",
        [
            period(7),
            period(10, "-1"),
            period(10, "many"),
            period(10) + b",1",
            period(10).replace(b" ", b"/"),
            period(10).replace(b":10:", b":61:"),
        ],
    )
    def test_nonsense_is_set_aside(self, line: bytes) -> None:
        """B26 with a reason; the others are used."""
        found = self.read(self.data((period(5), line, period(15))))

        assert [r["code"] for r in found.rejects.to_pylist()] == ["B26"]
        assert found.table.num_rows == 2

    def test_those_of_coin_m_are_refused(self) -> None:
        """They count contracts: the file is set aside whole, and says so."""
        self.feed = dataclasses.replace(self.feed, market="futures_cm")
        found = self.read(self.data())

        assert found.table.num_rows == 0
        assert "wanted those of futures_um" in found.ledger[0].notes["refused"]["reason"]
