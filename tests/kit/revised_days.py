"""Two published days of a symbol, the later one revised: six closes of its klines became other ones."""

from __future__ import annotations

import datetime as dt
import hashlib
import zipfile
from pathlib import Path

from kit.support import kitchen_at
from pipeline import layout
from pipeline.freshness.check import Freshness
from pipeline.freshness.graph import Unit
from pipeline.sample.generate import SampleRequest, write_sample
from pipeline.settings.config import Kitchen
from pipeline.tasks import job

SYMBOL = "BTCUSDT"
FIRST, REVISED = dt.date(2025, 1, 2), dt.date(2025, 1, 3)
MINUTES = range(600, 606)
"""Those whose close is another one."""


def revised_days(root: Path) -> Kitchen:
    """Builds and publishes them, and the later one again with closes that ATAS does not know."""
    made = kitchen_at(root, {SYMBOL: "{market: futures_um}"})
    write_sample(
        SampleRequest(out=made.raw, first=FIRST, days=2, symbols=(SYMBOL,), trades_per_day=20_000)
    )
    _publish(made, FIRST)
    _publish(made, REVISED)
    other_closes(next(made.raw.rglob(f"{SYMBOL}-1m-{REVISED}.zip")))
    _publish(made, REVISED)
    return made


def other_closes(archive: Path) -> None:
    """Closes at the other end of their minute's range, from now on, and the digest that goes with them."""
    with zipfile.ZipFile(archive) as kept:
        (name,) = kept.namelist()
        rows = kept.read(name).decode().splitlines()
    head = 0 if rows[0][0].isdigit() else 1
    for minute in MINUTES:
        cells = rows[head + minute].split(",")
        high, low, close = cells[2:5]
        cells[4] = low if close == high else high
        rows[head + minute] = ",".join(cells)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(name, "\n".join(rows) + "\n")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.CHECKSUM").write_text(f"{digest}  {archive.name}\n")


def _publish(made: Kitchen, day: dt.date) -> None:
    layout.forget_listings()
    job.build(Freshness(made), Unit("Snapshot", day))
