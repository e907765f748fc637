"""What a contract of COIN-M is worth, from the exchange's contract specifications."""

from __future__ import annotations

_BTC_USD, _OTHER_USD = 100, 10

CONTRACT_SIZES = (_BTC_USD, _OTHER_USD)
"""Every size, in USD."""


def contract_usd(vendor_symbol: str) -> int:
    """What a contract of the exchange's symbol is worth in dollars."""
    return _BTC_USD if vendor_symbol.startswith("BTC") else _OTHER_USD
