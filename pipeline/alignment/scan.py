"""Two feeds laid over each other at every lag within +-15 h.

Belongs here: correlations and equal prices by lag. Does not belong here: which lag is believed
(`evidence.py`).

A lag is o = true minute open - stamped time (`contract` 7.2): the vendor's stamp s tells of minute s + o.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.alignment.dense import SCAN_MINUTES, Dense
from pipeline.tables.arrays import Floats, Ints

_PAIRS = 1 << 18
"""So many pairs of places stand in memory at once, or as many as one place has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LagScan:
    """By lag, rising: `common` traded minutes, those with all four prices equal, rank correlations.

    `n` counts the minutes in which both feeds have a change; correlations are NaN where one of the two
    does not vary.
    """

    lags: Ints
    common: Ints
    equal: Ints
    n: Ints
    rho_return: Floats
    rho_volume: Floats

    @property
    def exact_share(self) -> Floats:
        """Share of the common minutes with all four prices equal; 0 without common minutes."""
        return self.equal / np.maximum(self.common, 1)

    def at(self, lag: int) -> int:
        """The position of a lag."""
        return int(lag - self.lags[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A feed laid over the exchange's minutes: its axis, price ids and scan."""

    vendor: Dense
    same_price: Ints
    scan: LagScan


def scan(
    vendor: Dense, klines: Dense, same_price: Ints, base: int = 0, *, volumes: bool = True
) -> LagScan:
    """Compare at every lag.

    Args:
        vendor: `SCAN_MINUTES` places longer than `klines` on either side.
        klines: the exchange's minutes, the day's or a part of it.
        same_price: price ids of the vendor's places, then of the klines' (see `price_ids`).
        base: offset in minutes already taken off the vendor's stamps; it is added to the lags.
        volumes: without them their correlations are NaN.
    """
    split = len(vendor.present)
    common, n, *ranked = _slide(*(_series(feed, volumes) for feed in (vendor, klines)))
    unknown = np.full(len(n), np.nan)
    return LagScan(
        lags=np.arange(-SCAN_MINUTES, SCAN_MINUTES + 1) + base,
        common=common,
        equal=_equal_by_lag(same_price[:split], same_price[split:]),
        n=n,
        rho_return=_correlation(n, *ranked[:5]),
        rho_volume=_correlation(n, *ranked[5:]) if volumes else unknown,
    )


def price_ids(vendor: Dense, klines: Dense, places: int, off_tick_max: float) -> Ints:
    """One number for each distinct (open, high, low, close), vendor's places first, then klines'.

    Prices are rounded to the decimal tick; a vendor's price farther from it than `off_tick_max` ticks,
    and a place without a bar, equal nothing.
    """
    scaled = np.concatenate([vendor.prices, klines.prices], axis=1) * 10.0**places
    present = np.concatenate([vendor.present, klines.present])
    ticks = np.rint(np.where(present, scaled, 0.0))
    on_tick = present & np.all(
        np.abs(np.where(present, scaled, 0.0) - ticks) <= off_tick_max, axis=0
    )
    _, ids = np.unique(ticks, axis=1, return_inverse=True)
    ids = ids.ravel().astype(np.int64)
    split = len(vendor.present)
    ids[:split][~on_tick[:split]] = -1
    ids[split:][~on_tick[split:]] = -2
    return ids


def _series(feed: Dense, volumes: bool) -> Floats:
    """What is slid over each other: traded and changed minutes, ranks of the changes and their squares."""
    ranked = (feed.returns, feed.volumes) if volumes else (feed.returns,)
    squared = (x for rank in ranked for x in (rank, rank * rank))
    return np.array([feed.present, feed.changes, *squared], dtype=np.float64)


_SLID = [
    (0, 0),
    (1, 1),
    *((x, y) for r in (2, 4) for x, y in ((r, 1), (1, r), (r + 1, 1), (1, r + 1), (r, r))),
]
"""Whose products are summed at every lag, as positions among `_series` of the vendor and of the exchange."""


def _slide(vendor: Floats, klines: Floats) -> Ints:
    """Sums of the products of `_SLID` at every lag, rising: whole numbers, by way of their spectra.

    They are below 2e10, which leaves an error below 1e-3 before the rounding: each sum is exact.
    """
    places = 1 << (vendor.shape[1] - 1).bit_length()
    one, other = np.fft.rfft(vendor, places), np.conj(np.fft.rfft(klines, places))
    of, by = zip(*(pair for pair in _SLID if max(pair) < len(vendor)), strict=True)
    sums = np.fft.irfft(one[list(of)] * other[list(by)], places)
    lags = vendor.shape[1] - klines.shape[1] + 1
    rising: Ints = np.rint(sums[:, :lags])[:, ::-1].astype(np.int64)
    return rising


def _equal_by_lag(vendor: Ints, klines: Ints) -> Ints:
    """How many places have equal ids at every lag, rising: each pair of equal places counts at its own.

    A market that stands still has millions of pairs: they are counted some at a time.
    """
    order = np.argsort(vendor, kind="stable")
    first, end = (vendor[order].searchsorted(klines, side) for side in ("left", "right"))
    counts, lags = end - first, len(vendor) - len(klines) + 1
    found = np.zeros(lags, dtype=np.int64)
    portion = np.cumsum(counts) // _PAIRS
    for places in np.split(np.arange(len(klines)), np.flatnonzero(np.diff(portion)) + 1):
        n = counts[places]
        one_of_pair = np.repeat(first[places] - np.cumsum(n) + n, n) + np.arange(n.sum())
        at = order[one_of_pair] - np.repeat(places, n)
        found += np.bincount(at[(at >= 0) & (at < lags)], minlength=lags)
    return found[::-1]


def _correlation(n: Ints, x: Ints, y: Ints, xx: Ints, yy: Ints, xy: Ints) -> Floats:
    """Pearson correlation of the ranks over the `n` places that both know, from whole sums."""
    spread_x, spread_y, together = n * xx - x * x, n * yy - y * y, n * xy - x * y
    scale = np.sqrt(spread_x.astype(np.float64)) * np.sqrt(spread_y.astype(np.float64))
    return np.where(scale > 0, together / np.where(scale > 0, scale, 1.0), np.nan)
