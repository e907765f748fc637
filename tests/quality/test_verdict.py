"""From facts to a condition with its reasons."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

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
from pipeline.contracts import verdict as judged
from pipeline.contracts.calibration import DayFinding, Finding, Reason
from pipeline.contracts.ledger import Lines
from pipeline.contracts.value import changed
from pipeline.quality.checks import DayFacts
from pipeline.quality.defects import defects
from pipeline.quality.verdict import verdict

Build = Callable[..., DayFacts]
Rejected = Callable[..., pa.Table]


def _codes(entries: Sequence[judged.Reason]) -> list[str]:
    return [entry.code for entry in entries]


def _refused(code: str, key: str) -> DayFinding:
    return calibrated(
        status="refused", reasons=(Reason(code=code, key=key, note="only 90 common minutes"),)
    )


def test_a_clean_day_is_available(facts: Build) -> None:
    """No finding, no reason; every check is listed with its value and threshold."""
    found = verdict(facts())

    assert (found.symbol, found.date) == ("BTCUSDT", "2025-01-02")
    assert (found.condition, found.reasons, found.notes) == ("available", (), ())
    assert [c.limit for c in found.checks][:2] == [0.95, 0.999]
    json.dumps(judged.to_json(found), allow_nan=False)


def test_klines_below_95_percent_refuse_the_day(facts: Build) -> None:
    """The reason names value, threshold and CONTROL key, and where the rows end."""
    columns = day_columns()
    without_record(columns, range(456, 1440))

    found = verdict(facts(columns))

    assert found.condition == "missing"
    assert _codes(found.reasons) == ["B05", "B12"]
    reason = found.reasons[0]
    assert (reason.count, reason.first) == (984, "2025-01-02T07:36:00Z")
    for part in ("0.316667", "0.95", "checks.binance_coverage"):
        assert part in reason.note


def test_a_few_missing_klines_degrade(facts: Build) -> None:
    """Two lost minutes keep the day, as degraded by B12."""
    columns = day_columns()
    without_record(columns, range(100, 102))

    found = verdict(facts(columns))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["B12"])


def test_no_rows_of_the_record_is_b06(facts: Build) -> None:
    """Absent klines are B06, said once, whatever ATAS has."""
    clean = facts()
    empty = {f: getattr(clean, f) for f in DayFacts.__slots__} | {"bars": clean.bars.slice(0, 0)}

    found = verdict(DayFacts(**empty))

    assert found.condition == "missing"
    assert _codes(found.reasons)[0] == "B06"
    assert not {"B05", "B12"} & set(_codes(found.reasons))


def test_a_quarantined_file_explains_a_missing_day(facts: Build, rejected: Rejected) -> None:
    """A wrong checksum left nothing to use: B06, and B03 as its cause."""
    columns = day_columns()
    without_record(columns, range(1440))
    table = rejected("binance_1m", (0, "B03", ""), reason="sha256 differs from its CHECKSUM")

    found = verdict(facts(columns, rejects={"binance_1m": table}))

    assert found.condition == "missing"
    assert _codes(found.reasons)[:2] == ["B06", "B03"]
    assert "sha256 differs" in found.reasons[1].note


def test_a_quarantined_file_is_a_note_where_another_completes_the_day(
    facts: Build, rejected: Rejected
) -> None:
    """With all rows there from another file, the broken one lowers nothing."""
    table = rejected("binance_1m", (0, "B03", ""))

    found = verdict(facts(rejects={"binance_1m": table}))

    assert (found.condition, _codes(found.notes)) == ("available", ["B03"])


def test_one_broken_row_of_the_record_degrades(facts: Build, rejected: Rejected) -> None:
    """A row that breaks a row rule is set aside and named."""
    table = rejected("binance_1m", (7, "B26", "1,2,3"))

    found = verdict(facts(rejects={"binance_1m": table}))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["B26"])
    assert found.reasons[0].count == 1


def test_rows_set_aside_are_a_reason_for_each_code(facts: Build, rejected: Rejected) -> None:
    """A broken row and a pair that conflicts fail one check and are named apart."""
    table = rejected("binance_1m", (7, "B26", "x"), (8, "B15", "y"), (9, "B15", "z"))

    found = verdict(facts(rejects={"binance_1m": table}))

    assert [(r.code, r.count) for r in found.reasons] == [("B15", 2), ("B26", 1)]
    assert "checks.binance_rejected_rows" in found.reasons[0].note


@pytest.mark.parametrize("feed", ["binance_1m", "atas_bars"])
def test_a_reason_names_the_first_line_of_it(facts: Build, rejected: Rejected, feed: str) -> None:
    """With its own reason, and the command that shows the others."""
    table = rejected(feed, (7, "A13", "x"), (9, "A13", "y"))
    ledgers = {name: [ledger(name, rejected=30)] for name in ("binance_1m", "atas_bars")}
    first = table.to_pylist()[0]

    found = verdict(facts(ledgers=ledgers, rejects={feed: table}))

    note = found.reasons[0].note
    assert f"{first['file']}:7: {first['reason']}" in note
    assert "kitchen explain 20" in note


def test_a_row_of_another_day_is_a_fault_only_in_the_stead_of_a_minute(
    facts: Build, rejected: Rejected
) -> None:
    """The next midnight's row is dropped as meant; one with an absurd time leaves a minute missing."""
    table = rejected("binance_1m", (7, "C10", "x"))
    columns = day_columns()
    without_record(columns, range(6, 7))

    whole = verdict(facts(rejects={"binance_1m": table}))
    lacking = verdict(facts(columns, rejects={"binance_1m": table}))

    assert whole.condition == "available"
    assert (lacking.condition, _codes(lacking.reasons)) == ("degraded", ["C10"])


def test_a_waiver_of_one_code_of_rejected_rows_lowers_that_code(
    facts: Build, rejected: Rejected
) -> None:
    """Waiving B15 leaves B26 standing."""
    table = rejected("binance_1m", (7, "B26", "x"), (8, "B15", "y"))

    found = verdict(facts(rejects={"binance_1m": table}, control=waived("B15", "note")))

    assert (_codes(found.reasons), _codes(found.notes)) == (["B26"], ["B15"])


def test_absent_atas_degrades_with_c12_alone(facts: Build) -> None:
    """The day stands on Binance alone; coverage of what is not there is not complained of twice."""
    columns = day_columns()
    without_atas(columns, range(1440))
    calibration = DayFinding(status="not_measured")

    found = verdict(
        facts(columns, calibration=calibration, ledgers={"binance_1m": [ledger("binance_1m")]})
    )

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["C12"])


def test_absent_atas_is_no_reason_where_none_is_expected(facts: Build) -> None:
    """A symbol without an ATAS feed is available without it."""
    columns = day_columns()
    without_atas(columns, range(1440))
    calibration = DayFinding(status="not_measured")

    found = verdict(facts(columns, calibration=calibration, atas_expected=False))

    assert (found.condition, found.reasons) == ("available", ())


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("C11", "not_identifiable"),
        ("A22", "wrong_instrument"),
        ("C02", "multiplier"),
        ("A02", "offset_not_allowed"),
        ("A03", "unstable_offset"),
        ("A19", "not_one_minute"),
    ],
)
def test_a_refused_calibration_degrades(facts: Build, code: str, key: str) -> None:
    """ATAS is set aside, the exchange's rows stay, and the reason names CONTROL's key."""
    columns = day_columns()
    without_atas(columns, range(1440))

    found = verdict(facts(columns, calibration=_refused(code, key)))

    assert (found.condition, _codes(found.reasons)) == ("degraded", [code])
    assert f"refusals.{key}" in found.reasons[0].note
    assert "only 90 common minutes" in found.reasons[0].note


def test_another_instrument_is_a_note(facts: Build) -> None:
    """Perpetual against spot stays available, and says so."""
    calibration = calibrated(
        identity="other_instrument",
        reasons=(Reason(code="C01", key="other_instrument", note="basis median -2.1 bps"),),
    )

    found = verdict(facts(calibration=calibration))

    assert (found.condition, found.reasons) == ("available", ())
    assert _codes(found.notes) == ["C01"]


def test_a_refused_feed_beside_the_chosen_one_is_a_note(facts: Build) -> None:
    """The day follows its bars and stays available; what spoke against the tape is told."""
    reason = Reason(code="A22", key="wrong_instrument", note="beyond the limits")
    tape = Finding(status="refused", reasons=(reason,))
    found = verdict(facts(calibration=calibrated(feeds={**calibrated().feeds, "atas_ticks": tape})))

    assert (found.condition, found.reasons) == ("available", ())
    assert [note.note for note in found.notes] == [
        "atas_ticks set aside: beyond the limits (refusals.wrong_instrument)"
    ]


@pytest.mark.parametrize("refused", [True, False])
def test_a_file_without_a_usable_line_is_a_file_set_aside(
    facts: Build, rejected: Rejected, refused: bool
) -> None:
    """A note beside a feed that stands, a cause where none is left; its first line says why."""
    columns = day_columns()
    if refused:
        without_atas(columns, range(1440))
    web_page = rejected("atas_v6_3", (1, "A13", "<html>"), (2, "A13", "</html>"), reason="no JSON")
    day = facts(
        columns,
        calibration=_refused("C11", "not_identifiable") if refused else calibrated(),
        rejects={"atas_v6_3": web_page},
        ledgers={
            "binance_1m": [ledger("binance_1m")],
            "atas_bars": [ledger("atas_bars")],
            "atas_v6_3": [ledger("atas_v6_3", read=2, rejected=2)],
        },
    )
    found = verdict(day)
    told = found.reasons if refused else found.notes

    assert _codes(found.reasons) == (["C11", "A13"] if refused else [])
    assert told[-1].note == "1 whole file of atas_v6_3 set aside: line 1: no JSON"


def test_thin_atas_coverage_degrades(facts: Build) -> None:
    """Measured rows stay; the day is degraded by C08."""
    columns = day_columns()
    without_atas(columns, range(600, 700))

    found = verdict(facts(columns))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["C08"])
    assert "0.930556" in found.reasons[0].note


def test_minutes_without_trades_keep_a_day_available(facts: Build) -> None:
    """1022 traded minutes with a bar each are a whole day."""
    columns = day_columns()
    without_trades(columns, range(418))

    assert verdict(facts(columns)).condition == "available"


@pytest.mark.parametrize(
    ("calibration", "code"),
    [(calibrated(skew_ms=2000.0), "C07"), (calibrated(skew_ms=-700.0), "C07")],
)
def test_an_uncorrected_skew_degrades(facts: Build, calibration: DayFinding, code: str) -> None:
    """Above 500 ms either way the day is published as stamped, degraded."""
    found = verdict(facts(calibration=calibration))

    assert (found.condition, _codes(found.reasons)) == ("degraded", [code])


def test_prices_that_differ_degrade(facts: Build) -> None:
    """The same instrument with other prices in 5 minutes is B10."""
    columns = day_columns()
    for minute in range(5):
        columns["atas_low"][minute] -= 0.1

    found = verdict(facts(columns))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["B10"])


def test_many_unusable_atas_lines_degrade(facts: Build) -> None:
    """More than one line in a hundred set aside is A13."""
    ledgers = {
        "binance_1m": [ledger("binance_1m")],
        "atas_bars": [ledger("atas_bars", rejected=30)],
    }

    found = verdict(facts(ledgers=ledgers))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["A13"])


def test_order_flow_that_falls_short_is_a_note(facts: Build) -> None:
    """A residual is named and lowers nothing."""
    columns = day_columns()
    columns["vsell"] = [v * 0.5 for v in columns["volume"]]

    found = verdict(facts(columns))

    assert (found.condition, _codes(found.notes)) == ("available", ["A06"])


def test_a_waiver_lowers_the_condition(facts: Build) -> None:
    """Waived to a note, the failed check moves to the notes, with who and why."""
    columns = day_columns()
    without_record(columns, range(100, 102))

    found = verdict(facts(columns, control=waived("B12", "note")))

    assert (found.condition, found.reasons) == ("available", ())
    assert "R. Reviewer: seen and understood" in found.notes[0].note


def test_a_refusal_waived_to_degrade_is_published(facts: Build) -> None:
    """CONTROL's refuse can be lowered for a date: the rows stay, as degraded."""
    columns = day_columns()
    without_record(columns, range(1300, 1440))

    found = verdict(facts(columns, control=waived("B05", "degrade")))

    assert (found.condition, _codes(found.reasons)) == ("degraded", ["B05", "B12"])


def test_reasons_are_ordered_gravest_first(facts: Build) -> None:
    """What makes the day missing stands before what would only degrade it."""
    columns = day_columns()
    without_record(columns, range(700, 1440))
    without_atas(columns, range(400))
    columns["vsell"] = [v and v * 0.5 for v in columns["volume"]]

    found = verdict(facts(columns))

    assert _codes(found.reasons) == ["B05", "B12", "C08"]
    assert _codes(found.notes) == ["A06"]


def test_the_verdict_of_equal_facts_is_equal(facts: Build) -> None:
    """Nothing but the facts decides."""
    assert verdict(facts()) == verdict(facts())


@pytest.mark.parametrize(("differing", "merged", "told"), [(1440, 1440, True), (1439, 1440, False)])
def test_klines_of_another_instrument_are_a_note(
    facts: Build, differing: int, merged: int, told: bool
) -> None:
    """The more trusted file counts and the day stays available; one minute that agrees is enough for none."""
    good = ledger("binance_1m")
    other = changed(
        good,
        path="binance_1m/other.csv",
        lines=Lines(read=merged, merged=merged),
        notes={"defects": {"B08": differing}},
    )
    day = facts(ledgers={"binance_1m": [good, other]})

    found = verdict(day)
    (row,) = (entry for entry in defects(day, []) if entry.code == "B08")

    assert found.condition == "available"
    assert [(n.code, n.count) for n in found.notes] == ([("B08", 1440)] if told else [])
    assert (row.what == "mended while reading, nothing lost") is not told
    if told:
        assert found.notes[0].note == row.what
        assert row.what == (
            f"two kline files disagree in 1440 minutes: {good.path} counts, being the more trusted by"
            " sources.binance_1m; see whether binance_1m/other.csv is of another market or symbol"
        )
