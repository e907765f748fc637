"""The probe that tells whether a feature step sees what it must not.

Four looks at one step on one long frame; each compares bits, not digits:

- truncated: the rows after a row are deleted, nothing up to it may change
- poisoned: the rows after it are random, nothing up to it may change
- overreach: the rows farther back than `look_back` are random, the row may not change
- placed: a part of the grid alone gives what the same part gives in the whole
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.features.evaluate import values
from pipeline.features.frame import Frame
from pipeline.features.levels import PRICE, Levels
from pipeline.features.step import Step
from pipeline.tables.exact import Floats


def faults(step: Step, frame: Frame, rows: Sequence[int], starts: Sequence[int]) -> list[str]:
    """The looks that the step fails.

    Args:
        step: Any step, registered or not.
        frame: A long grid whose rows are all asked for.
        rows: Rows after (or far before) which the frame is changed.
        starts: Where the parts for "placed" begin.
    """
    whole = values(step, frame)
    found = []
    for name, look in (("truncated", _truncated), ("poisoned", _poisoned)):
        looks = ((r, _once(frame, name, r, look)) for r in rows)
        if not all(same(values(step, changed)[: r + 1], whole[: r + 1]) for r, changed in looks):
            found.append(name)
    if not all(_stays_in_reach(step, frame, whole, r) for r in rows):
        found.append("overreach")
    if not all(_placed(step, frame, whole, start) for start in starts):
        found.append("placed")
    return found


def same(one: Floats, other: Floats) -> bool:
    """Bit for bit."""
    return one.tobytes() == other.tobytes()


def part(frame: Frame, start: int, stop: int, rows: int) -> Frame:
    """The rows `[start, stop)` of a frame as a frame, its last `rows` asked for."""
    return dataclasses.replace(
        frame,
        start_us=frame.start_us + start * frame.step_us,
        rows=rows,
        columns={name: x[start:stop] for name, x in frame.columns.items()},
        levels=_cut(frame.levels, start, stop),
    )


def _cut(levels: Levels, start: int, stop: int) -> Levels:
    first = levels.first[start : stop + 1]
    return dataclasses.replace(
        levels,
        first=first - first[0],
        measured=levels.measured[start:stop],
        columns={name: x[first[0] : first[-1]] for name, x in levels.columns.items()},
    )


def _replaced(levels: Levels, gone: slice, rng: np.random.Generator) -> Levels:
    """Other, random levels in these rows."""
    changed = np.zeros(len(levels.measured), dtype=np.bool_)
    changed[gone] = True
    count = np.diff(levels.first)
    kept = ~changed[levels.rows()]
    count[changed] = rng.integers(0, 4, changed.sum())
    fresh = np.repeat(changed, count)
    columns = {}
    for name, x in levels.columns.items():
        values = rng.integers(1, 900, fresh.sum())
        columns[name] = np.empty(count.sum(), dtype=np.int64)
        columns[name][~fresh] = x[kept]
        columns[name][fresh] = np.cumsum(values) if name == PRICE else values
    first = np.concatenate(([0], np.cumsum(count)))
    measured = levels.measured | changed
    return dataclasses.replace(levels, first=first, measured=measured, columns=columns)


_FRAMES: dict[tuple[int, str, int], tuple[Frame, Frame]] = {}


def _once(frame: Frame, name: str, row: int, look: Callable[[Frame, int], Frame]) -> Frame:
    """The changed frame, made once for all steps; the frame it is of is kept, so its id stays its own."""
    key = (id(frame), name, row)
    if key not in _FRAMES:
        _FRAMES[key] = (frame, look(frame, row))
    return _FRAMES[key][1]


def _stays_in_reach(step: Step, frame: Frame, whole: Floats, row: int) -> bool:
    changed = part(_old_poisoned(frame, row - step.look_back), 0, row + 1, 1)
    return same(values(step, changed), whole[row : row + 1])


def _placed(step: Step, frame: Frame, whole: Floats, start: int) -> bool:
    warm = start + max(step.look_back, step.warm_up - 1)
    stop = min(len(frame), warm + 600)
    alone = values(step, part(frame, start, stop, stop - warm))
    return same(alone, whole[warm:stop])


def _poisoned_in(frame: Frame, gone: slice, row: int) -> Frame:
    rng = np.random.default_rng(row)
    columns = {}
    for name, x in frame.columns.items():
        columns[name] = x.copy()
        columns[name][gone] = rng.lognormal(5, 4, len(columns[name][gone]))
    return dataclasses.replace(frame, columns=columns, levels=_replaced(frame.levels, gone, rng))


def _truncated(frame: Frame, row: int) -> Frame:
    return part(frame, 0, row + 1, row + 1)


def _poisoned(frame: Frame, row: int) -> Frame:
    return _poisoned_in(frame, slice(row + 1, None), row)


def _old_poisoned(frame: Frame, row: int) -> Frame:
    return _poisoned_in(frame, slice(0, max(row, 0)), row)
