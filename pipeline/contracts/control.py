"""`CONTROL_kitchen.yaml`: settling, thresholds, consequences, waivers.

The file is data; this module checks its form and answers what is in force for a symbol and day.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.contracts.documents import load_checked
from pipeline.contracts.values import NAMES, ValueLimits
from pipeline.errors import ConfigError
from pipeline.free_form import Document

CONSEQUENCES = ("note", "degrade", "set_aside_atas", "refuse")
"""Weakest first."""

REFUSALS = (
    "not_identifiable",
    "wrong_instrument",
    "multiplier",
    "offset_not_allowed",
    "unstable_offset",
    "off_profile",
    "volume_in_quote",
    "not_one_minute",
    "other_instrument",
    "zone_in_doubt",
    "label_in_doubt",
    "label_by_atas",
)
"""What a calibration may find against a feed; CONTROL must say what each leads to."""

_NUMBER = {"type": "number", "required": True}
_CODE = {"type": "string", "required": True, "form": "code"}
_CONSEQUENCE = {"type": "string", "required": True, "allowed": list(CONSEQUENCES)}


def _numbers(*names: str) -> Document:
    return {
        "type": "dict",
        "required": True,
        "schema": {name: {"type": "number", "required": True, "min": 0} for name in names},
    }


_DOCUMENT: Document = {
    "version": {"type": "integer", "required": True, "allowed": [1]},
    "settling": _numbers("quiet_minutes", "binance_deadline_hours", "atas_deadline_hours"),
    "heartbeat": _numbers("beat_seconds_max", "file_minutes_max", "row_minutes_max"),
    "values": _numbers(*NAMES),
    "record": _numbers(
        "price_tolerance",
        "written_share_min",
        "rows_min",
        "broken_share_max",
        "spacing_share_min",
        "silent_edge_minutes_min",
    ),
    "evidence": _numbers(
        "minutes_min",
        "return_rho_min",
        "return_gap_min",
        "volume_rho_min",
        "volume_gap_min",
        "block_minutes_min",
        "block_agreement_min",
        "blocks_min",
        "exact_share_min",
    ),
    "identity": _numbers(
        "basis_median_bps_max",
        "basis_mad_bps_max",
        "same_return_rho_min",
        "half_tick_share_max",
        "volume_cv_max",
        "odd_basis_bps_min",
        "odd_volume_factor_min",
        "odd_minutes_share_max",
        "power_of_ten_tolerance",
    ),
    "skew": _numbers(
        "search_seconds",
        "hours_min",
        "sub_ms_share_max",
        "residual_max",
        "interval_ms_max",
        "correct_above_ms",
        "correct_up_to_ms",
        "correct_interval_ms_max",
        "drift_ms_max",
    ),
    "checks": {
        "type": "dict",
        "required": True,
        "valuesrules": {
            "type": "dict",
            "schema": {
                "at_least": {"type": "number", "excludes": "at_most", "required": True},
                "at_most": {"type": "number", "excludes": "at_least", "required": True},
                "unit": {"type": "string", "required": True},
                "code": _CODE,
                "consequence": _CONSEQUENCE,
                "why": {"type": "string", "required": True},
            },
        },
    },
    "oddities": _numbers(
        "wick_mad_max",
        "wick_bps_min",
        "absurd_wick_share",
        "absurd_wick_steps",
        "frozen_minutes_min",
        "copied_minutes_min",
        "silent_minutes_min",
        "stalled_minutes_min",
    ),
    "metrics": _numbers("periods_min", "distance_max", "lead_max"),
    "flow": _numbers("residual_row_max", "one_sided_share_max", "one_sided_trades_min"),
    "tape": _numbers("still_minutes_min"),
    "refusals": {
        "type": "dict",
        "required": True,
        "schema": {
            key: {
                "type": "dict",
                "required": True,
                "schema": {"code": _CODE, "consequence": _CONSEQUENCE},
            }
            for key in REFUSALS
        },
    },
    "waivers": {
        "type": "list",
        "required": True,
        "schema": {
            "type": "dict",
            "schema": {
                "code": _CODE,
                "symbol": {"type": "string", "required": True},
                "first": {"type": "date", "required": True},
                "last": {"type": "date", "required": True},
                "consequence": _CONSEQUENCE,
                "who": {"type": "string", "required": True, "minlength": 2},
                "why": {"type": "string", "required": True, "minlength": 5},
            },
        },
    },
}

CHECKS = (
    "binance_coverage",
    "binance_continuity",
    "binance_rejected_rows",
    "atas_present",
    "atas_coverage",
    "skew_ms",
    "ohlc_mismatch",
    "atas_rejected_share",
    "flow_residual",
    "outlying_wicks",
    "absurd_wicks",
    "frozen_price",
    "copied_bars",
    "silent_record",
    "traded_minutes",
    "stalled_tape",
    "impossible_cvd",
    "price_step",
    "return_psi",
    "return_ks",
    "tape_proven",
    "tape_coverage",
    "kline_contradicted",
)
"""What `quality/checks.py` measures; CONTROL must name a threshold for each and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One check of CONTROL: `measured >= limit` (at_least) or `abs(measured) <= limit` (at_most)."""

    name: str
    at_least: float | None
    at_most: float | None
    unit: str
    code: str
    consequence: str
    why: str

    @property
    def key(self) -> str:
        """The path of the key in CONTROL."""
        return f"checks.{self.name}"

    @property
    def limit(self) -> float:
        """The number that a measured value is held against."""
        limit = self.at_least if self.at_least is not None else self.at_most
        return float(limit or 0)

    def holds(self, measured: float) -> bool:
        """Whether the measured value keeps the threshold."""
        if self.at_least is not None:
            return measured >= self.at_least
        return abs(measured) <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Who lowered the consequence of a code, for which dates (both included), and why."""

    code: str
    symbol: str
    first: dt.date
    last: dt.date
    consequence: str
    who: str
    why: str

    def covers(self, code: str, symbol: str, day: dt.date) -> bool:
        """Whether it is about this code, symbol and day. Symbol `*` is any."""
        return self.code == code and self.symbol in ("*", symbol) and self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The whole document, checked. `raw` is it as a plain value, for digests and the manifest."""

    settling: dict[str, float]
    heartbeat: dict[str, float]
    values: ValueLimits
    record: dict[str, float]
    evidence: dict[str, float]
    identity: dict[str, float]
    skew: dict[str, float]
    flow: dict[str, float]
    oddities: dict[str, float]
    metrics: dict[str, float]
    tape: dict[str, float]
    thresholds: tuple[Threshold, ...]
    refusals: dict[str, dict[str, str]]
    waivers: tuple[Waiver, ...]
    raw: Document

    def consequence(self, code: str, stated: str, symbol: str, day: dt.date) -> str:
        """The consequence in force: a waiver may lower the stated one, never raise it."""
        found = [w.consequence for w in self.waivers if w.covers(code, symbol, day)]
        return min([stated, *found], key=CONSEQUENCES.index)


@lru_cache(maxsize=8)
def load(governance: Path) -> Control:
    """The checked CONTROL of a governance folder.

    Raises:
        ConfigError: all faults of form, or a check that is missing or not known.
    """
    path = governance / "CONTROL_kitchen.yaml"
    document = load_checked(path, _DOCUMENT)
    missing = [name for name in CHECKS if name not in document["checks"]]
    unknown = [name for name in document["checks"] if name not in CHECKS]
    if missing or unknown:
        raise ConfigError(
            f"{path}: checks: missing {missing or 'none'}, not known {unknown or 'none'};"
            f" wanted exactly {', '.join(CHECKS)}"
        )
    thresholds = tuple(
        Threshold(
            name=name,
            at_least=document["checks"][name].get("at_least"),
            at_most=document["checks"][name].get("at_most"),
            unit=document["checks"][name]["unit"],
            code=document["checks"][name]["code"],
            consequence=document["checks"][name]["consequence"],
            why=document["checks"][name]["why"],
        )
        for name in CHECKS
    )
    return Control(
        settling=document["settling"],
        heartbeat=document["heartbeat"],
        values=ValueLimits(**document["values"]),
        record=document["record"],
        evidence=document["evidence"],
        identity=document["identity"],
        skew=document["skew"],
        flow=document["flow"],
        oddities=document["oddities"],
        metrics=document["metrics"],
        tape=document["tape"],
        thresholds=thresholds,
        refusals=document["refusals"],
        waivers=tuple(Waiver(**waiver) for waiver in document["waivers"]),
        raw=document,
    )
