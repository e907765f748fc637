"""The report's drawings of evidence: one small function a drawing, report JSON -> shapes.

Belongs here: what a drawing shows, and the sentence that stands for one that would be level. Numbers and
fixed words only: no text of a vendor reaches a drawing. Paths are made in `svg.py`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipeline.contracts.calibration import CurveRow, Figures, from_json
from pipeline.free_form import Json
from pipeline.quality.picture import CANDLES, MIDDLES, WIDTH, on_day
from pipeline.quality.svg import HOURS, Drawing, Panel, Scale, line, reduced, runs, strokes
from pipeline.quality.wording import number
from pipeline.tables.arrays import Floats

Report = Json
Series = dict[str, list[tuple[dt.date, float]]]

STATES = {".": "ok", "X": "bad", "o": "outage", "f": "filled", "-": "quiet", "q": "aside"}
"""Letter of a minute's state -> class of the style sheet."""

_COLOURS = ("first", "second dashed", "third dotted")
"""Of lines; one that lies on another is broken, so that both can be seen."""

_WIDTH, _HEIGHT = 720, 100
_BETWEEN, _UNTRIED = 3, CurveRow(lag_minutes=0)
_SMALLEST_ROOM = 0.05


def draw(report: Report, bars: pa.Table, names: Iterable[str]) -> dict[str, Drawing]:
    """Each drawing for which the report, or the day's bars, have something to show."""
    drawings = {}
    for name in names:
        kind, _, feed = name.partition(":")
        drawing = _basis(report, bars) if kind == "basis" else _DRAWINGS[kind](report, feed)
        if drawing:
            drawings[name] = drawing
    return drawings


def trend(title: str, series: Series, highest: float | None = None) -> Drawing:
    """Values by day, one line a name, torn where days have none.

    `highest` is the most that a value can be; the axis then ends there.
    """
    every = {day for points in series.values() for day, _ in points}
    first, last = min(every), max(every)
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    known = [_floats(map(dict(points).get, days)) for points in series.values()]
    scale = Scale.over(np.concatenate(known), _HEIGHT, least=_SMALLEST_ROOM, most=highest)
    shown = dict.fromkeys((first, days[len(days) // 2], last))
    return _lines(
        Drawing(title=title, along=tuple(day.isoformat() for day in shown)),
        scale,
        dict(zip(series, known, strict=True)),
        f"by day, {first} to {last}",
    )


def _lines(drawing: Drawing, scale: Scale, lines: dict[str, Floats], words: str) -> Drawing:
    """The drawing with a line a name; all have a value, or NaN, at the same even steps."""
    places = len(next(iter(lines.values())))
    step = max(1, _WIDTH // max(1, places - 1))
    width = step * max(1, places - 1)
    named = [(c, n, v) for c, (n, v) in zip(_COLOURS, lines.items(), strict=False)]
    known = [(c, n, v) for c, n, v in named if np.isfinite(v).any()]
    drawn = [(c, line(range(0, step * places, step), scale.at(v))) for c, _, v in known]
    panel = Panel(
        words=f"{', '.join(name for _, name, _ in known)}; {words}",
        shapes=(scale.grid(width), *drawn),
        width=width,
        height=scale.height,
        size="middle",
        scale=scale.labels,
    )
    return replace(drawing, panels=(panel,), legend=tuple((c, name) for c, name, _ in known))


def _curve(report: Report, _: str) -> Drawing | None:
    """Correlation of returns and of volume changes, and the exact share, by lag, torn at lags not tried."""
    rows = sorted(_figures(report).curve, key=lambda row: row.lag_minutes)
    if not rows:
        return None
    groups = _neighbours(rows)
    spread = [row for group in groups for row in (*[_UNTRIED] * _BETWEEN, *group)][_BETWEEN:]
    measured = {
        "returns, rho": _floats(row.rho_return for row in spread),
        "volume changes, rho": _floats(row.rho_volume for row in spread),
        "exact OHLC share": _floats(row.exact_share for row in spread),
    }
    tried = [f"{g[0].lag_minutes} to {g[-1].lag_minutes} min" for g in groups]
    scale = Scale.over(np.concatenate([[0.0, 1.0], *measured.values()]), _HEIGHT)
    return _lines(
        Drawing(
            title="Agreement of the feeds by offset",
            words="Offsets between the groups were not tried." if len(groups) > 1 else "",
            along=tuple(tried),
            in_parts=True,
        ),
        scale,
        measured,
        f"offsets tried: {', '.join(tried)}",
    )


def _neighbours(rows: Sequence[CurveRow]) -> list[list[CurveRow]]:
    """Rows by runs of lags that follow each other."""
    groups: list[list[CurveRow]] = []
    for row in rows:
        if groups and row.lag_minutes - groups[-1][-1].lag_minutes == 1:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _blocks(report: Report, _: str) -> Drawing | None:
    """Each hour block's own best lag, as a stroke over its hours."""
    told = [block for block in _figures(report).blocks if block.lag_minutes is not None]
    title = "Best offset by hour"
    if not told:
        return None
    lags = _floats(block.lag_minutes for block in told)
    if np.ptp(lags) == 0:
        words = f"{number(told[0].lag_minutes, 'min')} in each of the {len(told)} blocks that tell."
        return Drawing(title=title, words=words)
    scale = Scale.over(lags, _HEIGHT, least=1.0)
    ys = scale.at(lags).astype(int).tolist()
    path = runs((b.hour * 30, (b.hour + b.hours) * 30, y) for b, y in zip(told, ys, strict=True))
    return _one(title, scale, ("first thick", path), "best offset of each block, minutes", HOURS)


def _skew(report: Report, _: str) -> Drawing | None:
    """What is left between the feeds when one is shifted by so many milliseconds."""
    skew = _figures(report).skew
    if skew is None or not skew.curve:
        return None
    errors = _floats(point.error for point in skew.curve)
    shifts = [number(skew.curve[at].skew_ms, "ms") for at in (0, len(errors) // 2, -1)]
    return _lines(
        Drawing(title="Residual by clock shift", along=tuple(shifts)),
        Scale.over(np.append(errors, 0.0), _HEIGHT),
        {"mean error of volumes": errors},
        f"shifts from {shifts[0]} to {shifts[-1]}",
    )


def _basis(report: Report, bars: pa.Table) -> Drawing | None:
    """The basis from column to column, by its extremes."""
    values = on_day(bars, dt.date.fromisoformat(report["header"]["date"]), "basis_bps")
    known, title = values[np.isfinite(values)], "Basis over the day"
    if not known.size:
        return None
    if np.ptp(known) == 0:
        words = f"{number(known.item(0), 'bps')} in each of {known.size} minutes."
        return Drawing(title=title, words=words)
    scale = Scale.over(known, _HEIGHT)
    lowest, highest = (scale.at(edge) for edge in reduced(values, CANDLES))
    words = f"basis in bps, from {number(known.min().item())} to {number(known.max().item())}"
    return _one(
        title, scale, ("first body", strokes(MIDDLES, highest, lowest)), words, HOURS, WIDTH
    )


def _histogram(report: Report, _: str) -> Drawing | None:
    basis, title = report["basis"], "Distribution of the basis"
    if not basis["n"]:
        return None
    if basis["mad"] == 0 and basis["p1"] == basis["p99"]:
        words = f"{number(basis['median'], 'bps')} from the 1st to the 99th percentile."
        return Drawing(title=title, words=words)
    edges = basis["histogram"]["edges"]
    ends = [number(round(edges[at], 3), "bps") for at in (0, len(edges) // 2, -1)]
    return _bars(title, _floats(basis["histogram"]["counts"]), "minutes by basis", ends)


def _volume_ratio(report: Report, _: str) -> Drawing | None:
    by_hour, title = report["volume_ratio"]["by_hour"], "Volume ratio by hour"
    known = {value for value in by_hour if value is not None}
    if not known:
        return None
    if len(known) == 1:
        return Drawing(title=title, words=f"{number(*known)} in every hour with volume of both.")
    return _bars(title, _floats(by_hour), "median ratio of each hour", HOURS)


def _bars(title: str, values: Floats, words: str, along: Sequence[str]) -> Drawing:
    """Bars from zero up; none where there is no value."""
    scale = Scale.over(np.append(values, 0.0), _HEIGHT)
    wide = _WIDTH // len(values)
    middles = range(wide // 2, wide * len(values), wide)
    tops = scale.at(np.where(values > 0, values, np.nan))
    path = strokes(middles, tops, scale.at(np.zeros_like(values)))
    return _one(title, scale, ("first bars", path), words, along, wide * len(values))


def _one(
    title: str,
    scale: Scale,
    shape: tuple[str, str],
    words: str,
    along: Sequence[str],
    width: int = _WIDTH,
) -> Drawing:
    """A drawing of one shape."""
    panel = Panel(
        words=words,
        shapes=(scale.grid(width), shape),
        width=width,
        height=scale.height,
        size="middle",
        scale=scale.labels,
    )
    return Drawing(title=title, panels=(panel,), along=tuple(along), in_parts=along is HOURS)


def _heat(report: Report, feed: str) -> Drawing:
    """24 lines of 60 marks, where any is missing, in an outage or set aside.

    The commonest state is the ground, so that a torn day stays small.
    """
    strip = next(strip for strip in report["heat"] if strip["feed"] == feed)
    counts = {letter: count for letter, count in strip["counts"].items() if count}
    said = {letter: f"{report['states'][letter]} {count}" for letter, count in counts.items()}
    title, ground = f"Minutes of {feed}", max(counts, key=counts.__getitem__)
    if not set(counts) & set(_TELLING):
        return Drawing(title=title, words=f"{', '.join(said.values())}.")
    panel = Panel(
        words=f"one line an hour, one mark a minute: {', '.join(said.values())}",
        shapes=(
            (f"ground {STATES[ground]}", "M0 24h60"),
            *((f"mark {STATES[at]}", _marks(strip["rows"], at)) for at in counts if at != ground),
        ),
        width=60,
        height=48,
        size="high",
        scale=("00", "06", "12", "18", "24"),
    )
    legend = tuple((STATES[letter], words) for letter, words in said.items())
    return Drawing(title=title, panels=(panel,), along=_MINUTES, in_parts=True, legend=legend)


_TELLING = "Xoq"
_MINUTES = ("00", "10", "20", "30", "40", "50")


def _marks(rows: Sequence[str], letter: str) -> str:
    """The letter's runs as strokes from start to stop, one line an hour."""
    pattern = re.compile(f"{re.escape(letter)}+")
    return runs(
        (*run.span(), 2 * hour + 1)
        for hour, row in enumerate(rows)
        for run in pattern.finditer(row)
    )


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _figures(report: Report) -> Figures:
    return from_json(report["calibration"]).figures


_DRAWINGS: dict[str, Callable[[Report, str], Drawing | None]] = {
    "curve": _curve,
    "blocks": _blocks,
    "skew": _skew,
    "histogram": _histogram,
    "volume_ratio": _volume_ratio,
    "heat": _heat,
}
