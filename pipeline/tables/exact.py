"""Decimal numbers as integers: a price in ticks, a quantity in lots, so that sums are exact.

The invariant: every value stands as the very decimal that its own shortest text is, and what is computed of
such integers is rounded once, to the nearest float64. So neither the scale of a column, nor whether it is
counted in 64 bits or in unlimited integers, shows in a result: no value changes what another row gives.

Belongs here: the power of ten that makes a column whole, going there and back, products that may need more
than 64 bits. Does not belong here: what is summed, and why; how large a value may be (CONTROL's `values`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.arrays import Bools, Floats, Ints

Units = NDArray[Any]
"""Whole multiples of a power of ten: int64 where sums fit, else Python's unlimited integers."""

LOT_DECIMALS = 8
"""No exchange quotes a quantity with more decimals."""

_NOISE = 1e-12
"""Arithmetic's own noise, relative to the value: 0.1 + 0.2 is read as 0.3 (defect C06)."""

_FAITHFUL = 1e15
"""Each decimal of fewer than 16 digits has a float64 of its own; its digits are found by one rounding."""

_LARGEST_UNIT = 1 << 53
"""Above it a float64 no longer tells neighbouring integers apart."""

_POWERS = 22
"""10^22 is the largest power of ten that a float64 holds exactly."""

_ROOM = float(1 << 60)
"""A column of 64 bits whose absolute values stay below it in sum leaves room to add several such columns."""

_NEARLY_ALL = 0.95
"""So many of a column's values have at most its usual number of places, or are multiples of its step."""

_GLANCE = 1024
"""Most columns show all of their places in the first values already."""

_BLOCK = 1 << 15
"""So many values at a time stay in the processor's cache."""

_CHUNKS = 32
"""Into so many parts a column is cut, of which most have no odd value."""

_EXACT = Context(prec=800)
"""The shortest decimals of any float64s span fewer than 700 digits: sums under this are exact."""


def decimal_places(*columns: Floats) -> int:
    """The most decimal places that any finite value of the columns has by its own shortest text."""
    places = 0
    for column in columns:
        for x in (column[:_GLANCE], *_blocks(column)):
            places = _most_places(_finite(x), places)
    return places


def _most_places(x: Floats, least: int) -> int:
    """The most places of any of the values, `least` if none has more."""
    rest, most = x[~_fits(x, least)], least
    for places in range(_POWERS + 1):
        if not rest.size:
            break
        fits = _fits(rest, places)
        most = max(most, places) if fits.any() else most
        rest = rest[~fits]
    return max([most, *(_own_places(value) for value in rest.tolist())])


def _own_places(value: float) -> int:
    """Decimal places of a value's shortest text, by its digits."""
    return max(0, -int(Decimal(repr(value).removesuffix(".0")).as_tuple().exponent))


def _fits(x: Floats, places: int, noise: float = 0.0) -> Bools:
    """Which values are surely decimals of so many places, off by that relative noise at most."""
    if places > _POWERS:
        return np.zeros(x.shape, dtype=np.bool_)
    scale = 10.0**places
    with np.errstate(over="ignore"):
        whole = np.rint(x * scale)
    off = np.abs(whole / scale - x)
    fits: Bools = (np.abs(whole) < _FAITHFUL) & (off <= noise * np.abs(x))
    return fits


def usual_places(*columns: Floats) -> int:
    """The decimal places that nearly all finite values of the columns need at most.

    For a grid that values are compared on: an odd one, or the noise of a computation, does not refine it.
    """
    x = np.concatenate([_finite(column.ravel()) for column in columns])
    places, rest = np.full(x.size, _POWERS), np.arange(x.size)
    for noise, number in product((0.0, _NOISE), range(_POWERS + 1)):
        if not rest.size:
            break
        fits = _fits(x[rest], number, noise)
        places[rest[fits]], rest = number, rest[~fits]
    counts = np.bincount(places, minlength=1)
    return int(np.argmax(np.cumsum(counts) >= _NEARLY_ALL * x.size))


def step(*columns: Floats) -> float | None:
    """The largest step that nearly all finite values of the columns are multiples of; None without a value.

    Each value counts as the nearest decimal of the columns' usual number of places.
    """
    x = np.concatenate([_finite(column.ravel()) for column in columns])
    if not x.size:
        return None
    places = usual_places(x)
    units = to_units(x, places)
    parts = (units, *(units[first::_CHUNKS] for first in range(_CHUNKS)))
    found = {int(np.gcd.reduce(part)) for part in parts}
    held = [s for s in found - {0} if np.count_nonzero(units % s == 0) >= _NEARLY_ALL * x.size]
    return float(from_units(np.array([max(held, default=0)]), places)[0])


def to_units(values: Floats, places: int) -> Units:
    """Values as whole multiples of 10^-places; a null (NaN) becomes 0, so mask it yourself.

    Args:
        values: of any shape.
        places: `decimal_places` of them, or more. With fewer each value is rounded to the nearest multiple.

    Returns:
        int64 where the sum of all absolute values, and of several such columns, fits; else Python integers.
    """
    units = np.empty(values.size, dtype=np.int64)
    total = 0.0
    for start, x in enumerate(_blocks(values.ravel())):
        whole = _rounded(x, places)
        if not np.abs(whole).max(initial=0.0) < _FAITHFUL:
            return _in_steps(values, places)
        total += float(np.abs(whole).sum())
        units[start * _BLOCK : (start + 1) * _BLOCK] = whole
    return (units if total < _ROOM else units.astype(object)).reshape(values.shape)


def _in_steps(values: Floats, places: int) -> Units:
    """As `to_units`, of values of which some need more digits than a float64 tells apart."""
    x = np.where(np.isfinite(values), values, 0.0).ravel()
    whole = _rounded(x, places)
    near = np.abs(whole) < _FAITHFUL
    units = np.zeros(x.size, dtype=object)
    units[near] = whole[near].astype(np.int64).astype(object)
    units[~near] = [_unit(value, places) for value in x[~near].tolist()]
    fits = sum(map(abs, units.tolist())) < _ROOM
    return (units.astype(np.int64) if fits else units).reshape(values.shape)


def _rounded(x: Floats, places: int) -> Floats:
    """The nearest multiples as float64, infinite where that does not tell them apart."""
    if places > _POWERS:
        return np.where(x == 0.0, 0.0, np.inf)
    with np.errstate(over="ignore"):
        return np.rint(np.where(np.isfinite(x), x, 0.0) * 10.0**places)


def _unit(value: float, places: int) -> int:
    return int(_EXACT.scaleb(Decimal(repr(value)), places).to_integral_value(context=_EXACT))


def from_units(units: Units, places: int) -> Floats:
    """Whole multiples of 10^-places as the float64s nearest to them.

    Raises:
        OverflowError: one is beyond any float64.
    """
    if units.dtype == object or places > _POWERS:
        return _divided(units, places)
    found: Floats = units / 10.0**places
    large = np.abs(units) > _LARGEST_UNIT
    if large.any():
        found[large] = _divided(units[large], places)
    return found


def _divided(units: Units, places: int) -> Floats:
    """One by one: the quotient of Python's integers is the nearest float64."""
    scale = 10**places
    found = np.array([unit / scale for unit in units.ravel().tolist()], dtype=np.float64)
    return found.reshape(units.shape)


def quotients(units: Units, of: Units) -> Floats:
    """The float64s nearest to the exact quotients of units of any scales; NaN where the divisor is 0."""
    found: Floats = np.full(units.shape, np.nan)
    known = np.asarray(of != 0, dtype=np.bool_)
    one, other = units[known], of[known]
    if object in (one.dtype, other.dtype) or _is_large(one) or _is_large(other):
        found[known] = [a / b for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    else:
        found[known] = one / other
    return found


def _is_large(units: Ints) -> bool:
    return int(np.abs(units).max(initial=0)) > _LARGEST_UNIT


def times(units: Units, factor: Units | int) -> Units:
    """Products, int64 where the sum of their absolute values fits, else Python integers."""
    factors = np.asarray(factor)
    if not units.dtype == factors.dtype == np.int64:
        return units.astype(object) * factor
    most = [int(np.abs(x).max(initial=0)) for x in (units, factors)]
    if most[0] * most[1] * units.size >= _ROOM:  # perhaps: each is taken for the largest
        sizes = (np.abs(x).astype(np.float64) for x in (units, factors))
        if float(np.multiply(*sizes).sum()) >= _ROOM:
            return units.astype(object) * factor
    return units * factor


def beyond(units: Units, share: float, of: Units) -> Units:
    """Units - share x of, times a positive number: its sign tells which is larger, without a rounding.

    Args:
        units: one scale with `of`.
        share: the decimal that it is written as.
        of: what it is a share of.
    """
    numerator, denominator = Fraction(repr(share)).as_integer_ratio()
    return times(units, denominator) - times(of, numerator)


def more(units: Units, than: Units) -> Bools:
    """Where units of one scale are more than others, by more than the noise of arithmetic."""
    found: Bools = np.asarray(units > than, dtype=np.bool_)
    above = units[found] - than[found]
    found[found] = beyond(above, _NOISE, than[found]) > 0
    return found


def decimal_sum(values: Iterable[float]) -> float:
    """The float64 nearest to the exact sum of the decimals that the values are as text; 0 of none."""
    x = np.array([*values], dtype=np.float64)
    places = decimal_places(x)
    return float(from_units(to_units(x, places).sum(keepdims=True), places)[0])


class Sum:
    """A sum of decimals, exact whatever their number and order."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._total: Decimal | None = None

    def add(self, value: float | None) -> None:
        """One more; None adds nothing."""
        if value is None:
            return
        if self._first is None:
            self._first = value
            return
        if self._total is None:
            self._total = Decimal(repr(self._first))
        self._total = _EXACT.add(self._total, Decimal(repr(value)))

    @property
    def nearest(self) -> float | None:
        """The float64 nearest to it; None of none."""
        return self._first if self._total is None else float(self._total)


def lots(x: Floats) -> Floats:
    """A sum of quantities, freed of binary dust: the nearest multiple of 1e-8.

    For sums of decimals of at most eight places this is the exact decimal sum. Each value is rounded
    by itself, so that no later row can move it. Sums too large to hold eight places stay as they are.
    """
    return np.where(np.abs(x) < _LARGEST_UNIT / 10**LOT_DECIMALS, np.round(x, LOT_DECIMALS), x)


def _finite(values: Floats) -> Floats:
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _blocks(values: Floats) -> Iterator[Floats]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
