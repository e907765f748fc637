"""Each setting decides results or does not, and both who compare and who vouch know which."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from kit.support import kitchen_at
from pipeline.freshness import fingerprint, stamp
from pipeline.freshness.graph import Node, Unit
from pipeline.model.feeds import FEEDS
from pipeline.model.limits import Limits
from pipeline.settings.config import Kitchen, Symbol
from pipeline.settings.sources import Stamps
from pipeline.stages import STAGES

DAY = dt.date(2025, 1, 2)
MINUTES = ("binance_1m", "atas_bars")
ZONE = {feed: Stamps(zone="Asia/Shanghai") for feed in FEEDS}
FILES = dict.fromkeys(FEEDS, ("mine/{symbol}-{date}.csv",))

COMPARED: dict[str, Any] = {
    "latency_seconds": {"binance": 7, "atas": 7},
    "prefer_atas": ("atas_ticks",),
    "prefer_delta": ("klines",),
    "prefer_fields": {"cvd_export": ("atas_v6_3",)},
    "simulated": True,
    "limits": Limits(text_bytes=1),
    "symbol.market": "spot",
    "symbol.vendor_symbol": "OTHER",
    "symbol.atas_symbol": "OTHER",
    "symbol.atas": "none",
    "symbol.stamps": ZONE,
}
"""Field -> another value: some step's declared slice has it."""

BY_FILES: dict[str, Any] = {
    "raw": Path("/elsewhere"),
    "prepared": Path("/elsewhere"),
    "snapshots": Path("/elsewhere"),
    "symbol.name": "OTHER",
    "symbol.patterns": FILES,
    "symbol.basis_against": "OTHER",
}
"""The same of fields that say which files a result is made of: their names and bytes are compared."""

NOWHERE = {
    *stamp.NOT_OF_THE_KITCHEN,
    *(f"symbol.{name}" for name in stamp.NOT_OF_A_SYMBOL),
}


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """One symbol, all defaults."""
    return kitchen_at(tmp_path)


def changed(kitchen: Kitchen, name: str, value: Any) -> Kitchen:
    """The configuration with another value of one field."""
    if not name.startswith("symbol."):
        return dataclasses.replace(kitchen, **{name: value})
    symbol = dataclasses.replace(kitchen.symbol("BTCUSDT"), **{name.removeprefix("symbol."): value})
    return dataclasses.replace(kitchen, symbols={"BTCUSDT": symbol})


def compared(kitchen: Kitchen) -> list[dict[str, str]]:
    """What all declared slices say."""
    code, libraries = dict.fromkeys(STAGES, ""), defaultdict[str, str](str)
    units = [Unit(stage, DAY, "BTCUSDT", feed) for stage in STAGES for feed in MINUTES]
    return [
        fingerprint.static_parts(kitchen, node_of(kitchen, unit), code, libraries)["config"]
        for unit in units
    ]


def node_of(kitchen: Kitchen, unit: Unit) -> Node:
    """The unit, as if nothing lay in the raw folder."""
    return Node(
        unit=unit,
        symbols=(kitchen.symbol("BTCUSDT"),),
        folder=kitchen.prepared,
        edges=(),
        raw=(),
    )


def vouched(kitchen: Kitchen) -> list[str]:
    """What a stamp says of them."""
    return stamp.Basis(kitchen, {}, {}).of(kitchen.symbols.values())


def test_every_setting_is_in_one_list() -> None:
    """A new field of the configuration has to be put where it belongs."""
    names = {field.name for field in dataclasses.fields(Kitchen)}
    names |= {f"symbol.{field.name}" for field in dataclasses.fields(Symbol)}
    lists = [*COMPARED, *BY_FILES, *NOWHERE]

    assert sorted(lists) == sorted(names)


@pytest.mark.parametrize("name", COMPARED)
def test_what_is_compared_is_vouched_for(kitchen: Kitchen, name: str) -> None:
    """Another value makes a step stale, and no stamp hides it."""
    other = changed(kitchen, name, COMPARED[name])

    assert compared(other) != compared(kitchen)
    assert vouched(other) != vouched(kitchen)


@pytest.mark.parametrize("name", BY_FILES)
def test_what_names_files_is_vouched_for(kitchen: Kitchen, name: str) -> None:
    """A stamp is no proof for other files."""
    assert vouched(changed(kitchen, name, BY_FILES[name])) != vouched(kitchen)


def test_when_a_symbol_is_expected_decides_no_result(kitchen: Kitchen) -> None:
    """Its last day costs no other day a comparison."""
    other = changed(kitchen, "symbol.until", DAY)

    assert (compared(other), vouched(other)) == (compared(kitchen), vouched(kitchen))
