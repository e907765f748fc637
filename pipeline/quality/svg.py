"""Arrays -> the path text of inline drawings, in whole units of a field that the page stretches.

Belongs here: reducing to the columns that there are, scales, paths. What is not known is a gap of every
path. Which drawing shows what is `plots.py` and `picture.py`; how a page frames it, `templates/`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise

import numpy as np

from pipeline.tables.arrays import Floats

HOURS = tuple(f"{hour:02d}" for hour in range(0, 24, 3))
"""Labels of a day in eight parts."""

_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A field of `width` x `height` units with paths in it.

    Args:
        words: What it shows, for those who do not see it.
        shapes: (class of the style sheet, path text) each.
        size: Class of its height on the page.
        scale: Labels from top to bottom, at even distances.
    """

    words: str
    shapes: tuple[tuple[str, str], ...]
    width: int
    height: int
    size: str
    scale: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Panels above each other over one axis; one without panels has nothing to draw, and says why.

    Args:
        title: Its caption.
        words: Said below the caption.
        panels: From top to bottom.
        along: Labels from left to right: at even distances, or each where its equal part begins.
        in_parts: Whether the labels name parts.
        legend: (class of the style sheet, words) each.
    """

    title: str
    words: str = ""
    panels: tuple[Panel, ...] = ()
    along: tuple[str, ...] = ()
    in_parts: bool = False
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis from its lowest to its highest round value, over so many units."""

    values: tuple[float, ...]
    height: int

    @classmethod
    def over(
        cls,
        values: Floats,
        height: int,
        *,
        steps: int = 3,
        least: float = 0.0,
        most: float | None = None,
    ) -> Scale:
        """The scale in round steps that holds all finite values, of which there must be one.

        Args:
            values: What it shall hold.
            height: Its units.
            steps: What it holds spans at most so many of them.
            least: It spans at least so much; one value alone stands in the middle.
            most: The most that a value can be, where the scale ends.
        """
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        room = max(least, 1e-6 * max(abs(low), abs(high)), 1e-9) - (high - low)
        if room > 0:
            low, high = low - room / 2, high + room / 2
        step = _round_step((high - low) / steps)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        beyond = math.inf if most is None else most + step / 2
        known = (n * step for n in range(first, last + 1))
        return cls(values=tuple(value for value in known if value < beyond), height=height)

    def at(self, values: Floats) -> Floats:
        """Units from the top, whole ones; NaN of NaN."""
        low, high = self.values[0], self.values[-1]
        units: Floats = np.rint((high - values) / (high - low) * self.height)
        return units

    @property
    def labels(self) -> tuple[str, ...]:
        """From top to bottom."""
        step = self.values[1] - self.values[0]
        places = max(0, 2 - math.floor(math.log10(step)))
        return tuple(f"{round(v, places) + 0.0:.10g}" for v in reversed(self.values))

    def grid(self, width: int) -> tuple[str, str]:
        """A level line at each value."""
        ys = self.at(np.array(self.values)).astype(int).tolist()
        return "g", "".join(f"M0 {y}h{width}" for y in ys)


def _round_step(least: float) -> float:
    """The smallest round number from `least` on: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))


def reduced(values: Floats, columns: int) -> tuple[Floats, Floats]:
    """Lowest and highest of the values in each of so many equal columns; NaN where a column has none.

    Args:
        values: At least as many as columns.
        columns: At least one.
    """
    starts = np.arange(columns) * len(values) // columns
    return np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)


def line(xs: Iterable[int], ys: Floats) -> str:
    """A line through the points, torn where a height is not known; a lonely point is a dot."""
    return _torn([[(x, y)] for x, y in zip(xs, ys.tolist(), strict=True)])


def ribbon(xs: Iterable[int], lows: Floats, highs: Floats) -> str:
    """A line from column to column that reaches the lowest and the highest of each, torn where there is none.

    One column is walked upwards and the next one downwards, which is the shorter way.
    """
    columns = zip(xs, lows.tolist(), highs.tolist(), strict=True)
    walked = [
        [(x, low), (x, high)][:: 1 if n % 2 else -1] for n, (x, low, high) in enumerate(columns)
    ]
    return _torn([pair[: 1 + (pair[0] != pair[1])] for pair in walked])


def _torn(columns: Iterable[Sequence[tuple[int, float]]]) -> str:
    """A line through the points of columns, each known or not as a whole."""
    pieces = groupby(columns, key=lambda points: math.isnan(points[0][1]))
    return "".join(_piece([*chain(*piece)]) for unknown, piece in pieces if not unknown)


def _piece(points: Sequence[tuple[int, float]]) -> str:
    whole = [(x, int(y)) for x, y in points]
    (x, y), *_ = whole
    steps = [_pair(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(whole)]
    # A number after a number needs a blank unless its sign parts them.
    joined = "".join(step if step[0] == "-" else f" {step}" for step in steps)
    return f"M{x} {y}l{joined.lstrip()}" if steps else f"M{x} {y}h0"


def strokes(xs: Iterable[int], tops: Floats, bottoms: Floats) -> str:
    """A vertical stroke from top to bottom at each place, at least one unit long; none where not known."""
    text, at = "", (0, 0)
    for x, top, bottom in zip(xs, tops.tolist(), bottoms.tolist(), strict=True):
        if math.isnan(top) or math.isnan(bottom):
            continue
        y, length = int(top), max(1, int(bottom) - int(top))
        text += f"m{_pair(x - at[0], y - at[1])}v{length}"
        at = x, y + length
    return text


def runs(rows: Iterable[tuple[int, int, int]]) -> str:
    """Level strokes: (start, stop, height) each."""
    text, at = "", (0, 0)
    for start, stop, y in rows:
        text += f"m{_pair(start - at[0], y - at[1])}h{stop - start}"
        at = stop, y
    return text


def _pair(x: int, y: int) -> str:
    return f"{x}{y}" if y < 0 else f"{x} {y}"
