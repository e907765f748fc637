"""Decimals as whole numbers and back, without a lost digit, whatever stands beside them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.tables.exact import (
    beyond,
    decimal_places,
    decimal_sum,
    from_units,
    lots,
    more,
    quotients,
    step,
    times,
    to_units,
    usual_places,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
CENTS = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60)
TRADED = st.decimals(-(10**13), 10**13, places=8).map(float)
WIDE = st.lists(st.integers(-(10**30), 10**30) | st.integers(-9, 9), min_size=1, max_size=8)


def _exact(value: float) -> Fraction:
    """The decimal that the value's own text is."""
    return Fraction(repr(value))


def _places(value: float) -> int:
    return max(0, -int(Decimal(repr(value).removesuffix(".0")).as_tuple().exponent))


@given(st.lists(FINITE | TRADED, min_size=1, max_size=12))
@example([8.988465674311579e307, 8.98846567431158e307])
def test_every_value_is_its_own_text(values: list[float]) -> None:
    """Whatever stands in the column: the exact decimal of each value, and the very float64 again."""
    column = np.array(values)
    places = decimal_places(column)
    units = to_units(column, places)

    assert places == max(map(_places, values))
    assert [Fraction(int(u), 10**places) for u in units] == [_exact(v) for v in values]
    assert from_units(units, places).tolist() == values


@given(st.lists(TRADED, min_size=1, max_size=30), FINITE)
def test_another_row_changes_no_sum(values: list[float], odd: float) -> None:
    """The sum of a stretch is the float64 nearest to the exact one, with any number beside it."""
    expected = float(sum(map(_exact, values)))
    for beside in ([0.0], [odd]):
        column = np.array(values + beside)
        places = decimal_places(column)
        sums = np.add.reduceat(to_units(column, places), [0, len(values)])

        assert from_units(sums[:1], places).tolist() == [expected]


@given(st.lists(TRADED, min_size=1, max_size=20))
def test_a_null_is_nothing(values: list[float]) -> None:
    """A null has no decimals and counts 0."""
    column = np.array([*values, math.nan])

    assert decimal_places(column) == max(map(_places, values))
    assert to_units(column, decimal_places(column))[-1] == 0


def test_nothing_has_no_decimals() -> None:
    """Neither no column nor only nulls."""
    assert (decimal_places(), decimal_places(np.array([np.nan]))) == (0, 0)


def test_sums_that_leave_64_bits_stay_exact() -> None:
    """Each value fits 64 bits, their sum does not."""
    units = to_units(np.full(8, 4e18), 0)

    assert units.sum() == 32 * 10**18


def test_numbers_of_a_usual_market_are_counted_in_64_bits() -> None:
    """The quick way is taken for a tape as large markets have it."""
    assert to_units(np.arange(1, 200_001) / 1000, 3).dtype == np.int64


def test_an_odd_value_is_found_wherever_it_stands() -> None:
    """The last of many values may have the most places."""
    column = np.full(200_000, 0.5)
    column[-1] = 0.000123

    assert decimal_places(column) == 6


def test_fewer_places_round_to_the_nearest() -> None:
    """Each value by itself."""
    assert to_units(np.array([1.26, -0.04, 1e15]), 1).tolist() == [13, 0, 10**16]


@given(WIDE, WIDE, st.integers(0, 30))
def test_quotients_round_once(units: list[int], of: list[int], places: int) -> None:
    """As Python divides whole numbers; nothing by 0."""
    rows = min(len(units), len(of))
    one, other = (np.array(x[:rows], dtype=object) for x in (units, of))

    found = quotients(one, other)

    wanted = [a / b if b else math.nan for a, b in zip(units[:rows], of[:rows], strict=True)]
    assert np.array_equal(found, wanted, equal_nan=True)


@given(st.lists(st.integers(-(2**59), 2**59), min_size=1, max_size=8), st.integers(-(2**70), 2**70))
def test_products_do_not_overflow(units: list[int], factor: int) -> None:
    """As unlimited integers, by one factor and by a column of them."""
    column = np.array(units)

    assert times(column, factor).tolist() == [u * factor for u in units]
    assert times(column, column).tolist() == [u * u for u in units]


@given(st.integers(0, 10**17), st.integers(0, 10**17), st.sampled_from([0.01, 0.7, 3, 2.5]))
def test_a_share_is_the_decimal_that_it_is_written_as(part: int, of: int, share: float) -> None:
    """7 lots are not more than 0.01 of 700, as floats would have it."""
    found = np.sign(beyond(np.array([part]), share, np.array([of])))[0]

    assert found == np.sign(Fraction(part) - Fraction(repr(share)) * of)


def test_noise_is_not_more() -> None:
    """0.1 + 0.2 is not more than 0.3; a lot more than a million is."""
    noisy, plain = np.array([0.1 + 0.2, 1_000_000.00001]), np.array([0.3, 1_000_000.0])
    places = decimal_places(noisy, plain)

    assert more(to_units(noisy, places), to_units(plain, places)).tolist() == [False, True]


@given(FINITE)
def test_one_odd_price_leaves_the_grid(odd: float) -> None:
    """Among prices of a step of 0.05 one more of any kind changes neither places nor step."""
    prices = np.array([*(np.arange(2000, 2099) / 20), odd])

    assert (usual_places(prices), step(prices)) == (2, 0.05)


def test_noisy_prices_have_the_places_they_were_computed_with() -> None:
    """Sums of tenths are tenths."""
    prices = np.cumsum(np.full(300, 0.1))

    assert (usual_places(prices), step(prices)) == (1, 0.1)


@pytest.mark.parametrize(
    ("prices", "found"), [([], (0, None)), ([np.nan], (0, None)), ([2.5], (1, 2.5))]
)
def test_few_prices(prices: list[float], found: tuple[int, float | None]) -> None:
    """None has no step, one is its own."""
    assert (usual_places(np.array(prices)), step(np.array(prices))) == found


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
