"""Builders that several test files share."""

from __future__ import annotations

from pathlib import Path

from pipeline import config
from pipeline.config import Kitchen


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
