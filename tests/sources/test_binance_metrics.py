"""Metrics archives: five minutes by either label, figures that are not there, other markets."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from adapter_suite import DAY, AdapterSuite, feed_of

from pipeline.sources.binance_metrics import BinanceMetrics

HEADER = (
    b"create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    b"sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
LAST_OLD, FIRST_NEW = dt.date(2026, 6, 24), dt.date(2026, 6, 25)


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
        """Every figure in its column; the period ends at the label."""
        (row,) = self.read(self.data((period(5),))).table.to_pylist()

        assert row["period_open"].isoformat() == f"{DAY}T00:00:00+00:00"
        assert row["period_close"].isoformat() == f"{DAY}T00:05:00+00:00"
        assert [row[name] for name in ("open_interest", "open_interest_value")] == [
            81234.567,
            7700000000.12,
        ]
        assert [row[n] for n in row if n.endswith("_ratio")] == [1.92, 1.21, 1.87, 0.94]

    @pytest.mark.parametrize(("day", "first"), [(LAST_OLD, 5), (FIRST_NEW, 0)])
    def test_both_labels_give_the_same_periods(self, day: dt.date, first: int) -> None:
        """B22: 288 periods from 00:00 on, whether labelled by their ends or their starts."""
        found = self.of(day, *(period(first + 5 * n, day=day) for n in range(288)))
        midnight = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
        opens = found.table["period_open"].to_pylist()

        assert opens == [midnight + dt.timedelta(minutes=5 * n) for n in range(288)]
        assert found.rejects.num_rows == 0
        assert found.ledger[0]["notes"]["label"].startswith("end" if first else "start")

    @pytest.mark.parametrize(("day", "first"), [(LAST_OLD, 0), (FIRST_NEW, 5)])
    def test_rows_that_contradict_the_label_are_named(self, day: dt.date, first: int) -> None:
        """The one row that then is another day's is set aside, and B22 counted."""
        found = self.of(day, *(period(first + 5 * n, day=day) for n in range(288)))

        assert [r["code"] for r in found.rejects.to_pylist()] == ["C10"]
        assert found.ledger[0]["notes"]["defects"] == {"B22": 1}

    def test_a_figure_that_is_left_out_is_null(self) -> None:
        """Empty text, quoted or not, is no number and costs no line."""
        lines = (period(5, ""), period(10, '""'), period(15, "0"))
        found = self.read(self.data(lines))

        assert found.table["open_interest"].to_pylist() == [None, None, 0.0]
        assert found.table["accounts_ratio"].null_count == 0

    @pytest.mark.parametrize(
        "line",
        [
            period(7),
            period(10, "-1"),
            period(10, "many"),
            period(10, symbol="ETHUSDT"),
            period(10) + b",1",
            period(10).replace(b" ", b"T"),
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
        assert "wanted those of futures_um" in found.ledger[0]["notes"]["refused"]["reason"]
