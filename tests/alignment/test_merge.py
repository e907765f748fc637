"""Several runs tell of the same minute: which value stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.minute_tables import MINUTE, bar_table, bars_of_lines, day_us, kline_table, table, traded
from pipeline.alignment.merge import merge_runs

DAY = day_us("2025-01-02")


def row(run: int, minute: int = 0, **values: Any) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close"), 1.0)
    ledger = {"lines": 1, "file": 0, "line": run + 1, "flags": 0}
    return {"run": run, "stamp": DAY + minute * MINUTE, **prices, **ledger, **values}


def merged(*rows: dict[str, Any]) -> dict[str, Any]:
    (result,) = merge_runs(table("clean_bars", list(rows)), 0).to_pylist()
    return result


@pytest.mark.parametrize(("day", "minutes"), [("2019-10-11", 1022), ("2019-10-12", 973)])
def test_a_live_export_gives_the_exchanges_minutes(real_data: Path, day: str, minutes: int) -> None:
    """A line per trade, history emitted again at 06:00: OHLCV and summed buys equal the archive's."""
    root = real_data / "xrpeth-2019-10"
    bars = bar_table(root / f"atas-live/bars_1m/XRPETH/date={day}/bars_1m.jsonl")
    expected = traded(kline_table(root / f"binance/spot/XRPETH-1m-{day}.zip"))
    actual = merge_runs(bars, 0)

    assert actual.num_rows == minutes
    for ours, theirs in [
        (n, n) for n in ("minute_open", "open", "high", "low", "close", "volume")
    ] + [("vbuy", "taker_buy_volume")]:
        assert actual[ours].to_pylist() == expected[theirs].to_pylist()
    assert set(actual["runs"].to_pylist()) == {1, 2}
    assert not any(
        actual["flow_exceeds_volume"].to_pylist() + actual["volume_regressed"].to_pylist()
    )


def test_the_last_run_wins() -> None:
    """A later row of the same minute, as large or larger, is the one that stands."""
    result = merged(row(0, close=1.0, volume=5.0), row(1, close=2.0, volume=5.0))

    assert (result["close"], result["line"], result["lines"], result["runs"]) == (2.0, 2, 2, 2)
    assert result["volume_regressed"] is False


def test_a_smaller_volume_later_is_flagged_and_not_used() -> None:
    """The larger volume's row is kept whole."""
    result = merged(row(0, close=1.0, volume=5.0), row(1, close=2.0, volume=4.0))

    assert (result["close"], result["volume"], result["volume_regressed"]) == (1.0, 5.0, True)


def test_a_row_without_volume_does_not_hide_an_earlier_one() -> None:
    """A null is not a smaller volume: nothing regressed."""
    result = merged(row(0, volume=5.0), row(1, volume=None))

    assert (result["volume"], result["volume_regressed"]) == (5.0, False)


def test_history_without_flow_leaves_flow_alone() -> None:
    """Emitted again without vbuy and vsell, the minute keeps what was measured live."""
    result = merged(row(0, volume=5.0, vbuy=3.0, vsell=2.0), row(1, volume=5.0))

    assert (result["vbuy"], result["vsell"]) == (3.0, 2.0)


def test_increments_of_two_runs_add_up_as_decimals() -> None:
    """A reload inside the minute: 0.1 + 0.2 is 0.3."""
    result = merged(
        row(0, volume=0.3, vbuy=0.1, vsell=0.0), row(1, volume=0.4, vbuy=0.2, vsell=0.1)
    )

    assert (result["vbuy"], result["vsell"], result["volume"]) == (0.3, 0.1, 0.4)


def test_flow_exported_twice_is_taken_once() -> None:
    """Both runs tell of the whole minute: the sum does not fit, one of them does."""
    whole = {"volume": 5.0, "vbuy": 3.0, "vsell": 2.0}
    result = merged(row(0, **whole), row(1, **whole))

    assert (result["vbuy"], result["vsell"], result["flow_exceeds_volume"]) == (3.0, 2.0, False)


def test_of_runs_that_fit_the_fullest_is_taken() -> None:
    """A replayed last trade does not replace the minute's flow."""
    result = merged(
        row(0, volume=5.0, vbuy=3.0, vsell=2.0), row(1, volume=5.0, vbuy=0.5, vsell=0.0)
    )

    assert (result["vbuy"], result["vsell"]) == (3.0, 2.0)


def test_flow_beyond_the_volume_is_null_and_flagged() -> None:
    """Two charts into one file: no run's flow can be the minute's (defect A07)."""
    result = merged(row(0, volume=5.0, vbuy=6.0, vsell=4.0))

    assert (result["vbuy"], result["vsell"], result["flow_exceeds_volume"]) == (None, None, True)


def test_other_columns_keep_the_last_known_value() -> None:
    """Open interest and profile of an earlier run stand where the later has none."""
    result = merged(
        row(0, volume=5.0, oi=7.0, poc=1.5, absorption_detected=True, flags=4),
        row(1, volume=5.0, oi=8.0, bar_vpo_side="bull", flags=1),
    )

    assert (result["oi"], result["poc"], result["bar_vpo_side"]) == (8.0, 1.5, "bull")
    assert (result["absorption_detected"], result["vah"], result["flags"]) == (True, None, 5)


def test_equal_stamps_of_runs_with_different_offsets_stay_apart() -> None:
    """01:30 before and after the clock went back are two true minutes."""
    bars = table("clean_bars", [row(0, 90, volume=1.0), row(1, 90, volume=2.0)])
    result = merge_runs(bars, {0: 0, 1: 60 * MINUTE})

    assert result["volume"].to_pylist() == [1.0, 2.0]
    assert [m.hour for m in result["minute_open"].to_pylist()] == [1, 2]


def test_runs_without_an_offset_are_left_out() -> None:
    """What could not be placed in time is in no minute."""
    bars = table("clean_bars", [row(0, 1, volume=1.0), row(1, 1, volume=2.0)])

    assert merge_runs(bars, {0: 0})["volume"].to_pylist() == [1.0]


def test_rows_off_the_minute_grid_are_in_no_minute() -> None:
    """A stamp is never floored in silence."""
    bars = table("clean_bars", [{**row(0, volume=1.0), "stamp": DAY + 1}])

    assert merge_runs(bars, 0).num_rows == 0


LINES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 999), st.booleans(), st.booleans()),
    min_size=1,
    max_size=40,
)


def live_lines(trades: list[tuple[int, int, bool, bool]], reload: bool) -> list[tuple[int, Any]]:
    """What the live exporter writes, a line a trade; a reload emits all bars so far without flow."""
    lines: list[tuple[int, Any]] = []
    bars: dict[int, dict[str, Any]] = {}
    volume: dict[int, Decimal] = {}
    for minute, lots, is_buy, again in sorted(trades, key=lambda t: t[0]):
        size = Decimal(lots) / 1000
        volume[minute] = volume.get(minute, Decimal(0)) + size
        price = float(lots)
        bar = bars.setdefault(minute, {"open": price, "high": price, "low": price})
        bar["high"], bar["low"] = max(bar["high"], price), min(bar["low"], price)
        bar.update(close=price, volume=float(volume[minute]))
        sides = {"vbuy": float(size if is_buy else 0), "vsell": float(0 if is_buy else size)}
        lines.append((DAY + minute * MINUTE, {**bar, **sides}))
        if reload and again:
            lines.extend((DAY + m * MINUTE, dict(b)) for m, b in sorted(bars.items()))
    return lines


@given(trades=LINES)
def test_reloads_leave_no_trace(trades: list[tuple[int, int, bool, bool]]) -> None:
    """However often the history is emitted again, the merged minutes are those of one clean run."""
    names = ["minute_open", "open", "high", "low", "close", "volume", "vbuy", "vsell"]
    once, often = (merge_runs(bars_of_lines(live_lines(trades, r)), 0) for r in (False, True))

    assert often.select(names).equals(once.select(names))
    assert not any(often["volume_regressed"].to_pylist())
