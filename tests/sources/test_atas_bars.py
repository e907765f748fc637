"""Bar1mExporter: merge of live lines, runs, exact sums, what zero and empty mean."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.adapter_suite import AdapterSuite, feed_of
from pipeline.contracts.values import ANY
from pipeline.sources.atas.bar_lines import Bar, BarLine, checked
from pipeline.sources.atas.bar_merge import Merging
from pipeline.sources.atas.bars import AtasBars
from pipeline.sources.clean import CleanFeed
from pipeline.tables.exact import Sum


def bar(minute: int, **changes: Any) -> bytes:
    """A line as the exporter writes it; a change to None leaves the key out."""
    stamp = f"2025-01-02T{minute // 60:02}:{minute % 60:02}:00.0000000Z"
    values = {
        "timestamp": stamp,
        "timestamp_utc": stamp,
        "open": 100.1,
        "high": 101.0,
        "low": 99.5,
        "close": 100.7,
        "volume": 12.5,
        "exporter_version": "6.3",
        "schema_version": "bar_1m.v6_5",
    } | changes
    return json.dumps({k: v for k, v in values.items() if v is not None}).encode()


class TestAtasBars(AdapterSuite):
    """The suite, and what is the exporter's own."""

    adapter = AtasBars()
    feed = feed_of("atas_bars")
    name = "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"
    good_lines = tuple(bar(minute, vbuy=1.5, vsell=0.25, oi=7) for minute in range(6))

    def bars(self, *lines: bytes) -> CleanFeed:
        """The feed of a file of such lines."""
        return self.read(b"".join(line + b"\r\n" for line in lines))

    def row(self, *lines: bytes) -> dict[str, Any]:
        """The one row that such lines make."""
        (found,) = self.bars(*lines).table.to_pylist()
        return dict(found)

    def test_lines_of_a_forming_bar_are_one_row(self) -> None:
        """The last line is the bar; increments of order flow are summed; depth is the last seen."""
        row = self.row(
            bar(0, volume=1.0, vbuy=0.1, vsell=0.0, oi=5.0, cum_bid_depth=9.0),
            bar(0, volume=2.0, vbuy=0.2, close=100.2),
            bar(0, volume=3.0, close=100.3, oi=0),
        )

        assert (row["close"], row["volume"], row["line"], row["lines"]) == (100.3, 3.0, 3, 3)
        assert (row["vbuy"], row["vsell"]) == (0.3, 0.0)  # not 0.30000000000000004
        assert (row["oi"], row["cum_bid_depth"]) == (5.0, 9.0)
        assert row["flags"] == 0

    def test_a_smaller_later_volume_does_not_win(self) -> None:
        """The larger line is kept and flagged."""
        row = self.row(bar(0, volume=5.0, close=100.5), bar(0, volume=4.0, close=100.4))

        assert (row["volume"], row["close"], row["line"], row["flags"]) == (5.0, 100.5, 1, 1)

    def test_flow_that_no_line_has_is_null(self) -> None:
        """Not measured is not zero."""
        row = self.row(bar(0), bar(0))

        assert row["vbuy"] is row["vsell"] is row["oi"] is None

    @pytest.mark.parametrize(
        "second",
        [
            bar(0),
            bar(2, flush_seq=1),
            bar(2, timestamp="2025-01-02T08:02:00.0000000+08:00"),
        ],
        ids=["stamp steps back", "flush_seq drops", "zone changes"],
    )
    def test_a_new_run_begins(self, second: bytes) -> None:
        """Runs are numbered from 0 in file order, and lines of two runs never merge."""
        found = self.bars(bar(0, flush_seq=1), bar(1, flush_seq=2), second, bar(3))

        assert found.table["run"].to_pylist()[:3] == [0, 0, 1]
        assert found.table.num_rows == 4

    def test_history_written_again_stays_apart(self) -> None:
        """A bar that two runs have is two rows; the correction of each run comes later."""
        found = self.bars(bar(0), bar(1), bar(0), bar(1), bar(2))

        assert found.table["run"].to_pylist() == [0, 0, 1, 1, 1]
        assert found.ledger[0].notes["defects"] == {"A05": 1}

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"open": 0}, "A10"),
            ({"close": None}, "A10"),
            ({"low": -1.0}, "A10"),
            ({"vbuy": -0.5}, "A10"),
            ({"open": "100.1"}, "A13"),
            ({"volume": True}, "A13"),
            ({"timestamp": None, "timestamp_utc": None}, "A10"),
            ({"timestamp_utc": "0001-01-01T00:00:00.0000000Z", "timestamp": None}, "A10"),
            ({"timestamp_utc": "2025-13-01T00:00:00Z"}, "A13"),
            ({"timestamp": "2025-01-02T00:01:00.0000000Z"}, "C05"),
            ({"window_id": "2025-01-02T08:01:00.0000000+08:00"}, "C05"),
        ],
    )
    def test_a_line_without_prices_or_a_stamp_is_set_aside(
        self, changes: dict[str, Any], code: str
    ) -> None:
        """Zero is how a failed reflection looks; stamps must agree as instants."""
        found = self.bars(bar(0, **changes), bar(1))

        assert found.table.num_rows == 1
        assert found.rejects["code"].to_pylist() == [code]

    def test_zero_volume_is_allowed(self) -> None:
        """It is a bar without trades."""
        assert self.row(bar(0, volume=0))["volume"] == 0.0

    def test_one_instant_in_two_zones_agrees(self) -> None:
        """Instants are compared, not texts."""
        row = self.row(bar(0, timestamp="2025-01-02T08:00:00.0000000+08:00"))

        assert row["stamp"].isoformat() == "2025-01-02T00:00:00+00:00"

    def test_a_stamp_of_another_day_or_off_the_minute_is_kept(self) -> None:
        """The offset is not known yet: that is for the calibration to judge."""
        stamps = ("2025-01-01T16:00:00Z", "2025-01-02T00:00:17.5Z")
        lines = [bar(0, timestamp=stamp, timestamp_utc=stamp) for stamp in stamps]

        assert self.bars(*lines).table.num_rows == 2

    def test_bare_nan_is_null(self) -> None:
        """A form that Newtonsoft writes; NaN inside a text is not touched."""
        line = bar(0, poc=1234.5, bar_vpo_side="NaN").replace(b"1234.5", b"NaN")
        found = self.bars(line)

        assert found.table["poc"].to_pylist() == [None]
        assert found.table["bar_vpo_side"].to_pylist() == ["nan"]
        assert found.ledger[0].notes["defects"] == {"A12": 1}

    def test_indented_objects_are_read(self) -> None:
        """JsonIndent=true writes an object over many lines; a broken one costs only itself."""
        texts = [json.dumps(json.loads(bar(minute)), indent=2) for minute in range(3)]
        texts[1] = texts[1].replace('"open": ', '"open": ?')
        found = self.read("\r\n".join(texts).encode() + b"\r\n")

        assert found.table["line"].to_pylist() == [1, 23]
        assert found.rejects["line"].to_pylist() == [12]
        assert found.ledger[0].notes["indented"] is True

    def test_one_opening_brace_does_not_make_a_file_indented(self) -> None:
        """A first line that was torn costs no other."""
        found = self.bars(b"{", bar(0), bar(1))

        assert found.table.num_rows == 2
        assert found.rejects["line"].to_pylist() == [1]

    def test_hostile_lines_are_rejects(self) -> None:
        """Deep nesting, lone surrogates, huge numbers, glued objects."""
        hostile = [
            b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"timestamp":"\\ud800"}',
            bar(0).replace(b"12.5", b"1e400"),
            bar(0) + bar(0),
            b'{"timestamp":"' + b"9" * 6000 + b'"}',
        ]
        found = self.bars(*hostile, bar(0))

        assert found.table.num_rows == 1
        assert found.rejects.num_rows == len(hostile)
        assert max(len(text) for text in found.rejects["raw"].to_pylist()) == 4096
        assert found.rejects["raw_bytes"].to_pylist() == [len(line) for line in hostile]


@given(st.lists(st.decimals("0", "1000000", places=8), min_size=1, max_size=60))
def test_sums_are_those_of_the_decimals(amounts: list[Decimal]) -> None:
    """The float nearest to the exact sum, in whatever order."""
    exact = float(sum(amounts, Decimal(0)))

    for order in (amounts, amounts[::-1]):
        total = Sum()
        for amount in order:
            total.add(float(amount))
        assert total.nearest == exact


def test_a_bar_of_any_number_of_lines_takes_the_room_of_one() -> None:
    """Lines are merged as they come: no object of them is left, and their flow is summed exactly."""
    merging, lines = Merging(), 20_000

    def take(number: int) -> None:
        line = BarLine(
            timestamp="2025-01-02T00:00:00Z",
            **dict.fromkeys(("open", "high", "low", "close"), 100.0),
            volume=float(number),
            vbuy=0.1,
            vsell=None,
        )
        found = checked(line, number, ANY)
        assert isinstance(found, Bar)
        merging.take(found)

    take(1)
    tracemalloc.start()
    for number in range(2, lines + 1):
        take(number)
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    (row,) = merging.finish().rows.to_pylist()

    assert left < 20_000
    assert (row["lines"], row["volume"], row["vbuy"]) == (lines, float(lines), 2000.0)
