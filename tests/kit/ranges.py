"""Ranges of days of two symbols, built as a user builds them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import TimeoutExpired as TimeoutExpired
from typing import Any

from kit.support import write_config
from pipeline.sample.generate import SampleRequest, write_sample

KITCHEN = Path(sys.executable).with_name("kitchen")


def write_raw(out: Path, days: list[dt.date], **how: Any) -> Path:
    """Raw exports of BTCUSDT and ETHUSDT."""
    symbols = ("BTCUSDT", "ETHUSDT")
    write_sample(SampleRequest(out=out, symbols=symbols, first=days[0], days=len(days), **how))
    return out


def kitchen(root: Path, raw: Path, extra: str = "") -> Path:
    """A kitchen of its own with these exports."""
    shutil.copytree(raw, root / "data/raw")
    lines = "{market: futures_um}\n  ETHUSDT: {market: futures_um}"
    write_config(root, lines, f"simulated: true\n{extra}")
    return root


def begin(
    root: Path, days: list[dt.date], *arguments: str, **environ: str
) -> subprocess.Popen[str]:
    """`kitchen backfill` of the days, in the background."""
    scheduler = () if "--scheduler" in arguments else ("--scheduler", "local")
    span = ("--start", days[0].isoformat(), "--stop", days[-1].isoformat())
    return subprocess.Popen(
        [KITCHEN, "backfill", *span, *scheduler, *arguments],
        env={**os.environ, "KITCHEN_CONFIG": str(root / "configs/kitchen.yaml"), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(run: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """What became of it."""
    out, err = run.communicate(timeout=280)
    return subprocess.CompletedProcess(run.args, run.returncode, out, err)


def backfill(root: Path, days: list[dt.date], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`kitchen backfill` of the days, to its end."""
    return ended(begin(root, days, *arguments))


def published(root: Path) -> dict[str, bytes]:
    """Every published byte, but for the records of the runs."""
    store = root / "snapshots/.revisions"
    return {
        path.relative_to(store).as_posix(): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != "publication.json"
    }
