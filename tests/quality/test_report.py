"""The report's JSON: what a person needs to trust or refuse the day, measured once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from kit.quality_days import (
    calibrated,
    day_columns,
    ledger,
    without_atas,
    without_record,
    without_trades,
)
from pipeline.contracts.calibration import DayFinding, Figures, Reason, from_json, to_json
from pipeline.contracts.ledger import LedgerEntry, Lines
from pipeline.contracts.value import changed
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import report
from pipeline.quality.verdict import verdict

Build = Callable[..., DayFacts]
Rejected = Callable[..., pa.Table]
Shown = Callable[[DayFacts], dict[str, Any]]


@pytest.fixture
def shown() -> Shown:
    """The report of a day's facts."""
    return lambda facts: report(facts, verdict(facts))


def test_the_header_holds_the_verdict_and_the_three_figures(facts: Build, shown: Shown) -> None:
    """Condition with codes, coverage of both feeds, offset with its exact share, basis."""
    columns = day_columns()
    without_atas(columns, range(600, 700))

    header = shown(facts(columns))["header"]

    assert header["line"] == "degraded: C08"
    assert (header["symbol"], header["date"], header["simulated"]) == (
        "BTCUSDT",
        "2025-01-02",
        False,
    )
    assert header["figures"] == {
        "binance_coverage": 1.0,
        "atas_coverage": 1340 / 1440,
        "status": "not_needed",
        "offset_minutes": 0,
        "exact_share": 1.0,
        "skew_ms": None,
        "basis_bps_median": 0.0,
    }


def test_a_report_is_plain_json(facts: Build, shown: Shown) -> None:
    """It survives a round trip, NaN, infinities and tuples in the calibration included."""
    odd = calibrated(
        skew_interval_ms=(1.0, 2.0), figures=Figures(gap=math.nan, volume_gap=math.inf)
    )

    page = shown(facts(calibration=odd))

    assert json.loads(json.dumps(page, allow_nan=False)) == page
    assert page["calibration"]["skew_interval_ms"] == [1.0, 2.0]
    assert page["calibration"]["figures"] == to_json(Figures())


def test_every_threshold_stands_beside_its_value_and_key(facts: Build, shown: Shown) -> None:
    """Each check with key, value and limit; and the evidence by which the offset was found."""
    page = shown(facts())

    assert all(check["key"].startswith("checks.") for check in page["checks"])
    evidence = {row["key"]: (row["value"], row["limit"]) for row in page["evidence"]}
    assert evidence["evidence.minutes_min"] == (1439, 240)
    assert evidence["evidence.exact_share_min"] == (1.0, 0.95)
    assert evidence["evidence.return_gap_min"] == (0.95, 0.3)


def test_the_heat_strip_tells_every_minute_apart(facts: Build, shown: Shown) -> None:
    """Missing, outage, filled, no trade and present minutes each have their letter, feed by feed."""
    columns = day_columns()
    without_trades(columns, range(2))
    without_record(columns, range(60, 63))
    without_atas(columns, range(60, 63))
    without_record(columns, range(120, 124))
    without_atas(columns, range(180, 185))

    binance, atas = shown(facts(columns, outages=frozenset(range(60, 63))))["heat"]

    assert [len(row) for row in binance["rows"]] == [60] * 24
    assert binance["rows"][0] == "ff" + "." * 58
    assert binance["rows"][1] == "ooo" + "." * 57
    assert binance["rows"][2] == "XXXX" + "." * 56
    assert atas["rows"][0] == "--" + "." * 58
    assert atas["rows"][1] == "ooo" + "." * 57
    assert atas["rows"][3] == "XXXXX" + "." * 55
    assert atas["counts"] == {".": 1430, "X": 5, "o": 3, "f": 0, "-": 2, "q": 0}


def test_a_conflicting_minute_and_a_refused_feed_are_set_aside(
    facts: Build, shown: Shown, masks: dict[str, int]
) -> None:
    """What was set aside is not shown as merely missing."""
    columns = day_columns()
    without_record(columns, range(1))
    without_atas(columns, range(1440))
    columns["qc_flags"][0] = masks["kline_conflict"]
    refused = calibrated(status="refused", reasons=(Reason(code="C11", key="not_identifiable"),))

    binance, atas = shown(facts(columns, calibration=refused))["heat"]

    assert binance["rows"][0][:2] == "q."
    assert set("".join(atas["rows"])) == {"q"}


def test_gaps_are_listed_with_their_edges_and_kind(facts: Build, shown: Shown) -> None:
    """A run of missing minutes is one gap; one that runs over the hour is not cut."""
    columns = day_columns()
    without_record(columns, range(118, 124))
    without_atas(columns, range(118, 124))

    gaps = shown(facts(columns, outages=frozenset(range(118, 120))))["gaps"]

    assert [(g["feed"], g["kind"], g["first"], g["last"], g["minutes"]) for g in gaps] == [
        ("binance", "known outage", "2025-01-02T01:58:00Z", "2025-01-02T01:59:00Z", 2),
        ("binance", "missing", "2025-01-02T02:00:00Z", "2025-01-02T02:03:00Z", 4),
        ("atas", "known outage", "2025-01-02T01:58:00Z", "2025-01-02T01:59:00Z", 2),
        ("atas", "missing", "2025-01-02T02:00:00Z", "2025-01-02T02:03:00Z", 4),
    ]


def test_basis_figures_are_of_the_published_minutes(facts: Build, shown: Shown) -> None:
    """Median and MAD of -3, -2 and -1 in equal shares are -2 and 1; the histogram holds them all."""
    columns = day_columns()
    columns["basis_bps"] = [-1.0 - (i % 3) for i in range(1440)]

    basis = shown(facts(columns))["basis"]

    assert (basis["n"], basis["median"], basis["mad"]) == (1440, -2.0, 1.0)
    assert (basis["p1"], basis["p99"]) == (-3.0, -1.0)
    assert sum(basis["histogram"]["counts"]) == 1440


def test_one_bad_print_does_not_hide_the_histogram(facts: Build, shown: Shown) -> None:
    """A value far outside is counted in the outermost bin and does not stretch the rest."""
    columns = day_columns()
    columns["basis_bps"] = [float(i % 3) for i in range(1440)]
    columns["basis_bps"][700] = 1e6

    histogram = shown(facts(columns))["basis"]["histogram"]

    assert sum(histogram["counts"]) == 1440
    assert histogram["edges"][-1] < 10
    assert histogram["counts"][-1] == 1


def test_volume_ratio_is_measured_by_hour(facts: Build, shown: Shown) -> None:
    """Twice the volume in the first hour, and the same later."""
    columns = day_columns()
    columns["atas_volume"][:60] = [2 * v for v in columns["volume"][:60]]

    ratio = shown(facts(columns))["volume_ratio"]

    assert ratio["by_hour"] == [2.0] + [1.0] * 23
    assert (ratio["n"], ratio["median"]) == (1440, 1.0)


def test_flags_rejects_and_mended_lines_are_defects(
    facts: Build, shown: Shown, masks: dict[str, int], rejected: Rejected
) -> None:
    """By code: count, first and last, and for set-aside lines where they stand and what they say."""
    columns = day_columns()
    for minute in (10, 20, 30):
        columns["qc_flags"][minute] = masks["flow_residual"] | masks["volume_regressed"]
    table = rejected("atas_bars", (9, "A13", "{bad"), (12, "A13", "{worse"), reason="not JSON")
    entry = changed(ledger("atas_bars"), notes={"defects": {"A04": 17}, "crlf": True})
    ledgers = {"binance_1m": [ledger("binance_1m")], "atas_bars": [entry]}

    page = shown(facts(columns, rejects={"atas_bars": table}, ledgers=ledgers))

    by_code = {defect["code"]: defect for defect in page["defects"]}
    assert list(by_code) == ["A04", "A05", "A06", "A13"]
    assert (by_code["A05"]["count"], by_code["A05"]["first"]) == (3, "2025-01-02T00:10:00Z")
    assert by_code["A04"]["count"] == 17
    assert (by_code["A13"]["count"], by_code["A13"]["what"]) == (2, "not JSON")
    assert by_code["A13"]["first"] == "atas_bars/BTCUSDT-1m-2025-01-02.raw:9"
    assert by_code["A13"]["examples"][1] == {
        "at": "atas_bars/BTCUSDT-1m-2025-01-02.raw:12",
        "reason": "not JSON",
        "raw": "{worse",
    }


def test_long_raw_text_is_quoted_short(facts: Build, shown: Shown, rejected: Rejected) -> None:
    """A line of 4000 characters does not fill the page, and its length is said."""
    table = rejected("atas_bars", (9, "A13", "x" * 4000))

    example = shown(facts(rejects={"atas_bars": table}))["defects"][0]["examples"][0]

    assert len(example["raw"]) < 200
    assert "4000 characters" in example["raw"]


def test_nulls_and_constants_of_each_column(facts: Build, shown: Shown) -> None:
    """A column that was not measured is all null; one that never changes shows its value."""
    columns = day_columns()
    columns["absorption_detected"] = [False] * 1440
    without_atas(columns, range(360))

    described = {c["column"]: c for c in shown(facts(columns))["columns"]}

    assert described["poc"] == {"column": "poc", "nulls": 1440, "null_share": 1.0}
    assert described["atas_close"]["null_share"] == 0.25
    assert described["absorption_detected"]["constant"] == "False"
    assert not {"close", "ts"} & described.keys()


def test_the_ten_worst_minutes_stand_side_by_side(
    facts: Build, shown: Shown, masks: dict[str, int]
) -> None:
    """Farthest first, both feeds' prices as published, with the minute's flags by name."""
    columns = day_columns()
    for rank, minute in enumerate(range(100, 112)):
        columns["atas_high"][minute] += 10 + rank
        columns["qc_flags"][minute] = masks["ohlc_differs"]

    worst = shown(facts(columns))["worst_minutes"]

    assert [w["minute_open"] for w in worst[:2]] == ["2025-01-02T01:51:00Z", "2025-01-02T01:50:00Z"]
    assert len(worst) == 10
    ours, theirs = columns["high"][111], columns["atas_high"][111]
    assert worst[0]["distance_bps"] == pytest.approx(1e4 * math.log(theirs / ours), abs=1e-6)
    assert (worst[0]["binance"]["high"], worst[0]["atas"]["high"]) == (ours, theirs)
    assert worst[0]["flags"] == ["ohlc_differs"]


def test_a_steady_basis_is_no_distance(facts: Build, shown: Shown) -> None:
    """Perpetual against spot: only what departs from the day's own basis is among the worst."""
    columns = day_columns()
    for name in ("open", "high", "low", "close"):
        columns[f"atas_{name}"] = [price * 1.0005 for price in columns[name]]
    columns["atas_close"][30] *= 1.01

    worst = shown(facts(columns, calibration=calibrated(identity="other_instrument")))

    assert worst["worst_minutes"][0]["minute_open"] == "2025-01-02T00:30:00Z"
    assert all(w["distance_bps"] < 0.001 for w in worst["worst_minutes"][1:])


def test_line_conservation_is_shown_for_each_file(facts: Build, shown: Shown) -> None:
    """Read = used + merged + rejected, and it is said where it does not add up."""
    torn = changed(ledger("atas_bars"), lines=Lines(read=10, used=4, merged=3, rejected=2))

    rows = shown(facts(ledgers={"binance_1m": [ledger("binance_1m")], "atas_bars": [torn]}))

    assert [(r["source"], r["balanced"]) for r in rows["conservation"]] == [
        ("atas_bars", False),
        ("binance_1m", True),
    ]


def test_inputs_carry_digest_and_what_was_inferred(facts: Build, shown: Shown) -> None:
    """Path, bytes, sha256, adapter, and each inference as a sentence of its own."""
    entry = changed(
        ledger("binance_1m"), notes={"unit": "us", "units": {"us": 1440}, "defects": {}}
    )

    page = shown(facts(ledgers={"binance_1m": [entry]}))

    assert page["inputs"] == [
        {
            "source": "binance_1m",
            "path": "binance_1m/BTCUSDT-1m-2025-01-02.raw",
            "files": 1,
            "bytes": 123_456,
            "sha256": "ab" * 32,
            "adapter": "binance_1m",
            "notes": ["unit: us", "units: us 1440"],
        }
    ]


def hour(number: int, **changes: Any) -> LedgerEntry:
    """The file of one hour of ticks, of which all 100 lines are used unless it is said otherwise."""
    entry = ledger("atas_ticks", read=100)
    notes = {"encoding": "utf-8", "sides": {"buy": 60, "sell": 40}, "largest_step_back_us": number}
    return changed(
        entry, **{"path": f"atas/ticks/BTCUSDT/{number:02d}/ticks.jsonl", "notes": notes} | changes
    )


def test_hours_of_a_tape_are_one_entry(facts: Build, shown: Shown) -> None:
    """Counts are added, the largest stays; the digest of each is the manifest's."""
    page = shown(facts(ledgers={"atas_ticks": [hour(n) for n in range(24)]}))

    assert page["inputs"] == [
        {
            "source": "atas_ticks",
            "path": "atas/ticks/BTCUSDT/*/ticks.jsonl",
            "files": 24,
            "bytes": 24 * 123_456,
            "sha256": None,
            "adapter": "atas_ticks",
            "notes": ["encoding: utf-8", "largest_step_back_us: 23", "sides: buy 1440, sell 960"],
        }
    ]
    (lines,) = page["conservation"]
    assert (lines["files"], lines["read"], lines["used"], lines["balanced"]) == (
        24,
        2400,
        2400,
        True,
    )


def test_an_hour_that_is_unlike_the_others_stands_alone(facts: Build, shown: Shown) -> None:
    """One with a line set aside, and one written otherwise: each is named."""
    torn = hour(5, lines=Lines(read=100, used=99, rejected=1))
    other = hour(7, notes={"encoding": "utf-16"})
    hours = [hour(n) for n in range(24) if n not in (5, 7)]
    page = shown(facts(ledgers={"atas_ticks": [*hours, torn, other]}))

    assert [(entry["path"], entry["files"]) for entry in page["conservation"]] == [
        ("atas/ticks/BTCUSDT/*/ticks.jsonl", 22),
        ("atas/ticks/BTCUSDT/05/ticks.jsonl", 1),
        ("atas/ticks/BTCUSDT/07/ticks.jsonl", 1),
    ]
    assert "encoding: utf-16" in page["inputs"][2]["notes"]


def test_a_check_says_what_is_known_of_it(facts: Build, shown: Shown) -> None:
    """Limits and results; minutes and a waiver where there are any."""
    columns = day_columns()
    without_atas(columns, range(600, 700))
    checks = {c["name"]: c for c in shown(facts(columns))["checks"]}

    assert checks["atas_coverage"]["first"] == "2025-01-02T10:00:00Z"
    assert not {"first", "last", "waived_by"} & checks["binance_coverage"].keys()
    assert checks["tape_proven"]["passed"] is None
    assert checks["tape_proven"]["measured"] is None


def test_figures_of_the_feeds_beside_are_the_manifests(facts: Build, shown: Shown) -> None:
    """The day's feed has its curve, each feed what it was found to be; all as it can be read back."""
    page = shown(facts(calibration=calibrated()))
    found = from_json(page["calibration"])

    assert len(found.figures.curve) == 11
    assert found.feeds["atas_bars"].figures.curve == ()
    assert found.feeds["atas_bars"].figures.best == calibrated().figures.best
    assert found.feeds["atas_bars"].status == "not_needed"


def test_a_day_without_rows_has_a_report(facts: Build, shown: Shown) -> None:
    """B06 is shown, and nothing is measured that is not there."""
    clean = facts()
    nothing = {f: getattr(clean, f) for f in DayFacts.__slots__} | {
        "bars": clean.bars.slice(0, 0),
        "calibration": DayFinding(status="not_measured"),
        "ledgers": {},
    }

    page = shown(DayFacts(**nothing))

    assert page["header"]["condition"] == "missing"
    assert "B06" in page["header"]["codes"]
    assert (page["basis"]["n"], page["columns"], page["worst_minutes"]) == (0, [], [])
    assert page["gaps"][0]["minutes"] == 1440


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (0, "the stamp is the minute's open"),
        (-1, "the stamp is the minute's close"),
        (480, "8 h 0 min before the true minute open"),
        (-331, "5 h 31 min after the true minute open"),
        (None, "no offset was found"),
    ],
)
def test_an_offset_is_said_in_words(
    facts: Build, shown: Shown, offset: int | None, words: str
) -> None:
    """True minute open = stamp + offset: a positive one means that the stamps lie before it."""
    assert words in shown(facts(calibration=calibrated(offset_minutes=offset)))["offset"]
