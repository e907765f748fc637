"""Ticks -> footprint (minute x price) and minute statistics.

Belongs here: the two tables of schema `footprint` and `minute_stats`. Does not belong here: whose clock
the tape has, and where its minutes truly lie (`alignment/`): a minute is `[open, open + 60 s)` of the
tape's own stamps. All sums are of integers, so neither the order of rows with different stamps nor a
cut of the tape at a minute's edge shows in any bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pipeline.bars.profile import Levels, Profile, read_levels, read_profile
from pipeline.bars.quotes import effective_spread, order_flow_imbalance, size_quantile
from pipeline.bars.tape import Tape, has_sides, read_tapes
from pipeline.contracts.rules import Rules
from pipeline.contracts.schema import conform, empty
from pipeline.tables import arrays
from pipeline.tables.arrays import Bools, Floats, Ints
from pipeline.tables.exact import Units, from_units, quotients
from pipeline.tables.parts import Part, Parts, as_parts, in_memory
from pipeline.tables.prefetch import ahead

_TIME = pa.timestamp("us", tz="UTC")


def footprint(
    symbol: str, ticks: pa.Table | Parts, rules: Rules, *, judge_sides: bool = True
) -> tuple[pa.Table, pa.Table]:
    """The tape's volume by minute and price, and one row of statistics a traded minute.

    Where no side can be used (all null, or one-sided beyond CONTROL's `flow`: defect A09), buy, sell,
    vbuy, vsell, delta_min, delta_max and bar_vpo_side are null; in a minute or at a level where only
    some sides are known they count those, and fall short of the volume.

    Args:
        symbol: written into the footprint.
        ticks: schema `clean_ticks`, `clean_trades` or `clean_agg_trades`; may be empty. An aggregate counts
            as the trades that it stands for, which share its instant; only `qty_max` and `qty_q95` see it
            as one. Parts follow each other in time, and one at a time stands in memory; where they are cut
            does not show in the result.
        rules: those in force.
        judge_sides: whether a one-sided tape has none; not of one whose sides the klines judge (D01).

    Returns:
        (`footprint` sorted by minute and price, `minute_stats` sorted by minute).
    """
    levels, stats = put_aside(symbol, ticks, rules, in_memory, judge_sides=judge_sides)
    return levels.whole(), stats


def put_aside(
    symbol: str,
    ticks: pa.Table | Parts,
    rules: Rules,
    keep: Callable[[pa.Table], Part],
    *,
    judge_sides: bool,
) -> tuple[Parts, pa.Table]:
    """As `footprint`, the levels put aside by `keep`, as the tape is read."""
    schemas = [rules.schema.table(name) for name in ("footprint", "minute_stats")]
    levels: list[Part] = []
    stats = [empty(schemas[1])]
    parts = as_parts(ticks)
    sided = not judge_sides or has_sides(parts, rules.control.flow)

    def made(tape: Tape) -> tuple[pa.Table, pa.Table]:
        found = read_levels(tape)
        table = _stats_table(tape, found, read_profile(found))
        return (
            conform(
                _footprint_table(symbol, tape, found), schemas[0], "footprint", in_one_piece=False
            ),
            conform(table, schemas[1], "minute_stats"),
        )

    for _, (piece, table) in ahead(made, read_tapes(parts, sided)):
        levels.append(keep(piece))
        stats.append(table)
    whole = pa.concat_tables(stats).combine_chunks()
    return Parts(schema=schemas[0], parts=tuple(levels)), whole


def _footprint_table(symbol: str, tape: Tape, levels: Levels) -> pa.Table:
    unsided = levels.sided_trades == 0
    return pa.table(
        {
            "symbol": pa.repeat(symbol, len(levels.price)),
            "minute_open": arrays.column(tape.minute[levels.minute]).view(_TIME),
            "price": _decimal(levels.price, tape.price_places),
            "buy": _decimal(levels.buy, tape.qty_places, unsided),
            "sell": _decimal(levels.sell, tape.qty_places, unsided),
            "volume": _decimal(levels.volume, tape.qty_places),
            "trades": arrays.column(levels.trades),
        }
    )


def _stats_table(tape: Tape, levels: Levels, profile: Profile) -> pa.Table:
    return pa.table(
        {
            "minute_open": arrays.column(tape.minute).view(_TIME),
            **_prices(tape),
            **_flow(tape),
            **_points(tape, levels, profile),
            "qty_max": _decimal(np.maximum.reduceat(tape.qty, tape.start), tape.qty_places),
            **_gaps(tape),
            "best_bid": _last_known(tape.bid, tape.start),
            "best_ask": _last_known(tape.ask, tape.start),
            "bid_size": _last_known(tape.bid_size, tape.start),
            "ask_size": _last_known(tape.ask_size, tape.start),
            "ofi": order_flow_imbalance(tape),
            "eff_spread": effective_spread(tape),
            "qty_q95": _decimal(size_quantile(tape, 95), tape.qty_places),
        }
    )


def _prices(tape: Tape) -> dict[str, pa.Array]:
    """Open and close by tape order, high and low, volume and number of trades."""
    places = tape.price_places
    return {
        "open": _decimal(tape.price[tape.start], places),
        "high": _decimal(np.maximum.reduceat(tape.price, tape.start), places),
        "low": _decimal(np.minimum.reduceat(tape.price, tape.start), places),
        "close": _decimal(tape.price[tape.end], places),
        "volume": _decimal(np.add.reduceat(tape.qty, tape.start), tape.qty_places),
        "trades": arrays.column(tape.trades),
    }


def _flow(tape: Tape) -> dict[str, pa.Array]:
    """Volume by side, and the extremes of the running delta, which begins each minute at 0."""
    signed = tape.side * tape.qty
    running = np.cumsum(signed)
    running -= np.repeat((running - signed)[tape.start], tape.count)
    sums = {
        "vbuy": np.add.reduceat(np.where(tape.side > 0, tape.qty, 0), tape.start),
        "vsell": np.add.reduceat(np.where(tape.side < 0, tape.qty, 0), tape.start),
        "delta_min": np.minimum(np.minimum.reduceat(running, tape.start), 0),
        "delta_max": np.maximum(np.maximum.reduceat(running, tape.start), 0),
    }
    unsided = np.add.reduceat((tape.side != 0).astype(np.int64), tape.start) == 0
    return {name: _decimal(values, tape.qty_places, unsided) for name, values in sums.items()}


def _points(tape: Tape, levels: Levels, profile: Profile) -> dict[str, pa.Array]:
    """Point of control, value area, and the bar's volume point as the exporter defines it."""
    price = levels.price
    low, high = (cut.reduceat(price, levels.start) for cut in (np.minimum, np.maximum))
    flat = high == low
    balance = np.sign((levels.buy - levels.sell)[profile.vpo]).astype(np.int64)
    names = np.array(["bear", "neutral", "bull"], dtype=object)[balance + 1]
    names[levels.sided_trades[profile.vpo] == 0] = None
    return {
        **{
            name: _decimal(at, tape.price_places)
            for name, at in (
                ("poc", profile.poc),
                ("vah", profile.vah),
                ("val", profile.val),
                ("bar_vpo_price", price[profile.vpo]),
            )
        },
        "bar_vpo_vol": _decimal(levels.volume[profile.vpo], tape.qty_places),
        "bar_vpo_loc": arrays.column(quotients(price[profile.vpo] - low, high - low), flat),
        "bar_vpo_side": pa.array(names.tolist(), pa.string()),
    }


def _gaps(tape: Tape) -> dict[str, pa.Array]:
    """Mean and population standard deviation of the times between successive trades, in ms.

    Taken from whole microseconds: n x sum(g^2) - sum(g)^2 in unlimited integers, one division and one
    root, so that no summation order or machine shows.
    """
    gap = np.diff(tape.ts, prepend=tape.ts[0])
    gap[tape.start] = 0
    sums = np.add.reduceat(gap, tape.start).tolist()
    squares = np.add.reduceat(gap * gap, tape.start).tolist()
    mean: list[float | None] = []
    std: list[float | None] = []
    for count, total, square in zip((tape.trades - 1).tolist(), sums, squares, strict=True):
        mean.append(total / (1000 * count) if count else None)
        spread = (count * square - total * total) / (1000 * count) ** 2 if count else 0.0
        std.append(math.sqrt(spread) if count else None)
    return {"gap_ms_mean": pa.array(mean, pa.float64()), "gap_ms_std": pa.array(std, pa.float64())}


def _last_known(values: Floats, start: Ints) -> pa.Array:
    """The minute's last value that is not null, else null."""
    known = np.isfinite(values)
    if not known.any():
        return pa.nulls(len(start), pa.float64())
    last = np.maximum.reduceat(np.where(known, np.arange(len(values)), -1), start)
    return arrays.column(values[last], last < start)


def _decimal(units: Units, places: int, null: Bools | None = None) -> pa.Array:
    return arrays.column(from_units(units, places), null)
