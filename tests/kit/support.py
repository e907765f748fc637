"""Builders that several test files share."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline import storage
from pipeline.freshness import receipt
from pipeline.settings import config
from pipeline.settings.config import Kitchen


def write_config(
    root: Path, symbols: dict[str, str] | str = "{market: futures_um}", extra: str = ""
) -> Path:
    """A configuration at `root/configs/kitchen.yaml`; one symbol BTCUSDT unless several are given."""
    entries = {"BTCUSDT": symbols} if isinstance(symbols, str) else symbols
    lines = "".join(f"  {name}: {entry}\n" for name, entry in entries.items())
    path = root / "configs" / "kitchen.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "paths: {raw: data/raw, prepared: data/prepared, snapshots: snapshots}\n"
        f"symbols:\n{lines}{extra}"
    )
    return path


def kitchen_at(root: Path, symbols: dict[str, str] | str = "{market: futures_um}") -> Kitchen:
    """The checked configuration of a root made by `write_config`."""
    config._load.cache_clear()
    return config._load(write_config(root, symbols))


def forget_receipt(folder: Path, unit: str) -> None:
    """Takes a unit's receipt out of those of its folder."""
    kept = storage.read_json(folder / receipt.FILE)
    del kept[unit]
    storage.write_json(folder / receipt.FILE, kept)


def luigi(root: Path, *arguments: str, cwd: Path | None = None, **environment: str) -> Run:
    """Runs `luigi --module pipeline ...` with the configuration of a root, as a user would."""
    kept = {name: it for name, it in os.environ.items() if name != "LUIGI_CONFIG_PATH"}
    own = {"KITCHEN_CONFIG": str(root / "configs" / "kitchen.yaml")}
    return subprocess.run(
        [sys.executable, "-m", "luigi", "--module", "pipeline", *arguments],
        cwd=cwd or root,
        env={**kept, **own, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def task_id(root: Path, family: str, day: dt.date) -> str:
    """By which name luigid knows a root's task of a date."""
    asked = f"import datetime; from pipeline.tasks.day import {family}; print({family}(date={day!r}).task_id)"
    return subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs" / "kitchen.yaml")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


Run = subprocess.CompletedProcess[str]


def btcusdt_raw(root: Path, real_data: Path, market: str = "futures_um") -> Path:
    """A root with the real BTCUSDT day of 2025-01-02: klines of a market, ATAS bars of the perpetual."""
    write_config(root, f"{{market: {market}}}")
    raw, source = root / "data" / "raw", real_data / "btcusdt-2025-01-02"
    shutil.copytree(source / "atas", raw / "atas")
    shutil.copytree(source / "binance" / market, raw / "binance" / market)
    return root


def xrpeth_raw(root: Path, real_data: Path, *, live: bool = False, ticks: bool = True) -> Path:
    """A root with the real XRPETH days of 2019-10-11 and 12, without the exchange's own trades."""
    write_config(root, {"XRPETH": "{market: spot}"})
    raw, source = root / "data" / "raw", real_data / "xrpeth-2019-10"
    no_trades = shutil.ignore_patterns("*rades-*")
    shutil.copytree(source / "binance" / "spot", raw / "binance" / "spot", ignore=no_trades)
    bars = "atas-live" if live else "atas"
    shutil.copytree(source / bars / "bars_1m", raw / "atas" / "bars_1m")
    if ticks:
        shutil.copytree(source / "atas" / "ticks", raw / "atas" / "ticks")
    return root


def stat_tree(root: Path) -> dict[str, tuple[int, int, int]]:
    """Inode, size and mtime of everything below a folder."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found[path.relative_to(root).as_posix()] = (
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
        )
    return found
