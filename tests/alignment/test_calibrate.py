"""Offset, instrument and unit are found from the data, or the feed is refused with a reason."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.both_steps import calibrated, noted
from kit.minute_tables import (
    MINUTE,
    bars_of_klines,
    day_us,
    replaced,
    shifted,
    table,
    traded,
)
from pipeline.alignment.evidence import allowed
from pipeline.alignment.feeds import bars_of_ticks, vendor_feeds
from pipeline.contracts import correction
from pipeline.contracts.calibration import DayFinding, Runs, Segment, TickSizes, from_json, to_json

DAY = "2025-01-02"
PRICES = ("open", "high", "low", "close")


def finding(day: str, klines: pa.Table, **inputs: Any) -> DayFinding:
    return calibrated(day, klines, **inputs).calibration


def keys(found: DayFinding) -> list[str]:
    return [reason.key for reason in found.reasons]


def with_prices(bars: pa.Table, make: Any) -> pa.Table:
    for name in PRICES:
        bars = replaced(bars, name, [make(value) for value in bars[name].to_pylist()])
    return bars


def test_a_stamp_that_is_the_open_needs_no_correction(btc: dict[str, pa.Table]) -> None:
    """All 1440 real minutes equal the archive's at lag 0, in both exports."""
    found = finding(DAY, btc["futures"], bars={"atas_bars": btc["bars"], "atas_v6_3": btc["v6_3"]})

    assert (found.status, found.offset_minutes, found.feed) == (
        "not_needed",
        0,
        "atas_bars",
    )
    assert (found.identity, found.volume_unit, found.reasons) == ("same", "base", ())
    assert found.figures.best.exact_share == 1.0
    assert found.figures.n == 1440
    assert found.figures.tick_size == TickSizes(atas=0.1, binance=0.1)
    assert {feed: f.status for feed, f in found.feeds.items()} == {
        "atas_bars": "not_needed",
        "atas_v6_3": "not_needed",
    }


@pytest.mark.parametrize("minutes", [-480, -1, 1, 60, 330, 345, -721, 765])
def test_shifted_stamps_are_found(btc: dict[str, pa.Table], minutes: int) -> None:
    """A zone, a close label or both: the offset is what was added, the other way round."""
    found = finding(DAY, btc["futures"], bars=shifted(btc["bars"], minutes))

    assert (found.status, found.offset_minutes) == ("applied", -minutes)
    assert found.segments == (Segment(offset_minutes=-minutes, found=Runs(runs=(0,))),)


@pytest.mark.parametrize("minutes", [0, -345])
def test_thin_markets_are_identified(xrp: dict[str, Any], minutes: int) -> None:
    """About 1000 traded minutes of XRPETH, live lines or finished bars, zone or none."""
    for name in ("live", "bars", "v6_3"):
        found = finding(xrp["day"], xrp["klines"], bars=shifted(xrp[name], minutes), market="spot")

        assert (found.offset_minutes, found.identity) == (-minutes, "same")
        assert found.figures.best.exact_share == 1.0
        assert found.figures.block_agreement == 1.0


def test_perpetual_beside_spot_is_another_instrument(btc: dict[str, pa.Table]) -> None:
    """Found at lag 0 and named, with its basis of about -2 bps; not refused."""
    found = finding(DAY, btc["spot"], bars=btc["bars"], market="spot")

    assert (found.status, found.offset_minutes) == ("not_needed", 0)
    assert (found.identity, keys(found)) == ("other_instrument", ["other_instrument"])
    assert found.basis_bps_median == pytest.approx(-2.13, abs=0.01)
    assert found.figures.likeness.basis_mad == pytest.approx(0.79, abs=0.01)
    assert (found.volume_unit, found.volume_factor) == ("unknown", None)


@pytest.mark.parametrize(
    ("market", "identity"), [("futures", "same"), ("spot", "other_instrument")]
)
@pytest.mark.parametrize("feed", ["klines", "bars"])
@pytest.mark.parametrize(("name", "number"), [("volume", 1e14), ("volume", 1e-8), ("close", 1e11)])
def test_one_absurd_number_is_not_the_days_instrument(
    market: str, identity: str, feed: str, name: str, number: float, btc: dict[str, pa.Table]
) -> None:
    """One wrong volume or close among 1440: clock, instrument and unit stand as without it."""
    feeds = {"klines": btc[market], "bars": btc["bars"]}
    values = feeds[feed][name].to_pylist()
    values[700] = number
    feeds[feed] = replaced(feeds[feed], name, values)

    found = calibrated("2025-01-02", feeds["klines"], bars=feeds["bars"]).calibration

    assert (found.status, found.identity) == ("not_needed", identity)
    assert found.volume_factor == (1 if market == "futures" else None)


def test_rows_of_the_day_are_found_where_neighbours_lie_about(btc: dict[str, pa.Table]) -> None:
    """Rows of the day before and after, with other prices, are no evidence against the offset."""
    other = with_prices(btc["bars"], lambda price: round(190_000.0 - price, 1))
    around = [shifted(other, -1440), btc["bars"], shifted(other, 1440)]
    found = finding(DAY, btc["futures"], bars=shifted(pa.concat_tables(around), -480))

    assert (found.status, found.offset_minutes) == ("applied", 480)


def test_a_feed_with_losses_is_still_found(btc: dict[str, pa.Table]) -> None:
    """One minute in ten lost."""
    kept = pa.array(np.random.default_rng(5).random(1440) > 0.1)
    found = finding(DAY, btc["futures"], bars=shifted(btc["bars"].filter(kept), -480))

    assert (found.status, found.offset_minutes) == ("applied", 480)


def test_runs_with_different_clocks_are_corrected_each(btc: dict[str, pa.Table]) -> None:
    """The machine's zone changed at a restart: two runs, two offsets, every minute equal."""
    late = replaced(shifted(btc["bars"].slice(700), -60), "run", [1] * 740)
    both = calibrated(DAY, btc["futures"], bars=pa.concat_tables([btc["bars"].slice(0, 700), late]))

    assert both.calibration.status == "applied"
    assert both.correction.offsets == {0: 0, 1: 60}
    assert both.calibration.figures.best.exact_share == 1.0


def test_small_runs_follow_the_offset_at_which_they_fit(btc: dict[str, pa.Table]) -> None:
    """A restart near midnight has too few minutes of its own, but its prices fit."""
    runs = [0] * 700 + [1] * 640 + [2] * 100
    found = calibrated(DAY, btc["futures"], bars=shifted(replaced(btc["bars"], "run", runs), 1))

    assert (found.calibration.status, found.calibration.offset_minutes) == ("applied", -1)
    assert found.correction.offsets is None


@pytest.mark.parametrize("minutes", [7, -100, 2])
def test_an_offset_that_no_clock_has_is_refused(btc: dict[str, pa.Table], minutes: int) -> None:
    """Seven minutes are no zone and no label."""
    found = finding(DAY, btc["futures"], bars=shifted(btc["bars"], minutes))

    assert (found.status, keys(found)) == ("refused", ["offset_not_allowed"])
    assert found.offset_minutes is None
    assert found.figures.best.lag_minutes == -minutes


def test_an_offset_that_changes_within_a_run_is_refused(btc: dict[str, pa.Table]) -> None:
    """Half of the day one minute later, without a restart."""
    bars = pa.concat_tables([btc["bars"].slice(0, 700), shifted(btc["bars"].slice(700), 1)])

    assert keys(finding(DAY, btc["futures"], bars=bars)) == ["unstable_offset"]


def test_two_hours_of_another_clock_are_refused(btc: dict[str, pa.Table]) -> None:
    """The day's lag is clear, but 3 of 24 hours tell of another."""
    bars = pa.concat_tables([btc["bars"].slice(0, 1260), shifted(btc["bars"].slice(1260), 15)])

    assert keys(finding(DAY, btc["futures"], bars=bars)) == ["unstable_offset"]


def test_a_hundred_minutes_are_not_enough(btc: dict[str, pa.Table]) -> None:
    """However equal they are."""
    found = finding(DAY, btc["futures"], bars=btc["bars"].slice(0, 100))

    assert (found.status, keys(found)) == ("refused", ["not_identifiable"])


@pytest.mark.parametrize("both", [False, True])
def test_a_flat_market_is_not_identifiable(btc: dict[str, pa.Table], both: bool) -> None:
    """A constant price is equal at every lag, or at none."""
    flat = with_prices(btc["bars"], lambda _: 95_000.0)
    klines = with_prices(btc["futures"], lambda _: 95_000.0) if both else btc["futures"]

    assert keys(finding(DAY, klines, bars=flat)) == ["not_identifiable"]


def test_unrelated_prices_of_the_same_height_are_not_identifiable(
    btc: dict[str, pa.Table],
) -> None:
    """The same day read backwards: same range, same volumes, another path."""
    backwards = btc["bars"].take(pa.array(range(1439, -1, -1)))
    bars = replaced(backwards, "stamp", btc["bars"]["stamp"])

    assert keys(finding(DAY, btc["futures"], bars=bars)) == ["not_identifiable"]


def test_another_symbols_file_is_the_wrong_instrument(
    btc: dict[str, pa.Table], xrp: dict[str, Any]
) -> None:
    """XRPETH exported under the name of BTCUSDT."""
    days = (day_us(DAY) - day_us(xrp["day"])) // MINUTE
    found = finding(DAY, btc["futures"], bars=shifted(xrp["bars"], days))

    assert (found.status, keys(found)) == ("refused", ["wrong_instrument"])


def test_a_power_of_ten_in_the_price_is_a_multiplier(btc: dict[str, pa.Table]) -> None:
    """1000X against X: the same moves, a thousand times the price."""
    found = finding(DAY, btc["futures"], bars=with_prices(btc["bars"], lambda p: p * 1000))

    assert (found.status, keys(found)) == ("refused", ["multiplier"])


def test_five_minute_bars_are_refused(btc: dict[str, pa.Table]) -> None:
    """A chart of another period."""
    every_fifth = btc["bars"].take(pa.array(range(0, 1440, 5)))

    assert keys(finding(DAY, btc["futures"], bars=every_fifth)) == ["not_one_minute"]


def test_bars_off_the_minute_are_refused(btc: dict[str, pa.Table]) -> None:
    """A range or tick chart's bars open at any second."""
    stamps = btc["bars"]["stamp"].cast(pa.int64()).to_numpy() + np.arange(1440) % 60 * 1_000_000
    bars = replaced(btc["bars"], "stamp", stamps)

    assert keys(finding(DAY, btc["futures"], bars=bars)) == ["not_one_minute"]


def test_quote_volume_is_named_and_refused(btc: dict[str, pa.Table]) -> None:
    """Traded value where the exporters write volume: the file is not what it says it is."""
    bars = replaced(btc["bars"], "volume", btc["futures"]["quote_volume"].to_pylist())
    found = finding(DAY, btc["futures"], bars=bars)

    assert (found.status, found.volume_unit) == ("refused", "quote")
    assert (keys(found), found.volume_factor) == (["volume_in_quote"], None)


def test_control_may_let_quote_volume_in(btc: dict[str, pa.Table]) -> None:
    """Who knows the file may say so; its clock and unit then stand."""
    bars = replaced(btc["bars"], "volume", btc["futures"]["quote_volume"].to_pylist())
    found = finding(DAY, btc["futures"], bars=bars, control=noted("volume_in_quote"))

    assert (found.status, found.offset_minutes) == ("not_needed", 0)
    assert (found.volume_unit, found.volume_factor) == ("quote", 1)


def test_contracts_are_named_on_coin_margined_markets(btc: dict[str, pa.Table]) -> None:
    """100 USD a contract: volume in contracts is the traded value over 100."""
    contracts = [round(value / 100) for value in btc["futures"]["quote_volume"].to_pylist()]
    bars = replaced(btc["bars"], "volume", contracts)

    inverse = finding(DAY, btc["futures"], bars=bars, market="futures_cm")
    assert (inverse.volume_unit, inverse.volume_factor) == ("contracts", 100)
    assert finding(DAY, btc["futures"], bars=bars).volume_unit == "unknown"


def test_a_refused_feed_gives_way_to_the_next(btc: dict[str, pa.Table]) -> None:
    """The preferred export is a wrong chart, the other is sound."""
    feeds = {"atas_bars": shifted(btc["bars"], 7), "atas_v6_3": btc["v6_3"]}
    found = calibrated(DAY, btc["futures"], bars=feeds)

    assert (found.calibration.feed, found.calibration.status) == ("atas_v6_3", "not_needed")
    assert found.calibration.reasons == ()
    assert found.correction.feeds["atas_bars"].status == "refused"


def test_the_tape_alone_is_calibrated_too(btc: dict[str, pa.Table]) -> None:
    """Minutes of ticks stand for bars stamped with the open."""
    found = finding(DAY, btc["futures"], ticks=ticks_of(btc["bars"]))

    assert (found.feed, found.status, found.identity) == (
        "atas_ticks",
        "not_needed",
        "same",
    )


def ticks_of(bars: pa.Table) -> pa.Table:
    """A tape that makes these bars: four trades a minute, evenly spaced."""
    rows = []
    for row in bars.to_pylist():
        quarter = round(row["volume"] / 4, 3)
        sizes = (quarter, quarter, quarter, round(row["volume"] - 3 * quarter, 3))
        for number, (name, size) in enumerate(zip(PRICES, sizes, strict=True)):
            ts = row["stamp"] + dt.timedelta(seconds=8 + 15 * number)
            trade = {"ts": ts, "price": row[name], "qty": size, "side": 1, "file": 0, "line": 1}
            rows.append(trade)
    return table("clean_ticks", rows)


def stats_of(bars: pa.Table) -> pa.Table:
    """Finished bars as `minute_stats`."""
    names = (*PRICES, "volume", "vbuy", "vsell")
    rows = [
        {"minute_open": row["stamp"], "trades": 1, **{name: row[name] for name in names}}
        for row in bars.to_pylist()
    ]
    return table("minute_stats", rows)


def test_feeds_without_rows_are_no_feeds(btc: dict[str, pa.Table]) -> None:
    """Nothing recorded, or no exchange to hold it against: nothing measured."""
    nothing = {"atas_bars": btc["bars"].slice(0, 0)}

    assert finding(DAY, btc["futures"], bars=nothing).status == "not_measured"
    assert finding(DAY, btc["futures"].slice(0, 0), bars=btc["bars"]).status == "not_measured"
    assert list(vendor_feeds(nothing, None, ())) == []


def test_ticks_as_bars_have_every_column(btc: dict[str, pa.Table]) -> None:
    """So that merging treats both alike."""
    ours = set(bars_of_ticks(stats_of(btc["bars"].slice(0, 3))).column_names)

    assert ours == set(table("clean_bars", []).column_names)


def test_the_finding_is_plain_json(btc: dict[str, pa.Table]) -> None:
    """Found, other instrument and refused: no NaN, no infinity, keys are text."""
    for klines, bars in (
        (btc["futures"], btc["bars"]),
        (btc["spot"], btc["bars"]),
        (btc["futures"], with_prices(btc["bars"], lambda _: 1.0)),
    ):
        found = calibrated(DAY, klines, bars=bars)
        written = json.dumps(correction.to_json(found.correction), allow_nan=False)
        assert correction.from_json(json.loads(written)) == found.correction
        assert from_json(to_json(found.calibration)) == found.calibration


def test_row_order_does_not_show(btc: dict[str, pa.Table]) -> None:
    """The same rows shuffled give the same finding."""
    order = pa.array(np.random.default_rng(1).permutation(1440))
    bars = shifted(btc["bars"], 60)

    assert calibrated(DAY, btc["futures"], bars=bars.take(order)) == calibrated(
        DAY, btc["futures"], bars=bars
    )


def test_bars_of_the_exchange_itself(xrp: dict[str, Any]) -> None:
    """Bars made from the klines of a thin day, with a zero row wherever nobody traded."""
    found = finding(xrp["day"], xrp["klines"], bars=bars_of_klines(xrp["klines"]))

    assert found.figures.n == traded(xrp["klines"]).num_rows


@given(st.integers(-900, 900))
def test_allowed_offsets(offset: int) -> None:
    """Quarter hours, and the minute before and after each."""
    assert allowed(offset) == any((offset - step) % 15 == 0 for step in (-1, 0, 1))


def dated(rows: pa.Table, name: str, day: str) -> pa.Table:
    """The rows as if they were of another day."""
    moved = rows[name].cast(pa.int64()).to_numpy() + day_us(day) - day_us(DAY)
    return replaced(rows, name, pa.array(moved, pa.timestamp("us", tz="UTC")))


@pytest.mark.parametrize(
    ("day", "before", "after", "change"),
    [
        ("2025-03-30", 60, 120, 60),
        ("2025-10-26", 120, 60, 60),
        ("2025-11-02", -240, -300, 360),
        ("2025-03-09", -300, -240, 420),
    ],
    ids=["Berlin forward", "Berlin back", "New York back", "New York forward"],
)
def test_a_change_of_summer_time_within_a_file(
    btc: dict[str, pa.Table], day: str, before: int, after: int, change: int
) -> None:
    """A machine that converts by its zone: the hours before and after get their own offset, all exact."""
    klines, bars = dated(btc["futures"], "minute_open", day), dated(btc["bars"], "stamp", day)
    early, late = (
        shifted(bars.slice(0, change), -before),
        shifted(bars.slice(change), -after),
    )
    late = replaced(late, "run", [int(after > before)] * late.num_rows)

    found = calibrated(day, klines, bars=pa.concat_tables([early, late]))

    assert found.calibration.status == "applied"
    assert [s.offset_minutes for s in found.calibration.segments] == [before, after]
    assert found.calibration.figures.best.exact_share == 1.0
    assert found.calibration.figures.n == 1440


def test_the_same_jump_on_a_day_without_a_change_of_clocks_is_refused(
    btc: dict[str, pa.Table],
) -> None:
    """Nothing explains it."""
    early, late = shifted(btc["bars"].slice(0, 700), -120), shifted(btc["bars"].slice(700), -60)

    found = finding(DAY, btc["futures"], bars=pa.concat_tables([early, late]))

    assert (found.status, keys(found)) == ("refused", ["unstable_offset"])


def test_a_short_run_with_another_clock_is_never_moved_by_the_day_s(
    btc: dict[str, pa.Table],
) -> None:
    """Its rows are left out: lost rows degrade, wrong ones mislead."""
    late = replaced(shifted(btc["bars"].slice(1300), 37), "run", [1] * 140)
    found = finding(DAY, btc["futures"], bars=pa.concat_tables([btc["bars"].slice(0, 1300), late]))

    assert (found.status, found.offset_minutes) == ("not_needed", 0)
    assert (found.figures.n, found.figures.runs_left_out) == (1300, 1)


@pytest.mark.parametrize(
    ("approved", "minutes", "status", "why"),
    [
        ((480,), -480, "applied", []),
        ((0,), -480, "refused", ["off_profile"]),
        ((7,), -7, "applied", []),
        ((60, 120), -60, "applied", []),
    ],
)
def test_an_approved_profile_decides(
    btc: dict[str, pa.Table],
    approved: tuple[int, ...],
    minutes: int,
    status: str,
    why: list[str],
) -> None:
    """A day that disagrees is refused; an odd lag that was approved passes."""
    found = finding(
        DAY, btc["futures"], bars=shifted(btc["bars"], minutes), approved={"atas_bars": approved}
    )

    assert (found.status, keys(found)) == (status, why)
