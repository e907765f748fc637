"""What the names of vendors' files tell: kind, interval, market, dates and whose they are.

Belongs here: names alone, of folders, files and a zip's member. What the bytes tell is `kline_peek.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_KINDS = (
    *("klines", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines", "continuousKlines"),
    *("trades", "aggTrades", "bookDepth", "bookTicker", "metrics", "fundingRate"),
    *("liquidationSnapshot", "BVOLIndex", "EOHSummary"),
)
KINDS = {kind.lower(): kind for kind in _KINDS}
"""How the public archive calls what it has, by the name in small letters."""

_PRICE_KINDS = {
    "markprice": "markPriceKlines",
    "indexprice": "indexPriceKlines",
    "premiumindex": "premiumIndexKlines",
}
INTERVALS = (
    *("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h"),
    *("1d", "3d", "1w", "1mo"),
)
_INTERVALS = {**{name.upper(): name for name in INTERVALS if name != "1m"}, "1M": "1mo"} | {
    name: name for name in INTERVALS
}
"""Spelling -> interval: `1M` is a month to some programs, `1m` a minute to all."""

_MARKETS = {
    "spot": "spot",
    **dict.fromkeys(("um", "usdm", "usd-m"), "futures_um"),
    **dict.fromkeys(("cm", "coinm", "coin-m"), "futures_cm"),
}
_DAY = re.compile(r"(?<![0-9])(20[0-9]{2})-?([01][0-9])-?([0-3][0-9])(?![0-9])")
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})-([01][0-9])(?![-0-9])")
_DELIVERY = r"(?!_PERP|_(?!20)[0-9]{6}(?![0-9]))"
"""Behind a symbol's name: with it the name is another instrument's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFacts:
    """What a name tells; None or nothing where it does not.

    Args:
        kind: As the public archive calls it, by the file's own name.
        folder_kind: By the nearest folder's.
        interval: One of `INTERVALS`.
        periods: Dates (`YYYY-MM-DD`) in order, or else one month (`YYYY-MM`).
        archive_of: The symbol of an archive's own name, `SYMBOL-1m-2025-01-02.zip`.
    """

    kind: str | None
    folder_kind: str | None
    interval: str | None
    market: str | None
    periods: tuple[str, ...]
    archive_of: str | None


def name_facts(name: str) -> NameFacts:
    """What a path below a folder tells; of two answers the file's own, then the nearest folder's."""
    folders, _, file = name.rpartition("/")
    parts = [file, *reversed(folders.split("/"))]
    whole = re.match(r"(.+?)-([A-Za-z0-9]+)-20[0-9]{2}-[01][0-9]", file)
    what = whole[2] if whole else ""
    is_archive = what in _INTERVALS or what.lower() in KINDS
    return NameFacts(
        kind=_kind(file),
        folder_kind=_first(_kind(part) for part in parts[1:]),
        interval=_first(_interval(part) for part in parts),
        market=_market(folders),
        periods=_periods(file) or _periods(name),
        archive_of=whole[1].upper() if whole and is_archive else None,
    )


def names_symbol(name: str, symbol: str) -> bool:
    """Whether a path has a symbol's name as a word of its own; a delivery behind it is another's."""
    word = rf"(?<![^\W_]){re.escape(symbol.upper())}(?![^\W_]){_DELIVERY}"
    return re.search(word, name.upper()) is not None


def _first(found: Iterable[str | None]) -> str | None:
    return next((value for value in found if value), None)


def _kind(part: str) -> str | None:
    plain = re.sub("[^a-z]", "", part.lower())
    price = next((kind for word, kind in _PRICE_KINDS.items() if word in plain), None)
    words = re.split(r"[-_. ]", part.lower())
    return price or next((KINDS[word] for word in words if word in KINDS), None)


def _interval(part: str) -> str | None:
    words = re.split(r"[-_. ]", part)
    return next((_INTERVALS[word] for word in words if word in _INTERVALS), None)


def _market(folders: str) -> str | None:
    parts = [part.removeprefix("futures_") for part in folders.lower().split("/")]
    return next((_MARKETS[part] for part in parts if part in _MARKETS), None)


def _periods(name: str) -> tuple[str, ...]:
    days = tuple(dict.fromkeys("-".join(day) for day in _DAY.findall(name)))
    month = _MONTH.search(name)
    return days or ((f"{month[1]}-{month[2]}",) if month else ())
