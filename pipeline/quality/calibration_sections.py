"""The report's sections on the calibration: offset, evidence, instrument, basis."""

from __future__ import annotations

from typing import Any

from pipeline.contracts.calibration import DayFinding, Figures, from_json, to_json
from pipeline.quality.wording import (
    NONE,
    Column,
    Report,
    Section,
    Table,
    figure,
    limit,
    number,
    plain,
    rho,
    share,
    table,
    text,
    time,
)

_CURVE_NEIGHBOURS = 5
_SHOWN_BY_NAME = ("curve", "blocks", "best", "runner_up", "skew")


def offset(report: Report) -> Section:
    """The offset in words, its evidence beside the thresholds, and what each feed was found to be."""
    found = from_json(report["calibration"])
    lead = (
        f"Calibration {found.status}, identity {plain(found.identity)}, feed {plain(found.feed)}."
        f" True minute open = stamp + offset. {plain(report['offset']).capitalize()}."
    )
    return Section(
        name="offset",
        title="Offset",
        lead=lead,
        tables=(
            _evidence(report),
            _curve(found.figures),
            _feeds(found),
            _segments(found),
            _scalars(report["calibration"]),
        ),
        plots=("curve", "blocks", "skew"),
    )


def _evidence(report: Report) -> Table:
    return table(
        report["evidence"],
        text("what", "evidence"),
        Column(head="measured", said=lambda row: number(row["value"], row["unit"]), right=True),
        Column(head="wanted", said=limit),
        text("key"),
    )


def _curve(figures: Figures) -> Table:
    """The lags around the found one, and the runner-up; the JSON has the whole curve."""
    best, second = (
        None if row is None else row.lag_minutes for row in (figures.best, figures.runner_up)
    )
    shown = [
        row
        for row in figures.curve
        if best is None
        or abs(row.lag_minutes - best) <= _CURVE_NEIGHBOURS
        or row.lag_minutes == second
    ][: 4 * _CURVE_NEIGHBOURS]
    names = {best: "found", second: "runner-up"} if best != second else {best: "found"}
    return table(
        shown,
        figure("lag_minutes", "lag, min"),
        *(figure("rho_return", "return rho", rho), figure("rho_volume", "volume rho", rho)),
        *(figure("exact_share", "exact share", share), figure("n")),
        Column(head="", said=lambda row: names.get(row.lag_minutes, "")),
        empty="No lag was measured.",
    )


def _feeds(found: DayFinding) -> Table:
    """What each ATAS feed was found to be; the day follows the first that is not refused."""
    return table(
        sorted(found.feeds.items()),
        Column(head="feed", said=lambda e: plain(e[0])),
        Column(head="status", said=lambda e: e[1].status),
        Column(head="offset", said=lambda e: number(e[1].offset_minutes, "min"), right=True),
        Column(head="exact share", said=lambda e: share(e[1].figures.exact_share), right=True),
        Column(head="identity", said=lambda e: plain(e[1].identity)),
        Column(head="unit", said=lambda e: plain(e[1].volume_unit)),
        Column(
            head="reasons",
            said=lambda e: "; ".join(plain(f"{r.code} {r.note}") for r in e[1].reasons),
        ),
        empty="No ATAS feed was measured.",
    )


def _segments(found: DayFinding) -> Table:
    return table(
        enumerate(found.segments, start=1),
        Column(head="segment", said=lambda e: number(e[0])),
        Column(head="offset, min", said=lambda e: number(e[1].offset_minutes), right=True),
        Column(
            head="found in",
            said=lambda e: "; ".join(
                f"{name} {number(value)}" for name, value in _flattened(to_json(e[1].found))
            ),
        ),
        empty="No segment was corrected.",
    )


def _scalars(calibration: Report) -> Table:
    """What else the calibration measured, name by name."""
    shown = ("figures", "reasons", "feeds", "segments")
    rest = {key: value for key, value in calibration.items() if key not in shown}
    figures = calibration["figures"]
    other = {key: value for key, value in figures.items() if key not in _SHOWN_BY_NAME}
    return Table(
        head=("calibration", "value"),
        rows=tuple(
            (plain(name), number(value))
            for name, value in (*_flattened(rest), *_flattened(other, "figures."))
            if value is not None
        ),
        empty="Nothing was calibrated.",
    )


def _flattened(value: Report, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, inner in sorted(value.items()):
        if isinstance(inner, dict):
            found += _flattened(inner, f"{prefix}{key}.")
        elif isinstance(inner, list):
            if inner and all(not isinstance(item, (dict, list)) for item in inner):
                found.append((prefix + key, ", ".join(number(item) for item in inner[:12])))
        else:
            found.append((prefix + key, inner))
    return found


def basis(report: Report) -> Section:
    """How far the feeds' prices and volumes lie apart in the published minutes."""
    prices, volumes = report["basis"], report["volume_ratio"]
    names = ("n", "median", "mad", "p1", "p99")
    return Section(
        name="basis",
        title="Basis and volume ratio",
        lead="Basis: 1e4 ln(ATAS close / Binance close), in bps. Ratio: ATAS volume / Binance volume."
        " Both of the published minutes; prices are never adjusted onto each other.",
        tables=(
            Table(
                head=("", "n", "median", "MAD", "p1", "p99", "CV"),
                rows=(
                    ("basis, bps", *(number(prices.get(name)) for name in names), NONE),
                    (
                        "volume ratio",
                        number(volumes.get("n")),
                        number(volumes.get("median")),
                        *(NONE,) * 3,
                        number(volumes.get("cv")),
                    ),
                ),
                right=frozenset(range(1, 7)),
            ),
        ),
        plots=("basis", "histogram", "volume_ratio"),
    )


def flow(report: Report) -> Section:
    """Whether the tape, the ATAS bars and the klines tell the same order flow, and which is published."""
    found = report.get("flow") or {}
    said = ", ".join(f"{plain(n)} in {m} minutes" for n, m in found.get("published", {}).items())
    return Section(
        name="flow",
        title="Order flow",
        lead=f"Published delta: {said or 'none'}. Compared minute by minute in base units.",
        tables=(
            _flow_pairs(found),
            _flow_worst(found),
            _flow_by_minute(found),
            _filled_by(found),
        ),
    )


def _flow_pairs(found: Report) -> Table:
    return table(
        found.get("pairs", ()),
        Column(head="sources", said=lambda p: f"{plain(p['first'])} and {plain(p['second'])}"),
        *(figure("minutes", "minutes of both"), figure("equal"), figure("close")),
        figure("difference", "sum of differences, base"),
        empty="One source alone told of order flow.",
    )


def _flow_worst(found: Report) -> Table:
    return table(
        found.get("worst", ()),
        time("minute_open", "minute"),
        *(figure(name, f"{plain(name)}, delta") for name in found.get("published", ())),
        empty="No minute is apart.",
    )


def _flow_by_minute(found: Report) -> Table:
    return Table(
        head=("hour", "by minute: = agree, ~ close, x apart, 1 one source, . none"),
        rows=tuple((f"{hour:02d}", letters) for hour, letters in enumerate(found.get("rows", ()))),
        empty="Nothing was compared.",
    )


def _filled_by(found: Report) -> Table:
    """Which export filled the ATAS columns: what `delta_source` is for delta."""
    return Table(
        head=("ATAS columns", "filled from, in minutes"),
        rows=tuple(
            (names, ", ".join(f"{feed} {count}" for feed, count in feeds.items()))
            for names, feeds in sorted(found.get("fields", {}).items())
            if feeds
        ),
        empty="No ATAS column is filled.",
    )
