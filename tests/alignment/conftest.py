"""Real days of both vendors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kit.minute_tables import bar_table, kline_table


@pytest.fixture(scope="session")
def btc(real_data: Path) -> dict[str, pa.Table]:
    """BTCUSDT, 2025-01-02: both archives and both exports of the perpetual."""
    root = real_data / "btcusdt-2025-01-02"
    archive = "BTCUSDT-1m-2025-01-02.zip"
    return {
        "futures": kline_table(root / "binance/futures_um" / archive),
        "spot": kline_table(root / "binance/spot" / archive),
        "bars": bar_table(root / "atas/bars_1m/BTCUSDT/date=2025-01-02/bars_1m.jsonl"),
        "v6_3": bar_table(root / "atas/v6_3/BTCUSDT/date=2025-01-02/bar_20250102.jsonl"),
    }


@pytest.fixture(scope="session", params=["2019-10-11", "2019-10-12"])
def xrp(request: pytest.FixtureRequest, real_data: Path) -> dict[str, Any]:
    """XRPETH, a thin market: klines, the live export, finished bars and v6.3."""
    day = request.param
    root = real_data / "xrpeth-2019-10"
    return {
        "day": day,
        "klines": kline_table(root / f"binance/spot/XRPETH-1m-{day}.zip"),
        "live": bar_table(root / f"atas-live/bars_1m/XRPETH/date={day}/bars_1m.jsonl"),
        "bars": bar_table(root / f"atas/bars_1m/XRPETH/date={day}/bars_1m.jsonl"),
        "v6_3": bar_table(root / f"atas/v6_3/XRPETH/date={day}/bar_{day.replace('-', '')}.jsonl"),
    }
