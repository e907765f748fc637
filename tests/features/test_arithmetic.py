"""Arithmetic against libm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.features.arithmetic import exp, ln, previous, ratio, turn_sin

POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


def _ulps(actual: float, expected: float) -> float:
    return abs(actual - expected) / math.ulp(expected)


@given(POSITIVE)
def test_ln_is_the_logarithm(x: float) -> None:
    """Within one unit in the last place of libm's."""
    assert _ulps(ln(np.array([x]))[0], math.log(x)) <= 1


@given(st.floats(min_value=0.9, max_value=1.1))
def test_ln_keeps_small_returns(x: float) -> None:
    """Near 1, where returns live, no digit is lost."""
    assert _ulps(ln(np.array([x]))[0], math.log(x)) <= 1


@given(st.floats(min_value=-700, max_value=700))
def test_exp_is_the_exponential(x: float) -> None:
    """Within one unit in the last place of libm's."""
    assert _ulps(exp(np.array([x]))[0], math.exp(x)) <= 1


@pytest.mark.parametrize("x", [0.0, -1.0, math.inf, math.nan])
def test_ln_of_no_positive_number_is_nan(x: float) -> None:
    """Nothing infinite leaves the logarithm."""
    assert math.isnan(ln(np.array([x]))[0])


@pytest.mark.parametrize("x", [701.0, -701.0, math.nan])
def test_exp_out_of_range_is_nan(x: float) -> None:
    """Nothing infinite leaves the exponential."""
    assert math.isnan(exp(np.array([x]))[0])


def test_turn_sin_is_the_sine() -> None:
    """All minutes of a day within 2e-15 of the sine of a rounded angle, and the quarters exact."""
    minutes = np.arange(1440)
    found = turn_sin(minutes, 1440)

    np.testing.assert_allclose(found, np.sin(2 * np.pi * minutes / 1440), rtol=0, atol=2e-15)
    assert found[[0, 360, 720, 1080]].tolist() == [0.0, 1.0, 0.0, -1.0]


def test_ratio_by_zero_is_nan() -> None:
    """Neither 0 / 0 nor 1 / 0 is a number, and neither warns."""
    assert np.isnan(ratio(np.array([0.0, 1.0]), np.zeros(2))).all()


@pytest.mark.parametrize("rows", [1, 3, 9])
def test_previous_shifts_back(rows: int) -> None:
    """Rows before the grid's first are not known."""
    found = previous(np.arange(5.0), rows)

    assert np.isnan(found[:rows]).all()
    assert found[rows:].tolist() == list(range(5 - min(rows, 5)))
