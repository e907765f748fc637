"""Do both feeds tell of the same instrument, and in which unit is the vendor's volume?

Belongs here: price basis, return correlation, volume ratio at a known lag. Does not belong here: the
lag itself (`evidence.py`). Prices are compared, never moved onto each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from pipeline.alignment.dense import SCAN_MINUTES, Dense
from pipeline.clock import MINUTE_US, MINUTES_PER_DAY
from pipeline.model.contract_size import CONTRACT_SIZES
from pipeline.tables import arrays
from pipeline.tables.arrays import Floats

SAME, OTHER, MULTIPLE, WRONG = "same", "other_instrument", "multiplier", "wrong"

BASE, QUOTE, CONTRACTS, UNKNOWN = "base", "quote", "contracts", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Close and volume of the common minutes, in time order; `quote` is the exchange's traded value."""

    vendor_close: Floats
    close: Floats
    vendor_volume: Floats
    volume: Floats
    quote: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What the common minutes say: basis in bps, ratios, Pearson correlation of log returns."""

    basis_median: float
    basis_mad: float
    basis_p1: float
    basis_p99: float
    price_ratio: float
    rho: float | None
    volume_ratio: float
    volume_cv: float
    quote_ratio: float | None


def pairs_at(vendor: Dense, klines: Dense, table: pa.Table, opened_us: int, shift: int) -> Pairs:
    """The common minutes when the vendor's axis is moved by `shift` minutes."""
    start = SCAN_MINUTES - shift
    part = vendor.between(start, start + MINUTES_PER_DAY)
    common = part.present & klines.present
    quote = np.full(MINUTES_PER_DAY, np.nan)
    at = (arrays.ints(table["minute_open"]) - opened_us) // MINUTE_US
    quote[at] = arrays.floats(table["quote_volume"])
    return Pairs(
        vendor_close=part.prices[3, common],
        close=klines.prices[3, common],
        vendor_volume=part.volume[common],
        volume=klines.volume[common],
        quote=quote[common],
    )


def likeness(pairs: Pairs, limits: dict[str, float]) -> Likeness | None:
    """The figures; None without a common minute.

    Args:
        pairs: the common minutes.
        limits: CONTROL's `identity`, which says which few of them are left out as odd.
    """
    if not len(pairs.close):
        return None
    pairs = _without_odd(pairs, limits)
    basis = 1e4 * np.log(pairs.vendor_close / pairs.close)
    median = float(np.median(basis))
    ratio = pairs.vendor_volume / pairs.volume
    valued = np.isfinite(pairs.quote) & (pairs.quote > 0)
    by_value = pairs.vendor_volume[valued] / pairs.quote[valued]
    return Likeness(
        basis_median=median,
        basis_mad=float(np.median(np.abs(basis - median))),
        basis_p1=float(np.quantile(basis, 0.01)),
        basis_p99=float(np.quantile(basis, 0.99)),
        price_ratio=float(np.median(pairs.vendor_close / pairs.close)),
        rho=_return_correlation(pairs),
        volume_ratio=float(np.median(ratio)),
        volume_cv=float(np.std(ratio) / np.mean(ratio)),
        quote_ratio=float(np.median(by_value)) if len(by_value) else None,
    )


def _without_odd(pairs: Pairs, limits: dict[str, float]) -> Pairs:
    """Without minutes of which one number is absurd, where these are few: they tell of no instrument."""
    basis = np.log(pairs.vendor_close / pairs.close)
    ratio = np.log(pairs.vendor_volume / pairs.volume)
    odd = 1e4 * np.abs(basis - np.median(basis)) > limits["odd_basis_bps_min"]
    odd |= np.abs(ratio - np.median(ratio)) > math.log(limits["odd_volume_factor_min"])
    if not odd.any() or odd.mean() > limits["odd_minutes_share_max"]:
        return pairs
    return Pairs(**{column.name: getattr(pairs, column.name)[~odd] for column in fields(pairs)})


def _return_correlation(pairs: Pairs) -> float | None:
    """Pearson correlation of log returns; None where one of the two does not vary."""
    x, y = (np.diff(np.log(close)) for close in (pairs.vendor_close, pairs.close))
    if len(x) < 2 or not np.any(x != x[0]) or not np.any(y != y[0]):
        return None
    return float(np.corrcoef(x, y)[0, 1])


def identify(
    found: Likeness, exact_share: float, evidence: dict[str, float], limits: dict[str, float]
) -> str:
    """`same`, `other_instrument` (perp against spot, another venue), `multiplier`, or `wrong`.

    Args:
        found: the figures at the lag.
        exact_share: share of minutes with all four prices equal.
        evidence: CONTROL's `evidence`.
        limits: CONTROL's `identity`.
    """
    if exact_share >= evidence["exact_share_min"]:
        return SAME
    moves_alike = found.rho is not None and found.rho >= limits["same_return_rho_min"]
    near = abs(found.basis_median) <= limits["basis_median_bps_max"]
    if moves_alike and near and found.basis_mad <= limits["basis_mad_bps_max"]:
        return OTHER
    if moves_alike and _power_of_ten(found.price_ratio, limits) not in (None, 0):
        return MULTIPLE
    return WRONG


def prices_apart(vendor: Dense, klines: Dense, limits: dict[str, float]) -> bool:
    """Whether the day's price ranges are farther apart than any basis allows, whatever the lag."""
    if not (vendor.present.any() and klines.present.any()):
        return False
    low, high = np.nanmin(vendor.prices), np.nanmax(vendor.prices)
    other_low, other_high = np.nanmin(klines.prices), np.nanmax(klines.prices)
    apart = max(math.log(low / other_high), math.log(other_low / high))
    return 1e4 * apart > limits["basis_median_bps_max"]


def volume_unit(found: Likeness, market: str, limits: dict[str, float]) -> tuple[str, int | None]:
    """The unit of the vendor's volume by the median ratio of volumes, and its size.

    A ratio within CONTROL's tolerance of 1 names the unit. One that varies too much names none.

    Returns:
        (`base`, 1); (`quote`, 1); (`contracts`, quote value of one) on COIN-M; (`unknown`, None).
    """
    if found.volume_cv > limits["volume_cv_max"]:
        return UNKNOWN, None
    if _power_of_ten(found.volume_ratio, limits) == 0:
        return BASE, 1
    if found.quote_ratio is None:
        return UNKNOWN, None
    if _power_of_ten(found.quote_ratio, limits) == 0:
        return QUOTE, 1
    sizes = CONTRACT_SIZES if market == "futures_cm" else ()
    fitting = [s for s in sizes if _power_of_ten(found.quote_ratio * s, limits) == 0]
    return (CONTRACTS, fitting[0]) if fitting else (UNKNOWN, None)


def _power_of_ten(ratio: float, limits: dict[str, float]) -> int | None:
    exponent = math.log10(ratio)
    nearest = round(exponent)
    return nearest if abs(exponent - nearest) <= limits["power_of_ten_tolerance"] else None
