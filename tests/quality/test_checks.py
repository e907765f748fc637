"""Each check, forced to fail, and what it must not count against the day."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from kit.quality_days import (
    calibrated,
    day_columns,
    ledger,
    waived,
    without_atas,
    without_record,
    without_trades,
)
from kit.shipped import RULES
from pipeline.contracts.control import CHECKS
from pipeline.contracts.verdict import CheckResult
from pipeline.quality import checks
from pipeline.quality.catalogue import DEFECTS
from pipeline.quality.checks import DayFacts, run_checks

Build = Callable[..., DayFacts]
Rejected = Callable[..., pa.Table]


def _check(facts: DayFacts, name: str) -> CheckResult:
    return next(check for check in run_checks(facts) if check.name == name)


def test_every_check_of_control_answers_in_its_order(facts: Build) -> None:
    """A clean day gives one result a check, none failed, each under its CONTROL key."""
    results = run_checks(facts())

    assert [r.name for r in results] == list(CHECKS)
    assert [r.key for r in results] == [f"checks.{name}" for name in CHECKS]
    assert not [r.name for r in results if r.passed is False]


def test_every_check_can_be_measured_and_every_code_looked_up() -> None:
    """The names of CHECKS are those with a measure; a code of CONTROL stands in docs/defects.md."""
    codes = {threshold.code for threshold in RULES.control.thresholds}
    codes |= {refusal["code"] for refusal in RULES.control.refusals.values()}

    assert set(checks.MEASURES) == set(CHECKS), "enter it in MEASURES, ODDITIES or DRIFTS"
    assert codes <= set(DEFECTS), "enter it in quality/catalogue.py"


def test_a_file_cut_short_does_not_score_by_its_own_span(facts: Build) -> None:
    """Klines until 07:36 are 456 of the calendar's 1440 minutes."""
    columns = day_columns()
    without_record(columns, range(456, 1440))

    coverage = _check(facts(columns), "binance_coverage")

    assert coverage.measured == 456 / 1440
    assert (coverage.passed, coverage.count) == (False, 984)
    assert coverage.first == "2025-01-02T07:36:00Z"
    assert coverage.last == "2025-01-02T23:59:00Z"


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (1, True), (2, False)])
def test_continuity_allows_one_minute_of_1440(facts: Build, lost: int, passed: bool) -> None:
    """99.9 % of 1440 minutes leaves room for one: 1439/1440 = 0.9993, 1438/1440 = 0.9986."""
    columns = day_columns()
    without_record(columns, range(100, 100 + lost))

    continuity = _check(facts(columns), "binance_continuity")

    assert continuity.passed is passed
    assert continuity.measured == (1440 - lost) / 1440


def test_known_outage_minutes_leave_the_denominator(facts: Build) -> None:
    """A whole lost hour is no fault when the exchange is known to have stood still."""
    columns = day_columns()
    without_record(columns, range(120, 180))
    without_atas(columns, range(120, 180))

    day = facts(columns, outages=frozenset(range(120, 180)))

    assert _check(day, "binance_coverage").measured == 1.0
    assert _check(day, "binance_coverage").note.startswith("1380 of 1380")
    assert _check(day, "atas_coverage").measured == 1.0


def test_a_day_of_nothing_but_outage_has_no_coverage(facts: Build) -> None:
    """With no expected minute there is nothing to measure, and no division by zero."""
    columns = day_columns()
    without_record(columns, range(1440))

    coverage = _check(facts(columns, outages=frozenset(range(1440))), "binance_coverage")

    assert (coverage.measured, coverage.passed) == (None, None)


def test_a_minute_without_a_trade_is_no_atas_gap(facts: Build) -> None:
    """ATAS writes no bar where nothing traded; only traded minutes are in the denominator."""
    columns = day_columns()
    without_trades(columns, range(418))

    coverage = _check(facts(columns), "atas_coverage")

    assert coverage.measured == 1.0
    assert coverage.note.startswith("1022 of 1022")


def test_atas_coverage_names_the_lost_minutes(facts: Build) -> None:
    """100 lost traded minutes of 1440 are 93.06 %: below the threshold."""
    columns = day_columns()
    without_atas(columns, range(600, 700))

    coverage = _check(facts(columns), "atas_coverage")

    assert coverage.measured == 1340 / 1440
    assert (coverage.passed, coverage.code, coverage.count) == (False, "C08", 100)
    assert (coverage.first, coverage.last) == ("2025-01-02T10:00:00Z", "2025-01-02T11:39:00Z")


def test_atas_absent_is_said_once(facts: Build) -> None:
    """No ATAS row where a feed is expected fails presence; coverage then has nothing to measure."""
    columns = day_columns()
    without_atas(columns, range(1440))
    day = facts(columns, ledgers={"binance_1m": [ledger("binance_1m")]})

    assert _check(day, "atas_present").passed is False
    assert _check(day, "atas_present").code == "C12"
    assert _check(day, "atas_coverage").passed is None
    assert _check(day, "atas_rejected_share").passed is None


def test_atas_set_aside_by_the_calibration_is_not_called_absent(facts: Build) -> None:
    """Null ATAS columns after a refusal: the rows were there, so presence holds."""
    columns = day_columns()
    without_atas(columns, range(1440))

    present = _check(facts(columns, calibration=calibrated(status="refused")), "atas_present")

    assert (present.measured, present.passed) == (1440.0, True)


def test_a_symbol_without_atas_is_not_asked_for_it(facts: Build) -> None:
    """A symbol configured with `atas: none` has no presence to fail."""
    columns = day_columns()
    without_atas(columns, range(1440))

    present = _check(facts(columns, atas_expected=False), "atas_present")

    assert present.passed is None


def test_rows_of_the_record_set_aside_are_counted(facts: Build, rejected: Rejected) -> None:
    """Broken rows count; a candle still forming and a whole file do not."""
    table = rejected("binance_1m", (7, "B26", "x"), (9, "B26", "x"), (0, "B03", ""), (3, "B17", ""))

    check = _check(facts(rejects={"binance_1m": table}), "binance_rejected_rows")

    assert (check.measured, check.passed, check.code) == (2.0, False, "B26")
    assert check.note == "set aside: B26 x 2"


@pytest.mark.parametrize(("skew", "passed"), [(-500.0, True), (500.0, True), (-501.0, False)])
def test_skew_is_judged_by_its_size(facts: Build, skew: float, passed: bool) -> None:
    """500 ms either way is within the contract, more is not."""
    calibration = calibrated(skew_ms=skew, skew_interval_ms=(skew - 20, skew + 20))

    check = _check(facts(calibration=calibration), "skew_ms")

    assert (check.measured, check.passed) == (skew, passed)


def test_prices_that_differ_count_between_equal_instruments_only(facts: Build) -> None:
    """Two of 1440 minutes are 0.14 %: too many for one instrument, no matter for two."""
    columns = day_columns()
    for minute in (5, 900):
        columns["atas_high"][minute] += 0.1
    other = calibrated(identity="other_instrument")

    same = _check(facts(columns), "ohlc_mismatch")

    assert (same.measured, same.passed, same.count) == (2 / 1440, False, 2)
    assert (same.first, same.last) == ("2025-01-02T00:05:00Z", "2025-01-02T15:00:00Z")
    assert _check(facts(columns, calibration=other), "ohlc_mismatch").passed is None


def test_a_price_off_by_float_noise_is_equal(facts: Build) -> None:
    """0.1 + 0.2 in a vendor's file is 0.3: less than half a tick apart."""
    columns = day_columns()
    columns["atas_close"] = [price + 1e-9 for price in columns["close"]]

    assert _check(facts(columns), "ohlc_mismatch").measured == 0.0


def test_unusable_atas_lines_are_a_share_of_all_read(facts: Build) -> None:
    """15 of 1440 lines are more than one in a hundred."""
    ledgers = {
        "binance_1m": [ledger("binance_1m")],
        "atas_bars": [ledger("atas_bars", rejected=15)],
    }

    check = _check(facts(ledgers=ledgers), "atas_rejected_share")

    assert (check.measured, check.passed) == (15 / 1440, False)


def test_a_broken_feed_does_not_hide_behind_a_large_one(facts: Build) -> None:
    """Half of the bar lines are lost: a tape of 300 000 good lines does not dilute that."""
    ledgers = {
        "binance_1m": [ledger("binance_1m")],
        "atas_bars": [ledger("atas_bars", rejected=720)],
        "atas_ticks": [ledger("atas_ticks", read=300_000)],
    }

    check = _check(facts(ledgers=ledgers), "atas_rejected_share")

    assert (check.measured, check.count) == (0.5, 720)


def test_a_feed_that_the_day_does_not_use_is_not_held_against_it(facts: Build) -> None:
    """The older export is broken and the newer was chosen: nothing that is published suffers."""
    ledgers = {
        "binance_1m": [ledger("binance_1m")],
        "atas_bars": [ledger("atas_bars")],
        "atas_v6_3": [ledger("atas_v6_3", rejected=1000)],
    }

    assert _check(facts(ledgers=ledgers), "atas_rejected_share").measured == 0.0


def test_a_tape_that_is_no_text_is_set_aside_as_one_of_which_no_line_is_usable(
    facts: Build, rejected: Rejected
) -> None:
    """A file that was set aside before a line of it was read is all that there was of the tape."""
    ledgers = {
        "binance_1m": [ledger("binance_1m")],
        "atas_bars": [ledger("atas_bars")],
        "atas_ticks": [ledger("atas_ticks", read=0)],
    }
    whole = {"atas_ticks": rejected("atas_ticks", (0, "A13", ""))}

    found = _check(facts(ledgers=ledgers, rejects=whole), "atas_rejected_share")

    assert (found.measured, found.passed, found.count) == (1.0, False, 1)


def test_order_flow_that_falls_short_is_named(facts: Build) -> None:
    """Buys and sells that are nine tenths of the volume leave a residual of 0.1."""
    columns = day_columns()
    columns["vsell"] = [v * 0.65 for v in columns["volume"]]

    check = _check(facts(columns), "flow_residual")

    assert check.measured == pytest.approx(0.1, abs=1e-12)
    assert (check.passed, check.count) == (False, 1440)


def test_a_waiver_lowers_a_consequence_and_is_named(facts: Build) -> None:
    """The consequence in force after a waiver says who lowered it and why."""
    columns = day_columns()
    without_record(columns, range(3))

    check = _check(facts(columns, control=waived("B12", "note")), "binance_continuity")

    assert (check.passed, check.consequence) == (False, "note")
    assert check.waived_by == "R. Reviewer: seen and understood"


def test_a_waiver_never_raises(facts: Build) -> None:
    """A waiver that is graver than CONTROL changes nothing."""
    check = _check(facts(control=waived("B12", "refuse")), "binance_continuity")

    assert (check.consequence, check.waived_by) == ("degrade", None)


def test_a_waiver_of_another_symbol_is_no_waiver(facts: Build) -> None:
    """Waivers hold for their named symbol alone."""
    check = _check(facts(symbol="ETHUSDT", control=waived("B12", "note")), "binance_continuity")

    assert check.consequence == "degrade"


def test_a_day_without_rows_is_measured_as_empty(facts: Build) -> None:
    """No bars at all: coverage 0, the rest not measurable, no error."""
    empty = facts()
    day = DayFacts(
        **{f: getattr(empty, f) for f in DayFacts.__slots__} | {"bars": empty.bars.slice(0, 0)}
    )

    results = {r.name: r for r in run_checks(day)}

    assert results["binance_coverage"].measured == 0.0
    assert results["ohlc_mismatch"].passed is None
    assert results["flow_residual"].passed is None


@pytest.mark.parametrize(("highest", "minutes"), [(3e-8, 0), (1e-6, 24)])
def test_one_step_of_a_price_of_three_steps_is_no_absurd_wick(
    facts: Build, highest: float, minutes: int
) -> None:
    """A coin of 3e-8 has wicks of a third each hour; a hundred such steps are one, whatever a step is."""
    columns = day_columns()
    for name in ("open", "high", "low", "close"):
        columns[name] = [3e-8] * 1440
    columns["low"] = [2e-8 if minute % 60 == 7 else 3e-8 for minute in range(1440)]
    columns["high"] = [highest if minute % 60 == 9 else 3e-8 for minute in range(1440)]

    check = _check(facts(columns), "absurd_wicks")

    assert (check.passed, check.measured) == (minutes == 0, minutes)
