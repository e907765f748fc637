"""One figure a family of minute features, of one published day: does everything lie where it should?

    python -m tools.feature_figures SNAPSHOT --symbol XRPETH --out docs/features

SNAPSHOT is a published day's folder. Figures are for people: no run reads them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from pipeline.clock import HOUR_US, day_open_us
from pipeline.contracts import features_schema
from pipeline.features import registry
from pipeline.features.step import Step
from pipeline.settings.config import PROJECT
from pipeline.tables import parquet

_STYLE: Any = {
    "font.size": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "lines.linewidth": 0.8,
}
_WIDTH, _PANEL = 9.0, 1.15
_DPI, _DPI_TALL, _TALL = 80, 60, 15.0
"""A figure of many panels is drawn coarser, so that no file of the page is large."""

_SPARSE = 0.6
"""A feature known in fewer minutes is drawn as points: a line would not show them."""
_AREA, _LINE, _BUY, _SELL = "#4c78a8", "#1f2430", "#2a9d5c", "#c8453b"


def draw(snapshot: Path, symbol: str, out: Path) -> list[Path]:
    """Writes `FAMILY.png` for every family of minute features, and README.md that shows them.

    Args:
        snapshot: Folder with bars_1m, features_micro and footprint as Parquet.
        symbol: The symbol to draw.
        out: Made where it is missing.

    Returns:
        The files written.
    """
    tables = {
        name: _of(parquet.read(snapshot / f"{name}.parquet"), symbol)
        for name in ("bars_1m", "features_micro", "footprint")
    }
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(_STYLE):
        for family, steps in _families():
            figure = _figure(family, steps, tables)
            path = out / f"{family}.png"
            dpi = _DPI if figure.get_figheight() < _TALL else _DPI_TALL
            figure.savefig(path, dpi=dpi, metadata={"Software": None})
            written.append(path)
    page = out / "README.md"
    page.write_text(_page(tables["bars_1m"], symbol, written), encoding="utf-8")
    return [*written, page]


def _of(table: pa.Table, symbol: str) -> pa.Table:
    return table.filter(pc.equal(table["symbol"], symbol))


def _families() -> Iterator[tuple[str, list[Step]]]:
    steps = sorted(
        registry.steps(features_schema.load(PROJECT / "governance"), "micro"),
        key=lambda step: step.family,
    )
    for family, members in groupby(steps, key=lambda step: step.family):
        yield family, list(members)


def _figure(family: str, steps: list[Step], tables: dict[str, pa.Table]) -> Figure:
    """The price on top, below it a panel for each feature; the profile's levels lie on the price."""
    features, bars = tables["features_micro"], tables["bars_1m"]
    hours = _hours(bars["minute_open"], bars)
    on_price = family == "profile"
    shown = [
        s for s in steps if not (on_price and s.unit == "quote per base" and "gap" not in s.name)
    ]
    flow = [("delta", "delta"), ("cvd", "CVD")] if on_price else []
    count = 1 + len(flow) + len(shown)
    heights = [4 if on_price else 1.5, *[1.0] * (count - 1)]
    figure = Figure(figsize=(_WIDTH, _PANEL * sum(heights)), layout="constrained")
    axes = figure.subplots(count, 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    _price(axes[0], hours, tables, on_price)
    for axis, (name, label) in zip(axes[1:], flow, strict=False):
        _signed(axis, hours, _values(bars, name), label)
    for axis, step in zip(axes[1 + len(flow) :], shown, strict=True):
        values = _values(features, step.name)
        sparse = np.isfinite(values).mean() < _SPARSE
        axis.plot(hours, values, "." if sparse else "-", markersize=2.5, color=_LINE)
        axis.set_ylabel(f"{step.name}\n{step.unit}", rotation=0, ha="right", va="center")
    axes[-1].set_xlabel("hour of the day, UTC")
    axes[-1].set_xlim(0, 24)
    return figure


def _price(axis: Any, hours: Any, tables: dict[str, pa.Table], levels: bool) -> None:
    bars, features = tables["bars_1m"], tables["features_micro"]
    if levels and tables["footprint"].num_rows:
        footprint = tables["footprint"]
        traded = _values(footprint, "volume")
        axis.scatter(
            _hours(footprint["minute_open"], bars),
            _values(footprint, "price"),
            s=60 * np.sqrt(traded / np.nanmax(traded)),
            color="#b9a15a",
            alpha=0.5,
            linewidths=0,
            rasterized=True,
            label="volume at price",
        )
    axis.plot(hours, _values(bars, "close"), color=_LINE, label="close")
    if levels:
        low, high = (_values(features, f"{name}_session") for name in ("val", "vah"))
        axis.fill_between(hours, low, high, color=_AREA, alpha=0.2, label="value area, session")
        axis.plot(hours, _values(features, "poc_session"), color=_AREA, label="POC, session")
        axis.plot(hours, _values(features, "poc_roll_240"), color="#e07b39", label="POC, 4 hours")
        axis.legend(loc="upper right", ncols=5, frameon=False)
    axis.set_ylabel("price", rotation=0, ha="right", va="center")


def _signed(axis: Any, hours: Any, values: Any, label: str) -> None:
    if label == "delta":
        axis.vlines(hours, 0, values, colors=np.where(values >= 0, _BUY, _SELL), linewidth=0.8)
    else:
        axis.plot(hours, values, color=_LINE)
    axis.axhline(0, color=_LINE, linewidth=0.4)
    axis.set_ylabel(f"{label}\nbase", rotation=0, ha="right", va="center")


def _values(table: pa.Table, name: str) -> Any:
    return table[name].cast(pa.float64()).to_numpy()


def _hours(opens: pa.ChunkedArray, bars: pa.Table) -> Any:
    start = day_open_us(bars["minute_open"][0].as_py().date())
    return (opens.cast(pa.int64()).to_numpy() - start) / HOUR_US


def _page(bars: pa.Table, symbol: str, figures: list[Path]) -> str:
    day = bars["minute_open"][0].as_py().date()
    parts = [
        f"# Minute features of {symbol}, {day}",
        "Made from a published day by `python -m tools.feature_figures`. An empty panel is a"
        " feature that this day's files do not measure. Slow features are one value a day and have no"
        " figure. Formulas: [features.md](../features.md).",
    ]
    ordered = sorted(figures, key=lambda path: (path.stem != "profile", path.stem))
    parts += [f"## {path.stem}\n\n![{path.stem}]({path.name})" for path in ordered]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Draws the figures of one day."""
    parser = argparse.ArgumentParser(description="One figure a family of minute features.")
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "features")
    options = parser.parse_args()
    draw(options.snapshot, options.symbol, options.out)


if __name__ == "__main__":
    main()
