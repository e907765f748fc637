"""Decimals as whole numbers and back, without a lost digit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ContractError
from pipeline.exact import check_sum, decimal_places, from_units, to_units


@given(st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=20), st.integers(0, 10))
def test_there_and_back(units: list[int], places: int) -> None:
    """Text of so many decimals comes back as the very same float64."""
    values = np.array([float(f"{unit}e-{places}") for unit in units])
    found = decimal_places(values)

    assert found <= places
    assert from_units(to_units(values, found), found).tolist() == values.tolist()


def test_arithmetic_noise_is_read_as_the_decimal() -> None:
    """0.1 + 0.2 has one decimal."""
    values = np.array([0.1 + 0.2, 0.5])

    assert (decimal_places(values), to_units(values, 1).tolist()) == (1, [3, 5])


def test_tiny_prices_are_not_rounded_away() -> None:
    """1e-8 beside a noisy number stays 1e-8."""
    values = np.array([1e-8, 0.1 + 0.2])

    assert to_units(values, decimal_places(values)).tolist() == [1, 30_000_000]


def test_nothing_has_no_decimals() -> None:
    """Only nulls: whole numbers will do, and a null counts 0."""
    values = np.array([np.nan])

    assert (decimal_places(values), to_units(values, 0).tolist()) == (0, [0])


@pytest.mark.parametrize("values", [[1e17, 0.5], [1e300]])
def test_what_does_not_fit_is_refused(values: list[float]) -> None:
    """One sentence, no rounded sum."""
    with pytest.raises(ContractError, match="more than 15 digits"):
        decimal_places(np.array(values))


def test_a_sum_that_could_overflow_is_refused() -> None:
    """Each value fits, their sum does not."""
    with pytest.raises(ContractError, match="the sum of 2 values"):
        check_sum(np.array([1 << 61, 1 << 61]), "qty")
