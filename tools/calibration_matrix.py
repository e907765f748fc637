"""The matrix of the calibration: known clocks and known damage, and what is found of them.

`python -m tools.calibration_matrix` writes its table into `docs/calibration.md`, between two marks.
A cell is right when the offset is exactly the one that was put in, or when it is refused; never otherwise.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import storage
from pipeline.alignment.calibrate import CalibrationInput, calibrate
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts import day as symbol_day
from pipeline.contracts import rules
from pipeline.contracts.schema import conform
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.model.raw_names import RawPath
from pipeline.settings.config import PROJECT
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed

RULES = rules.load(PROJECT / "governance")

OFFSETS = (-480, -330, -60, -1, 0, 1, 60, 345, 540)
"""Minutes added to the open stamp; the offset to be found is the negative."""

LOSSES = (0.0, 0.1, 0.4)
NOISES = ("none", "price", "price and volume")
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
IDENTIFIED, REFUSED, WRONG = "exact", "refused", "WRONG"
_TIME = pa.timestamp("us", tz="UTC")
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One symbol's day: schema `clean_klines`, and what a perfect vendor exported (`clean_bars`)."""

    name: str
    date: dt.date
    market: str
    klines: pa.Table
    bars: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What was put in and what came out; `n` counts the common traded minutes of the best lag."""

    day: str
    offset: int
    loss: float
    noise: str
    outcome: str
    n: int
    reason: str = ""


def real_days(root: Path) -> list[Day]:
    """BTCUSDT 2025-01-02 (perpetual) and XRPETH 2019-10-11 and 12 (spot, thin), from a folder of exports."""
    found = []
    for folder, symbol, market, days in (
        ("btcusdt-2025-01-02", "BTCUSDT", "futures_um", ("2025-01-02",)),
        ("xrpeth-2019-10", "XRPETH", "spot", ("2019-10-11", "2019-10-12")),
    ):
        for text in days:
            paths = (
                f"{folder}/binance/{market}/{symbol}-1m-{text}.zip",
                f"{folder}/atas/bars_1m/{symbol}/date={text}/bars_1m.jsonl",
            )
            date = dt.date.fromisoformat(text)
            tables = [
                read_feed(
                    Feed(
                        symbol=symbol, market=market, source=source, vendor_symbol=symbol, day=date
                    ),
                    [RawPath(root / path, path, 0)],
                    RULES,
                ).table
                for source, path in zip(("binance_1m", "atas_bars"), paths, strict=True)
            ]
            name = f"{symbol} {text}"
            found.append(Day(name=name, date=date, market=market, klines=tables[0], bars=tables[1]))
    return found


def generated_day(seed: int) -> Day:
    """A day of volatility that clusters and volumes that follow it, every minute traded."""
    draw = np.random.default_rng(seed)
    date = dt.date(2025, 1, 2)
    level = np.exp(
        0.5 * np.convolve(draw.normal(size=MINUTES_PER_DAY + 59), np.ones(60) / 8)[59:-59]
    )
    steps = draw.normal(size=(MINUTES_PER_DAY, 4)) * level[:, None] * 2e-4
    path = 50_000 * np.exp(np.cumsum(steps.ravel())).reshape(-1, 4)
    prices = np.round([path[:, 0], path.max(axis=1), path.min(axis=1), path[:, 3]], 1)
    volume = np.round(level * draw.lognormal(1.0, 0.7, MINUTES_PER_DAY), 3) + 0.001
    stamps = pa.array(
        day_open_us(date) + np.arange(MINUTES_PER_DAY, dtype=np.int64) * MINUTE_US, _TIME
    )
    shared = {**dict(zip(_PRICES, prices, strict=True)), "volume": volume}
    klines = {
        "minute_open": stamps,
        **shared,
        "quote_volume": volume * prices[3],
        "trades": np.full(MINUTES_PER_DAY, 10),
        "taker_buy_volume": volume / 2,
    }
    bars = {"run": np.zeros(MINUTES_PER_DAY, np.int32), "stamp": stamps, **shared}
    bars |= {"lines": np.ones(MINUTES_PER_DAY, np.int64)}
    return Day(
        name=f"generated, seed {seed}",
        date=date,
        market="futures_um",
        klines=_filled("clean_klines", klines),
        bars=_filled("clean_bars", bars),
    )


def _filled(name: str, columns: dict[str, object]) -> pa.Table:
    """The table of a schema; columns that are not given are null, positions and flags 0."""
    schema = RULES.schema.table(name)
    zeros = ("file", "line", "flags")
    whole = {
        field.name: columns.get(
            field.name,
            np.zeros(MINUTES_PER_DAY, np.int64)
            if field.name in zeros
            else pa.nulls(MINUTES_PER_DAY, field.type),
        )
        for field in schema
    }
    arrays = {
        field.name: whole[field.name]
        if isinstance(whole[field.name], pa.Array)
        else pa.array(whole[field.name]).cast(field.type)
        for field in schema
    }
    return conform(pa.table(arrays), schema, name)


def damaged(day: Day, offset: int, loss: float, noise: str, seed: int) -> Day:
    """The day as a worse vendor would have exported it.

    Noise in prices is that of another venue: 0.8 bps on each minute's four prices together, 0.2 bps on each.
    Noise in volumes is a factor of e^+-0.3.
    """
    draw = np.random.default_rng([seed, offset + 1000, round(loss * 100), NOISES.index(noise)])
    bars = day.bars.filter(pa.array(draw.random(day.bars.num_rows) >= loss))
    rows = bars.num_rows
    stamp = bars["stamp"].cast(pa.int64()).to_numpy() + offset * MINUTE_US
    columns = {"stamp": pa.array(stamp, _TIME)}
    if noise != "none":
        together = draw.normal(scale=0.8e-4, size=rows)
        for name in _PRICES:
            own = draw.normal(scale=0.2e-4, size=rows)
            columns[name] = pa.array(bars[name].to_numpy() * np.exp(together + own))
    if noise == NOISES[2]:
        factor = np.exp(draw.normal(scale=0.3, size=rows))
        columns["volume"] = pa.array(bars["volume"].to_numpy() * factor)
    for name, values in columns.items():
        at = bars.column_names.index(name)
        bars = bars.set_column(at, bars.schema.field(name), values)
    return replace(day, bars=bars)


def cell(day: Day, offset: int, loss: float, noise: str) -> Cell:
    """One cell: the damage, the finding, and whether it is right."""
    given = damaged(day, offset, loss, noise, seed=7)
    return judged(given, Cell(day=day.name, offset=offset, loss=loss, noise=noise, outcome="", n=0))


def judged(given: Day, asked: Cell) -> Cell:
    """The cell with what calibration says of a day whose clock is off by `asked.offset` minutes."""
    found = calibrate(
        CalibrationInput(
            day=symbol_day.Day(
                symbol="X",
                market=given.market,
                date=given.date,
                rules=RULES,
                outages=frozenset(),
                prefer=ATAS_FEEDS,
            ),
            klines=given.klines,
            bars={"atas_bars": given.bars},
        ),
    ).calibration
    reason = ", ".join(entry.key for entry in found.reasons)
    n = found.figures.n or 0
    if found.status in ("refused", "not_measured"):
        return replace(asked, outcome=REFUSED, n=n, reason=reason)
    right = found.offset_minutes == -asked.offset
    return replace(asked, outcome=IDENTIFIED if right else WRONG, n=n, reason=reason)


def matrix(days: list[Day], losses: tuple[float, ...] = LOSSES) -> Iterator[Cell]:
    """Every cell of offsets, losses and noises."""
    for day in days:
        for loss in losses:
            for noise in NOISES:
                for offset in OFFSETS:
                    yield cell(day, offset, loss, noise)


def must_refuse(day: Day, other: Day) -> Iterator[Cell]:
    """Cells in which nothing may be corrected, whatever the figures say."""
    bars, asked = day.bars, Cell(day=day.name, offset=0, loss=0, noise="", outcome="", n=0)
    half = bars.num_rows // 2
    late = damaged(replace(day, bars=bars.slice(half)), 60, 0.0, "none", 7).bars
    constant = {name: np.full(bars.num_rows, 1.0) for name in _PRICES}
    start = day_open_us(other.date) - day_open_us(day.date)
    moved = other.bars["stamp"].cast(pa.int64()).to_numpy() - start
    quote = bars["volume"].to_numpy() * bars["close"].to_numpy()
    for name, table in (
        ("shift in the middle of the day", pa.concat_tables([bars.slice(0, half), late])),
        ("constant price", _with(bars, constant)),
        ("100 minutes of data", bars.slice(0, 100)),
        ("another symbol's file", _with(other.bars, {"stamp": moved})),
        ("volume in quote units", _with(bars, {"volume": quote})),
    ):
        yield judged(replace(day, bars=table), replace(asked, noise=name))


def _with(bars: pa.Table, values: dict[str, np.ndarray]) -> pa.Table:
    for name, column in values.items():
        field = bars.schema.field(name)
        bars = bars.set_column(
            bars.column_names.index(name), field, pa.array(column).cast(field.type)
        )
    return bars


def table(cells: list[Cell], refusals: list[Cell]) -> str:
    """Both tables as Markdown."""
    lines = ["| day | loss | noise | " + " | ".join(f"{o:+d}" for o in OFFSETS) + " | minutes |"]
    lines.append("|---|---|---|" + "---|" * (len(OFFSETS) + 1))
    rows: dict[tuple[str, float, str], list[Cell]] = {}
    for found in cells:
        rows.setdefault((found.day, found.loss, found.noise), []).append(found)
    for (day, loss, noise), row in rows.items():
        ns = sorted(c.n for c in row)
        said = " | ".join(c.outcome for c in row)
        lines.append(f"| {day} | {loss:.0%} | {noise} | {said} | {ns[0]} to {ns[-1]} |")
    counts = {name: sum(c.outcome == name for c in cells) for name in (IDENTIFIED, REFUSED, WRONG)}
    total = f"{len(cells)} cells: " + ", ".join(f"{n} {name}" for name, n in counts.items())
    lines += ["", total + ".", "", "| day | must not pass | outcome | why |", "|---|---|---|---|"]
    lines += [f"| {c.day} | {c.noise} | {c.outcome} | {c.reason} |" for c in refusals]
    return "\n".join(lines) + "\n"


def write_into(document: Path, text: str) -> None:
    """Puts the tables between the document's two marks."""
    whole = document.read_text(encoding="utf-8")
    head, _, rest = whole.partition(BEGIN)
    _, _, tail = rest.partition(END)
    storage.write_bytes(document, f"{head}{BEGIN}\n{text}{END}{tail}".encode())


def main() -> int:
    """The program: 0 when no cell is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.calibration_matrix",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument(
        "--real", type=Path, help="folder of the real exports; default: generated only"
    )
    parser.add_argument("--into", type=Path, default=PROJECT / "docs" / "calibration.md")
    arguments = parser.parse_args()
    days = real_days(arguments.real) if arguments.real else []
    days += [generated_day(seed) for seed in (1, 2)]
    cells = list(matrix(days))
    others = days[1:] + days[:1]
    refusals = [c for day, other in zip(days, others, strict=True) for c in must_refuse(day, other)]
    write_into(arguments.into, table(cells, refusals))
    wrong = [c for c in (*cells, *refusals) if c.outcome == WRONG]
    sys.stdout.write(f"{len(cells)} cells, {len(refusals)} refusals, {len(wrong)} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
