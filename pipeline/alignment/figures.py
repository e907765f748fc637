"""The figures of a calibration, the same on every machine.

Belongs here: rounding and shape of what the report shows. Does not belong here: judging it.
"""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from pipeline.alignment.dense import tick_size
from pipeline.alignment.evidence import Block, Lead, agreement, lead
from pipeline.alignment.identity import Likeness
from pipeline.alignment.runs import Ground, Placed
from pipeline.alignment.scan import LagScan
from pipeline.clock import MINUTE_US
from pipeline.contracts.calibration import (
    CurveRow,
    Figures,
    HourBlock,
    LikenessFigures,
    TickSizes,
)
from pipeline.tables import arrays

CURVE_MINUTES = 5
"""The curves show so many lags on either side of 0, and of the found lag."""

_DIGITS = 12


def rounded(value: float | None) -> float | None:
    """12 significant digits: the last ones of a logarithm or a mean depend on the machine."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def figures(
    bars: pa.Table, placed: Placed, like: Likeness | None, hours: list[Block], ground: Ground
) -> Figures:
    """Everything that was held against a threshold, and the curves around it."""
    found = placed.laid.scan
    minutes_min = ground.evidence["minutes_min"]
    returns, volumes = (
        lead(found, measure, minutes_min) for measure in (found.rho_return, found.rho_volume)
    )
    best = curve_row(found, placed.choice.lag)
    informative, share = agreement(hours, placed.choice.lag)
    stamp = arrays.ints(bars["stamp"])
    runs = len(np.unique(bars["run"].to_numpy()))
    return Figures(
        evidence=placed.choice.by,
        best=best,
        runner_up=curve_row(found, returns.other_lag) if returns else None,
        gap=rounded(returns.gap) if returns else None,
        n=best.n,
        volume_best_lag=volumes.lag if volumes else None,
        volume_gap=rounded(volumes.gap) if volumes else None,
        exact_gap=_gap(lead(found, found.exact_share, minutes_min)),
        curve=_curve(found, placed.choice.lag),
        blocks=tuple(
            HourBlock(hour=b.first_hour, hours=b.hours, lag_minutes=b.lag, n=b.n) for b in hours
        ),
        blocks_informative=informative,
        block_agreement=rounded(share),
        likeness=_likeness(like),
        tick_size=TickSizes(
            atas=rounded(tick_size(placed.laid.vendor)), binance=rounded(tick_size(ground.klines))
        ),
        rows=bars.num_rows,
        rows_off_minute=int(np.count_nonzero(stamp % MINUTE_US)),
        runs=runs,
        runs_left_out=runs - len(placed.offsets),
    )


def curve_row(found: LagScan, lag: int) -> CurveRow:
    """One lag of the scan; `n` counts its common traded minutes."""
    at = found.at(lag)
    return CurveRow(
        lag_minutes=lag,
        rho_return=rounded(float(found.rho_return[at])),
        rho_volume=rounded(float(found.rho_volume[at])),
        exact_share=rounded(float(found.exact_share[at])),
        n=int(found.common[at]),
    )


def _curve(found: LagScan, best: int) -> tuple[CurveRow, ...]:
    around = {
        centre + step for centre in (0, best) for step in range(-CURVE_MINUTES, 1 + CURVE_MINUTES)
    }
    known = [lag for lag in sorted(around) if found.lags[0] <= lag <= found.lags[-1]]
    return tuple(curve_row(found, lag) for lag in known)


def _gap(found: Lead | None) -> float | None:
    return rounded(found.gap) if found else None


def _likeness(like: Likeness | None) -> LikenessFigures | None:
    if like is None:
        return None
    return LikenessFigures(**{name: rounded(value) for name, value in asdict(like).items()})
