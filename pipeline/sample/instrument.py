"""What a simulated symbol looks like: its tick size, lot size, price level and usual trade.

Belongs here: a few well-known symbols as they are, and a sensible one for any other name.
Does not belong here: how its price moves (`daily.py`, `tape.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.sample.draws import below

_USUAL_TRADE_QUOTE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A symbol in integers: prices count ticks of 10^-price_decimals, quantities lots of 10^-qty_decimals."""

    symbol: str
    price_decimals: int
    qty_decimals: int
    level_ticks: int

    @property
    def usual_lots(self) -> int:
        """The scale of a trade's size in lots: what about 500 quote units buy, one lot at least."""
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
    ticks, decimals = (int(x) for x in below(1 << 40, 2, "instrument", symbol))
    level, price_decimals = 20_000 + ticks % 380_000, 1 + decimals % 5
    whole_digits = len(str(level // 10**price_decimals))
    return Instrument(
        symbol=symbol,
        price_decimals=price_decimals,
        qty_decimals=min(3, whole_digits - 1),
        level_ticks=level,
    )
