"""Decimal numbers as integers: a price in ticks, a quantity in lots, so that sums are exact.

Belongs here: finding the power of ten that makes a column whole, going there and back, the overflow
check. Does not belong here: what is summed, and why.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ContractError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_PLACES = 15
"""Decimal places beyond these are no text a vendor wrote."""

LARGEST_UNIT = 1 << 53
"""Above it a float64 no longer tells neighbouring integers apart."""

_ROOM_FOR_SUMS = 1 << 47

_NOISE = 1e-12
"""Arithmetic's own noise, relative to the value: 0.1 + 0.2 is read as 0.3 (defect C06)."""


LOT_DECIMALS = 8
"""No exchange quotes a quantity with more decimals."""

_GLANCE = 1024
"""Too few places mostly show in the first values already."""

_BLOCK = 1 << 15
"""So many values at a time stay in the processor's cache."""


def decimal_places(*columns: Floats) -> int:
    """The fewest decimal places in which every finite value of the columns is written exactly.

    A value fits when the nearest decimal of so many places is the same float64. Where none fits them
    all, values off by arithmetic noise are allowed.

    Raises:
        ContractError: the values need more digits than a float64 holds.
    """
    known = [_finite(column) for column in columns]
    largest = max((float(np.abs(x).max()) for c in known for x in _blocks(c)), default=0.0)
    for noise in (0.0, _NOISE):
        for places in range(MAX_PLACES + 1):
            if largest * 10.0**places > LARGEST_UNIT:
                break
            if all(_fit(c[:_GLANCE], places, noise) for c in known) and all(
                _fit(c, places, noise) for c in known
            ):
                return places
    raise ContractError(
        f"decimals: values up to {largest} need more than 15 digits in one unit;"
        " wanted a vendor's decimal text; look for a broken price or size in the cleaned feed"
    )


def places_within_reach(*columns: Floats) -> int:
    """As `decimal_places`; of values that were computed rather than written as decimals, the most places
    whose sums over a day still fit. They are then off by less than 1e-13 of the largest.
    """
    try:
        return decimal_places(*columns)
    except ContractError:
        largest = max(float(np.abs(c[np.isfinite(c)]).max(initial=0.0)) for c in columns)
        places = (p for p in range(MAX_PLACES, 0, -1) if largest * 10.0**p <= _ROOM_FOR_SUMS)
        return next(places, 0)


def _fit(values: Floats, places: int, noise: float) -> bool:
    """Whether all of the finite values are decimals of so many places, up to that relative noise."""
    scale = 10.0**places
    for x in _blocks(values):
        off = np.rint(x * scale) / scale - x
        if off.any() and not np.all(np.abs(off) <= noise * np.abs(x)):
            return False
    return True


def _finite(values: Floats) -> Floats:
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _blocks(values: Floats) -> Iterator[Floats]:
    return (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))


def to_units(values: Floats, places: int) -> Ints:
    """Values as whole multiples of 10^-places; a null (NaN) becomes 0, so mask it yourself."""
    units = np.empty(values.shape, dtype=np.int64)
    for start, x in enumerate(_blocks(values)):
        whole = np.rint(np.where(np.isfinite(x), x, 0.0) * 10.0**places)
        units[start * _BLOCK : (start + 1) * _BLOCK] = whole
    return units


def from_units(units: Ints, places: int) -> Floats:
    """Whole multiples of 10^-places as float64: up to 2^53 the very float64 of the decimal text."""
    return units / 10.0**places


def check_sum(units: Ints, what: str, times: Ints | int = 1) -> None:
    """Make sure that no sum over any of the units, each standing so many times, leaves 64 bits.

    Raises:
        ContractError: it could.
    """
    total = float((np.abs(units) * np.asarray(times, dtype=np.float64)).sum())
    if total >= float(1 << 62):
        raise ContractError(
            f"{what}: the sum of {len(units)} values is {total:.3g} units, wanted below 2^62;"
            " look for an absurd value in the cleaned feed"
        )


def decimal_sum(values: Iterable[float]) -> float:
    """The sum of decimal numbers as the float nearest to the exact decimal sum, in any order.

    Values that need more digits than a float64 holds are summed by `math.fsum` (one rounding, at the end).
    """
    x = np.asarray(list(values), dtype=np.float64)
    try:
        places = decimal_places(x)
    except ContractError:
        return math.fsum(x)
    exact: float = sum(to_units(x, places).tolist()) / 10**places
    return exact


def lots(x: Floats) -> Floats:
    """A sum of quantities, freed of binary dust: the nearest multiple of 1e-8.

    For sums of decimals of at most eight places this is the exact decimal sum. Each value is rounded
    by itself, so that no later row can move it. Sums too large to hold eight places stay as they are.
    """
    return np.where(np.abs(x) < LARGEST_UNIT / 10**LOT_DECIMALS, np.round(x, LOT_DECIMALS), x)
