"""Every defect that the kitchen knows: code, what it is, where it is found, what is done, where it shows.

Belongs here: the list, and the page made of it: `python -m pipeline.quality.catalogue > docs/defects.md`
(a test keeps it true). Detecting is done where `found` says; consequences are CONTROL's.
"""

# ruff: noqa: E501 - one defect a line
from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

Action = Literal["fix", "flag", "quarantine", "fail", "none"]
Condition = Literal["available", "degraded", "missing", "pending", "-"]


@dataclass(frozen=True, slots=True)
class Defect:
    """One code of the catalogue.

    Args:
        code: A (ATAS), B (Binance), C (both) or D (the exchange's trades) and two digits.
        what: The defect, in words.
        found: The module that detects it, or what people must do.
        action: fix: mended, nothing lost; flag: kept and marked; quarantine: rows or files set aside;
            fail: that side of the symbol's day is not used; none: it is no defect of the data.
        shows: Where the report or the store says so.
        condition: Of a symbol's day that has this defect and no other, under CONTROL as shipped.
        otherwise: Another condition, and the form of the defect that leads to it.
    """

    code: str
    what: str
    found: str
    action: Action
    shows: str
    condition: Condition
    otherwise: str = ""


ACTIONS: dict[Action, str] = {
    "fix": "put right, nothing lost",
    "flag": "kept and marked",
    "quarantine": "rows or files set aside",
    "fail": "that side of the symbol's day is not used",
    "none": "no defect of the data",
}
"""What is done about a defect, in words."""

_MENDED = "defect table, mended"
_ASIDE = "defect table, rejects"
_CALIBRATION = "pipeline/alignment/calibrate.py"
_CHECKS = "pipeline/quality/checks.py"
_ODD = "pipeline/quality/oddities.py"
_FAULTS = "pipeline/proof/faults.py"
_AGAINST = "defect table, against the klines"

_ATAS = (
    Defect("A01", "The stamp is not the minute's edge that it is taken for (close for open).", _CALIBRATION, "fix", "offset; defect table, moved", "available"),
    Defect("A02", "Stamps are whole hours off: local time written as UTC.", _CALIBRATION, "fix", "offset; defect table, moved", "available"),
    Defect("A03", "Stamps are off by half or quarter hours, or by two lags in one day (DST).", _CALIBRATION, "fix", "offset, segments; defect table, moved", "available"),
    Defect("A04", "Many lines a minute: the exporter writes the forming bar.", "pipeline/sources/atas/bar_merge.py", "fix", _MENDED, "available"),
    Defect("A05", "History exported again after a reload; a larger earlier volume is kept.", "pipeline/sources/atas/bar_merge.py", "fix", f"{_MENDED}; bit 0 volume_regressed", "available"),
    Defect("A06", "vbuy and vsell fall short of the volume.", f"{_CHECKS}, pipeline/alignment/flow.py", "flag", "check flow_residual; bit 2 flow_residual", "available"),
    Defect("A07", "vbuy and vsell exceed the volume: two charts exported one symbol.", "pipeline/alignment/flow.py", "quarantine", "bit 1 flow_exceeds_volume", "available"),
    Defect("A08", "The exported cvd is inflated or was reset.", _ODD, "flag", "check impossible_cvd", "available"),
    Defect("A09", "A tape with one side only, or none: sides are null.", "pipeline/bars/footprint.py", "quarantine", "bit 9 side_unknown", "available"),
    Defect("A10", "A price, quantity or stamp of zero from a failed reflection, or a number beyond what is traded (CONTROL, values).", "pipeline/sources/atas/bar_lines.py, ticks.py", "quarantine", _ASIDE, "available", "degraded where too many lines are set aside"),
    Defect("A11", "SafeMode: fields constant or null, which means not measured.", "pipeline/sources/atas/bar_file.py", "flag", _MENDED, "available"),
    Defect("A12", "Bare NaN, indented JSON, arrays, byte order marks, runs of NUL, blank lines.", "pipeline/sources/text/jsonl.py, file_read.py", "fix", _MENDED, "available"),
    Defect("A13", "A torn last line, or a line in the middle that cannot be read.", "pipeline/sources/text/jsonl.py", "quarantine", _ASIDE, "available", "degraded where too many lines are set aside"),
    Defect("A14", "A .part left beside its file, or instead of it.", "pipeline/sources/atas/part_files.py", "fix", _MENDED, "available"),
    Defect("A15", "A minute in which the exchange traded has no ATAS row (such as the last of a run).", "pipeline/alignment/align.py", "flag", "bit 3 atas_missing", "available"),
    Defect("A16", "Ticks under another hour or day than their own, or under a literal date={date}.", "pipeline/sources/joining.py, ticks.py", "fix", f"{_MENDED}; {_ASIDE} where no day looks for them", "available"),
    Defect("A17", "Tick stamps have digits below the millisecond: a PC clock, no skew is measured.", "pipeline/sources/joining.py", "flag", _MENDED, "available"),
    Defect("A18", "Ticks out of order, or a clock that stepped back.", "pipeline/sources/tick_tape.py", "fix", _MENDED, "available"),
    Defect("A19", "The chart is not of one minute.", _CALIBRATION, "fail", "reason not_one_minute", "degraded"),
    Defect("A20", "The feed stood still while the exchange moved.", _ODD, "flag", "check stalled_tape; bit 10 ohlc_differs", "degraded"),
    Defect("A21", "Prices compressed to a larger step than the exchange's.", _ODD, "flag", "check price_step", "available"),
    Defect("A22", "Another symbol under this one's name.", f"{_CALIBRATION}, pipeline/sources/atas/ticks.py, rows.py", "fail", f"reason wrong_instrument; {_ASIDE}", "degraded", "available where only some ticks name it, missing where it is the klines"),
    Defect("A23", "The writer died and wrote all at once at its end: the file is whole, its times of writing are not.", "kitchen heartbeat: the raw bytes do not show it", "none", "-", "available"),
    Defect("A24", "Lines of several exporter versions in one file.", "pipeline/sources/atas/bar_file.py", "fix", _MENDED, "available"),
)  # fmt: skip

_BINANCE = (
    Defect("B01", "Microseconds where milliseconds are usual, or both in one file: told by magnitude.", "pipeline/sources/klines/rows.py", "fix", f"{_MENDED}; unit of the input", "available"),
    Defect("B02", "A header where the market has none, or none where it has one; columns that cannot be named.", "pipeline/sources/binance/klines.py, column_names.py", "fix", f"{_MENDED}; {_ASIDE}", "available"),
    Defect("B03", "The archive is not the one that its CHECKSUM file names.", "pipeline/sources/file_read.py", "quarantine", f"{_ASIDE}: a whole file", "missing", "available where another file has the day"),
    Defect("B04", "An archive issued again: the day is read again and becomes a new revision if anything differs.", "pipeline/freshness/check.py", "fix", "publication.json: reason", "available"),
    Defect("B05", "A daily file that ends early; another file of the exchange may complete the day.", _CHECKS, "fail", "check binance_coverage; bit 11 fallback_file", "missing", "available where another file completes the day"),
    Defect("B06", "No file of the exchange of record: pending until the deadline, then missing.", "pipeline/freshness/graph.py, pipeline/quality/verdict.py", "fail", "reason B06", "missing"),
    Defect("B07", "A monthly archive without this day: daily files are preferred.", "pipeline/sources/joining.py", "fix", _MENDED, "available"),
    Defect("B08", "A less trusted file has other values than the preferred one, which wins.", "pipeline/sources/joining.py", "flag", _MENDED, "available"),
    Defect("B09", "The archive has no volume where ATAS of the same instrument saw trades.", _ODD, "fail", "check silent_record", "missing"),
    Defect("B10", "Prices of the same instrument differ between ATAS and the exchange.", _CHECKS, "flag", "check ohlc_mismatch; bit 10 ohlc_differs", "degraded"),
    Defect("B11", "Minutes in a known outage.", "pipeline/alignment/align.py", "flag", "bit 4 known_outage", "available"),
    Defect("B12", "Minutes missing without an outage that is known.", _CHECKS, "flag", "check binance_continuity; bit 5 kline_missing", "degraded", "available where they are very few"),
    Defect("B13", "Klines off the minute grid: never floored.", "pipeline/sources/klines/rows.py", "quarantine", _ASIDE, "degraded"),
    Defect("B14", "A close time that is not the end of its bar, cut to a second or less.", "pipeline/sources/binance/klines.py, rows.py", "flag", f"{_MENDED}; bit 6 close_time_cut", "available"),
    Defect("B15", "Repeated rows: equal ones are merged, of different ones neither is used.", "pipeline/sources/klines/rows.py", "fix", f"{_MENDED}; {_ASIDE}; bit 8 kline_conflict", "available", "degraded where they differ"),
    Defect("B16", "Rows not in order of time.", "pipeline/sources/klines/rows.py", "fix", _MENDED, "available"),
    Defect("B17", "A candle that was still forming, and stands again finished.", "pipeline/sources/klines/rows.py", "fix", _ASIDE, "available"),
    Defect("B18", "Pages of answers that overlap.", "pipeline/sources/klines/rows.py", "fix", _MENDED, "available"),
    Defect("B19", "Data of a test network: wicks that no market of money has.", _ODD, "fail", "check absurd_wicks", "missing"),
    Defect("B20", "COIN-M counts contracts: base volume is read from its own column.", "pipeline/sources/binance/klines.py, rows.py", "fix", _MENDED, "available"),
    Defect("B21", "A day, or its beginning or end, without a trade: the pair was not listed.", _ODD, "flag", "check traded_minutes; bit 12 silent_edge", "degraded", "available where no ATAS is expected"),
    Defect("B22", "Open interest metrics are stamped by the start or by the end of their five minutes: told by the day's minutes, else by the file's own stamps.", "pipeline/features/metrics_label.py, pipeline/sources/binance/metrics.py", "fix", "label and label_by of the input", "available"),
    Defect("B23", "aggTrades with a quantity of zero: see D04.", _FAULTS, "none", "defect table, as D04", "-"),
    Defect("B24", "A chart in local time beside a report in UTC: a false alarm.", "the report prints UTC", "none", "every time in the report", "available"),
    Defect("B25", "Bars filled forward with the volume of the bar before.", _ODD, "flag", "check copied_bars", "available"),
    Defect("B26", "A row that breaks a rule of klines, by itself or in what its columns say of each other, or has a number beyond what is traded (CONTROL, values); a file of such rows, or of another interval, as a whole.", "pipeline/sources/klines/rows.py, consistency.py", "quarantine", _ASIDE, "degraded", "missing where it is the whole file"),
    Defect("B27", "A kline that two agreeing tapes contradict: published as archived.", "pipeline/proof/agreement.py", "flag", "check kline_contradicted; section Tapes, with the tapes' values", "degraded"),
)  # fmt: skip

_BOTH = (
    Defect("C01", "ATAS recorded another instrument of the same underlying (perpetual beside spot).", _CALIBRATION, "flag", "bit 7 other_instrument; basis_bps", "available"),
    Defect("C02", "Prices a power of ten apart, without a configured multiplier.", _CALIBRATION, "fail", "reason multiplier", "degraded"),
    Defect("C03", "A wick far beyond the day's own; a price of zero or less, or beyond any market's, is B26 or A10.", _ODD, "flag", "check outlying_wicks", "available"),
    Defect("C04", "Long runs of traded minutes at one frozen price.", _ODD, "flag", "check frozen_price", "available"),
    Defect("C05", "Stamps with and without a zone in one file, stamps of a line that disagree, dates whose day and month cannot be told.", "pipeline/sources/atas/bar_lines.py, bar_file.py, rows.py, rows.py", "fix", f"{_MENDED}; {_ASIDE} where they disagree", "available"),
    Defect("C06", "Decimals with the noise of a computation (0.30000000000000004).", "pipeline/sources/klines/decimal_noise.py", "fix", _MENDED, "available"),
    Defect("C07", "The tape's clock is off by more than half a second.", "pipeline/alignment/skew.py, pipeline/quality/checks.py", "flag", "skew; check skew_ms", "available", "degraded where it cannot be corrected"),
    Defect("C08", "ATAS has too few of the minutes in which the exchange traded.", _CHECKS, "flag", "check atas_coverage", "degraded"),
    Defect("C09", "A file changed, grew or vanished while it was read: the day is pending.", "pipeline/sources/rawfile.py", "none", "exit 20, the file named", "pending"),
    Defect("C10", "A row of the day before or after in a day's file.", "pipeline/sources/klines/rows.py", "fix", _ASIDE, "available"),
    Defect("C11", "Not identifiable: too thin, flat or unstable to find the offset, or prices and volumes disagree.", _CALIBRATION, "fail", "reason not_identifiable or volume_in_quote", "degraded"),
    Defect("C12", "No ATAS data where it is expected.", _CHECKS, "flag", "check atas_present", "degraded"),
    Defect("C13", "The exchange's own stamps do not say their zone or edge, and ATAS lies by it: not known whose clock is wrong.", "pipeline/alignment/record_clock.py", "fail", "reason zone_in_doubt or label_in_doubt; note label_by_atas", "missing"),
)  # fmt: skip

_TAPE = (
    Defect("D01", "The flag of the side is one and the same in a whole file of trades: sides come from the other archive by trade id where that one agrees with the klines, else they are null where the klines deny them, and delta is the klines'.", _FAULTS, "fix", _AGAINST, "available"),
    Defect("D02", "A file of trades that is cut short: mended from the other archive, else those minutes have no tape.", _FAULTS, "fix", f"{_AGAINST}; check tape_coverage", "available"),
    Defect("D03", "Trades missing inside: mended from the other archive, else the minute is not proven. Ids that no kline counts (deleveraging, insurance fund) are no loss.", _FAULTS, "fix", f"{_AGAINST}; check tape_proven", "available"),
    Defect("D04", "Trades with a quantity of 0, which are set aside, or rounded to nearly 0: taken from the other archive by trade id.", _FAULTS, "quarantine", f"{_AGAINST}; {_ASIDE}", "available"),
    Defect("D05", "Trades out of the order of their ids, or of days that the file is not of: sorted, or counted as other days'.", "pipeline/sources/binance/trade_file.py", "fix", _MENDED, "available"),
    Defect("D06", "An id twice: both are kept where their trades differ, else one.", "pipeline/sources/trade_tape.py", "fix", _MENDED, "available"),
    Defect("D07", "Stamps in milliseconds and microseconds in one file of trades: told by value, which is B01 too.", "pipeline/sources/binance/trade_file.py", "fix", _MENDED, "available"),
    Defect("D08", "A month's file of trades without this day: bring the day's own.", _FAULTS, "fix", f"{_AGAINST}; check tape_coverage", "available"),
    Defect("D09", "A tape that stands still while the klines trade. Where the klines stand still too, it is the exchange, and nothing is wrong.", _FAULTS, "fix", f"{_AGAINST}; check tape_proven", "available"),
)  # fmt: skip

DEFECTS: dict[str, Defect] = {defect.code: defect for defect in (*_ATAS, *_BINANCE, *_BOTH, *_TAPE)}
"""Code -> defect, in the order of the codes."""

_HEAD = f"""\
# Defects

Made from the registry (`pipeline/quality/catalogue.py`): do not edit. The condition is that of a day with
this defect and no other, under `governance/CONTROL_kitchen.yaml` as shipped, which may lower or waive a
consequence. `kitchen explain` finds the lines of a day; `kitchen sample --defect CODE` makes many of these.
A is of ATAS, B of Binance, C of both, D of the exchange's trades. {"; ".join(f"{name}: {said}" for name, said in ACTIONS.items())}.

| code | defect | found by | action | shows as | condition |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The list as a page for people, in Markdown."""
    rows = (
        f"| {d.code} | {d.what} | {d.found} | {d.action} | {d.shows} | {_judged(d)} |\n"
        for d in DEFECTS.values()
    )
    return _HEAD + "".join(rows)


def _judged(defect: Defect) -> str:
    return "; ".join(filter(None, (defect.condition, defect.otherwise)))


if __name__ == "__main__":
    sys.stdout.write(page())
