"""Exports read back by the tools themselves: every bar and trade is the exchange's."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from kit import export_ground as kit
from kit import tool_venvs
from kit.export_ground import KLINE, MARKETS, Exporter
from kit.support import btcusdt_raw, luigi, write_config
from pipeline.locations import PROJECT
from pipeline.settings.config import Kitchen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ALLOW = ("--allow", "degraded")
PAIRS = {
    "BTCUSDT": "BTC/USDT:USDT",
    "BTCUSD_PERP": "BTC/USD:BTC",
    "ETHUSDT": "ETH/USDT",
    "SOLUSDT": "SOL/USDT",
    "XRPETH": "XRP/ETH",
}
IDS = {
    "BTCUSDT": "BTCUSDT-PERP.BINANCE",
    "BTCUSD_PERP": "BTCUSD-PERP.BINANCE",
    "ETHUSDT": "ETHUSDT.BINANCE",
    "SOLUSDT": "SOLUSDT.BINANCE",
    "XRPETH": "XRPETH.BINANCE",
}
XRPETH_DAYS = [dt.date(2019, 10, 11), dt.date(2019, 10, 12)]
Case = tuple[str, str]
CASES = [*(("ground", symbol) for symbol in MARKETS), ("perpetual", "BTCUSDT"), ("spot", "XRPETH")]
TAPES = [("ground", "BTCUSD_PERP"), ("spot", "XRPETH")]


@pytest.fixture(scope="session")
def venvs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tools' environments are made, unless they are kept elsewhere."""
    return tmp_path_factory.mktemp("venvs")


@pytest.fixture(scope="session")
def perpetual(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The real BTCUSDT day, published."""
    root = btcusdt_raw(tmp_path_factory.mktemp("perpetual"), real_data)
    assert luigi(root, "Snapshot", "--date", "2025-01-02").returncode == 0
    return root


@pytest.fixture(scope="session")
def spot(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Path:
    """The two real XRPETH days with the exchange's trades, published."""
    root = tmp_path_factory.mktemp("spot")
    write_config(root, {"XRPETH": "{market: spot, atas: none}"})
    shutil.copytree(real_data / "xrpeth-2019-10/binance", root / "data/raw/binance")
    for day in XRPETH_DAYS:
        assert luigi(root, "Snapshot", "--date", str(day)).returncode == 0
    return root


@pytest.fixture
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Exporter:
    """The kitchen of a case, by name."""
    kitchen = request.getfixturevalue(request.param)
    root = kitchen if isinstance(kitchen, Path) else kitchen.file.parent.parent
    return Exporter(monkeypatch, root)


def klines(exporter: Exporter, symbol: str) -> dict[int, list[float]]:
    """Open in s -> open, high, low, close, volume of every day of the exchange's archives."""
    raw, found = exporter.root / "data/raw", {}
    for day in days(symbol):
        market = "futures_um" if symbol == "BTCUSDT" else MARKETS.get(symbol, "spot")
        if (raw / f"binance/{market}/{symbol}-1m-{day}.zip").exists():
            found |= kit.klines(raw, symbol, day)
    return {opened: [row[name] for name in KLINE] for opened, row in found.items()}


def days(symbol: str) -> list[dt.date]:
    """Those that there may be of a symbol."""
    return XRPETH_DAYS if symbol == "XRPETH" else kit.DAYS


@pytest.mark.parametrize(("case", "symbol"), CASES, indirect=["case"])
def test_freqtrade_loads_every_candle(
    case: Exporter, symbol: str, tmp_path: Path, venvs: Path
) -> None:
    """And lists the pair."""
    case.made("freqtrade", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    python = tool_venvs.python_of("freqtrade", venvs)
    found = tool_venvs.read(
        python, "freqtrade", tmp_path / "read.json", tmp_path / "out", PAIRS[symbol], "1m"
    )

    rows = zip(found["rows"]["date"], *(found["rows"][name] for name in KLINE), strict=True)
    wanted = klines(case, symbol)
    assert {opened: values for opened, *values in rows} == wanted
    assert [it[:2] for it in found["available"]] == [[PAIRS[symbol], "1m"]]


@pytest.mark.parametrize(("case", "symbol"), CASES, indirect=["case"])
def test_nautilus_loads_every_bar(case: Exporter, symbol: str, tmp_path: Path, venvs: Path) -> None:
    """With its decimals, at its close."""
    case.made("nautilus", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    kind = f"{IDS[symbol]}-1-MINUTE-LAST-EXTERNAL"
    python = tool_venvs.python_of("nautilus_trader", venvs)
    found = tool_venvs.read(
        python, "nautilus", tmp_path / "read.json", tmp_path / "out", "bars", kind
    )

    rows = {
        event // 10**9 - 60: list(map(float, values)) for *values, event, known in found["rows"]
    }
    wanted = klines(case, symbol)
    assert rows == wanted
    assert all(known == event for *_, event, known in found["rows"])


@pytest.mark.parametrize(("case", "symbol"), TAPES, indirect=["case"])
def test_nautilus_loads_every_trade(
    case: Exporter, symbol: str, tmp_path: Path, venvs: Path
) -> None:
    """With its id and who took."""
    case.made("nautilus", "--trades", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    python = tool_venvs.python_of("nautilus_trader", venvs)
    found = tool_venvs.read(
        python, "nautilus", tmp_path / "read.json", tmp_path / "out", "trades", IDS[symbol]
    )

    wanted = trades(case, symbol)
    assert [
        (event, float(price), float(size), {"BUYER": 1, "SELLER": -1}[side], name)
        for price, size, side, name, event, _ in found["rows"]
    ] == wanted


@pytest.mark.parametrize(("case", "symbol"), TAPES, indirect=["case"])
def test_hftbacktest_replays_every_trade(
    case: Exporter, symbol: str, tmp_path: Path, venvs: Path
) -> None:
    """Its validator says nothing, and a backtest hands each one out again, in order."""
    case.made("hftbacktest", "--symbols", symbol, "--out", tmp_path / "out", *ALLOW)

    files = sorted((tmp_path / "out").glob("*.npz"))
    python = tool_venvs.python_of("hftbacktest", venvs)
    found = tool_venvs.read(python, "hftbacktest", tmp_path / "read.json", "1e-8", *files)

    wanted = trades(case, symbol)
    flags = {1: 1 << 29, -1: 1 << 28}
    told_by = [
        [1 << 31 | 1 << 30 | flags[side] | 2, at, at, price, size]
        for at, price, size, side, _ in wanted
    ]
    assert found["lying"] == told_by
    assert found["replayed"] == told_by


def trades(exporter: Exporter, symbol: str) -> list[tuple[int, float, float, int, str]]:
    """Those of the exchange's archives of every day, in their order."""
    raw = exporter.root / "data/raw"
    return [trade for day in days(symbol) for trade in kit.trades(raw, symbol, day)]


@pytest.mark.parametrize(("every", "freq"), [("1m", "1min"), ("5m", "5min"), ("1d", "day")])
@pytest.mark.parametrize(("case", "symbol"), CASES, indirect=["case"])
def test_qlib_loads_every_bar(
    case: Exporter, symbol: str, tmp_path: Path, venvs: Path, every: str, freq: str
) -> None:
    """As the float32 next to it, NaN where the exchange has no kline; the calendar is that of the dates."""
    case.made("qlib", "--symbols", symbol, "--interval", every, "--out", tmp_path / "out", *ALLOW)

    first, last = days(symbol)[0], days(symbol)[-1]
    python = tool_venvs.python_of("pyqlib", venvs)
    found = tool_venvs.read(
        *(python, "qlib", tmp_path / "read.json", tmp_path / "out", freq, symbol),
        *(first, f"{last} 23:59:59", *KLINE),
    )

    step = {"1m": 1, "5m": 5, "1d": 1440}[every]
    minutes = klines(case, symbol)
    calendar = [
        int(dt.datetime.fromisoformat(f"{at}+00:00").timestamp()) for at in found["calendar"]
    ]
    wanted = {begin: _bar([minutes.get(begin + i * 60) for i in range(step)]) for begin in calendar}
    opened = [
        int(dt.datetime.fromisoformat(f"{at}+00:00").timestamp())
        for at in found["rows"]["datetime"]
    ]
    assert opened == calendar
    for at, name in enumerate(KLINE):
        values = np.array([float(text) for text in found["rows"][name]])
        told_by = np.float32([wanted[begin][at] for begin in opened])
        assert np.array_equal(values, told_by.astype(float), equal_nan=True), name
    assert found["known"] == [symbol]


def _bar(minutes: list[list[float] | None]) -> list[float]:
    """Prices of the minutes that there are, the sum of all of them; NaN where one is missing."""
    there = [row for row in minutes if row is not None]
    if not there:
        return [float("nan")] * 5
    volume = (
        kit.exact_sum([row[4] for row in there]) if len(there) == len(minutes) else float("nan")
    )
    high, low = max(row[1] for row in there), min(row[2] for row in there)
    return [there[0][0], high, low, there[-1][3], volume]


def test_the_python_of_the_page_runs(
    ground: Kitchen, exporter: Exporter, tmp_path: Path, venvs: Path
) -> None:
    """docs/exporting.md: each block by the tool's own Python, where its commands were run."""
    page = (PROJECT / "docs/exporting.md").read_text()
    for command in re.findall(r"```sh\n(.*?)```", page, re.S)[0].splitlines():
        exporter.monkeypatch.chdir(tmp_path)
        assert exporter.run(*command.split()[2:]).exit_code == 0

    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    checks = (
        "assert len(candles) == 1440",
        "assert len(bars) == 1440 and len(trades) > 1000",
        "assert len(events) > 1000",
        "    assert len(frame) == 1440",
    )
    for package, block, check in zip(tool_venvs.VERSIONS, blocks, checks, strict=True):
        python = tool_venvs.python_of(package, venvs)
        (tmp_path / "block.py").write_text(f"{block}{check}\n")
        done = tool_venvs.run(python, "block.py", cwd=tmp_path)
        assert done.returncode == 0, f"{package}: {done.stderr[-2000:]}"


def test_the_page_names_the_versions() -> None:
    """Those that these tests install."""
    page = (PROJECT / "docs/exporting.md").read_text()

    assert all(f"| {version} |" in page for version in tool_venvs.VERSIONS.values())
