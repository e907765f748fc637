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

from pipeline.exact import Floats
from pipeline.features.evaluate import values
from pipeline.features.frame import Frame
from pipeline.features.step import Step


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
        if not all(same(values(step, look(frame, r))[: r + 1], whole[: r + 1]) for r in rows):
            found.append(name)
    if not all(
        same(values(step, _old_poisoned(frame, r - step.look_back))[r : r + 1], whole[r : r + 1])
        for r in rows
    ):
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
    )


def _placed(step: Step, frame: Frame, whole: Floats, start: int) -> bool:
    warm = start + max(step.look_back, step.warm_up - 1)
    stop = min(len(frame), warm + 600)
    alone = values(step, part(frame, start, stop, stop - warm))
    return same(alone, whole[warm:stop])


def _changed(frame: Frame, change: Callable[[Floats], Floats]) -> Frame:
    columns = {name: change(x.copy()) for name, x in frame.columns.items()}
    return dataclasses.replace(frame, columns=columns)


def _truncated(frame: Frame, row: int) -> Frame:
    def change(x: Floats) -> Floats:
        x[row + 1 :] = np.nan
        return x

    return _changed(frame, change)


def _poisoned(frame: Frame, row: int) -> Frame:
    rng = np.random.default_rng(row)

    def change(x: Floats) -> Floats:
        x[row + 1 :] = rng.lognormal(5, 4, len(x) - row - 1)
        return x

    return _changed(frame, change)


def _old_poisoned(frame: Frame, row: int) -> Frame:
    rng = np.random.default_rng(row)

    def change(x: Floats) -> Floats:
        x[: max(row, 0)] = rng.lognormal(5, 4, max(row, 0))
        return x

    return _changed(frame, change)
