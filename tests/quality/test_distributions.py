"""Distances of two distributions, against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.quality.distributions import ks_statistic, psi

VALUES = st.lists(st.floats(-5, 5), min_size=4, max_size=60)


@given(VALUES, VALUES)
def test_ks_is_that_of_scipy(ours: list[float], theirs: list[float]) -> None:
    """The statistic of `scipy.stats.ks_2samp`, ties and all."""
    expected = stats.ks_2samp(ours, theirs, method="asymp").statistic

    assert ks_statistic(np.array(ours), np.array(theirs)) == pytest.approx(expected, abs=1e-12)


def test_psi_of_one_half_moved_by_hand() -> None:
    """Ten values one a decile, against the same with the upper half in the lowest bin."""
    ours = np.arange(10.0)
    theirs = np.array([0.0, 1, 2, 3, 4, 0, 0, 0, 0, 0])
    # Bins hold 1 each; theirs hold 6, 1, 1, 1, 1 and five empty ones that count as a half.
    expected = 0.5 * np.log(6) + 5 * 0.05 * np.log(2)

    assert psi(ours, theirs) == pytest.approx(expected, rel=1e-12)


@given(VALUES)
def test_a_feed_is_at_no_distance_from_itself(values: list[float]) -> None:
    """Equal samples, however tied."""
    sample = np.array(values)

    assert psi(sample, sample) == 0
    assert ks_statistic(sample, sample) == 0


@given(VALUES, VALUES)
def test_psi_is_never_negative_nor_infinite(ours: list[float], theirs: list[float]) -> None:
    """Each bin's term has the sign of a square."""
    found = psi(np.array(ours), np.array(theirs))

    assert np.isfinite(found)
    assert found >= 0
