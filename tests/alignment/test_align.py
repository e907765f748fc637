"""The day's 1440 rows: the exchange's minutes, the corrected ATAS columns, and what is said of them."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.both_steps import aligned, calibrated, noted
from kit.minute_tables import bars_of_klines, day_us, replaced, shifted, table
from kit.shipped import RULES
from pipeline.alignment.flow import Sides, delta_columns

DAY = "2025-01-02"
FLAG = RULES.schema.flag_masks
BASELINE = ("open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume")
ATAS = ("atas_open", "atas_high", "atas_low", "atas_close", "atas_volume")


def flagged(bars: pa.Table, name: str) -> list[int]:
    """Minutes of the day with the flag."""
    return np.flatnonzero(bars["qc_flags"].to_numpy() & FLAG[name]).tolist()


def without(rows: pa.Table, *minutes: int) -> pa.Table:
    keep = [i not in minutes for i in range(rows.num_rows)]
    return rows.filter(pa.array(keep))


def column(rows: pa.Table, name: str) -> list[Any]:
    return rows[name].to_pylist()


def test_real_days_side_by_side(btc: dict[str, pa.Table]) -> None:
    """All 1440 closes equal, no flag, no basis; the baseline is the archive's."""
    bars = aligned(DAY, btc["futures"], btc["bars"])

    assert bars.num_rows == 1440
    assert column(bars, "atas_close") == column(bars, "close")
    assert all(column(bars, name) == column(btc["futures"], name) for name in BASELINE)
    assert set(column(bars, "qc_flags")) == {0}
    assert set(column(bars, "basis_bps")) == {0.0}
    assert set(column(bars, "src_atas")) == set(column(bars, "src_span_ok")) == {True}


@pytest.mark.parametrize("minutes", [-480, -1, 60])
def test_shifted_stamps_give_the_same_rows(btc: dict[str, pa.Table], minutes: int) -> None:
    """Once corrected, nothing tells that the stamps were off."""
    expected = aligned(DAY, btc["futures"], btc["bars"])

    assert aligned(DAY, btc["futures"], shifted(btc["bars"], minutes)).equals(expected)


def test_times_of_a_row(btc: dict[str, pa.Table]) -> None:
    """Ts is the minute's close; the last label is the next day's midnight."""
    bars = aligned(DAY, btc["futures"], btc["bars"], latency_seconds={"binance": 2, "atas": 3.5})
    last = bars.slice(1439).to_pylist()[0]
    midnight = dt.datetime(2025, 1, 3, tzinfo=dt.UTC)

    assert last["ts"] == last["minute_close"] == midnight
    assert last["minute_open"] == midnight - dt.timedelta(minutes=1)
    assert last["available_at"] == midnight + dt.timedelta(seconds=3.5)


def test_latency_of_a_feed_that_is_not_used_does_not_count(btc: dict[str, pa.Table]) -> None:
    """Binance alone: its own latency."""
    bars = aligned(DAY, btc["futures"], latency_seconds={"binance": 2, "atas": 3.5})

    assert column(bars, "available_at")[0] == dt.datetime(2025, 1, 2, 0, 1, 2, tzinfo=dt.UTC)


def test_thin_market(xrp: dict[str, Any]) -> None:
    """Minutes without a trade are filled, inside the span, no gap, and have delta 0."""
    bars = aligned(xrp["day"], xrp["klines"], xrp["live"], market="spot")
    quiet = [volume == 0 for volume in column(xrp["klines"], "volume")]

    assert column(bars, "is_filled") == quiet
    assert column(bars, "src_atas") == [not is_quiet for is_quiet in quiet]
    assert set(column(bars, "src_span_ok")) == {True}
    assert set(column(bars, "qc_flags")) == {0}
    assert {d for d, is_quiet in zip(column(bars, "delta"), quiet, strict=True) if is_quiet} == {
        0.0
    }


def test_delta_is_the_same_whoever_measured_it(xrp: dict[str, Any]) -> None:
    """Summed increments, and 2 x taker buys - volume: equal in every minute, cvd to the last lot."""
    measured = aligned(xrp["day"], xrp["klines"], xrp["live"])
    computed = aligned(xrp["day"], xrp["klines"])
    expected = [
        float(2 * Decimal(str(buy)) - Decimal(str(volume)))
        for buy, volume in zip(
            column(xrp["klines"], "taker_buy_volume"), column(xrp["klines"], "volume"), strict=True
        )
    ]

    assert column(measured, "delta") == column(computed, "delta") == expected
    assert measured["cvd"].equals(computed["cvd"])
    assert set(column(measured, "delta_source")) == {"atas_bars", "klines"}
    assert set(column(computed, "delta_source")) == {"klines"}


def test_running_sum_is_exact(btc: dict[str, pa.Table]) -> None:
    """1440 sums of three decimals end on the decimal, not near it."""
    bars = aligned(DAY, btc["futures"], btc["bars"])
    total = sum((Decimal(str(value)) for value in column(bars, "delta")), Decimal(0))

    assert column(bars, "cvd")[-1] == float(total)


def test_another_instruments_flow_is_not_the_delta(btc: dict[str, pa.Table]) -> None:
    """Spot with the perpetual's export: flow is shown, delta is the spot's own, every row is flagged."""
    bars = aligned(DAY, btc["spot"], btc["bars"])

    assert column(bars, "vbuy") == column(btc["bars"], "vbuy")
    assert set(column(bars, "delta_source")) == {"klines"}
    assert len(flagged(bars, "other_instrument")) == 1440
    assert flagged(bars, "ohlc_differs") == []
    assert np.median(bars["basis_bps"].to_numpy()) == pytest.approx(-2.13, abs=0.01)


def in_quote(btc: dict[str, pa.Table], archive: Path, size: int = 1) -> pa.Table:
    """The export with volumes and sides in value, as the archive's own columns have it."""
    with zipfile.ZipFile(archive) as packed:
        text = packed.read(packed.namelist()[0]).decode().splitlines()
    rows = list(csv.DictReader(text))
    value = [Decimal(row["quote_volume"]) / size for row in rows]
    buys = [Decimal(row["taker_buy_quote_volume"]) / size for row in rows]
    sells = [total - buy for total, buy in zip(value, buys, strict=True)]
    bars = replaced(btc["bars"], "volume", [float(v) for v in value])
    bars = replaced(bars, "vbuy", [float(v) for v in buys])
    return replaced(bars, "vsell", [float(v) for v in sells])


def test_volume_in_quote_units_is_set_aside(btc: dict[str, pa.Table]) -> None:
    """Nothing of such a file enters the day unless CONTROL says so."""
    volumes = column(btc["futures"], "quote_volume")

    bars = aligned(DAY, btc["futures"], replaced(btc["bars"], "volume", volumes))

    assert set(column(bars, "delta_source")) == {"klines"}
    assert bars["atas_volume"].null_count == 1440


@pytest.mark.parametrize(
    ("market", "size", "unit"), [("futures_um", 1, "quote"), ("futures_cm", 100, "contracts")]
)
def test_flow_in_value_is_turned_into_base(
    btc: dict[str, pa.Table], real_data: Path, market: str, size: int, unit: str
) -> None:
    """Delta in base: the exchange's own, but for what prices move within a minute."""
    archive = real_data / "btcusdt-2025-01-02/binance/futures_um/BTCUSDT-1m-2025-01-02.zip"
    value = in_quote(btc, archive, size)
    found = calibrated(
        DAY, btc["futures"], bars=value, market=market, control=noted("volume_in_quote")
    )
    assert found.correction.volume_unit == unit

    bars = aligned(DAY, btc["futures"], value, market=market, correction=found.correction)

    taker = np.array(column(btc["futures"], "taker_buy_volume"))
    volume, high, low = (btc["futures"][name].to_numpy() for name in ("volume", "high", "low"))
    off = np.abs(bars["delta"].to_numpy() - (2 * taker - volume))
    assert set(column(bars, "delta_source")) == {"atas_bars"}
    assert np.all(off <= volume * (high / low - 1) + 2e-3)
    assert column(bars, "vbuy") == column(value, "vbuy")


def test_a_refused_calibration_leaves_atas_null(btc: dict[str, pa.Table]) -> None:
    """Nothing of the feed enters the day, and no minute is blamed for it."""
    bars = aligned(DAY, btc["futures"], shifted(btc["bars"], 7))

    assert all(bars[name].null_count == 1440 for name in (*ATAS, "vbuy", "basis_bps", "poc"))
    assert set(column(bars, "src_atas")) == {False}
    assert set(column(bars, "delta_source")) == {"klines"}
    assert set(column(bars, "qc_flags")) == {0}


def test_no_klines_no_rows(btc: dict[str, pa.Table]) -> None:
    """Without the exchange of record there is no day."""
    assert aligned(DAY, btc["futures"].slice(0, 0), btc["bars"]).num_rows == 0


def test_a_lost_atas_minute_is_null_and_flagged(btc: dict[str, pa.Table]) -> None:
    """Measured rows stay; the minute still lies inside the span and its delta comes from klines."""
    bars = aligned(DAY, btc["futures"], without(btc["bars"], 100))
    row = bars.slice(100, 1).to_pylist()[0]

    assert flagged(bars, "atas_missing") == [100]
    assert [row[name] for name in (*ATAS, "vbuy", "basis_bps")] == [None] * 7
    assert (row["src_atas"], row["src_span_ok"], row["delta_source"]) == (False, True, "klines")


def test_the_span_ends_with_the_recording(btc: dict[str, pa.Table]) -> None:
    """Recorded from minute 30 to 1399: what the exchange traded outside is not in the span."""
    bars = aligned(DAY, btc["futures"], btc["bars"].slice(30, 1370))

    assert np.flatnonzero(bars["src_span_ok"].to_numpy(zero_copy_only=False)).tolist() == list(
        range(30, 1400)
    )


def test_quiet_minutes_at_the_edges_are_in_the_span(btc: dict[str, pa.Table]) -> None:
    """The exchange did not trade in the first five minutes: ATAS could not have a row."""
    klines = quiet(btc["futures"], range(5))

    assert set(column(aligned(DAY, klines, bars_of_klines(klines)), "src_span_ok")) == {True}


def quiet(klines: pa.Table, minutes: Any) -> pa.Table:
    """The klines with some minutes written as Binance writes a minute without a trade."""
    rows = klines.to_pylist()
    for minute in minutes:
        price = rows[max(minute - 1, 0)]["close"]
        rows[minute] |= dict.fromkeys(("open", "high", "low", "close"), price)
        rows[minute] |= dict.fromkeys(("volume", "quote_volume", "taker_buy_volume"), 0.0)
        rows[minute]["trades"] = 0
    return table("clean_klines", rows)


def test_a_missing_kline_is_null_and_flagged(btc: dict[str, pa.Table]) -> None:
    """No outage is known: B12. ATAS's own row stays; cvd goes on after the minute."""
    bars = aligned(DAY, without(btc["futures"], 50), btc["bars"], prefer_delta=("klines",))
    row = bars.slice(50, 1).to_pylist()[0]
    cvd = column(bars, "cvd")

    assert flagged(bars, "kline_missing") == [50]
    assert [row[name] for name in (*BASELINE, "delta", "delta_source", "cvd")] == [None] * 11
    assert (row["src_binance"], row["src_atas"], row["is_filled"]) == (False, True, False)
    assert Decimal(str(cvd[51])) == Decimal(str(cvd[49])) + Decimal(str(column(bars, "delta")[51]))


def test_a_known_outage_is_no_missing_minute(btc: dict[str, pa.Table]) -> None:
    """Rows absent, or zero rows as futures write them: null, and flagged as the outage."""
    klines = without(quiet(btc["futures"], range(600, 610)), *range(605, 610))
    bars = aligned(DAY, klines, bars_of_klines(klines), outages=frozenset(range(600, 610)))

    assert flagged(bars, "known_outage") == list(range(600, 610))
    assert flagged(bars, "kline_missing") == flagged(bars, "atas_missing") == []
    assert set(column(bars.slice(600, 10), "close")) == {None}
    assert set(column(bars.slice(600, 10), "is_filled")) == {False}
    assert set(column(bars, "src_span_ok")) == {True}


def test_flags_of_the_rows_are_carried(btc: dict[str, pa.Table]) -> None:
    """A kline's own flag stands in its minute."""
    flags = [FLAG["close_time_cut"] if i == 3 else 0 for i in range(1440)]
    bars = aligned(DAY, replaced(btc["futures"], "flags", flags), btc["bars"])

    assert flagged(bars, "close_time_cut") == [3]


def test_a_conflict_is_not_a_missing_row(btc: dict[str, pa.Table]) -> None:
    """Two klines differed and neither was used: the row is there, empty, with its flag."""
    rows = btc["futures"].to_pylist()
    rows[9] |= dict.fromkeys(BASELINE)
    rows[9]["flags"] = FLAG["kline_conflict"]
    bars = aligned(DAY, table("clean_klines", rows), btc["bars"])

    assert (flagged(bars, "kline_conflict"), flagged(bars, "kline_missing")) == ([9], [])
    assert column(bars, "src_binance")[9] is False


def test_a_differing_price_is_flagged(btc: dict[str, pa.Table]) -> None:
    """One tick off in one minute of the same instrument; float noise is no difference."""
    closes = column(btc["bars"], "close")
    closes[7] += 0.1
    closes[8] *= 1 + 1e-15
    bars = aligned(DAY, btc["futures"], replaced(btc["bars"], "close", closes))

    assert flagged(bars, "ohlc_differs") == [7]


def test_flow_that_falls_short_is_flagged(btc: dict[str, pa.Table]) -> None:
    """More than CONTROL's share of a minute's volume has no side: kept, with its bit."""
    buys = column(btc["bars"], "vbuy")
    buys[11] = 0.0
    bars = aligned(DAY, btc["futures"], replaced(btc["bars"], "vbuy", buys))

    assert flagged(bars, "flow_residual") == [11]
    assert column(bars, "vbuy")[11] == 0.0


def test_flow_beyond_the_volume_is_null(btc: dict[str, pa.Table]) -> None:
    """And the minute's delta comes from the next source."""
    buys = column(btc["bars"], "vbuy")
    buys[11] *= 10
    bars = aligned(DAY, btc["futures"], replaced(btc["bars"], "vbuy", buys))

    assert flagged(bars, "flow_exceeds_volume") == [11]
    assert (column(bars, "vbuy")[11], column(bars, "delta_source")[11]) == (None, "klines")


def test_columns_that_the_chosen_feed_lacks_come_from_the_next(xrp: dict[str, Any]) -> None:
    """Live bars have flow and no volume point; v6.3 of the same instrument has it."""
    feeds = {"atas_bars": xrp["live"], "atas_v6_3": xrp["v6_3"]}
    bars = aligned(xrp["day"], xrp["klines"], feeds)
    traded = bars.filter(bars["src_atas"])

    assert column(traded, "bar_vpo_price") == column(xrp["v6_3"], "bar_vpo_price")
    assert column(traded, "vbuy") == column(xrp["bars"], "vbuy")


def test_ticks_without_sides_leave_flow_null(btc: dict[str, pa.Table]) -> None:
    """A tape whose sides are unusable is flagged, and delta is the exchange's."""
    names = ("open", "high", "low", "close", "volume")
    rows = [
        {"minute_open": k["minute_open"], "trades": 1, **{n: k[n] for n in names}}
        for k in btc["futures"].to_pylist()
    ]
    bars = aligned(DAY, btc["futures"], minute_stats=table("minute_stats", rows))

    assert len(flagged(bars, "side_unknown")) == 1440
    assert bars["vbuy"].null_count == 1440
    assert set(column(bars, "delta_source")) == {"klines"}


def test_runs_with_their_own_offsets_are_moved_each(btc: dict[str, pa.Table]) -> None:
    """Two clocks in one export: the rows are those of one clock."""
    late = replaced(shifted(btc["bars"].slice(700), -60), "run", [1] * 740)
    two = pa.concat_tables([btc["bars"].slice(0, 700), late])

    assert aligned(DAY, btc["futures"], two).equals(aligned(DAY, btc["futures"], btc["bars"]))


def test_a_correction_of_another_day_is_carried_out_as_told(btc: dict[str, pa.Table]) -> None:
    """Align finds nothing itself: rows moved out of the day are gone, rows moved in are there."""
    correction = calibrated(DAY, btc["futures"], bars=shifted(btc["bars"], -60)).correction
    bars = aligned(DAY, btc["futures"], btc["bars"], correction=correction)

    assert column(bars, "src_atas") == [False] * 60 + [True] * 1380
    assert column(bars, "atas_close")[60:] == column(btc["bars"], "close")[:1380]


LOTS = st.one_of(st.none(), st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))


@settings(max_examples=50)
@given(minutes=st.lists(st.tuples(LOTS, LOTS), min_size=1, max_size=30))
def test_delta_and_its_sum_against_decimals(minutes: list[tuple[Any, Any]]) -> None:
    """The first source that measured a minute gives it; the sum is the decimals' sum."""
    first, second = (
        Sides(
            buy=np.array([m[i][0] / 1000 if m[i] else np.nan for m in minutes]),
            sell=np.array([m[i][1] / 1000 if m[i] else np.nan for m in minutes]),
        )
        for i in (0, 1)
    )
    actual = delta_columns({"a": first, "b": second}, len(minutes))
    total, expected = 0, []
    for m in minutes:
        lots = m[0] or m[1]
        total += lots[0] - lots[1] if lots else 0
        expected.append((lots[0] - lots[1]) / 1000 if lots else None)
        expected.append(total / 1000 if lots else None)

    assert actual["delta"].to_pylist() == expected[::2]
    assert actual["cvd"].to_pylist() == expected[1::2]
    assert actual["delta_source"].to_pylist() == [
        "a" if m[0] else "b" if m[1] else None for m in minutes
    ]


def test_days_start_at_their_own_midnight(btc: dict[str, pa.Table]) -> None:
    """Rows of the neighbour day in the table do not enter."""
    before = shifted(btc["bars"], -1440)
    bars = aligned(DAY, btc["futures"], pa.concat_tables([before, btc["bars"]]))

    assert column(bars, "minute_open")[0].timestamp() * 1e6 == day_us(DAY)
    assert column(bars, "atas_close") == column(btc["bars"], "close")
