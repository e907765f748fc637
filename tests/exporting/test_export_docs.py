"""What docs/exporting.md says can be done as it stands there; its Python runs where the tools are."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.export_ground import Exporter
from pipeline.exporting.receipt import Receipt, SymbolEntry
from pipeline.exporting.tool import INTERVALS
from pipeline.exporting.tools import TOOLS
from pipeline.locations import PROJECT

PAGE = (PROJECT / "docs/exporting.md").read_text()


def commands() -> list[str]:
    """The page's own."""
    return re.findall(r"```sh\n(.*?)```", PAGE, re.S)[0].splitlines()


def test_its_commands_run(exporter: Exporter, tmp_path: Path) -> None:
    """In its order, each tool at least once; and the paths that it names come of them."""
    environ = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KITCHEN_CONFIG": str(exporter.root / "configs/kitchen.yaml"),
    }
    for command in commands():
        done = subprocess.run(
            command.split(), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"

    assert {command.split()[2] for command in commands()} == set(TOOLS)
    for path in (
        "user_data/data/binance/futures/BTC_USDT_USDT-1m-futures.feather",
        "catalog/data/bar/BTCUSDT-PERP.BINANCE-1-MINUTE-LAST-EXTERNAL",
        "catalog/data/trade_tick/BTCUSDT-PERP.BINANCE",
        "events/BTCUSDT_20250102.npz",
        "qlib_1m/features/btcusdt/close.1min.bin",
        "bars_5m/BTCUSDT.parquet",
        "user_data/data/binance/_export-freqtrade-1m.json",
        "catalog/_export-nautilus-trades.json",
    ):
        assert (tmp_path / path).exists(), path


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq here")
def test_its_check_finds_a_file_that_changed(exporter: Exporter, tmp_path: Path) -> None:
    """And says nothing against those that did not."""
    exporter.made("nautilus", "--symbols", "SOLUSDT", "--out", tmp_path / "catalog")
    check = re.findall(r"```sh\n(.*?)```", PAGE, re.S)[1]
    good = subprocess.run(check, shell=True, cwd=tmp_path, capture_output=True, check=False)  # noqa: S602
    (file,) = (tmp_path / "catalog").rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1])

    bad = subprocess.run(check, shell=True, cwd=tmp_path, capture_output=True, check=False)  # noqa: S602

    assert (good.returncode, bad.returncode) == (0, 1)


def test_it_names_every_key_and_interval() -> None:
    """Of the receipt and of a symbol in it."""
    for name in (*Receipt.__struct_fields__, *SymbolEntry.__struct_fields__, *INTERVALS):
        assert re.search(rf"`{name}(\.\w+)?`", PAGE), name


def test_its_python_is_python() -> None:
    """One block a tool; the tools' own environments run them, see the tests that read back."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)

    assert len(blocks) == 4
    assert all(ast.parse(block).body for block in blocks)
