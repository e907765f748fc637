"""How large, and how near to 0, a number of a raw row may be: CONTROL's `values`.

Belongs here: which limits each field has. Does not belong here: the limits themselves (CONTROL), and rules
between the fields of a row (`sources/`), such as which of them may be negative.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

_PRICES = (
    *("open", "high", "low", "close", "price", "best_bid", "best_ask"),
    *("poc", "vah", "val", "bar_vpo_price"),
)
_QUANTITIES = (
    *("volume", "taker_buy_volume", "qty", "base_qty", "bid_volume", "ask_volume", "open_interest"),
    *("vbuy", "vsell", "cvd", "bar_vpo_vol", "absorption_strength"),
    *("oi", "cum_bid_depth", "cum_ask_depth"),
)
_QUOTES = ("quote_volume", "taker_buy_quote_volume", "open_interest_value", "quote_qty")
_RATIOS = (
    *("bar_vpo_loc", "rate", "toptrader_accounts_ratio", "toptrader_positions_ratio"),
    *("accounts_ratio", "taker_volume_ratio"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueLimits:
    """The limits of CONTROL, both ends included; 0 is within them, and a sign does not count.

    Args:
        price_min: Below it no price is quoted.
        price_max: Above it none is.
        number_min: Any other number that is nearer to 0 than this is neither traded nor a rounding of it.
        quantity_max: Of a row, in the currency that is traded.
        quote_max: Of a row, in the currency that it is paid in.
        trades_max: Of a row.
        ratio_max: Of a share, rate or ratio.
    """

    price_min: float = 0.0
    price_max: float = math.inf
    number_min: float = 0.0
    quantity_max: float = math.inf
    quote_max: float = math.inf
    trades_max: float = math.inf
    ratio_max: float = math.inf
    within: Mapping[str, tuple[float, float]] = field(init=False, repr=False, compare=False)
    """Field -> the smallest and the largest absolute value that is not 0."""

    def __post_init__(self) -> None:
        """Knows the limits of each field."""
        found = {
            **dict.fromkeys(_PRICES, (self.price_min, self.price_max)),
            **dict.fromkeys(_QUANTITIES, (self.number_min, self.quantity_max)),
            **dict.fromkeys(_QUOTES, (self.number_min, self.quote_max)),
            **dict.fromkeys(_RATIOS, (self.number_min, self.ratio_max)),
            "trades": (1.0, self.trades_max),
        }
        object.__setattr__(self, "within", MappingProxyType(found))

    def fault(self, values: Iterable[tuple[str, float | None]]) -> str | None:
        """What is wrong with the first number that is beyond its limits, or not a number; None if none is.

        Args:
            values: Fields and their values; a null, and a field without limits, has nothing to keep.
        """
        within = self.within
        for name, value in values:
            if value and name in within:
                low, high = within[name]
                if not low <= abs(value) <= high:
                    return f"{name} is {value}; wanted 0, or {low:g} to {high:g} (CONTROL, values)"
        return None


ANY = ValueLimits()
"""Every number that is one."""

NAMES = tuple(f.name for f in fields(ValueLimits) if f.init)
"""The keys of CONTROL's `values`."""
