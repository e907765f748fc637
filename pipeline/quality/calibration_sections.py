"""The report's sections on the calibration: offset, evidence, instrument, basis."""

from __future__ import annotations

from typing import Any

from pipeline.contracts.calibration import DayFinding, Figures, from_json, to_json
from pipeline.quality.wording import (
    NONE,
    Report,
    Section,
    Table,
    clock_time,
    number,
    plain,
    rho,
    share,
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
    return Table(
        head=("evidence", "measured", "wanted", "key"),
        rows=tuple(
            (
                plain(row["what"]),
                number(row["value"], row["unit"]),
                f"{row['relation']} {number(row['limit'], row['unit'])}",
                plain(row["key"]),
            )
            for row in report["evidence"]
        ),
        right=frozenset({1}),
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
    return Table(
        head=("lag, min", "return rho", "volume rho", "exact share", "n", ""),
        rows=tuple(
            (
                number(row.lag_minutes),
                rho(row.rho_return),
                rho(row.rho_volume),
                share(row.exact_share),
                number(row.n),
                names.get(row.lag_minutes, ""),
            )
            for row in shown
        ),
        right=frozenset(range(5)),
        empty="No lag was measured.",
    )


def _feeds(found: DayFinding) -> Table:
    """What each ATAS feed was found to be; the day follows the first that is not refused."""
    return Table(
        head=("feed", "status", "offset", "exact share", "identity", "unit", "reasons"),
        rows=tuple(
            (
                plain(name),
                entry.status,
                number(entry.offset_minutes, "min"),
                share(entry.figures.exact_share),
                plain(entry.identity),
                plain(entry.volume_unit),
                "; ".join(plain(f"{reason.code} {reason.note}") for reason in entry.reasons),
            )
            for name, entry in sorted(found.feeds.items())
        ),
        right=frozenset({2, 3}),
        empty="No ATAS feed was measured.",
    )


def _segments(found: DayFinding) -> Table:
    return Table(
        head=("segment", "offset, min", "found in"),
        rows=tuple(
            (
                number(position),
                number(segment.offset_minutes),
                "; ".join(
                    f"{name} {number(value)}" for name, value in _flattened(to_json(segment.found))
                ),
            )
            for position, segment in enumerate(found.segments, start=1)
        ),
        right=frozenset({1}),
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
    names = ("minutes", "equal", "close", "difference")
    return Table(
        head=("sources", "minutes of both", "equal", "close", "sum of differences, base"),
        rows=tuple(
            (
                f"{plain(pair['first'])} and {plain(pair['second'])}",
                *(number(pair[name]) for name in names),
            )
            for pair in found.get("pairs", ())
        ),
        right=frozenset(range(1, 5)),
        empty="One source alone told of order flow.",
    )


def _flow_worst(found: Report) -> Table:
    sources = tuple(found.get("published", ()))
    return Table(
        head=("minute", *(f"{plain(name)}, delta" for name in sources)),
        rows=tuple(
            (
                clock_time(entry["minute_open"]),
                *(number(entry[name]) for name in sources),
            )
            for entry in found.get("worst", ())
        ),
        right=frozenset(range(1, 1 + len(sources))),
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
