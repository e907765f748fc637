"""Heavy one-sided flow that did not move the price: the ATAS exporter's heuristic, and our own."""

from __future__ import annotations

from functools import partial

import numpy as np

from pipeline.clock import MINUTES_PER_DAY
from pipeline.features import windows
from pipeline.features.arithmetic import ratio
from pipeline.features.frame import Frame
from pipeline.features.step import formula, measured
from pipeline.features.volatility import average_true_range
from pipeline.tables.arrays import Floats

_ROUNDING = 1e-12
"""A rank that is the quantile itself counts, however its division was rounded."""


@measured("", "absorption_detected", type="int8")
def absorb_flag(frame: Frame) -> Floats:
    """absorption_detected as 1 or 0.

    Source: the ATAS exporter.
    """
    return frame["absorption_detected"]


@measured("sign", "absorption_side", type="int8")
def absorb_side(frame: Frame) -> Floats:
    """absorption_side as a sign: buy +1, sell -1; null where none was detected.

    Source: the ATAS exporter.
    """
    return np.sign(frame["absorption_side"])


@measured("as measured", "absorption_strength")
def absorb_strength(frame: Frame) -> Floats:
    """absorption_strength as exported.

    Source: the ATAS exporter.
    """
    return frame["absorption_strength"]


INPUTS = ("open", "high", "low", "close", "volume", "delta")
_own = partial(formula, window=MINUTES_PER_DAY, nulls="window")


@_own("", *INPUTS, type="int8")
def own_absorb_flag(frame: Frame) -> Floats:
    """1 where volume and |D| / volume rank in the top fifth, |c - o| <= 0.1 ATR14 and not with D; else 0.

    Ranks are among the trailing day's minutes, the row's own included; a rank is the share of them that
    are at most as large; a minute without a trade counts as balanced. Borders are governed
    (absorption_quantile, absorption_body_max), ATR14 is that of cvd_atr. Source: the definition is ours.
    """
    return frame.shared("own_absorb_flag", lambda: _absorbed(frame))


@_own("sign", *INPUTS, type="int8")
def own_absorb_side(frame: Frame) -> Floats:
    """-sign(D) where own_absorb_flag is 1: the passive side, buyers +1, sellers -1; else null.

    Source: the definition is ours.
    """
    return np.where(own_absorb_flag(frame) == 1, -np.sign(frame["delta"]), np.nan)


@_own("fraction", *INPUTS)
def own_absorb_score(frame: Frame) -> Floats:
    """|D| / volume where own_absorb_flag is 1, 0 where it is 0: how one-sided the absorbed flow was.

    Source: the definition is ours.
    """
    flag, share = own_absorb_flag(frame), ratio(np.abs(frame["delta"]), frame["volume"])
    return np.where(flag == 1, share, flag)


def _absorbed(frame: Frame) -> Floats:
    rules, delta = frame.rules, frame["delta"]
    share = np.where(frame["volume"] == 0, 0.0, ratio(np.abs(delta), frame["volume"]))
    body = frame["close"] - frame["open"]
    bound = rules.absorption_body_max * average_true_range(frame)
    heavy, one_sided = (
        windows.rank(frame, x, MINUTES_PER_DAY) - rules.absorption_quantile
        for x in (frame["volume"], share)
    )
    still = (np.abs(body) <= bound) & (np.sign(body) * np.sign(delta) <= 0) & (delta != 0)
    known = ~np.isnan(heavy + one_sided + body + bound)
    found = (heavy >= -_ROUNDING) & (one_sided >= -_ROUNDING) & still
    return np.where(known, found, np.nan)
