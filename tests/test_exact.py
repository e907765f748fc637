"""Decimals as whole numbers and back, without a lost digit."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ContractError
from pipeline.exact import check_sum, decimal_places, decimal_sum, from_units, lots, to_units

CENTS = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60)


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


@given(CENTS, st.integers(0, 6), st.randoms(use_true_random=False))
def test_decimal_sum_is_exact_in_any_order(whole: list[int], places: int, random: object) -> None:
    """The float nearest to the decimal sum, however the values are shuffled."""
    decimals = [Decimal(value) / 10**places for value in whole]
    values = [float(d) for d in decimals]
    random.shuffle(values)  # type: ignore[attr-defined]

    assert decimal_sum(values) == float(sum(decimals))


def test_decimal_sum_of_other_numbers_rounds_once() -> None:
    """Numbers that are no short decimals are summed without losing the small ones."""
    assert decimal_sum([1e300, math.pi, -1e300]) == math.pi


@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=240))
def test_lots_frees_sums_from_dust(whole: list[int]) -> None:
    """A float sum of thousandths becomes the exact decimal sum."""
    dusty = float(np.sum(np.array(whole) / 1000))

    assert lots(np.array([dusty]))[0] == sum(whole) / 1000


def test_lots_leaves_large_sums() -> None:
    """A sum too large to hold eight places is not touched."""
    large = 123_456_789_012.345

    assert lots(np.array([large]))[0] == large
