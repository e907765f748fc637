"""One line of a tape: its fields with their types, and what each may say.

Belongs here: what both readers of a tape share, the strict one (`ticks.py`), which judges a line at a
time, and the one by columns (`tick_columns.py`), which judges each distinct word once.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from pipeline.clock import parse_instant

SIDES = {"buy": 1, "sell": -1}
_SIDELESS = ("between", "unknown", "")

UNKNOWN_WORD = "other"
"""What no exporter writes as a side: the line was damaged there."""


class Tick(msgspec.Struct, gc=False):
    """One line. What a version does not have is null."""

    ts: str
    price: float | None = None
    qty: float | None = None
    side: str | None = None
    symbol: str | None = None
    exchange: str | None = None
    best_bid: float | None = None
    best_ask: float | None = None
    bid_volume: float | None = None
    ask_volume: float | None = None
    trade_id: str | int | None = None


def side_sign(side: str | None) -> int | None:
    """+1 for a buy, -1 for a sell in either spelling, else None."""
    return SIDES.get((side or "").lower())


def side_word(side: str | None) -> str:
    """The side as the ledger counts it, or `UNKNOWN_WORD`."""
    word = (side or "").lower()
    return word if word in SIDES or word in _SIDELESS else UNKNOWN_WORD


def id_text(trade_id: str | int | None) -> str | None:
    """The trade's id as text; an empty one is none."""
    return None if trade_id in (None, "") else str(trade_id)


@lru_cache(maxsize=1024)
def plain_symbol(symbol: str) -> str:
    """As the exporters write a symbol into a path."""
    return symbol.replace("/", "_").replace(" ", "_").upper()


@lru_cache(maxsize=1024)
def second_us(text: str) -> int:
    """The instant of a text `YYYY-MM-DDTHH:MM:SS`.

    Raises:
        ValueError: not such text, or a field out of range.
    """
    return parse_instant(text + "Z")[0]


def tick_instant(text: str) -> int:
    """As `clock.parse_instant`; the exporters' own form takes a short cut, second by second.

    Raises:
        ValueError: not an instant.
    """
    digits = text[20:27]
    usual = len(text) == 28 and text[27] == "Z" and text[19] == "."
    if usual and digits.isascii() and digits.isdigit():
        return second_us(text[:19]) + int(digits[:6])
    return parse_instant(text)[0]
