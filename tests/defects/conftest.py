"""The real days that damage is done to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.real_exports import THIN_BARS


@pytest.fixture(scope="session")
def raw_days(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> dict[str, Path]:
    """Symbol -> the raw folder of its real day."""
    folders = {name: tmp_path_factory.mktemp(name) / "raw" for name in ("BTCUSDT", "XRPETH")}
    shutil.copytree(real_data / "btcusdt-2025-01-02/atas", folders["BTCUSDT"] / "atas")
    shutil.copytree(real_data / "btcusdt-2025-01-02/binance", folders["BTCUSDT"] / "binance")
    whole = real_data / "xrpeth-2019-10"
    for feed in ("bars_1m", "v6_3", "ticks"):
        name = f"atas/{feed}/XRPETH/date=2019-10-11"
        shutil.copytree(whole / name, folders["XRPETH"] / name)
    no_trades = shutil.ignore_patterns("*rades-*")
    shutil.copytree(whole / "binance", folders["XRPETH"] / "binance", ignore=no_trades)
    bars = Path(THIN_BARS)
    shutil.copytree(whole / bars.parent, folders["BTCUSDT"] / bars.parent)
    return folders
