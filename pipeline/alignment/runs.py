"""One feed's runs, each placed in true time.

Belongs here: the offset of each export run, and whether the rows are minutes at all. Does not belong
here: the rule for one lag (`evidence.py`), merging (`merge.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.alignment.dense import Dense, dense_vendor, price_places
from pipeline.alignment.evidence import Choice, choose
from pipeline.alignment.merge import merge_runs
from pipeline.alignment.scan import Laid, price_ids, scan
from pipeline.clock import MINUTE_US
from pipeline.tables import arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every feed of the day is laid over: the exchange's minutes and CONTROL's numbers.

    `approved` are the offsets that the feed's profile allows, beside those that need none.
    """

    klines: Dense
    opened_us: int
    evidence: dict[str, float]
    identity: dict[str, float]
    approved: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A feed's runs in true time.

    `offsets` holds minutes by run; a run that fits nowhere has none. `base` is what was already taken
    off before `laid` was scanned: 0 while all runs agree, else the `main` offset, which most rows have.
    """

    laid: Laid
    choice: Choice
    offsets: dict[int, int]
    base: int


def lay(rows: pa.Table, ground: Ground, base: int = 0) -> Laid:
    """Merged rows of a feed, laid over the exchange's minutes and scanned."""
    vendor = dense_vendor(rows, ground.opened_us)
    places = price_places(ground.klines)
    ids = price_ids(vendor, ground.klines, places, ground.identity["half_tick_share_max"])
    return Laid(vendor=vendor, same_price=ids, scan=scan(vendor, ground.klines, ids, base))


def not_one_minute(bars: pa.Table) -> str:
    """Why the rows are no minutes (tick, range or 5-minute chart); empty when they are.

    Half of the stamps off the minute, or all of them on a coarser grid. A thin market's minutes lie
    apart, but not on a grid.
    """
    stamp = np.unique(arrays.ints(bars["stamp"]))
    off = int(np.count_nonzero(stamp % MINUTE_US))
    if 2 * off >= len(stamp):
        return f"{off} of {len(stamp)} stamps lie off the minute"
    steps = np.diff(stamp[stamp % MINUTE_US == 0]) // MINUTE_US
    step = int(np.gcd.reduce(steps)) if len(steps) else 1
    return f"the bars are {step} minutes apart" if step > 1 else ""


def split_at_gaps(bars: pa.Table, minutes: int) -> pa.Table:
    """The bars with a new run after each gap of more than so many minutes between stamps of one run.

    A clock that is put back by an hour on a machine that converts leaves such a gap, and no other trace.
    """
    run = bars["run"].to_numpy().astype(np.int64)
    stamp = arrays.ints(bars["stamp"])
    order = np.lexsort((stamp, run))
    gap = np.diff(stamp[order], prepend=stamp[order][:1]) > minutes * MINUTE_US
    changes = np.diff(run[order], prepend=run[order][:1]) != 0
    number = np.empty(len(run), dtype=np.int64)
    number[order] = np.cumsum(gap | changes) + (int(run.min()) if len(run) else 0)
    at = bars.column_names.index("run")
    return bars.set_column(at, bars.schema.field("run"), pa.array(number.astype(np.int32)))


def place(bars: pa.Table, ground: Ground, jumps: tuple[int, ...] = ()) -> Placed:
    """The offset of every run.

    All runs together are looked at first. A run with enough minutes of its own may say otherwise (the
    clock of the machine was changed, a zone ended); then each is moved by its own offset, and all are
    looked at again. A smaller run follows the offset at which its prices fit, else the run before.

    Args:
        bars: schema `clean_bars`.
        ground: the exchange's minutes, and the rules.
        jumps: by how many minutes clocks are changed somewhere on the day: a smaller run may be off by
            one of them.
    """
    laid = lay(merge_runs(bars, 0), ground)
    together = choose(laid.scan, ground.evidence)
    sizes = Counter(bars["run"].to_pylist())
    own = _own_offsets(bars, sizes, ground) if len(sizes) > 1 else {}
    near = [together.lag, *(together.lag + s * jump for jump in jumps for s in (1, -1))]
    misfits = len(sizes) > 1 and together.by and _misfit(bars, sizes, own, near, ground)
    if set(own.values()) <= {together.lag} and not misfits:
        return Placed(
            laid=laid, choice=together, offsets=dict.fromkeys(sizes, together.lag), base=0
        )
    own = own or {max(sizes, key=lambda run: sizes[run]): together.lag}
    offsets = _follow(bars, sorted(sizes), own, ground, jumps)
    main = Counter({run: sizes[run] for run in offsets})
    by_offset: Counter[int] = Counter()
    for run, rows in main.items():
        by_offset[offsets[run]] += rows
    base = max(by_offset, key=lambda offset: (by_offset[offset], -abs(offset)))
    moved = merge_runs(bars, {run: minutes * MINUTE_US for run, minutes in offsets.items()})
    again = lay(moved, ground, base)
    return Placed(
        laid=again, choice=choose(again.scan, ground.evidence), offsets=offsets, base=base
    )


def _own_offsets(bars: pa.Table, sizes: Counter[int], ground: Ground) -> dict[int, int]:
    """Offsets of the runs whose own minutes are evidence enough."""
    found = {}
    for run in sorted(sizes):
        if sizes[run] >= ground.evidence["minutes_min"]:
            choice = choose(lay(_rows_of(bars, run), ground).scan, ground.evidence)
            if choice.by:
                found[run] = choice.lag
    return found


def _misfit(
    bars: pa.Table, sizes: Counter[int], own: dict[int, int], near: list[int], ground: Ground
) -> bool:
    """Whether some smaller run has minutes enough to see that the day's lag, the first of those near,
    is not its own.
    """
    informative = ground.evidence["block_minutes_min"]
    return any(
        _fitting(_rows_of(bars, run), near, ground) != near[0]
        for run in sorted(sizes.keys() - own.keys())
        if sizes[run] >= informative
    )


def _follow(
    bars: pa.Table,
    runs: list[int],
    own: dict[int, int],
    ground: Ground,
    jumps: tuple[int, ...],
) -> dict[int, int]:
    """Offsets of all runs that can be placed; a run that fits at none of the found ones, nor beside one
    by a change of summer time, is left out.
    """
    offsets = dict(own)
    beside = [lag + sign * jump for lag in own.values() for jump in jumps for sign in (1, -1)]
    last = own[min(own)]
    for run in runs:
        fits = own.get(run, _fitting(_rows_of(bars, run), [last, *own.values(), *beside], ground))
        if fits is not None:
            offsets[run] = last = fits
    return offsets


def _fitting(rows: pa.Table, candidates: list[int], ground: Ground) -> int | None:
    """The first offset at which a small run's prices fit; too few minutes to judge follow the first."""
    found = lay(rows, ground).scan
    informative = ground.evidence["block_minutes_min"]
    for offset in candidates:
        at = found.at(offset)
        exact = found.exact_share[at] >= ground.evidence["exact_share_min"]
        alike = found.rho_return[at] >= ground.evidence["return_rho_min"]
        if found.common[at] >= informative and (exact or alike):
            return offset
    return candidates[0] if found.common[found.at(candidates[0])] < informative else None


def _rows_of(bars: pa.Table, run: int) -> pa.Table:
    return merge_runs(bars.filter(pc.equal(bars["run"], run)), 0)
