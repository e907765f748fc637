"""Trailing windows against numpy, scipy and TA-Lib, one window at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kit.feature_frames import empty_levels
from kit.shipped import FEATURES
from pipeline.features import windows
from pipeline.features.frame import Frame

RNG = np.random.default_rng(5)
X, Y = RNG.normal(10, 1, 80), RNG.normal(0, 1, 80)


@pytest.fixture(scope="module")
def frame() -> Frame:
    rules = FEATURES.rules
    return Frame(
        start_us=0,
        step_us=1,
        since=0,
        rows=80,
        rules=rules,
        columns={"x": X},
        levels=empty_levels(80),
    )


def test_every_window_is_numpys(frame: Frame) -> None:
    """Each reduction of the last 40 rows is the one that numpy or scipy gives for them."""
    x, y = X[-40:], Y[-40:]
    fit = stats.linregress(x, y)
    found = {
        "total": (windows.total(frame, X, 40)[-1], math.fsum(x)),
        "mean": (windows.mean(frame, X, 40)[-1], x.mean()),
        "largest": (windows.largest(frame, X, 40)[-1], x.max()),
        "smallest": (windows.smallest(frame, X, 40)[-1], x.min()),
        "deviation": (windows.deviation(frame, X, 40)[-1], x.std(ddof=1)),
        "covariance": (windows.covariance(frame, X, Y, 40)[-1], np.cov(x, y)[0, 1]),
        "correlation": (windows.correlation(frame, X, Y, 40)[-1], fit.rvalue),
        "slope": (windows.line(frame, X, Y, 40).slope[-1], fit.slope),
        "slope_t": (windows.line(frame, X, Y, 40).t[-1], fit.slope / fit.stderr),
    }

    assert {k: v[0] for k, v in found.items()} == pytest.approx(
        {k: v[1] for k, v in found.items()}, rel=1e-11
    )


def test_gaps_are_left_out(frame: Frame) -> None:
    """With two of 40 rows missing, the reductions are those of the other 38."""
    x = X.copy()
    x[[-5, -20]] = np.nan
    kept = ~np.isnan(x[-40:])

    assert windows.mean(frame, x, 40)[-1] == pytest.approx(x[-40:][kept].mean(), rel=1e-12)
    assert windows.line(frame, x, Y, 40).slope[-1] == pytest.approx(
        stats.linregress(x[-40:][kept], Y[-40:][kept]).slope, rel=1e-11
    )
    assert windows.largest(frame, -x, 40)[-1] == -np.nanmin(x[-40:])


def test_window_longer_than_the_grid_is_unknown(frame: Frame) -> None:
    """No row has a window that begins before the grid."""
    assert np.isnan(windows.total(frame, X, 81)).all()
    assert np.isnan(windows.total(frame, X, 80)[:-1]).all()


def test_standstill_has_no_correlation(frame: Frame) -> None:
    """A series whose mean rounds away from its one value still counts as not moving."""
    flat = np.full(80, 0.1)

    assert np.isnan(windows.correlation(frame, flat, Y, 30)[-1])
    assert np.isnan(windows.line(frame, flat, Y, 30).slope[-1])
    assert windows.deviation(frame, flat, 30)[-1] == 0.0


@given(st.integers(2, 30), st.integers(0, 40))
def test_kernel_is_talibs_mean(span: int, more: int) -> None:
    """The kernel gives TA-Lib's EMA of exactly its rows."""
    length = span + more
    kernel = windows.ema_kernel(span, length)

    assert kernel.sum() == pytest.approx(1.0, rel=1e-12)
    assert (kernel * X[:length]).sum() == pytest.approx(talib.EMA(X[:length], span)[-1], rel=1e-12)


@given(st.integers(1, 400), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_sums_are_numpys_to_the_last_bit(window: int, more: int, seed: int) -> None:
    """Whatever runs share, each sum is the one that numpy gives for that run alone."""
    x = np.random.default_rng(seed).normal(size=window + more) * 10.0 ** (
        np.arange(more + window) % 7
    )
    alone = [x[at : at + window].copy().sum() for at in range(more + 1)]

    assert windows.sums(x, window).tolist() == alone
