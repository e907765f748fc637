"""The report's drawings: inline SVG by matplotlib, coloured by the page's own variables.

Belongs here: one small function a drawing, report JSON -> axes. Numbers and fixed words only: no text
of a vendor reaches a drawing. matplotlib is loaded by the first drawing, not by an import.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.contracts.calibration import CurveRow, Figures, HourBlock, SkewPoint, from_json
from pipeline.free_form import Json

# Stand-ins in the drawing for the page's variables, so that one drawing is legible in light and dark.
INK, MUTED, LINE = "#010101", "#010102", "#010103"
FIRST, SECOND, THIRD = "#010104", "#010105", "#010106"
_VARIABLES = {
    INK: "--ink", MUTED: "--muted", LINE: "--line",
    FIRST: "--first", SECOND: "--second", THIRD: "--third",
    "#010107": "--ok", "#010108": "--bad", "#010109": "--outage",
    "#01010a": "--filled", "#01010b": "--quiet", "#01010c": "--aside",
}  # fmt: skip
_STATE_COLOURS = {
    ".": "#010107", "X": "#010108", "o": "#010109",
    "f": "#01010a", "-": "#01010b", "q": "#01010c",
}  # fmt: skip

Report = Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """Title, height and free space at the top in px; which values it shows, and how."""

    title: str
    height: int
    values: Callable[[Report, str], Any]
    fill: Callable[[Any, Any], None]
    top: int = 8


def draw(report: Report, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name -> (title, `<svg>`) of each drawing for which the report has something to show."""
    import matplotlib  # loads slowly, and only a report needs it

    drawings = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name in names:
            kind, _, feed = name.partition(":")
            drawing = _DRAWINGS[kind]
            values = drawing.values(report, feed)
            if values:
                matplotlib.rcParams.update(_SETTINGS | {"svg.hashsalt": name})
                title = f"{drawing.title}{feed}"
                drawings[name] = title, _inline(_svg(drawing, values), title)
    return drawings


def trend(
    title: str, series: dict[str, list[tuple[dt.date, float]]], highest: float | None = None
) -> str:
    """The `<svg>` of values by day, one line a name, broken where days have none.

    `highest` is the most that a value can be; the axis then ends there.
    """
    import matplotlib  # as above

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS | {"svg.hashsalt": title})
        fill = partial(_trend, highest=highest)
        drawing = _Drawing(title=title, height=190, values=lambda *_: series, fill=fill, top=24)
        return _inline(_svg(drawing, series), title)


def _trend(
    axes: Any, series: dict[str, list[tuple[dt.date, float]]], highest: float | None
) -> None:
    known = {name: dict(points) for name, points in series.items()}
    every = {day for points in known.values() for day in points}
    first, last = min(every), max(every)
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    for (name, points), colour in zip(known.items(), (FIRST, SECOND), strict=False):
        values = [_nan(points.get(day)) for day in days]
        axes.plot(days, values, color=colour, linewidth=1.2, marker="o", markersize=3, label=name)
    axes.margins(y=0.2)
    if highest is not None:
        lowest = min(value for points in known.values() for value in points.values())
        room = max(highest - lowest, _SMALLEST_ROOM)
        axes.set_ylim(highest - 1.2 * room, highest + 0.1 * room)
    shown = days[:: -(-len(days) // _DATES_SHOWN)]
    axes.set_xticks(shown, [day.isoformat() for day in shown])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.98), ncols=2, fontsize=8, borderpad=0)


def legend(report: Report) -> list[tuple[str, str]]:
    """(page variable, words) of each state of a minute in the heat strips."""
    colours = _STATE_COLOURS.items()
    return [(_VARIABLES[colour], report["states"][letter]) for letter, colour in colours]


_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10.0,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "path.simplify": False,
}


_FEW = 60
_DATES_SHOWN = 6
_SMALLEST_ROOM = 0.05
_WIDTH = 680
_LEFT, _RIGHT, _BOTTOM = 58, 14, 42


def _svg(drawing: _Drawing, values: Any) -> str:
    """One drawing. The same values give the same bytes.

    The frame stands by fixed margins, so that no font's measure decides a drawing.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    wide, high = _WIDTH, drawing.height
    figure = Figure(figsize=(wide / 72, high / 72), dpi=72)
    FigureCanvasSVG(figure)
    inner = (wide - _LEFT - _RIGHT) / wide, (high - _BOTTOM - drawing.top) / high
    drawing.fill(figure.add_axes((_LEFT / wide, _BOTTOM / high, *inner)), values)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return buffer.getvalue()


def _inline(text: str, title: str) -> str:
    """A stand-alone SVG as a part of a page: no prolog, metadata, style sheet, fixed colour."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text)
    text = re.sub(r" xmlns(:xlink)?=\"[^\"]*\"", "", text)
    text = re.sub(r"<[^>]*>", _in_hundredths, text)
    text = re.sub(r"#01010[0-9a-c]", lambda m: f"var({_VARIABLES[m.group()]})", text)
    text = re.sub(r"^<svg ", f'<svg role="img" aria-label="{title}" ', text)
    return re.sub(r"(<svg [^>]*>)", rf"\1<title>{title}</title>", text, count=1).strip()


def _in_hundredths(tag: re.Match[str]) -> str:
    """A tag's coordinates: hundredths of a px are enough. Labels stand between tags and stay as they are."""
    return re.sub(r"(\.[0-9]{2})[0-9]+", r"\1", tag.group())


def _curve(axes: Any, curve: tuple[CurveRow, ...]) -> None:
    """Correlation of returns and of volume changes, and the exact share, by lag."""
    lags = [row.lag_minutes for row in curve]
    dots = {"marker": "o", "ms": 2.5} if len(curve) <= _FEW else {}
    for values, label, colour in (
        ([row.rho_return for row in curve], "returns, rho", FIRST),
        ([row.rho_volume for row in curve], "volume changes, rho", SECOND),
        ([row.exact_share for row in curve], "exact OHLC share", THIRD),
    ):
        points = [_nan(value) for value in values]
        if not np.all(np.isnan(points)):
            axes.plot(lags, points, color=colour, label=label, linewidth=1.3, **dots)
    axes.set_xlabel("offset tried, minutes")
    axes.legend(loc="upper left", ncols=3, bbox_to_anchor=(0, 1.18), borderaxespad=0)


def _blocks(axes: Any, blocks: tuple[HourBlock, ...]) -> None:
    """Each hour block's own best lag."""
    lags = [_nan(block.lag_minutes) for block in blocks]
    axes.plot(
        [block.hour for block in blocks],
        lags,
        color=FIRST,
        marker="s",
        linestyle="none",
        markersize=6,
    )
    axes.set_xlabel("hour, UTC")
    axes.set_ylabel("lag, min")
    axes.set_xlim(-0.5, 23.5)
    axes.margins(y=0.5)
    axes.xaxis.set_ticks(range(0, 24, 3))


def _skew(axes: Any, points: tuple[SkewPoint, ...]) -> None:
    """What is left between the feeds when one is shifted by so many milliseconds."""
    axes.plot([p.skew_ms for p in points], [p.error for p in points], color=FIRST)
    axes.set_xlabel("shift, ms")
    axes.set_ylabel("mean error of volumes")


def _basis(axes: Any, series: list[float | None]) -> None:
    """Each minute as a level stroke from its open to its close, so that a lonely minute shows too."""
    xs: list[float] = []
    ys: list[float] = []
    for minute, value in enumerate(series):
        xs += [minute / 60, (minute + 1) / 60]
        ys += [_nan(value)] * 2
    axes.plot(xs, ys, color=FIRST, linewidth=0.9)
    _hours(axes)
    axes.set_ylabel("basis, bps")


def _histogram(axes: Any, histogram: Report) -> None:
    bounds = histogram["edges"]
    axes.bar(bounds[:-1], histogram["counts"], width=np.diff(bounds), align="edge", color=FIRST)
    axes.set_xlabel("basis, bps")
    axes.set_ylabel("minutes")


def _volume_ratio(axes: Any, by_hour: list[float | None]) -> None:
    hours = np.arange(len(by_hour))
    axes.bar(hours + 0.5, [_nan(v) for v in by_hour], width=0.8, color=SECOND)
    _hours(axes)
    axes.set_ylabel("median ratio")


def _heat(axes: Any, rows: list[str]) -> None:
    """24 lines of 60 marks; all marks of one state are one path, so that a torn day stays small."""
    for letter, colour in _STATE_COLOURS.items():
        xs, ys = _strokes(rows, letter)
        axes.plot(xs, ys, color=colour, linewidth=6.8, solid_capstyle="butt")
    axes.set_xlim(0, 60)
    axes.set_ylim(23.6, -0.6)
    axes.grid(visible=False)
    axes.xaxis.set_ticks(range(0, 61, 10))
    axes.yaxis.set_ticks(range(0, 24, 3))
    axes.set_xlabel("minute")
    axes.set_ylabel("hour, UTC")


def _strokes(rows: list[str], letter: str) -> tuple[list[float], list[float]]:
    """The letter's runs as strokes from start to stop, one line an hour, NaN between them."""
    xs: list[float] = []
    ys: list[float] = []
    for hour, letters in enumerate(rows):
        for run in re.finditer(f"{re.escape(letter)}+", letters):
            xs += [run.start(), run.end(), np.nan]
            ys += [hour, hour, np.nan]
    return xs, ys


def _hours(axes: Any) -> None:
    axes.set_xlabel("hour, UTC")
    axes.set_xlim(0, 24)
    axes.xaxis.set_ticks(range(0, 25, 3))


def _nan(value: float | None) -> float:
    return np.nan if value is None else value


def _figures(report: Report) -> Figures:
    return from_json(report["calibration"]).figures


def _skew_curve(report: Report) -> tuple[SkewPoint, ...]:
    skew = _figures(report).skew
    return skew.curve if skew else ()


_DRAWINGS = {
    "curve": _Drawing(
        title="Agreement of the feeds by offset",
        height=210,
        top=26,
        values=lambda report, _: _figures(report).curve,
        fill=_curve,
    ),
    "blocks": _Drawing(
        title="Best offset by hour",
        height=125,
        values=lambda report, _: _figures(report).blocks,
        fill=_blocks,
    ),
    "skew": _Drawing(
        title="Residual by clock shift",
        height=160,
        values=lambda report, _: _skew_curve(report),
        fill=_skew,
    ),
    "basis": _Drawing(
        title="Basis over the day",
        height=180,
        values=lambda report, _: report["basis"]["series"],
        fill=_basis,
    ),
    "histogram": _Drawing(
        title="Distribution of the basis",
        height=145,
        values=lambda report, _: report["basis"]["histogram"],
        fill=_histogram,
    ),
    "volume_ratio": _Drawing(
        title="Volume ratio by hour",
        height=130,
        values=lambda report, _: report["volume_ratio"]["by_hour"],
        fill=_volume_ratio,
    ),
    "heat": _Drawing(
        title="Minutes of ",
        height=245,
        values=lambda report, feed: next(s["rows"] for s in report["heat"] if s["feed"] == feed),
        fill=_heat,
    ),
}
