"""The exchange's own columns held against each other: what volume, quote volume, trades and prices must say.

Belongs here: pure findings on the rows of one file. What becomes of a row or a file is `rows.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from pipeline.tables.arrays import Floats

_COLUMNS = (
    *("low", "high", "volume", "quote_volume", "trades"),
    *("taker_buy_volume", "taker_buy_quote_volume"),
)
_MOST_PLACES = 15
_SECOND_US = 1_000_000
_FEW_UNITS = 2


class Row(Protocol):
    """What is looked at of a kline: base volume, quote volume, None where the file has no such column."""

    @property
    def low(self) -> float: ...  # noqa: D102 - named as it is
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def volume(self) -> float: ...  # noqa: D102
    @property
    def quote_volume(self) -> float | None: ...  # noqa: D102
    @property
    def trades(self) -> int | None: ...  # noqa: D102
    @property
    def taker_buy_volume(self) -> float | None: ...  # noqa: D102
    @property
    def taker_buy_quote_volume(self) -> float | None: ...  # noqa: D102


def disagreements(
    rows: Sequence[Row], rules: Mapping[str, float], *, rounded: bool = False
) -> dict[int, str]:
    """Position of each row whose columns contradict each other -> how, in words.

    quote_volume / volume is a price of the minute, and so is that of what takers bought: it lies between low
    and high, but that the last digit which the file writes may be rounded or cut. Trades are there where, and
    only where, volume is.

    Args:
        rows: of one file, each finite and with prices above 0.
        rules: `record` of CONTROL.
        rounded: people wrote the file: where its volumes are as small as its last digit, 0 may be a volume.
    """
    share = rules["written_share_min"]
    columns = {name: _floats(rows, name) for name in _COLUMNS}
    volume, quote, trades = (columns[name] for name in ("volume", "quote_volume", "trades"))
    no_price = _no_price(columns, "volume", "quote_volume", rules)
    no_taker = _no_price(columns, "taker_buy_volume", "taker_buy_quote_volume", rules)
    no_price |= (quote > 0) & (volume == 0) & (trades == 0)
    rounded_off = (volume == 0) & ((quote > 0) | (rounded and _rounds_to_zero(volume, share)))
    no_trade = ((trades > 0) != (volume > 0)) & ~np.isnan(trades) & ~rounded_off
    taker = ("taker_buy_volume", "taker_buy_quote_volume")
    words = {at: _words(rows[at], *taker) for at in np.flatnonzero(no_taker).tolist()}
    words |= {at: _no_trade_words(rows[at]) for at in np.flatnonzero(no_trade).tolist()}
    total = ("volume", "quote_volume")
    return words | {at: _words(rows[at], *total) for at in np.flatnonzero(no_price).tolist()}


def moving_without_volume(
    rows: Sequence[Row], rules: Mapping[str, float], *, rounded: bool = False
) -> dict[int, str]:
    """Position of each row whose price moves although nothing was traded -> its words.

    One such row may be the exchange's own fault; a file of them has prices that nobody traded at. `rounded`
    as in `disagreements`: then rows without a number of trades tell nothing.
    """
    unknown = rounded and _rounds_to_zero(_floats(rows, "volume"), rules["written_share_min"])
    return {
        at: f"volume 0 and prices from {row.low} to {row.high}; wanted one price without a trade"
        for at, row in enumerate(rows)
        if row.volume == 0 and row.high > row.low and not row.quote_volume
        if row.trades == 0 or (row.trades is None and not unknown)
    }


def _no_price(
    columns: Mapping[str, Floats], amount: str, value: str, rules: Mapping[str, float]
) -> np.ndarray:
    """Rows in which value / amount is no price from low to high."""
    low, high, volume, quote = (columns[name] for name in ("low", "high", amount, value))
    price, lot, cent = (
        _unit(column, rules["written_share_min"])
        for column in (np.concatenate([low, high]), volume, quote)
    )
    loose = rules["price_tolerance"]
    least = np.maximum(low - price / 2, 0) * np.maximum(volume - lot / 2, 0) * (1 - loose) - cent
    most = (high + price) * (volume + lot) * (1 + loose) + cent / 2
    outside: np.ndarray = (quote < least) | (quote > most)
    return outside


def _rounds_to_zero(volume: Floats, share: float) -> bool:
    """Whether volumes are written so coarsely that the least are a unit or two: a 0 may be less than one."""
    traded = volume[volume > 0]
    return bool(traded.size) and float(traded.min()) <= _FEW_UNITS * _unit(volume, share)


class Intervals:
    """How far apart the rows of a file open, and how long they last."""

    def __init__(self) -> None:
        self._apart: Counter[int] = Counter()
        self._lengths: Counter[int] = Counter()
        self._before: int | None = None

    def add(self, opened: int, lasts: int | None) -> None:
        """The next row: its open, and its length in us where the file says so."""
        if self._before not in (None, opened):
            self._apart[abs(opened - (self._before or 0))] += 1
        self._before = opened
        if lasts is not None:
            self._lengths[lasts] += 1

    def other_than(self, step: int, rules: Mapping[str, float]) -> str | None:
        """Why these are klines of another length than `step` in us; None where they are not.

        Args:
            step: The wanted length in us.
            rules: `record` of CONTROL.
        """
        apart, often = _usual(self._apart)
        total = self._apart.total()
        many = often > rules["spacing_share_min"] * total
        if total >= rules["rows_min"] and apart != step and many:
            return (
                f"its rows lie {_seconds(apart)} s apart ({often} of {total} times);"
                f" wanted {_seconds(step)} s: these are klines of another interval"
            )
        lasts, often = _usual(self._lengths)
        if lasts > step and often > rules["spacing_share_min"] * self._lengths.total():
            return (
                f"its rows are {_seconds(lasts)} s long ({often} of {self._lengths.total()});"
                f" wanted {_seconds(step)} s: these are klines of another interval"
            )
        return None


def _usual(counts: Counter[int]) -> tuple[int, int]:
    return min(counts.items(), key=lambda entry: (-entry[1], entry[0]), default=(0, 0))


def _seconds(us: int) -> str:
    return f"{us / _SECOND_US:.10g}"


def _no_trade_words(row: Row) -> str:
    return (
        f"{row.trades} trades and volume {row.volume}; wanted trades where there is volume,"
        " and nowhere else"
    )


def _words(row: Row, amount: str, value: str) -> str:
    volume, quote = getattr(row, amount), getattr(row, value)
    if not volume:
        return f"{value} {quote} without {amount}; wanted none"
    return (
        f"{value} {quote} / {amount} {volume} = {quote / volume:.10g}; wanted a price from low {row.low}"
        f" to high {row.high}"
    )


def _floats(rows: Sequence[Row], name: str) -> Floats:
    """A column as float64, None as NaN, which no comparison holds for."""
    return np.array([getattr(row, name) for row in rows], dtype=np.float64)


def _unit(values: Floats, share: float) -> float:
    """One unit of the last decimal that such a share of the values is written within; 0 beyond 15."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for places in range(_MOST_PLACES):
            written = np.rint(known * 10.0**places) / 10.0**places == known
            if np.count_nonzero(written) >= share * known.size:
                return float(10.0**-places)
    return 0.0
