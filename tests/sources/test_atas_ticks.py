"""TickTape: sides, failed reflection, wrong symbol or day, repeated blocks, order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kit.adapter_suite import AdapterSuite, drop, feed_of
from kit.shipped import RULES
from pipeline.contracts.ledger import Lines
from pipeline.sources.atas.ticks import AtasTicks
from pipeline.sources.clean import CleanFeed, read_feed


def tick(second: int, **changes: Any) -> bytes:
    """A line as tick.v3 writes it; a change to None leaves the key out."""
    values = {
        "ts": f"2025-01-02T00:00:{second:02}.1230000Z",
        "exchange": "BINANCE_FUTURES",
        "symbol": "BTCUSDT",
        "price": 100.1,
        "qty": 0.005,
        "side": "buy",
        "vbuy": 0.005,
        "schema_version": "tick.v3",
    } | changes
    return json.dumps({k: v for k, v in values.items() if v is not None}).encode()


class TestAtasTicks(AdapterSuite):
    """The suite, and what is the tape's own."""

    adapter = AtasTicks()
    feed = feed_of("atas_ticks")
    name = "atas/ticks/BTCUSDT/date=2025-01-02/ticks.jsonl"
    good_lines = tuple(tick(second, trade_id=str(second)) for second in range(6))
    foreign = b'{"timestamp":"2025-01-02T00:00:00Z","schema_version":"bar_1m.v6_5"}\n'

    def ticks(self, *lines: bytes) -> CleanFeed:
        """The feed of a file of such lines."""
        return self.read(b"".join(line + b"\r\n" for line in lines))

    @pytest.mark.parametrize(
        ("word", "sign"),
        [("buy", 1), ("Sell", -1), ("Between", None), ("unknown", None), ("", None), (None, None)],
    )
    def test_sides(self, word: str | None, sign: int | None) -> None:
        """Either spelling; what names no side is null."""
        assert self.ticks(tick(0, side=word)).table["side"].to_pylist() == [sign]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"price": 0}, "A10"),
            ({"price": None}, "A10"),
            ({"qty": 0.0}, "A10"),
            ({"qty": -1}, "A10"),
            ({"price": float("nan")}, "A10"),
            ({"qty": float("inf")}, "A10"),
            ({"price": "100.1"}, "A13"),
            ({"ts": None}, "A13"),
            ({"ts": "yesterday"}, "A13"),
            ({"ts": "2025-01-02T00:00:61.0000000Z"}, "A13"),
            ({"symbol": "ETHUSDT"}, "A22"),
            ({"symbol": "UNKNOWN"}, "A22"),
            ({"ts": "2024-12-31T23:59:59.9999999Z"}, "A16"),
            ({"ts": "2025-01-04T00:00:00.0000000Z"}, "A16"),
        ],
    )
    def test_a_tick_that_cannot_be_used_is_set_aside(
        self, changes: dict[str, Any], code: str
    ) -> None:
        """Its code says why; its neighbours stay."""
        found = self.ticks(tick(0), tick(1, **changes), tick(2))

        assert found.table.num_rows == 2
        assert found.rejects["code"].to_pylist() == [code]

    def test_the_exchange_is_only_a_hint(self) -> None:
        """It is a setting with a default that is often wrong."""
        found = self.ticks(tick(0, exchange="SOMEWHERE"))

        assert found.table.num_rows == 1
        assert found.ledger[0].notes["exchanges"] == {"SOMEWHERE": 1}

    def test_equal_trades_without_an_id_are_all_kept(self) -> None:
        """Many trades share time, price, size and side."""
        assert self.ticks(tick(0), tick(0), tick(0)).table.num_rows == 3

    def test_a_repeated_block_is_merged_by_trade_id(self) -> None:
        """A crash of the exporter can write a block again; a new price is another trade."""
        found = self.ticks(
            tick(0, trade_id="1"),
            tick(1, trade_id="2"),
            tick(0, trade_id="1"),
            tick(1, trade_id="2", price=100.2),
        )

        assert found.table["line"].to_pylist() == [1, 2, 4]
        assert found.ledger[0].lines == Lines(read=4, used=3, merged=1, rejected=0)

    def test_repeated_trades_are_merged_across_files(self) -> None:
        """A block that lies under two hours counts once, in the first."""
        one = drop(self.raw, "t/00/ticks.jsonl", tick(0, trade_id="1") + b"\n")
        two = drop(
            self.raw, "t/01/ticks.jsonl", tick(0, trade_id="1") + b"\n" + tick(5, trade_id="2")
        )
        found = read_feed(self.feed, [one, two], RULES)

        assert found.table["file"].to_pylist() == [0, 1]
        assert [entry.lines.merged for entry in found.ledger] == [0, 1]

    def test_order_is_by_time_and_stable(self) -> None:
        """Steps back are sorted and counted; equal times keep their order."""
        found = self.ticks(tick(5), tick(3), tick(5, qty=1), tick(4))

        assert found.table["line"].to_pylist() == [2, 4, 1, 3]
        assert found.ledger[0].notes["inversions"] == 2
        assert found.ledger[0].notes["largest_step_back_us"] == 2_000_000

    def test_digits_below_a_millisecond_are_counted(self) -> None:
        """Many of them mean that the PC's clock stamped the tape."""
        found = self.ticks(tick(0), tick(1, ts="2025-01-02T00:00:01.1234567Z"))

        assert found.ledger[0].notes["sub_ms"] == 1
        assert found.table["ts"].cast("int64").to_pylist()[1] % 1_000_000 == 123_456

    def test_a_crossed_quote_is_no_quote(self) -> None:
        """The trade stays, its bid and ask become null."""
        found = self.ticks(tick(0, best_bid=100.2, best_ask=100.1), tick(1, best_bid=100.0))

        assert found.table["best_bid"].to_pylist() == [None, 100.0]

    @pytest.mark.parametrize("version", ["tick.v1", "tick.v2"])
    def test_earlier_versions(self, version: str) -> None:
        """They lack fields, which are null, and write ids as numbers at times."""
        found = self.ticks(tick(0, schema_version=version, trade_id=17))

        assert found.table["trade_id"].to_pylist() == ["17"]
        assert found.table["best_bid"].to_pylist() == [None]

    @pytest.mark.parametrize("text", ["2025-01-02T00:00:00Z", "2025-01-02T08:00:00.5+08:00"])
    def test_other_time_texts_are_instants_too(self, text: str) -> None:
        """Not only the exporters' 28 characters."""
        (row,) = self.ticks(tick(0, ts=text)).table.to_pylist()

        assert row["ts"].replace(microsecond=0).isoformat() == "2025-01-02T00:00:00+00:00"
