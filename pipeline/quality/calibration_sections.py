"""The report's sections on the calibration: offset, evidence, instrument, basis."""

from __future__ import annotations

from typing import Any

from pipeline.contracts.calibration import DayFinding, from_json, to_json
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
    share,
    table,
    text,
    time,
    words,
)

_WORDS = {
    "volume_unit": "volumes are in",
    "volume_factor": "volumes are multiplied by",
    "skew_ms": "clock runs late by, ms",
    "skew_interval_ms": "its interval, ms",
    "skew_applied_ms": "clock moved by, ms",
    "split_gap_minutes": "gap between segments, min",
    "figures.evidence": "offset told by",
    "figures.exact_gap": "lead of the share of equal minutes",
    "figures.volume_best_lag": "best offset by volumes, min",
    "figures.likeness.basis_p1": "basis, 1st percentile, bps",
    "figures.likeness.basis_p99": "basis, 99th percentile, bps",
    "figures.likeness.price_ratio": "price, ATAS / Binance",
    "figures.likeness.volume_ratio": "volume, ATAS / Binance",
    "figures.likeness.quote_ratio": "ATAS volume / Binance quote volume",
    "figures.tick_size.atas": "step of ATAS prices",
    "figures.tick_size.binance": "step of Binance prices",
    "figures.rows": "ATAS rows",
    "figures.rows_off_minute": "of these off the minute",
    "figures.runs": "runs of the exporter",
    "figures.runs_left_out": "of these left out",
    "figures.skew.hours": "hours that tell of the clock",
    "figures.skew.residual": "error of volumes, clock corrected",
    "figures.skew.residual_as_stamped": "error of volumes, as stamped",
    "figures.skew.interval_width_ms": "width of the clock's interval, ms",
    "figures.skew.drift_ms_per_day": "drift of the clock, ms a day",
}
"""What else the calibration measured -> how people say it. The whole document is in the JSON."""


def offset(report: Report) -> Section:
    """The offset in words, its evidence beside the thresholds, and what each feed was found to be."""
    found = from_json(report["calibration"])
    lead = (
        f"Calibration {words(found.status)}, identity {plain(found.identity)}, feed {plain(found.feed)}."
        f" True minute open = stamp + offset. {plain(report['offset']).capitalize()}."
    )
    return Section(
        name="offset",
        title="Offset",
        fact=plain(report["offset"]),
        lead=lead,
        tables=(
            _evidence(report),
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
    )


def _feeds(found: DayFinding) -> Table:
    """What each ATAS feed was found to be; the day follows the first that is not refused."""
    return table(
        sorted(found.feeds.items()),
        Column(head="feed", said=lambda e: plain(e[0])),
        Column(head="status", said=lambda e: words(e[1].status)),
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
    """Where a day has several; one is the day's offset."""
    return table(
        enumerate(found.segments if len(found.segments) > 1 else (), start=1),
        Column(head="segment", said=lambda e: number(e[0])),
        Column(head="offset, min", said=lambda e: number(e[1].offset_minutes), right=True),
        Column(
            head="found in",
            said=lambda e: "; ".join(
                f"{name} {number(value)}" for name, value in _flattened(to_json(e[1].found))
            ),
        ),
        empty="The day has one offset.",
    )


def _scalars(calibration: Report) -> Table:
    """What else the calibration measured."""
    found = dict(_flattened(calibration))
    return Table(
        head=("calibration", "value"),
        rows=tuple(
            (said, number(found[name]))
            for name, said in _WORDS.items()
            if found.get(name) is not None
        ),
        right=frozenset({1}),
        empty="Nothing was calibrated.",
        brief=False,
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
        fact=f"median {number(prices.get('median'), 'bps')}",
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
        fact=_agreement(found),
        lead=f"Published delta: {said or 'none'}. Compared minute by minute in base units.",
        tables=(
            _flow_pairs(found),
            _flow_worst(found),
            _filled_by(found),
        ),
        text=_flow_by_minute(found),
    )


def _agreement(found: Report) -> str:
    pairs = found.get("pairs", ())
    if not pairs:
        return "one source at most"
    differ = sum(pair["equal"] < pair["minutes"] for pair in pairs)
    return f"{differ} of {len(pairs)} pairs of sources differ" if differ else "all sources agree"


def _flow_pairs(found: Report) -> Table:
    """The pairs of sources that differ anywhere."""
    pairs = found.get("pairs", ())
    return table(
        [pair for pair in pairs if pair["equal"] < pair["minutes"]],
        Column(head="sources", said=lambda p: f"{plain(p['first'])} and {plain(p['second'])}"),
        *(figure("minutes", "minutes of both"), figure("equal"), figure("close")),
        figure("difference", "sum of differences, base"),
        empty="All sources are equal in every minute of both."
        if pairs
        else "One source alone told of order flow.",
    )


def _flow_worst(found: Report) -> Table:
    return table(
        found.get("worst", ()),
        time("minute_open", "minute"),
        *(figure(name, f"{plain(name)}, delta") for name in found.get("published", ())),
        empty="No minute is apart.",
    )


def _flow_by_minute(found: Report) -> tuple[str, ...]:
    """The hours in which two sources differ, a letter a minute."""
    rows = [(hour, row) for hour, row in enumerate(found.get("rows", ())) if set(row) & set("~x")]
    head = "hour  by minute: = agree, ~ close, x apart, 1 one source, . none"
    return (head, *(f"{hour:02d}    {row}" for hour, row in rows)) if rows else ()


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
