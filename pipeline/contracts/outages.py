"""`KNOWN_outages.yaml`: spans in which an exchange did not trade, with their sources."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path

from pipeline.clock import DAY_US, MINUTE_US, day_open_us, parse_instant
from pipeline.contracts.documents import load_checked
from pipeline.errors import ConfigError
from pipeline.model.feeds import MARKETS

_DOCUMENT = {
    "version": {"type": "integer", "required": True, "allowed": [1]},
    "outages": {
        "type": "list",
        "required": True,
        "schema": {
            "type": "dict",
            "schema": {
                "market": {"type": "string", "required": True, "allowed": list(MARKETS)},
                "start": {"type": "string", "required": True},
                "end": {"type": "string", "required": True},
                "source": {"type": "string", "required": True, "minlength": 3},
                "symbols": {"type": "list", "schema": {"type": "string"}},
            },
        },
    },
}


@lru_cache(maxsize=8)
def load(governance: Path) -> tuple[tuple[str, tuple[str, ...], int, int], ...]:
    """Every known outage: market, symbols (none means all), start and end `[start, end)` in us since 1970.

    Raises:
        ConfigError: not a valid document, or an outage that ends before it starts.
    """
    path = governance / "KNOWN_outages.yaml"
    document = load_checked(path, _DOCUMENT)
    spans = []
    for number, outage in enumerate(document["outages"]):
        try:
            start, zone_a = parse_instant(outage["start"])
            end, zone_b = parse_instant(outage["end"])
        except ValueError as error:
            raise ConfigError(f"{path}: outages.{number}: {error}") from error
        if zone_a != 0 or zone_b != 0 or not start < end:
            raise ConfigError(
                f"{path}: outages.{number}: {outage['start']} .. {outage['end']};"
                " wanted start < end, both ending in Z"
            )
        spans.append((outage["market"], tuple(outage.get("symbols", ())), start, end))
    return tuple(spans)


def outage_minutes(governance: Path, market: str, symbol: str, day: dt.date) -> frozenset[int]:
    """Minutes of the day (0..1439, by minute_open) that lie in a known outage `[start, end)`."""
    opened = day_open_us(day)
    minutes: set[int] = set()
    for its_market, symbols, start, end in load(governance):
        if its_market != market or (symbols and symbol not in symbols):
            continue
        low, high = max(start, opened), min(end, opened + DAY_US)
        minutes.update(range((low - opened) // MINUTE_US, -(-(high - opened) // MINUTE_US)))
    return frozenset(minutes)
