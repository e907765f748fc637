"""What a simulated symbol looks like: its tick size, lot size, price level and usual trade.

Belongs here: a few well-known symbols as they are, and a sensible one for any other name.
Does not belong here: how its price moves (`daily.py`, `tape.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from pipeline.sample.draws import below
from pipeline.tables.arrays import Ints

_USUAL_TRADE_QUOTE = 500
_INVERSE = re.compile(r"(.+)USD_(PERP|[0-9]{6})")
"""A name of COIN-M: settled in the coin, counted in contracts of so many dollars."""

_CONTRACT_USD = {"BTC": 100}
_OTHER_CONTRACT_USD = 10
_BASE_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A symbol in integers: prices count ticks of 10^-price_decimals, quantities lots of 10^-qty_decimals.

    Of COIN-M a lot is a contract of `contract_usd`, elsewhere 0.
    """

    symbol: str
    price_decimals: int
    qty_decimals: int
    level_ticks: int
    contract_usd: int = 0

    @property
    def quote_digits(self) -> int:
        """How many digits behind the point `amounts` count."""
        return _BASE_DIGITS if self.contract_usd else self.price_decimals + self.qty_decimals

    def amounts(self, price_ticks: Ints, lots: Ints) -> Ints:
        """What such trades are worth: in ticks x lots, of COIN-M in the coin, rounded."""
        if not self.contract_usd:
            return price_ticks * lots
        half = 10 ** (_BASE_DIGITS // 2)
        whole, rest = np.divmod(
            lots * (self.contract_usd * 10**self.price_decimals * half), price_ticks
        )
        return np.asarray(whole * half + (2 * rest * half + price_ticks) // (2 * price_ticks))

    @property
    def usual_lots(self) -> int:
        """The scale of a trade's size in lots: what about 500 quote units buy, one lot at least."""
        if self.contract_usd:
            return _USUAL_TRADE_QUOTE // self.contract_usd
        scale = int(10 ** (self.price_decimals + self.qty_decimals))
        return max(1, _USUAL_TRADE_QUOTE * scale // self.level_ticks)


_KNOWN = {
    "BTCUSDT": Instrument(symbol="BTCUSDT", price_decimals=1, qty_decimals=3, level_ticks=950_000),
    "ETHUSDT": Instrument(symbol="ETHUSDT", price_decimals=2, qty_decimals=3, level_ticks=340_000),
    "SOLUSDT": Instrument(symbol="SOLUSDT", price_decimals=2, qty_decimals=2, level_ticks=19_000),
}


def instrument_of(symbol: str) -> Instrument:
    """The instrument of a name: a known one, else one drawn from the name alone (0.2 to 40 000 quote units).

    Price and quantity decimals add up to 8 at most, so that quote amounts are exact in archives.
    """
    if symbol in _KNOWN:
        return _KNOWN[symbol]
    inverse = _INVERSE.fullmatch(symbol)
    if inverse is not None:
        usd = _CONTRACT_USD.get(inverse[1], _OTHER_CONTRACT_USD)
        coin = instrument_of(f"{inverse[1]}USDT")
        return replace(coin, symbol=symbol, qty_decimals=0, contract_usd=usd)
    ticks, decimals = (int(x) for x in below(1 << 40, 2, "instrument", symbol))
    level, price_decimals = 20_000 + ticks % 380_000, 1 + decimals % 5
    whole_digits = len(str(level // 10**price_decimals))
    return Instrument(
        symbol=symbol,
        price_decimals=price_decimals,
        qty_decimals=min(3, whole_digits - 1),
        level_ticks=level,
    )
