"""SimplifiedDataExporter: null keys, SafeMode, flush_seq, nested absorption."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kit.adapter_suite import AdapterSuite, feed_of
from pipeline.sources.atas.simplified import AtasSimplified


def bar(minute: int, **changes: Any) -> bytes:
    """A line as v6.3 writes it in SafeMode."""
    stamp = f"2025-01-02T00:{minute:02}:00.0000000+00:00"
    values: dict[str, Any] = {"timestamp": stamp, "timestamp_utc": stamp, "tz": "UTC"}
    values |= {"open": 100.1, "high": 101.0, "low": 99.5, "close": 100.7, "volume": 12.5}
    values |= dict.fromkeys(("poc", "vah", "val", "bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc"))
    values |= {"cvd": 9.5, "absorption_detected": False, "absorption_strength": None}
    values |= {"absorption_side": "", "bar_vpo_side": "", "window_id": stamp}
    values |= {"flush_seq": minute + 1, "schema_version": "v6.3", "cvd_mode": "rolling:60"}
    return json.dumps(values | changes).encode()


class TestAtasSimplified(AdapterSuite):
    """The suite, and what is the exporter's own."""

    adapter = AtasSimplified()
    feed = feed_of("atas_v6_3")
    name = "atas/v6_3/BTCUSDT/date=2025-01-02/bar_20250102.jsonl"
    good_lines = tuple(bar(minute) for minute in range(6))
    foreign = b'{"ts":"2025-01-02T00:00:00Z","schema_version":"tick.v3"}\n'

    def column(self, name: str, *lines: bytes) -> list[Any]:
        """A column of the table that such lines make."""
        values: list[Any] = self.read(b"\n".join(lines) + b"\n").table[name].to_pylist()
        return values

    def test_safe_mode_measured_nothing(self) -> None:
        """Constant false beside nothing but nulls is not a finding."""
        found = self.read(self.data())

        assert found.table["absorption_detected"].to_pylist() == [None] * 6
        assert found.ledger[0].notes["not_measured"] == ["absorption_detected"]

    @pytest.mark.parametrize(
        "sign",
        [
            {"absorption_detected": True},
            {"absorption_strength": 0.5},
            {"poc": 100.0},
            {"bar_vpo_price": 100.0},
        ],
    )
    def test_one_measured_value_makes_false_a_finding(self, sign: dict[str, Any]) -> None:
        """Then the exporter did look."""
        assert self.column("absorption_detected", bar(0), bar(1, **sign))[0] is False

    def test_empty_words_are_null(self) -> None:
        """An empty side is no side."""
        assert self.column("bar_vpo_side", bar(0)) == [None]
        assert self.column("absorption_side", bar(0), bar(1, absorption_side="Buy")) == [
            None,
            "buy",
        ]

    def test_nested_absorption_of_older_versions(self) -> None:
        """The same three values, one level deeper."""
        nested = {"detected": True, "volume": 3.5, "direction": "sell"}
        line = bar(0, absorption=nested, absorption_detected=None, schema_version="v6.1")
        (row,) = self.read(line + b"\n").table.to_pylist()

        assert (row["absorption_detected"], row["absorption_strength"]) == (True, 3.5)
        assert row["absorption_side"] == "sell"

    def test_versions_may_be_mixed(self) -> None:
        """Each line is read by what it has; the ledger counts them."""
        found = self.read(bar(0) + b"\n" + bar(1, schema_version="v6.2") + b"\n")

        assert found.ledger[0].notes["schema_versions"] == {"v6.2": 1, "v6.3": 1}
