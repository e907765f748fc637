"""A day of thirty minutes in four raw feeds, and its way from CleanFeed to MicroFeatures in this process.

Belongs here: the day's lines, field by field, so that a test may put any text into one; and the steps, of
which only those run again that read the changed feed. The clock is given, as by an approved profile: thirty
minutes are too few to find one.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
from msgspec import structs

from kit.shipped import FEATURES, RULES
from pipeline.alignment.align import AlignInput, align
from pipeline.alignment.true_time import parts_in_true_time
from pipeline.bars.footprint import footprint
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY, day_open_us
from pipeline.contracts import day as aligned_by
from pipeline.contracts.correction import Correction, FeedCorrection
from pipeline.features import registry
from pipeline.features.evaluate import evaluate
from pipeline.features.frame import Frame
from pipeline.features.micro import LEVEL_COLUMNS, Tape, frame_of
from pipeline.model.raw_names import RawPath
from pipeline.sources.clean import read_feed
from pipeline.sources.protocol import Feed
from pipeline.tables.parts import single

CONTROL = RULES.control
DAY = dt.date(2025, 1, 2)
FIRST, MINUTES, TRADES = 720, 30, 6
BEFORE, AFTER = 5, 20
"""So many minutes beside the thirty are computed, too."""

Line = dict[str, str]
"""Field -> its text in the file."""

KLINE_FIELDS = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
TABLE_FIELDS = (*KLINE_FIELDS[:6], "quote_volume", "trades", "taker_buy_volume")
NAMES = {
    "archive": "binance/spot/BTCUSDT-1m-2025-01-02.csv",
    "table": "binance/spot/BTCUSDT_1m_2025-01-02.csv",
    "atas_bars": "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl",
    "atas_v6_3": "atas/v6_3/BTCUSDT/date=2025-01-02/v6_3.jsonl",
    "atas_ticks": "atas/ticks/BTCUSDT/date=2025-01-02/ticks.jsonl",
}
"""File of each feed; klines come as the exchange's archive, or as a table that a person keeps."""

_ENTRY = FeedCorrection(
    status="not_needed",
    offset_minutes=0,
    identity="same",
    volume_unit="base",
    volume_factor=1,
)
CORRECTION = Correction(
    **structs.asdict(_ENTRY),
    feed="atas_bars",
    feeds=dict.fromkeys(("atas_bars", "atas_v6_3", "atas_ticks"), _ENTRY),
)


def minute_of(feed: str, row: int) -> int:
    """The minute of the day that a feed's line tells of."""
    return FIRST + (row // TRADES if feed == "atas_ticks" else row)


def lines() -> dict[str, list[Line]]:
    """Feed -> its lines, all of one market: bars and klines are sums over the trades."""
    rng = np.random.default_rng(5)
    found: dict[str, list[Line]] = {feed: [] for feed in NAMES}
    price = Decimal("94000.00")
    running = Decimal(0)
    for minute in range(FIRST, FIRST + MINUTES):
        trades = []
        for number in range(TRADES):
            price += Decimal(int(rng.integers(-300, 301))).scaleb(-2)
            qty = Decimal(int(rng.integers(1, 4000))).scaleb(-3)
            side = "buy" if rng.random() < 0.5 else "sell"
            trades.append((number * 9.5, price, qty, side))
        found["atas_ticks"] += [_tick(minute, *trade) for trade in trades]
        prices, sizes = [t[1] for t in trades], [t[2] for t in trades]
        buy = sum((t[2] for t in trades if t[3] == "buy"), Decimal(0))
        value = sum(t[1] * t[2] for t in trades)
        taken = sum((t[1] * t[2] for t in trades if t[3] == "buy"), Decimal(0))
        volume = sum(sizes, Decimal(0))
        running += 2 * buy - volume
        candle = {
            name: str(x)
            for name, x in zip(
                ("open", "high", "low", "close", "volume"),
                (prices[0], max(prices), min(prices), prices[-1], volume),
                strict=True,
            )
        }
        opened = day_open_us(DAY) // 1000 + minute * 60_000
        row = {
            "open_time": str(opened),
            **candle,
            "close_time": str(opened + 59_999),
            "quote_volume": str(value),
            "count": str(TRADES),
            "taker_buy_volume": str(buy),
            "taker_buy_quote_volume": str(taken),
            "ignore": "0",
        }
        found["archive"].append(row)
        found["table"].append({n: row["count" if n == "trades" else n] for n in TABLE_FIELDS})
        levels = {"poc": str(prices[0]), "vah": str(max(prices)), "val": str(min(prices))}
        flow = {"vbuy": str(buy), "vsell": str(volume - buy), "cvd": str(running), **levels}
        found["atas_bars"].append(_bar(minute, candle | flow, "bar_1m.v6_5"))
        found["atas_v6_3"].append(_bar(minute, candle | flow, "v6.3"))
    return found


def _stamp(minute: int, second: float = 0.0) -> str:
    whole, part = divmod(round(second * 10_000_000), 10_000_000)
    return json.dumps(f"{DAY}T{minute // 60:02}:{minute % 60:02}:{whole:02}.{part:07}Z")


def _tick(minute: int, second: float, price: Decimal, qty: Decimal, side: str) -> Line:
    return {
        "ts": _stamp(minute, second),
        "symbol": '"BTCUSDT"',
        "price": str(price),
        "qty": str(qty),
        "side": json.dumps(side),
        "best_bid": str(price - Decimal("0.05")),
        "best_ask": str(price + Decimal("0.03")),
        "bid_volume": str(qty * 2),
        "ask_volume": str(qty * 3),
        "schema_version": '"tick.v3"',
    }


def _bar(minute: int, values: Line, version: str) -> Line:
    return {
        "timestamp": _stamp(minute),
        "timestamp_utc": _stamp(minute),
        **values,
        "bar_vpo_price": values["close"],
        "bar_vpo_vol": values["volume"],
        "bar_vpo_loc": "0.25",
        "bar_vpo_side": '"bull"',
        "absorption_detected": "true",
        "absorption_strength": "1.5",
        "absorption_side": '"buy"',
        "oi": "1234.5",
        "cum_bid_depth": "12.25",
        "cum_ask_depth": "11.75",
        "schema_version": json.dumps(version),
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What the steps made of it: clean table by feed, and the three that follow; rejects by feed."""

    clean: dict[str, pa.Table]
    rejects: dict[str, pa.Table]
    levels: pa.Table
    minute_stats: pa.Table
    bars: pa.Table
    features: dict[str, pa.Array]
    """Of the minutes from `FIRST - BEFORE` on."""


def built(
    form: str, given: dict[str, list[Line]], before: Day | None = None, feed: str = ""
) -> Day:
    """The day from its files.

    Args:
        form: `archive` or `table`, how the klines come.
        given: the lines of every feed.
        before: a day of which all but one feed is the same.
        feed: that feed.
    """
    feeds = [feed] if before else [form, "atas_bars", "atas_v6_3", "atas_ticks"]
    read = {name: _read(name, given[name]) for name in feeds}
    clean = (before.clean if before else {}) | {name: found[0] for name, found in read.items()}
    rejects = (before.rejects if before else {}) | {name: found[1] for name, found in read.items()}
    if before and feed != "atas_ticks":
        levels, stats = before.levels, before.minute_stats
    else:
        ticks = single(clean["atas_ticks"])
        tape = parts_in_true_time(ticks, clean["atas_ticks"].slice(0, 0), CORRECTION, DAY)
        levels, stats = footprint("BTCUSDT", tape, RULES)
    given_feeds = {name: clean[name] for name in ("atas_bars", "atas_v6_3")}
    bars = align(
        AlignInput(
            day=aligned_by.Day(
                symbol="BTCUSDT",
                market="spot",
                date=DAY,
                rules=RULES,
                outages=frozenset(),
                prefer=("atas_bars", "atas_v6_3", "atas_ticks"),
            ),
            klines=clean[form],
            bars=given_feeds,
            minute_stats=stats,
            correction=CORRECTION,
        )
    )[0]
    return Day(
        clean=clean,
        rejects=rejects,
        levels=levels,
        minute_stats=stats,
        bars=bars,
        features=_features(bars, stats, levels),
    )


def _read(name: str, rows: list[Line]) -> tuple[pa.Table, pa.Table]:
    """A feed's clean table and its rejects, from a file."""
    source = "binance_1m" if name in ("archive", "table") else name
    written: Callable[[list[Line]], str] = _csv if source == "binance_1m" else _jsonl
    feed = Feed(symbol="BTCUSDT", market="spot", source=source, vendor_symbol="BTCUSDT", day=DAY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw"
        path.write_text(written(rows))
        found = read_feed(feed, [RawPath(path, NAMES[name], 0)], RULES)
    return found.table, found.rejects


def _csv(rows: list[Line]) -> str:
    named = tuple(rows[0]) == KLINE_FIELDS
    head = [] if named else [",".join(rows[0])]
    return "\n".join([*head, *(",".join(row.values()) for row in rows)]) + "\n"


def _jsonl(rows: list[Line]) -> str:
    texts = (", ".join(f'"{name}": {text}' for name, text in row.items()) for row in rows)
    return "".join(f"{{{text}}}\n" for text in texts)


def _features(bars: pa.Table, stats: pa.Table, levels: pa.Table) -> dict[str, pa.Array]:
    """Every feature of the thirty minutes and some beside, a window that is mostly null as good as any."""
    steps = registry.steps(FEATURES, "micro")
    rules = dataclasses.replace(FEATURES.rules, null_share_max=1.0)
    frame = frame_of(DAY, bars, Tape(stats, levels.select(LEVEL_COLUMNS)), steps, rules)
    return evaluate(steps, _cut(frame))


def _cut(frame: Frame) -> Frame:
    stop, rows = MINUTES_PER_DAY + FIRST + MINUTES + AFTER, BEFORE + MINUTES + AFTER
    first = frame.levels.first[: stop + 1]
    return dataclasses.replace(
        frame,
        rows=rows,
        since=0,
        windows_since=stop - rows,
        columns={name: x[:stop] for name, x in frame.columns.items()},
        levels=dataclasses.replace(
            frame.levels,
            first=first,
            measured=frame.levels.measured[:stop],
            columns={name: x[: first[-1]] for name, x in frame.levels.columns.items()},
        ),
    )


def minutes(table: pa.Table, column: str) -> list[int]:
    """The minute of the day of each row."""
    elapsed = table[column].cast(pa.int64()).to_numpy() - day_open_us(DAY)
    found: list[int] = (elapsed // MINUTE_US).tolist()
    return found
