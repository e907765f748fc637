"""Two feeds at every lag, against counting and scipy at one lag at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.alignment.dense import SCAN_MINUTES, Dense, dense_klines, dense_vendor
from pipeline.alignment.scan import scan
from pipeline.clock import MINUTE_US


def feed(minutes: np.ndarray, draw: np.random.Generator) -> pa.Table:
    """Bars of those minutes, whose changes are huge and tiny."""
    close = np.exp(draw.normal(0, 3, len(minutes)))
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return pa.table({"minute_open": minutes * MINUTE_US, **prices, "volume": 1 / close})


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 1), st.integers(-SCAN_MINUTES, SCAN_MINUTES))
def test_every_lag_is_as_counted(seed: int, share: float, lag: int) -> None:
    """Common minutes, equal ids and changes are counted right, correlations are Pearson's of the ranks."""
    draw = np.random.default_rng(seed)
    axis = np.arange(-SCAN_MINUTES, 1440 + SCAN_MINUTES)
    vendor = dense_vendor(feed(axis[draw.random(len(axis)) < share], draw), 0)
    klines = dense_klines(feed(np.flatnonzero(draw.random(1440) < 0.9), draw), 0)
    ids = draw.integers(0, draw.integers(1, 100), len(axis) + 1440)
    found = scan(vendor, klines, ids)
    at, there = found.at(lag), slice(SCAN_MINUTES - lag, SCAN_MINUTES - lag + 1440)
    both = vendor.changes[there] & klines.changes

    assert found.common[at] == np.count_nonzero(vendor.present[there] & klines.present)
    assert found.equal[at] == np.count_nonzero(ids[: len(axis)][there] == ids[len(axis) :])
    assert found.n[at] == np.count_nonzero(both)
    assert found.rho_return[at] == pearson(vendor.returns[there], klines.returns, both)
    assert found.rho_volume[at] == pearson(vendor.volumes[there], klines.volumes, both)


def pearson(x: np.ndarray, y: np.ndarray, both: np.ndarray) -> object:
    """Scipy's correlation of what both have; NaN where one does not vary."""
    x, y = x[both], y[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return pytest.approx(np.nan, nan_ok=True)
    return pytest.approx(
        stats.pearsonr(x.astype(float), y.astype(float)).statistic, rel=1e-9, abs=1e-12
    )


def test_the_largest_sums_are_whole() -> None:
    """A trend through every minute has the largest ranks: held against itself it agrees in full."""
    axis = np.arange(-SCAN_MINUTES, 1440 + SCAN_MINUTES)
    close = np.exp(np.linspace(0, 5, len(axis)) ** 2)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    rows = pa.table({"minute_open": axis * MINUTE_US, **prices, "volume": close})
    vendor: Dense = dense_vendor(rows, 0)
    found = scan(vendor, dense_klines(rows, 0), np.arange(len(axis) + 1440))

    assert found.rho_return[found.at(0)] == 1.0
