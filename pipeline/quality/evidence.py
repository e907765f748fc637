"""What the calibration found, as the report shows it beside the thresholds it was held against.

Belongs here: reading the calibration's figures, each of which may be absent, and saying an offset in
words. Finding them is `alignment/`.
"""

from __future__ import annotations

import math
from typing import Any

from pipeline.contracts.calibration import CurveRow, DayFinding, Figures, changed, to_json
from pipeline.contracts.control import Control
from pipeline.free_form import Json

_ROWS = (
    # what, path in CONTROL, at least or at most, unit
    ("common traded minutes", "evidence.minutes_min", "at least", "minutes"),
    ("return correlation at the offset", "evidence.return_rho_min", "at least", ""),
    ("its lead over the best other lag", "evidence.return_gap_min", "at least", ""),
    ("volume correlation at the offset", "evidence.volume_rho_min", "at least", ""),
    ("its lead over the best other lag", "evidence.volume_gap_min", "at least", ""),
    ("informative hour blocks", "evidence.blocks_min", "at least", "blocks"),
    ("blocks that agree", "evidence.block_agreement_min", "at least", "fraction"),
    ("minutes with all four prices equal", "evidence.exact_share_min", "at least", "fraction"),
    ("basis, median", "identity.basis_median_bps_max", "at most", "bps"),
    ("basis, MAD", "identity.basis_mad_bps_max", "at most", "bps"),
    ("return correlation, another instrument", "identity.same_return_rho_min", "at least", ""),
    ("volume ratio, CV", "identity.volume_cv_max", "at most", "fraction"),
)


def clean(value: Any) -> Any:
    """A value as JSON can hold it: NaN and infinities become None, tuples lists, keys text."""
    if isinstance(value, dict):
        return {str(key): clean(inner) for key, inner in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [clean(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def brief(found: DayFinding) -> Json:
    """The calibration with all figures of the feed that the day follows alone, numbers to six digits.

    As a whole it is in the manifest, each feed with its own figures.
    """
    feeds = {feed: changed(f, figures=_bare(f.figures)) for feed, f in found.feeds.items()}
    said: Json = _six_digits(to_json(changed(found, feeds=feeds)))
    said["feeds"] = {feed: _known(finding) for feed, finding in said["feeds"].items()}
    return said


def _bare(figures: Figures) -> Figures:
    return Figures(evidence=figures.evidence, best=figures.best, gap=figures.gap, n=figures.n)


def _six_digits(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _six_digits(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_six_digits(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _known(value: Any) -> Any:
    """Without what was not measured, level by level."""
    if not isinstance(value, dict):
        return value
    return {key: _known(inner) for key, inner in value.items() if inner not in (None, [], {})}


def held_against(figures: Figures, measured: Json, control: Control) -> list[Json]:
    """Every threshold of CONTROL's evidence and identity that a figure is shown for.

    Args:
        figures: The calibration's figures.
        measured: `basis` and `volume_ratio` of the report.
        control: The thresholds.

    Returns:
        `what key value limit relation unit` an entry; value None where it was not measured.
    """
    values = _values(figures, measured)
    limits = {"evidence": control.evidence, "identity": control.identity}
    rows = []
    for what, key, relation, unit in _ROWS:
        group, name = key.split(".")
        rows.append(
            {
                "what": what,
                "key": key,
                "value": values.get(key),
                "limit": limits[group][name],
                "relation": relation,
                "unit": unit,
            }
        )
    return rows


def _values(figures: Figures, measured: Json) -> Json:
    best, like = figures.best or CurveRow(lag_minutes=0), figures.likeness
    basis, ratio = measured["basis"], measured["volume_ratio"]
    return {
        "evidence.minutes_min": figures.n,
        "evidence.return_rho_min": best.rho_return,
        "evidence.return_gap_min": figures.gap,
        "evidence.volume_rho_min": best.rho_volume,
        "evidence.volume_gap_min": figures.volume_gap,
        "evidence.blocks_min": figures.blocks_informative,
        "evidence.block_agreement_min": figures.block_agreement,
        "evidence.exact_share_min": best.exact_share,
        "identity.basis_median_bps_max": like.basis_median if like else basis.get("median"),
        "identity.basis_mad_bps_max": like.basis_mad if like else basis.get("mad"),
        "identity.same_return_rho_min": like.rho if like else None,
        "identity.volume_cv_max": like.volume_cv if like else ratio.get("cv"),
    }


def offset_words(offset: int | None) -> str:
    """An offset in words: true minute open = stamped time + offset."""
    if offset is None:
        return "no offset was found"
    if offset == 0:
        return "0 min: the stamp is the minute's open"
    if offset == -1:
        return "-1 min: the stamp is the minute's close, one minute after its open"
    hours, minutes = divmod(abs(offset), 60)
    span = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    side = "before" if offset > 0 else "after"
    return f"{offset:+d} min: the stamps lie {span} {side} the true minute open"
