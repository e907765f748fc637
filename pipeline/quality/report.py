"""The QC report of a symbol's day: one JSON value, and its two renderings.

Belongs here: gathering what a person needs to trust or refuse the day. The JSON is the only source of
figures: `markdown` and `html` show it and measure nothing; `html` draws the day's bars above it. What the
tables and the manifest say value by value (bars, each raw file, each feed's curves) is not said again.
"""

from __future__ import annotations

from pipeline.contracts import tape
from pipeline.contracts.calibration import DayFinding, to_json
from pipeline.contracts.verdict import Verdict
from pipeline.free_form import Json
from pipeline.quality import evidence, figures, raw_files
from pipeline.quality.defects import defects
from pipeline.quality.facts import DayFacts, minutes_of
from pipeline.quality.markdown import markdown
from pipeline.quality.page import html
from pipeline.quality.wording import Report

__all__ = ["html", "markdown", "report"]


def report(facts: DayFacts, verdict: Verdict) -> Report:
    """Everything that the report of one symbol's day shows, as plain JSON values.

    Args:
        facts: The day.
        verdict: What `verdict.verdict` said of it.
    """
    flags = facts.day.rules.schema.flags
    conflict = sum(1 << flag["bit"] for flag in flags if flag["name"] == "kline_conflict")
    strips = figures.heat(facts, minutes_of(facts), conflict)
    measured = {"basis": figures.basis(facts), "volume_ratio": figures.volume_ratio(facts)}
    calibration, judged = facts.calibration, to_json(verdict)
    whole = {
        "version": 1,
        "header": _header(facts, verdict, measured),
        "verdict": {key: judged[key] for key in ("condition", "reasons", "notes")},
        "checks": [_check(check) for check in judged["checks"]],
        "control_file": "governance/CONTROL_kitchen.yaml",
        "calibration": evidence.brief(calibration),
        "offset": evidence.offset_words(calibration.offset_minutes),
        "evidence": evidence.held_against(calibration.figures, measured, facts.control),
        **measured,
        "flow": facts.flow,
        "tapes": None if facts.tape is None else tape.to_json(facts.tape),
        "states": figures.STATES,
        "heat": strips,
        "gaps": figures.gaps(facts, strips),
        "defects": [to_json(row) for row in defects(facts, flags)],
        "columns": figures.columns(facts.bars),
        "worst_minutes": _with_flag_names(figures.worst_minutes(facts), flags),
        "conservation": raw_files.conservation(facts.ledgers),
        "inputs": raw_files.inputs(facts.ledgers),
    }
    cleaned: Report = evidence.clean(whole)
    return cleaned


def _header(facts: DayFacts, verdict: Verdict, measured: Report) -> Report:
    codes = [reason.code for reason in verdict.reasons]
    return {
        "symbol": facts.day.symbol,
        "market": facts.day.market,
        "date": facts.day.date.isoformat(),
        "simulated": facts.simulated,
        "condition": verdict.condition,
        "codes": codes,
        "line": f"{verdict.condition}: {', '.join(codes)}" if codes else verdict.condition,
        "figures": _three_figures(verdict.measured, facts.calibration, measured),
    }


def _check(check: Json) -> Json:
    """The result without what is not known of it, what no waiver changed, and CONTROL's own words."""
    known = {key: value for key, value in check.items() if value is not None and key != "why"}
    if check["stated"] == check["consequence"]:
        del known["stated"]
    return known | {key: check[key] for key in ("measured", "passed")}


def _three_figures(checks: dict[str, float | None], found: DayFinding, measured: Report) -> Report:
    """The figures that matter: coverage, offset with its exact share, basis or skew."""
    return {
        "binance_coverage": checks.get("binance_coverage"),
        "atas_coverage": checks.get("atas_coverage"),
        "status": found.status,
        "offset_minutes": found.offset_minutes,
        "exact_share": found.figures.exact_share,
        "skew_ms": found.skew_ms,
        "basis_bps_median": measured["basis"].get("median", found.basis_bps_median),
    }


def _with_flag_names(minutes: list[Json], flags: list[Json]) -> list[Json]:
    return [
        minute
        | {"flags": [flag["name"] for flag in flags if minute["qc_flags"] >> flag["bit"] & 1]}
        for minute in minutes
    ]
